/*
 * keeper-step.h - one step of the keeper's: logged, applied, reverted, looked at again. The
 * keeper's own (undo/keeper.h); i is the number of a slot in use.
 */
#ifndef SQUALL_UNDO_KEEPER_STEP_H
#define SQUALL_UNDO_KEEPER_STEP_H

#include "undo/keeper.h"

/* What a claim file's lock is waited for: whoever holds it does not wait for anything else. */
enum { KEEPER_LOCK_WAIT_NS = 500000000 };

void keeper_tell(struct keeper *, size_t i);
bool keeper_is_in(const struct keeper *, size_t i);
/* Fills the slot and registers this run's claim. Nothing is changed yet. The slot is written before
 * the claim: a claim that no log knows would stay for ever. */
int keeper_intend(struct keeper *, size_t i, const struct step *, struct err *) must_use;
int keeper_apply(struct keeper *, size_t i, struct err *) must_use;
void keeper_revert(struct keeper *, size_t i);
/* Once nothing is in effect any more, each object is read a second time: putting back one may have
 * changed another. */
void keeper_check_again(struct keeper *);

#endif
