/*
 * The referee: what must hold after every event, and at the end.
 */
#include <string.h>

#include "sim.h"

const char *const invariant_names[INVARIANTS] = {
        "logged-first", "nothing-left", "deadline",      "abort-reverts",       "armed-first",
        "steady-first", "finish-once",  "exit-agrees",   "no-put-after-revert", "run-ends",
        "ignored",      "ceiling",      "follow-bounded"};

#define ONCE "the runner says it once, first"
#define NOT_ORDERED "nothing was ordered yet that it answers"
#define ANSWERED "the engine waits for it before it leaves the phase in which it was ordered"
#define OVER "the runner feeds nothing after DO_FINISH"
#define UNBORN "the runner feeds EV_START first"
#define NO_KEEPER "the keeper is started at arming"
#define TOO_LATE "the runner refuses only before the keeper is armed"
#define ENDED_WITH "the engine finished when the keeper was lost: nothing was in"
#define LOST_FIRST "EV_KEEPER_LOST comes before it, and leads to the revert"
#define ORDERED_ANSWERS "the keeper answers in order, and the answer to the take-out came"

static const char *const impossible[PHASE_DONE + 1][EV_TYPES] = {
        [PHASE_RESOLVE] = {[EV_START] = ONCE,
                           [EV_ARMED] = NOT_ORDERED,
                           [EV_LOOK] = NOT_ORDERED,
                           [EV_DEED] = NOT_ORDERED,
                           [EV_PLAN_IN] = NOT_ORDERED,
                           [EV_PLAN_OUT] = NOT_ORDERED,
                           [EV_METER] = NOT_ORDERED,
                           [EV_KEEPER_LOST] = NO_KEEPER,
                           [EV_UNDONE] = NO_KEEPER},
        [PHASE_ARM] = {[EV_START] = ONCE,
                       [EV_RESOLVED] = ANSWERED,
                       [EV_LOOK] = NOT_ORDERED,
                       [EV_DEED] = NOT_ORDERED,
                       [EV_PLAN_IN] = NOT_ORDERED,
                       [EV_PLAN_OUT] = NOT_ORDERED,
                       [EV_METER] = NOT_ORDERED,
                       [EV_UNDONE] = ENDED_WITH},
        [PHASE_BASELINE] = {[EV_START] = ONCE,
                            [EV_RESOLVED] = ANSWERED,
                            [EV_ARMED] = ANSWERED,
                            [EV_DEED] = NOT_ORDERED,
                            [EV_PLAN_IN] = NOT_ORDERED,
                            [EV_PLAN_OUT] = NOT_ORDERED,
                            [EV_METER] = NOT_ORDERED,
                            [EV_REFUSED] = TOO_LATE,
                            [EV_UNDONE] = ENDED_WITH},
        [PHASE_ATTACK] = {[EV_START] = ONCE,
                          [EV_ARMED] = ANSWERED,
                          [EV_REFUSED] = TOO_LATE,
                          [EV_UNDONE] = LOST_FIRST},
        [PHASE_REVERT] = {[EV_START] = ONCE, [EV_ARMED] = ANSWERED, [EV_REFUSED] = TOO_LATE},
        [PHASE_RECOVERY] = {[EV_START] = ONCE,
                            [EV_ARMED] = ANSWERED,
                            [EV_PLAN_IN] = ORDERED_ANSWERS,
                            [EV_PLAN_OUT] = ORDERED_ANSWERS,
                            [EV_METER] = ORDERED_ANSWERS,
                            [EV_REFUSED] = TOO_LATE},
};

const char *sim_impossible(enum phase p, enum event_type t)
{
	if (p == PHASE_NEW)
		return t == EV_START ? NULL : UNBORN;
	return p == PHASE_DONE ? OVER : impossible[p][t];
}

static const struct command *ordered(const struct sim *s, enum command_type type)
{
	for (size_t i = 0; i < s->commands.n; i++)
		if (s->commands.v[i].type == type)
			return &s->commands.v[i];
	return NULL;
}

static bool is_told(const struct sim *s, const char *type)
{
	for (size_t i = 0; i < s->commands.n; i++) {
		const char *t = json_string_value(json_object_get(s->commands.v[i].entry, "type"));

		if (t && s->commands.v[i].type == DO_TELL && !strcmp(t, type))
			return true;
	}
	return false;
}

static void check_ignored(struct sim *s, enum phase before, const struct event *ev)
{
	for (size_t i = 0; i < s->commands.n; i++)
		if (s->commands.v[i].type != DO_TELL)
			sim_violate(s, INV_IGNORED, "%s in phase %s led to %s",
			            event_name(ev->type), phase_name(before),
			            command_name(s->commands.v[i].type));
	if (experiment_engine.phase(s->engine) != before)
		sim_violate(s, INV_IGNORED, "%s moved phase %s to %s", event_name(ev->type),
		            phase_name(before), phase_name(experiment_engine.phase(s->engine)));
}

