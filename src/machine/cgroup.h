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

/* As long as a pod's container lies deep: five folders with two identifiers in their names. */
enum { CGROUP_PATH_MAX = 320, CGROUP_V1_MAX = 16 };

struct cgroup_mount {
	char dir[CGROUP_PATH_MAX];  /* where it is mounted; "" when it is not */
	char root[CGROUP_PATH_MAX]; /* the part of the hierarchy that is mounted; "/" for all */
};
struct cgroups {
	struct cgroup_mount v2;
	struct cgroup_v1 {
		char controllers[64]; /* "cpu,cpuacct", "name=systemd" */
		struct cgroup_mount mount;
	} v1[CGROUP_V1_MAX];
	size_t v1_n;
};

/* No cgroups at all is no error: nothing is mounted. */
int cgroups_read(const struct world *w, struct cgroups *c, struct err *err) must_use;
/* The version 1 hierarchy that has the controller ("memory", "name=systemd"); NULL: none has. */
const struct cgroup_mount *cgroup_v1(const struct cgroups *c, const char *controller);

/* The cgroup of a process, "/shop"; "" where that hierarchy is absent or out of sight. */
struct cgroup_of {
	char v2[CGROUP_PATH_MAX], v1[CGROUP_V1_MAX][CGROUP_PATH_MAX]; /* v1: as in the cgroups */
};
/* pid 0: the caller. -ESRCH: gone. */
int cgroup_of_process(const struct world *w, const struct cgroups *c, pid_t pid,
                      struct cgroup_of *of, struct err *err) must_use;

/* Its folder in the hierarchy that carries a controller: in version 1 the controller's own; in
 * version 2, when `file` ("cpu.max") is there. What has no limits (a root) does not carry. "" and
 * false: none. */
struct cgroup_carrier {
	char dir[CGROUP_PATH_MAX];
	bool is_v2;
};
bool cgroup_carries(const struct world *w, const struct cgroups *c, const struct cgroup_of *of,
                    const char *controller, const char *file, struct cgroup_carrier *to);

/* The absolute folder of a cgroup, or "" (returned as -ENOENT, without err) when there is none. A
 * path that already starts with the mount's folder is taken as absolute. */
int cgroup_dir(const struct world *w, const struct cgroup_mount *m, const char *path,
               char dir[CGROUP_PATH_MAX]) must_use;

/* The paths of the cgroup that is called so, in every hierarchy that has it. False: none has. */
bool cgroup_named(const struct world *w, const struct cgroups *c, const char *path,
                  struct cgroup_of *of);

/* The processes of one cgroup (not of those below it), in pid order, at most `max`; returns how
 * many there are. */
int cgroup_processes(const struct world *w, const char *dir, pid_t *pids, size_t max,
                     struct err *err) must_use;
/* The same for a cgroup and all below it, as far as they can be read. */
size_t cgroup_processes_below(const struct world *w, const char *dir, pid_t *pids, size_t max);
/* Calls `each` for the cgroup in an absolute folder and for all below it, those above first, in
 * name order, until it returns non-zero; returns that. name: the last part of dir. */
int cgroup_walk(const struct world *w, const char *dir,
                int (*each)(void *ctx, const char *dir, const char *name), void *ctx);

#endif
