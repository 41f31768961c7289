/* nft-encode.c - a cut as one nfnetlink transaction. */
#include "step/nft-encode.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/hash.h"
#include "step/nft-pipeline.h"
#include "step/nft-shape.h"

enum {
	PRIORITY_RAW = -300,
	PRIORITY_LAST = 2000, /* after every mangling chain, so that the mark stays */
};

static void in_write(struct nft_batch *b, const struct nft_rules *rules,
                     const struct nft_count *carry)
{
	struct nft_pipeline p = {.b = b,
	                         .rules = rules,
	                         .name = "in",
	                         .incoming = true,
	                         .arrives = true,
	                         .end = nft_mode_answers(rules->mode) ? NFT_END_REJECT
	                                                              : NFT_END_DROP,
	                         .packets = carry->packets_in,
	                         .bytes = carry->bytes_in};
	/* A packet has a socket only once it is known to be for this namespace. */
	bool owner = nft_rules_has_owner(rules);
	nft_base_chain_make(b, "in", owner ? NF_INET_LOCAL_IN : NF_INET_PRE_ROUTING, PRIORITY_RAW,
	                    NULL);
	nft_pipeline_write(&p);
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
	struct nft_pipeline p = {.b = b,
	                         .rules = rules,
	                         .name = mark ? "mark" : "out",
	                         .end = mark                            ? NFT_END_MARK
	                                : nft_mode_answers(rules->mode) ? NFT_END_REJECT
	                                                                : NFT_END_DROP,
	                         .mark = NFT_CUT_MARK,
	                         .packets = carry->packets_out,
	                         .bytes = carry->bytes_out};
	bool local = mark || nft_mode_answers(rules->mode) || rules->has_cgroup;
	nft_base_chain_make(b, p.name, local ? NF_INET_LOCAL_OUT : NF_INET_POST_ROUTING,
	                    mark ? PRIORITY_LAST : PRIORITY_RAW, NULL);
	nft_pipeline_write(&p);
}

static void egress_write(struct nft_batch *b, const struct nft_rules *rules,
                         const struct nft_count *carry)
{
	struct nft_pipeline p = {.b = b,
	                         .rules = rules,
	                         .name = "out",
	                         .end = rules->egress == NFT_EGRESS_SWALLOW ? NFT_END_SWALLOW
	                                                                    : NFT_END_DROP,
	                         .packets = carry->packets_out,
	                         .bytes = carry->bytes_out};
	nft_base_chain_make(b, "out", NF_NETDEV_EGRESS, PRIORITY_RAW, rules);
	if (!rules->has_cgroup) {
		nft_pipeline_write(&p);
		return;
	}
	nft_chain_make(b, "out_1");
	struct nft_rule r = nft_rule_start(b, "out");
	nft_match_mark(&r, NFT_CUT_MARK, NFT_CMP_EQ, NFT_CUT_MARK);
	nft_pipeline_go_on(&r, &p, 0);
	nft_pipeline_end(&p, "out_1");
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
	buf_addf(to, "%.*s sha256=%s", (int)strcspn(state, " "), state, hex);
}

/* Always made: it carries the comment. */
static void cut_write(struct nft_batch *b, const struct nft_rules *rules, const char *comment,
                      const struct nft_seen *there, const struct nft_count *carry)
{
	if (there && there->inet)
		nft_table_delete(b);
	nft_table_make(b, comment);
	if (rules->direction & NFT_IN)
		in_write(b, rules, carry);
	if ((rules->direction & NFT_OUT) && (!hooks_egress(rules) || rules->has_cgroup))
		out_write(b, rules, carry);
}

int nft_encode_put(const char *table, const struct nft_rules *rules, const char *state,
                   const struct nft_seen *there, const struct nft_count *carry,
                   const struct nft_queue *queue, void *data, size_t cap, size_t *len,
                   struct err *err)
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
	b.family = NFPROTO_INET;
	if (rules->mode == NFT_SHAPE)
		nft_shape_write(&b, rules, comment.data, there, carry, queue);
	else
		cut_write(&b, rules, comment.data, there, carry);
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

size_t nft_encode_rules_out(const char *table, void *data)
{
	struct nft_batch b = {
	        .data = data, .cap = NFT_RULES_OUT_MAX, .table = table, .family = NFPROTO_INET};
	nft_bracket(&b, NFNL_MSG_BATCH_BEGIN);
	nft_rules_delete(&b);
	b.last->nlmsg_flags |= NLM_F_ACK;
	nft_bracket(&b, NFNL_MSG_BATCH_END);
	return b.len;
}
