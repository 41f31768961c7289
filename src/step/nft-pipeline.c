/* nft-pipeline.c - filters as chains. */
#include "step/nft-pipeline.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "base/sockmark.h"

enum {
	TCP_FLAGS_OFFSET = 13,
	TCP_FLAG_SYN = 0x02,
	TCP_FLAG_RST = 0x04,
	ND_FIRST = 133, /* ICMPv6 router solicitation */
	ND_LAST = 137,  /* ICMPv6 redirect */
};

static void match_byte(struct nft_rule *r, uint32_t key, uint8_t value)
{
	nft_meta_load(r, key);
	nft_compare(r, NFT_CMP_EQ, &value, 1);
}

/* A netdev chain sees frames of any kind, an inet chain IPv4 and IPv6. */
static void match_family(struct nft_rule *r, int family)
{
	uint16_t type = htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	if (r->b->family != NFPROTO_NETDEV) {
		match_byte(r, NFT_META_NFPROTO, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
		return;
	}
	nft_meta_load(r, NFT_META_PROTOCOL);
	nft_compare(r, NFT_CMP_EQ, &type, sizeof(type));
}

static void match_icmp_types(struct nft_rule *r, int family, uint8_t from, uint8_t to)
{
	match_family(r, family);
	match_byte(r, NFT_META_L4PROTO, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	nft_payload_load(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	nft_compare(r, NFT_CMP_GTE, &from, 1);
	nft_compare(r, NFT_CMP_LTE, &to, 1);
}

static void match_addr(struct nft_rule *r, const struct nft_addr *a, bool incoming)
{
	static const uint8_t zero[16];
	uint32_t n = a->family == AF_INET ? 4 : 16;
	uint32_t source = a->family == AF_INET ? 12 : 8;
	uint8_t mask[16] = {0};
	match_family(r, a->family);
	if (a->length == 0)
		return;
	for (unsigned i = 0; i < n; i++) {
		unsigned keep = a->length > i * 8 ? a->length - i * 8u : 0;
		mask[i] = keep >= 8 ? 0xff : (uint8_t)(0xff00u >> keep);
	}
	nft_payload_load(r, NFT_PAYLOAD_NETWORK_HEADER, incoming ? source : source + n, n);
	if (a->length < n * 8)
		nft_bits(r, mask, zero, n);
	nft_compare(r, NFT_CMP_EQ, a->bytes, n);
}

/* TCP and UDP have their ports at the same place. */
static void match_port(struct nft_rule *r, const struct nft_ports *p, bool source)
{
	uint16_t from = htons(p->from), to = htons(p->to);
	nft_payload_load(r, NFT_PAYLOAD_TRANSPORT_HEADER, source ? 0 : 2, 2);
	if (from == to) {
		nft_compare(r, NFT_CMP_EQ, &from, 2);
		return;
	}
	nft_compare(r, NFT_CMP_GTE, &from, 2);
	nft_compare(r, NFT_CMP_LTE, &to, 2);
}

static void match_cgroup(struct nft_rule *r, const struct nft_rules *rules)
{
	nft_expr_start(r, "socket");
	mnl_attr_put_u32(r->h, NFTA_SOCKET_KEY, htonl(NFT_SOCKET_CGROUPV2));
	mnl_attr_put_u32(r->h, NFTA_SOCKET_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_SOCKET_LEVEL, htonl(rules->cgroup_level));
	nft_expr_end(r);
	nft_compare(r, NFT_CMP_EQ, &rules->cgroup, sizeof(rules->cgroup));
}

/* What comes in has no mark of its own, but a socket here that has one; of what goes out the socket
 * may be half a connection only, which has none, but gave its mark to the packet. */
static void match_socket_mark(struct nft_rule *r, const struct nft_rules *rules, bool incoming)
{
	uint32_t mask = SOCKMARK_MASK, none = 0, value = rules->mark;
	if (incoming) {
		nft_expr_start(r, "socket");
		mnl_attr_put_u32(r->h, NFTA_SOCKET_KEY, htonl(NFT_SOCKET_MARK));
		mnl_attr_put_u32(r->h, NFTA_SOCKET_DREG, htonl(NFT_REG_1));
		nft_expr_end(r);
	} else
		nft_meta_load(r, NFT_META_MARK);
	nft_bits(r, &mask, &none, sizeof(mask));
	nft_compare(r, NFT_CMP_EQ, &value, sizeof(value));
}

static void chain_name(const struct nft_pipeline *p, size_t i, struct buf *to)
{
	buf_reset(to);
	buf_add(to, p->name);
	if (i)
		buf_addf(to, "_%zu", i);
}

void nft_pipeline_go_on(struct nft_rule *r, const struct nft_pipeline *p, size_t i)
{
	BUF(next, 32);
	chain_name(p, i + 1, &next);
	nft_verdict(r, NFT_GOTO, next.data);
	nft_rule_end(r);
}

static void device_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	for (size_t k = 0; k < p->rules->devs_n; k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		nft_meta_load(&r, p->arrives ? NFT_META_IIFNAME : NFT_META_OIFNAME);
		nft_compare(&r, NFT_CMP_EQ, p->rules->devs[k], NFT_DEV_NAME);
		nft_pipeline_go_on(&r, p, i);
	}
}

static void owner_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	struct nft_rule r = nft_rule_start(p->b, chain);
	if (p->rules->has_uid) {
		nft_meta_load(&r, NFT_META_SKUID);
		nft_compare(&r, NFT_CMP_EQ, &p->rules->uid, sizeof(p->rules->uid));
	}
	if (p->rules->has_cgroup)
		match_cgroup(&r, p->rules);
	if (p->rules->mark)
		match_socket_mark(&r, p->rules, p->incoming);
	nft_pipeline_go_on(&r, p, i);
}

static void family_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	for (int k = 0; k < 2; k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_family(&r, k ? AF_INET6 : AF_INET);
		nft_pipeline_go_on(&r, p, i);
	}
}