static void check_finish(struct sim *s)
{
	size_t at = 0, n = 0;

	for (size_t i = 0; i < s->commands.n; i++) {
		if (s->commands.v[i].type != DO_FINISH)
			continue;
		at = i;
		n++;
	}
	s->finishes += n;
	if (s->finishes > 1 || (n && at + 1 != s->commands.n))
		sim_violate(s, INV_FINISH_ONCE, "%zu times, at %zu of %zu", s->finishes, at,
		            s->commands.n);
}

/* Looks of the baseline, counted by what they said and not by what the engine made of it. */
static void baseline_note(struct sim *s, const struct event *ev)
{
	size_t i = look_index(ev->id);
	const json_t *doc = json_object_get(ev->doc, "doc");

	if (ev->type != EV_LOOK || look_kind_of(ev->id) != LOOK_STEADY || i >= s->x.steady_n)
		return;
	if (!json_is_true(json_object_get(doc, "ok")) && !s->steady[i].tolerate_ppm)
		s->baseline_misses++;
}

static void check_put(struct sim *s, enum phase before)
{
	if (!ordered(s, DO_PUT))
		return;
	if (!s->armed)
		sim_violate(s, INV_ARMED_FIRST, "in phase %s", phase_name(before));
	if (s->baseline_misses)
		sim_violate(s, INV_STEADY_FIRST, "%zu looks missed", s->baseline_misses);
	if (s->ended_early || before > PHASE_ATTACK)
		sim_violate(s, INV_NO_PUT_AFTER, "in phase %s", phase_name(before));
}

static void check_abort(struct sim *s, enum phase before, const struct event *ev)
{
	bool called = ev->type == EV_HALT || ev->type == EV_SIGNAL || ev->type == EV_KEEPER_LOST;
	enum phase now = experiment_engine.phase(s->engine);

	if (before < PHASE_RESOLVE || before > PHASE_ATTACK)
		return;
	called |= is_told(s, "abort") || is_told(s, "error");
	s->ended_early |= called;
	if (called && (!s->commands.n || s->commands.v[0].type != DO_TAKE_ALL))
		sim_violate(s, INV_ABORT_REVERTS, "%s in phase %s led first to %s",
		            event_name(ev->type), phase_name(before),
		            s->commands.n ? command_name(s->commands.v[0].type) : "nothing");
	if (s->deadline_ns && s->now_ns >= s->deadline_ns && now >= PHASE_ARM &&
	    now <= PHASE_ATTACK)
		sim_violate(s, INV_DEADLINE, "the engine is still in phase %s", phase_name(now));
}

/* Who lives, as the events say it. */
static void targets_note(struct sim *s, enum phase before, const struct event *ev)
{
	if (ev->id >= s->x.attacks_n)
		return;
	if (ev->type == EV_TARGET_GONE)
		s->live[ev->id] -= s->live[ev->id] > 0;
	if (ev->type == EV_RESOLVED && before == PHASE_ATTACK && !ev->err)
		s->coming[ev->id] = json_array_size(json_object_get(ev->doc, "came"));
}

static void check_follow(struct sim *s, enum phase before)
{
	for (size_t i = 0; i < s->commands.n; i++) {
		const struct command *c = &s->commands.v[i];

		if (c->type != DO_RESOLVE || before < PHASE_BASELINE)
			continue;
		if (!s->x.attacks[c->id]->selector.follow)
			sim_violate(s, INV_FOLLOW, "attack %u does not follow", c->id);
		if (s->looked_ns[c->id] && s->now_ns - s->looked_ns[c->id] < 100 * NS_PER_MS)
			sim_violate(s, INV_FOLLOW, "attack %u looked again at once", c->id);
		s->looked_ns[c->id] = s->now_ns;
	}
}

void check_event(struct sim *s, enum phase before, const struct event *ev)
{
	if (sim_impossible(before, ev->type)) {
		fed_anyway[before][ev->type]++;
		check_ignored(s, before, ev);
		return;
	}
	cells[before][ev->type]++;
	if (before == PHASE_ARM && ev->type == EV_ARMED)
		s->armed = true;
	if (before == PHASE_BASELINE)
		baseline_note(s, ev);
	targets_note(s, before, ev);
	check_follow(s, before);
	check_put(s, before);
	check_abort(s, before, ev);
	check_finish(s);
}

