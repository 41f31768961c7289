/*
 * One attack, as the engine drives it: put, read, taken out.
 */
#include <errno.h>

#include "run/engine-state.h"

bool attack_is_live(const struct engine_attack *a)
{
	return a->state != ATTACK_IDLE && a->state != ATTACK_SEEKING && a->state != ATTACK_OUT;
}

bool attack_is_passed(const struct engine_attack *a)
{
	/* Without `for` it stays until the end of the method, which goes on. */
	return a->state == ATTACK_OUT || (a->state == ATTACK_IN && a->end_ns == UINT64_MAX);
}

static json_t *attack_entry(const struct experiment_state *e, const struct engine_attack *a,
                            const char *type)
{
	json_t *entry = engine_entry(e, type);

	json_object_set_new(entry, "attack", json_string(a->m->id));
	entry_text(entry, "fault", a->m->call.name);
	return entry;
}

void attack_put_order(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];

	if (a->follow && a->gone >= a->targets) {
		a->state = ATTACK_SEEKING;
		return;
	}
	a->state = ATTACK_PUTTING;
	e->any_put = true;
	engine_do(e, DO_PUT, i, 0);
	engine_timer(e, TIMER_ATTACK, i, e->now_ns + PUT_LIMIT_NS);
}

void attack_dose_tell(struct experiment_state *e, uint32_t i, bool so_far)
{
	const struct engine_attack *a = &e->attacks[i];
	json_t *entry = attack_entry(e, a, "dose");

	json_object_set_new(entry, "asked", json_string(a->dose_asked));
	json_object_set_new(entry, "achieved", json_string(a->achieved));
	json_object_set_new(entry, "no-effect", json_boolean(a->dose_known && a->no_effect));
	entry_text(entry, "why", a->dose_why);
	if (!a->dose_known)
		json_object_set_new(entry, "unknown", json_true());
	if (so_far)
		json_object_set_new(entry, "so-far", json_true());
	engine_tell(e, entry);
}

static void take_out(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];

	a->state = ATTACK_TAKING;
	a->taken = true;
	engine_do(e, DO_TAKE_OUT, i, 0);
	engine_timer(e, TIMER_ATTACK, i, e->now_ns + OUT_LIMIT_NS);
}

void attack_end(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];

	a->state = ATTACK_METERING;
	a->meter_asked = true;
	engine_do(e, DO_METER, i, 0);
	engine_timer(e, TIMER_ATTACK, i, e->now_ns + METER_LIMIT_NS);
}

static bool all_targets_gone(const struct engine_attack *a)
{
	return !a->instant && !a->follow && a->targets && a->gone >= a->targets;
}

static void attack_in(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];
	json_t *entry = attack_entry(e, a, "attack-in");

	a->state = ATTACK_IN;
	a->in_ns = e->now_ns;
	a->away_ns = a->nobody_ns = 0;
	a->end_ns = a->m->for_ns ? e->now_ns + a->m->for_ns : UINT64_MAX;
	a->meter_every_ns = NS_PER_S / 10;
	a->meter_next_ns = e->now_ns + a->meter_every_ns;
	if (a->m->for_ns)
		json_object_set_new(entry, "seconds", json_real((double)a->m->for_ns / 1e9));
	if (a->targets == 1)
		entry_text(entry, "target", a->came);
	engine_tell(e, entry);
	if (a->came[0]) /* while those that were resolved were away */
		follow_tell(e, i);
	if (!e->in_ns) {
		/* From here on looks count, so the first of them is due now. */
		e->in_ns = e->now_ns;
		probes_start(e, false, true);
	}
	if (a->instant || all_targets_gone(a))
		attack_end(e, i);
	else if (a->m->for_ns)
		engine_timer(e, TIMER_ATTACK, i, a->end_ns);
	else
		engine_timer(e, TIMER_ATTACK, i, 0);
}

static enum exit_code refusal_of(int code)
{
	switch (-code) {
	case EOPNOTSUPP:
	case ENOSYS:
		return EXIT_CANNOT;
	case EBUSY:
	case EACCES:
	case EPERM:
		return EXIT_REFUSED;
	default:
		return EXIT_HELD;
	}
}

