/*
 * link.h - the words of step type "link": a network device that is set down.
 *
 * OBJECT is NETNS_PATH=INODE dev NAME@INDEX: the network namespace as for an nft table
 * (step/nft.h), and the device; its index tells which one it is, the name is for people. STATE is
 * "down", or "up SUM" with a sum over what hangs on it: addresses, routes of all tables, permanent
 * and proxied neighbours. What is learned from routers (RFC 4862) comes back by itself and is not
 * in it; neither are lifetimes and what the kernel finds out (carrier, duplicate addresses).
 *
 * A device that is set down loses its IPv6 addresses, its routes and its neighbours. So they are
 * written to the run's stash, as the kernel lists them, before it is set down; the file is named
 * "link-SUM". Put back, the device is set up, and what the kernel does not bring back itself is
 * made again, until the sum is what it was.
 */
#ifndef SQUALL_STEP_LINK_H
#define SQUALL_STEP_LINK_H

#include "step/nft.h"

struct link_object {
	char netns[NFT_NETNS_MAX];
	uint64_t netns_ino;
	char name[NFT_DEV_NAME];
	uint32_t index;
};
int link_object_format(const struct link_object *, struct buf *to, struct err *) must_use;
int link_object_parse(const char *object, struct link_object *, struct err *) must_use;

/* The index of a device of that name, and whether it is up. A recorded machine has those of
 * netns_links() (base/netlink.h), in that order, all up. -ENODEV. */
int link_find(const struct world *, const char *netns, uint64_t netns_ino, const char *name,
              uint32_t *index, bool *up, struct err *) must_use;

#endif
