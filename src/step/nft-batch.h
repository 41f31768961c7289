/*
 * nft-batch.h - tables, chains and rules as messages of one nfnetlink transaction.
 *
 * Words of nf_tables (linux/netfilter/nf_tables.h), one function each; what a cut is made of them
 * stands in nft-encode.c. Invariants: the same calls give the same bytes; nothing is written beyond
 * `cap`, and once there is no room `over` is true and what is in the batch must not be sent. Every
 * expression uses the first register but those that make a key for a hash. Not to be assumed: that
 * the kernel knows an expression.
 */
#ifndef SQUALL_STEP_NFT_BATCH_H
#define SQUALL_STEP_NFT_BATCH_H

#include <linux/netlink.h>

#include "step/nft-encode.h"

enum { NFT_MESSAGE_MAX = 4096 }; /* room that any one message of ours fits in */

/* Starts zeroed, with data, cap (at least NFT_MESSAGE_MAX) and table. */
struct nft_batch {
	char *data;
	size_t cap, len;
	uint32_t seq;
	uint8_t family; /* of the table being written */
	const char *table;
	struct nlmsghdr *last; /* the last that is no bracket */
	bool over;
};

/* Begin and end of the transaction: NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END. */
void nft_bracket(struct nft_batch *, uint16_t type);
void nft_table_delete(struct nft_batch *);
/* Owned by the socket that sends it. comment: NULL for none. */
void nft_table_make(struct nft_batch *, const char *comment);
void nft_chain_make(struct nft_batch *, const char *name);
/* One that carries a text, as a table does; it has no rules. */
void nft_chain_note(struct nft_batch *, const char *name, const char *comment);
/* All rules of the table, and one chain that no rule leads to any more. */
void nft_rules_delete(struct nft_batch *);
void nft_chain_delete(struct nft_batch *, const char *name);
/* devices: of a netdev chain, those of the rules; else NULL. */
void nft_base_chain_make(struct nft_batch *, const char *name, uint32_t hook, int priority,
                         const struct nft_rules *devices);

/* A rule being written: message, list of expressions, and the expression that is open. */
struct nft_rule {
	struct nft_batch *b;
	struct nlmsghdr *h;
	struct nlattr *list, *elem, *data;
};
struct nft_rule nft_rule_start(struct nft_batch *, const char *chain);
void nft_rule_end(struct nft_rule *);

/* Expressions, in the order in which they are to be tried. */
void nft_expr_start(struct nft_rule *, const char *name);
void nft_expr_end(struct nft_rule *);
void nft_meta_load(struct nft_rule *, uint32_t key);
void nft_payload_load(struct nft_rule *, uint32_t base, uint32_t offset, uint32_t n);
/* The same into a register of 32 bits, NFT_REG32_00 and up, and those after it. */
void nft_payload_into(struct nft_rule *, uint32_t reg, uint32_t base, uint32_t offset, uint32_t n);
/* Register = hash of `n` bytes from NFT_REG32_00 on, or a draw: 0 to modulus - 1, in network order.
 */
void nft_hash_load(struct nft_rule *, uint32_t n, uint32_t modulus, uint32_t seed);
void nft_draw_load(struct nft_rule *, uint32_t modulus);
/* Register = register & keep ^ set. */
void nft_bits(struct nft_rule *, const void *keep, const void *set, uint32_t n);
void nft_compare(struct nft_rule *, uint32_t op, const void *value, size_t n);
void nft_counter(struct nft_rule *, uint64_t packets, uint64_t bytes);
/* chain: where to go on, else NULL. */
void nft_verdict(struct nft_rule *, int32_t code, const char *chain);
/* In an egress hook: the packet is gone, and who sent it is told that it was sent. */
void nft_swallow(struct nft_rule *);
enum nft_answer { NFT_ANSWER_RESET, NFT_ANSWER_NO_PORT, NFT_ANSWER_NO_HOST };
void nft_reject(struct nft_rule *, enum nft_answer);
/* Handed to who reads that packet queue; it passes when nobody does. */
void nft_queue_to(struct nft_rule *, const struct nft_queue *);

#endif
