/*
 * guard-ways.h - which traffic a plan cuts, and whether that is what a policy keeps open.
 */
#ifndef SQUALL_RUN_GUARD_WAYS_H
#define SQUALL_RUN_GUARD_WAYS_H

#include "run/guard.h"
#include "step/nft.h"

/* The network namespace of process 1, or the caller's own. Doubt says yes. */
bool netns_is_machine(const struct world *, uint64_t ino);
/* Rules that are put into the machine's network namespace may match this traffic. A rule for a
 * cgroup or a user is judged by who is in `group` (a folder of the cgroup, "": not known) and who
 * listens. Doubt says yes. */
bool way_is_reached(const struct policy_way *, const struct nft_rules *, const struct world *,
                    const char *group);

#endif
