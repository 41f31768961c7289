/*
 * shaper-state.h - the shaper's own: what its files share.
 *
 * Invariants: a packet that is held is in `queue`, and its bytes are in `held_bytes`; one whose
 * item has data is changed, or a copy that this process sends itself (id 0). Nothing is held beyond
 * SHAPER_HELD_MOST packets or `bytes_most`: what comes then passes at once and is counted.
 */
#ifndef SQUALL_HELPER_SHAPER_STATE_H
#define SQUALL_HELPER_SHAPER_STATE_H

#include <linux/netfilter.h>

#include "base/counters.h"
#include "helper/shape-fate.h"
#include "helper/shape-meter.h"
#include "helper/shape-queue.h"
#include "helper/shaper-link.h"
#include "helper/shaper-send.h"

enum { SHAPER_HELD_MOST = 1 << 18 };

struct shaper_counts {
	uint64_t *queue, *raised, *seen_packets, *seen_bytes, *delayed, *lost, *lost_in_queue,
	        *duplicated, *corrupted, *reordered, *passed, *vanished, *held, *p50_ns, *p99_ns,
	        *late_ns;
};

struct shaper {
	struct shape shape;
	bool ordered; /* there is a shape */
	bool ending;  /* everything passes */
	struct shape_fate fates[NF_INET_NUMHOOKS];
	struct shape_queue *queue;
	uint64_t held_bytes, bytes_most;
	struct shaper_link link;
	struct shaper_send send;
	struct shape_meter added, late;
	bool noted; /* since the counters were written last */
	struct shaper_counts counts;
};

/* Other words, from now on. */
void shaper_reshape(struct shaper *, const struct shape *);
/* Decides on a packet. */
void shaper_take(struct shaper *, const struct shaper_packet *, uint64_t now_ns);
/* Passes on what is due; UINT64_MAX: all. */
void shaper_release(struct shaper *, uint64_t now_ns);
/* Writes what has to be computed. */
void shaper_count(struct shaper *);

uint64_t shaper_now_ns(void);

static inline void count(uint64_t *counter, uint64_t more)
{
	__atomic_fetch_add(counter, more, __ATOMIC_RELAXED);
}

#endif
