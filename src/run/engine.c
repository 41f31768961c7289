/*
 * The experiment engine: which event moves it from which phase to which.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "run/engine-state.h"

enum { ENGINE_BYTES = 256 << 20 };

/* Resolve */

static void resolve_more(struct experiment_state *e)
{
	while (e->resolve_next < e->x->attacks_n && engine_has_room(e))
		engine_do(e, DO_RESOLVE, (uint32_t)e->resolve_next++, 0);
}

static bool within_blast_radius(const struct experiment_state *e, const struct engine_attack *a)
{
	const struct pick *most = &e->x->blast_targets;
	uint64_t share;

	switch (most->kind) {
	case PICK_COUNT:
		return a->targets <= most->n;
	case PICK_SHARE:
		/* One target is the smallest start there is. */
		share = (uint64_t)a->matched * most->n / PPM_ALL;
		return a->targets <= (share ? share : 1);
	case PICK_ALL:
		break;
	}
	return true;
}

static void arm(struct experiment_state *e)
{
	uint64_t most = e->x->max_duration_ns, margin = most / 20;
	BUF(what, 300);

	for (size_t i = 0; i < e->x->attacks_n; i++) {
		const struct engine_attack *a = &e->attacks[i];

		if (within_blast_radius(e, a))
			continue;
		buf_addf(&what, "attack \"%s\" would reach %zu of %zu targets, more than ",
		         a->m->id, a->targets, a->matched);
		if (e->x->blast_targets.kind == PICK_SHARE)
			share_format(&what, e->x->blast_targets.n);
		else
			buf_addf(&what, "%llu", (unsigned long long)e->x->blast_targets.n);
		engine_refuse(e, EXIT_REFUSED, what.data,
		              "Pick fewer targets, or raise blast-radius.targets.");
		return;
	}
	engine_phase(e, PHASE_ARM, e->now_ns + ARM_LIMIT_NS);
	engine_timer(e, TIMER_PHASE, 0, e->now_ns + ARM_LIMIT_NS);
	/* A little before the keeper's own, so that it is the engine that ends the run. */
	margin = margin > NS_PER_S / 2 ? NS_PER_S / 2 : margin;
	engine_timer(e, TIMER_DEADLINE, 0, e->now_ns + most - margin);
	engine_do(e, DO_ARM, 0, e->now_ns + most);
}

static void resolved(struct experiment_state *e, const struct event *ev)
{
	struct engine_attack *a = &e->attacks[ev->id];
	const json_t *targets = json_object_get(ev->doc, "targets");
	const json_t *matched = json_object_get(ev->doc, "matched");
	const json_t *asked = json_object_get(ev->doc, "asked");
	json_t *entry;

	if (a->resolved)
		return;
	if (ev->err) {
		engine_refuse(e, EXIT_CANNOT, ev->err->what, ev->err->hint);
		return;
	}
	a->resolved = true;
	a->targets = json_array_size(targets);
	a->matched = matched ? (size_t)json_integer_value(matched) : a->targets;
	a->asked = asked ? (size_t)json_integer_value(asked) : a->targets;
	e->resolved_n++;
	entry = engine_entry(e, "targets");
	json_object_set_new(entry, "attack", json_string(a->m->id));
	json_object_set_new(entry, "targets", targets ? json_deep_copy(targets) : json_array());
	json_object_set_new(entry, "matched", json_integer((json_int_t)a->matched));
	json_object_set_new(entry, "asked", json_integer((json_int_t)a->asked));
	if (a->targets < a->asked)
		json_object_set_new(entry, "short", json_true());
	engine_tell(e, entry);
}

static void start(struct experiment_state *e)
{
	e->start_ns = e->now_ns;
	engine_phase(e, PHASE_RESOLVE, e->now_ns + RESOLVE_LIMIT_NS);
	engine_timer(e, TIMER_PHASE, 0, e->now_ns + RESOLVE_LIMIT_NS);
}

/* Baseline */

static uint64_t baseline_begin(struct experiment_state *e)
{
	uint64_t end = e->now_ns + (e->x->baseline_ns ? e->x->baseline_ns : LOOK_LIMIT_NS);

	engine_timer(e, TIMER_PHASE, 0, end);
	probes_start(e, !e->x->baseline_ns, e->x->baseline_ns ? FIRST_SPREAD : FIRST_NOW);
	e->baseline_over = !e->x->baseline_ns;
	return end;
}

