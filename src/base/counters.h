/*
 * counters.h - named numbers read from the kernel, for the dose.
 *
 * Bounded; adding to a name that is there sums up. Values are what the kernel counts (packets,
 * bytes, nanoseconds): the unit is in the name.
 */
#ifndef SQUALL_BASE_COUNTERS_H
#define SQUALL_BASE_COUNTERS_H

#include "base/base.h"

enum { COUNTERS_MAX = 30 }; /* as many as fit in a message between processes (base/wire.h) */
struct counters {
	size_t n;
	struct counter {
		char name[40];
		uint64_t value;
	} v[COUNTERS_MAX];
};

void counters_add(struct counters *c, const char *name,
                  uint64_t value); /* silently full after COUNTERS_MAX names */
uint64_t counters_get(const struct counters *c, const char *name); /* 0 when absent */
/* By how much it has grown; 0 when it has not. */
uint64_t counters_grown(const struct counters *before, const struct counters *after,
                        const char *name);
bool counters_has(const struct counters *c, const char *name);

#endif
