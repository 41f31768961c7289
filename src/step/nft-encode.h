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
	NFT_RULES_OUT_MAX = 8192,
	NFT_COMMENT_MAX = 250, /* longest text that get reads back; else its hash stands for it */
	NFT_CUT_MARK = 0x40000000,
	NFT_CHAINS_MAX = 40, /* of a table of ours */
	NFT_CHAIN_NAME = 16,
};

/* Counted so far by the table that is replaced: carried over, so that meters never fall. */
struct nft_count {
	uint64_t packets_in, bytes_in, packets_out, bytes_out;
};

/* The text that stands for a state in the kernel: itself, or "cut sha256=HEX" when it is long. */
void nft_comment_format(const char *state, struct buf *to);

/* What is there of a table: nft_encode_list_tables, then, of mode shape, nft_encode_list_chains. */
struct nft_seen {
	const char *table;
	bool inet, netdev;
	char comment[STATE_MAX]; /* "" when it has none */
	uint32_t hooks;          /* of inet's base chains, a bit each */
	unsigned turn;           /* of a shaper: see struct nft_queue; 0: it is none */
	unsigned last_turn;      /* of all shapers in the namespace */
	size_t chains_n;         /* of inet, those without a hook */
	char chains[NFT_CHAINS_MAX][NFT_CHAIN_NAME];
};

/*
 * The packet queue of a shaper. turn, 1 to NFT_TURNS_MAX, is its place among the shapers of the
 * namespace, and gives the priority of its chains: one that comes later stands behind those that
 * are there. (The kernel knows a packet that waits by the place of the chain in its hook: were
 * another put before that, the packet would meet its shaper a second time.) What a shaper sends
 * itself carries its turn as a mark, and passes it and those before it.
 */
struct nft_queue {
	uint16_t number;
	bool xt; /* the target of xtables, where the kernel does not have nft's expression */
	unsigned turn;
};
enum { NFT_TURNS_MAX = 63, NFT_TURN_SHIFT = 24 };
#define NFT_TURN_MASK ((uint32_t)NFT_TURNS_MAX << NFT_TURN_SHIFT)
/* The transaction that makes `table` what the rules say. What is there of it (NULL: nothing) must
 * belong to the socket that will send this; it is deleted and made anew at one stroke, but for the
 * base chains of a shaper where they can stay: to unregister one drops all packets that wait in a
 * queue of the namespace. queue: of mode shape. The last message asks for the only acknowledgement.
 * -E2BIG when it does not fit; -EOPNOTSUPP for what cannot be shaped. */
int nft_encode_put(const char *table, const struct nft_rules *, const char *state,
                   const struct nft_seen *there, const struct nft_count *carry,
                   const struct nft_queue *queue, void *data, size_t cap, size_t *len,
                   struct err *) must_use;

/* The transaction that takes all rules out of inet's table, which stays. NFT_RULES_OUT_MAX bytes
 * suffice. */
size_t nft_encode_rules_out(const char *table, void *data);

/* Dump requests (NFT_REQUEST_MAX bytes each suffice): every table; every chain of inet; the rules
 * of one table. */
size_t nft_encode_list_tables(void *data);
size_t nft_encode_list_chains(void *data);
size_t nft_encode_list_rules(void *data, int family, const char *table);

/* Readers of answers, for nl_dump: messages of any content are allowed. */
int nft_seen_take(const struct nlmsghdr *, void *nft_seen);
int nft_count_take(const struct nlmsghdr *, void *nft_count);

#endif
