/*
 * way-in.h - by which connections people are logged in on this machine, so that a fault can tell
 * whether it would cut the branch that its owner sits on.
 *
 * From SSH_CONNECTION (ssh(1)) where it is set, in the caller's environment or in that of a process
 * that it descends from, because sudo drops the variable; and from the established connections of
 * port 22 in the caller's network namespace. A recorded machine answers "ssh-connection". Not to be
 * assumed: that every way in is seen (a serial line, a web console).
 */
#ifndef SQUALL_MACHINE_WAY_IN_H
#define SQUALL_MACHINE_WAY_IN_H

#include "machine/sockets.h"

enum { WAYS_IN_MAX = 32 };
struct ways_in {
	struct connection v[WAYS_IN_MAX];
	size_t n;
};

void ways_in_read(const struct world *w, struct ways_in *ways);

#endif
