/*
 * enter.h - a helper that works within a network namespace goes there, for good.
 */
#ifndef SQUALL_HELPER_ENTER_H
#define SQUALL_HELPER_ENTER_H

#include "base/base.h"
#include "base/err.h"

/* path as of the real machine; inode: which it must have. Where only the owner of its user
 * namespace may, that is entered too. The death signal is set as it was. -ESTALE: it is gone;
 * -EPERM. */
int netns_enter(const char *path, const char *inode, struct err *) must_use;

#endif
