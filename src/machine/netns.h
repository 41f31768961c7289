/*
 * netns.h - network namespaces by name or path, and which one a process is in.
 *
 * A namespace is its inode (namespaces(7)), never its path alone: a path may come to name another.
 */
#ifndef SQUALL_MACHINE_NETNS_H
#define SQUALL_MACHINE_NETNS_H

#include <sys/types.h>

#include "base/err.h"
#include "base/world.h"

enum { NETNS_PATH_MAX = 200 };

/* A name ("blue": "/run/netns/blue") or an absolute path that opens a namespace. -ENOENT: there is
 * none; -EINVAL: it is no network namespace. */
int netns_find(const struct world *w, const char *name, char path[NETNS_PATH_MAX], uint64_t *ino,
               struct err *err) must_use;
/* The namespace of a process; pid 0: the caller's own. -ESRCH: gone; -EACCES: not to be seen. */
int netns_of_process(const struct world *w, pid_t pid, uint64_t *ino, struct err *err) must_use;

#endif
