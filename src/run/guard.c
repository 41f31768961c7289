/* Whom and what a policy protects. */
#include "run/guard.h"

#include <errno.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/cgroup.h"
#include "machine/netns.h"
#include "machine/proc.h"
#include "run/guard-ways.h"

enum { MEMBERS_MAX = 4096 };

/* The entries of `protect.processes`, made ready. */
struct guard {
	const struct policy *p;
	const struct world *w;
	struct proc_query *queries;
	size_t n;
	/* What is looked for by a walk: the first protected process, and why. */
	uint64_t netns;
	struct proc found;
	struct where at;
};

static void guard_release(struct guard *g)
{
	for (size_t i = 0; i < g->n; i++)
		proc_query_release(&g->queries[i]);
	free(g->queries);
}

static int guard_init(struct guard *g, const struct policy *p, const struct world *w,
                      struct err *err)
{
	*g = (struct guard){.p = p, .w = w};
	g->queries = calloc(p->processes.n + 1, sizeof(*g->queries));
	if (!g->queries)
		return err_sys(err, ENOMEM, "could not look for protected processes");
	for (; g->n < p->processes.n; g->n++) {
		const struct policy_process *e = &p->processes.v[g->n];
		const struct proc_match m = {
		        .name = e->name, .exe = e->exe, .user = e->user, .listens = e->listens};
		struct err why = ERR_INIT;

		/* A rule that cannot be followed refuses: whom it protects is not known. */
		if (proc_query_init(&g->queries[g->n], w, &m, &why) < 0)
			return policy_refuse(err, p, e->at, "every attack until it can be read: %s",
			                     why.what);
	}
	return 0;
}

/* The pattern means this path or one above it. */
static bool path_is_within(const char *pattern, const char *path)
{
	char part[CGROUP_PATH_MAX * 2];

	if (text_copy(part, sizeof(part), path) < 0)
		return true; /* doubt protects */
	for (;;) {
		char *slash;

		if (fnmatch(pattern, part, FNM_PATHNAME) == 0)
			return true;
		slash = strrchr(part, '/');
		if (!slash || slash == part)
			return strcmp(pattern, "/") == 0;
		*slash = '\0';
	}
}

/* One of the folders of the path is the unit. */
static bool path_has_unit(const char *pattern, const char *path)
{
	while (*path) {
		char part[CGROUP_PATH_MAX];
		size_t n = strcspn(path, "/");

		if (n && n < sizeof(part)) {
			memcpy(part, path, n);
			part[n] = '\0';
			if (fnmatch(pattern, part, 0) == 0)
				return true;
		}
		path += n + (path[n] == '/');
	}
	return false;
}

/* Some line of /proc/PID/cgroup (cgroups(7)) says so. */
static bool lives_in(const struct guard *g, pid_t pid, const char *pattern,
                     bool (*is)(const char *, const char *))
{
	char *line, *rest;
	BUF(text, 8192);

	if (world_readf(g->w, &text, NULL, "/proc/%d/cgroup", pid) < 0)
		return false;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		const char *path = strchr(line, ':');

		path = path ? strchr(path + 1, ':') : NULL;
		if (path && is(pattern, path + 1))
			return true;
	}
	return false;
}

static bool is_in_file(const struct guard *g, const char *file, pid_t pid)
{
	BUF(text, 64);

	return world_read(g->w, file, &text, NULL) == 0 && strtol(text.data, NULL, 10) == pid;
}

static bool entry_means(struct guard *g, size_t i, const struct proc *proc)
{
	const struct policy_process *e = &g->p->processes.v[i];
	pid_t pid = proc->id.pid;

	return (!e->pid_file || is_in_file(g, e->pid_file, pid)) &&
	       (!e->unit || lives_in(g, pid, e->unit, path_has_unit)) &&
	       (!e->cgroup || lives_in(g, pid, e->cgroup, path_is_within)) &&
	       proc_query_matches(&g->queries[i], proc);
}

static bool is_protected(struct guard *g, const struct proc *proc)
{
	const struct policy *p = g->p;
	bool found = false;

	for (size_t i = 0; i < p->processes.n && !found; i++) {
		found = entry_means(g, i, proc);
		g->at = p->processes.v[i].at;
	}
	for (size_t i = 0; i < p->units.n && !found; i++) {
		found = lives_in(g, proc->id.pid, p->units.v[i].text, path_has_unit);
		g->at = p->units.v[i].at;
	}
	for (size_t i = 0; i < p->cgroups.n && !found; i++) {
		found = lives_in(g, proc->id.pid, p->cgroups.v[i].text, path_is_within);
		g->at = p->cgroups.v[i].at;
	}
	if (found)
		g->found = *proc;
	return found;
}

