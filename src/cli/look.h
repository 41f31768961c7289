/*
 * look.h - probes looked at once, at the same time, outside of a run.
 */
#ifndef SQUALL_CLI_LOOK_H
#define SQUALL_CLI_LOOK_H

#include <jansson.h>

#include "base/world.h"
#include "model/experiment.h"

struct glance {
	const struct kind *kind;
	const void *args;
	const struct expect *expect; /* NULL: nothing is expected */
	/* The answer. */
	json_t *doc; /* NULL: the look failed, see err */
	struct err err;
	int jq_said;
	bool held;     /* the expectation, when there is one */
	char why[256]; /* when not held */
};

/* Starts all, and returns when each has answered or limit_ns has passed (-ETIMEDOUT for those). */
int look_at(const struct world *, struct glance *, size_t n, uint64_t limit_ns,
            struct err *) must_use;
void glance_release(struct glance *);

#endif
