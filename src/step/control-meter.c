/* control-meter.c - what the kernel counts for the group that a control file belongs to. */
#include "step/control.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUP_DEPTH = 12 };

struct group_time {
	const struct world *w;
	const char *dir;
	unsigned depth;
	uint64_t ticks;
};

static void time_add(struct group_time *t, const char *dir, unsigned depth);

static int child_add(void *ctx, const char *name)
{
	struct group_time *t = ctx;
	BUF(child, OBJECT_MAX * 2);
	buf_addf(&child, "%s/%s", t->dir, name);
	BUF(procs, OBJECT_MAX * 2 + 16);
	buf_addf(&procs, "%s/cgroup.procs", child.data);
	if (!child.over && t->depth < GROUP_DEPTH && world_exists(t->w, procs.data))
		time_add(t, child.data, t->depth + 1);
	return 0;
}

/* Processor time of the processes in a group and below. What cannot be read is left out: it is
 * coming or going. */
static void time_add(struct group_time *t, const char *dir, unsigned depth)
{
	BUF(procs, 16384);
	if (world_readf(t->w, &procs, NULL, "%s/cgroup.procs", dir) < 0)
		return;
	for (char *p = procs.data; *p;) {
		char *end;
		struct proc_stat st;
		long pid = strtol(p, &end, 10);
		if (end == p)
			break;
		if (pid > 0 && proc_stat_read(t->w, (pid_t)pid, &st, NULL) == 0)
			t->ticks += st.utime + st.stime;
		p = end + strspn(end, "\n");
	}
	struct group_time below = {.w = t->w, .dir = dir, .depth = depth};
	(void)!world_list(t->w, dir, child_add, &below, NULL);
	t->ticks += below.ticks;
}

static void line_count(struct counters *to, const char *key, uint64_t v)
{
	static const struct {
		const char *key, *name;
		uint64_t scale;
	} known[] = {
	        {"nr_periods", "periods_count", 1},    {"nr_throttled", "throttled_count", 1},
	        {"throttled_time", "throttled_ns", 1}, {"throttled_usec", "throttled_ns", 1000},
	        {"usage_usec", "usage_ns", 1000},
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(key, known[i].key) == 0)
			counters_add(to, known[i].name, v * known[i].scale);
}

static void stat_count(char *text, struct counters *to)
{
	for (char *rest = text; rest;) {
		char *line = strsep(&rest, "\n");
		char *space = strchr(line, ' ');
		if (!space || !isdigit((unsigned char)space[1]))
			continue;
		*space = 0;
		line_count(to, line, strtoull(space + 1, NULL, 10));
	}
}

int control_meter(const struct hold *h, const char *object, struct counters *to, struct err *err)
{
	char dir[OBJECT_MAX];
	struct counters c = {0};
	char *slash = NULL;
	if (text_copy(dir, sizeof(dir), object) == 0)
		slash = strrchr(dir, '/');
	if (!slash)
		return err_set(err, -EINVAL, "\"%s\" is not the path of a control file", object);
	bool cpu = strncmp(slash, "/cpu.", 5) == 0;
	*slash = 0;
	if (!cpu)
		return 0;

	BUF(text, 4096);
	int code = world_readf(h->world, &text, err, "%s/cpu.stat", dir);
	if (code == -ENOENT || code == -ENODEV)
		return err_set(err, -ESTALE, "\"%s\" is gone", dir);
	if (code < 0)
		return code;
	stat_count(text.data, &c);
	if (!counters_has(&c, "usage_ns")) {
		BUF(usage, 64);
		if (world_readf(h->world, &usage, NULL, "%s/cpuacct.usage", dir) == 0 &&
		    isdigit((unsigned char)usage.data[0])) {
			counters_add(&c, "usage_ns", strtoull(usage.data, NULL, 10));
		} else {
			struct group_time t = {.w = h->world};
			time_add(&t, dir, 0);
			counters_add(&c, "usage_ns",
			             t.ticks * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK)));
		}
	}
	for (size_t i = 0; i < c.n; i++)
		counters_add(to, c.v[i].name, c.v[i].value);
	return 0;
}
