/*
 * nft-encode.h - a cut as one nfnetlink transaction, and what the kernel says of it.
 *
 * A cut is one or two tables of the same name: inet, which also carries the state's text as its
 * comment, and netdev where outgoing packets are swallowed in the egress hook. Both have the owner
 * flag: they belong to the socket that sent the transaction and go with it
 * (NFT_TABLE_F_OWNER, linux/netfilter/nf_tables.h). Pure: nothing here talks to the kernel.
 *
 * Chains "in…" and "out…" hold rules that count (one counter where a packet is cut); "mark…" only
 * marks packets of a cgroup for the egress hook, where sockets cannot be matched. The mark is bit
 * NFT_CUT_MARK; a packet that has it is always cut, so the mark is seen nowhere else.
 */
#ifndef SQUALL_STEP_NFT_ENCODE_H
#define SQUALL_STEP_NFT_ENCODE_H

#include <linux/netlink.h>

#include "base/counters.h"
#include "step/nft.h"

enum {
	NFT_BATCH_MAX = 160 * 1024,
	NFT_REQUEST_MAX = 512,
	NFT_COMMENT_MAX = 250, /* longest text that get reads back; else its hash stands for it */
	NFT_CUT_MARK = 0x40000000,
};

/* Counted so far by the table that is replaced: carried over, so that meters never fall. */
struct nft_count {
	uint64_t packets_in, bytes_in, packets_out, bytes_out;
};

/* The text that stands for a state in the kernel: itself, or "cut sha256=HEX" when it is long. */
void nft_comment_format(const char *state, struct buf *to);

/* What is there of a table. */
struct nft_seen {
	const char *table;
	bool inet, netdev;
	char comment[STATE_MAX]; /* "" when it has none */
};
/* The transaction that makes `table` what the rules say. What is there of it (NULL: nothing) must
 * belong to the socket that will send this; it is deleted and made anew at one stroke. The last
 * message asks for the only acknowledgement. -E2BIG when it does not fit. */
int nft_encode_put(const char *table, const struct nft_rules *, const char *state,
                   const struct nft_seen *there, const struct nft_count *carry, void *data,
                   size_t cap, size_t *len, struct err *) must_use;

/* Dump requests (NFT_REQUEST_MAX bytes each suffice): every table; the rules of one. */
size_t nft_encode_list_tables(void *data);
size_t nft_encode_list_rules(void *data, int family, const char *table);

/* Readers of answers, for nl_dump: messages of any content are allowed. */
int nft_seen_take(const struct nlmsghdr *, void *nft_seen);
int nft_count_take(const struct nlmsghdr *, void *nft_count);

#endif
