/*
 * sweep-plan.h - what the faults have in common that do something to all that match, once or time
 * and again, and have no way back (step/sweep.h).
 */
#ifndef SQUALL_FAULT_SWEEP_PLAN_H
#define SQUALL_FAULT_SWEEP_PLAN_H

#include "fault/net-scope.h"
#include "step/sweep.h"

struct sweep_args {
	uint64_t every_ns;
	const char *protocol, *user;
	struct text_list address, port;
};

/* The rows of their tables. type has a member `sweep` of struct sweep_args. */
#define SWEEP_EVERY(type)                                                                          \
	{                                                                                          \
		.name = "every", .kind = PARAM_DURATION, .offset = offsetof(type, sweep.every_ns), \
		.min = "1s", .help = "again each time so much has passed; left out: once",         \
	}
#define SWEEP_ADDRESS(type)                                                                     \
	{                                                                                       \
		.name = "address", .kind = PARAM_LIST, .offset = offsetof(type, sweep.address), \
		.flags = PARAM_HOSTS,                                                           \
		.help = "only with these remote addresses: 10.0.0.0/8, fd00::7; "               \
		        "^10.0.0.7: not that one",                                              \
	}
#define SWEEP_PORT(type)                                                                   \
	{                                                                                  \
		.name = "port", .kind = PARAM_LIST, .offset = offsetof(type, sweep.port),  \
		.help = "only these ports, at either end: 6379, 8000-8010; ^22: not that", \
	}

/* What can be told without a machine. -EINVAL. */
int sweep_check(const struct sweep_args *, struct err *) must_use;
/* Adds the step of that type. what: "connections", for people. -ESTALE: the target is gone. */
int sweep_plan(const char *type, const struct sweep_args *, const char *what, const struct target *,
               const struct moment *, const struct world *, const char *run, struct plan *out,
               uint64_t *again_ns, struct err *) must_use;
/* From the counters "found" and that name. what: "connections"; gone: "destroyed". */
void sweep_dose(const struct sweep_args *, const struct counters *before,
                const struct counters *after, const char *what, const char *gone, struct dose *);

#endif
