/*
 * shaper-state.h - the shaper's own: what its files share.
 *
 * Invariants: a packet that is held is in `queue` with its bytes, which are in `held_bytes`; one of
 * id 0 is a copy, which this process sends itself. Nothing is held beyond SHAPER_HELD_MOST packets
 * or `bytes_most`: what comes then passes at once and is counted. The kernel drops what waits when
 * any chain of the namespace is unregistered; when a packet was due and is found to be gone, this
 * process sends it.
 */
#ifndef SQUALL_HELPER_SHAPER_STATE_H
#define SQUALL_HELPER_SHAPER_STATE_H

#include <linux/netfilter.h>

#include "base/counters.h"
#include "helper/shape-dns.h"
#include "helper/shape-fate.h"
#include "helper/shape-meter.h"
#include "helper/shape-queue.h"
#include "helper/shaper-link.h"
#include "helper/shaper-send.h"

enum { SHAPER_HELD_MOST = 1 << 18, SHAPER_GONE_MOST = 1 << 12, SHAPER_GONE_BYTES = 32 << 20 };

struct shaper_counts {
	uint64_t *queue, *raised, *seen_packets, *seen_bytes, *delayed, *lost, *lost_in_queue,
	        *duplicated, *corrupted, *reordered, *passed, *dns_seen, *dns_matched, *dns_done,
	        *vanished, *restored, *outages, *told, *p50_ns, *p99_ns, *late_ns;
};

struct body;

/* A packet that was held, and of which the kernel has not yet said that it went on. */
struct shaper_gone {
	uint32_t serial; /* of the verdict */
	struct body *body;
};

struct shaper {
	struct shape shape;
	bool ordered; /* there is a shape */
	bool ending;  /* everything passes */
	struct shape_fate fates[NF_INET_NUMHOOKS];
	struct shape_dns dns;
	struct shape_queue *queue;
	uint64_t held_bytes, bytes_most;
	struct shaper_link link;
	struct shaper_send send;
	struct shaper_gone *gone; /* a ring of SHAPER_GONE_MOST */
	size_t gone_first, gone_n, gone_bytes;
	struct shape_meter added, late;
	uint64_t gaps;   /* of the link, counted so far */
	uint64_t outage; /* the last in which a packet was lost */
	bool noted;      /* since the counters were written last */
	struct shaper_counts counts;
};

/* Other words, from now on. */
void shaper_reshape(struct shaper *, const struct shape *);
/* Decides on a packet. */
void shaper_take(struct shaper *, const struct shaper_packet *, uint64_t now_ns);
/* Passes on what is due; UINT64_MAX: all. */
void shaper_release(struct shaper *, uint64_t now_ns);
/* What the kernel said of packets that went. */
void shaper_told(struct shaper *, const struct link_told *);
/* Writes what has to be computed. */
void shaper_count(struct shaper *);

uint64_t shaper_now_ns(void);

/* Nobody else writes them: no locked instruction for each packet. */
static inline void count(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

#endif
