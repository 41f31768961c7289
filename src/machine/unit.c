/* Units, from the names of cgroups. */
#include "machine/unit.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* The types that have a cgroup. */
static const char *const types[] = {".service", ".scope", ".slice", ".socket", ".mount", ".swap"};

static bool has_type(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t len = strlen(types[i]);

		if (n > len && strcmp(name + n - len, types[i]) == 0)
			return true;
	}
	return false;
}

/* Whose manager it belongs to: below ".../user@1000.service/". */
static bool user_of(const char *dir, uid_t *uid)
{
	const char *at = strstr(dir, "/user@");
	char *end;
	unsigned long n;

	if (!at)
		return false;
	n = strtoul(at + strlen("/user@"), &end, 10);
	if (strncmp(end, ".service/", strlen(".service/")) != 0)
		return false;
	*uid = (uid_t)n;
	return true;
}

struct walk {
	const struct world *w;
	int (*each)(void *, const struct unit *);
	void *ctx;
	bool any;
};

static int unit_each(void *ctx, const char *dir, const char *name)
{
	struct walk *walk = ctx;
	struct unit u = {.dir = dir};
	pid_t any;

	/* What would look like a file of the kernel's is written with "_" before it. */
	if (name[0] == '_')
		name++;
	if (!has_type(name) || text_copy(u.name, sizeof(u.name), name) < 0)
		return 0;
	/* An empty one may be left by another systemd, in a hierarchy that this one does not use.
	 */
	if (cgroup_processes_below(walk->w, dir, &any, 1) == 0)
		return 0;
	u.is_user = user_of(dir, &u.uid);
	walk->any = true;
	return walk->each(walk->ctx, &u);
}

int units_each(const struct world *w, const struct cgroups *c,
               int (*each)(void *ctx, const struct unit *), void *ctx)
{
	/* Where version 1 is in use, units are tracked in a hierarchy of their own. */
	const struct cgroup_mount *const mounts[] = {cgroup_v1(c, "name=systemd"), &c->v2,
	                                             cgroup_v1(c, "cpu")};
	struct walk walk = {w, each, ctx, false};
	int ret = 0;

	for (size_t i = 0; ret == 0 && !walk.any && i < ARRAY_SIZE(mounts); i++) {
		if (mounts[i] && mounts[i]->dir[0])
			ret = cgroup_walk(w, mounts[i]->dir, unit_each, &walk);
	}
	return ret;
}

bool unit_is_called(const struct unit *u, const char *name)
{
	char whole[UNIT_NAME_MAX];

	if (fnmatch(name, u->name, 0) == 0)
		return true;
	return !has_type(name) &&
	       snprintf(whole, sizeof(whole), "%s.service", name) < (int)sizeof(whole) &&
	       fnmatch(whole, u->name, 0) == 0;
}
