/* nft-encode.c - a cut as one nfnetlink transaction. */
#include "step/nft-encode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/hash.h"
#include "step/nft-batch.h"

enum {
	PRIORITY_RAW = -300,
	PRIORITY_LAST = 2000, /* after every mangling chain, so that the mark stays */
	TCP_FLAGS_OFFSET = 13,
	TCP_FLAG_RST = 0x04,
	ND_FIRST = 133, /* ICMPv6 router solicitation */
	ND_LAST = 137,  /* ICMPv6 redirect */
	STAGES_MAX = 7,
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

/* What must all hold, one after another: each stage is a chain whose rules are its alternatives,
 * and a match goes on to the next stage. */
enum stage {
	STAGE_DEVICE,
	STAGE_OWNER,
	STAGE_FAMILY,
	STAGE_ADDR,
	STAGE_PROTO,
	STAGE_PORT,
	STAGE_CUT
};

enum cut { CUT_DROP, CUT_SWALLOW, CUT_REJECT, CUT_MARK };

struct pipeline {
	struct nft_batch *b;
	const struct nft_rules *rules;
	const char *name;
	bool incoming;
	enum cut cut;
	uint64_t packets, bytes; /* to begin counting from */
	enum stage stages[STAGES_MAX];
	size_t n;
};

static void chain_name(const struct pipeline *p, size_t i, struct buf *to)
{
	buf_reset(to);
	buf_add(to, p->name);
	if (i)
		buf_addf(to, "_%zu", i);
}

static void go_on(struct nft_rule *r, const struct pipeline *p, size_t i)
{
	BUF(next, 32);
	chain_name(p, i + 1, &next);
	nft_verdict(r, NFT_GOTO, next.data);
	nft_rule_end(r);
}

static void device_rules(const struct pipeline *p, size_t i, const char *chain)
{
	for (size_t k = 0; k < p->rules->devs_n; k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		nft_meta_load(&r, p->incoming ? NFT_META_IIFNAME : NFT_META_OIFNAME);
		nft_compare(&r, NFT_CMP_EQ, p->rules->devs[k], NFT_DEV_NAME);
		go_on(&r, p, i);
	}
}

static void owner_rules(const struct pipeline *p, size_t i, const char *chain)
{
	struct nft_rule r = nft_rule_start(p->b, chain);
	if (p->rules->has_uid) {
		nft_meta_load(&r, NFT_META_SKUID);
		nft_compare(&r, NFT_CMP_EQ, &p->rules->uid, sizeof(p->rules->uid));
	}
	if (p->rules->has_cgroup)
		match_cgroup(&r, p->rules);
	go_on(&r, p, i);
}

static void family_rules(const struct pipeline *p, size_t i, const char *chain)
{
	for (int k = 0; k < 2; k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_family(&r, k ? AF_INET6 : AF_INET);
		go_on(&r, p, i);
	}
}

static void addr_rules(const struct pipeline *p, size_t i, const char *chain)
{
	for (size_t k = 0; k < p->rules->addrs_n; k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_addr(&r, &p->rules->addrs[k], p->incoming);
		go_on(&r, p, i);
	}
}

static void proto_rules(const struct pipeline *p, size_t i, const char *chain)
{
	uint8_t proto = p->rules->proto;
	uint8_t first = proto ? proto : IPPROTO_TCP;
	uint8_t second = proto == IPPROTO_ICMP ? IPPROTO_ICMPV6 : proto ? 0 : IPPROTO_UDP;
	for (int k = 0; k < (second ? 2 : 1); k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_byte(&r, NFT_META_L4PROTO, k ? second : first);
		go_on(&r, p, i);
	}
}

static void port_rules(const struct pipeline *p, size_t i, const char *chain)
{
	for (size_t k = 0; k < p->rules->ports_n * 2; k++) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_port(&r, &p->rules->ports[k / 2], k & 1);
		go_on(&r, p, i);
	}
}

