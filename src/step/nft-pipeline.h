/*
 * nft-pipeline.h - filters as chains: what must all hold, one stage after another.
 *
 * Each stage is a chain whose rules are its alternatives, and a match goes on to the next stage;
 * the last one counts and does what is to be done. The first chain is made by the caller, the
 * others ("NAME_1", "NAME_2"...) here. Pure, as all that encodes.
 */
#ifndef SQUALL_STEP_NFT_PIPELINE_H
#define SQUALL_STEP_NFT_PIPELINE_H

#include "step/nft-batch.h"

enum nft_stage {
	NFT_STAGE_DEVICE,
	NFT_STAGE_OWNER,
	NFT_STAGE_FAMILY,
	NFT_STAGE_ADDR,
	NFT_STAGE_PROTO,
	NFT_STAGE_CONNECTION,
	NFT_STAGE_PORT,
	NFT_STAGE_FLOWS,
	NFT_STAGE_PACKETS,
	NFT_STAGE_FLAGS,
	NFT_STAGE_END,
};
enum { NFT_STAGES_MAX = NFT_STAGE_END + 1 };

enum nft_end { NFT_END_DROP, NFT_END_SWALLOW, NFT_END_REJECT, NFT_END_MARK, NFT_END_QUEUE };
enum nft_port_side { NFT_PORT_EITHER, NFT_PORT_DESTINATION, NFT_PORT_SOURCE };

struct nft_pipeline {
	struct nft_batch *b;
	const struct nft_rules *rules;
	const char *name;
	bool incoming; /* the remote side is the source */
	bool arrives;  /* the hook knows the device by which a packet came, not the one it takes */
	bool any_device; /* told by the caller's own rule */
	enum nft_port_side side;
	enum nft_end end;
	uint32_t mark; /* the bit that NFT_END_MARK sets */
	const struct nft_queue *queue;
	uint64_t packets, bytes; /* to begin counting from */
	enum nft_stage stages[NFT_STAGES_MAX];
	size_t n;
};

/* Rules of the first chain and the chains after it. */
void nft_pipeline_write(struct nft_pipeline *);
/* The last stage alone, as the chain of that name. */
void nft_pipeline_end(const struct nft_pipeline *, const char *chain);
/* Ends a rule: on to the stage after `i`. */
void nft_pipeline_go_on(struct nft_rule *, const struct nft_pipeline *, size_t i);
/* Register = mark & bits, compared. */
void nft_match_mark(struct nft_rule *, uint32_t bits, uint32_t op, uint32_t value);
void nft_pass(struct nft_rule *);

#endif
