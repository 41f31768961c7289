/*
 * flag.h - a sign that all users of this machine can see: somebody's squall may change this object.
 *
 * Claims (claim.h) are a user's own, because nobody's squall trusts the files of another. So that
 * two users do not change one object unknown to each other, each keeper also listens on an abstract
 * unix socket that is named for the object (unix(7)): no file, nothing to clean up, gone with its
 * process whatever ends that. Whose it is, the kernel says (SO_PEERCRED). It counts only when that
 * user could change the object anyway: nobody can keep another from what is not his. Not to be
 * assumed: that it is seen from another network namespace; that it is there after all of squall was
 * killed; that one can be raised (a stranger may have taken the names; a run goes on without).
 */
#ifndef SQUALL_UNDO_FLAG_H
#define SQUALL_UNDO_FLAG_H

#include "base/base.h"
#include "base/err.h"
#include "base/world.h"
#include "step/step.h"

/* The flag stays up until *fd is closed; -1 where none could be raised, or the type's objects are
 * not shared by users. -EBUSY: another user's is up, or one of this user's whose claims lie in
 * another folder (claims_dir). */
int flag_raise(const struct world *w, const struct step_type *type, const char *object,
               int claims_dir, int *fd, struct err *err) must_use;
/* Says where this process's claims lie, for as long as the descriptor is open; -1: cannot be said.
 * To be up before a flag is. */
int flag_home(int claims_dir) must_use;

#endif
