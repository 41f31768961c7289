/*
 * shape-bytes.h - what the shaper changes within an IP packet, version 4 or 6, from its IP header
 * on.
 *
 * Owns nothing. Safe for any bytes of any length: what the headers claim is checked against what is
 * there, and nothing outside is read or written. What follows the packet's own length (padding) is
 * left alone. IPv6: hop-by-hop, routing, destination options, fragment and authentication headers
 * are passed over (RFC 8200). Transports that are known: TCP, UDP, ICMP, ICMPv6; anything else is
 * payload without a checksum, and so is what lies behind an ESP header. A
 * fragment after the first has no checksum that could be mended.
 */
#ifndef SQUALL_HELPER_SHAPE_BYTES_H
#define SQUALL_HELPER_SHAPE_BYTES_H

#include "base/base.h"

/* Where in a packet its transport is. */
struct shape_parts {
	uint8_t *ip, *at; /* at: the transport's first byte */
	size_t n;         /* of transport bytes that are there and belong to the packet */
	bool part;        /* not all that the checksum covers is there */
	bool later;       /* a fragment, and not the first */
	uint8_t protocol;
	size_t header, sum; /* the transport header's size, where its checksum is; 0: none */
};

/* Points into the packet, which is not changed. False: there is no transport. */
bool shape_bytes_split(void *packet, size_t n, struct shape_parts *);
/* Flips one bit of what the transport carries, chosen by the draw; where it carries nothing, one of
 * the transport's header, but not of its checksum. The checksum is wrong then, or with `mend` as
 * right as it was (RFC 1624): it must have been filled in. An UDP checksum of 0 over IPv4 means
 * that there is none, and stays. False: there is no bit to flip. */
bool shape_bytes_flip(void *packet, size_t n, uint64_t draw, bool mend);
/* Fills in the transport's checksum (RFC 1071), as for a packet that the kernel hands over before
 * it has done so (CHECKSUM_PARTIAL). UDP gets one whatever it had. False: the transport has none
 * that is known, or the packet is cut short, a fragment, or routed by its source; nothing is
 * changed. */
bool shape_bytes_sum(void *packet, size_t n);

#endif
