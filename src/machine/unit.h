/*
 * unit.h - the units of a service manager that run now, by their cgroups.
 *
 * systemd gives each service, scope and slice a cgroup of its name, below those of the slices that
 * it lies in (systemd.resource-control(5), "Control Group Delegation"); a user's units lie below
 * user@UID.service. So nobody needs to be asked, and nothing is found that has no process. Not to
 * be assumed: that systemd runs; another manager may name cgroups in the same way.
 */
#ifndef SQUALL_MACHINE_UNIT_H
#define SQUALL_MACHINE_UNIT_H

#include "machine/cgroup.h"

enum { UNIT_NAME_MAX = 256 };
struct unit {
	char name[UNIT_NAME_MAX]; /* "nginx.service" */
	const char *dir;          /* its absolute folder; borrowed for the call */
	bool is_user;             /* of a user's manager */
	uid_t uid;
};

/* Every unit with a process, by the first hierarchy where there are any; those above first, until
 * `each` returns non-zero; returns that. */
int units_each(const struct world *w, const struct cgroups *c,
               int (*each)(void *ctx, const struct unit *), void *ctx);
/* By name as systemctl(1) takes it: "nginx" is "nginx.service"; glob patterns allowed. */
bool unit_is_called(const struct unit *u, const char *name);

#endif
