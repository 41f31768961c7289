/*
 * plans.h - what an experiment would do: each attack resolved and planned, nothing touched.
 */
#ifndef SQUALL_CLI_PLANS_H
#define SQUALL_CLI_PLANS_H

#include "cli/command.h"
#include "run/attack-plan.h"

/* One attack, as far as it could be thought through. */
struct attack_thought {
	const struct method *attack;
	struct targets targets;
	struct plan plan;
	int resolve_code, plan_code, allow_code, can_code; /* 0 or negative errno */
	struct err resolve_err, plan_err, allow_err, can_err;
};

/* Thinks through every attack of the file; *n of them in the arena. NULL: no memory. */
struct attack_thought *attacks_think(struct cli *, const struct world *, const struct experiment *,
                                     uint64_t seed, size_t *n);
/* Prints the plan. EXIT_HELD, or why it cannot be made: EXIT_CANNOT, EXIT_REFUSED. */
enum exit_code plans_show(struct cli *, const struct world *, const struct experiment *,
                          uint64_t seed, bool json);

#endif
