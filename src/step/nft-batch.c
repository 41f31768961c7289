/* nft-batch.c - tables, chains and rules as messages of one transaction. */
#include "step/nft-batch.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <string.h>

enum { NO_DEVICE = INT_MAX }; /* an interface index that no device has */

static struct nlmsghdr *message_start(struct nft_batch *b, uint16_t type, uint16_t flags,
                                      uint8_t family, uint16_t res_id)
{
	/* Once full, messages are written over one another: what is in the batch is not used. */
	if (b->cap - b->len < NFT_MESSAGE_MAX) {
		b->over = true;
		b->len = 0;
	}
	/* Padding too: the same rules, the same bytes. */
	memset(b->data + b->len, 0, NFT_MESSAGE_MAX);
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

static void message_end(struct nft_batch *b, struct nlmsghdr *h)
{
	b->len += MNL_ALIGN(h->nlmsg_len);
	b->last = h;
}

static struct nlmsghdr *nft_start(struct nft_batch *b, int type, uint16_t flags)
{
	return message_start(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, b->family, 0);
}

void nft_bracket(struct nft_batch *b, uint16_t type)
{
	struct nlmsghdr *last = b->last;
	message_end(b, message_start(b, type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	b->last = last;
}

void nft_table_delete(struct nft_batch *b)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_DELTABLE, 0);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, b->table);
	message_end(b, h);
}

/* Laid out as nft(8) does, so that "nft list" shows it: type 0, length, text. */
static void comment_put(struct nlmsghdr *h, uint16_t type, const char *comment)
{
	char data[2 + NFT_COMMENT_MAX + 1] = {0};
	size_t n = comment ? strlen(comment) + 1 : 0;
	if (n <= 1 || n > NFT_COMMENT_MAX + 1)
		return;
	data[1] = (char)n;
	memcpy(data + 2, comment, n);
	mnl_attr_put(h, type, 2 + n, data);
}

void nft_table_make(struct nft_batch *b, const char *comment)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
	mnl_attr_put_strz(h, NFTA_TABLE_NAME, b->table);
	mnl_attr_put_u32(h, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	comment_put(h, NFTA_TABLE_USERDATA, comment);
	message_end(b, h);
}

void nft_chain_make(struct nft_batch *b, const char *name)
{
	nft_chain_note(b, name, NULL);
}

void nft_chain_note(struct nft_batch *b, const char *name, const char *comment)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, b->table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	comment_put(h, NFTA_CHAIN_USERDATA, comment);
	message_end(b, h);
}

void nft_rules_delete(struct nft_batch *b)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_DELRULE, 0);
	mnl_attr_put_strz(h, NFTA_RULE_TABLE, b->table);
	message_end(b, h);
}

void nft_chain_delete(struct nft_batch *b, const char *name)
{
	struct nlmsghdr *h = nft_start(b, NFT_MSG_DELCHAIN, 0);
	mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, b->table);
	mnl_attr_put_strz(h, NFTA_CHAIN_NAME, name);
	message_end(b, h);
}

