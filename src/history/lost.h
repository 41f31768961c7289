/*
 * lost.h - finishes the runs whose runner died: verdict, outcome "lost", document.
 *
 * To be called after undo: the clean-up is read from the undo log. A run whose owner or keeper
 * lives is left alone. Nothing of the machine is changed.
 */
#ifndef SQUALL_HISTORY_LOST_H
#define SQUALL_HISTORY_LOST_H

#include "history/folder.h"

/* doc: the finished document, borrowed. */
typedef void lost_told(void *ctx, const char *id, const json_t *doc);

/* One without a single event and without an undo log was never armed: its outcome is "errored".
 * told may be NULL. */
int lost_finish_all(const struct world *, const struct paths *, lost_told *, void *ctx,
                    struct err *) must_use;
#endif