static void attack_failed(struct experiment_state *e, uint32_t i, const struct err *err)
{
	struct engine_attack *a = &e->attacks[i];
	json_t *entry = attack_entry(e, a, "attack-failed");
	enum exit_code refused = e->in_ns ? EXIT_HELD : refusal_of(err->code);

	a->failed = true;
	(void)text_copy(a->failure, sizeof(a->failure), err->what);
	json_object_set_new(entry, "what", json_string(err->what));
	entry_text(entry, "hint", err->hint);
	json_object_set_new(entry, "code", json_integer(err->code));
	if (refused && e->phase == PHASE_ATTACK)
		engine_refuse(e, refused, err->what, err->hint);
	else
		engine_end(e, ENDED_FAILED, err->what, "");
	engine_tell(e, entry);
}

/* A put that failed leaves nothing of the attack in: the keeper has put it back. */
static void put_failed(struct experiment_state *e, uint32_t i, const struct event *ev)
{
	struct engine_attack *a = &e->attacks[i];
	size_t residue = (size_t)json_integer_value(json_object_get(ev->doc, "residue"));

	if (a->follow && attack_is_stale(ev->err) && !residue && e->phase == PHASE_ATTACK) {
		/* What was to be attacked is gone again. */
		follow_missed(e, a);
		if (a->state == ATTACK_PUTTING) {
			a->state = ATTACK_SEEKING;
			engine_timer(e, TIMER_ATTACK, i, 0);
		}
		return;
	}
	if (a->state != ATTACK_TAKING) {
		a->state = ATTACK_OUT;
		a->out_ns = e->now_ns;
		a->residue = residue;
		engine_timer(e, TIMER_ATTACK, i, 0);
	}
	if (a->follow && attack_is_stale(ev->err) && !residue)
		return;
	attack_failed(e, i, ev->err);
}

void attack_put_answer(struct experiment_state *e, const struct event *ev)
{
	struct engine_attack *a = &e->attacks[ev->id];

	if (!attack_is_live(a))
		return;
	if (ev->err) {
		put_failed(e, ev->id, ev);
		return;
	}
	if (a->state == ATTACK_IN && a->again)
		follow_tell(e, ev->id);
	if (a->state != ATTACK_PUTTING)
		return;
	if (e->phase == PHASE_ATTACK) {
		attack_in(e, ev->id);
		return;
	}
	/* It crossed with the order to take everything out, whose answer is still to come. */
	a->state = ATTACK_TAKING;
	a->in_ns = e->now_ns;
	a->cut_short = true;
	if (!e->in_ns)
		e->in_ns = e->now_ns;
}

/* Instant faults take a moment to show: a killed process to die. */
static bool read_again(const struct experiment_state *e, const struct engine_attack *a)
{
	return a->instant && e->now_ns < a->in_ns + METER_GRACE_NS &&
	       (!a->dose_known || a->no_effect);
}

static void dose_take(struct engine_attack *a, const json_t *d)
{
	const char *asked = json_string_value(json_object_get(d, "asked"));
	const char *achieved = json_string_value(json_object_get(d, "achieved"));
	const char *why = json_string_value(json_object_get(d, "why"));

	a->dose_known = true;
	a->no_effect = json_is_true(json_object_get(d, "no-effect"));
	(void)text_copy(a->dose_asked, sizeof(a->dose_asked), asked ? asked : "");
	(void)text_copy(a->achieved, sizeof(a->achieved), achieved ? achieved : "");
	(void)text_copy(a->dose_why, sizeof(a->dose_why), why ? why : "");
}

void attack_metered_answer(struct experiment_state *e, const struct event *ev)
{
	struct engine_attack *a = &e->attacks[ev->id];

	if (!attack_is_live(a) || !a->in_ns || !a->meter_asked)
		return;
	if (!ev->err && ev->doc) {
		dose_take(a, ev->doc);
	} else if (!a->dose_known && ev->err) {
		(void)text_copy(a->dose_why, sizeof(a->dose_why), ev->err->what);
	}
	if (a->state == ATTACK_IN && a->dose_known)
		attack_dose_tell(e, ev->id, true);
	if (a->state != ATTACK_METERING)
		return;
	if (read_again(e, a)) {
		a->state = ATTACK_AGAIN;
		engine_timer(e, TIMER_ATTACK, ev->id, e->now_ns + 10 * NS_PER_MS);
		return;
	}
	take_out(e, ev->id);
}