/* All that came here goes on. */
static void rest_rule(const struct nft_pipeline *p, size_t i, const char *chain)
{
	struct nft_rule r = nft_rule_start(p->b, chain);
	nft_pipeline_go_on(&r, p, i);
}

static void addr_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	const struct nft_rules *rules = p->rules;
	size_t n = nft_rules_addrs(rules);
	for (size_t k = n; k < rules->addrs_n; k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_addr(&r, &rules->addrs[k], p->incoming);
		nft_pass(&r);
	}
	for (size_t k = 0; k < n; k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_addr(&r, &rules->addrs[k], p->incoming);
		nft_pipeline_go_on(&r, p, i);
	}
	if (n == 0)
		family_rules(p, i, chain);
}

static void proto_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	uint8_t proto = p->rules->proto;
	uint8_t first = proto ? proto : IPPROTO_TCP;
	uint8_t second = proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : proto ? 0 : IPPROTO_UDP;
	for (int k = 0; k < (second ? 2 : 1); k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_byte(&r, NFT_META_L4PROTO, k ? second : first);
		nft_pipeline_go_on(&r, p, i);
	}
}

static void connection_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	static const uint8_t syn = TCP_FLAG_SYN, none = 0;
	bool opening = p->rules->conn == NFT_CONN_NEW;
	struct nft_rule r = nft_rule_start(p->b, chain);
	nft_payload_load(&r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1);
	nft_bits(&r, &syn, &none, 1);
	nft_compare(&r, NFT_CMP_EQ, opening ? &syn : &none, 1);
	nft_pipeline_go_on(&r, p, i);
}

/* Excluded by either end. Where the stages before did not see to it, that it has ports at all. */
static void port_except_rules(const struct nft_pipeline *p, size_t k, bool told, const char *chain)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	for (size_t n = 0; n < (told ? 2 : 4); n++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		if (!told)
			match_byte(&r, NFT_META_L4PROTO, protos[n / 2]);
		match_port(&r, &p->rules->ports[k], n & 1);
		nft_pass(&r);
	}
}

static void port_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	size_t ports = nft_rules_ports(p->rules);
	for (size_t k = ports; k < p->rules->ports_n; k++)
		port_except_rules(p, k, ports || p->rules->proto, chain);
	if (ports == 0)
		rest_rule(p, i, chain);
	for (size_t k = 0; k < ports * 2; k++) {
		bool source = k & 1;
		if (p->side == (source ? NFT_PORT_DESTINATION : NFT_PORT_SOURCE))
			continue;
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_port(&r, &p->rules->ports[k / 2], source);
		nft_pipeline_go_on(&r, p, i);
	}
}

enum { DRAWS = 1000000000 };
#define SQUARE ((uint64_t)DRAWS * DRAWS)

/* The largest number whose square is at most n. */
static uint32_t root(uint64_t n)
{
	uint64_t x = 0;
	for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
		if ((x + bit) * (x + bit) <= n)
			x += bit;
	return (uint32_t)x;
}

/*
 * The key of a flow is both ends, and one direction has them in the other's order; on loopback no
 * chain can tell which it is. So both orders are hashed, and one of them suffices: each with
 * q = 1 - sqrt(1 - p) for a share p.
 */
