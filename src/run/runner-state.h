/*
 * runner-state.h - what the runner's own files share. Not for anyone else.
 *
 * Owns: everything of one run in this process. Invariants: events reach the engine one at a time,
 * in the order in which they were posted, never from within the engine; commands of one event are
 * carried out before the next event is fed.
 */
#ifndef SQUALL_RUN_RUNNER_STATE_H
#define SQUALL_RUN_RUNNER_STATE_H

#include <signal.h>

#include "io/loop.h"
#include "run/gate.h"
#include "run/runner.h"
#include "undo/link.h"

struct runner;
struct flight;  /* a look or a deed: runner-looks.c */
struct filter;  /* a compiled jq filter: runner-looks.c */
struct pending; /* an event that waits: runner.c */

struct name_watch; /* host names that are looked up again: runner-names.c */
struct lookout;    /* targets that are being looked for again: runner-follow.c */

/* One target: index in attack.targets.v. */
struct target_watch {
	struct attack *attack;
	size_t i;
	int pidfd; /* -1: looked at now and then, or not at all */
	struct watch *watch;
	bool gone; /* and said so */
};

enum meter_use {
	METER_DOSE,
	METER_BEFORE,
	METER_LEAVE, /* before the new objects of what has come are there */
	METER_JOIN,  /* with them, before they are changed */
};

/* One attack: index in experiment.attacks = number of its plan. */
struct attack {
	struct runner *r;
	uint32_t i;
	struct targets targets;
	bool resolved;
	size_t level;
	size_t pids; /* that its plan takes at most */
	uint64_t turn;
	bool put;     /* a put was sent and no take-out since */
	bool leaving; /* a take-out was sent and not answered yet */
	/* Answers that are due, in the order of asking; bit i: the i-th is to a planning of the
	 * runner's own, not to a DO_PUT. */
	unsigned owed;
	uint64_t owed_own;
	struct timer *again; /* plan again: NULL until asked for */
	bool before_known;
	struct counters before, leave;
	uint64_t before_ns;
	json_t *steps; /* "type object" -> {type, object, phase, …} since the last put */
	size_t landed, was_there;  /* steps that went in, and of them without a change */
	enum meter_use meters[64]; /* asked for, in order */
	unsigned meters_owed;
	size_t residue;               /* objects of this attack that undo could not put back */
	struct target_watch *watches; /* one for each target; NULL: not yet watched */
	struct timer *look;           /* at targets that no descriptor tells about */
	struct lookout *lookout;
	struct names *names; /* that it names, in the runner's arena; NULL: none */
	struct name_watch *name_watch;
	uint64_t looks;              /* for what comes */
	bool fresh;                  /* something has come and was not put yet */
	struct run_command *command; /* the program that was started as the target; NULL: none */
};

struct alarm { /* a timer of the engine */
	struct runner *r;
	struct alarm *next;
	uint32_t id;
	struct timer *timer;
};

struct runner {
	const struct run_options *o;
	const struct experiment *x;
	const struct engine_type *type;
	struct engine *engine;
	struct commands *commands; /* large, so not on a stack */
	struct loop *loop;
	struct rundoc *doc;
	struct arena arena; /* targets: as long as the run */
	struct attack *attacks;
	struct proc_id *spare; /* never chosen: this process and those of the options */
	size_t spare_n;
	struct pending *first, *last;
	bool feeding;
	struct flight *flights;
	struct filter *filters;
	struct alarm *alarms;

	struct link link;
	bool linked;    /* the keeper was started, and its end was not yet dealt with */
	bool preparing; /* between link_arm and LINK_ARMED */
	bool armed;
	bool lost;           /* the keeper died before its time */
	bool dying;          /* and is not gone yet */
	bool ending;         /* link_end was sent */
	bool ended;          /* LINK_ENDED came */
	size_t last_residue; /* found by the last check, or by undo */
	bool undo_failed;    /* what is there now is not known */
	bool late_undo;      /* systemd will run "squall undo" */
	uint64_t armed_ns;
	int stash; /* directory for blobs, -1: none */
	struct watch *link_watch, *keeper_watch;
	bool waiting;            /* the clock of answer_by runs */
	struct timer *answer_by; /* a take-out must be answered; or a dying keeper be gone */