void check_machine(struct sim *s)
{
	uint64_t from = s->deadline_ns > s->jumped_ns ? s->deadline_ns : s->jumped_ns;
	bool can_end =
	        (s->runner_alive && !s->runner_hangs) || (s->keeper_alive && !s->keeper_hangs);

	if (!s->deadline_ns || s->now_ns < s->deadline_ns || s->now_ns < from + 2 * NS_PER_S ||
	    !can_end || s->residue_said)
		return;
	for (uint32_t a = 0; a < s->x.attacks_n; a++)
		if (s->machine->is_applied(s, a))
			sim_violate(s, INV_DEADLINE, "attack %u is in effect %.3f s after it", a,
			            (double)(s->now_ns - s->deadline_ns) / 1e9);
}

/* The table of the command line, written down once more. */
static enum exit_code exit_of(const struct sim *s)
{
	const struct finish *f = &s->finish;

	if (f->cleanup == CLEANUP_RESIDUE)
		return EXIT_RESIDUE;
	if (f->outcome == OUTCOME_ERRORED || f->cleanup == CLEANUP_UNKNOWN)
		return EXIT_BROKEN;
	if (f->verdict == VERDICT_REFUTED)
		return EXIT_REFUTED;
	if (f->outcome == OUTCOME_ABORTED)
		return EXIT_ABORTED;
	if (f->outcome == OUTCOME_EXPIRED || f->verdict == VERDICT_INCONCLUSIVE ||
	    f->verdict == VERDICT_NO_EFFECT)
		return EXIT_NOTHING;
	return EXIT_HELD;
}

static void check_answers(struct sim *s)
{
	enum exit_code want = exit_of(s), got = s->finish.exit;
	bool refused = s->finish.outcome == OUTCOME_REFUSED && s->finish.cleanup == CLEANUP_CLEAN;
	/* A bare attack that achieved nothing has no verdict, and says so by its exit code. */
	bool bare = !s->x.steady_n && s->finish.verdict == VERDICT_NONE;

	if (refused ? got != EXIT_CANNOT && got != EXIT_REFUSED
	            : got != want && !(bare && want == EXIT_HELD && got == EXIT_NOTHING))
		sim_violate(s, INV_EXIT, "%s, %s, %s gave %d", verdict_name(s->finish.verdict),
		            outcome_name(s->finish.outcome), cleanup_name(s->finish.cleanup), got);
	if (s->finish.verdict == VERDICT_HELD && s->finish.outcome != OUTCOME_COMPLETED)
		sim_violate(s, INV_EXIT, "held, but %s", outcome_name(s->finish.outcome));
	if (!s->residue_said == (s->finish.cleanup == CLEANUP_RESIDUE))
		sim_violate(s, INV_EXIT, "%zu objects were said to be residue, clean-up %s",
		            s->residue_said, cleanup_name(s->finish.cleanup));
}

void check_end(struct sim *s)
{
	bool left = false;

	if (s->violated)
		return;
	for (uint32_t a = 0; a < s->x.attacks_n; a++)
		left |= s->machine->is_applied(s, a);
	if (s->finished) {
		if (left && s->finish.cleanup == CLEANUP_CLEAN)
			sim_violate(s, INV_NOTHING_LEFT, "at the end, and clean-up says clean");
		if (left && s->keeper_alive && !s->keeper_hangs && !s->residue_said)
			sim_violate(s, INV_NOTHING_LEFT,
			            "at the end, and nobody waited for the keeper");
		check_answers(s);
		/* Nothing that comes late may move it again. */
		for (enum event_type t = 0; t < EV_TYPES && !s->violated; t++) {
			struct event ev = {.now_ns = s->now_ns + NS_PER_S, .type = t};

			s->commands.n = 0;
			experiment_engine.feed(s->engine, &ev, &s->commands);
			fed_anyway[PHASE_DONE][t]++;
			for (size_t i = 0; i < s->commands.n; i++)
				json_decref(s->commands.v[i].entry);
			if (s->commands.n)
				sim_violate(s, INV_FINISH_ONCE, "%s after the end led to %s",
				            event_name(t), command_name(s->commands.v[0].type));
		}
		return;
	}
	/* The runner died. Where the keeper did not put all back, undo does. */
	if (left && s->keeper_alive && !s->keeper_hangs && !s->residue_said)
		sim_violate(s, INV_NOTHING_LEFT, "the runner died, the keeper lived");
	s->residue_said += s->machine->undo(s);
	for (uint32_t a = 0; a < s->x.attacks_n; a++)
		if (s->machine->is_applied(s, a) && !s->residue_said)
			sim_violate(s, INV_NOTHING_LEFT, "after undo");
}
