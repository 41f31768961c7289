/*
 * cgroup-files.h - the folders of one cgroup, a controller each, whatever mix of versions there is.
 *
 * In a hybrid set-up a controller is in its version 1 hierarchy or in version 2, never in both, and
 * one cgroup has a folder in each hierarchy (cgroups(7)). Not to be assumed: that a folder which is
 * here has the controller's files; in version 2 it must be enabled for that very cgroup.
 */
#ifndef SQUALL_MACHINE_CGROUP_FILES_H
#define SQUALL_MACHINE_CGROUP_FILES_H

#include "machine/cgroup.h"

enum cgroup_controller {
	CGROUP_CPU,
	CGROUP_CPUACCT, /* version 2 has it in cpu */
	CGROUP_MEMORY,
	CGROUP_PIDS,
	CGROUP_CONTROLLERS
};

struct cgroup_files {
	char v2[CGROUP_PATH_MAX];   /* absolute folder; "": there is none */
	char path[CGROUP_PATH_MAX]; /* "/shop" */
	struct cgroup_place {
		char dir[CGROUP_PATH_MAX]; /* "": there is none */
		bool v1;
	} of[CGROUP_CONTROLLERS];
};

/* By path; NULL: that of process `pid` (0: the caller), which may differ from hierarchy to
 * hierarchy. -ENOENT: there is no such cgroup; -ESRCH: the process is gone. */
int cgroup_files_find(const struct world *w, const char *path, pid_t pid, struct cgroup_files *f,
                      struct err *err) must_use;

/* A file of a folder: one number. False: it is not there, or "max". */
bool cgroup_number(const struct world *w, const char *dir, const char *file, uint64_t *n);
/* A number from a file of lines "NAME NUMBER". */
bool cgroup_keyed(const struct world *w, const char *dir, const char *file, const char *name,
                  uint64_t *n);

#endif
