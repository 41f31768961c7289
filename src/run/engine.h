/*
 * engine.h - the experiment as a pure state machine: events in, commands out. No clock, no I/O.
 *
 * Owns: where the run is. Invariants (checked by the simulator at every step): nothing is put
 * before EV_ARMED; whatever is put is ordered out before DO_FINISH unless the keeper is lost; after
 * an abort, halt, signal or deadline the very next commands take everything out; DO_FINISH comes
 * exactly once, last; an attack never has more targets than were picked before it began, whatever
 * comes and goes. Not to be assumed: that an answer comes; every wait has a timer.
 *
 * Ids: looks: see look_id(); deeds: index in experiment.actions; plans: index in
 * experiment.attacks.
 */
#ifndef SQUALL_RUN_ENGINE_H
#define SQUALL_RUN_ENGINE_H

#include <jansson.h>

#include "base/arena.h"
#include "model/rundoc.h"

enum phase {
	PHASE_NEW,
	PHASE_RESOLVE,
	PHASE_ARM,
	PHASE_BASELINE,
	PHASE_ATTACK,
	PHASE_REVERT,
	PHASE_RECOVERY,
	PHASE_DONE
};
const char *phase_name(enum phase);

enum event_type {
	EV_START,
	EV_RESOLVED, /* id: attack; doc {targets: [names], matched, asked}. In the attack: the
	                answer to DO_RESOLVE of one that follows; doc {came: [names]}, or err:
	                nobody is there */
	EV_ARMED,    /* keeper ready, all first plans made, checked and prepared */
	EV_LOOK, /* id: look; doc: {"due": ns, "doc": {...}|absent, "error": text, "jq": 1|0|-1} */
	EV_DEED, /* id: action; doc: its document, or err */
	EV_PLAN_IN,  /* id: attack; err: could not be applied (the keeper has reverted what it had
	                done of it) */
	EV_PLAN_OUT, /* id: attack; doc {steps: [{type, object, phase}], residue: n} */
	EV_METER, /* id: attack; doc {asked, achieved, no-effect, why} as the fault's dose said */
	EV_TARGET_GONE, /* id: attack; doc {target} */
	EV_TIMER,       /* id: as set */
	EV_HALT,        /* doc {reason, by} */
	EV_SIGNAL,      /* id: signal number */
	EV_KEEPER_LOST, /* the keeper died; the runner is undoing from the log. Followed by
	                   EV_PLAN_OUT for all that was in */
	EV_REFUSED,     /* id: EXIT_USAGE, EXIT_CANNOT or EXIT_REFUSED; err says why. Only before
	                   EV_ARMED */
	EV_UNDONE,      /* after EV_KEEPER_LOST: undo has ended; doc {residue: n, steps: […]} */
	EV_TYPES
};
const char *event_name(enum event_type);

struct event {
	uint64_t now_ns; /* CLOCK_BOOTTIME; never goes back */
	enum event_type type;
	uint32_t id;
	const json_t *doc;     /* borrowed */
	const struct err *err; /* borrowed */
};

enum command_type {
	DO_RESOLVE,  /* id: attack. In the attack: look for what comes in the place of those gone */
	DO_ARM,      /* at_ns: hard deadline (CLOCK_BOOTTIME) for keeper and helpers */
	DO_LOOK,     /* id: look; at_ns: due time (may be later than now: start it then) */
	DO_DEED,     /* id: action */
	DO_PUT,      /* id: attack; level: ramp level. Again = plan again, apply the difference */
	DO_TAKE_OUT, /* id: attack */
	DO_TAKE_ALL, /* everything, at once */
	DO_METER,    /* id: attack; answers EV_METER */
	DO_TIMER,    /* id; at_ns. A timer with the same id is replaced */
	DO_CANCEL,   /* looks and deeds in flight that are not wanted any more: id = look, or
	                UINT32_MAX for all */
	DO_TELL,     /* entry: appended to the run document (reference handed over) */
	DO_FINISH,   /* verdict, outcome, cleanup, exit are in *finish */
};
const char *command_name(enum command_type);

struct finish {
	enum verdict verdict;
	enum outcome outcome;
	enum cleanup_state cleanup;
	enum exit_code exit;
};

struct command {
	enum command_type type;
	uint32_t id, level;
	uint64_t at_ns;
	json_t *entry; /* DO_TELL */
	struct finish finish;
};

enum { COMMANDS_MAX = 1024 };
struct commands {
	size_t n;
	struct command v[COMMANDS_MAX];
};

/* Looks: steady i, its control, abort condition i. */
enum look_kind { LOOK_STEADY, LOOK_CONTROL, LOOK_ABORT };
static inline uint32_t look_id(enum look_kind k, size_t i)
{
	return (uint32_t)k << 24 | (uint32_t)i;
}
static inline enum look_kind look_kind_of(uint32_t id)
{
	return (enum look_kind)(id >> 24);
}
static inline size_t look_index(uint32_t id)
{
	return id & 0xffffff;
}

struct engine {
	const struct engine_type *type;
	/* state follows */
};

struct engine_type {
	const char *name;
	/* Room for the state is made by the type (in its own arena). */
	struct engine *(*new_)(const struct experiment *, uint64_t seed, struct err *);
	void (*feed)(struct engine *, const struct event *,
	             struct commands *out); /* never fails: failure is an event */
	enum phase (*phase)(const struct engine *);
	void (*free_)(struct engine *);
};
extern const struct engine_type experiment_engine;

#endif
