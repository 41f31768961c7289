/*
 * shaper-send.h - packets that the shaper sends itself: copies.
 *
 * Owns: a raw socket for each version of IP, in the network namespace that this process is in.
 * Invariant: what is sent carries the shaper's mark, by which its own chains let it pass. A packet
 * for this namespace arrives by loopback, so a socket that is bound to a device does not get it.
 */
#ifndef SQUALL_HELPER_SHAPER_SEND_H
#define SQUALL_HELPER_SHAPER_SEND_H

#include "base/base.h"
#include "base/err.h"

struct shaper_send {
	int v4, v6; /* -1: not opened */
};

int shaper_send_open(struct shaper_send *, uint32_t mark, struct err *) must_use;
/* From its IP header on, with every checksum filled in. device: which a link-local destination
 * lies behind. False: the kernel did not take it. */
bool shaper_send(const struct shaper_send *, const void *packet, size_t n, uint32_t device);

#endif
