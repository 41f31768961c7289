/* Where a target lives: its cgroups in each hierarchy, its network namespace. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine/group.h"
#include "machine/netns.h"
#include "run/resolve-state.h"

bool path_is_in(const char *path, const char *group)
{
	size_t n = strlen(group);

	return n && strncmp(path, group, n) == 0 && (!path[n] || path[n] == '/');
}

/* The path that people know it by: of the hierarchy that limits, else of the one that tracks. */
static const char *path_shown(const struct resolver *r, const struct cgroup_of *of, bool cpu_is_v2)
{
	const struct cgroup_mount *cpu = cgroup_v1(&r->groups, "cpu");

	for (size_t i = 0; i < r->groups.v1_n; i++) {
		if (&r->groups.v1[i].mount == cpu && of->v1[i][0] && !cpu_is_v2)
			return of->v1[i];
	}
	if (of->v2[0])
		return of->v2;
	for (size_t i = 0; i < r->groups.v1_n; i++) {
		if (of->v1[i][0])
			return of->v1[i];
	}
	return "";
}

void place_cgroups(const struct resolver *r, const struct cgroup_of *of, struct target *t)
{
	struct cgroup_carrier cpu, memory;

	(void)!cgroup_dir(r->w, &r->groups.v2, of->v2, t->cgroup_v2);
	(void)cgroup_carries(r->w, &r->groups, of, "cpu", "cpu.max", &cpu);
	(void)cgroup_carries(r->w, &r->groups, of, "memory", "memory.max", &memory);
	memcpy(t->cgroup_cpu, cpu.dir, sizeof(cpu.dir));
	t->cgroup_cpu_is_v2 = cpu.dir[0] && cpu.is_v2;
	memcpy(t->cgroup_memory, memory.dir, sizeof(memory.dir));
	t->cgroup_memory_is_v2 = memory.dir[0] && memory.is_v2;
	(void)text_copy(t->cgroup, sizeof(t->cgroup), path_shown(r, of, t->cgroup_cpu_is_v2));
	if (!group_dir(r->w, &r->groups, of, t->group) ||
	    world_inode(r->w, t->group, &t->group_ino, NULL, NULL) < 0)
		t->group_ino = 0;
}

void place_netns(const struct resolver *r, pid_t pid, struct target *t)
{
	uint64_t ino;

	(void)text_copy(t->netns, sizeof(t->netns), "/proc/self/ns/net");
	t->netns_ino = r->own_netns;
	if (pid <= 0 || netns_of_process(r->w, pid, &ino, NULL) < 0 || ino == r->own_netns)
		return;
	snprintf(t->netns, sizeof(t->netns), "/proc/%d/ns/net", pid);
	t->netns_ino = ino;
}

void place_process(const struct resolver *r, pid_t pid, struct target *t)
{
	struct cgroup_of of;

	if (cgroup_of_process(r->w, &r->groups, pid, &of, NULL) == 0)
		place_cgroups(r, &of, t);
	/* Its cgroup is not its own. */
	t->group[0] = '\0';
	t->group_ino = 0;
	snprintf(t->netns, sizeof(t->netns), "/proc/%d/ns/net", pid);
	if (netns_of_process(r->w, pid, &t->netns_ino, NULL) < 0)
		t->netns[0] = '\0';
}
