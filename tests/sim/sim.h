/*
 * sim.h - a seeded simulation of whole runs: random experiments, answers, failures, delays, deaths.
 *
 * One struct sim is one schedule: everything in it follows from its seed. The engine under test is
 * driven by a made-up runner (runner.c) over a made-up machine (machine-model.c, or the real keeper
 * over files: machine-keeper.c). check.c is the referee: it sees every event and every command, and
 * asks the machine itself, not those who work on it.
 */
#ifndef SQUALL_SIM_H
#define SQUALL_SIM_H

#include <setjmp.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "run/engine.h"

enum { ATTACKS_MAX = 4, OBJECTS = 3, OBJECTS_AT_ONCE = 2, PROBES_MAX = 4, QUEUE_MAX = 4096 };

/* What must hold, whatever happens. */
enum invariant {
	INV_LOGGED_FIRST,  /* nothing is applied before it is in the log and synced */
	INV_NOTHING_LEFT,  /* what is applied at the end was said to be residue */
	INV_DEADLINE,      /* no fault past its deadline while anyone lives who can end it */
	INV_ABORT_REVERTS, /* what ends a run early orders everything out, first of all commands */
	INV_ARMED_FIRST,   /* nothing is put before the keeper is armed */
	INV_STEADY_FIRST,  /* nothing is put before the steady state held */
	INV_FINISH_ONCE,   /* DO_FINISH comes exactly once, last */
	INV_EXIT,          /* the exit code agrees with the three answers */
	INV_NO_PUT_AFTER,  /* nothing is put once the revert has begun */
	INV_ENDS,          /* every run ends */
	INV_IGNORED,       /* an event that cannot be is ignored */
	INV_CEILING,       /* never more targets at once than were picked */
	INV_FOLLOW,        /* only what follows looks again, and not without a pause */
	INVARIANTS
};
extern const char *const invariant_names[INVARIANTS];

enum order_result { ORDER_DONE, ORDER_FAILED, ORDER_DIED };

struct sim;

/* The machine and who works on it: the keeper, and undo from its log. */
struct machine {
	const char *name;
	void (*begin)(struct sim *);
	void (*end)(struct sim *);
	/* Each may die half-way (sim_boundary). */
	enum order_result (*put)(struct sim *, uint32_t attack, struct err *);
	enum order_result (*take_out)(struct sim *, uint32_t attack, size_t *residue);
	size_t (*undo)(struct sim *); /* the keeper is dead; returns the residue */
	bool (*is_applied)(struct sim *, uint32_t attack); /* the truth */
};
extern const struct machine machine_under_test;

struct pending_event {
	uint64_t at_ns, order;
	enum source {
		FROM_MACHINE, /* fed to the engine as it is */
		FROM_TIMER,
		KEEPER_WORK,
		KEEPER_DEADLINE,
		KEEPER_WATCHDOG,
		RUNNER_DIES,
		RUNNER_HANGS,
		CLOCK_JUMPS,
		KEEPER_DIES,
	} source;
	enum event_type type;
	uint32_t id;
	json_t *doc;
	bool failed;
	int code;
};

enum keeper_order { ORDER_PUT, ORDER_TAKE_OUT, ORDER_TAKE_ALL, ORDER_METER };

struct sim {
	uint64_t seed, now_ns, fed_ns, sequence;
	struct rng rng;
	const struct machine *machine;

	/* the experiment */
	struct experiment x;
	struct arena arena;
	struct steady steady[PROBES_MAX];
	struct call controls[PROBES_MAX];
	struct abort_condition aborts[PROBES_MAX];
	struct method *attacks[ATTACKS_MAX], *actions[ATTACKS_MAX];
	bool healthy; /* the system is steady when nothing is attacked */
	unsigned hurt, fail,
	        lose; /* per cent: a look misses under attack; an answer fails; is lost */

	/* the runner */
	struct engine *engine;
	struct commands commands;
	struct pending_event queue[QUEUE_MAX];
	size_t queue_n;
	bool runner_alive, runner_hangs, keeper_alive, keeper_hangs, keeper_started, finished;
	struct finish finish;
	struct {
		enum keeper_order order;
		uint32_t attack;
	} orders[256];
	size_t orders_n;
	bool is_put[ATTACKS_MAX], is_in[ATTACKS_MAX]; /* as the keeper said */
	bool owed;                                    /* a take-out was not answered yet */
	size_t residue_said;
	size_t targets[ATTACKS_MAX];
	/* Those that live; those that have come and are not put yet. */
	size_t live[ATTACKS_MAX], coming[ATTACKS_MAX];
	size_t generation[ATTACKS_MAX]; /* decides which objects an attack changes */
	uint64_t looked_ns[ATTACKS_MAX];
	uint64_t timers[64]; /* by hash of the id: only the newest counts */
	uint32_t timer_ids[64];

	/* deaths in the middle of work */
	long boundaries_left; /* -1: never */
	jmp_buf *death;

	/* the referee */
	enum phase seen;
	uint64_t deadline_ns, jumped_ns;
	bool armed, put_before, ended_early;
	size_t finishes, baseline_misses;
	bool violated;
	enum invariant which;
	char what[300];
};

/* main.c */
extern bool sim_trace; /* print what happens: for one seed */
extern unsigned long cells[PHASE_DONE + 1][EV_TYPES], fed_anyway[PHASE_DONE + 1][EV_TYPES];
uint64_t sim_below(struct sim *, uint64_t n);
bool sim_chance(struct sim *, unsigned percent);
void sim_violate(struct sim *, enum invariant, const char *fmt, ...) printf_like(3, 4);

/* experiment.c */
void sim_experiment(struct sim *);

/* runner.c */
void sim_run(struct sim *);
/* A place where a process may die; does not return when it does. */
void sim_boundary(struct sim *);

/* The objects of an attack change with its targets, by one with each generation. */
static inline bool sim_has_object(const struct sim *s, uint32_t attack, size_t object)
{
	return (object + OBJECTS - s->generation[attack] % OBJECTS) % OBJECTS < OBJECTS_AT_ONCE;
}

/* check.c */
/* Why the runner never feeds this event in this phase; NULL: it does. */
const char *sim_impossible(enum phase, enum event_type);
void check_event(struct sim *, enum phase before, const struct event *);
void check_machine(struct sim *);
void check_end(struct sim *);

#endif
