/* nft-encode.c - a cut as one nfnetlink transaction. */
#include "step/nft-encode.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/hash.h"

enum {
	MESSAGE_MAX = 4096, /* room that any one message of ours fits in */
	PRIORITY_RAW = -300,
	PRIORITY_LAST = 2000, /* after every mangling chain, so that the mark stays */
	NO_DEVICE = INT_MAX,  /* an interface index that no device has */
	TCP_FLAGS_OFFSET = 13,
	TCP_FLAG_RST = 0x04,
	ND_FIRST = 133, /* ICMPv6 router solicitation */
	ND_LAST = 137,  /* ICMPv6 redirect */
	STAGES_MAX = 7,
};

struct batch {
	char *data;
	size_t cap, len;
	uint32_t seq;
	uint8_t family; /* of the table being written */
	const char *table;
	struct nlmsghdr *last;
	bool over;
};

static struct nlmsghdr *message_start(struct batch *b, uint16_t type, uint16_t flags,
                                      uint8_t family, uint16_t res_id)
{
	/* Once full, messages are written over one another: what is in the batch is not used. */
	if (b->cap - b->len < MESSAGE_MAX) {
		b->over = true;
		b->len = 0;
	}
	memset(b->data + b->len, 0, MESSAGE_MAX); /* padding too: the same rules, the same bytes */
	struct nlmsghdr *h = mnl_nlmsg_put_header(b->data + b->len);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++b->seq;
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	g->res_id = htons(res_id);
	return h;
}

static void message_end(struct batch *b, struct nlmsghdr *h)
{
	b->len += MNL_ALIGN(h->nlmsg_len);
	b->last = h;
}

static struct nlmsghdr *nft_start(struct batch *b, int type, uint16_t flags)
{
	return message_start(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, b->family, 0);
}

static void bracket(struct batch *b, uint16_t type)
{
	struct nlmsghdr *last = b->last;
	message_end(b, message_start(b, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	b->last = last;
}

static void table_delete(struct batch *b)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_DELTABLE, 0);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, b->table);
	message_end(b, h);
}

/* The comment is laid out as nft(8) does, so that "nft list" shows it: type 0, length, text. */
static void table_make(struct batch *b, const char *comment)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	char data[2 + NFT_COMMENT_MAX + 1] = {0};
	size_t n = comment ? strlen(comment) + 1 : 0;
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, b->table);
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	if (n > 1 && n <= NFT_COMMENT_MAX + 1) {
		data[1] = (char)n;
		memcpy(data + 2, comment, n);
		mnl_attr_put(h, NFTA_TABLE_USERDATA, 2 + n, data);
	}
	message_end(b, h);
}

static void chain_make(struct batch *b, const char *name)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, b->table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	message_end(b, h);
}

