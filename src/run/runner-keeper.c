/* The keeper as the runner sees it: started, heard, and undone from its log when it is lost. */
#include <errno.h>
#include <signal.h>

#include "base/boundary.h"
#include "base/quantity.h"
#include "run/runner-state.h"
#include "undo/undo.h"

/* For a keeper that was killed and is not gone: less than the engine waits for a revert. */
#define DYING_NS (10 * NS_PER_S)

static void hear(struct runner *r, const struct link_event *ev)
{
	struct attack *a = ev->plan < r->x->attacks_n ? &r->attacks[ev->plan] : NULL;
	struct err err = ERR_INIT;
	if (ev->code < 0) {
		err_set(&err, ev->code, "%s", ev->text);
		if (ev->hint[0])
			err_hint(&err, ev->code, "%s", ev->hint);
	}
	switch (ev->type) {
	case LINK_ARMED:
		BOUNDARY("runner armed");
		r->preparing = false;
		r->armed = true;
		r->armed_ns = loop_now_ns(r->loop);
		runner_post(r, EV_ARMED, 0, NULL, NULL);
		break;
	case LINK_REFUSED:
		/* Once armed, the put that follows says it too. */
		if (!r->armed)
			runner_post(r, EV_REFUSED,
			            ev->code == -EBUSY || ev->code == -EPERM || ev->code == -EACCES
			                    ? EXIT_REFUSED
			                    : EXIT_CANNOT,
			            NULL, &err);
		break;
	case LINK_IN:
		BOUNDARY("runner in");
		if (a)
			attack_in(a, ev->code < 0 ? &err : NULL);
		break;
	case LINK_STEP: {
		struct slot slot = {
		        .phase = ev->phase, .plan = ev->plan, .was_there = ev->was_there};
		text_copy(slot.type, sizeof(slot.type), ev->step_type);
		text_copy(slot.object, sizeof(slot.object), ev->object);
		text_copy(slot.base, sizeof(slot.base), ev->base);
		text_copy(slot.claim, sizeof(slot.claim), ev->claim);
		text_copy(slot.landed, sizeof(slot.landed), ev->landed);
		text_copy(slot.note, sizeof(slot.note), ev->note);
		if (a)
			attack_step(a, &slot);
		break;
	}
	case LINK_OUT:
		BOUNDARY("runner out");
		if (a)
			attack_out(a, ev->residue, &ev->counters);
		break;
	case LINK_METER:
		if (a)
			attack_metered(a, &ev->counters);
		break;
	case LINK_ENDED:
		BOUNDARY("runner ended");
		r->ended = true;
		r->last_residue = ev->residue;
		runner_stop(r);
		break;
	case LINK_BUSY:
		break;
	case LINK_EXPIRED:
		runner_tell(r, json_pack("{s:s, s:s}", "type", "note", "text",
		                         "the deadline struck: the keeper puts everything back by "
		                         "itself"));
		break;
	}
}

/* What is owed an answer starts the clock; a word from the keeper winds it up again. */
static void answer_wind(struct runner *r, bool spoke)
{
	bool owed = r->ending && !r->ended;
	for (size_t i = 0; i < r->x->attacks_n; i++)
		owed |= r->attacks[i].leaving || r->attacks[i].meters_owed;
	if (!owed)
		timer_stop(r->answer_by);
	else if (spoke || !r->waiting)
		timer_set(r->answer_by, loop_now_ns(r->loop) + NS_PER_S);
	r->waiting = owed;
}

static void keeper_spoke(void *ctx, unsigned events)
{
	struct runner *r = ctx;
	struct link_event ev;
	int rc = 0;
	while (r->linked && !r->ended && (rc = link_next(&r->link, &ev)) > 0)
		hear(r, &ev);
	if (!r->linked || r->ended)
		return;
	if (rc < 0)
		keeper_lost(r, "the keeper's channel is closed");
	else
		answer_wind(r, true);
}

static void keeper_died(void *ctx, unsigned events)
{
	struct runner *r = ctx;
	/* What it said before it died counts. */
	keeper_spoke(r, WATCH_READ);
	if (r->linked && !r->ended)
		keeper_lost(r, "the keeper died");
}

static void keeper_silent(void *ctx)
{
	keeper_lost(ctx, "the keeper did not answer within 1s, so it was ended");
}

static void unwatch(struct runner *r)
{
	if (r->link_watch)
		watch_free(r->link_watch);
	if (r->keeper_watch)
		watch_free(r->keeper_watch);
	timer_free(r->answer_by);
	r->link_watch = r->keeper_watch = NULL;
	r->answer_by = NULL;
}

int keeper_start(struct runner *r, uint64_t deadline_ns, struct err *err)
{
	BOUNDARY("runner keeper");
	int rc = link_start(&r->link, r->o->run_dir, r->o->run_id, deadline_ns, err);
	if (rc < 0)
		return rc;
	r->linked = true;
	r->answer_by = timer_new(r->loop, keeper_silent, r);
	r->link_watch = watch_new(r->loop, r->link.sock, WATCH_READ, keeper_spoke, r, err);
	r->keeper_watch = watch_new(r->loop, r->link.pidfd, WATCH_READ, keeper_died, r, err);
	if (!r->answer_by || !r->link_watch || !r->keeper_watch)
		return err && err->code ? err->code : -ENOMEM;
	return 0;
}

void keeper_must_answer(struct runner *r)
{
	answer_wind(r, false);
}

