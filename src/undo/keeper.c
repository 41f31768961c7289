/* keeper.c - the only hand on the machine. */
#include "undo/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/boundary.h"
#include "undo/claim.h"
#include "undo/flag.h"
#include "undo/revert.h"

enum { LOCK_WAIT_NS = 500000000 };

static void tell(struct keeper *k, size_t i)
{
	if (k->c.told)
		k->c.told(k->c.ctx, &k->slots[i]);
}

static void work_close(struct keeper *k, size_t i)
{
	if (k->work[i].open) {
		if (k->work[i].type->close)
			k->work[i].type->close(&k->work[i].hold);
		hold_release(&k->work[i].hold);
		fd_close(&k->work[i].flag);
		k->work[i].open = false;
	}
}

static void counters_sum(struct counters *to, const struct counters *more)
{
	for (size_t i = 0; i < more->n; i++)
		counters_add(to, more->v[i].name, more->v[i].value);
}

/* What cannot be read any more counts as it was read last. */
static void meter_read(struct keeper *k, size_t i)
{
	const struct step_type *type = k->work[i].type;
	struct counters now = {.n = 0};

	if (type->meter && k->work[i].open &&
	    type->meter(&k->work[i].hold, k->slots[i].object, &now, NULL) == 0)
		k->work[i].last = now;
}

/* What is out has counted. */
static void meter_slot(struct keeper *k, size_t i)
{
	enum slot_phase phase = (enum slot_phase)k->slots[i].phase;

	if (phase != SLOT_BACK && phase != SLOT_GONE && phase != SLOT_RESIDUE)
		meter_read(k, i);
}

/* Another object has come in the place of this one. */
static void levels_drop(struct keeper *k, size_t i)
{
	struct counters *last = &k->work[i].last;

	for (const char *const *l = k->work[i].type->levels; l && *l; l++)
		for (size_t j = 0; j < last->n; j++)
			if (strcmp(last->v[j].name, *l) == 0)
				last->v[j].value = 0;
}

/* Another object, or another attack, takes the slot. */
static void meter_carry(struct keeper *k, size_t i)
{
	if (k->slots[i].plan < KEEPER_PLANS)
		counters_sum(&k->carried[k->slots[i].plan], &k->work[i].last);
	k->work[i].last = (struct counters){.n = 0};
}

static bool is_used(const struct keeper *k, size_t i)
{
	return k->work[i].type;
}

static bool is_in(const struct keeper *k, size_t i)
{
	return is_used(k, i) && (k->slots[i].phase == SLOT_INTENT || k->slots[i].phase == SLOT_IN ||
	                         k->slots[i].phase == SLOT_OUT);
}

static size_t find_used(const struct keeper *k, const char *type, const char *object)
{
	size_t i = undo_log_find(&k->log, type, object);

	return i != SIZE_MAX && is_used(k, i) ? i : SIZE_MAX;
}

static bool is_among(const struct slot *s, const struct step *steps, size_t n)
{
	for (size_t j = 0; j < n; j++)
		if (strcmp(steps[j].object, s->object) == 0 && strcmp(steps[j].type, s->type) == 0)
			return true;
	return false;
}

/* What an earlier plan of this number had opened and never changed gives its slot back: targets
 * that come and go would fill the log with it. */
static void unused_drop(struct keeper *k, uint32_t plan, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		struct slot *s = &k->slots[i];

		if (!is_used(k, i) || s->phase != SLOT_FREE || s->plan != plan ||
		    is_among(s, steps, n))
			continue;
		work_close(k, i);
		meter_carry(k, i);
		k->work[i].type = NULL;
		s->object[0] = '\0';
	}
}

/* What is out already and not in the plan any more; with nothing in its place it was the last. */
static void past_drop(struct keeper *k, uint32_t plan, const struct step *steps, size_t n)
{
	for (size_t i = 0; n > 0 && i < UNDO_SLOTS; i++)
		if (is_used(k, i) && !is_in(k, i) && k->slots[i].plan == plan &&
		    !is_among(&k->slots[i], steps, n))
			levels_drop(k, i);
}

/* Another attack of this run had the object. What that one counted stays with it; what was done
 * with, and would not be put again, is a new matter to this one. */