static void flow_rule(const struct nft_pipeline *p, size_t i, const char *chain, int family,
                      uint8_t proto, bool turned)
{
	static const uint8_t tcp = IPPROTO_TCP, udp = IPPROTO_UDP;
	uint32_t least =
	        htonl(DRAWS - root((SHAPE_PPM - p->rules->flows_ppm) * (SQUARE / SHAPE_PPM)));
	uint32_t n = family == AF_INET ? 4 : 16, source = family == AF_INET ? 12 : 8;
	uint32_t second = NFT_REG32_00 + n / 4, ports = second + n / 4;
	struct nft_rule r = nft_rule_start(p->b, chain);
	match_family(&r, family);
	if (proto) {
		match_byte(&r, NFT_META_L4PROTO, proto);
	} else {
		nft_meta_load(&r, NFT_META_L4PROTO);
		nft_compare(&r, NFT_CMP_NEQ, &tcp, 1);
		nft_compare(&r, NFT_CMP_NEQ, &udp, 1);
	}
	nft_payload_into(&r, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER, turned ? source + n : source,
	                 n);
	nft_payload_into(&r, second, NFT_PAYLOAD_NETWORK_HEADER, turned ? source : source + n, n);
	if (proto) {
		nft_payload_into(&r, ports, NFT_PAYLOAD_TRANSPORT_HEADER, turned ? 2 : 0, 2);
		nft_payload_into(&r, ports + 1, NFT_PAYLOAD_TRANSPORT_HEADER, turned ? 0 : 2, 2);
	}
	nft_hash_load(&r, 2 * n + (proto ? 8 : 0), DRAWS, p->rules->flows_seed);
	nft_compare(&r, NFT_CMP_LT, &least, sizeof(least));
	nft_pipeline_go_on(&r, p, i);
}

static void flow_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, 0};
	uint8_t only = p->rules->proto;
	bool ported = nft_rules_ports(p->rules) > 0;
	for (size_t k = 0; k < sizeof(protos); k++) {
		if ((only && protos[k] != (only == IPPROTO_ICMP ? 0 : only)) ||
		    (ported && !protos[k]))
			continue;
		for (int n = 0; n < 4; n++)
			flow_rule(p, i, chain, n & 2 ? AF_INET6 : AF_INET, protos[k], n & 1);
	}
}

static void packet_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	uint32_t least = htonl(p->rules->packets_ppm);
	struct nft_rule r = nft_rule_start(p->b, chain);
	nft_draw_load(&r, SHAPE_PPM);
	nft_compare(&r, NFT_CMP_LT, &least, sizeof(least));
	nft_pipeline_go_on(&r, p, i);
}

static void flag_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	struct nft_rule r = nft_rule_start(p->b, chain);
	uint8_t none = 0;
	nft_payload_load(&r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1);
	nft_bits(&r, &p->rules->tcp_flags, &none, 1);
	nft_compare(&r, NFT_CMP_NEQ, &none, 1);
	nft_pipeline_go_on(&r, p, i);
}

static void mark_change(struct nft_rule *r, uint32_t bits, uint32_t set)
{
	uint32_t keep = ~bits;
	nft_meta_load(r, NFT_META_MARK);
	nft_bits(r, &keep, &set, sizeof(keep));
	nft_expr_start(r, "meta");
	mnl_attr_put_u32(r->h, NFTA_META_KEY, htonl(NFT_META_MARK));
	mnl_attr_put_u32(r->h, NFTA_META_SREG, htonl(NFT_REG_1));
	nft_expr_end(r);
}

void nft_match_mark(struct nft_rule *r, uint32_t bits, uint32_t op, uint32_t value)
{
	uint32_t none = 0;
	nft_meta_load(r, NFT_META_MARK);
	nft_bits(r, &bits, &none, sizeof(bits));
	nft_compare(r, op, &value, sizeof(value));
}

void nft_pipeline_end(const struct nft_pipeline *p, const char *chain)
{
	struct nft_rule r = nft_rule_start(p->b, chain);
	if (p->end == NFT_END_MARK) {
		mark_change(&r, p->mark, p->mark);
		nft_rule_end(&r);
		return;
	}
	if (p->end == NFT_END_REJECT && p->rules->mode == NFT_REJECT) {
		match_byte(&r, NFT_META_L4PROTO, IPPROTO_TCP);
		nft_counter(&r, p->packets, p->bytes);
		nft_reject(&r, NFT_ANSWER_RESET);
		nft_rule_end(&r);
		r = nft_rule_start(p->b, chain);
		nft_counter(&r, 0, 0);
		nft_reject(&r, NFT_ANSWER_NO_PORT);
		nft_rule_end(&r);
		return;
	}
	nft_counter(&r, p->packets, p->bytes);
	if (p->end == NFT_END_REJECT) {
		nft_reject(&r, NFT_ANSWER_NO_HOST);
		nft_rule_end(&r);
		return;
	}
	if (p->end == NFT_END_QUEUE)
		nft_queue_to(&r, p->queue);
	else if (p->end == NFT_END_SWALLOW)
		nft_swallow(&r);
	else
		nft_verdict(&r, NF_DROP, NULL);
	nft_rule_end(&r);
}