static void cut_rules(const struct pipeline *p, const char *chain)
{
	struct nft_rule r = nft_rule_start(p->b, chain);
	if (p->cut == CUT_MARK) {
		uint32_t keep = ~(uint32_t)NFT_CUT_MARK, set = NFT_CUT_MARK;
		nft_meta_load(&r, NFT_META_MARK);
		nft_bits(&r, &keep, &set, sizeof(keep));
		nft_expr_start(&r, "meta");
		mnl_attr_put_u32(r.h, NFTA_META_KEY, htonl(NFT_META_MARK));
		mnl_attr_put_u32(r.h, NFTA_META_SREG, htonl(NFT_REG_1));
		nft_expr_end(&r);
		nft_rule_end(&r);
		return;
	}
	if (p->cut == CUT_REJECT) {
		match_byte(&r, NFT_META_L4PROTO, IPPROTO_TCP);
		nft_counter(&r, p->packets, p->bytes);
		nft_reject(&r, true);
		nft_rule_end(&r);
		r = nft_rule_start(p->b, chain);
		nft_counter(&r, 0, 0);
		nft_reject(&r, false);
		nft_rule_end(&r);
		return;
	}
	nft_counter(&r, p->packets, p->bytes);
	if (p->cut == CUT_SWALLOW)
		nft_swallow(&r);
	else
		nft_verdict(&r, NF_DROP, NULL);
	nft_rule_end(&r);
}

static void pass(struct nft_rule *r)
{
	nft_verdict(r, NF_ACCEPT, NULL);
	nft_rule_end(r);
}

/* What is never cut: neighbour discovery, and in mode reject the answers themselves, which leave
 * through the same hooks and would be rejected in turn. */
static void exempt_rules(const struct pipeline *p, const char *chain)
{
	if (p->rules->ports_n == 0 && (!p->rules->proto || p->rules->proto == IPPROTO_ICMP)) {
		struct nft_rule r = nft_rule_start(p->b, chain);
		match_icmp_types(&r, AF_INET6, ND_FIRST, ND_LAST);
		pass(&r);
	}
	if (p->cut != CUT_REJECT)
		return;
	uint8_t rst = TCP_FLAG_RST, none = 0;
	struct nft_rule r = nft_rule_start(p->b, chain);
	match_byte(&r, NFT_META_L4PROTO, IPPROTO_TCP);
	nft_payload_load(&r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1);
	nft_bits(&r, &rst, &none, 1);
	nft_compare(&r, NFT_CMP_EQ, &rst, 1);
	pass(&r);
	r = nft_rule_start(p->b, chain);
	match_icmp_types(&r, AF_INET, ICMP_DEST_UNREACH, ICMP_DEST_UNREACH);
	pass(&r);
	r = nft_rule_start(p->b, chain);
	match_icmp_types(&r, AF_INET6, ICMPV6_DEST_UNREACH, ICMPV6_DEST_UNREACH);
	pass(&r);
}

static void stage_rules(const struct pipeline *p, size_t i, const char *chain)
{
	switch (p->stages[i]) {
	case STAGE_DEVICE:
		device_rules(p, i, chain);
		break;
	case STAGE_OWNER:
		owner_rules(p, i, chain);
		break;
	case STAGE_FAMILY:
		family_rules(p, i, chain);
		break;
	case STAGE_ADDR:
		addr_rules(p, i, chain);
		break;
	case STAGE_PROTO:
		proto_rules(p, i, chain);
		break;
	case STAGE_PORT:
		port_rules(p, i, chain);
		break;
	case STAGE_CUT:
		cut_rules(p, chain);
		break;
	}
}

