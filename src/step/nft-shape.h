/*
 * nft-shape.h - the table that leads packets to the shaper's queue. Where it catches them:
 *
 *   in                    before routing; with uid or cgroup at local input, where sockets are
 * known out, decides at once  after routing (with a cgroup at local output): the sender does not
 * learn of a loss that a queue's reader decides out, holds            a packet that waits on its
 * way out stays on its socket's account, and TCP stalls: only what goes out by loopback, caught
 * where it comes in again (with uid or cgroup it is marked at local output for that)
 *
 * All before any other chain of the hook. Pure.
 */
#ifndef SQUALL_STEP_NFT_SHAPE_H
#define SQUALL_STEP_NFT_SHAPE_H

#include "step/nft-batch.h"

enum { NFT_SHAPE_PRIORITY = -100000 }; /* turn 0 of struct nft_queue, which nobody has */

/* The chain without rules that carries the state's text: unlike the table's it can be changed. */
extern const char nft_shape_note[];

/* Does the shaper send itself what it holds back? */
bool nft_shape_sends(const struct nft_rules *);
void nft_shape_write(struct nft_batch *, const struct nft_rules *, const char *comment,
                     const struct nft_seen *there, const struct nft_count *carry,
                     const struct nft_queue *);

#endif