	struct watch *signals[3];
	struct timer *tick;
	bool halted;
	bool piped; /* SIGPIPE was ignored here; sigpipe is what was before */
	struct sigaction sigpipe;

	struct timer *stopping; /* commands were asked to end; then the loop stops */
	bool finished;          /* DO_FINISH came */
	struct finish finish;
};

/* runner.c: events in. doc is handed over; err is copied. */
void runner_post(struct runner *r, enum event_type type, uint32_t id, json_t *doc,
                 const struct err *err);
/* Hands an entry (reference handed over, "type" set) to the run document; adds "t" when it is not
 * there, masks secrets. */
void runner_tell(struct runner *r, json_t *entry);
/* After DO_FINISH, when nothing is waited for any more. */
void runner_stop(struct runner *r);

/* runner-arm.c */
void runner_resolve(struct runner *r, uint32_t attack);
void runner_arm(struct runner *r, uint64_t deadline_ns);
/* Takes back the timer of systemd when nothing is left to undo. */
void last_resort_disarm(struct runner *r);
/* What the experiment asks for and this build does not have; false when there is some. */
bool runner_built(struct runner *r);
/* What the policies refuse before anything is looked at; false when it is refused. */
bool runner_may(struct runner *r);

/* runner-attack.c */
/* Makes the stash; the keeper opens it when it starts. */
int stash_open(struct runner *r, struct err *err) must_use;
enum attack_use { ATTACK_LOOK, ATTACK_PREPARE, ATTACK_PUT };
/* Plans for this moment and tells it, prepares it, or puts it. */
int attack_put(struct attack *a, enum attack_use use, struct err *err) must_use;
void runner_put(struct runner *r, uint32_t attack, uint32_t level);
void runner_take_out(struct runner *r, uint32_t attack);
void runner_take_all(struct runner *r);
void runner_meter(struct runner *r, uint32_t attack);
void attack_metered(struct attack *a, const struct counters *read);
void attack_in(struct attack *a, const struct err *err);
/* left: what its helpers had counted when they were gone; NULL or empty: nobody knows. */
void attack_out(struct attack *a, size_t residue, const struct counters *left);
void attack_step(struct attack *a, const struct slot *slot);
void attack_release(struct attack *a);
/* Plans again at the next turn, as when its time has come. */
void attack_again(struct attack *a);

/* runner-names.c: host names and their addresses */
/* Which there are, resolved for the first time: before any harm. Waits. */
int names_arm(struct attack *a, struct err *err) must_use;
void names_watch(struct attack *a);
void names_unwatch(struct attack *a);

/* runner-follow.c: targets that end, and what comes in their place */
void targets_watch(struct attack *a);
void targets_unwatch(struct attack *a);
void targets_release(struct attack *a);
void runner_follow(struct attack *a);

/* runner-command.c: programs that are started as targets */
int command_start(struct attack *a, struct err *err) must_use;
/* From here on it ends with the runner, whatever happens to that. */
int command_guard(struct attack *a, struct err *err) must_use;
/* Asks all of them to end; false when there is none left, else runner_stop comes later. */
bool commands_end(struct runner *r);
void command_release(struct attack *a);

/* runner-keeper.c */
int keeper_start(struct runner *r, uint64_t deadline_ns, struct err *err) must_use;
/* An answer is due within a second, or the keeper is ended and its log is undone. */
void keeper_must_answer(struct runner *r);
void keeper_lost(struct runner *r, const char *why);
/* Everything out, checked, and the keeper gone; runner_stop() follows. */
void keeper_finish(struct runner *r);
void keeper_release(struct runner *r);

/* runner-looks.c */
void runner_look(struct runner *r, uint32_t look, uint64_t due_ns);
void runner_deed(struct runner *r, uint32_t action);
void runner_cancel(struct runner *r, uint32_t look); /* UINT32_MAX: all looks and deeds */

void looks_release(struct runner *r);

/* runner-watch.c: signals, the halt file, the tick */
int runner_watch(struct runner *r, struct err *err) must_use;
void runner_unwatch(struct runner *r);
/* False when there is no halt. */
bool runner_halt_asked(const struct runner *r, struct halt *);
/* True when a halt was found now; the engine has been told. */
bool runner_halt_look(struct runner *r);

#endif
