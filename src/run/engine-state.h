/*
 * engine-state.h - what the engine's own files share. Not for anyone else.
 *
 * Owns: the whole state of one run. Invariants: time is only what the newest event said; commands
 * go into `out` of the event that is being fed; a timer counts only when it is set and due, so a
 * late or foreign EV_TIMER is harmless.
 */
#ifndef SQUALL_RUN_ENGINE_STATE_H
#define SQUALL_RUN_ENGINE_STATE_H

#include "base/quantity.h"
#include "judge/looks.h"
#include "judge/verdict.h"
#include "run/engine.h"

/* How long the engine waits for what should come, before it goes on without. */
#define RESOLVE_LIMIT_NS (30 * NS_PER_S)
#define ARM_LIMIT_NS (30 * NS_PER_S)
#define LOOK_LIMIT_NS (30 * NS_PER_S) /* a look without an answer is a miss */
#define PUT_LIMIT_NS (10 * NS_PER_S)
#define METER_LIMIT_NS (1 * NS_PER_S)
#define OUT_LIMIT_NS (10 * NS_PER_S)
#define REVERT_LIMIT_NS (15 * NS_PER_S)
#define RECOVERY_DEFAULT_NS (10 * NS_PER_S)
#define RECOVERY_HURRIED_NS (2 * NS_PER_S) /* after a signal or a halt */
#define METER_GRACE_NS (1 * NS_PER_S)      /* an instant fault may take this long to show */
#define RESOLVE_AGAIN_LIMIT_NS (6 * NS_PER_S)
#define FOLLOW_LEAST_NS (100 * NS_PER_MS) /* from an end to the first look for what comes */
#define FOLLOW_LOOK_NS (500 * NS_PER_MS)  /* between two looks while nothing has come, at most */
#define FOLLOW_MOST_NS (2 * NS_PER_S)     /* between two generations of a crash loop, at most */
#define FOLLOW_CALM_NS (10 * NS_PER_S)    /* what has held for so long is no crash loop */
#define SETTLE_LIMIT_NS (10 * NS_PER_S)   /* for a command to start serving */
#define SETTLE_EVERY_NS (250 * NS_PER_MS)
#define STAGGER_NS (100 * NS_PER_MS) /* looks of many probes are spread over this */

enum { LOOKS_IN_FLIGHT = 64, STEADY_AGAIN_LOOKS = 3, LOOKS_A_TURN = 256, COMMANDS_SPARE = 128 };

/* Timers: kind << 24 | number. */
enum timer_kind {
	TIMER_LOOKS,
	TIMER_PHASE,
	TIMER_DEADLINE,
	TIMER_METER,
	TIMER_TURN,
	TIMER_ATTACK,
	TIMER_FOLLOW,
	TIMER_WAIT
};

struct engine_probe {
	uint32_t id; /* look_id */
	const char *name;
	const struct expect *expect;
	uint64_t every_ns, stagger_ns;
	uint64_t next_ns; /* due; UINT64_MAX: not looked at */
	uint64_t last_ns; /* the newest look's due time */
	bool once;        /* one look is enough for this phase */
	struct looks looks;
	/* By due time: before the attack is in effect, while it is, after all is gone. */
	uint64_t before_looks, before_misses, during_looks, during_misses, after_looks;
	bool first_after_missed;
	bool steady; /* again, since the look that was due at steady_ns */
	uint64_t steady_ns;
	uint64_t unsent, skipped;
	char why[256]; /* of the first miss during the attack */
	char before_why[256];
	size_t errors; /* failed looks of an abort condition */
};

enum attack_state {
	ATTACK_IDLE,
	ATTACK_SEEKING, /* its targets are away, and it follows them: nothing is in yet */
	ATTACK_PUTTING,
	ATTACK_IN,
	ATTACK_METERING, /* the last reading, before it is taken out */
	ATTACK_AGAIN,    /* instant, no effect yet: read again soon */
	ATTACK_TAKING,
	ATTACK_OUT,
};

