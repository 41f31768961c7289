/* revert.c - puts one object back. */
#include "undo/revert.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/boundary.h"
#include "undo/claim.h"

/* A stopped neighbour that sits on the lock must not hold up a revert for longer than this. */
enum { LOCK_WAIT_NS = 100000000, REVERT_TRIES = 3 };

void slot_note(struct slot *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->note, sizeof(s->note), fmt, ap);
	va_end(ap);
}

int step_set(const struct step_type *t, struct hold *h, const char *object, const char *now,
             const char *to, struct buf *landed, struct err *err)
{
	int r = BOUNDARY_FAIL("set");

	BOUNDARY("before set");
	if (r < 0)
		return err_sys(err, r, "could not set %s \"%s\"", t->name, object);
	r = t->set(h, object, now, to, landed, err);
	BOUNDARY("after set");
	return r;
}

/* What an error of get or set means for the slot. */
static void slot_failed(struct slot *s, int r, const struct err *err)
{
	s->phase = r == -ESTALE ? SLOT_GONE : SLOT_RESIDUE;
	if (r == -ESTALE)
		slot_note(s, "gone with its object");
	else
		slot_note(s, "%.120s", err->what);
}

/* The object was as wanted before any run touched it, and was not changed, whatever it shows. */
static bool is_untouched(const struct step_type *t, const struct slot *s)
{
	return s->was_there && step_same(t, s->claim, s->base);
}

/* What to put back, and what may be there now because a run of ours put it there. */
struct revert_goal {
	char to[STATE_MAX], wanted[STATE_MAX], landed[STATE_MAX];
};

static void goal_find(const struct revert *rv, const struct step_type *t, struct claim_file *c,
                      const struct slot *s, struct revert_goal *g)
{
	text_copy(g->to, sizeof(g->to), s->base);
	text_copy(g->wanted, sizeof(g->wanted), s->claim);
	text_copy(g->landed, sizeof(g->landed), s->landed);
	if (!c || !c->seq)
		return;
	if (claim_find(c, rv->run) != SIZE_MAX) {
		if (claim_merge(c, t, g->wanted, NULL) < 0)
			text_copy(g->wanted, sizeof(g->wanted), s->claim);
		claim_drop(c, rv->run);
	}
	if (c->body.landed[0])
		text_copy(g->landed, sizeof(g->landed), c->body.landed);
	if (c->body.n && claim_merge(c, t, g->to, NULL) < 0)
		text_copy(g->to, sizeof(g->to), s->base);
}

/* One try: 0 when the slot's phase is settled, else the error of a look or a set. */
static int revert_once(const struct revert *rv, const struct step_type *t, struct hold *h,
                       struct slot *s, const struct revert_goal *g, bool uncertain, struct err *err)
{
	BUF(now, STATE_MAX);
	BUF(landed, STATE_MAX);
	int r;

	r = step_get(t, rv->world, h, s->object, &now, err);
	/* the name may be gone while the object lives on (a namespace whose process has ended, but
	 * not its siblings): the holder goes all the same */
	if (r == -ESTALE && (t->flags & STEP_DIES_WITH_HOLDER)) {
		r = step_set(t, h, s->object, now.data, g->to, &landed, err);
		r = r == 0 ? -ESTALE : r;
	}
	if (r < 0)
		return r;
	if (step_same(t, g->to, now.data)) {
		if (!uncertain || !(t->flags & STEP_TIDY)) {
			s->phase = SLOT_BACK;
			return 0;
		}
	} else if (!(g->landed[0] && step_same(t, g->landed, now.data)) &&
	           !step_same(t, g->wanted, now.data)) {
		if (is_untouched(t, s)) {
			s->phase = SLOT_BACK;
			return 0;
		}
		s->phase = SLOT_RESIDUE;
		slot_note(s, "changed by somebody else, left alone");
		return 0;
	}
	r = step_set(t, h, s->object, now.data, g->to, &landed, err);
	if (r < 0)
		return r;
	buf_reset(&now);
	r = step_get(t, rv->world, h, s->object, &now, err);
	if (r < 0)
		return r;
	if (!step_same(t, g->to, now.data))
		return err_set(err, -EAGAIN, "was set, but did not take");
	s->phase = SLOT_BACK;
	return 0;
}

