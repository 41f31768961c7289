/*
 * shape-tell.h - what a router says of a packet that is too large for the next link.
 *
 * IPv4: ICMP destination unreachable, fragmentation needed (RFC 1191, section 4); IPv6: ICMPv6
 * packet too big (RFC 4443, section 3.2), both in the name of the packet's destination, with the
 * first bytes of the packet. Pure; owns nothing; safe for any bytes of any length.
 */
#ifndef SQUALL_HELPER_SHAPE_TELL_H
#define SQUALL_HELPER_SHAPE_TELL_H

#include "base/base.h"

enum { SHAPE_TELL_MAX = 192 };

/* IPv4 without "don't fragment": a router would send it in parts. */
bool shape_tell_may_be_parted(const void *packet, size_t n);
/* Returns the bytes of the IP packet that says so, to the packet's sender; 0: nothing is said of
 * it (a later fragment, an ICMP error, to or from a group, cut short: RFC 1122, section 3.2.2). */
size_t shape_tell_large(const void *packet, size_t n, uint32_t mtu, uint8_t to[SHAPE_TELL_MAX]);

#endif
