/*
 * shape-dns.h - what becomes of a packet that comes from a name server.
 *
 * Pure, but for the draws that follow each other. Owns nothing. Safe for any bytes of any length.
 *
 * Invariants: the same seed and the same answers over UDP have the same fates, one draw for each
 * that matches. Over TCP a segment has the same fate however often it is sent again. What is not an
 * answer that can be read passes. Over UDP an answer is changed in its place; of one that comes in
 * fragments the first makes a whole one, and what follows is for nothing. Over TCP, where what
 * follows is counted on from it, it becomes a reset; of truncated and answer nothing happens there.
 * An answer over TCP is known by the segment that it begins in.
 */
#ifndef SQUALL_HELPER_SHAPE_DNS_H
#define SQUALL_HELPER_SHAPE_DNS_H

#include "base/hash.h"
#include "helper/dns-message.h"

enum { SHAPE_DNS_MAX = DNS_FORGED_MAX + 48 }; /* with headers of IPv6 and UDP */

enum dns_fate {
	DNS_STRANGE, /* not an answer that can be read: passes */
	DNS_OTHER,   /* not meant: passes */
	DNS_SPARED,  /* meant, but not chosen: passes */
	DNS_HELD,    /* to be held back */
	DNS_LOST,
	DNS_CHANGED,
};

struct shape_dns {
	uint64_t seed;
	struct rng rng;
};

void shape_dns_init(struct shape_dns *, uint64_t seed);
/* A packet from its IP header on, which is not changed. to, to_n: of DNS_CHANGED, what it is from
 * now on, with all checksums. */
enum dns_fate shape_dns_next(struct shape_dns *, const struct dns_rule *, uint8_t *packet, size_t n,
                             uint8_t to[SHAPE_DNS_MAX], size_t *to_n);

#endif
