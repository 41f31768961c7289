/*
 * protect.h - the processes that are never chosen as targets unless they are named by pid.
 *
 * Process 1, kernel threads, squall and its keepers, sshd, and the caller: itself, all processes
 * above it and its whole session. The given ones (runner, keeper) are not chosen even by pid.
 */
#ifndef SQUALL_RUN_PROTECT_H
#define SQUALL_RUN_PROTECT_H

#include "machine/proc.h"

enum { PROTECT_ABOVE_MAX = 64 };
struct protect {
	const struct proc_id *self;
	size_t self_n;
	pid_t session; /* of the caller */
	pid_t above[PROTECT_ABOVE_MAX];
	size_t above_n;
};

void protect_init(struct protect *p, const struct world *w, const struct proc_id *self,
                  size_t self_n);
/* Why it is protected ("is in the caller's session"), or NULL when it is not. */
const char *protect_why(const struct protect *p, const struct proc *proc);
/* Is it one of the given ones? */
bool protect_is_self(const struct protect *p, const struct proc *proc);

#endif
