/*
 * active.h - the runs that are in effect now: their runner or their keeper lives.
 *
 * Read from the undo logs, so what is shown is what the keeper wrote, not what a runner believes.
 */
#ifndef SQUALL_HISTORY_ACTIVE_H
#define SQUALL_HISTORY_ACTIVE_H

#include "history/folder.h"
#include "undo/log.h"

struct active {
	const char *id;
	struct proc_id runner, keeper; /* pid 0: dead */
	bool has_log;
	struct log_head head; /* when has_log */
	struct slot *slots;   /* n */
	size_t n;
	size_t live;    /* slots that may still hurt */
	size_t residue; /* of these: changed and not back */
};

/* Reads the run's log again. -ENOENT when neither its runner nor its keeper lives (*a is filled
 * all the same, from its log). */
int active_read(const struct world *, const struct run_folder *, struct active *,
                struct err *) must_use;
void active_release(struct active *);
#define _cleanup_active_ cleanup(active_release)
/* Calls `each` for every active run, oldest first; stops when it returns non-zero. */
int active_each(const struct world *, const struct paths *,
                int (*each)(void *ctx, const struct run_folder *, const struct active *), void *ctx,
                struct err *) must_use;

#endif
