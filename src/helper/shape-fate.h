/*
 * shape-fate.h - what becomes of each packet of a stream, as the shaper's words say.
 *
 * Pure: time is passed in, nothing is done to a packet. Owns nothing. One engine serves one
 * direction of one shaper; what the words mean stands in base/shape.h.
 *
 * Invariants:
 * - The same seed, direction and words give the same fates to the same packets. Each effect draws
 *   from a stream of its own, once for each packet whatever the other effects decide: the Nth
 *   packet is lost or not whatever the jitter is. Copies have streams, counts and a good or bad
 *   state of their own.
 * - due_ns is never before now_ns. Those that do not overtake are due in the order in which they
 *   came, unless order=free; that holds across a change of the words, too.
 * - Rate: a virtual clock says when the link is free again, and keeps the fraction of a
 *   nanosecond, so that the rate is exact over any time. A packet leaves when its transmission
 *   begins: one that finds the link free is not held back. Idle time is not saved up: no burst
 *   follows it. A packet waits for the link first, and is delayed (or overtakes) behind it; what
 *   waits is counted in bytes against the queue, the packet under way with what is left of it.
 * - What vanishes in an outage, or because it is large, was drawn for as any other.
 */
#ifndef SQUALL_HELPER_SHAPE_FATE_H
#define SQUALL_HELPER_SHAPE_FATE_H

#include "base/base.h"
#include "base/hash.h"
#include "base/shape.h"

enum fate_loss {
	FATE_KEPT,
	FATE_LOSS,
	FATE_BURST,
	FATE_EVERY,
	FATE_QUEUE,
	FATE_DOWN,
	FATE_LARGE,
	FATE_LOSSES
};

struct fate {
	enum fate_loss lost; /* and if it is, due_ns means nothing */
	bool corrupted;
	bool overtakes;  /* was chosen by reorder: not delayed */
	uint64_t due_ns; /* of the clock that was passed in */
	uint64_t flip;   /* which bit, for shape_bytes_flip() */
	uint64_t outage; /* of FATE_DOWN: which one, from 1 */
};

enum { FATES = 2 }; /* a packet, and its copy */

enum fate_stream {
	STREAM_DUPLICATE,
	STREAM_LOSS,
	STREAM_STATE,
	STREAM_CORRUPT,
	STREAM_FLIP,
	STREAM_DELAY,
	STREAM_REORDER,
	STREAMS
};

/* What is drawn for packets; for copies there is another. Private. */
struct fate_lane {
	struct rng rng[STREAMS];
	bool begun[STREAMS], was[STREAMS]; /* the fate of the one before, for the correlation */
	bool placed;
	double place;   /* of the last delay, in standard deviations */
	bool bad;       /* Gilbert-Elliott's state */
	uint32_t every; /* packets since one vanished */
	uint32_t gap;   /* packets since one overtook */
};

struct shape_fate {
	struct shape shape;
	unsigned direction;
	struct fate_lane lanes[FATES];
	uint64_t order_ns;  /* the last due that may not be overtaken */
	uint64_t free_ns;   /* the link's clock: from then on it is free */
	uint64_t free_rest; /* and so many parts of a nanosecond, of which rate_bits are one */
	uint64_t before_ns; /* what was waiting at a change is no burden on the queue: until then */
	uint64_t flap_ns;   /* when the first outage began */
};

/* The words must be ones that shape_format() takes. direction: any number; engines of one seed and
 * different directions draw differently. */
void shape_fate_init(struct shape_fate *, const struct shape *, unsigned direction);
/* Other words from now on, for what comes; what has been decided stays. Streams go on, unless the
 * seed is another. */
void shape_fate_change(struct shape_fate *, const struct shape *);
/* Outages begin now. Left out: at 0. */
void shape_fate_flap(struct shape_fate *, uint64_t now_ns);
/* The next packet of so many bytes from its IP header on, at now_ns (which does not go back).
 * Returns how many fates there are: 1, or 2 when it is duplicated: to[1] is the copy's. */
size_t shape_fate_next(struct shape_fate *, uint64_t now_ns, uint32_t bytes, struct fate to[FATES]);

#endif
