/*
 * machine-read.h - every reader of a machine, called on one; for the targets `recorded` and `proc`.
 */
#ifndef SQUALL_FUZZ_MACHINE_READ_H
#define SQUALL_FUZZ_MACHINE_READ_H

#include <stdio.h>

#include "base/netlink.h"
#include "machine/can.h"
#include "machine/cgroup.h"
#include "machine/container.h"
#include "machine/netns.h"
#include "machine/proc.h"
#include "machine/unit.h"
#include "machine/user.h"
#include "machine/way-in.h"

static int machine_proc(void *ctx, const struct proc *p)
{
	const struct world *w = ctx;
	uint64_t ino;
	BUF(user, 64);

	assert(memchr(p->comm, 0, sizeof(p->comm)) && memchr(p->cmdline, 0, sizeof(p->cmdline)));
	user_format(w, p->uid, &user);
	(void)!netns_of_process(w, p->id.pid, &ino, NULL);
	return 0;
}

static int machine_listening(void *ctx, const struct listening *l)
{
	return 0;
}

static int machine_connection(void *ctx, const struct connection *c)
{
	return 0;
}

static int machine_unit(void *ctx, const struct unit *u)
{
	assert(memchr(u->name, 0, sizeof(u->name)));
	(void)unit_is_called(u, "shop");
	return 0;
}

/* A recorded machine's answers of a container engine are part of it. */
static void machine_containers(const struct world *w, const struct cgroups *c)
{
	static const char *const fields[] = {"id", "name", "image", "label"};
	struct containers found;
	struct arena arena;
	pid_t pid;

	arena_init(&arena, 8 << 20);
	if (containers_read(w, c, &arena, &found, NULL) == 0)
		for (size_t i = 0; i < found.n; i++) {
			for (size_t k = 0; k < ARRAY_SIZE(fields); k++)
				(void)container_matches(&found.v[i], fields[k], "app=shop");
			(void)!container_main(w, &found.v[i], &arena, &pid, NULL);
		}
	arena_release(&arena);
}

static void machine_cgroups(const struct world *w)
{
	struct cgroup_of of;
	struct cgroups c;
	char dir[CGROUP_PATH_MAX];
	pid_t pids[16];

	if (cgroups_read(w, &c, NULL) < 0)
		return;
	(void)!cgroup_of_process(w, &c, 0, &of, NULL);
	(void)!cgroup_of_process(w, &c, 1200, &of, NULL);
	if (cgroup_dir(w, &c.v2, "/shop", dir) == 0)
		(void)!cgroup_processes(w, dir, pids, ARRAY_SIZE(pids), NULL);
	if (cgroup_v1(&c, "cpu") && cgroup_dir(w, cgroup_v1(&c, "cpu"), "/shop", dir) == 0)
		(void)!cgroup_processes(w, dir, pids, ARRAY_SIZE(pids), NULL);
	(void)cgroup_named(w, &c, "/shop", &of);
	(void)units_each(w, &c, machine_unit, NULL);
	machine_containers(w, &c);
}

/* n: the length of the input; it draws by what processes are looked for. */
static void machine_read(const struct world *w, size_t n)
{
	static const struct proc_match matches[] = {
	        {.name = "redis*"},      {.exe = "/usr/sbin/nginx"}, {.cmdline = "worker"},
	        {.user = "redis"},       {.listens = "6379"},        {.parent = "nginx"},
	        {.pid = "1200@5000000"},
	};
	char path[NETNS_PATH_MAX];
	char boot[BOOT_ID_MAX];
	struct ways_in ways;
	struct proc_stat st;
	uint64_t ino;
	BUF(links, 256);

	(void)!boot_id_read(w, boot, NULL);
	(void)!proc_stat_read(w, 1200, &st, NULL);
	(void)!proc_each(w, PROC_ALL, machine_proc, (void *)w, NULL);
	(void)!proc_find(w, &matches[n % ARRAY_SIZE(matches)], machine_proc, (void *)w, NULL);
	machine_cgroups(w);
	(void)!sockets_listening(w, 0, machine_listening, NULL, NULL);
	(void)!sockets_connected(w, 0, 22, machine_connection, NULL, NULL);
	(void)!netns_find(w, "blue", path, &ino, NULL);
	(void)!netns_links(w, "/proc/self/ns/net", &links, NULL);
	ways_in_read(w, &ways);
	assert(ways.n <= WAYS_IN_MAX);
	for (size_t i = 0; can_facts[i]; i++)
		(void)!can_try(w, can_facts[i], NULL);
}

#endif
