/*
 * netns.h - netlink sockets in the network namespace that an object names.
 */
#ifndef SQUALL_STEP_NETNS_H
#define SQUALL_STEP_NETNS_H

#include "base/err.h"
#include "base/world.h"

/* A netlink socket of this protocol in the namespace which that path opens and that has this
 * inode. -ESTALE: it is gone, or another has its name; -EPERM: it may not be entered. */
int step_netns_open(const struct world *, const char *path, uint64_t ino, int protocol, int *fd,
                    struct err *) must_use;

#endif