void nft_pass(struct nft_rule *r)
{
	nft_verdict(r, NF_ACCEPT, NULL);
	nft_rule_end(r);
}

/* What is never cut: neighbour discovery, and in mode reject the answers themselves, which leave
 * through the same hooks and would be rejected in turn. */
static void exempt_rules(const struct nft_pipeline *p, const char *chain)
{
	if (nft_rules_ports(p->rules) == 0 &&
	    (!p->rules->proto || p->rules->proto == IPPROTO_ICMP)) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_icmp_types(&r, AF_INET6, ND_FIRST, ND_LAST);
		nft_pass(&r);
	}
	if (p->end != NFT_END_REJECT)
		return;
	uint8_t rst = TCP_FLAG_RST, none = 0;
	struct nft_rule r = nft_rule_start(p->b, chain);
	match_byte(&r, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_payload_load(&r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1);
	nft_bits(&r, &rst, &none, 1);
	nft_compare(&r, NFT_CMP_EQ, &rst, 1);
	nft_pass(&r);
	r = nft_rule_start(p->b, chain);
	match_icmp_types(&r, AF_INET, ICMP_DEST_UNREACH, ICMP_DEST_UNREACH);
	nft_pass(&r);
	r = nft_rule_start(p->b, chain);
	match_icmp_types(&r, AF_INET6, ICMPV6_DEST_UNREACH, ICMPV6_DEST_UNREACH);
	nft_pass(&r);
}

static void stage_rules(const struct nft_pipeline *p, size_t i, const char *chain)
{
	switch (p->stages[i]) {
	case NFT_STAGE_DEVICE:
		device_rules(p, i, chain);
		break;
	case NFT_STAGE_OWNER:
		owner_rules(p, i, chain);
		break;
	case NFT_STAGE_FAMILY:
		family_rules(p, i, chain);
		break;
	case NFT_STAGE_ADDR:
		addr_rules(p, i, chain);
		break;
	case NFT_STAGE_PROTO:
		proto_rules(p, i, chain);
		break;
	case NFT_STAGE_CONNECTION:
		connection_rules(p, i, chain);
		break;
	case NFT_STAGE_PORT:
		port_rules(p, i, chain);
		break;
	case NFT_STAGE_FLOWS:
		flow_rules(p, i, chain);
		break;
	case NFT_STAGE_PACKETS:
		packet_rules(p, i, chain);
		break;
	case NFT_STAGE_FLAGS:
		flag_rules(p, i, chain);
		break;
	case NFT_STAGE_END:
		nft_pipeline_end(p, chain);
		break;
	}
}

void nft_pipeline_write(struct nft_pipeline *p)
{
	const struct nft_rules *rules = p->rules;
	bool netdev = p->b->family == NFPROTO_NETDEV;
	if (rules->confined && !netdev && !p->any_device)
		p->stages[p->n++] = NFT_STAGE_DEVICE;
	if (nft_rules_has_owner(rules))
		p->stages[p->n++] = NFT_STAGE_OWNER;
	if (rules->addrs_n)
		p->stages[p->n++] = NFT_STAGE_ADDR;
	else if (netdev)
		p->stages[p->n++] = NFT_STAGE_FAMILY;
	if (rules->proto || nft_rules_ports(rules))
		p->stages[p->n++] = NFT_STAGE_PROTO;
	if (rules->conn)
		p->stages[p->n++] = NFT_STAGE_CONNECTION;
	if (rules->ports_n)
		p->stages[p->n++] = NFT_STAGE_PORT;
	if (rules->flows_ppm)
		p->stages[p->n++] = NFT_STAGE_FLOWS;
	if (rules->packets_ppm)
		p->stages[p->n++] = NFT_STAGE_PACKETS;
	if (rules->tcp_flags)
		p->stages[p->n++] = NFT_STAGE_FLAGS;
	p->stages[p->n++] = NFT_STAGE_END;

	BUF(chain, 32);
	for (size_t i = 1; i < p->n; i++) {
		chain_name(p, i, &chain);
		nft_chain_make(p->b, chain.data);
	}
	exempt_rules(p, p->name);
	for (size_t i = 0; i < p->n; i++) {
		chain_name(p, i, &chain);
		stage_rules(p, i, chain.data);
	}
}