static void baseline(struct experiment_state *e)
{
	engine_phase(e, PHASE_BASELINE, baseline_begin(e));
	for (size_t i = 0; i < e->x->attacks_n && !e->settle_ns; i++)
		if (e->x->attacks[i]->selector.argv)
			e->settle_ns = e->now_ns + SETTLE_LIMIT_NS;
}

/* A command that has just been started may not serve yet: the baseline begins anew until it does,
 * and what missed before does not count. False: it has had its time. */
static bool baseline_again(struct experiment_state *e, const char *why)
{
	json_t *entry;
	BUF(text, 400);

	if (e->now_ns >= e->settle_ns)
		return false;
	if (!e->settles) {
		buf_addf(&text, "not steady yet, perhaps because the command is still starting: %s",
		         why);
		entry = engine_entry(e, "note");
		entry_text(entry, "text", text.data);
		engine_tell(e, entry);
	}
	e->settles = true;
	probes_stop(e);
	probes_forget_before(e);
	e->again_ns = e->now_ns + SETTLE_EVERY_NS;
	engine_timer(e, TIMER_PHASE, 0, e->again_ns);
	return true;
}

static void steady_tell(struct experiment_state *e, bool held, const char *why)
{
	json_t *entry = engine_entry(e, "steady");

	json_object_set_new(entry, "held", json_boolean(held));
	if (!held)
		json_object_set_new(entry, "why", json_pack("[s]", why));
	engine_tell(e, entry);
}

/* With nobody left to attack there is no attack. */
static bool gone_refused(struct experiment_state *e)
{
	for (size_t i = 0; i < e->x->attacks_n; i++) {
		const struct engine_attack *a = &e->attacks[i];
		BUF(what, 300);

		if (!a->targets || a->gone < a->targets || a->follow)
			continue;
		buf_addf(&what, "every target of attack \"%s\" went away before it began",
		         a->m->id);
		engine_refuse(e, EXIT_CANNOT, what.data,
		              a->m->selector.argv ? "What the command said is kept in the folder "
		                                    "of the run."
		                                  : "");
		return true;
	}
	return false;
}

static void attack(struct experiment_state *e)
{
	engine_phase(e, PHASE_ATTACK, e->timer_deadline_ns);
	probes_start(e, false, FIRST_LATER);
	if (!e->x->attacks_n) {
		/* What actions do is all that there is to judge. */
		e->in_ns = e->now_ns;
		probes_start(e, false, FIRST_SPREAD);
	}
}

static void baseline_step(struct experiment_state *e)
{
	BUF(why, 300);

	if (gone_refused(e) || e->again_ns > e->now_ns)
		return;
	if (e->again_ns) {
		e->again_ns = 0;
		e->phase_ns = e->now_ns;
		baseline_begin(e);
	}
	probes_due(e);
	if (!baseline_failed(e) && (!e->baseline_over || probes_pending(e) || probes_waiting(e)))
		return;
	if (baseline_holds(e, &why)) {
		if (e->probes_n)
			steady_tell(e, true, "");
		attack(e);
		return;
	}
	if (baseline_again(e, why.data))
		return;
	BUF(what, 400);

	buf_addf(&what, "not steady before: %s", why.data);
	steady_tell(e, false, why.data);
	engine_refuse(e, EXIT_REFUSED, what.data,
	              "Nothing was harmed. Mend the system or the expectation first.");
}

/* Attack */

/* The moment from which nothing is in effect any more, which may be before the method's end. */
static void effect_check(struct experiment_state *e)
{
	if (!e->in_ns || e->gone_ns || !e->x->attacks_n)
		return;
	for (size_t i = 0; i < e->x->attacks_n; i++)
		if (e->attacks[i].state != ATTACK_OUT || e->attacks[i].instant)
			return;
	e->gone_ns = e->now_ns;
}

