/*
 * policies.h - the policies that hold here, and who asks.
 *
 * Owns: the policies read. Two files count: the machine's, /etc/squall/policy.yaml, always,
 * whatever SQUALL_DIR and XDG_… say; and policy.yaml in the caller's own etc folder (base/paths.h),
 * where that is another one. Both hold at once: a rule only forbids, so the second can make the
 * first stricter and never looser. The machine's must be root's, the other root's or the caller's;
 * neither may be writable by others, nor their folders, nor be a link. Invariants: a file that is
 * not there restricts nothing; one that is there and cannot be read or is not whole refuses every
 * run. Not to be assumed: that a policy is read again while a run lasts; a run keeps what it began
 * with.
 */
#ifndef SQUALL_RUN_POLICIES_H
#define SQUALL_RUN_POLICIES_H

#include <sys/types.h>

#include "base/paths.h"
#include "base/world.h"
#include "model/policy.h"

enum { POLICIES_MAX = 2, CALLER_GROUPS_MAX = 256 };

/* Who runs squall; through sudo or pkexec also who called that. */
struct caller {
	size_t n;
	struct caller_user {
		uid_t uid;
		char name[64];
		gid_t groups[CALLER_GROUPS_MAX];
		size_t groups_n;
	} v[2];
};

struct policies {
	struct policy *v[POLICIES_MAX];
	size_t n;
	struct floors floors; /* the higher of each */
	char mem_by[PATH_CAP + 32], disk_by[PATH_CAP + 32];
	struct caller caller;
	char path[PATH_CAP + 16]; /* of the one that could not be used; else "" */
};

/* Reads what holds for this caller. -EPERM: a policy cannot be used; err says why, and `problems`
 * (may be NULL) holds every problem of the file `path`. On failure too, policies_release. */
int policies_load(struct policies *, const struct world *, const struct paths *,
                  const struct catalogue *, struct problems *, struct err *) must_use;
void policies_release(struct policies *);
/* May any user halt the runs of others here? The machine's own policy alone can forbid it. */
bool policies_halt_anyone(const struct policies *);
#define _cleanup_policies_ cleanup(policies_release)

#endif