struct engine_attack {
	const struct method *m;
	enum attack_state state;
	bool instant, resolved, cut_short, taken; /* taken: ordered out by DO_TAKE_OUT */
	uint64_t in_ns, end_ns, out_ns; /* 0: never; end: UINT64_MAX until the method ends */
	size_t targets, matched, asked, gone;
	bool failed;
	char failure[448];
	bool dose_known, no_effect, meter_asked;
	char dose_asked[200], achieved[200], dose_why[200];
	uint64_t meter_every_ns, meter_next_ns; /* readings while in effect */
	/* Following: resolve ordered; put once more, not answered; the last put met a target that
	 * was gone, so nothing of the attack is in. */
	bool follow, resolving, again, refit;
	uint64_t follow_ns;      /* the next try, or how long an answer is waited for; 0: none */
	uint64_t follow_wait_ns; /* the pause before the next try */
	uint64_t lost_ns;        /* since when a target is away; 0: none is */
	uint64_t nobody_ns;      /* since when nothing is in effect on anybody; 0: it is */
	uint64_t away_ns;        /* how long that was, before */
	uint64_t followed_ns;
	size_t generations;
	char came[300];
	char trouble[448]; /* why the last look for what comes failed */
	size_t residue;
};

struct engine_node {
	const struct method *m;
	struct engine_node *children;
	size_t n, next;
	uint32_t number; /* attack, action or node, for its timer */
	bool started, done;
	uint64_t timer_ns; /* wait */
};

struct experiment_state {
	struct engine head;
	struct arena arena;
	const struct experiment *x;
	uint64_t seed;
	enum phase phase;
	uint64_t start_ns, now_ns;
	struct commands *out;

	struct engine_probe *probes; /* steady, their controls, abort conditions */
	size_t probes_n, steady_n;   /* the first steady_n are x->steady, in order */
	struct engine_attack *attacks;
	struct engine_node root;
	uint32_t waits_n;
	struct engine_node **waits;
	struct engine_node **actions;
	const char **failed_actions;
	size_t failed_actions_n;
	size_t resolve_next, resolved_n;

	uint64_t timer_looks_ns, timer_phase_ns, timer_deadline_ns, timer_meter_ns, timer_turn_ns;
	uint64_t *timer_attack_ns, *timer_follow_ns; /* 0: not set */

	uint64_t phase_ns;  /* when this phase began */
	uint64_t settle_ns; /* so long a baseline that fails may begin anew; 0: not at all */
	uint64_t again_ns;  /* then it does */
	bool settles;       /* and it was said */
	uint64_t attack_ns; /* the attack phase began; 0: never */
	uint64_t in_ns;     /* the first attack was in effect; 0: never */
	uint64_t gone_ns;   /* everything was gone for good; 0: not yet */
	bool any_put, baseline_over, to_finish;

	enum ended_by ended;
	char ended_says[448], ended_why[256];
	bool abort_inconclusive;
	size_t abort_condition;
	bool keeper_lost, undone, out_unknown;
	size_t undo_residue;
	enum exit_code refused; /* EXIT_HELD: not refused */
	bool recovery_cut;      /* not waited for */
};

/* engine-tell.c: commands and entries */
void engine_do(struct experiment_state *, enum command_type, uint32_t id, uint64_t at_ns);
/* The same, before everything that this event has already asked for. */
void engine_do_first(struct experiment_state *, enum command_type);
bool engine_has_room(const struct experiment_state *); /* for more commands in this turn */
uint64_t engine_t(const struct experiment_state *, uint64_t ns); /* as in entries */
json_t *engine_entry(const struct experiment_state *, const char *type);
void engine_tell(struct experiment_state *, json_t *entry);
void engine_phase(struct experiment_state *, enum phase, uint64_t until_ns);
void engine_timer(struct experiment_state *, enum timer_kind, uint32_t number, uint64_t at_ns);
void entry_text(json_t *entry, const char *key, const char *text); /* left out when empty */

