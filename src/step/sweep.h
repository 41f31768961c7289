/*
 * sweep.h - the words of what is done, perhaps time and again, to all that match, and has no way
 * back: step types "reset" and "conntrack".
 *
 * OBJECT is that of an nft table (step/nft.h): the network namespace, and a name with the run in
 * it. STATE is one line of canonical text:
 *
 *   turn=N [pid=PID@START] : CUT
 *
 *   N    which time it is; another number is another time.
 *   pid  only sockets that this process holds.
 *   CUT  the words of a cut that rejects, in both directions: what it would meet is meant.
 *
 * "idle" is what is seen before and after.
 */
#ifndef SQUALL_STEP_SWEEP_H
#define SQUALL_STEP_SWEEP_H

#include "base/ident.h"
#include "step/nft.h"

struct sweep {
	uint64_t turn;
	struct proc_id proc; /* pid 0: any */
	struct nft_rules rules;
};

/* -E2BIG when longer than STATE_MAX - 1. */
int sweep_format(const struct sweep *, struct buf *to, struct err *) must_use;
/* Only what sweep_format would write. -EINVAL. */
int sweep_parse(const char *state, struct sweep *, struct err *) must_use;

/* The getter of both step types: whatever is there, "idle". */
int sweep_get(const struct world *, const char *object, struct buf *state, struct err *) must_use;

/* What of a connection the rules look at; addresses in network order, IPv4 within IPv6 as IPv4. */
struct sweep_seen {
	uint8_t family, proto;
	const uint8_t *remote;
	uint16_t ports[2]; /* at either end */
	uint32_t uid;
};
bool sweep_matches(const struct sweep *, const struct sweep_seen *);

#endif
