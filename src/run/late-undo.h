/*
 * late-undo.h - the last resort of a run: where systemd is process 1, a timer of systemd runs
 * `squall undo` after the deadline, should all of squall have been killed.
 *
 * Owns: the timer "squall-undo-RUN" between arming and a clean end. Invariants: a run never fails
 * or waits for long because of it; that it could not be armed is told. Where systemd is not process
 * 1 nothing is tried. Not to be assumed: that it strikes at the deadline sharp; LATE_UNDO_GRACE_NS
 * later, so that a keeper that reverts at its deadline is left in peace.
 */
#ifndef SQUALL_RUN_LATE_UNDO_H
#define SQUALL_RUN_LATE_UNDO_H

#include "base/err.h"
#include "base/world.h"

#define LATE_UNDO_GRACE_NS 5000000000ull

/* 0: it would be armed here. -ENOSYS: process 1 is not systemd, or it is not built in; or why
 * systemd does not answer. */
int late_undo_can(const struct world *w, struct err *err) must_use;
/* run: the id. deadline_ns: CLOCK_BOOTTIME. */
int late_undo_arm(const struct world *w, const char *run, uint64_t deadline_ns,
                  struct err *err) must_use;
int late_undo_disarm(const char *run, struct err *err) must_use;

#endif
