/*
 * plans.h - what an experiment would do: each attack resolved and planned, nothing touched.
 */
#ifndef SQUALL_CLI_PLANS_H
#define SQUALL_CLI_PLANS_H

#include "cli/command.h"
#include "run/gate.h"

/* One attack, as far as it could be thought through. */
struct attack_thought {
	const struct method *attack;
	struct targets targets;
	struct plan plan;
	int resolve_code, plan_code, allow_code, can_code; /* 0 or negative errno */
	int gate_code;                                     /* what the policies say */
	struct err resolve_err, plan_err, allow_err, can_err, gate_err;
};

/* The policies that hold for that machine and this caller. EXIT_REFUSED, and told on standard
 * error: one of them cannot be used. Released by the caller in any case. */
enum exit_code policies_take(struct cli *, const struct world *, struct policies *);

/* Thinks through every attack of the file; *n of them in the arena. NULL: no memory. */
struct attack_thought *attacks_think(struct cli *, const struct world *, const struct policies *,
                                     const struct experiment *, uint64_t seed, size_t *n);
/* What the policies say of the file and of all its attacks together; 0 or -EPERM. */
int plans_gate(const struct policies *, const struct world *, const struct experiment *,
               const struct attack_thought *, size_t n, struct err *) must_use;
/* Prints the plan. EXIT_HELD, or why it cannot be made: EXIT_CANNOT, EXIT_REFUSED. */
enum exit_code plans_show(struct cli *, const struct world *, const struct experiment *,
                          uint64_t seed, bool json);

#endif
