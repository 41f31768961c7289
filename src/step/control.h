/*
 * control.h - a control file: its object, its states, and how claims on it combine.
 *
 * OBJECT is PATH or PATH@INODE: an absolute path, and for a cgroup the inode of the directory that
 * holds the file ("/sys/fs/cgroup/cpu/shop/cpu.cfs_quota_us@42"), so that a group that was removed
 * and made again is another object. STATE is the file's one line without its newline.
 *
 * merge, by file name: cpu.cfs_quota_us: smallest non-negative; cpu.max: smallest share, written in
 * the period that was there before; some single numbers: smallest. Equal claims always combine; any
 * other difference is -EBUSY.
 *
 * meter: cpu.* files read their group: "throttled_count", "periods_count", "throttled_ns", and
 * "usage_ns" where the kernel counts it for this group (cgroup v2; v1 with cpuacct in the same
 * hierarchy), else summed over the processes that are in the group and below now: it falls when one
 * of them exits, by what that one had used.
 */
#ifndef SQUALL_STEP_CONTROL_H
#define SQUALL_STEP_CONTROL_H

#include "step/step.h"

int control_merge(const char *object, const char *base, const char *const *claims, size_t n,
                  struct buf *to, struct err *err) must_use;
int control_meter(const struct hold *h, const char *object, struct counters *to,
                  struct err *err) must_use;

#endif
