/* shape-dns.c - what becomes of a packet that comes from a name server. */
#include "helper/shape-dns.h"

#include <netinet/in.h>
#include <string.h>

#include "base/quantity.h"
#include "helper/shape-bytes.h"

enum {
	V4_HEADER = 20,
	V4_DF = 0x40,
	V6_HEADER = 40,
	UDP_HEADER = 8,
	TCP_HEADER = 20,
	TCP_RST_ACK = 0x14,
	TCP_LENGTH = 2, /* before a message (RFC 1035, section 4.2.2) */
};

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_v4(const struct shape_parts *p)
{
	return p->ip[0] >> 4 == 4;
}

void shape_dns_init(struct shape_dns *d, uint64_t seed)
{
	*d = (struct shape_dns){.seed = seed, .rng = {.s = seed}};
}

/* A server may send the length by itself. */
static bool message_find(const struct shape_parts *p, struct dns_message *m)
{
	const uint8_t *at = p->at + p->header;
	size_t n = p->n - p->header;

	if (!p->header || p->later)
		return false;
	if (p->protocol == IPPROTO_UDP)
		return dns_message_read(at, n, m);
	if (p->protocol != IPPROTO_TCP)
		return false;
	return (n > TCP_LENGTH && dns_message_read(at + TCP_LENGTH, n - TCP_LENGTH, m)) ||
	       dns_message_read(at, n, m);
}

static bool is_meant(const struct dns_rule *r, const struct shape_parts *p,
                     const struct dns_message *m)
{
	if (p->protocol == IPPROTO_TCP && (r->how == DNS_TRUNCATED || r->how == DNS_ANSWER))
		return false;
	return dns_rule_has_type(r, m->type) && dns_rule_has_name(r, m->name);
}

/* Of a segment its place in its connection: one that is sent again is no other. */
static bool is_chosen(struct shape_dns *d, const struct dns_rule *r, const struct shape_parts *p)
{
	struct rng own = {.s = d->seed};
	uint8_t place[32 + 8] = {0};
	uint64_t draw;

	if (p->protocol == IPPROTO_TCP) {
		memcpy(place, is_v4(p) ? p->ip + 12 : p->ip + 8, is_v4(p) ? 8 : 32);
		memcpy(place + 32, p->at, 8);
		own.s ^= (uint64_t)crc32c(place, sizeof(place)) << 16;
	}
	draw = rng_next(p->protocol == IPPROTO_TCP ? &own : &d->rng) >> 32;
	return draw < ((uint64_t)r->share_ppm << 32) / PPM_ALL;
}

static void v4_sum(uint8_t *ip)
{
	uint32_t sum = 0;

	put16(ip + 10, 0);
	for (size_t i = 0; i < V4_HEADER; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, (uint16_t) ~(sum + (sum >> 16)));
}

/* Its IP header without options, of a packet that is no fragment. Returns its size. */
static size_t ip_put(const struct shape_parts *p, size_t payload, uint8_t *to)
{
	if (!is_v4(p)) {
		memcpy(to, p->ip, V6_HEADER);
		put16(to + 4, payload);
		to[6] = p->protocol;
		return V6_HEADER;
	}
	memcpy(to, p->ip, V4_HEADER);
	to[0] = 4 << 4 | V4_HEADER / 4;
	put16(to + 2, V4_HEADER + payload);
	to[6] &= V4_DF;
	to[7] = 0;
	v4_sum(to);
	return V4_HEADER;
}

static size_t answer_put(const struct shape_parts *p, const struct dns_message *m,
                         const struct dns_rule *r, uint8_t to[SHAPE_DNS_MAX])
{
	uint8_t message[DNS_FORGED_MAX];
	size_t n = dns_message_forge(m, r, message), at = ip_put(p, UDP_HEADER + n, to);

	memcpy(to + at, p->at, 4);
	put16(to + at + 4, UDP_HEADER + n);
	memcpy(to + at + UDP_HEADER, message, n);
	return at + UDP_HEADER + n;
}

/* In the very place in the stream where the answer would begin, so that it is believed (RFC 5961).
 */
static size_t reset_put(const struct shape_parts *p, uint8_t to[SHAPE_DNS_MAX])
{
	size_t at = ip_put(p, TCP_HEADER, to);

	memset(to + at, 0, TCP_HEADER);
	memcpy(to + at, p->at, 12);
	to[at + 12] = TCP_HEADER / 4 << 4;
	to[at + 13] = TCP_RST_ACK;
	return at + TCP_HEADER;
}

enum dns_fate shape_dns_next(struct shape_dns *d, const struct dns_rule *r, uint8_t *packet,
                             size_t n, uint8_t to[SHAPE_DNS_MAX], size_t *to_n)
{
	struct shape_parts p;
	struct dns_message m;

	if (!shape_bytes_split(packet, n, &p) || !message_find(&p, &m))
		return DNS_STRANGE;
	if (!is_meant(r, &p, &m))
		return DNS_OTHER;
	if (!is_chosen(d, r, &p))
		return DNS_SPARED;
	if (r->how == DNS_SLOW || r->how == DNS_TIMEOUT)
		return r->how == DNS_SLOW ? DNS_HELD : DNS_LOST;
	*to_n = p.protocol == IPPROTO_TCP ? reset_put(&p, to) : answer_put(&p, &m, r, to);
	(void)shape_bytes_sum(to, *to_n);
	return DNS_CHANGED;
}
