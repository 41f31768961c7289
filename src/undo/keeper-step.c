/* keeper-step.c - one step: its intent, the change, and the way back. */
#include "undo/keeper-step.h"

#include <errno.h>
#include <string.h>

#include "undo/claim.h"
#include "undo/revert.h"

void keeper_tell(struct keeper *k, size_t i)
{
	if (k->c.told)
		k->c.told(k->c.ctx, &k->slots[i]);
}

bool keeper_is_in(const struct keeper *k, size_t i)
{
	return k->work[i].type && (k->slots[i].phase == SLOT_INTENT ||
	                           k->slots[i].phase == SLOT_IN || k->slots[i].phase == SLOT_OUT);
}

static void slot_intend(struct keeper *k, struct slot *s, const char *base, const char *claim)
{
	if (s->phase != SLOT_IN) {
		s->landed[0] = '\0';
		s->order = k->order++;
	}
	text_copy(s->base, STATE_MAX, base);
	text_copy(s->claim, STATE_MAX, claim);
	s->note[0] = '\0';
	s->was_there = 0;
	s->phase = SLOT_INTENT;
}

/* What is there was there before, or is what a run left there. Anything else is a third party's,
 * and is not written over. */
static bool is_ours(const struct claim_file *c, const struct step_type *t, const char *now)
{
	char merged[STATE_MAX];

	return step_same(t, c->body.base, now) || step_same(t, c->body.landed, now) ||
	       (claim_merge(c, t, merged, NULL) == 0 && step_same(t, merged, now));
}

static int not_ours(const struct slot *s, struct err *err)
{
	return err_set(err, -EBUSY, "%s \"%s\" was changed by somebody else", s->type, s->object);
}

int keeper_intend(struct keeper *k, size_t i, const struct step *st, struct err *err)
{
	const struct step_type *t = k->work[i].type;
	struct slot *s = &k->slots[i];
	struct claim_file c;
	char wanted[STATE_MAX];
	BUF(now, STATE_MAX);
	int r;

	if (t->flags & STEP_IRREVERSIBLE) {
		r = step_get(t, k->c.world, &k->work[i].hold, s->object, &now, err);
		if (r < 0)
			return r;
		slot_intend(k, s, now.data, st->to);
		return undo_log_put(&k->log, i, err);
	}
	r = claim_open(&c, k->c.claims_dir, s->type, s->object, KEEPER_LOCK_WAIT_NS, err);
	if (r < 0)
		return r;
	/* under the lock: what was read before may be a fault of a run that has left since */
	r = step_get(t, k->c.world, &k->work[i].hold, s->object, &now, err);
	if (r == 0 && c.body.n == 0)
		text_copy(c.body.base, STATE_MAX, now.data);
	else if (r == 0 && !is_ours(&c, t, now.data))
		r = not_ours(s, err);
	if (r == 0) {
		text_copy(c.body.landed, STATE_MAX, now.data);
		r = claim_set(&c, k->c.run, st->to, err);
	}
	if (r == 0)
		r = claim_merge(&c, t, wanted, err);
	if (r == 0) {
		slot_intend(k, s, c.body.base, st->to);
		r = undo_log_put(&k->log, i, err);
	}
	if (r == 0)
		r = claim_save(&c, err);
	else if (!c.seq) { /* made here, for nothing */
		c.body.n = 0;
		(void)!claim_save(&c, NULL);
	}
	claim_close(&c);
	return r;
}

int keeper_apply(struct keeper *k, size_t i, struct err *err)
{
	const struct step_type *t = k->work[i].type;
	struct hold *h = &k->work[i].hold;
	struct slot *s = &k->slots[i];
	struct claim_file c = {.fd = -1};
	char wanted[STATE_MAX];
	BUF(now, STATE_MAX);
	BUF(landed, STATE_MAX);
	int r;

	text_copy(wanted, STATE_MAX, s->claim);
	if (!(t->flags & STEP_IRREVERSIBLE)) {
		r = claim_open(&c, k->c.claims_dir, s->type, s->object, KEEPER_LOCK_WAIT_NS, err);
		if (r == 0)
			r = claim_merge(&c, t, wanted, err);
		if (r < 0) {
			claim_close(&c);
			return r;
		}
	}
	r = step_get(t, k->c.world, h, s->object, &now, err);
	if (r == 0 && step_same(t, wanted, now.data)) {
		s->was_there = 1;
		buf_add(&landed, now.data);
	} else if (r == 0 && c.fd >= 0 && !is_ours(&c, t, now.data)) {
		r = not_ours(s, err);
	} else if (r == 0) {
		r = step_set(t, h, s->object, now.data, wanted, &landed, err);
	}
	if (r == 0 && c.fd >= 0) {
		text_copy(c.body.landed, STATE_MAX, landed.data);
		r = claim_save(&c, err);
	}
	claim_close(&c);
	if (r < 0)
		return r;
	text_copy(s->landed, STATE_MAX, landed.data);
	s->holder = h->holder.id;
	s->phase = t->flags & STEP_IRREVERSIBLE ? SLOT_DONE : SLOT_IN;
	r = undo_log_put(&k->log, i, err);
	if (r < 0)
		return r;
	keeper_tell(k, i);
	return 0;
}

void keeper_revert(struct keeper *k, size_t i)
{
	const struct revert rv = {k->c.world, k->c.claims_dir, k->c.run};
	struct slot *s = &k->slots[i];
	bool certain = s->phase == SLOT_IN;

	k->work[i].checked = false;
	k->work[i].unread = true;
	k->work[i].hold.applied = certain ? APPLIED : APPLIED_MAYBE;

	/* the log is written first, but a log that cannot be written must not keep the object from
	 * going back */
	s->phase = SLOT_OUT;
	(void)!undo_log_put(&k->log, i, NULL);
	if (certain)
		s->phase = SLOT_IN;
	revert_slot(&rv, k->work[i].type, &k->work[i].hold, s);
	(void)!undo_log_put(&k->log, i, NULL);
	if (s->phase != SLOT_RESIDUE) /* others may have it now */
		fd_close(&k->work[i].flag);
	keeper_tell(k, i);
}

void keeper_check_again(struct keeper *k)
{
	const struct revert rv = {k->c.world, k->c.claims_dir, k->c.run};

	for (size_t i = 0; i < UNDO_SLOTS; i++)
		if (keeper_is_in(k, i))
			return;
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		struct slot *s = &k->slots[i];

		if (!k->work[i].type || s->phase != SLOT_BACK || k->work[i].checked)
			continue;
		k->work[i].checked = true;
		if (slot_is_back(&rv, k->work[i].type, k->work[i].open ? &k->work[i].hold : NULL,
		                 s))
			continue;
		s->phase = SLOT_RESIDUE;
		slot_note(s, "was put back, but reads otherwise again");
		(void)!undo_log_put(&k->log, i, NULL);
		keeper_tell(k, i);
	}
}
