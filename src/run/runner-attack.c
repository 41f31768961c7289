/* One attack in effect: planned, put, planned again, metered, taken out; its targets watched. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/paths.h"
#include "base/quantity.h"
#include "run/plan-text.h"
#include "run/runner-state.h"
#include "undo/undo.h"

#define AGAIN_WAIT_NS (100 * NS_PER_MS)

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

static void ordered_tell(struct runner *r, const char *attack)
{
	json_t *entry = json_pack("{s:s}", "type", "ordered-out");
	if (attack)
		json_object_set_new(entry, "attack", json_string(attack));
	runner_tell(r, entry);
}

/* There is no plan for this moment. What is in does not stay: the engine takes it for out. */
static void put_failed(struct attack *a, const struct err *err)
{
	/* One that follows is put again, and keeps what others of its targets have. */
	bool waits = method_of(a)->selector.follow && (err->code == -ESTALE || err->code == -ESRCH);
	if (a->put && !waits)
		runner_take_out(a->r, a->i);
	runner_post(a->r, EV_PLAN_IN, a->i, NULL, err);
}

static void again_due(void *ctx)
{
	struct attack *a = ctx;
	/* What has come is put when the engine says so, with the readings that belong to it. */
	if (!a->put || a->r->lost || a->r->finished || a->fresh)
		return;
	if (a->owed_own) { /* the last one takes its time */
		timer_set(a->again, loop_now_ns(a->r->loop) + AGAIN_WAIT_NS);
		return;
	}
	BOUNDARY("runner again");
	a->turn++;
	struct err err = ERR_INIT;
	int rc = attack_put(a, ATTACK_PUT, &err);
	if (rc == 0)
		owe(a, true);
	else
		put_failed(a, &err);
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

void attack_again(struct attack *a)
{
	if (a->put)
		again_set(a, 1);
}

int attack_put(struct attack *a, enum attack_use use, struct err *err)
{
	struct runner *r = a->r;
	const struct method *m = method_of(a);
	struct moment moment = {.since_armed_ns =
	                                r->armed_ns ? loop_now_ns(r->loop) - r->armed_ns : 0,
	                        .turn = a->turn,
	                        .seed = attack_seed(r->o->seed, a->i),
	                        .floors = r->o->policies ? &r->o->policies->floors : NULL,
	                        .names = a->names};
	struct arena cleanup(arena_release) arena = {.head = NULL};
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
		a->pids = gate_pids(&plan);
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

/* Orders */

/* Answers come in the order of asking. */
static int meter_ask(struct attack *a, enum meter_use use, struct err *err)
{
	if (a->meters_owed == ARRAY_SIZE(a->meters))
		return err_set(err, -EAGAIN, "the keeper is silent");
	int rc = link_meter(&a->r->link, a->i, err);
	if (rc < 0)
		return rc;
	a->meters[a->meters_owed++] = use;
	keeper_must_answer(a->r);
	return 0;
}

void runner_put(struct runner *r, uint32_t i, uint32_t level)
{
	struct attack *a = &r->attacks[i];
	struct err err = ERR_INIT;
	int rc = 0;
	bool first = !a->put && !a->before_known, join = a->fresh && a->before_known;
	if (!r->linked)
		rc = err_set(&err, -EPIPE, "the keeper is gone");
	/* Whoever has halted may count on nothing being put after that. */
	if (rc == 0 && runner_halt_look(r))
		rc = err_set(&err, -ECANCELED, "halted");
	if (a->put || a->before_known)
		a->turn++;
	a->level = level;
	/* The new objects of what has come, between two readings, so that what they have counted
	 * before is not taken for the attack's. Before the first reading of all, so that it is of
	 * what another attack has had meanwhile, too. */
	if (rc == 0 && join)
		rc = meter_ask(a, METER_LEAVE, &err);
	if (rc == 0 && (a->fresh || first))
		rc = attack_put(a, ATTACK_PREPARE, &err);
	if (rc == 0 && join)
		rc = meter_ask(a, METER_JOIN, &err);
	if (rc == 0 && first) {
		BOUNDARY("runner meter before");
		rc = meter_ask(a, METER_BEFORE, &err);
	}
	BOUNDARY("runner put");
	if (rc == 0)
		rc = attack_put(a, ATTACK_PUT, &err);
	if (rc < 0) {
		put_failed(a, &err);
		return;
	}
	a->put = true;
	a->fresh = false;
	owe(a, false);
	BOUNDARY("runner put sent");
}

void runner_take_out(struct runner *r, uint32_t i)
{
	struct attack *a = &r->attacks[i];
	again_set(a, 0);
	names_unwatch(a);
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
		names_unwatch(a);
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
	int rc = r->linked ? meter_ask(&r->attacks[i], METER_DOSE, &err)
	                   : err_set(&err, -EPIPE, "the keeper is gone");
	if (rc < 0)
		runner_post(r, EV_METER, i, NULL, &err);
}

/* Answers */

void attack_in(struct attack *a, const struct err *err)
{
	bool own = a->owed_own & 1;
	a->owed -= a->owed > 0;
	a->owed_own >>= 1;
	if (own && !err)
		return;
	/* On a failure the keeper has taken all of it out. */
	if (err) {
		again_set(a, 0);
		names_unwatch(a);
		a->put = false;
	}
	runner_post(a->r, EV_PLAN_IN, a->i, NULL, err);
	if (err || !a->put)
		return;
	targets_watch(a);
	names_watch(a);
}

void attack_step(struct attack *a, const struct slot *slot)
{
	BUF(by_hand, 2 * STATE_MAX);
	if (slot->phase == SLOT_RESIDUE)
		undo_by_hand(slot, &by_hand);
	if (slot->phase == SLOT_IN || slot->phase == SLOT_DONE) {
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

/* What the new objects had counted when they came belongs to the time before. */
static void join_add(struct attack *a, const struct counters *read)
{
	for (size_t i = 0; i < read->n; i++) {
		const char *name = read->v[i].name;
		uint64_t was = counters_get(&a->leave, name);
		if (read->v[i].value > was)
			counters_add(&a->before, name, read->v[i].value - was);
	}
}

/* What was achieved, of counters read just now; NULL with the reason. */
static json_t *dose_doc(struct attack *a, const struct counters *read, struct err *err)
{
	struct counters after = *read;
	if (!counters_has(&after, "elapsed_ns"))
		counters_add(&after, "elapsed_ns", loop_now_ns(a->r->loop) - a->before_ns);
	const struct fault *fault = fault_of(method_of(a)->call.kind);
	struct dose dose = {0};
	struct arena cleanup(arena_release) arena = {.head = NULL};
	arena_init(&arena, PLAN_BYTES);
	const void *args = attack_args(a->r->x, method_of(a), a->level, &arena, err);
	if (!args || fault->dose(args, &a->before, &after, &dose, err) < 0)
		return NULL;
	if (a->landed && a->was_there == a->landed) {
		dose.no_effect = true;
		text_copy(dose.why, sizeof(dose.why),
		          "everything was already as the fault wants it");
	}
	json_t *doc = json_pack("{s:s, s:s, s:b}", "asked", dose.asked, "achieved", dose.achieved,
	                        "no-effect", dose.no_effect);
	if (dose.why[0])
		json_object_set_new(doc, "why", json_string(dose.why));
	return doc;
}

void attack_metered(struct attack *a, const struct counters *read)
{
	if (!a->meters_owed)
		return;
	enum meter_use use = a->meters[0];
	memmove(&a->meters[0], &a->meters[1], --a->meters_owed * sizeof(a->meters[0]));
	switch (use) {
	case METER_BEFORE:
		a->before_known = true;
		a->before = *read;
		a->before_ns = loop_now_ns(a->r->loop);
		return;
	case METER_LEAVE:
		a->leave = *read;
		return;
	case METER_JOIN:
		join_add(a, read);
		return;
	case METER_DOSE:
		break;
	}
	struct err err = ERR_INIT;
	json_t *doc = dose_doc(a, read, &err);
	runner_post(a->r, EV_METER, a->i, doc, doc ? NULL : &err);
}

void attack_out(struct attack *a, size_t residue, const struct counters *left)
{
	again_set(a, 0);
	names_unwatch(a);
	targets_unwatch(a);
	json_t *steps = json_array(), *step;
	const char *key;
	json_object_foreach (a->steps, key, step)
		json_array_append(steps, step);
	json_decref(a->steps);
	a->steps = NULL;
	a->put = a->leaving = false;
	json_t *doc = json_pack("{s:o, s:I}", "steps", steps, "residue", (json_int_t)residue);
	struct err ignored = ERR_INIT;
	if (a->before_known && left && left->n)
		json_object_set_new(doc, "dose", dose_doc(a, left, &ignored));
	runner_post(a->r, EV_PLAN_OUT, a->i, doc, NULL);
}

void attack_release(struct attack *a)
{
	timer_free(a->again);
	names_unwatch(a);
	targets_release(a);
	command_release(a);
	json_decref(a->steps);
}
