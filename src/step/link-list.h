/*
 * link-list.h - what hangs on a network device: addresses, routes, neighbours.
 *
 * Owns nothing; the memory is the caller's. Invariants: an item is a message as the kernel lists
 * it, and its hash is over what stays when the device goes down and up again.
 */
#ifndef SQUALL_STEP_LINK_LIST_H
#define SQUALL_STEP_LINK_LIST_H

#include <linux/netlink.h>

#include "base/base.h"
#include "base/err.h"

struct link_item {
	uint64_t hash;
	bool here;                /* among those listed last */
	const struct nlmsghdr *h; /* NULL where only the sum was asked for */
};

/* Calls `each` for every item of the device, until it returns a negative number; -EINTR when what
 * was listed changed meanwhile. -EOPNOTSUPP: something hangs on it that could not be put back
 * (routes of IPv6 over several devices, nexthop objects, VLANs). */
int link_list(int fd, uint32_t index, int (*each)(void *ctx, const struct link_item *), void *ctx,
              struct err *) must_use;
/* Whether it is up; -ESTALE: it is gone. */
int link_is_up(int fd, uint32_t index, bool *up, struct err *) must_use;
/* Sets it up or down. */
int link_set_up(int fd, uint32_t index, bool up, struct err *) must_use;
/* The hash of an item; 0: it is none that counts, or not of this device. */
uint64_t link_item_hash(const struct nlmsghdr *, uint32_t index);
/* Makes an item again, or takes away one that the kernel has made. */
int link_item_make(int fd, const struct nlmsghdr *, struct err *) must_use;
int link_item_delete(int fd, const struct nlmsghdr *, struct err *) must_use;
/* Does the kernel make it itself when the device is set up? */
bool link_item_is_kernels(const struct nlmsghdr *);

#endif