struct undoing {
	struct runner *r;
	json_t *steps;
	size_t residue;
	int rc;
	struct err err;
};

static void undone(void *ctx, const char *run, const struct slot *slot)
{
	struct undoing *u = ctx;
	if (slot->phase == SLOT_RESIDUE)
		u->residue++;
	json_array_append_new(u->steps,
	                      json_pack("{s:s, s:s, s:s}", "type", slot->type, "object",
	                                slot->object, "phase", slot_phase_name(slot->phase)));
	if (slot->plan >= u->r->x->attacks_n)
		return;
	struct attack *a = &u->r->attacks[slot->plan];
	a->residue += slot->phase == SLOT_RESIDUE;
	attack_step(a, slot);
}

static void undo(struct runner *r, struct undoing *u)
{
	struct undo_result result = {0};
	*u = (struct undoing){.r = r, .steps = json_array()};
	u->rc = undo_folder(r->o->world, r->o->paths, r->o->run_dir, r->o->run_id, undone, u,
	                    &result, &u->err);
	if (u->rc == -ENOENT) /* died before it had a log, so before it did anything */
		u->rc = 0;
	BOUNDARY("runner undone");
	r->last_residue = u->residue;
	r->undo_failed = u->rc < 0;
}

static void undone_tell(struct runner *r, struct undoing *u)
{
	for (size_t i = 0; i < r->x->attacks_n; i++) {
		struct attack *a = &r->attacks[i];
		if (a->put || a->leaving || a->steps)
			attack_out(a, a->residue, NULL);
		a->residue = 0;
	}
	runner_post(r, EV_UNDONE, 0,
	            json_pack("{s:I, s:o}", "residue", (json_int_t)u->residue, "steps", u->steps),
	            u->rc < 0 ? &u->err : NULL);
	if (r->ending)
		runner_stop(r);
}

/* It is gone at last, or has had its time. */
static void keeper_left(struct runner *r)
{
	struct undoing u;
	r->dying = false;
	unwatch(r);
	link_close(&r->link);
	undo(r, &u);
	undone_tell(r, &u);
}

static void dying_gone(void *ctx, unsigned events)
{
	keeper_left(ctx);
}

static void dying_late(void *ctx)
{
	keeper_left(ctx);
}

/* The kernel waits for something on its behalf, a disk perhaps. What it was not about to change
 * goes back now. */
static void undo_early(struct runner *r)
{
	struct undo_result result = {0};
	struct undoing u = {.r = r, .steps = json_array()};
	(void)!undo_folder_early(r->o->world, r->o->paths, r->o->run_dir, r->o->run_id, undone, &u,
	                         &result, &u.err);
	json_decref(u.steps);
	/* what is left is tried and counted once more */
	for (size_t i = 0; i < r->x->attacks_n; i++)
		r->attacks[i].residue = 0;
}

/* False: the rest cannot wait for its end. */
static bool keeper_await(struct runner *r)
{
	struct err ignored = ERR_INIT;
	r->keeper_watch = watch_new(r->loop, r->link.pidfd, WATCH_READ, dying_gone, r, &ignored);
	r->answer_by = timer_new(r->loop, dying_late, r);
	if (!r->keeper_watch || !r->answer_by)
		return false;
	timer_set(r->answer_by, loop_now_ns(r->loop) + DYING_NS);
	r->dying = true;
	runner_tell(r, json_pack("{s:s, s:s}", "type", "note", "text",
	                         "the keeper was killed, but is still in the kernel: what it may "
	                         "be changing is put back when it is gone"));
	return true;
}

void keeper_lost(struct runner *r, const char *why)
{
	if (!r->linked)
		return;
	r->linked = false;
	r->lost = true;
	struct err err = ERR_INIT;
	struct undoing u;
	if (!r->armed)
		why = "squall-keeper ended before it was ready";
	err_set(&err, -EPIPE, "%s", why);
	unwatch(r);
	/* A stopped keeper holds its helpers and its log: it must be gone before undo looks. */
	pidfd_signal(r->link.pidfd, SIGKILL);
	bool gone = pidfd_wait_gone(r->link.pidfd, NS_PER_S) == 0;
	BOUNDARY("runner keeper lost");
	if (!gone)
		undo_early(r);
	undo(r, &u);

	/* One that was refused has left, and said why. */
	if (r->armed || r->preparing)
		runner_tell(r, json_pack("{s:s, s:s}", "type", "error", "what", why));
	bool waits = !gone && u.rc == -EBUSY && keeper_await(r);
	runner_post(r, EV_KEEPER_LOST, 0, NULL, &err);
	if (waits) {
		json_decref(u.steps);
		return;
	}
	link_close(&r->link);
	undone_tell(r, &u);
}

void keeper_finish(struct runner *r)
{
	r->ending = true;
	if (r->dying) /* keeper_left() stops */
		return;
	if (!r->linked) {
		runner_stop(r);
		return;
	}
	struct err err = ERR_INIT;
	BOUNDARY("runner end");
	if (link_end(&r->link, &err) < 0)
		keeper_lost(r, err.what);
	else
		keeper_must_answer(r);
}

void keeper_release(struct runner *r)
{
	unwatch(r);
	if (r->dying)
		link_close(&r->link);
	if (!r->linked)
		return;
	r->linked = false;
	/* It leaves by itself; nothing of this run is left running when the run is over. */
	if (pidfd_wait_gone(r->link.pidfd, NS_PER_S) < 0)
		pidfd_signal(r->link.pidfd, SIGKILL);
	link_close(&r->link);
}
