/* Where the cgroups are, from mountinfo and /proc/PID/cgroup. */
#include "machine/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/buf.h"

enum { CGROUP_DEPTH = 16 };

static void file_close(FILE **f)
{
	if (*f)
		fclose(*f);
}

static void mem_release(char **p)
{
	free(*p);
}

/* Opens a file of the machine as a stream. */
static FILE *stream_open(const struct world *w, const char *path)
{
	int fd = world_openat(w, path, O_RDONLY);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");

	if (!f && fd >= 0)
		fd_close(&fd);
	return f;
}

/* mountinfo writes blanks and backslashes as \040 and \134 (proc_pid_mountinfo(5)). */
static int path_copy(char to[CGROUP_PATH_MAX], const char *from)
{
	struct buf b;

	buf_init(&b, to, CGROUP_PATH_MAX);
	while (*from) {
		if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
			char digits[4] = {from[1], from[2], from[3]};

			buf_addc(&b, (char)strtoul(digits, NULL, 8));
			from += 4;
		} else {
			buf_addc(&b, *from++);
		}
	}
	if (b.over)
		buf_reset(&b);
	return b.over ? -ENAMETOOLONG : 0;
}

static bool list_has(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list) {
		size_t len = strcspn(list, ",");

		if (len == n && strncmp(list, word, n) == 0)
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

/* Controllers are in one hierarchy only, so one in common is enough. */
static bool list_same(const char *a, const char *b)
{
	char first[64];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(a, ","), a);
	return list_has(b, first);
}

/* The controllers of a version 1 hierarchy, among its super block's options. */
static void controllers_copy(const char *options, char to[64])
{
	static const char *const others[] = {"rw",       "ro",       "xattr",
	                                     "noprefix", "seclabel", "clone_children"};
	struct buf b;

	buf_init(&b, to, 64);
	while (*options) {
		size_t len = strcspn(options, ",");
		bool other = strncmp(options, "release_agent=", 14) == 0;

		for (size_t i = 0; i < ARRAY_SIZE(others); i++)
			other |= strlen(others[i]) == len && strncmp(options, others[i], len) == 0;
		if (!other)
			buf_addf(&b, "%s%.*s", b.len ? "," : "", (int)len, options);
		options += len + (options[len] == ',');
	}
}

/* Where to note a mount; NULL: it is known, or there is no room for it. */
static struct cgroup_mount *mount_new(struct cgroups *c, const char *type, const char *options)
{
	struct cgroup_v1 *v = &c->v1[c->v1_n];

	if (strcmp(type, "cgroup2") == 0)
		return c->v2.dir[0] ? NULL : &c->v2;
	if (strcmp(type, "cgroup") != 0 || c->v1_n == CGROUP_V1_MAX)
		return NULL;
	controllers_copy(options, v->controllers);
	/* mounted again elsewhere: the first is as good */
	for (size_t i = 0; i < c->v1_n; i++) {
		if (strcmp(c->v1[i].controllers, v->controllers) == 0)
			return NULL;
	}
	return &v->mount;
}

/* One line: "31 23 0:28 ROOT DIR OPTIONS [optional fields] - TYPE SOURCE SUPER-OPTIONS". */
static void mount_note(struct cgroups *c, char *line)
{
	char *rest, *field[6] = {NULL}, *tail = strstr(line, " - ");
	char *type, *options;
	struct cgroup_mount *m;

	if (!tail)
		return;
	*tail = '\0';
	field[0] = strtok_r(line, " ", &rest);
	for (size_t i = 1; i < ARRAY_SIZE(field) && field[i - 1]; i++)
		field[i] = strtok_r(NULL, " ", &rest);
	type = strtok_r(tail + 3, " ", &rest);
	strtok_r(NULL, " ", &rest);
	options = strtok_r(NULL, " \n", &rest);
	if (!field[4] || !type || !options)
		return;
	m = mount_new(c, type, options);
	if (!m)
		return;
	if (path_copy(m->root, field[3]) < 0 || path_copy(m->dir, field[4]) < 0)
		*m = (struct cgroup_mount){0};
	else if (m != &c->v2)
		c->v1_n++;
}

