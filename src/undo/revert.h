/*
 * revert.h - puts one object back: the same code for the keeper and for `squall undo`.
 *
 * Never fails: what went wrong is in the slot (SLOT_RESIDUE and a note). Invariants: an object that
 * is in neither state (not as it was left, not as it was) is somebody else's work: reported, never
 * overwritten. The value to put back is what serves the claims of other live runs, or base when
 * there are none.
 */
#ifndef SQUALL_UNDO_REVERT_H
#define SQUALL_UNDO_REVERT_H

#include "undo/log.h"

struct revert {
	const struct world *world;
	int claims_dir; /* -1: none, base is put back */
	const char *run;
};

/* Changes slot->phase (BACK, GONE, DONE or RESIDUE) and note in memory; the caller writes it. hold:
 * opened. */
void revert_slot(const struct revert *, const struct step_type *, struct hold *, struct slot *);
/* A slot that went back: does its object still read so? True also when it is gone, or cannot be
 * looked at now. hold: NULL when it is not open. */
bool slot_is_back(const struct revert *, const struct step_type *, struct hold *,
                  const struct slot *);
/* Calls the setter; the one place from which machines are changed. */
int step_set(const struct step_type *, struct hold *, const char *object, const char *now,
             const char *to, struct buf *landed, struct err *) must_use;
void slot_note(struct slot *, const char *fmt, ...) printf_like(2, 3);

#endif
