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
	int (*each)(void *, const struct unit *);
	void *ctx;
};

static int unit_each(void *ctx, const char *dir, const char *name)
{
	struct walk *walk = ctx;
	struct unit u = {.dir = dir};

	/* What would look like a file of the kernel's is written with "_" before it. */
	if (name[0] == '_')
		name++;
	if (!has_type(name) || text_copy(u.name, sizeof(u.name), name) < 0)
		return 0;
	u.is_user = user_of(dir, &u.uid);
	return walk->each(walk->ctx, &u);
}

int units_each(const struct world *w, const struct cgroups *c,
               int (*each)(void *ctx, const struct unit *), void *ctx)
{
	const struct cgroup_mount *m = cgroup_v1(c, "name=systemd");
	struct walk walk = {each, ctx};

	/* Where version 1 is in use, units are tracked in a hierarchy of their own. */
	if (!m)
		m = c->v2.dir[0] ? &c->v2 : cgroup_v1(c, "cpu");
	return m ? cgroup_walk(w, m->dir, unit_each, &walk) : 0;
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
