/*
 * shaper-send.h - packets that the shaper sends itself: copies, and what it held back on its way
 * out.
 *
 * Owns: a raw socket for each version of IP, in the network namespace that this process is in.
 * Invariant: what is sent carries the shaper's mark in its bits, by which its own chains let it
 * pass; the other bits are those that the packet had. A packet for this namespace arrives by
 * loopback, so a socket that is bound to a device does not get it.
 */
#ifndef SQUALL_HELPER_SHAPER_SEND_H
#define SQUALL_HELPER_SHAPER_SEND_H

#include "base/base.h"
#include "base/err.h"

struct shaper_send {
	int v4, v6; /* -1: not opened */
	uint32_t mark, bits;
	/* of the device that was asked for last */
	uint32_t device, mtu;
	uint64_t mtu_until_ns;
};

struct send_way {
	uint32_t device; /* index; which a link-local destination lies behind */
	uint32_t mark;   /* as it was */
	bool out;        /* leaves by that device */
};

int shaper_send_open(struct shaper_send *, uint32_t mark, uint32_t bits, struct err *) must_use;
/* Would it leave by that device as the same single packet? Not what is longer than the device takes
 * (MTU, netdevice(7)), and not what is for many: the kernel gives the local listeners one more of
 * it. */
bool shaper_send_can(struct shaper_send *, const void *packet, size_t n, uint32_t device);
/* From its IP header on, with every checksum filled in. False: the kernel did not take it. */
bool shaper_send(const struct shaper_send *, const void *packet, size_t n, const struct send_way *);

#endif
