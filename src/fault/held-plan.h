/*
 * held-plan.h - what the faults that let a helper hold something have in common.
 */
#ifndef SQUALL_FAULT_HELD_PLAN_H
#define SQUALL_FAULT_HELD_PLAN_H

#include "base/amount.h"
#include "fault/fault.h"

/* Adds a step "held". kind: the helper's; where: the cgroup or folder, "" for none. */
int held_plan(struct plan *out, const char *kind, const char *run, const struct target *t,
              const struct moment *moment, const char *where, const struct world *w,
              const char *state, const char *says, struct err *err) must_use;

/* How much, as mem.fill and disk.fill ask for it: one of the three, and a share that stays free. */
struct fill_args {
	uint64_t bytes, share_ppm, leave_bytes, floor_ppm;
};
int fill_check(const struct fill_args *, struct err *) must_use;
/* What the machine's owner wants left, and in which line ("FILE:LINE"; NULL: nobody has said). */
struct fill_floor {
	uint64_t bytes;
	const char *by;
};
/* total, available: what there is. -EPERM: so many bytes would go below the floor (told only before
 * the first put). */
int fill_amount(const struct fill_args *, uint64_t total_bytes, uint64_t available_bytes,
                struct fill_floor owner, const char *what, const struct moment *, struct amount *,
                struct err *) must_use;
/* "takes 2GiB of the 22.4GiB that are available; 1.2GiB stay". */
void fill_says(const struct amount *, uint64_t available_bytes, struct buf *to);
/* asked, achieved and no_effect, from the helper's counters; `extra` is added to achieved. */
void fill_dose(const struct fill_args *, const struct counters *after, const char *what,
               const char *extra, struct dose *);
/* "; ended by the OOM killer", "; its helper ended early" or nothing. */
void held_lost(const struct counters *after, struct buf *to);

#endif
