/* nft-shape.c - the table that leads packets to the shaper's queue. */
#include "step/nft-shape.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "step/nft-pipeline.h"

const char nft_shape_note[] = "state";

struct shape_table {
	struct nft_batch *b;
	const struct nft_rules *rules;
	const struct nft_count *carry;
	const struct nft_queue *queue;
	bool kept; /* the base chains are there */
};

static bool covers_loopback(const struct nft_rules *r)
{
	for (size_t i = 0; i < r->devs_n; i++)
		if (strcmp(r->devs[i], "lo") == 0)
			return true;
	return !r->confined;
}

/* Where the base chain of a direction hangs; -1: there is none. */
static int hook_in(const struct nft_rules *r)
{
	if (!(r->direction & NFT_IN))
		return -1;
	return nft_rules_has_owner(r) ? NF_INET_LOCAL_IN : NF_INET_PRE_ROUTING;
}

static int hook_out(const struct nft_rules *r)
{
	if (!(r->direction & NFT_OUT))
		return -1;
	/* what is asked of a socket is not known after routing */
	return r->has_cgroup ? NF_INET_LOCAL_OUT : NF_INET_POST_ROUTING;
}

bool nft_shape_sends(const struct nft_rules *r)
{
	return hook_out(r) >= 0 && shape_holds(&r->shape);
}

static uint32_t hooks_of(const struct nft_rules *r)
{
	int in = hook_in(r), out = hook_out(r);

	return (in < 0 ? 0 : 1u << in) | (out < 0 ? 0 : 1u << out);
}

static int priority(const struct shape_table *t)
{
	return NFT_SHAPE_PRIORITY + (int)t->queue->turn;
}

/* What a shaper sends itself passes it and those before it. */
static void base_write(const struct shape_table *t, const char *name, int hook, int priority)
{
	struct nft_rule r;

	if (!t->kept)
		nft_base_chain_make(t->b, name, (uint32_t)hook, priority, NULL);
	r = nft_rule_start(t->b, name);
	nft_match_mark(&r, NFT_TURN_MASK, NFT_CMP_GTE, t->queue->turn << NFT_TURN_SHIFT);
	nft_pass(&r);
}

static struct nft_rule loopback_rule(const struct shape_table *t, const char *chain, uint32_t key)
{
	static const char lo[NFT_DEV_NAME] = "lo";
	struct nft_rule r = nft_rule_start(t->b, chain);

	nft_meta_load(&r, key);
	nft_compare(&r, NFT_CMP_EQ, lo, sizeof(lo));
	return r;
}

/* On loopback both ends are the target's: what comes in is what goes to a port that is named, and
 * what goes out is what comes from it, so that each packet counts once. */
static void loopback_write(const struct shape_table *t, struct nft_pipeline p, const char *name)
{
	struct nft_rule r;

	nft_chain_make(t->b, name);
	r = loopback_rule(t, p.name, p.arrives ? NFT_META_IIFNAME : NFT_META_OIFNAME);
	nft_verdict(&r, NFT_GOTO, name);
	nft_rule_end(&r);
	p.name = name;
	p.side = p.incoming ? NFT_PORT_DESTINATION : NFT_PORT_SOURCE;
	p.any_device = true;
	p.packets = p.bytes = 0; /* the other chain goes on from there */
	nft_pipeline_write(&p);
}

static void in_write(const struct shape_table *t)
{
	const struct nft_rules *rules = t->rules;
	struct nft_pipeline p = {.b = t->b,
	                         .rules = rules,
	                         .name = "in",
	                         .incoming = true,
	                         .arrives = true,
	                         .end = NFT_END_QUEUE,
	                         .queue = t->queue,
	                         .packets = t->carry->packets_in,
	                         .bytes = t->carry->bytes_in};

	base_write(t, p.name, hook_in(rules), priority(t));
	if (rules->shape.dns.how)
		p.side = NFT_PORT_SOURCE;
	else if (rules->direction == NFT_IN && rules->ports_n && !nft_rules_has_owner(rules) &&
	         covers_loopback(rules))
		loopback_write(t, p, "inlo");
	nft_pipeline_write(&p);
}

static void out_write(const struct shape_table *t)
{
	const struct nft_rules *rules = t->rules;
	struct nft_pipeline p = {.b = t->b,
	                         .rules = rules,
	                         .name = "out",
	                         .end = NFT_END_QUEUE,
	                         .queue = t->queue,
	                         .packets = t->carry->packets_out,
	                         .bytes = t->carry->bytes_out};
	struct nft_rule r;

	base_write(t, p.name, hook_out(rules), priority(t));
	if (!nft_rules_has_owner(rules) && rules->direction == NFT_BOTH) {
		r = loopback_rule(t, p.name, NFT_META_OIFNAME); /* counts as it comes in */
		nft_pass(&r);
	} else if (!nft_rules_has_owner(rules) && rules->ports_n && covers_loopback(rules))
		loopback_write(t, p, "outlo");
	nft_pipeline_write(&p);
}

/* What comes before the words of the shaper. */
static bool same_filters(const char *a, const char *b)
{
	const char *end = strstr(a, " : ");

	return end && strncmp(a, b, (size_t)(end - a) + 3) == 0;
}

void nft_shape_write(struct nft_batch *b, const struct nft_rules *rules, const char *comment,
                     const struct nft_seen *there, const struct nft_count *carry,
                     const struct nft_queue *queue)
{
	struct shape_table t = {.b = b, .rules = rules, .carry = carry, .queue = queue};

	t.kept = there && there->inet && there->turn == queue->turn &&
	         there->hooks == hooks_of(rules);
	if (t.kept && same_filters(comment, there->comment)) {
		/* the rules stay, and count on */
		nft_chain_delete(b, nft_shape_note);
		nft_chain_note(b, nft_shape_note, comment);
		return;
	}
	if (t.kept) {
		nft_rules_delete(b);
		for (size_t i = 0; i < there->chains_n; i++)
			nft_chain_delete(b, there->chains[i]);
	} else {
		if (there && there->inet)
			nft_table_delete(b);
		nft_table_make(b, NULL);
	}
	nft_chain_note(b, nft_shape_note, comment);
	if (hook_in(rules) >= 0)
		in_write(&t);
	if (hook_out(rules) >= 0)
		out_write(&t);
}
