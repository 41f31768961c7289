/* shape-bytes.c - changing what an IP packet carries, and its transport's checksum. */
#include "helper/shape-bytes.h"

#include <netinet/in.h>
#include <string.h>

enum {
	V4_LEAST = 20,
	V6_HEADER = 40,
	HEADERS_MOST = 16, /* of IPv6, one behind the other */
	V4_MORE_AND_OFFSET = 0x3fff,
	V4_OFFSET = 0x1fff,
	V6_MORE_AND_OFFSET = 0xfff9,
	V6_OFFSET = 0xfff8,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void transport_take(struct shape_parts *p, size_t from, size_t claimed, size_t n)
{
	if (claimed > n)
		p->part = true;
	else
		n = claimed;
	p->at = p->ip + from;
	p->n = n > from ? n - from : 0;
}

static bool v4_split(struct shape_parts *p, size_t n)
{
	size_t header = (size_t)(p->ip[0] & 15) * 4;
	uint16_t offset;

	if (n < V4_LEAST || header < V4_LEAST || header > n)
		return false;
	offset = get16(p->ip + 6);
	p->part = offset & V4_MORE_AND_OFFSET;
	p->later = offset & V4_OFFSET;
	p->protocol = p->ip[9];
	transport_take(p, header, get16(p->ip + 2), n);
	return true;
}

/* The bytes of one of the headers that may stand before the transport (RFC 8200, section 4; RFC
 * 4302, section 2.2). 0: it is no such header. */
static size_t v6_header_bytes(uint8_t kind, const uint8_t *h)
{
	switch (kind) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return 8 * ((size_t)h[1] + 1);
	case IPPROTO_AH:
		return 4 * ((size_t)h[1] + 2);
	case IPPROTO_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static bool v6_split(struct shape_parts *p, size_t n)
{
	size_t from = V6_HEADER;

	if (n < V6_HEADER)
		return false;
	p->protocol = p->ip[6];
	for (int i = 0; i < HEADERS_MOST && n - from >= 8 && !p->later; i++) {
		const uint8_t *h = p->ip + from;
		size_t bytes = v6_header_bytes(p->protocol, h);

		if (!bytes || bytes > n - from)
			break;
		if (p->protocol == IPPROTO_FRAGMENT) {
			p->part = p->part || (get16(h + 2) & V6_MORE_AND_OFFSET);
			p->later = get16(h + 2) & V6_OFFSET;
		} else if (p->protocol == IPPROTO_ROUTING && h[3]) {
			p->part = true; /* the last address, which counts, is in there */
		}
		p->protocol = h[0];
		from += bytes;
	}
	transport_take(p, from, V6_HEADER + (size_t)get16(p->ip + 4), n);
	return true;
}

/* What lies behind an UDP packet is not covered by its checksum. */
static void udp_trim(struct shape_parts *p)
{
	size_t claimed = p->n >= 8 ? get16(p->at + 4) : 0;

	if (p->later)
		return;
	if (claimed < 8 || claimed > p->n)
		p->part = true;
	else
		p->n = claimed;
}

/* Its header's size and the place of its checksum, where both are there. */
static void transport_know(struct shape_parts *p)
{
	size_t header = 8, sum = 0;

	switch (p->protocol) {
	case IPPROTO_TCP:
		header = p->n >= 20 ? (size_t)(p->at[12] >> 4) * 4 : 20;
		sum = 16;
		break;
	case IPPROTO_UDP:
		sum = 6;
		udp_trim(p);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		sum = 2;
		break;
	default:
		return;
	}
	if (p->later || (p->protocol == IPPROTO_TCP && header < 20) || header > p->n)
		return;
	p->header = header;
	p->sum = sum;
}

bool shape_bytes_split(void *packet, size_t n, struct shape_parts *p)
{
	*p = (struct shape_parts){.ip = packet};
	if (!n || !(p->ip[0] >> 4 == 4 ? v4_split(p, n) : p->ip[0] >> 4 == 6 && v6_split(p, n)))
		return false;
	transport_know(p);
	return p->n;
}

/* One's complement sum of 16 bits (RFC 1071), not folded. */
static uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t n)
{
	for (; n > 3; p += 4, n -= 4)
		sum += (uint32_t)get16(p) << 16 | get16(p + 2);
	for (; n > 1; p += 2, n -= 2)
		sum += get16(p);
	return n ? sum + (uint64_t)(*p << 8) : sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void sum_put(const struct shape_parts *p, uint64_t sum)
{
	uint16_t v = (uint16_t)~sum_fold(sum);

	/* 0 would say that there is none (RFC 768; over IPv6 it is not allowed, RFC 8200) */
	put16(p->at + p->sum, !v && p->protocol == IPPROTO_UDP ? 0xffff : v);
}

/* A bit of payload at `i` was flipped. RFC 1624, equation 3. */
static void sum_mend(const struct shape_parts *p, size_t i, uint8_t flipped)
{
	uint8_t is[2] = {0}, was[2];
	size_t even = i & ~(size_t)1;

	if (!p->sum || (p->protocol == IPPROTO_UDP && !get16(p->at + p->sum)))
		return;
	memcpy(is, p->at + even, even + 1 < p->n ? 2 : 1);
	memcpy(was, is, 2);
	was[i - even] ^= flipped;
	sum_put(p, (uint64_t)(uint16_t)~get16(p->at + p->sum) + (uint16_t)~get16(was) + get16(is));
}

bool shape_bytes_flip(void *packet, size_t n, uint64_t draw, bool mend)
{
	struct shape_parts p;
	size_t from, bytes, i;
	uint8_t bit;

	if (!shape_bytes_split(packet, n, &p))
		return false;
	from = p.header < p.n ? p.header : 0;
	bytes = p.n - from - (!from && p.sum ? 2 : 0);
	i = from + (draw >> 3) % bytes;
	if (!from && p.sum && i >= p.sum)
		i += 2;
	bit = (uint8_t)(1 << (draw & 7));
	p.at[i] ^= bit;
	if (mend)
		sum_mend(&p, i, bit);
	return true;
}

bool shape_bytes_sum(void *packet, size_t n)
{
	struct shape_parts p;
	uint64_t sum = 0;

	if (!shape_bytes_split(packet, n, &p) || !p.sum || p.part)
		return false;
	/* the pseudo-header: RFC 9293, section 3.1; RFC 768; RFC 8200, section 8.1 */
	if (p.protocol != IPPROTO_ICMP) {
		sum = p.protocol + p.n;
		sum = p.ip[0] >> 4 == 4 ? sum_add(sum, p.ip + 12, 8) : sum_add(sum, p.ip + 8, 32);
	}
	put16(p.at + p.sum, 0);
	sum_put(&p, sum_add(sum, p.at, p.n));
	return true;
}
