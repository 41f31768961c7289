/* How many process ids are free. */
#include "machine/pids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "machine/cgroup-files.h"

static int number_read(const struct world *w, const char *path, uint64_t *n, struct err *err)
{
	BUF(text, 64);
	int ret = world_read(w, path, &text, err);

	if (ret == 0)
		ret = count_parse(text.data, n, err);
	return ret < 0 ? err_wrap(err, ret, "could not read \"%s\"", path) : 0;
}

/* All threads of the machine: "0.10 0.20 0.30 2/345 6789" has 345. */
static int threads_read(const struct world *w, uint64_t *n, struct err *err)
{
	BUF(text, 128);
	const char *slash;
	int ret = world_read(w, "/proc/loadavg", &text, err);

	if (ret < 0)
		return err_wrap(err, ret, "could not count the threads of this machine");
	slash = strchr(text.data, '/');
	*n = slash ? strtoull(slash + 1, NULL, 10) : 0;
	return *n ? 0 : err_set(err, -EOPNOTSUPP, "\"/proc/loadavg\" does not count threads");
}

static void room_bound(struct pids_room *room, uint64_t most, uint64_t used, const char *bound)
{
	uint64_t left = most > used ? most - used : 0;

	if (left >= room->left)
		return;
	room->left = left;
	(void)!text_copy(room->bound, sizeof(room->bound), bound);
}

/* The cgroup of the caller and those above it: each one's limit counts. */
static void groups_bound(const struct world *w, struct pids_room *room)
{
	struct cgroup_files files;
	char dir[CGROUP_PATH_MAX];
	struct err none = ERR_INIT;

	/* Without cgroups there is no such limit. */
	if (cgroup_files_find(w, NULL, 0, &files, &none) < 0)
		return;
	memcpy(dir, files.of[CGROUP_PIDS].dir, sizeof(dir));
	for (char *slash; *dir && (slash = strrchr(dir, '/')); *slash = '\0') {
		uint64_t most, used;
		BUF(bound, sizeof(room->bound));

		buf_addf(&bound, "cgroup \"%s\"", dir);
		if (cgroup_number(w, dir, "pids.max", &most) &&
		    cgroup_number(w, dir, "pids.current", &used))
			room_bound(room, most, used, bound.data);
	}
}

int pids_room_read(const struct world *w, struct pids_room *to, struct err *err)
{
	struct pids_room room = {.left = UINT64_MAX};
	uint64_t used = 0, pid_max = 0, threads_max = 0;
	int ret = threads_read(w, &used, err);

	if (ret == 0)
		ret = number_read(w, "/proc/sys/kernel/pid_max", &pid_max, err);
	if (ret == 0)
		ret = number_read(w, "/proc/sys/kernel/threads-max", &threads_max, err);
	if (ret < 0)
		return ret;
	room_bound(&room, pid_max, used, "kernel.pid_max");
	room_bound(&room, threads_max, used, "kernel.threads-max");
	groups_bound(w, &room);
	*to = room;
	return 0;
}
