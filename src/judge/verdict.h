/*
 * verdict.h - from what was seen to the verdict, and to the two key questions: what went wrong, and
 * what was not expected. Pure.
 *
 * The default definition: held when every steady probe stayed within its tolerance while the attack
 * was in effect and the system was steady again within the limit. In order, the first that applies:
 *
 *   none          nothing was harmed (refused, or ended before), or nothing was asked (a bare
 *                 attack: no steady probe, no success, no failure)
 *   inconclusive  an abort condition was crossed that says `verdict: inconclusive`
 *   refuted       an abort condition was crossed, or on-miss: stop struck; `failure` is met; by the
 *                 default definition: a tolerance was exceeded, or not steady again in time
 *   inconclusive  cut short (signal, halt, deadline, lost, failed), an action failed, what an
 *                 attack achieved is not known, an attack ended before its time because all its
 *                 targets went away (and none came), or a steady probe was not looked at
 *   no-effect     an attack achieved nothing
 *   refuted       `success` is given and not met
 *   held
 *
 * A success definition replaces the default one; abort conditions refute in any case. A control
 * that misses refutes nothing, but is said.
 */
#ifndef SQUALL_JUDGE_VERDICT_H
#define SQUALL_JUDGE_VERDICT_H

#include "model/rundoc.h"

struct steady_facts {
	const char *id;
	uint64_t looks, misses; /* while the attack was in effect; unanswered ones are misses */
	uint64_t tolerate_ppm;
	uint64_t control_looks, control_misses;
	uint64_t unsent, skipped; /* looks that were due but could not be sent; never due in time */
	const char *why;          /* the first miss, or "" */
	bool recovered;
	double recovery_seconds;
};

struct attack_facts {
	const char *id, *fault;
	bool was_in, failed, no_effect, dose_known, short_, cut_short;
	const char *asked, *achieved, *why; /* of the dose; "" when there is none */
	const char *failure;                /* failed: what */
	size_t targets, asked_targets, gone;
	size_t followed;    /* how often targets were replaced, and the attack followed */
	bool gone_expected; /* ending its target is what the fault is for */
	size_t residue;
};

enum ended_by {
	ENDED_ITSELF,
	ENDED_CONDITION,
	ENDED_ON_MISS,
	ENDED_SIGNAL,
	ENDED_HALT,
	ENDED_DEADLINE,
	ENDED_LOST,   /* the keeper */
	ENDED_FAILED, /* something of squall's own, or a fault that could not be applied */
};

enum recovery_outcome { RECOVERY_NONE, RECOVERED, NOT_RECOVERED, RECOVERY_UNKNOWN };
const char *recovery_name(enum recovery_outcome);

struct facts {
	const struct steady_facts *steady;
	size_t steady_n;
	const struct attack_facts *attacks;
	size_t attacks_n;
	const struct expect *success, *failure;
	bool harmed; /* at least one attack was in effect */
	enum ended_by ended;
	const char *ended_says, *ended_why; /* "" when there is none */
	bool abort_inconclusive;
	const char *const *failed_actions; /* "id: what" */
	size_t failed_actions_n;
	enum recovery_outcome recovery;
	double recovery_seconds, recovery_within;
	enum outcome outcome;
	enum cleanup_state cleanup;
	size_t residue;
};

struct judgement {
	enum verdict verdict;
	char because[512];  /* a sentence without full stop */
	const char *steady; /* "held", "exceeded", "unknown" or "none" */
	bool nothing_achieved;
	json_t *went_wrong, *not_expected; /* lists of sentences, handed over */
};

void judge(const struct facts *, struct judgement *out);
/* What `success` and `failure` are held against: {steady, monitors, recovery {outcome, seconds},
 * outcome, cleanup, residue, probes {id: {looks, misses, share}}, dose {id: {no-effect}}}. New
 * reference. */
json_t *judge_document(const struct facts *);
/* By the default definition alone: "held", "exceeded", "unknown" or "none". */
const char *judge_steady(const struct facts *);

#endif