const struct cgroup_mount *cgroup_v1(const struct cgroups *c, const char *controller)
{
	for (size_t i = 0; i < c->v1_n; i++) {
		if (list_has(c->v1[i].controllers, controller))
			return &c->v1[i].mount;
	}
	return NULL;
}

int cgroups_read(const struct world *w, struct cgroups *c, struct err *err)
{
	FILE *f cleanup(file_close) = stream_open(w, "/proc/self/mountinfo");
	char *line cleanup(mem_release) = NULL;
	size_t cap = 0;

	*c = (struct cgroups){0};
	if (!f && errno != ENOENT)
		return err_sys(err, errno, "could not open \"/proc/self/mountinfo\"");
	while (f && getline(&line, &cap, f) > 0)
		mount_note(c, line);
	return 0;
}

/* The path as the mount shows it; "" when it lies outside of what is mounted. */
static void path_below(const struct cgroup_mount *m, const char *path, char to[CGROUP_PATH_MAX])
{
	size_t n = strlen(m->root);

	to[0] = '\0';
	if (!m->dir[0])
		return;
	if (strcmp(m->root, "/") == 0)
		n = 0;
	else if (strncmp(path, m->root, n) != 0 || (path[n] && path[n] != '/'))
		return;
	path += n;
	if (text_copy(to, CGROUP_PATH_MAX, *path ? path : "/") < 0)
		to[0] = '\0';
}

int cgroup_of_process(const struct world *w, const struct cgroups *c, pid_t pid,
                      struct cgroup_of *of, struct err *err)
{
	FILE *f cleanup(file_close) = NULL;
	char *line cleanup(mem_release) = NULL;
	size_t cap = 0;
	char path[32];

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	else
		snprintf(path, sizeof(path), "/proc/self/cgroup");
	f = stream_open(w, path);
	if (!f && errno == ENOENT)
		return err_set(err, -ESRCH, "process %d is gone", pid);
	if (!f)
		return err_sys(err, errno, "could not open \"%s\"", path);
	*of = (struct cgroup_of){0};
	/* "4:cpu,cpuacct:/shop"; version 2 is "0::/shop". */
	while (getline(&line, &cap, f) > 0) {
		char *controllers = strchr(line, ':'), *below;

		line[strcspn(line, "\n")] = '\0';
		below = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!below)
			continue;
		*below++ = '\0';
		if (controllers[1] == '\0')
			path_below(&c->v2, below, of->v2);
		for (size_t i = 0; i < c->v1_n; i++) {
			if (list_same(controllers + 1, c->v1[i].controllers))
				path_below(&c->v1[i].mount, below, of->v1[i]);
		}
	}
	return 0;
}

bool cgroup_carries(const struct world *w, const struct cgroups *c, const struct cgroup_of *of,
                    const char *controller, const char *file, struct cgroup_carrier *to)
{
	const struct cgroup_mount *m = cgroup_v1(c, controller);
	const char *path = of->v2;
	char name[CGROUP_PATH_MAX + 32];

	*to = (struct cgroup_carrier){.is_v2 = !m};
	for (size_t i = 0; i < c->v1_n; i++) {
		if (m == &c->v1[i].mount)
			path = of->v1[i];
	}
	/* The root has no limits to set. */
	if (!path[0] || strcmp(path, "/") == 0 || cgroup_dir(w, m ? m : &c->v2, path, to->dir) < 0)
		return false;
	if (m)
		return true;
	snprintf(name, sizeof(name), "%s/%s", to->dir, file);
	if (!world_exists(w, name))
		to->dir[0] = '\0';
	return to->dir[0];
}

int cgroup_dir(const struct world *w, const struct cgroup_mount *m, const char *path,
               char dir[CGROUP_PATH_MAX])
{
	size_t n = strlen(m->dir);
	struct buf b;

	buf_init(&b, dir, CGROUP_PATH_MAX);
	if (!n || *path != '/')
		return -ENOENT;
	if (strncmp(path, m->dir, n) == 0 && (!path[n] || path[n] == '/'))
		path += n;
	buf_addf(&b, "%s%s", m->dir, path);
	while (b.len > 1 && b.data[b.len - 1] == '/')
		b.data[--b.len] = '\0';
	if (!b.over && world_exists(w, dir))
		return 0;
	buf_reset(&b);
	return -ENOENT;
}

