/* What a cgroup says about the processes that live in it. */
#include "machine/group.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/ident.h"

enum { MEMBERS_MAX = 4096 };

static bool is_member(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++) {
		if (pids[i] == pid)
			return true;
	}
	return false;
}

pid_t group_main(const struct world *w, const char *dir)
{
	pid_t pids[MEMBERS_MAX], best = 0;
	size_t n = cgroup_processes_below(w, dir, pids, MEMBERS_MAX);
	uint64_t oldest = UINT64_MAX;

	n = n < MEMBERS_MAX ? n : MEMBERS_MAX;
	for (size_t i = 0; i < n; i++) {
		struct proc_stat st;

		if (proc_stat_read(w, pids[i], &st, NULL) < 0 || st.start >= oldest ||
		    st.state == 'Z' || is_member(pids, n, st.ppid))
			continue;
		best = pids[i];
		oldest = st.start;
	}
	return best;
}

/* Cuts the path after the part; "" when there is none. */
static void path_cut(char *path, const char *part, bool within)
{
	size_t n = strlen(part);

	for (char *at = path; *at == '/';) {
		char *name = at + 1;
		size_t len = strcspn(name, "/");
		char *found = strstr(name, part);
		/* systemd writes "_" before what would look like a file of the kernel's. */
		bool same = (len == n && strncmp(name, part, n) == 0) ||
		            (len == n + 1 && *name == '_' && strncmp(name + 1, part, n) == 0);

		if (same || (within && found && found + n <= name + len)) {
			name[len] = '\0';
			return;
		}
		at = name + len;
	}
	path[0] = '\0';
}

int group_cgroups(const struct world *w, const struct cgroups *c, pid_t pid, const char *part,
                  bool within, struct cgroup_of *of, struct err *err)
{
	int ret = cgroup_of_process(w, c, pid, of, err);

	if (ret < 0)
		return ret;
	path_cut(of->v2, part, within);
	for (size_t i = 0; i < c->v1_n; i++)
		path_cut(of->v1[i], part, within);
	return 0;
}

bool group_dir(const struct world *w, const struct cgroups *c, const struct cgroup_of *of,
               char dir[CGROUP_PATH_MAX])
{
	if (of->v2[0] && cgroup_dir(w, &c->v2, of->v2, dir) == 0)
		return true;
	for (size_t i = 0; i < c->v1_n; i++) {
		if (of->v1[i][0] && cgroup_dir(w, &c->v1[i].mount, of->v1[i], dir) == 0)
			return true;
	}
	return false;
}