/* What was achieved, and that it is out. */
static void out_tell(struct experiment_state *e, uint32_t i, const json_t *steps, const char *why)
{
	struct engine_attack *a = &e->attacks[i];
	json_t *entry = attack_entry(e, a, "attack-out");

	if (a->in_ns)
		attack_dose_tell(e, i, false);
	json_object_set_new(entry, "seconds",
	                    json_real(a->in_ns ? (double)(e->now_ns - a->in_ns) / 1e9 : 0));
	follow_sum(e, a);
	if (a->in_ns && a->away_ns)
		json_object_set_new(entry, "away", json_real((double)a->away_ns / 1e9));
	json_object_set_new(entry, "residue", json_integer((json_int_t)a->residue));
	if (json_is_array(steps))
		json_object_set_new(entry, "steps", json_deep_copy(steps));
	entry_text(entry, "why", why);
	engine_tell(e, entry);
}

void attack_gone_out(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];

	a->state = ATTACK_OUT;
	a->out_ns = e->now_ns;
	a->cut_short = true;
	engine_timer(e, TIMER_ATTACK, i, 0);
	out_tell(e, i, NULL, "nothing of it was in effect: its targets were away");
}

void attack_out_answer(struct experiment_state *e, const struct event *ev)
{
	struct engine_attack *a = &e->attacks[ev->id];
	bool asked = e->phase != PHASE_ATTACK || a->state == ATTACK_TAKING;
	const char *why = NULL;

	if (!attack_is_live(a) || (a->state == ATTACK_IN && a->refit))
		return;
	a->state = ATTACK_OUT;
	a->out_ns = e->now_ns;
	a->residue = (size_t)json_integer_value(json_object_get(ev->doc, "residue"));
	a->cut_short |= !asked;
	/* what its helpers left says more than the last reading */
	if (a->in_ns && json_object_get(ev->doc, "dose"))
		dose_take(a, json_object_get(ev->doc, "dose"));
	engine_timer(e, TIMER_ATTACK, ev->id, 0);
	if (a->cut_short)
		why = all_targets_gone(a) ? "all its targets went away" : "it was put back early";
	out_tell(e, ev->id, json_object_get(ev->doc, "steps"), why);
	if (a->residue)
		engine_end(e, ENDED_FAILED, "something could not be put back", "");
	else if (!asked)
		engine_end(e, ENDED_FAILED, "the keeper put an attack back by itself", "");
}

void attack_target_gone(struct experiment_state *e, const struct event *ev)
{
	struct engine_attack *a = &e->attacks[ev->id];
	json_t *entry = attack_entry(e, a, "target-gone");
	const char *name = json_string_value(json_object_get(ev->doc, "target"));

	a->gone += a->gone < a->targets;
	follow_gone(e, a);
	json_object_set_new(entry, "target", json_string(name ? name : ""));
	json_object_set_new(entry, "left", json_integer((json_int_t)(a->targets - a->gone)));
	if (a->follow)
		json_object_set_new(entry, "follows", json_true());
	engine_tell(e, entry);
	if (e->phase == PHASE_ATTACK && a->state == ATTACK_IN && all_targets_gone(a)) {
		a->cut_short = true;
		attack_end(e, ev->id);
	}
}

void attack_timer(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];

	if (e->phase != PHASE_ATTACK)
		return;
	switch (a->state) {
	case ATTACK_PUTTING:
		engine_end(e, ENDED_FAILED, a->m->id,
		           "the keeper did not say that it is in effect");
		break;
	case ATTACK_IN:
	case ATTACK_AGAIN:
		attack_end(e, i);
		break;
	case ATTACK_METERING:
		take_out(e, i);
		break;
	case ATTACK_TAKING:
		engine_end(e, ENDED_FAILED, a->m->id, "the keeper did not say that it is out");
		break;
	case ATTACK_IDLE:
	case ATTACK_SEEKING:
	case ATTACK_OUT:
		break;
	}
}

void attacks_meter(struct experiment_state *e)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < e->x->attacks_n; i++) {
		struct engine_attack *a = &e->attacks[i];

		if (a->state != ATTACK_IN)
			continue;
		if (a->meter_next_ns <= e->now_ns && engine_has_room(e)) {
			a->meter_asked = true;
			engine_do(e, DO_METER, (uint32_t)i, 0);
			a->meter_every_ns =
			        a->meter_every_ns < NS_PER_S / 2 ? a->meter_every_ns * 2 : NS_PER_S;
			a->meter_next_ns = e->now_ns + a->meter_every_ns;
		}
		next = a->meter_next_ns < next ? a->meter_next_ns : next;
	}
	if (next != UINT64_MAX)
		engine_timer(e, TIMER_METER, 0, next);
}
