/*
 * undo.h - puts back what a dead run left, from its log alone.
 *
 * Works in a process that never saw the fault start. A run whose keeper lives is not touched. What
 * lived only in an older boot is "gone with the boot". Logs are read only when the caller's user
 * owns them, links are not followed.
 */
#ifndef SQUALL_UNDO_UNDO_H
#define SQUALL_UNDO_UNDO_H

#include "base/paths.h"
#include "undo/log.h"

/* One step that was dealt with. */
typedef void undo_told(void *ctx, const char *run, const struct slot *);

struct undo_result {
	size_t runs; /* looked at that needed work */
	size_t back, gone, residue;
	size_t alive; /* runs that still have their keeper: left alone */
	size_t unreadable;
};

/* One run folder. -EBUSY: its keeper lives. */
int undo_folder(const struct world *, const struct paths *, int run_dir, const char *run,
                undo_told *, void *ctx, struct undo_result *, struct err *) must_use;
/* The same while the keeper, which has been sent SIGKILL, is not gone yet, because the kernel waits
 * for something on its behalf. It will not act any more, but the call that it is in may still take
 * effect: so only what it was not about to change is put back. To be followed by undo_folder(). */
int undo_folder_early(const struct world *, const struct paths *, int run_dir, const char *run,
                      undo_told *, void *ctx, struct undo_result *, struct err *) must_use;
/* Every run folder of this user. */
int undo_all(const struct world *, const struct paths *, undo_told *, void *ctx,
             struct undo_result *, struct err *) must_use;
/* What would be done, touching nothing. */
int undo_list(const struct world *, const struct paths *, undo_told *, void *ctx,
              struct undo_result *, struct err *) must_use;
/* The command with which a person puts this object back by hand, for exit 5 ("echo … > …"); "" when
 * there is none. */
void undo_by_hand(const struct slot *, struct buf *to);

#endif