static void phase_timer(struct experiment_state *e)
{
	switch (e->phase) {
	case PHASE_RESOLVE:
		engine_end(e, ENDED_FAILED, "the targets were not found in time", "");
		break;
	case PHASE_ARM:
		engine_end(e, ENDED_FAILED, "the keeper was not ready in time", "");
		break;
	case PHASE_BASELINE:
		if (e->again_ns)
			break;
		if (e->baseline_over)
			probes_give_up(e);
		else
			engine_timer(e, TIMER_PHASE, 0, e->now_ns + LOOK_LIMIT_NS);
		e->baseline_over = true;
		probes_stop(e);
		break;
	case PHASE_REVERT:
		engine_end(e, ENDED_FAILED, "the keeper did not say that everything is out", "");
		e->out_unknown = true;
		e->to_finish = true;
		break;
	case PHASE_RECOVERY:
		e->recovery_cut |= e->ended == ENDED_SIGNAL || e->ended == ENDED_HALT;
		e->to_finish = true;
		break;
	case PHASE_NEW:
	case PHASE_ATTACK:
	case PHASE_DONE:
		break;
	}
}

static bool timer_is_due(const struct experiment_state *e, uint64_t *slot)
{
	if (!*slot || *slot > e->now_ns)
		return false;
	*slot = 0;
	return true;
}

static void timer(struct experiment_state *e, uint32_t id)
{
	uint32_t number = id & 0xffffff;

	switch ((enum timer_kind)(id >> 24)) {
	case TIMER_LOOKS:
		(void)timer_is_due(e, &e->timer_looks_ns);
		break;
	case TIMER_METER:
		(void)timer_is_due(e, &e->timer_meter_ns);
		break;
	case TIMER_TURN:
		(void)timer_is_due(e, &e->timer_turn_ns);
		break;
	case TIMER_DEADLINE: /* seen in feed(), whatever the event is */
		break;
	case TIMER_PHASE:
		if (timer_is_due(e, &e->timer_phase_ns))
			phase_timer(e);
		break;
	case TIMER_ATTACK:
		if (number < e->x->attacks_n && timer_is_due(e, &e->timer_attack_ns[number]))
			attack_timer(e, number);
		break;
	case TIMER_FOLLOW: /* seen in step(), by its time */
		if (number < e->x->attacks_n)
			(void)timer_is_due(e, &e->timer_follow_ns[number]);
		break;
	case TIMER_WAIT:
		if (number < e->waits_n && timer_is_due(e, &e->waits[number]->timer_ns))
			e->waits[number]->done = true;
		break;
	}
}

/* Events */

static void lost(struct experiment_state *e)
{
	/* Not started yet; or all is out and was read back. */
	if (e->phase == PHASE_RESOLVE || e->phase == PHASE_RECOVERY)
		return;
	e->keeper_lost = e->any_put;
	engine_end(e, ENDED_LOST, "", "");
}

static void undone(struct experiment_state *e, const struct event *ev)
{
	if (!e->keeper_lost || e->undone)
		return;
	e->undone = true;
	e->out_unknown |= ev->err != NULL;
	e->undo_residue = (size_t)json_integer_value(json_object_get(ev->doc, "residue"));
	for (size_t i = 0; i < e->x->attacks_n; i++)
		if (attack_is_live(&e->attacks[i]))
			e->attacks[i].state = ATTACK_OUT;
	json_t *entry = engine_entry(e, "undone");
	json_object_set_new(entry, "residue", json_integer((json_int_t)e->undo_residue));
	engine_tell(e, entry);
}

static void halted(struct experiment_state *e, const struct event *ev)
{
	const char *reason = json_string_value(json_object_get(ev->doc, "reason"));
	const char *by = json_string_value(json_object_get(ev->doc, "by"));

	engine_end(e, ENDED_HALT, reason && reason[0] ? reason : "no reason was given",
	           by ? by : "");
}

static void signalled(struct experiment_state *e, uint32_t number)
{
	const char *name = sigabbrev_np((int)number);
	BUF(says, 40);

	if (name)
		buf_addf(&says, "SIG%s", name);
	else
		buf_addf(&says, "signal %u", number);
	engine_end(e, ENDED_SIGNAL, says.data, "");
}