static void slot_take_over(struct keeper *k, size_t i, uint32_t plan)
{
	struct slot *s = &k->slots[i];

	meter_carry(k, i);
	s->plan = plan;
	if (s->phase == SLOT_DONE || s->phase == SLOT_GONE)
		s->phase = SLOT_FREE;
}

/* The slot of this step, its object opened. */
static int work_open(struct keeper *k, uint32_t plan, const struct step *s, size_t *at,
                     struct err *err)
{
	const struct step_type *type = k->c.type_find(s->type);
	size_t i = find_used(k, s->type, s->object);
	bool taken_over = i != SIZE_MAX && k->slots[i].plan != plan;
	struct hold *h;
	int r;

	if (!type)
		return err_set(err, -ENOENT, "there is no step type \"%s\"", s->type);
	if (taken_over && is_in(k, i))
		return err_set(err, -EBUSY, "%s \"%s\" is changed by another attack of this run",
		               s->type, s->object);
	if (i == SIZE_MAX) {
		for (i = 0; i < UNDO_SLOTS && is_used(k, i); i++)
			;
		if (i == UNDO_SLOTS)
			i = undo_log_free_slot(&k->log);
		if (i == SIZE_MAX)
			return err_hint(err,
			                err_set(err, -ENOSPC,
			                        "the undo log is full: %d objects are in effect",
			                        UNDO_SLOTS),
			                "Attack fewer targets at once.");
		if (is_used(k, i)) {
			work_close(k, i);
			meter_carry(k, i);
		}
		k->slots[i] = (struct slot){.seq = k->slots[i].seq};
		text_copy(k->slots[i].type, TYPE_MAX, s->type);
		text_copy(k->slots[i].object, OBJECT_MAX, s->object);
		text_copy(k->slots[i].claim, STATE_MAX, s->to);
		k->work[i].type = type;
		k->work[i].open = false;
	}
	if (taken_over)
		slot_take_over(k, i, plan);
	k->slots[i].plan = plan;
	*at = i;
	/* what it has counted until now is not this one's */
	if (taken_over)
		meter_read(k, i);
	if (k->work[i].open) /* it may have been put back before */
		return k->work[i].flag >= 0 ? 0
		                            : flag_raise(k->c.world, type, s->object,
		                                         k->c.claims_dir, &k->work[i].flag, err);
	h = &k->work[i].hold;
	hold_init(h);
	h->world = k->c.world;
	h->run = k->c.run;
	h->stash = k->c.stash;
	h->deadline_ns = k->c.deadline_ns;
	h->spawn = k->c.spawn;
	h->spawn_ctx = k->c.spawn_ctx;
	h->busy = k->c.busy;
	h->claim = k->slots[i].claim;
	r = flag_raise(k->c.world, type, s->object, k->c.claims_dir, &k->work[i].flag, err);
	if (r == 0)
		r = type->open ? type->open(h, s->object, err) : 0;
	if (r < 0) {
		hold_release(h);
		fd_close(&k->work[i].flag);
		if (k->slots[i].phase == SLOT_FREE) {
			k->work[i].type = NULL;
			k->slots[i].object[0] = '\0';
		}
		return r;
	}
	k->work[i].open = true;
	return 0;
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

/* Fills the slot and registers this run's claim. Nothing is changed yet. The slot is written before
 * the claim: a claim that no log knows would stay for ever. */
static int intend(struct keeper *k, size_t i, const struct step *st, struct err *err)
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
	r = claim_open(&c, k->c.claims_dir, s->type, s->object, LOCK_WAIT_NS, err);
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

static int apply(struct keeper *k, size_t i, struct err *err)
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
		r = claim_open(&c, k->c.claims_dir, s->type, s->object, LOCK_WAIT_NS, err);
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
	tell(k, i);
	return 0;
}

static void take_out_slot(struct keeper *k, size_t i)
{
	const struct revert rv = {k->c.world, k->c.claims_dir, k->c.run};
	struct slot *s = &k->slots[i];
	bool certain = s->phase == SLOT_IN;

	k->work[i].checked = false;
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
	tell(k, i);
}

/* Once nothing is in effect any more, each object is read a second time: putting back one may have
 * changed another. */