/* The path below the mount of what cgroup_dir finds. */
static bool named_in(const struct world *w, const struct cgroup_mount *m, const char *path,
                     char to[CGROUP_PATH_MAX])
{
	char dir[CGROUP_PATH_MAX];

	to[0] = '\0';
	if (cgroup_dir(w, m, path, dir) < 0)
		return false;
	return text_copy(to, CGROUP_PATH_MAX, dir[strlen(m->dir)] ? dir + strlen(m->dir) : "/") ==
	       0;
}

bool cgroup_named(const struct world *w, const struct cgroups *c, const char *path,
                  struct cgroup_of *of)
{
	bool any;

	*of = (struct cgroup_of){0};
	any = named_in(w, &c->v2, path, of->v2);
	for (size_t i = 0; i < c->v1_n; i++)
		any |= named_in(w, &c->v1[i].mount, path, of->v1[i]);
	return any;
}

static int pid_compare(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int cgroup_processes(const struct world *w, const char *dir, pid_t *pids, size_t max,
                     struct err *err)
{
	FILE *f cleanup(file_close) = NULL;
	char path[CGROUP_PATH_MAX + 16], line[32];
	int n = 0;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = stream_open(w, path);
	if (!f)
		return err_sys(err, errno, "could not open \"%s\"", path);
	while (fgets(line, sizeof(line), f)) {
		long pid = strtol(line, NULL, 10);

		if (pid > 0 && (size_t)n < max)
			pids[n] = (pid_t)pid;
		n += pid > 0;
	}
	qsort(pids, (size_t)n < max ? (size_t)n : max, sizeof(*pids), pid_compare);
	return n;
}

struct walk {
	const struct world *w;
	const char *dir, *name;
	unsigned depth;
	int (*each)(void *, const char *, const char *);
	void *ctx;
	int ret;
};

static int walk_name(void *ctx, const char *name);

static void walk_below(struct walk *v)
{
	char procs[CGROUP_PATH_MAX + 16];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", v->dir);
	if (v->depth > CGROUP_DEPTH || !world_exists(v->w, procs))
		return; /* a file; or gone meanwhile */
	v->ret = v->each(v->ctx, v->dir, v->name);
	if (v->ret == 0)
		(void)!world_list(v->w, v->dir, walk_name, v, NULL);
}

static int walk_name(void *ctx, const char *name)
{
	struct walk *v = ctx, below = *v;
	char dir[CGROUP_PATH_MAX];

	if (snprintf(dir, sizeof(dir), "%s/%s", v->dir, name) >= (int)sizeof(dir))
		return 0;
	below.dir = dir;
	below.name = name;
	below.depth++;
	walk_below(&below);
	v->ret = below.ret;
	return v->ret;
}

int cgroup_walk(const struct world *w, const char *dir,
                int (*each)(void *ctx, const char *dir, const char *name), void *ctx)
{
	const char *slash = strrchr(dir, '/');
	struct walk v = {w, dir, slash ? slash + 1 : dir, 0, each, ctx, 0};

	walk_below(&v);
	return v.ret;
}

struct all {
	const struct world *w;
	pid_t *pids;
	size_t n, max;
};

static int all_each(void *ctx, const char *dir, const char *name)
{
	struct all *a = ctx;
	size_t room = a->n < a->max ? a->max - a->n : 0;
	int n = cgroup_processes(a->w, dir, a->pids + (a->max - room), room, NULL);

	a->n += n > 0 ? (size_t)n : 0;
	return 0;
}

size_t cgroup_processes_below(const struct world *w, const char *dir, pid_t *pids, size_t max)
{
	struct all a = {w, pids, 0, max};

	(void)!cgroup_walk(w, dir, all_each, &a);
	qsort(pids, a.n < max ? a.n : max, sizeof(*pids), pid_compare);
	return a.n;
}
