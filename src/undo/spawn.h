/*
 * spawn.h - starts a helper: forked from the keeper, with a lifeline, a death signal and a
 * kernel-held deadline.
 *
 * Invariants: the helper is first in line for the OOM killer (unless it is spared), holds no
 * descriptor but its order channel and the hold's page, and ends at the deadline even while it is
 * stopped (timer_create(2) on CLOCK_BOOTTIME sending SIGKILL) and when its parent dies
 * (PR_SET_PDEATHSIG, prctl(2)).
 */
#ifndef SQUALL_UNDO_SPAWN_H
#define SQUALL_UNDO_SPAWN_H

#include "base/helper.h"
#include "step/step.h"

/* Fills hold->holder. table ends with NULL. -ENOENT: no such helper. */
int helper_spawn(struct hold *, const struct helper_type *const *table, const char *kind,
                 const char *const *args, struct err *) must_use;
/* Sends SIGKILL or another signal to this process at a CLOCK_BOOTTIME instant, by the kernel's
 * hand. */
int deadline_arm(uint64_t deadline_ns, int sig) must_use;
/* Writes /proc/self/oom_score_adj as far as the kernel allows. */
void oom_score_set(int score);

#endif