static bool pid_is_protected(struct guard *g, pid_t pid)
{
	struct proc proc;

	return proc_read(g->w, pid, PROC_ALL, &proc, NULL) == 0 && is_protected(g, &proc);
}

static int members_below(void *ctx, const char *name);

struct members {
	struct guard *g;
	char dir[CGROUP_PATH_MAX * 2];
};

/* 1: a process of this cgroup, or of one below it, is protected. */
static int members_look(struct members *m)
{
	_cleanup_free_ pid_t *pids = malloc(MEMBERS_MAX * sizeof(*pids));
	int n = pids ? cgroup_processes(m->g->w, m->dir, pids, MEMBERS_MAX, NULL) : -ENOMEM;

	for (int i = 0; i < n && i < MEMBERS_MAX; i++)
		if (pid_is_protected(m->g, pids[i]))
			return 1;
	return world_list(m->g->w, m->dir, members_below, m, NULL);
}

static int members_below(void *ctx, const char *name)
{
	const struct members *above = ctx;
	struct members m = {.g = above->g};
	char procs[sizeof(m.dir) + 32];

	if ((size_t)snprintf(m.dir, sizeof(m.dir), "%s/%s", above->dir, name) >= sizeof(m.dir))
		return 0;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", m.dir);
	return world_exists(m.g->w, procs) ? members_look(&m) : 0;
}

static bool group_holds(struct guard *g, const char *dir)
{
	struct members m = {.g = g};

	return dir[0] && text_copy(m.dir, sizeof(m.dir), dir) == 0 && members_look(&m) > 0;
}

/* The cgroup itself, whoever is in it now. */
static bool group_is_protected(struct guard *g, const struct target *t)
{
	bool found = false;

	for (size_t i = 0; i < g->p->units.n && !found; i++) {
		found = path_has_unit(g->p->units.v[i].text, t->cgroup);
		g->at = g->p->units.v[i].at;
	}
	for (size_t i = 0; i < g->p->cgroups.n && !found; i++) {
		found = path_is_within(g->p->cgroups.v[i].text, t->cgroup);
		g->at = g->p->cgroups.v[i].at;
	}
	return found;
}

static int netns_look(void *ctx, const struct proc *proc)
{
	struct guard *g = ctx;
	uint64_t ino;

	return netns_of_process(g->w, proc->id.pid, &ino, NULL) == 0 && ino == g->netns &&
	       is_protected(g, proc);
}

/* Its processes, unless it is the machine's own, which holds everything. */
static bool netns_holds(struct guard *g, const struct target *t)
{
	g->netns = t->netns_ino;
	return !netns_is_machine(g->w, t->netns_ino) &&
	       proc_each(g->w, PROC_ALL, netns_look, g, NULL) > 0;
}

static int target_judge(struct guard *g, const struct target *t, struct err *err)
{
	bool holds = false;

	switch (t->kind) {
	case TARGET_HOST:
		return 0;
	case TARGET_PROCESS:
		if (pid_is_protected(g, t->proc.pid)) {
			policy_refuse(err, g->p, g->at, "attacks on %s", t->name);
			return err_hint(
			        err, -EPERM,
			        "Where others are meant, leave it out with \"not:\"; no flag "
			        "outranks the owner's word.");
		}
		holds = t->whole && group_holds(g, t->group);
		break;
	case TARGET_CGROUP:
		if (group_is_protected(g, t))
			return policy_refuse(err, g->p, g->at, "attacks on %s", t->name);
		holds = group_holds(g, t->group) || group_holds(g, t->cgroup_v2) ||
		        group_holds(g, t->cgroup_cpu);
		break;
	case TARGET_NETNS:
		holds = netns_holds(g, t);
		break;
	}
	return holds ? policy_refuse(err, g->p, g->at, "attacks on %s, which holds process %d (%s)",
	                             t->name, g->found.id.pid, g->found.comm)
	             : 0;
}

int guard_targets(const struct policy *p, const struct world *w, const struct targets *t,
                  const struct plan *plan, struct err *err)
{
	struct guard g cleanup(guard_release) = {0};
	int ret;

	if (!p->processes.n && !p->units.n && !p->cgroups.n)
		return 0;
	ret = guard_init(&g, p, w, err);
	for (size_t i = 0; ret == 0 && i < t->n; i++)
		ret = target_judge(&g, &t->v[i], err);
	/* A step that names a process hurts it, whatever the target was called. */
	for (size_t i = 0; ret == 0 && i < plan->n; i++) {
		struct proc_id id;

		if (proc_id_parse(plan->v[i].object, &id, NULL) == 0 &&
		    pid_is_protected(&g, id.pid))
			ret = policy_refuse(err, p, g.at, "step \"%s %s\" on process %d (%s)",
			                    plan->v[i].type, plan->v[i].object, id.pid,
			                    g.found.comm);
	}
	return ret;
}
