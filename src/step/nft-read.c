/* nft-read.c - what the kernel says of the tables of a cut. Answers may hold anything. */
#include "step/nft-shape.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

static struct nlmsghdr *dump_start(void *data, int type, int family)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(data);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	g->nfgen_family = (uint8_t)family;
	g->version = NFNETLINK_V0;
	return h;
}

size_t nft_encode_list_tables(void *data)
{
	return dump_start(data, NFT_MSG_GETTABLE, NFPROTO_UNSPEC)->nlmsg_len;
}

size_t nft_encode_list_chains(void *data)
{
	return dump_start(data, NFT_MSG_GETCHAIN, NFPROTO_INET)->nlmsg_len;
}

size_t nft_encode_list_rules(void *data, int family, const char *table)
{
	struct nlmsghdr *h = dump_start(data, NFT_MSG_GETRULE, family);
	mnl_attr_put_strz(h, NFTA_RULE_TABLE, table);
	return h->nlmsg_len;
}

/* The attribute of this type among those of a message, NULL when absent or torn. */
static const struct nlattr *attr_find(const struct nlmsghdr *h, uint16_t type)
{
	const struct nlattr *a;
	if (mnl_nlmsg_get_payload_len(h) < sizeof(struct nfgenmsg))
		return NULL;
	mnl_attr_for_each (a, h, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) == type)
			return a;
	}
	return NULL;
}

static const struct nlattr *attr_find_in(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *a;
	mnl_attr_for_each_nested (a, nest) {
		if (mnl_attr_get_type(a) == type)
			return a;
	}
	return NULL;
}

static const char *attr_text(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(a) : "";
}

static uint64_t attr_u64(const struct nlattr *a)
{
	uint64_t v = 0;
	if (a && mnl_attr_get_payload_len(a) == sizeof(v))
		memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return be64toh(v);
}

_Static_assert(STATE_MAX > UINT8_MAX, "a comment fits");

static void comment_take(struct nft_seen *seen, const struct nlattr *a)
{
	const uint8_t *p = a ? mnl_attr_get_payload(a) : NULL;
	size_t n = a ? mnl_attr_get_payload_len(a) : 0;
	if (n < 3 || p[0] != 0 || p[1] > n - 2)
		return;
	memcpy(seen->comment, p + 2, p[1]);
	seen->comment[p[1]] = 0;
}

static uint32_t attr_u32(const struct nlattr *a)
{
	uint32_t v = 0;
	if (a && mnl_attr_get_payload_len(a) == sizeof(v))
		memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return ntohl(v);
}

static int chain_take(struct nft_seen *seen, const struct nlmsghdr *h)
{
	const struct nlattr *hook = attr_find(h, NFTA_CHAIN_HOOK);
	const char *name = attr_text(attr_find(h, NFTA_CHAIN_NAME));
	bool ours = strcmp(attr_text(attr_find(h, NFTA_CHAIN_TABLE)), seen->table) == 0;
	int32_t priority = hook ? (int32_t)attr_u32(attr_find_in(hook, NFTA_HOOK_PRIORITY)) : 0;
	unsigned turn =
	        priority > NFT_SHAPE_PRIORITY && priority <= NFT_SHAPE_PRIORITY + NFT_TURNS_MAX
	                ? (unsigned)(priority - NFT_SHAPE_PRIORITY)
	                : 0;
	if (turn > seen->last_turn)
		seen->last_turn = turn;
	if (!ours)
		return 0;
	if (hook) {
		uint32_t number = attr_u32(attr_find_in(hook, NFTA_HOOK_HOOKNUM));
		seen->hooks |= number < 32 ? 1u << number : 0;
		seen->turn = turn > seen->turn ? turn : seen->turn;
		return 0;
	}
	if (strcmp(name, nft_shape_note) == 0)
		comment_take(seen, attr_find(h, NFTA_CHAIN_USERDATA));
	if (seen->chains_n < NFT_CHAINS_MAX && strlen(name) < NFT_CHAIN_NAME)
		strcpy(seen->chains[seen->chains_n++], name);
	return 0;
}

int nft_seen_take(const struct nlmsghdr *h, void *ctx)
{
	struct nft_seen *seen = ctx;
	const struct nlattr *name = attr_find(h, NFTA_TABLE_NAME);
	if ((h->nlmsg_type & 0xff) == NFT_MSG_NEWCHAIN)
		return chain_take(seen, h);
	if ((h->nlmsg_type & 0xff) != NFT_MSG_NEWTABLE || strcmp(attr_text(name), seen->table) != 0)
		return 0;
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	seen->netdev = seen->netdev || g->nfgen_family == NFPROTO_NETDEV;
	if (g->nfgen_family == NFPROTO_INET) {
		seen->inet = true;
		comment_take(seen, attr_find(h, NFTA_TABLE_USERDATA));
	}
	return 0;
}

int nft_count_take(const struct nlmsghdr *h, void *ctx)
{
	struct nft_count *c = ctx;
	const struct nlattr *list = attr_find(h, NFTA_RULE_EXPRESSIONS), *one;
	const char *chain = attr_text(attr_find(h, NFTA_RULE_CHAIN));
	bool in = strncmp(chain, "in", 2) == 0, out = strncmp(chain, "out", 3) == 0;
	if ((h->nlmsg_type & 0xff) != NFT_MSG_NEWRULE || !list || (!in && !out))
		return 0;
	mnl_attr_for_each_nested (one, list) {
		const struct nlattr *data = attr_find_in(one, NFTA_EXPR_DATA);
		if (!data || strcmp(attr_text(attr_find_in(one, NFTA_EXPR_NAME)), "counter") != 0)
			continue;
		uint64_t packets = attr_u64(attr_find_in(data, NFTA_COUNTER_PACKETS));
		uint64_t bytes = attr_u64(attr_find_in(data, NFTA_COUNTER_BYTES));
		*(in ? &c->packets_in : &c->packets_out) += packets;
		*(in ? &c->bytes_in : &c->bytes_out) += bytes;
	}
	return 0;
}
