/*
 * pids.h - how many process ids are free, and what sets that bound.
 *
 * From kernel.pid_max and kernel.threads-max less the threads that there are (proc_sys_kernel(5),
 * the fourth field of proc_loadavg(5)), and pids.max less pids.current of the cgroups that the
 * caller is in (cgroups(7)), in either version. A thread takes one, as a process does. Not to be
 * assumed: that as many are free a moment later.
 */
#ifndef SQUALL_MACHINE_PIDS_H
#define SQUALL_MACHINE_PIDS_H

#include "base/err.h"
#include "base/world.h"
#include "machine/cgroup.h"

struct pids_room {
	uint64_t left;
	char bound[CGROUP_PATH_MAX + 16]; /* "kernel.pid_max", "cgroup \"/shop\"" */
};

/* -EOPNOTSUPP, or what reading said: not to be found out. */
int pids_room_read(const struct world *, struct pids_room *, struct err *) must_use;

#endif