/* engine-look.c: probes */
int probes_init(struct experiment_state *, struct err *) must_use;
/* Due times count from now on; once: one look each, at once. */
enum probes_first {
	FIRST_NOW,    /* all at once */
	FIRST_SPREAD, /* spread, so that many probes do not crowd */
	FIRST_LATER,  /* spread, after one period */
};
void probes_start(struct experiment_state *, bool once, enum probes_first);
void probes_stop(struct experiment_state *);
/* Orders what is due and sets the timer for the next. */
void probes_due(struct experiment_state *);
void probe_answer(struct experiment_state *, const struct event *);
size_t probes_pending(const struct experiment_state *);
bool probes_waiting(const struct experiment_state *); /* a look is still to be ordered */
void probes_give_up(struct experiment_state *);       /* every look without an answer missed */
void probes_forget_before(struct experiment_state *); /* the baseline so far */

/* engine-judge.c: what the looks mean */
/* An abort condition is crossed, or a tolerance certain to be exceeded: ends the attack. */
void conditions_check(struct experiment_state *);
/* False with the reason: the steady state does not hold. */
bool baseline_holds(const struct experiment_state *, struct buf *why);
/* No answer that is still to come can change that the baseline fails. */
bool baseline_failed(const struct experiment_state *);
/* Notes for each probe whether it is steady again. */
void recovery_note(struct experiment_state *, struct engine_probe *, uint64_t due_ns, bool hit);
/* All are, and no look of the attack is waited for that could change what is said of it. */
bool recovery_reached(const struct experiment_state *);
void engine_finish(struct experiment_state *);

/* engine-method.c: the method and its attacks */
int method_init(struct experiment_state *, struct err *) must_use;
/* Goes as far as it can go now; true when the method is done. */
bool method_step(struct experiment_state *);
/* UINT64_MAX: cannot be said, an action takes as long as it takes. */
uint64_t method_left_ns(const struct experiment_state *);
void method_deed(struct experiment_state *, const struct event *);

/* engine-attack.c: one attack */
void attack_put_order(struct experiment_state *, uint32_t i);
void attack_put_answer(struct experiment_state *, const struct event *);
void attack_metered_answer(struct experiment_state *, const struct event *);
void attack_out_answer(struct experiment_state *, const struct event *);
void attack_gone_out(struct experiment_state *, uint32_t i); /* nothing of it is in to take out */
void attack_target_gone(struct experiment_state *, const struct event *);
void attack_timer(struct experiment_state *, uint32_t i);
void attacks_meter(struct experiment_state *); /* the periodic readings */
/* Reads and takes out; without: the dose is what was read last. */
void attack_end(struct experiment_state *, uint32_t i);
bool attack_is_live(const struct engine_attack *);   /* put and not yet out */
bool attack_is_passed(const struct engine_attack *); /* its place in the method is done */
void attack_dose_tell(struct experiment_state *, uint32_t i, bool so_far);

/* engine-follow.c: targets that go and come again */
void follow_init(struct engine_attack *, const struct method *);
bool attack_is_stale(const struct err *); /* a target was gone */
void follow_gone(struct experiment_state *, struct engine_attack *);
void follow_missed(struct experiment_state *, struct engine_attack *);    /* a put met one gone */
void follow_sum(const struct experiment_state *, struct engine_attack *); /* away_ns is all of it */
bool follow_is_out(const struct engine_attack *); /* the last put failed: nothing of it is in */
void attacks_follow(struct experiment_state *);
void attack_followed(struct experiment_state *, const struct event *);
void follow_tell(struct experiment_state *, uint32_t i); /* what came is in effect */

/* engine-end.c */
/* Ends the run early: everything out, at once. The first reason stays. */
void engine_end(struct experiment_state *, enum ended_by, const char *says, const char *why);
void engine_refuse(struct experiment_state *, enum exit_code, const char *what, const char *hint);
void engine_revert(struct experiment_state *);
bool engine_is_reverted(const struct experiment_state *);
void engine_recover(struct experiment_state *); /* when all is out */

#endif
