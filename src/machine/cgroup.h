/*
 * cgroup.h - where the cgroups of this machine are: version 1, version 2, or both (hybrid).
 *
 * From /proc/self/mountinfo (proc_pid_mountinfo(5)) and /proc/PID/cgroup (cgroups(7)). Paths below
 * a hierarchy start with "/" and are as the mounts show them: where a mount shows only a part of
 * its hierarchy (in a container), that part's root is "/". Not to be assumed: that a controller is
 * usable where its hierarchy is; in version 2 it must be enabled for the very cgroup.
 */
#ifndef SQUALL_MACHINE_CGROUP_H
#define SQUALL_MACHINE_CGROUP_H

#include <sys/types.h>

#include "base/err.h"
#include "base/world.h"

enum { CGROUP_PATH_MAX = 200 };

struct cgroup_mount {
	char dir[CGROUP_PATH_MAX];  /* where it is mounted; "" when it is not */
	char root[CGROUP_PATH_MAX]; /* the part of the hierarchy that is mounted; "/" for all */
};
struct cgroups {
	struct cgroup_mount v2;
	struct cgroup_mount v1_cpu; /* the version 1 hierarchy with the cpu controller */
};

/* No cgroups at all is no error: both mounts are empty. */
int cgroups_read(const struct world *w, struct cgroups *c, struct err *err) must_use;

/* The cgroup of a process, "/shop"; "" where that hierarchy is absent or out of sight. */
struct cgroup_of {
	char v2[CGROUP_PATH_MAX], v1_cpu[CGROUP_PATH_MAX];
};
/* pid 0: the caller. -ESRCH: gone. */
int cgroup_of_process(const struct world *w, const struct cgroups *c, pid_t pid,
                      struct cgroup_of *of, struct err *err) must_use;

/* The absolute folder of a cgroup, or "" (returned as -ENOENT, without err) when there is none. A
 * path that already starts with the mount's folder is taken as absolute. */
int cgroup_dir(const struct world *w, const struct cgroup_mount *m, const char *path,
               char dir[CGROUP_PATH_MAX]) must_use;

/* The processes of one cgroup (not of those below it), in pid order, at most `max`; returns how
 * many there are. */
int cgroup_processes(const struct world *w, const char *dir, pid_t *pids, size_t max,
                     struct err *err) must_use;

#endif
