/* shape-tell.c - what a router says of a packet that is too large. */
#include "helper/shape-tell.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "helper/shape-bytes.h"

enum {
	V4_HEADER = 20,
	V6_HEADER = 40,
	ICMP_HEADER = 8,
	QUOTE_LEAST = 8, /* of the transport: ports, and TCP's sequence number */
	QUOTE_MAX = 128,
	HOPS = 64,
	DONT_FRAGMENT = 0x40,
	OFFSET = 0x1fff,
};

bool shape_tell_may_be_parted(const void *packet, size_t n)
{
	const uint8_t *p = packet;

	return n >= V4_HEADER && p[0] >> 4 == 4 && !(p[6] & DONT_FRAGMENT);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071. */
static uint16_t header_sum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)(p[i] << 8 | p[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Errors are not told of; echoes are. */
static bool v4_may_be_told(const uint8_t *p, size_t n)
{
	size_t header = (size_t)(p[0] & 15) * 4;

	if (header < V4_HEADER || n < header + QUOTE_LEAST || ((p[6] << 8 | p[7]) & OFFSET))
		return false;
	if (p[9] == IPPROTO_ICMP && p[header] != ICMP_ECHO && p[header] != ICMP_ECHOREPLY)
		return false;
	return p[12] && p[12] < 224 && p[16] < 224;
}

static size_t v4_tell(const uint8_t *p, size_t n, uint32_t mtu, uint8_t *to)
{
	size_t bytes = V4_HEADER + ICMP_HEADER + n;

	to[0] = 0x45;
	put16(to + 2, (uint32_t)bytes);
	to[8] = HOPS;
	to[9] = IPPROTO_ICMP;
	memcpy(to + 12, p + 16, 4);
	memcpy(to + 16, p + 12, 4);
	put16(to + 10, header_sum(to, V4_HEADER));
	to[V4_HEADER] = ICMP_DEST_UNREACH;
	to[V4_HEADER + 1] = ICMP_FRAG_NEEDED;
	put16(to + V4_HEADER + 6, mtu);
	memcpy(to + V4_HEADER + ICMP_HEADER, p, n);
	return shape_bytes_sum(to, bytes) ? bytes : 0;
}

static bool v6_may_be_told(const uint8_t *p, size_t n)
{
	if (n < V6_HEADER + QUOTE_LEAST || p[8] == 0xff || p[24] == 0xff)
		return false;
	return p[6] != IPPROTO_ICMPV6 || p[V6_HEADER] & ICMP6_INFOMSG_MASK;
}

static size_t v6_tell(const uint8_t *p, size_t n, uint32_t mtu, uint8_t *to)
{
	size_t bytes = V6_HEADER + ICMP_HEADER + n;

	to[0] = 0x60;
	put16(to + 4, (uint32_t)(ICMP_HEADER + n));
	to[6] = IPPROTO_ICMPV6;
	to[7] = HOPS;
	memcpy(to + 8, p + 24, 16);
	memcpy(to + 24, p + 8, 16);
	to[V6_HEADER] = ICMP6_PACKET_TOO_BIG;
	put16(to + V6_HEADER + 4, mtu >> 16);
	put16(to + V6_HEADER + 6, mtu);
	memcpy(to + V6_HEADER + ICMP_HEADER, p, n);
	return shape_bytes_sum(to, bytes) ? bytes : 0;
}

size_t shape_tell_large(const void *packet, size_t n, uint32_t mtu, uint8_t to[SHAPE_TELL_MAX])
{
	const uint8_t *p = packet;
	size_t quote = n < QUOTE_MAX ? n : QUOTE_MAX;

	memset(to, 0, SHAPE_TELL_MAX);
	if (n >= V4_HEADER && p[0] >> 4 == 4 && v4_may_be_told(p, n))
		return v4_tell(p, quote, mtu, to);
	if (n >= V6_HEADER && p[0] >> 4 == 6 && v6_may_be_told(p, n))
		return v6_tell(p, quote, mtu, to);
	return 0;
}
