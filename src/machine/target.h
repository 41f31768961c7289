/*
 * target.h - one thing that a fault is aimed at, as resolved on this machine.
 *
 * Invariants: `name` is stable over a run and unique among the targets of an attack; identities are
 * filled for what the kind implies (a process has its proc, cgroups and netns; a cgroup its paths;
 * a namespace its path and inode).
 */
#ifndef SQUALL_MACHINE_TARGET_H
#define SQUALL_MACHINE_TARGET_H

#include "base/ident.h"

enum target_kind { TARGET_HOST, TARGET_PROCESS, TARGET_CGROUP, TARGET_NETNS };

enum { TARGET_NAME_MAX = 200, TARGET_PATH_MAX = 200 };

struct target {
	enum target_kind kind;
	char name[TARGET_NAME_MAX]; /* "host", "process 4711 (nginx)", "cgroup /shop", "netns blue"
	                             */
	struct proc_id proc;        /* process; else pid 0 */
	char comm[64];
	char cgroup[TARGET_PATH_MAX];    /* cgroup: path below the hierarchy, as given: "/shop" */
	char cgroup_v2[TARGET_PATH_MAX]; /* absolute directory in the v2 hierarchy, "" when there is
	                                    none */
	char cgroup_cpu[TARGET_PATH_MAX]; /* absolute directory that carries the cpu controller, ""
	                                     when none */
	bool cgroup_cpu_is_v2;
	char netns[TARGET_PATH_MAX]; /* path that opens its network namespace: "/proc/self/ns/net",
	                                "/run/netns/blue" */
	uint64_t netns_ino;
};

#endif
