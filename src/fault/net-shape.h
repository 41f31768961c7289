/*
 * net-shape.h - what the faults that hand traffic to the shaper have in common.
 *
 * Each is one step "nft" whose state carries one struct shape (base/shape.h). Its dose comes from
 * what the kernel counts at the table (packets_in, packets_out: matched) and what the shaper counts
 * (the rest of struct shaped).
 */
#ifndef SQUALL_FAULT_NET_SHAPE_H
#define SQUALL_FAULT_NET_SHAPE_H

#include "fault/net-scope.h"

/* A delay is in by default, so that it adds itself once to a round trip. */
#define SHAPE_SCOPE(type) SCOPE_PARAMS(type, "in", "in|out|both")

/* The row of a share's correlation; type has a member correlation_ppm. */
#define SHAPE_CORRELATION(type)                                                                 \
	{                                                                                       \
		.name = "correlation", .kind = PARAM_SHARE,                                     \
		.offset = offsetof(type, correlation_ppm), .max = "99%",                        \
		.help = "how likely a packet meets what the one before it met; the share stays" \
	}

extern const char *const shape_needs[];

/* Filters and shape. What a fault knows better it has said before: this speaks of the shaper's
 * words. -EINVAL. */
int shape_allowed(const struct scope_args *, const struct shape *, struct err *) must_use;
/* Adds the step. The seed is set here. says: before and after the words for the direction: "delays
 * ", " by 50ms". */
int shape_add(const char *fault, const struct scope_args *, const struct shape *,
              const char *says_before, const char *says_after, const struct target *,
              const struct moment *, const struct world *, const char *run, struct plan *out,
              uint64_t *again_ns, struct err *) must_use;
/* The same, of TCP segments alone that have one of these flags: NFT_FIN, NFT_RST. */
int shape_add_flags(const char *fault, const struct scope_args *, uint8_t tcp_flags,
                    const struct shape *, const char *says_before, const char *says_after,
                    const struct target *, const struct moment *, const struct world *,
                    const char *run, struct plan *out, uint64_t *again_ns, struct err *) must_use;

/* What was counted between two readings. */
struct shaped {
	uint64_t matched; /* by the kernel, in packets as large as it had made them */
	uint64_t seen, seen_bytes;
	uint64_t delayed, lost, lost_in_queue, duplicated, corrupted, reordered;
	uint64_t outages;                 /* in which some were lost */
	uint64_t told;                    /* senders */
	uint64_t vanished;                /* dropped by the kernel while they were held */
	uint64_t passed;                  /* as they were, because the shaper was full */
	uint64_t p50_ns, p99_ns, late_ns; /* of those that were held, and of what was too much */
	uint64_t elapsed_ns;
};
void shaped_read(const struct counters *before, const struct counters *after, struct shaped *);
/* Bits a second that got through. */
uint64_t shaped_rate(const struct shaped *);
/* "50.1ms (p99 50.4ms) on 1234 packets", "nothing held back" */
void shaped_add_delay(const struct shaped *, struct buf *to);
/* "29.7%: 2970 of 10000 answers", for "answer" */
void shaped_add_part(uint64_t n, uint64_t of, const char *what, struct buf *to);
/* The same of packets. */
void shaped_add_share(const struct shaped *, uint64_t n, struct buf *to);
/* The end of a dose: what else there is to say; and no effect, with why, when changed is 0. what:
 * "lost", "held back". share_ppm: how many were to be, 0 where that says nothing. */
void shaped_end(const struct shaped *, const struct counters *after, uint64_t changed,
                const char *what, uint64_t share_ppm, struct dose *);

#endif