void nft_base_chain_make(struct nft_batch *b, const char *name, uint32_t hook, int priority,
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

struct nft_rule nft_rule_start(struct nft_batch *b, const char *chain)
{
	struct nft_rule r = {.b = b,
	                     .h = nft_start(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND)};
	mnl_attr_put_strz(r.h, NFTA_RULE_TABLE, b->table);
	mnl_attr_put_strz(r.h, NFTA_RULE_CHAIN, chain);
	r.list = mnl_attr_nest_start(r.h, NFTA_RULE_EXPRESSIONS);
	return r;
}

void nft_rule_end(struct nft_rule *r)
{
	mnl_attr_nest_end(r->h, r->list);
	message_end(r->b, r->h);
}

void nft_expr_start(struct nft_rule *r, const char *name)
{
	r->elem = mnl_attr_nest_start(r->h, NFTA_LIST_ELEM);
	mnl_attr_put_strz(r->h, NFTA_EXPR_NAME, name);
	r->data = mnl_attr_nest_start(r->h, NFTA_EXPR_DATA);
}

void nft_expr_end(struct nft_rule *r)
{
	mnl_attr_nest_end(r->h, r->data);
	mnl_attr_nest_end(r->h, r->elem);
}

static void value_put(struct nft_rule *r, uint16_t type, const void *value, size_t n)
{
	struct nlattr *nest = mnl_attr_nest_start(r->h, type);
	mnl_attr_put(r->h, NFTA_DATA_VALUE, n, value);
	mnl_attr_nest_end(r->h, nest);
}

void nft_meta_load(struct nft_rule *r, uint32_t key)
{
	nft_expr_start(r, "meta");
	mnl_attr_put_u32(r->h, NFTA_META_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_META_KEY, htonl(key));
	nft_expr_end(r);
}

void nft_payload_load(struct nft_rule *r, uint32_t base, uint32_t offset, uint32_t n)
{
	nft_payload_into(r, NFT_REG_1, base, offset, n);
}

void nft_payload_into(struct nft_rule *r, uint32_t reg, uint32_t base, uint32_t offset, uint32_t n)
{
	nft_expr_start(r, "payload");
	mnl_attr_put_u32(r->h, NFTA_PAYLOAD_DREG, htonl(reg));
	mnl_attr_put_u32(r->h, NFTA_PAYLOAD_BASE, htonl(base));
	mnl_attr_put_u32(r->h, NFTA_PAYLOAD_OFFSET, htonl(offset));
	mnl_attr_put_u32(r->h, NFTA_PAYLOAD_LEN, htonl(n));
	nft_expr_end(r);
}

/* Numbers are in the host's order, and compared byte by byte. */
static void to_network_order(struct nft_rule *r)
{
	nft_expr_start(r, "byteorder");
	mnl_attr_put_u32(r->h, NFTA_BYTEORDER_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_BYTEORDER_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_BYTEORDER_OP, htonl(NFT_BYTEORDER_HTON));
	mnl_attr_put_u32(r->h, NFTA_BYTEORDER_LEN, htonl(4));
	mnl_attr_put_u32(r->h, NFTA_BYTEORDER_SIZE, htonl(4));
	nft_expr_end(r);
}

void nft_hash_load(struct nft_rule *r, uint32_t n, uint32_t modulus, uint32_t seed)
{
	nft_expr_start(r, "hash");
	mnl_attr_put_u32(r->h, NFTA_HASH_SREG, htonl(NFT_REG32_00));
	mnl_attr_put_u32(r->h, NFTA_HASH_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_HASH_LEN, htonl(n));
	mnl_attr_put_u32(r->h, NFTA_HASH_MODULUS, htonl(modulus));
	mnl_attr_put_u32(r->h, NFTA_HASH_SEED, htonl(seed));
	mnl_attr_put_u32(r->h, NFTA_HASH_TYPE, htonl(NFT_HASH_JENKINS));
	nft_expr_end(r);
	to_network_order(r);
}

void nft_draw_load(struct nft_rule *r, uint32_t modulus)
{
	nft_expr_start(r, "numgen");
	mnl_attr_put_u32(r->h, NFTA_NG_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_NG_MODULUS, htonl(modulus));
	mnl_attr_put_u32(r->h, NFTA_NG_TYPE, htonl(NFT_NG_RANDOM));
	nft_expr_end(r);
	to_network_order(r);
}

void nft_bits(struct nft_rule *r, const void *keep, const void *set, uint32_t n)
{
	nft_expr_start(r, "bitwise");
	mnl_attr_put_u32(r->h, NFTA_BITWISE_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_BITWISE_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_BITWISE_LEN, htonl(n));
	value_put(r, NFTA_BITWISE_MASK, keep, n);
	value_put(r, NFTA_BITWISE_XOR, set, n);
	nft_expr_end(r);
}

void nft_compare(struct nft_rule *r, uint32_t op, const void *value, size_t n)
{
	nft_expr_start(r, "cmp");
	mnl_attr_put_u32(r->h, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(r->h, NFTA_CMP_OP, htonl(op));
	value_put(r, NFTA_CMP_DATA, value, n);
	nft_expr_end(r);
}

void nft_counter(struct nft_rule *r, uint64_t packets, uint64_t bytes)
{
	nft_expr_start(r, "counter");
	mnl_attr_put_u64(r->h, NFTA_COUNTER_BYTES, htobe64(bytes));
	mnl_attr_put_u64(r->h, NFTA_COUNTER_PACKETS, htobe64(packets));
	nft_expr_end(r);
}

void nft_verdict(struct nft_rule *r, int32_t code, const char *chain)
{
	nft_expr_start(r, "immediate");
	mnl_attr_put_u32(r->h, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	struct nlattr *data = mnl_attr_nest_start(r->h, NFTA_IMMEDIATE_DATA);
	struct nlattr *v = mnl_attr_nest_start(r->h, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(r->h, NFTA_VERDICT_CODE, htonl((uint32_t)code));
	if (chain)
		mnl_attr_put_strz(r->h, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(r->h, v);
	mnl_attr_nest_end(r->h, data);
	nft_expr_end(r);
}

/* Handed to a device that does not exist, the packet is freed and reported as sent
 * (nf_fwd_netdev_egress in net/netfilter/nf_dup_netdev.c): the one verdict of the egress hook of
 * which nobody hears. */
void nft_swallow(struct nft_rule *r)
{
	int32_t device = NO_DEVICE;
	nft_expr_start(r, "immediate");
	mnl_attr_put_u32(r->h, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_1));
	value_put(r, NFTA_IMMEDIATE_DATA, &device, sizeof(device));
	nft_expr_end(r);
	nft_expr_start(r, "fwd");
	mnl_attr_put_u32(r->h, NFTA_FWD_SREG_DEV, htonl(NFT_REG_1));
	nft_expr_end(r);
}

void nft_reject(struct nft_rule *r, enum nft_answer answer)
{
	bool reset = answer == NFT_ANSWER_RESET;
	nft_expr_start(r, "reject");
	mnl_attr_put_u32(r->h, NFTA_REJECT_TYPE,
	                 htonl(reset ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH));
	if (!reset)
		mnl_attr_put_u8(r->h, NFTA_REJECT_ICMP_CODE,
		                answer == NFT_ANSWER_NO_PORT ? NFT_REJECT_ICMPX_PORT_UNREACH
		                                             : NFT_REJECT_ICMPX_HOST_UNREACH);
	nft_expr_end(r);
}

/* nft's own expression, or the target of xtables through nft_compat, where a kernel has only that
 * one (CONFIG_NFT_QUEUE is not in every build). */
void nft_queue_to(struct nft_rule *r, const struct nft_queue *q)
{
	/* XT_ALIGN: to eight bytes */
	_Alignas(8) struct xt_NFQ_info_v3 info[2] = {
	        {.queuenum = q->number, .queues_total = 1, .flags = NFQ_FLAG_BYPASS}};
	nft_expr_start(r, q->xt ? "target" : "queue");
	if (q->xt) {
		mnl_attr_put_strz(r->h, NFTA_TARGET_NAME, "NFQUEUE");
		mnl_attr_put_u32(r->h, NFTA_TARGET_REV, htonl(3));
		mnl_attr_put(r->h, NFTA_TARGET_INFO, 8, info);
	} else {
		mnl_attr_put_u16(r->h, NFTA_QUEUE_NUM, htons(q->number));
		mnl_attr_put_u16(r->h, NFTA_QUEUE_TOTAL, htons(1));
		mnl_attr_put_u16(r->h, NFTA_QUEUE_FLAGS, htons(NFT_QUEUE_FLAG_BYPASS));
	}
	nft_expr_end(r);
}
