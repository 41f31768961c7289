/* memory.c - how much memory there is to have. */
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 400 };

/* The number behind a word at the start of a line. */
static bool line_number(const char *text, const char *word, uint64_t *n)
{
	size_t len = strlen(word);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, len) == 0) {
			*n = strtoull(line + len, NULL, 10);
			return true;
		}
	}
	return false;
}

static int host_read(const struct world *w, struct memory_room *room, struct err *err)
{
	BUF(text, 8192);
	uint64_t total = 0, available = 0;
	int code = world_read(w, "/proc/meminfo", &text, err);

	if (code < 0)
		return code;
	if (!line_number(text.data, "MemTotal:", &total) ||
	    !line_number(text.data, "MemAvailable:", &available))
		return err_set(err, -EOPNOTSUPP, "\"/proc/meminfo\" has no MemAvailable");
	room->total_bytes = room->host_total_bytes = total << 10;
	room->available_bytes = room->host_available_bytes = available << 10;
	return 0;
}

static const struct version {
	const char *limit, *usage, *reclaimable;
} versions[] = {
        {"memory.max", "memory.current", "inactive_file "},
        {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "},
};

/* One group. -ENOENT: it has no limit to read (a root), or is none. */
static int group_read(const struct world *w, const char *dir, const struct version *v,
                      struct memory_room *room)
{
	BUF(limit, 64);
	BUF(usage, 64);
	BUF(stat, 8192);
	uint64_t most, used, file = 0;
	int code = world_readf(w, &limit, NULL, "%s/%s", dir, v->limit);

	if (code == 0)
		code = world_readf(w, &usage, NULL, "%s/%s", dir, v->usage);
	if (code < 0)
		return code;
	if (strcmp(limit.data, "max") == 0)
		return 0;
	most = strtoull(limit.data, NULL, 10);
	used = strtoull(usage.data, NULL, 10);
	if (world_readf(w, &stat, NULL, "%s/memory.stat", dir) == 0)
		(void)line_number(stat.data, v->reclaimable, &file);
	used -= file < used ? file : used;
	if (most < room->total_bytes)
		room->total_bytes = most;
	if (most < used)
		room->available_bytes = 0;
	else if (most - used < room->available_bytes)
		room->available_bytes = most - used;
	return 0;
}

int memory_room_read(const struct world *w, const char *group, struct memory_room *to,
                     struct err *err)
{
	struct memory_room room = {.total_bytes = 0};
	char dir[PATH_BYTES];
	int code = host_read(w, &room, err);

	if (code == 0 && *group) {
		BUF(file, PATH_BYTES + 32);
		const struct version *v;

		buf_addf(&file, "%s/%s", group, versions[0].limit);
		v = &versions[!world_exists(w, file.data)];
		if (text_copy(dir, sizeof(dir), group) < 0)
			return err_sys(err, ENAMETOOLONG, "cannot read cgroup \"%s\"", group);
		code = group_read(w, dir, v, &room);
		if (code == -ENOENT || code == -ENODEV)
			return world_exists(w, group)
			               ? err_set(err, -EOPNOTSUPP,
			                         "cgroup \"%s\" has no memory controller", group)
			               : err_set(err, -ESTALE, "cgroup \"%s\" is gone", group);
		if (code < 0)
			return err_sys(err, -code, "could not read the memory of cgroup \"%s\"",
			               group);
		/* what holds for a group above holds here as well */
		for (char *slash; code == 0 && (slash = strrchr(dir, '/')) && slash != dir;) {
			*slash = '\0';
			code = group_read(w, dir, v, &room);
		}
		code = 0;
	}
	if (code == 0)
		*to = room;
	return code;
}
