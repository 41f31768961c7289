/* Where the cgroups are, from mountinfo and /proc/PID/cgroup. */
#include "machine/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/buf.h"

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
		unsigned c;

		if (*from == '\\' && sscanf(from + 1, "%3o", &c) == 1) {
			buf_addc(&b, (char)c);
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
	if (strcmp(type, "cgroup2") == 0)
		m = &c->v2;
	else if (strcmp(type, "cgroup") == 0 && list_has(options, "cpu"))
		m = &c->v1_cpu;
	else
		return;
	if (m->dir[0])
		return; /* mounted again elsewhere: the first is as good */
	if (path_copy(m->root, field[3]) < 0 || path_copy(m->dir, field[4]) < 0)
		*m = (struct cgroup_mount){0};
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
		else if (list_has(controllers + 1, "cpu"))
			path_below(&c->v1_cpu, below, of->v1_cpu);
	}
	return 0;
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
