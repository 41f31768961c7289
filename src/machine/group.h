/*
 * group.h - processes that belong together because they live in one cgroup: of a unit, of a
 * container.
 *
 * Not to be assumed: that a group has a cgroup of its own in every hierarchy; where it has none,
 * its processes share one with others, and "" is said.
 */
#ifndef SQUALL_MACHINE_GROUP_H
#define SQUALL_MACHINE_GROUP_H

#include "machine/cgroup.h"

/* Its main process: the oldest of those whose parents are outside. 0: it has none. */
pid_t group_main(const struct world *w, const char *dir);
/* The cgroups of a process, each cut after the part of its path that is the group's own: the first
 * that is `part`, or with `within` that contains it; "" where there is no such part. */
int group_cgroups(const struct world *w, const struct cgroups *c, pid_t pid, const char *part,
                  bool within, struct cgroup_of *of, struct err *err) must_use;
/* The first folder of them, to list the processes by: version 2's, else that of the first
 * hierarchy. False: none. */
bool group_dir(const struct world *w, const struct cgroups *c, const struct cgroup_of *of,
               char dir[CGROUP_PATH_MAX]);

#endif