static void check_again(struct keeper *k)
{
	const struct revert rv = {k->c.world, k->c.claims_dir, k->c.run};

	for (size_t i = 0; i < UNDO_SLOTS; i++)
		if (is_in(k, i))
			return;
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		struct slot *s = &k->slots[i];

		if (!is_used(k, i) || s->phase != SLOT_BACK || k->work[i].checked)
			continue;
		k->work[i].checked = true;
		if (slot_is_back(&rv, k->work[i].type, k->work[i].open ? &k->work[i].hold : NULL,
		                 s))
			continue;
		s->phase = SLOT_RESIDUE;
		slot_note(s, "was put back, but reads otherwise again");
		(void)!undo_log_put(&k->log, i, NULL);
		tell(k, i);
	}
}

/* All slots of a plan (or all) that are in effect, last applied first. */
static size_t take_out(struct keeper *k, bool all, uint32_t plan)
{
	size_t residue = 0;

	for (;;) {
		size_t last = SIZE_MAX;

		for (size_t i = 0; i < UNDO_SLOTS; i++)
			if (is_in(k, i) && (all || k->slots[i].plan == plan) &&
			    (last == SIZE_MAX || k->slots[i].order > k->slots[last].order))
				last = i;
		if (last == SIZE_MAX)
			break;
		take_out_slot(k, last);
	}
	check_again(k);
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		residue += is_used(k, i) && (all || k->slots[i].plan == plan) &&
		           k->slots[i].phase == SLOT_RESIDUE;
	return residue;
}

int keeper_init(struct keeper *k, const struct keeper_config *config, struct err *err)
{
	struct log_head head = {
	        .keeper = config->self,
	        .runner = config->runner,
	        .uid = geteuid(),
	        .deadline_ns = config->deadline_ns,
	};
	int r;

	memset(k, 0, sizeof(*k));
	k->c = *config;
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		k->work[i].flag = -1;
	k->home = world_is_real(config->world) ? flag_home(config->claims_dir) : -1;
	text_copy(head.run, sizeof(head.run), config->run);
	r = boot_id_read(config->world, head.boot, err);
	if (r < 0)
		return r;
	return undo_log_create(&k->log, config->run_dir, &head, k->slots, err);
}

void keeper_release(struct keeper *k)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		work_close(k, i);
	fd_close(&k->home);
	undo_log_close(&k->log);
}

/* Could the claim be combined with those of other runs? Found out without leaving one. */
static int is_free_for(struct keeper *k, const struct step *s, const struct step_type *type,
                       struct err *err)
{
	struct claim_file c;
	char wanted[STATE_MAX];
	int r = claim_open_existing(&c, k->c.claims_dir, s->type, s->object, LOCK_WAIT_NS, err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = claim_set(&c, k->c.run, s->to, err);
	r = r < 0 ? r : claim_merge(&c, type, wanted, err);
	claim_close(&c);
	return r;
}

int keeper_prepare(struct keeper *k, uint32_t plan, const struct step *steps, size_t n,
                   struct err *err)
{
	size_t lost = 0;

