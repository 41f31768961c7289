/*
 * How a run ends early: everything out, in the very next commands.
 */
#include "run/engine-state.h"

static bool is_hurried(const struct experiment_state *e)
{
	return e->ended == ENDED_SIGNAL || e->ended == ENDED_HALT;
}

static void end_tell(struct experiment_state *e)
{
	static const char *const by[] = {[ENDED_CONDITION] = "condition",
	                                 [ENDED_ON_MISS] = "on-miss",
	                                 [ENDED_SIGNAL] = "signal",
	                                 [ENDED_HALT] = "halt",
	                                 [ENDED_DEADLINE] = "deadline"};
	bool refutes = (e->ended == ENDED_CONDITION && !e->abort_inconclusive) ||
	               e->ended == ENDED_ON_MISS;
	json_t *entry;

	if (e->ended == ENDED_FAILED || e->ended == ENDED_LOST) {
		entry = engine_entry(e, e->ended == ENDED_LOST ? "keeper-lost" : "error");
		entry_text(entry, "what", e->ended_says);
		entry_text(entry, "on", e->ended_why);
		engine_tell(e, entry);
		return;
	}
	entry = engine_entry(e, "abort");
	json_object_set_new(entry, "by", json_string(by[e->ended]));
	json_object_set_new(entry, "says", json_string(e->ended_says));
	entry_text(entry, "why", e->ended_why);
	if (e->ended == ENDED_CONDITION)
		json_object_set_new(entry, "condition",
		                    json_integer((json_int_t)e->abort_condition));
	json_object_set_new(entry, "verdict", json_string(refutes ? "refuted" : "inconclusive"));
	engine_tell(e, entry);
}

void engine_end(struct experiment_state *e, enum ended_by by, const char *says, const char *why)
{
	bool first = e->ended == ENDED_ITSELF && !e->refused;

	if (e->phase == PHASE_DONE || e->to_finish)
		return;
	if (first) {
		e->ended = by;
		(void)text_copy(e->ended_says, sizeof(e->ended_says), says);
		(void)text_copy(e->ended_why, sizeof(e->ended_why), why);
	}
	switch (e->phase) {
	case PHASE_RESOLVE:
	case PHASE_ARM:
	case PHASE_BASELINE:
		engine_do_first(e, DO_TAKE_ALL);
		e->to_finish = true;
		break;
	case PHASE_ATTACK:
		engine_revert(e);
		break;
	case PHASE_RECOVERY:
		/* Everything is back; who is in a hurry need not wait for the system. */
		e->recovery_cut = !recovery_reached(e);
		e->to_finish = true;
		break;
	case PHASE_NEW:
	case PHASE_REVERT:
	case PHASE_DONE:
		break;
	}
	if (first)
		end_tell(e);
}

void engine_refuse(struct experiment_state *e, enum exit_code code, const char *what,
                   const char *hint)
{
	json_t *entry = engine_entry(e, "refused");

	if (e->to_finish || e->refused || e->ended != ENDED_ITSELF) {
		json_decref(entry);
		return;
	}
	e->refused = code;
	(void)text_copy(e->ended_says, sizeof(e->ended_says), what);
	json_object_set_new(entry, "exit", json_integer(code));
	json_object_set_new(entry, "what", json_string(what));
	entry_text(entry, "hint", hint);
	if (e->phase == PHASE_ATTACK)
		engine_revert(e);
	else
		e->to_finish = true;
	engine_tell(e, entry);
}

void engine_revert(struct experiment_state *e)
{
	bool early = e->ended != ENDED_ITSELF || e->refused;

	for (size_t i = 0; i < e->x->attacks_n; i++) {
		struct engine_attack *a = &e->attacks[i];

		if (follow_is_out(a))
			attack_gone_out(e, (uint32_t)i);
		if (!attack_is_live(a))
			continue;
		/* What was in already has had its time when only its taking out is left. */
		a->cut_short |= a->state == ATTACK_PUTTING || a->state == ATTACK_IN;
		engine_timer(e, TIMER_ATTACK, (uint32_t)i, 0);
	}
	engine_phase(e, PHASE_REVERT, e->now_ns + REVERT_LIMIT_NS);
	engine_timer(e, TIMER_PHASE, 0, e->now_ns + REVERT_LIMIT_NS);
	if (!early)
		return;
	if (is_hurried(e)) {
		engine_do(e, DO_CANCEL, UINT32_MAX, 0);
		for (size_t i = 0; i < e->probes_n; i++)
			looks_drop_pending(&e->probes[i].looks);
		probes_stop(e);
	}
	engine_do_first(e, DO_TAKE_ALL);
}

bool engine_is_reverted(const struct experiment_state *e)
{
	for (size_t i = 0; i < e->x->attacks_n; i++)
		if (attack_is_live(&e->attacks[i]))
			return false;
	return !e->keeper_lost || e->undone;
}

void engine_recover(struct experiment_state *e)
{
	uint64_t within = e->x->recovery_ns ? e->x->recovery_ns : RECOVERY_DEFAULT_NS, end;

	if (!e->gone_ns)
		e->gone_ns = e->now_ns;
	if (!e->in_ns || !e->steady_n || (e->gone_ns < e->now_ns && recovery_reached(e))) {
		e->to_finish = true;
		return;
	}
	if (is_hurried(e))
		within = RECOVERY_HURRIED_NS;
	end = e->gone_ns + within > e->now_ns ? e->gone_ns + within : e->now_ns;
	engine_phase(e, PHASE_RECOVERY, end);
	probes_start(e, is_hurried(e), FIRST_NOW);
	for (size_t i = e->steady_n; i < e->probes_n; i++)
		e->probes[i].next_ns = UINT64_MAX;
	engine_timer(e, TIMER_PHASE, 0, end);
}
