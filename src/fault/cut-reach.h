/*
 * cut-reach.h - whether a cut may reach the connection by which somebody is logged in, or squall
 * itself. Doubt says yes.
 */
#ifndef SQUALL_FAULT_CUT_REACH_H
#define SQUALL_FAULT_CUT_REACH_H

#include "machine/target.h"
#include "step/nft.h"

/* rules: made for this target, in the caller's own network namespace. */
bool cut_reaches_caller(const struct nft_rules *rules, const struct target *t,
                        const struct world *w);

#endif
