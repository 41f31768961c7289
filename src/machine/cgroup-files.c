/* The folders of one cgroup, and the numbers in their files. */
#include "machine/cgroup-files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* Its folder in one hierarchy; "" when it has none there. */
static void folder_find(const struct world *w, const struct cgroup_mount *m, const char *path,
                        char dir[CGROUP_PATH_MAX], char found[CGROUP_PATH_MAX])
{
	if (cgroup_dir(w, m, path, dir) < 0)
		dir[0] = '\0';
	else if (!found[0])
		(void)!text_copy(found, CGROUP_PATH_MAX,
		                 dir[strlen(m->dir)] ? dir + strlen(m->dir) : "/");
}

int cgroup_files_find(const struct world *w, const char *path, pid_t pid, struct cgroup_files *f,
                      struct err *err)
{
	static const char *const names[] = {"cpu", "cpuacct", "memory", "pids"};
	struct cgroups c;
	struct cgroup_of of;
	struct cgroup_files found = {0};
	int rc = cgroups_read(w, &c, err);

	if (rc == 0 && path && !cgroup_named(w, &c, path, &of))
		rc = err_set(err, -ENOENT, "there is no cgroup \"%.200s\"", path);
	else if (rc == 0 && !path)
		rc = cgroup_of_process(w, &c, pid, &of, err);
	if (rc < 0)
		return rc;
	folder_find(w, &c.v2, of.v2, found.v2, found.path);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		const struct cgroup_mount *m = cgroup_v1(&c, names[i]);
		struct cgroup_place *p = &found.of[i];

		for (size_t k = 0; m && k < c.v1_n; k++) {
			if (m == &c.v1[k].mount)
				folder_find(w, m, of.v1[k], p->dir, found.path);
		}
		p->v1 = m;
		if (!m)
			memcpy(p->dir, found.v2, sizeof(p->dir));
	}
	if (!found.path[0])
		return err_set(err, -ENOENT, "the cgroup of process %d cannot be seen from here",
		               pid);
	*f = found;
	return 0;
}

bool cgroup_number(const struct world *w, const char *dir, const char *file, uint64_t *n)
{
	BUF(text, 64);

	if (!dir[0] || world_readf(w, &text, NULL, "%s/%s", dir, file) < 0 || text.data[0] < '0' ||
	    text.data[0] > '9')
		return false;
	*n = strtoull(text.data, NULL, 10);
	return true;
}

bool cgroup_keyed(const struct world *w, const char *dir, const char *file, const char *name,
                  uint64_t *n)
{
	size_t len = strlen(name);
	BUF(text, 8192);

	if (!dir[0] || world_readf(w, &text, NULL, "%s/%s", dir, file) < 0)
		return false;
	for (const char *line = text.data; *line; line += *line == '\n') {
		if (!strncmp(line, name, len) && line[len] == ' ') {
			*n = strtoull(line + len + 1, NULL, 10);
			return true;
		}
		line += strcspn(line, "\n");
	}
	return false;
}