/* The base chain is made by the caller. */
static void pipeline_write(struct pipeline *p)
{
	const struct nft_rules *rules = p->rules;
	bool netdev = p->b->family == NFPROTO_NETDEV;
	if (rules->confined && !netdev)
		p->stages[p->n++] = STAGE_DEVICE;
	if (rules->has_uid || rules->has_cgroup)
		p->stages[p->n++] = STAGE_OWNER;
	if (rules->addrs_n)
		p->stages[p->n++] = STAGE_ADDR;
	else if (netdev)
		p->stages[p->n++] = STAGE_FAMILY;
	if (rules->proto || rules->ports_n)
		p->stages[p->n++] = STAGE_PROTO;
	if (rules->ports_n)
		p->stages[p->n++] = STAGE_PORT;
	p->stages[p->n++] = STAGE_CUT;

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

static void in_write(struct nft_batch *b, const struct nft_rules *rules,
                     const struct nft_count *carry)
{
	struct pipeline p = {.b = b,
	                     .rules = rules,
	                     .name = "in",
	                     .incoming = true,
	                     .cut = rules->mode == NFT_REJECT ? CUT_REJECT : CUT_DROP,
	                     .packets = carry->packets_in,
	                     .bytes = carry->bytes_in};
	/* A packet has a socket only once it is known to be for this namespace. */
	bool owner = rules->has_uid || rules->has_cgroup;
	nft_base_chain_make(b, "in", owner ? NF_INET_LOCAL_IN : NF_INET_PRE_ROUTING, PRIORITY_RAW,
	                    NULL);
	pipeline_write(&p);
}

static bool hooks_egress(const struct nft_rules *rules)
{
	return rules->mode == NFT_SILENCE && (rules->direction & NFT_OUT) &&
	       rules->egress != NFT_EGRESS_OUTPUT;
}

/* Inet's part of what goes out. */
static void out_write(struct nft_batch *b, const struct nft_rules *rules,
                      const struct nft_count *carry)
{
	bool mark = hooks_egress(rules);
	struct pipeline p = {.b = b,
	                     .rules = rules,
	                     .name = mark ? "mark" : "out",
	                     .cut = mark                        ? CUT_MARK
	                            : rules->mode == NFT_REJECT ? CUT_REJECT
	                                                        : CUT_DROP,
	                     .packets = carry->packets_out,
	                     .bytes = carry->bytes_out};
	bool local = mark || rules->mode == NFT_REJECT || rules->has_cgroup;
	nft_base_chain_make(b, p.name, local ? NF_INET_LOCAL_OUT : NF_INET_POST_ROUTING,
	                    mark ? PRIORITY_LAST : PRIORITY_RAW, NULL);
	pipeline_write(&p);
}

static void egress_write(struct nft_batch *b, const struct nft_rules *rules,
                         const struct nft_count *carry)
{
	struct pipeline p = {.b = b,
	                     .rules = rules,
	                     .name = "out",
	                     .cut = rules->egress == NFT_EGRESS_SWALLOW ? CUT_SWALLOW : CUT_DROP,
	                     .packets = carry->packets_out,
	                     .bytes = carry->bytes_out};
	nft_base_chain_make(b, "out", NF_NETDEV_EGRESS, PRIORITY_RAW, rules);
	if (!rules->has_cgroup) {
		pipeline_write(&p);
		return;
	}
	uint32_t mark = NFT_CUT_MARK, none = 0;
	nft_chain_make(b, "out_1");
	struct nft_rule r = nft_rule_start(b, "out");
	nft_meta_load(&r, NFT_META_MARK);
	nft_bits(&r, &mark, &none, sizeof(mark));
	nft_compare(&r, NFT_CMP_EQ, &mark, sizeof(mark));
	go_on(&r, &p, 0);
	cut_rules(&p, "out_1");
}

void nft_comment_format(const char *state, struct buf *to)
{
	buf_reset(to);
	if (strlen(state) <= NFT_COMMENT_MAX) {
		buf_add(to, state);
		return;
	}
	char hex[SHA256_HEX];
	sha256_text(state, strlen(state), hex);
	buf_addf(to, "cut sha256=%s", hex);
}

int nft_encode_put(const char *table, const struct nft_rules *rules, const char *state,
                   const struct nft_seen *there, const struct nft_count *carry, void *data,
                   size_t cap, size_t *len, struct err *err)
{
	static const struct nft_count nothing;
	struct nft_batch b = {.data = data, .cap = cap, .table = table};
	BUF(comment, STATE_MAX);
	if (cap < NFT_MESSAGE_MAX)
		return err_set(err, -EINVAL, "no room for a transaction");
	if (!carry)
		carry = &nothing;
	nft_comment_format(state, &comment);

	nft_bracket(&b, NFNL_MSG_BATCH_BEGIN);
	b.family = NFPROTO_NETDEV;
	if (there && there->netdev)
		nft_table_delete(&b);
	if (hooks_egress(rules)) {
		nft_table_make(&b, NULL);
		egress_write(&b, rules, carry);
	}
	/* Always made: it carries the comment. */
	b.family = NFPROTO_INET;
	if (there && there->inet)
		nft_table_delete(&b);
	nft_table_make(&b, comment.data);
	if (rules->direction & NFT_IN)
		in_write(&b, rules, carry);
	if ((rules->direction & NFT_OUT) && (!hooks_egress(rules) || rules->has_cgroup))
		out_write(&b, rules, carry);
	if (b.last)
		b.last->nlmsg_flags |= NLM_F_ACK;
	nft_bracket(&b, NFNL_MSG_BATCH_END);

	if (b.over)
		return err_hint(
		        err, err_set(err, -E2BIG, "cut needs a transaction of over %zu bytes", cap),
		        "Name networks and ranges of ports instead of single ones.");
	*len = b.len;
	return 0;
}
