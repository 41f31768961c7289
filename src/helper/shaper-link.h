/*
 * shaper-link.h - the packet queue of the kernel: what comes out of it, and what is said of it
 * (nfnetlink_queue, linux/netfilter/nfnetlink_queue.h).
 *
 * Owns: a netlink socket bound to one queue of the network namespace that this process is in; room
 * for what is read and what is said. Invariants: what does not fit into the socket's buffer passes
 * (fail-open), and shows as a gap in the numbers of packets. Verdicts are collected, and sent by
 * shaper_link_flush() or when there is no room for another. Not to be assumed: that a packet of
 * which a verdict is given is still there; the kernel drops all that waits when any chain of the
 * namespace is unregistered. Then the answer is link_told.gone, and every flush ends with one that
 * says up to where all has been answered.
 */
#ifndef SQUALL_HELPER_SHAPER_LINK_H
#define SQUALL_HELPER_SHAPER_LINK_H

#include "base/base.h"
#include "base/err.h"

enum { LINK_AT_ONCE = 64 }; /* packets read by one call */

struct shaper_link {
	int fd;
	uint16_t number;
	size_t bytes;    /* copied of each packet */
	uint32_t last;   /* id */
	uint32_t serial; /* of the next verdict */
	uint64_t gaps;   /* packets that passed because this process did not read in time */
	struct link_room *room;
};

/* Valid until the next shaper_link_read(). */
struct shaper_packet {
	uint32_t id;
	uint8_t hook;   /* NF_INET_... */
	uint32_t bytes; /* of all of it, from the IP header on */
	uint8_t *data;  /* what was copied */
	size_t data_n;
	bool sum_missing; /* its checksum is not filled in yet */
	uint32_t device;  /* index of where it came from or goes to; 0: not known */
	uint32_t mark;
};

/* What the kernel says of verdicts that were flushed, in their order. */
struct link_told {
	uint32_t serial; /* of the verdict */
	bool gone; /* its packet was not there any more; else: it and all before are dealt with */
};

/* Takes the first free queue from a number that the name gives. -EBUSY: all of a thousand are
 * taken. */
int shaper_link_open(struct shaper_link *, const char *name, struct err *) must_use;
void shaper_link_close(struct shaper_link *);
/* How much of each packet is copied, whether several that the kernel has put together come as one,
 * and how many may wait. */
int shaper_link_set(struct shaper_link *, size_t bytes, bool whole, uint32_t waiting,
                    struct err *) must_use;
/* Never waits. Returns how many packets and, in told_n, answers; both 0: nothing was there. */
size_t shaper_link_read(struct shaper_link *, struct shaper_packet to[LINK_AT_ONCE],
                        struct link_told told[LINK_AT_ONCE], size_t *told_n);
/* Returns the serial of the verdict. data: what the packet is from now on; NULL: as it was. */
uint32_t shaper_link_accept(struct shaper_link *, uint32_t id, const void *data, size_t n);
void shaper_link_drop(struct shaper_link *, uint32_t id);
void shaper_link_flush(struct shaper_link *);

#endif