/* A call that fails once (a signal, a full buffer, a passing fault of the disk) is tried again; one
 * that already waited in vain is not. */
static void revert_object(const struct revert *rv, const struct step_type *t, struct hold *h,
                          struct slot *s, const struct revert_goal *g)
{
	bool uncertain = s->phase == SLOT_INTENT || s->phase == SLOT_OUT;
	struct err err = ERR_INIT;

	for (int tries = 1;; tries++) {
		int r = revert_once(rv, t, h, s, g, uncertain, &err);

		if (r == 0)
			return;
		if (r == -ESTALE || r == -ETIMEDOUT || tries == REVERT_TRIES) {
			slot_failed(s, r, &err);
			return;
		}
		uncertain = true;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
}

void revert_slot(const struct revert *rv, const struct step_type *t, struct hold *h, struct slot *s)
{
	struct claim_file claim = {.fd = -1};
	struct claim_body whole;
	struct revert_goal goal;
	struct err err = ERR_INIT;
	BUF(now, STATE_MAX);
	int r;

	s->note[0] = '\0';
	if (t->flags & STEP_IRREVERSIBLE) {
		s->phase = SLOT_DONE;
		return;
	}
	/* without its claim file an object still goes back to base: better than not at all */
	r = rv->claims_dir < 0 ? -ENOENT
	                       : claim_open_existing(&claim, rv->claims_dir, s->type, s->object,
	                                             LOCK_WAIT_NS, &err);
	whole = claim.body;
	goal_find(rv, t, r == 0 ? &claim : NULL, s, &goal);
	/* The other claims first: from here on both what is there (landed) and what will be (their
	 * merged value) are known as ours, wherever this may be broken off. */
	if (r == 0 && claim.seq && claim.body.n) {
		if (step_get(t, rv->world, h, s->object, &now, NULL) == 0 &&
		    step_same(t, goal.wanted, now.data))
			text_copy(claim.body.landed, sizeof(claim.body.landed), now.data);
		(void)!claim_save(&claim, NULL);
	}
	h->reverting = true;
	revert_object(rv, t, h, s, &goal);
	h->reverting = false;
	if (r < 0) {
		/* a claim that stays would be put into effect again when the run that holds the
		 * lock leaves: the slot stays live until undo has dropped it */
		if (r == -ETIMEDOUT && s->phase != SLOT_RESIDUE) {
			s->phase = SLOT_RESIDUE;
			slot_note(s, "is back, but another run keeps its claim locked");
		}
		return;
	}
	if (s->phase == SLOT_BACK)
		text_copy(claim.body.landed, sizeof(claim.body.landed), goal.to);
	/* residue keeps its claim: the next `squall undo` tries again from the same base */
	if (s->phase != SLOT_RESIDUE && claim_save(&claim, &err) < 0 && claim.body.n)
		slot_failed(s, -EIO, &err);
	else if (s->phase == SLOT_RESIDUE) {
		claim.body = whole;
		(void)!claim_save(&claim, NULL);
	}
	claim_close(&claim);
}

bool slot_is_back(const struct revert *rv, const struct step_type *t, struct hold *h,
                  const struct slot *s)
{
	struct claim_file claim = {.fd = -1};
	char want[STATE_MAX];
	BUF(now, STATE_MAX);
	bool back;
	int r;

	if (is_untouched(t, s))
		return true;
	text_copy(want, sizeof(want), s->base);
	r = rv->claims_dir < 0 ? -ENOENT
	                       : claim_open_existing(&claim, rv->claims_dir, s->type, s->object,
	                                             LOCK_WAIT_NS, NULL);
	if (r < 0 && r != -ENOENT)
		return true;
	/* other runs may claim it by now: under the lock it is as they want it */
	if (r == 0 && claim.body.n && claim_merge(&claim, t, want, NULL) < 0)
		text_copy(want, sizeof(want), claim.body.landed);
	back = step_get(t, rv->world, h, s->object, &now, NULL) < 0 ||
	       step_same(t, want, now.data) ||
	       (r == 0 && claim.body.n && step_same(t, claim.body.landed, now.data));
	claim_close(&claim);
	return back;
}