static void base_chain_make(struct batch *b, const char *name, uint32_t hook, int priority,
                            const struct nft_rules *devices)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, b->table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	mnl_attr_put_strz(h, NFTA_CHAIN_TYPE, "filter");
	mnl_attr_put_u32(h, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
	struct nlattr *nest = mnl_attr_nest_start(h, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(h, NFTA_HOOK_HOOKNUM, htonl(hook));
	mnl_attr_put_u32(h, NFTA_HOOK_PRIORITY, htonl((uint32_t)priority));
	if (devices) {
		struct nlattr *devs = mnl_attr_nest_start(h, NFTA_HOOK_DEVS);
		for (size_t i = 0; i < devices->devs_n; i++)
			mnl_attr_put_strz(h, NFTA_DEVICE_NAME, devices->devs[i]);
		mnl_attr_nest_end(h, devs);
	}
	mnl_attr_nest_end(h, nest);
	message_end(b, h);
}

/* A rule being written: message, list of expressions, and the expression that is open. */
struct rule {
	struct batch *b;
	struct nlmsghdr *h;
	struct nlattr *list, *elem, *data;
};

static struct rule rule_start(struct batch *b, const char *chain)
{
	struct rule r = {.b = b, .h = nft_start(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND)};
	mnl_attr_put_strz(r.h, NFTA_RULE_TABLE, b->table);
	mnl_attr_put_strz(r.h, NFTA_RULE_CHAIN, chain);
	r.list = mnl_attr_nest_start(r.h, NFTA_RULE_EXPRESSIONS);
	return r;
}

static void rule_end(struct rule *r)
{
	mnl_attr_nest_end(r->h, r->list);
	message_end(r->b, r->h);
}

static void expr_start(struct rule *r, const char *name)
{
	r->elem = mnl_attr_nest_start(r->h, NFTA_LIST_ELEM);
	mnl_attr_put_strz(r->h, NFTA_EXPR_NAME, name);
	r->data = mnl_attr_nest_start(r->h, NFTA_EXPR_DATA);
}

static void expr_end(struct rule *r)
{
	mnl_attr_nest_end(r->h, r->data);
	mnl_attr_nest_end(r->h, r->elem);
}

static void value_put(struct rule *r, uint16_t type, const void *value, size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(r->h, type);
	mnl_attr_put(r->h, NFTA_DATA_VALUE, n, value);
	mnl_attr_nest_end(r->h, nest);
}

static void meta_load(struct rule *r, uint32_t key)
{
	expr_start(r, "meta");
	mnl_attr_put_u32(r->h, NFTA_META_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_META_KEY, htonl(key));
	expr_end(r);
}

static void payload_load(struct rule *r, uint32_t base, uint32_t offset, uint32_t n)
{
	expr_start(r, "payload");
	mnl_attr_put_u32(r->h, NFTA_PAYLOAD_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_PAYLOAD_BASE, htonl(base));
	mnl_attr_put_u32(r->h, NFTA_PAYLOAD_OFFSET, htonl(offset));
	mnl_attr_put_u32(r->h, NFTA_PAYLOAD_LEN, htonl(n));
	expr_end(r);
}

/* Register = register & keep ^ set. */
static void bits(struct rule *r, const void *keep, const void *set, uint32_t n)
{
	expr_start(r, "bitwise");
	mnl_attr_put_u32(r->h, NFTA_BITWISE_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_BITWISE_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_BITWISE_LEN, htonl(n));
	value_put(r, NFTA_BITWISE_MASK, keep, n);
	value_put(r, NFTA_BITWISE_XOR, set, n);
	expr_end(r);
}

static void compare(struct rule *r, uint32_t op, const void *value, size_t n)
{
	expr_start(r, "cmp");
	mnl_attr_put_u32(r->h, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_CMP_OP, htonl(op));
	value_put(r, NFTA_CMP_DATA, value, n);
	expr_end(r);
}

static void counter(struct rule *r, uint64_t packets, uint64_t bytes)
{
	expr_start(r, "counter");
	mnl_attr_put_u64(r->h, NFTA_COUNTER_BYTES, htobe64(bytes));
	mnl_attr_put_u64(r->h, NFTA_COUNTER_PACKETS, htobe64(packets));
	expr_end(r);
}

static void verdict(struct rule *r, int32_t code, const char *chain)
{
	expr_start(r, "immediate");
	mnl_attr_put_u32(r->h, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	struct nlattr *data = mnl_attr_nest_start(r->h, NFTA_IMMEDIATE_DATA);
	struct nlattr *v = mnl_attr_nest_start(r->h, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(r->h, NFTA_VERDICT_CODE, htonl((uint32_t)code));
	if (chain)
		mnl_attr_put_strz(r->h, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(r->h, v);
	mnl_attr_nest_end(r->h, data);
	expr_end(r);
}

/* Handed to a device that does not exist, the packet is freed and reported as sent
 * (nf_fwd_netdev_egress in net/netfilter/nf_dup_netdev.c): the one verdict of the egress hook of
 * which nobody hears. */
static void swallow(struct rule *r)
{
	int32_t device = NO_DEVICE;
	expr_start(r, "immediate");
	mnl_attr_put_u32(r->h, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_1));
	value_put(r, NFTA_IMMEDIATE_DATA, &device, sizeof(device));
	expr_end(r);
	expr_start(r, "fwd");
	mnl_attr_put_u32(r->h, NFTA_FWD_SREG_DEV, htonl(NFT_REG_1));
	expr_end(r);
}

static void reject(struct rule *r, bool reset)
{
	expr_start(r, "reject");
	mnl_attr_put_u32(r->h, NFTA_REJECT_TYPE,
	                 htonl(reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH));
	if (!reset)
		mnl_attr_put_u8(r->h, NFTA_REJECT_ICMP_CODE, NFT_REJECT_ICMPX_PORT_UNREACH);
	expr_end(r);
}

static void match_byte(struct rule *r, uint32_t key, uint8_t value)
{
	meta_load(r, key);
	compare(r, NFT_CMP_EQ, &value, 1);
}

/* A netdev chain sees frames of any kind, an inet chain IPv4 and IPv6. */
static void match_family(struct rule *r, int family)
{
	uint16_t type = htons(family == AF_INET ? ETH_P_IP : ETH_P_IPV6);
	if (r->b->family != NFPROTO_NETDEV) {
		match_byte(r, NFT_META_NFPROTO, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
		return;
	}
	meta_load(r, NFT_META_PROTOCOL);
	compare(r, NFT_CMP_EQ, &type, sizeof(type));
}

static void match_icmp_types(struct rule *r, int family, uint8_t from, uint8_t to)
{
	match_family(r, family);
	match_byte(r, NFT_META_L4PROTO, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	payload_load(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	compare(r, NFT_CMP_GTE, &from, 1);
	compare(r, NFT_CMP_LTE, &to, 1);
}

static void match_addr(struct rule *r, const struct nft_addr *a, bool incoming)
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
	payload_load(r, NFT_PAYLOAD_NETWORK_HEADER, incoming ? source : source + n, n);
	if (a->length < n * 8)
		bits(r, mask, zero, n);
	compare(r, NFT_CMP_EQ, a->bytes, n);
}

/* TCP and UDP have their ports at the same place. */
static void match_port(struct rule *r, const struct nft_ports *p, bool source)
{
	uint16_t from = htons(p->from), to = htons(p->to);
	payload_load(r, NFT_PAYLOAD_TRANSPORT_HEADER, source ? 0 : 2, 2);
	if (from == to) {
		compare(r, NFT_CMP_EQ, &from, 2);
		return;
	}
	compare(r, NFT_CMP_GTE, &from, 2);
	compare(r, NFT_CMP_LTE, &to, 2);
}

static void match_cgroup(struct rule *r, const struct nft_rules *rules)
{
	expr_start(r, "socket");
	mnl_attr_put_u32(r->h, NFTA_SOCKET_KEY, htonl(NFT_SOCKET_CGROUPV2));
	mnl_attr_put_u32(r->h, NFTA_SOCKET_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_SOCKET_LEVEL, htonl(rules->cgroup_level));
	expr_end(r);
	compare(r, NFT_CMP_EQ, &rules->cgroup, sizeof(rules->cgroup));
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
	struct batch *b;
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

static void go_on(struct rule *r, const struct pipeline *p, size_t i)
{
	BUF(next, 32);
	chain_name(p, i + 1, &next);
	verdict(r, NFT_GOTO, next.data);
	rule_end(r);
}

static void device_rules(const struct pipeline *p, size_t i, const char *chain)
{
	for (size_t k = 0; k < p->rules->devs_n; k++) {
		struct rule r = rule_start(p->b, chain);
		meta_load(&r, p->incoming ? NFT_META_IIFNAME : NFT_META_OIFNAME);
		compare(&r, NFT_CMP_EQ, p->rules->devs[k], NFT_DEV_NAME);
		go_on(&r, p, i);
	}
}

static void owner_rules(const struct pipeline *p, size_t i, const char *chain)
{
	struct rule r = rule_start(p->b, chain);
	if (p->rules->has_uid) {
		meta_load(&r, NFT_META_SKUID);
		compare(&r, NFT_CMP_EQ, &p->rules->uid, sizeof(p->rules->uid));
	}
	if (p->rules->has_cgroup)
		match_cgroup(&r, p->rules);
	go_on(&r, p, i);
}

static void family_rules(const struct pipeline *p, size_t i, const char *chain)
{
	for (int k = 0; k < 2; k++) {
		struct rule r = rule_start(p->b, chain);
		match_family(&r, k ? AF_INET6 : AF_INET);
		go_on(&r, p, i);
	}
}

static void addr_rules(const struct pipeline *p, size_t i, const char *chain)
{
	for (size_t k = 0; k < p->rules->addrs_n; k++) {
		struct rule r = rule_start(p->b, chain);
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
		struct rule r = rule_start(p->b, chain);
		match_byte(&r, NFT_META_L4PROTO, k ? second : first);
		go_on(&r, p, i);
	}
}

static void port_rules(const struct pipeline *p, size_t i, const char *chain)
{
	for (size_t k = 0; k < p->rules->ports_n * 2; k++) {
		struct rule r = rule_start(p->b, chain);
		match_port(&r, &p->rules->ports[k / 2], k & 1);
		go_on(&r, p, i);
	}
}

static void cut_rules(const struct pipeline *p, const char *chain)
{
	struct rule r = rule_start(p->b, chain);
	if (p->cut == CUT_MARK) {
		uint32_t keep = ~(uint32_t)NFT_CUT_MARK, set = NFT_CUT_MARK;
		meta_load(&r, NFT_META_MARK);
		bits(&r, &keep, &set, sizeof(keep));
		expr_start(&r, "meta");
		mnl_attr_put_u32(r.h, NFTA_META_KEY, htonl(NFT_META_MARK));
		mnl_attr_put_u32(r.h, NFTA_META_SREG, htonl(NFT_REG_1));
		expr_end(&r);
		rule_end(&r);
		return;
	}
	if (p->cut == CUT_REJECT) {
		match_byte(&r, NFT_META_L4PROTO, IPPROTO_TCP);
		counter(&r, p->packets, p->bytes);
		reject(&r, true);
		rule_end(&r);
		r = rule_start(p->b, chain);
		counter(&r, 0, 0);
		reject(&r, false);
		rule_end(&r);
		return;
	}
	counter(&r, p->packets, p->bytes);
	if (p->cut == CUT_SWALLOW)
		swallow(&r);
	else
		verdict(&r, NF_DROP, NULL);
	rule_end(&r);
}

static void pass(struct rule *r)
{
	verdict(r, NF_ACCEPT, NULL);
	rule_end(r);
}

/* What is never cut: neighbour discovery, and in mode reject the answers themselves, which leave
 * through the same hooks and would be rejected in turn. */
static void exempt_rules(const struct pipeline *p, const char *chain)
{
	if (p->rules->ports_n == 0 && (!p->rules->proto || p->rules->proto == IPPROTO_ICMP)) {
		struct rule r = rule_start(p->b, chain);
		match_icmp_types(&r, AF_INET6, ND_FIRST, ND_LAST);
		pass(&r);
	}
	if (p->cut != CUT_REJECT)
		return;
	uint8_t rst = TCP_FLAG_RST, none = 0;
	struct rule r = rule_start(p->b, chain);
	match_byte(&r, NFT_META_L4PROTO, IPPROTO_TCP);
	payload_load(&r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, 1);
	bits(&r, &rst, &none, 1);
	compare(&r, NFT_CMP_EQ, &rst, 1);
	pass(&r);
	r = rule_start(p->b, chain);
	match_icmp_types(&r, AF_INET, ICMP_DEST_UNREACH, ICMP_DEST_UNREACH);
	pass(&r);
	r = rule_start(p->b, chain);
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
		chain_make(p->b, chain.data);
	}
	exempt_rules(p, p->name);
	for (size_t i = 0; i < p->n; i++) {
		chain_name(p, i, &chain);
		stage_rules(p, i, chain.data);
	}
}

static void in_write(struct batch *b, const struct nft_rules *rules, const struct nft_count *carry)
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
	base_chain_make(b, "in", owner ? NF_INET_LOCAL_IN : NF_INET_PRE_ROUTING, PRIORITY_RAW,
	                NULL);
	pipeline_write(&p);
}

static bool hooks_egress(const struct nft_rules *rules)
{
	return rules->mode == NFT_SILENCE && (rules->direction & NFT_OUT) &&
	       rules->egress != NFT_EGRESS_OUTPUT;
}

/* Inet's part of what goes out. */
static void out_write(struct batch *b, const struct nft_rules *rules, const struct nft_count *carry)
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
	base_chain_make(b, p.name, local ? NF_INET_LOCAL_OUT : NF_INET_POST_ROUTING,
	                mark ? PRIORITY_LAST : PRIORITY_RAW, NULL);
	pipeline_write(&p);
}

static void egress_write(struct batch *b, const struct nft_rules *rules,
                         const struct nft_count *carry)
{
	struct pipeline p = {.b = b,
	                     .rules = rules,
	                     .name = "out",
	                     .cut = rules->egress == NFT_EGRESS_SWALLOW ? CUT_SWALLOW : CUT_DROP,
	                     .packets = carry->packets_out,
	                     .bytes = carry->bytes_out};
	base_chain_make(b, "out", NF_NETDEV_EGRESS, PRIORITY_RAW, rules);
	if (!rules->has_cgroup) {
		pipeline_write(&p);
		return;
	}
	uint32_t mark = NFT_CUT_MARK, none = 0;
	chain_make(b, "out_1");
	struct rule r = rule_start(b, "out");
	meta_load(&r, NFT_META_MARK);
	bits(&r, &mark, &none, sizeof(mark));
	compare(&r, NFT_CMP_EQ, &mark, sizeof(mark));
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
	struct batch b = {.data = data, .cap = cap, .table = table};
	BUF(comment, STATE_MAX);
	if (cap < MESSAGE_MAX)
		return err_set(err, -EINVAL, "no room for a transaction");
	if (!carry)
		carry = &nothing;
	nft_comment_format(state, &comment);

	bracket(&b, NFNL_MSG_BATCH_BEGIN);
	b.family = NFPROTO_NETDEV;
	if (there && there->netdev)
		table_delete(&b);
	if (hooks_egress(rules)) {
		table_make(&b, NULL);
		egress_write(&b, rules, carry);
	}
	/* Always made: it carries the comment. */
	b.family = NFPROTO_INET;
	if (there && there->inet)
		table_delete(&b);
	table_make(&b, comment.data);
	if (rules->direction & NFT_IN)
		in_write(&b, rules, carry);
	if ((rules->direction & NFT_OUT) && (!hooks_egress(rules) || rules->has_cgroup))
		out_write(&b, rules, carry);
	if (b.last)
		b.last->nlmsg_flags |= NLM_F_ACK;
	bracket(&b, NFNL_MSG_BATCH_END);

	if (b.over)
		return err_hint(
		        err, err_set(err, -E2BIG, "cut needs a transaction of over %zu bytes", cap),
		        "Name networks and ranges of ports instead of single ones.");
	*len = b.len;
	return 0;
}