static void take(struct experiment_state *e, const struct event *ev)
{
	bool attack_ok = ev->id < e->x->attacks_n;
	enum phase p = e->phase;

	switch (ev->type) {
	case EV_START:
		if (p == PHASE_NEW)
			start(e);
		break;
	case EV_RESOLVED:
		if (p == PHASE_RESOLVE && attack_ok)
			resolved(e, ev);
		if (p == PHASE_ATTACK && attack_ok)
			attack_followed(e, ev);
		break;
	case EV_ARMED:
		if (p == PHASE_ARM)
			baseline(e);
		break;
	case EV_LOOK:
		probe_answer(e, ev);
		break;
	case EV_DEED:
		if (ev->id < e->x->actions_n)
			method_deed(e, ev);
		break;
	case EV_PLAN_IN:
		if (attack_ok)
			attack_put_answer(e, ev);
		break;
	case EV_PLAN_OUT:
		if (attack_ok)
			attack_out_answer(e, ev);
		break;
	case EV_METER:
		if (attack_ok)
			attack_metered_answer(e, ev);
		break;
	case EV_TARGET_GONE:
		if (attack_ok)
			attack_target_gone(e, ev);
		break;
	case EV_TIMER:
		timer(e, ev->id);
		break;
	case EV_HALT:
		halted(e, ev);
		break;
	case EV_SIGNAL:
		signalled(e, ev->id);
		break;
	case EV_KEEPER_LOST:
		lost(e);
		break;
	case EV_REFUSED:
		if (p == PHASE_RESOLVE || p == PHASE_ARM)
			engine_refuse(e, (enum exit_code)ev->id,
			              ev->err ? ev->err->what : "refused",
			              ev->err ? ev->err->hint : "");
		break;
	case EV_UNDONE:
		undone(e, ev);
		break;
	case EV_TYPES:
		break;
	}
}

/* What this phase does next, after any event. */
static void step(struct experiment_state *e)
{
	if (e->phase == PHASE_RESOLVE && !e->to_finish) {
		resolve_more(e);
		if (e->resolved_n == e->x->attacks_n)
			arm(e);
	}
	if (e->phase == PHASE_BASELINE && !e->to_finish)
		baseline_step(e);
	if (e->phase == PHASE_ATTACK && !e->to_finish) {
		conditions_check(e);
		if (e->phase == PHASE_ATTACK && method_step(e))
			engine_revert(e);
		effect_check(e);
	}
	if (e->phase == PHASE_ATTACK && !e->to_finish)
		attacks_follow(e);
	if (e->phase == PHASE_ATTACK) {
		probes_due(e);
		attacks_meter(e);
	}
	if (e->phase == PHASE_REVERT && !e->to_finish) {
		probes_due(e);
		if (engine_is_reverted(e))
			engine_recover(e);
	}
	if (e->phase == PHASE_RECOVERY && !e->to_finish) {
		probes_due(e);
		e->to_finish = recovery_reached(e) || (e->recovery_cut && !probes_pending(e));
	}
	if (e->to_finish)
		engine_finish(e);
}

static void engine_feed(struct engine *engine, const struct event *ev, struct commands *out)
{
	struct experiment_state *e = (struct experiment_state *)engine;

	if (e->phase == PHASE_DONE || (e->phase == PHASE_NEW && ev->type != EV_START))
		return;
	e->out = out;
	e->now_ns = ev->now_ns > e->now_ns ? ev->now_ns : e->now_ns;
	if (e->timer_deadline_ns && e->now_ns >= e->timer_deadline_ns && e->phase >= PHASE_ARM &&
	    e->phase <= PHASE_ATTACK) {
		BUF(says, 40);

		duration_format(&says, e->x->max_duration_ns);
		engine_end(e, ENDED_DEADLINE, says.data, "");
	}
	take(e, ev);
	step(e);
	e->out = NULL;
}

static struct engine *engine_new(const struct experiment *x, uint64_t seed, struct err *err)
{
	struct experiment_state *e = calloc(1, sizeof(*e));
	int rc;

	if (!e) {
		err_set(err, -ENOMEM, "could not make the engine: out of memory");
		return NULL;
	}
	e->head.type = &experiment_engine;
	e->x = x;
	e->seed = seed;
	arena_init(&e->arena, ENGINE_BYTES);
	rc = probes_init(e, err);
	if (rc == 0)
		rc = method_init(e, err);
	if (rc < 0) {
		arena_release(&e->arena);
		free(e);
		return NULL;
	}
	return &e->head;
}

static enum phase engine_phase_of(const struct engine *engine)
{
	return ((const struct experiment_state *)engine)->phase;
}

static void engine_free(struct engine *engine)
{
	struct experiment_state *e = (struct experiment_state *)engine;

	if (!e)
		return;
	arena_release(&e->arena);
	free(e);
}

const struct engine_type experiment_engine = {
        .name = "experiment",
        .new_ = engine_new,
        .feed = engine_feed,
        .phase = engine_phase_of,
        .free_ = engine_free,
};