	unused_drop(k, plan, steps, n);
	for (size_t j = 0; j < n; j++) {
		const struct step *s = &steps[j];
		size_t i = SIZE_MAX;
		int r = work_open(k, plan, s, &i, err);

		if (r == -ESTALE && ++lost < n)
			continue;
		if (r < 0)
			return r;
		if (k->work[i].type->flags & STEP_IRREVERSIBLE)
			continue;
		r = is_free_for(k, s, k->work[i].type, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of a group of processes some end between plan and step: each takes its own step along, and the
 * rest of the plan goes on. */
static void slot_lost(struct keeper *k, size_t i)
{
	struct slot *s = &k->slots[i];

	if (is_in(k, i) && !(k->work[i].type->flags & STEP_IRREVERSIBLE)) {
		take_out_slot(k, i);
		return;
	}
	s->phase = SLOT_GONE;
	slot_note(s, "gone with its object");
	(void)!undo_log_put(&k->log, i, NULL);
	tell(k, i);
}

int keeper_put(struct keeper *k, uint32_t plan, const struct step *steps, size_t n, struct err *err)
{
	size_t at[UNDO_SLOTS], changed = 0, lost = 0, left = 0;
	int r = 0;

	if (n > UNDO_SLOTS)
		return err_set(err, -ENOSPC, "a plan of %zu steps is over the limit of %d", n,
		               UNDO_SLOTS);
	/* what the new plan does not have goes out first */
	for (size_t i = UNDO_SLOTS; i-- > 0;) {
		if (!is_in(k, i) || k->slots[i].plan != plan || is_among(&k->slots[i], steps, n))
			continue;
		meter_slot(k, i);
		take_out_slot(k, i);
	}
	unused_drop(k, plan, steps, n);
	past_drop(k, plan, steps, n);
	for (size_t j = 0; j < n && r == 0; j++) {
		const struct slot *s;
		size_t i = SIZE_MAX;

		r = work_open(k, plan, &steps[j], &i, err);
		if (r == -ESTALE) {
			lost++;
			r = 0;
			continue;
		}
		if (r < 0)
			break;
		s = &k->slots[i];
		/* what went away by itself or was taken over by somebody else is not applied again
		 */
		if (s->phase != SLOT_FREE && s->phase != SLOT_BACK &&
		    strcmp(s->claim, steps[j].to) == 0) {
			left += s->phase != SLOT_GONE;
			continue;
		}
		r = intend(k, i, &steps[j], err);
		if (r == -ESTALE) {
			slot_lost(k, i);
			lost++;
			r = 0;
			continue;
		}
		at[changed++] = i;
	}
	left += changed;
	if (r == 0 && changed)
		r = undo_log_sync(&k->log, err);
	for (size_t j = 0; j < changed && r == 0; j++) {
		r = apply(k, at[j], err);
		if (r == -ESTALE) {
			slot_lost(k, at[j]);
			lost++;
			left--;
			r = 0;
		}
	}
	if (r == 0 && lost && !left)
		r = -ESTALE; /* err says so of the last one */
	/* What ends soon after has counted, too. */
	for (size_t j = 0; j < changed && r == 0; j++)
		meter_slot(k, at[j]);
	if (r < 0)
		take_out(k, false, plan);
	return r;
}

size_t keeper_take_out(struct keeper *k, uint32_t plan)
{
	return take_out(k, false, plan);
}

size_t keeper_take_all(struct keeper *k)
{
	return take_out(k, true, 0);
}

void keeper_meter(struct keeper *k, uint32_t plan, struct counters *c)
{
	if (plan < KEEPER_PLANS)
		counters_sum(c, &k->carried[plan]);
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		if (!is_used(k, i) || k->slots[i].plan != plan)
			continue;
		meter_slot(k, i);
		counters_sum(c, &k->work[i].last);
	}
}

bool keeper_meter_left(struct keeper *k, uint32_t plan, struct counters *c)
{
	bool left = false;

	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		if (!is_used(k, i) || k->slots[i].plan != plan || k->work[i].hold.page < 0)
			continue;
		if (k->slots[i].phase == SLOT_BACK)
			meter_read(k, i);
		left = true;
	}
	if (left)
		keeper_meter(k, plan, c);
	return left;
}

bool keeper_has(const struct keeper *k, uint32_t plan)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		if (is_in(k, i) && k->slots[i].plan == plan)
			return true;
	return false;
}

bool keeper_holder_gone(struct keeper *k, int pidfd)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		struct holder *h = &k->work[i].hold.holder;

		if (!is_used(k, i) || !k->work[i].open || h->pidfd != pidfd)
			continue;
		fd_close(&h->pidfd);
		fd_close(&h->sock);
		if (is_in(k, i)) {
			meter_slot(k, i); /* how far it came */
			take_out_slot(k, i);
			if (!counters_get(&k->work[i].last, "lost"))
				counters_add(&k->work[i].last, "lost", 1);
			if (k->slots[i].phase == SLOT_BACK &&
			    k->work[i].type->flags & STEP_DIES_WITH_HOLDER) {
				k->slots[i].phase = SLOT_GONE;
				slot_note(&k->slots[i], "its helper died");
				(void)!undo_log_put(&k->log, i, NULL);
				tell(k, i);
			}
		}
		return true;
	}
	return false;
}

int keeper_end(struct keeper *k, struct err *err)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		if (is_used(k, i) && slot_phase_is_live((enum slot_phase)k->slots[i].phase))
			return 0; /* there is something left for `squall undo` */
	return undo_log_end(&k->log, err);
}
