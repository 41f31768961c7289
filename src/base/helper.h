/*
 * helper.h - what a helper is: a process that holds what must be held (a netlink socket, memory, a
 * CPU).
 *
 * Forked from the keeper; runs until its order channel closes, it is ordered to end, its deadline
 * (a CLOCK_BOOTTIME timer that sends SIGKILL, so it works on a stopped process too) strikes, or its
 * parent dies (PR_SET_PDEATHSIG). The keeper sets timer and death signal before main() is called.
 */
#ifndef SQUALL_BASE_HELPER_H
#define SQUALL_BASE_HELPER_H

#include "base/base.h"

/* Descriptors of a helper: its channel, and the page where the hold has one (base/held.h). */
enum { HELPER_SOCK = 3, HELPER_PAGE = 4 };

struct helper_type {
	const char *name;
	/* sock: order channel (wire messages). args: as given to spawn. Returns the exit status. */
	int (*main)(int sock, const char *const *args);
	/* What it serves is putting back: it is the last to go when memory runs out, as the keeper
	 * is; else the first. */
	bool spared;
};

#endif
