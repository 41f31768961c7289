/* One attack in effect: planned, put, planned again, metered, taken out; its targets watched. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/paths.h"
#include "run/plan-text.h"
#include "run/runner-state.h"
#include "undo/undo.h"

enum { PLAN_BYTES = 64 << 20 };

static const struct method *method_of(const struct attack *a)
{
	return a->r->x->attacks[a->i];
}

/* The plan as the record shows it: what each step does and what it dies with. */
static void plan_tell(struct attack *a, const struct plan *plan)
{
	runner_tell(a->r, json_pack("{s:s, s:s, s:s, s:o}", "type", "plan", "attack",
	                            method_of(a)->id, "fault", method_of(a)->call.name, "steps",
	                            plan_steps_json(a->r->o->world, plan)));
}

int stash_open(struct runner *r, struct err *err)
{
	if (mkdirat(r->o->run_dir, "stash", 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "could not make the run's \"stash\"");
	r->stash = openat(r->o->run_dir, "stash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->stash < 0)
		return err_sys(err, errno, "could not open the run's \"stash\"");
	return 0;
}

/* Large content is safe on disk before the keeper hears of it. */
static int stash_blobs(struct runner *r, const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->blobs_n; i++) {
		const struct blob *b = &plan->blobs[i];
		if (faccessat(r->stash, b->hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		int rc = file_put(r->stash, b->hex, b->data, b->n, true, err);
		if (rc < 0)
			return err_wrap(err, rc, "could not stash content");
	}
	return 0;
}

/* An answer to a put is due. */
static void owe(struct attack *a, bool own)
{
	if (own && a->owed < 64)
		a->owed_own |= 1ull << a->owed;
	a->owed++;
}

static void again_due(void *ctx)
{
	struct attack *a = ctx;
	if (!a->put || a->r->lost || a->r->finished || a->owed_own)
		return;
	BOUNDARY("runner again");
	a->turn++;
	struct err err = ERR_INIT;
	int rc = attack_put(a, ATTACK_PUT, &err);
	if (rc == 0)
		owe(a, true);
	else
		runner_post(a->r, EV_PLAN_IN, a->i, NULL, &err);
}

static void again_set(struct attack *a, uint64_t again_ns)
{
	if (!again_ns) {
		timer_free(a->again);
		a->again = NULL;
		return;
	}
	if (!a->again)
		a->again = timer_new(a->r->loop, again_due, a);
	if (a->again)
		timer_set(a->again, loop_now_ns(a->r->loop) + again_ns);
}

int attack_put(struct attack *a, enum attack_use use, struct err *err)
{
	struct runner *r = a->r;
	const struct method *m = method_of(a);
	struct moment moment = {.since_armed_ns =
	                                r->armed_ns ? loop_now_ns(r->loop) - r->armed_ns : 0,
	                        .turn = a->turn,
	                        .seed = attack_seed(r->o->seed, a->i),
	                        .floors = r->o->policies ? &r->o->policies->floors : NULL};
	struct arena cleanup(arena_release) arena;
	arena_init(&arena, PLAN_BYTES);
	struct plan plan;
	uint64_t again_ns = 0;
	int rc = attack_plan(r->x, m, a->level, &a->targets, &moment, r->o->world, r->o->run_id,
	                     &arena, &plan, &again_ns, NULL, err);
	if (rc == 0)
		rc = attack_allowed(r->x, m, &plan, err);
	if (rc == 0 && r->o->policies)
		rc = gate_plan(r->o->policies, r->o->world, r->x, m, a->level, &a->targets, &plan,
		               err);
	if (rc < 0)
		return rc;
	switch (use) {
	case ATTACK_LOOK:
		plan_tell(a, &plan);
		return 0;
	case ATTACK_PREPARE:
		rc = stash_blobs(r, &plan, err);
		return rc < 0 ? rc : link_prepare(&r->link, a->i, &plan, err);
	case ATTACK_PUT:
		rc = stash_blobs(r, &plan, err);
		if (rc == 0)
			rc = link_put(&r->link, a->i, &plan, err);
		if (rc == 0)
			again_set(a, again_ns);
		return rc;
	}
	return -EINVAL;
}

/* Targets that end while they are attacked */

static void target_gone(void *ctx, unsigned events)
{
	struct target_watch *w = ctx;
	watch_free(w->watch);
	w->watch = NULL;
	fd_close(&w->pidfd);
	runner_post(w->r, EV_TARGET_GONE, w->attack, json_pack("{s:s}", "target", w->target->name),
	            NULL);
}

static void targets_unwatch(struct attack *a)
{
	for (size_t i = 0; i < a->watches_n; i++) {
		if (a->watches[i].watch)
			watch_free(a->watches[i].watch);
		fd_close(&a->watches[i].pidfd);
	}
	free(a->watches);
	a->watches = NULL;
	a->watches_n = 0;
}

static void targets_watch(struct attack *a)
{
	/* A fault that is over once applied may well have ended its target: that was the point. */
	if (a->watches || method_of(a)->call.kind->instant)
		return;
	a->watches = calloc(a->targets.n ? a->targets.n : 1, sizeof(*a->watches));
	for (size_t i = 0; a->watches && i < a->targets.n; i++) {
		const struct target *t = &a->targets.v[i];
		if (t->kind != TARGET_PROCESS)
			continue;
		struct err ignored = ERR_INIT;
		struct target_watch *w = &a->watches[a->watches_n];
		int fd = proc_id_open(a->r->o->world, t->proc, &ignored);
		if (fd < 0) {
			runner_post(a->r, EV_TARGET_GONE, a->i,
			            json_pack("{s:s}", "target", t->name), NULL);
			continue;
		}
		*w = (struct target_watch){.r = a->r, .attack = a->i, .target = t, .pidfd = fd};
		a->watches_n++;
		w->watch = watch_new(a->r->loop, fd, WATCH_READ, target_gone, w, &ignored);
	}
}

/* Orders */

void runner_put(struct runner *r, uint32_t i, uint32_t level)
{
	struct attack *a = &r->attacks[i];
	struct err err = ERR_INIT;
	int rc = 0;
	if (!r->linked)
		rc = err_set(&err, -EPIPE, "the keeper is gone");
	/* Whoever has halted may count on nothing being put after that. */
	if (rc == 0 && runner_halt_look(r))
		rc = err_set(&err, -ECANCELED, "halted");
	if (rc == 0 && !a->put && !a->before_known) {
		BOUNDARY("runner meter before");
		rc = link_meter(&r->link, i, &err);
		a->before_asked = rc == 0;
		a->meters_owed += rc == 0;
		keeper_must_answer(r);
	}
	if (a->put)
		a->turn++;
	a->level = level;
	BOUNDARY("runner put");
	if (rc == 0)
		rc = attack_put(a, ATTACK_PUT, &err);
	if (rc < 0) {
		runner_post(r, EV_PLAN_IN, i, NULL, &err);
		return;
	}
	a->put = true;
	owe(a, false);
	BOUNDARY("runner put sent");
}

static void ordered_tell(struct runner *r, const char *attack)
{
	json_t *entry = json_pack("{s:s}", "type", "ordered-out");
	if (attack)
		json_object_set_new(entry, "attack", json_string(attack));
	runner_tell(r, entry);
}

void runner_take_out(struct runner *r, uint32_t i)
{
	struct attack *a = &r->attacks[i];
	again_set(a, 0);
	a->put = false;
	if (!r->linked)
		return;
	struct err err = ERR_INIT;
	BOUNDARY("runner take out");
	a->leaving = true;
	int rc = link_take_out(&r->link, i, &err);
	ordered_tell(r, method_of(a)->id);
	if (rc < 0)
		keeper_lost(r, err.what);
	else
		keeper_must_answer(r);
}

void runner_take_all(struct runner *r)
{
	BOUNDARY("runner take all");
	struct err err = ERR_INIT;
	int rc = r->linked ? link_take_all(&r->link, &err) : 0;
	ordered_tell(r, NULL);
	for (size_t i = 0; i < r->x->attacks_n; i++) {
		struct attack *a = &r->attacks[i];
		again_set(a, 0);
		a->leaving |= a->put && r->linked;
		a->put = false;
	}
	if (rc < 0)
		keeper_lost(r, err.what);
	else if (r->linked)
		keeper_must_answer(r);
}

void runner_meter(struct runner *r, uint32_t i)
{
	struct err err = ERR_INIT;
	int rc = r->linked ? link_meter(&r->link, i, &err)
	                   : err_set(&err, -EPIPE, "the keeper is gone");
	if (rc < 0) {
		runner_post(r, EV_METER, i, NULL, &err);
		return;
	}
	r->attacks[i].meters_owed++;
	keeper_must_answer(r);
}

/* Answers */

void attack_in(struct attack *a, const struct err *err)
{
	bool own = a->owed_own & 1;
	a->owed -= a->owed > 0;
	a->owed_own >>= 1;
	if (own && !err)
		return;
	runner_post(a->r, EV_PLAN_IN, a->i, NULL, err);
	if (!err && a->put)
		targets_watch(a);
}

void attack_out(struct attack *a, size_t residue)
{
	again_set(a, 0);
	targets_unwatch(a);
	json_t *steps = json_array(), *step;
	const char *key;
	json_object_foreach (a->steps, key, step)
		json_array_append(steps, step);
	json_decref(a->steps);
	a->steps = NULL;
	a->put = a->leaving = false;
	runner_post(a->r, EV_PLAN_OUT, a->i,
	            json_pack("{s:o, s:I}", "steps", steps, "residue", (json_int_t)residue), NULL);
}

void attack_step(struct attack *a, const struct slot *slot)
{
	BUF(by_hand, 2 * STATE_MAX);
	if (slot->phase == SLOT_RESIDUE)
		undo_by_hand(slot, &by_hand);
	if (slot->phase == SLOT_IN) {
		a->landed++;
		a->was_there += slot->was_there != 0;
	}
	BUF(key, TYPE_MAX + OBJECT_MAX + 2);
	buf_addf(&key, "%s %s", slot->type, slot->object);
	if (!a->steps)
		a->steps = json_object();
	json_object_set_new(a->steps, key.data,
	                    json_pack("{s:s, s:s, s:s}", "type", slot->type, "object", slot->object,
	                              "phase", slot_phase_name(slot->phase)));
	json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "step", "attack",
	                          method_of(a)->id, "step", slot->type, "object", slot->object,
	                          "phase", slot_phase_name(slot->phase), "was", slot->base);
	if (slot->landed[0])
		json_object_set_new(entry, "is", json_string(slot->landed));
	if (slot->note[0])
		json_object_set_new(entry, "note", json_string(slot->note));
	if (slot->was_there)
		json_object_set_new(entry, "was-there", json_true());
	if (by_hand.len)
		json_object_set_new(entry, "by-hand", json_string(by_hand.data));
	runner_tell(a->r, entry);
}

void attack_metered(struct attack *a, const struct counters *read)
{
	uint64_t at_ns = loop_now_ns(a->r->loop);
	a->meters_owed -= a->meters_owed > 0;
	if (a->before_asked) {
		a->before_asked = false;
		a->before_known = true;
		a->before = *read;
		a->before_ns = at_ns;
		return;
	}
	struct counters after = *read;
	if (!counters_has(&after, "elapsed_ns"))
		counters_add(&after, "elapsed_ns", at_ns - a->before_ns);
	const struct fault *fault = fault_of(method_of(a)->call.kind);
	struct dose dose = {0};
	struct err err = ERR_INIT;
	struct arena cleanup(arena_release) arena;
	arena_init(&arena, PLAN_BYTES);
	const void *args = attack_args(a->r->x, method_of(a), a->level, &arena, &err);
	int rc = args ? fault->dose(args, &a->before, &after, &dose, &err) : -EINVAL;
	if (rc < 0) {
		runner_post(a->r, EV_METER, a->i, NULL, &err);
		return;
	}
	if (a->landed && a->was_there == a->landed) {
		dose.no_effect = true;
		text_copy(dose.why, sizeof(dose.why),
		          "everything was already as the fault wants it");
	}
	json_t *doc = json_pack("{s:s, s:s, s:b}", "asked", dose.asked, "achieved", dose.achieved,
	                        "no-effect", dose.no_effect);
	if (dose.why[0])
		json_object_set_new(doc, "why", json_string(dose.why));
	runner_post(a->r, EV_METER, a->i, doc, NULL);
}

void attack_release(struct attack *a)
{
	timer_free(a->again);
	targets_unwatch(a);
	json_decref(a->steps);
}
