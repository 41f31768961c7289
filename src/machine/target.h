/*
 * target.h - one thing that a fault is aimed at, as resolved on this machine.
 *
 * Invariants: `name` is stable over a run and unique among the targets of an attack; identities are
 * filled for what the kind implies (a process has its proc, cgroups and netns; a cgroup its paths;
 * a namespace its path and inode). The kind is how the fault takes it: a unit or a container is a
 * cgroup, a namespace or a process to the fault, and keeps its own name.
 */
#ifndef SQUALL_MACHINE_TARGET_H
#define SQUALL_MACHINE_TARGET_H

#include "base/ident.h"

enum target_kind { TARGET_HOST, TARGET_PROCESS, TARGET_CGROUP, TARGET_NETNS };

enum { TARGET_NAME_MAX = 200, TARGET_PATH_MAX = 320 };

struct target {
	enum target_kind kind;
	char name[TARGET_NAME_MAX]; /* "host", "process 4711 (nginx)", "cgroup /shop", "netns blue",
	                               "unit nginx.service", "container shop (3f2a9c81d0e4)" */
	/* For people, of a unit, a container or a command: what it stands for; else "". */
	char about[TARGET_NAME_MAX + TARGET_PATH_MAX];
	struct proc_id proc; /* process; main process of a unit or container; else pid 0 */
	char comm[64];
	char cgroup[TARGET_PATH_MAX];    /* cgroup: path below the hierarchy, as given: "/shop" */
	char cgroup_v2[TARGET_PATH_MAX]; /* absolute directory in the v2 hierarchy, "" when there is
	                                    none */
	char cgroup_cpu[TARGET_PATH_MAX]; /* absolute directory that carries the cpu controller, ""
	                                     when none */
	bool cgroup_cpu_is_v2;
	char cgroup_memory[TARGET_PATH_MAX]; /* the same for the memory controller */
	bool cgroup_memory_is_v2;
	char netns[TARGET_PATH_MAX]; /* path that opens its network namespace: "/proc/self/ns/net",
	                                "/run/netns/blue" */
	uint64_t netns_ino;
	/* Unit, container, cgroup: the folder whose processes they are, and its inode; else "". */
	char group[TARGET_PATH_MAX];
	uint64_t group_ino;
	bool whole;    /* a process that stands for all of its group: attack_plan plans each */
	bool to_start; /* a command that does not run yet: nothing else of it is known */
};

#endif
