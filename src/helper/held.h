/*
 * held.h - what every helper that holds something does: its card, its counters, its orders.
 *
 * Owns: the process's loop. A kind says what an order means and does the work in pieces.
 * Invariants: the card is written before anything is taken; an order is answered once it is
 * understood, not once all is taken, so that the keeper never waits for a large one; between two
 * pieces the channel is looked at. Where a cgroup is given the helper is in it before it takes
 * anything, and leaves (ends) when it has become the only process there, so that it never keeps a
 * group alive.
 */
#ifndef SQUALL_HELPER_HELD_H
#define SQUALL_HELPER_HELD_H

#include "base/held.h"
#include "base/helper.h"

struct held {
	struct world world;
	struct held_object object;
	struct counters *page;
};

struct held_kind {
	bool in_cgroup; /* the place, if there is one, is a cgroup to be in */
	/* Takes an order. -EINVAL when it cannot be read. */
	int (*order)(void *ctx, struct held *, const char *state, struct err *);
	/* A piece of work, at most a few ten milliseconds. Returns after how long it wants to be
	 * called again, in nanoseconds; 0: at once. */
	uint64_t (*work)(void *ctx, struct held *);
};

int held_main(int sock, const char *const *args, const struct held_kind *, void *ctx);
/* A counter of the page. Names are made before the first order is answered. Any thread may write.
 */
uint64_t *held_counter(struct held *, const char *name);
void held_count(uint64_t *counter, uint64_t value);

#endif
