/*
 * paths.h - where squall keeps things.
 *
 * Root: /var/lib/squall (state), /run/squall (runtime), /etc/squall (owner's word). A user, and the
 * root of a user namespace, who is one: $XDG_STATE_HOME/squall, the folder "run" in it,
 * $XDG_CONFIG_HOME/squall. ($XDG_RUNTIME_DIR is not the same for all of a user's processes, and
 * goes when the last session ends: a halt would not reach a run of cron's.) SQUALL_DIR=DIR puts all
 * three in DIR/{state,run,etc}. Folders are made with mode 0700 and must belong to the caller;
 * symbolic links are refused.
 */
#ifndef SQUALL_BASE_PATHS_H
#define SQUALL_BASE_PATHS_H

#include <sys/types.h>

#include "base/base.h"
#include "base/err.h"
#include "base/world.h"

enum { PATH_CAP = 512 };
struct paths {
	char state[PATH_CAP], runtime[PATH_CAP], etc[PATH_CAP];
	char runs[PATH_CAP], claims[PATH_CAP]; /* below state, below runtime */
	char machine[PATH_CAP]; /* root's runtime folder, whoever asks: /run/squall */
};

int paths_find(struct paths *p, struct err *err) must_use; /* no I/O but the environment */
int paths_make(const struct paths *p, struct err *err) must_use;
/* NULL, or the name of the file system that will hold the undo log when it copies on write
 * (f_type of statfs(2); a recorded machine may answer "undo-log.f_type", in hex): there an
 * overwritten slot is new space, so the log is safe against the death of processes, not against
 * loss of power. */
const char *paths_copy_on_write(const struct world *w, const struct paths *p);
/* Opens a directory without following links and checks that `uid` owns it and others cannot write;
 * makes it (with parents) when `make`. Returns the descriptor. */
int dir_open_owned(const char *path, uid_t uid, bool make, struct err *err) must_use;
/* Opens a file in it, not following links, owned by uid, a regular file. */
int file_open_owned(int dirfd, const char *name, int flags, uid_t uid, struct err *err) must_use;
/* Writes a whole file by temporary name, fsync and rename. mode 0600. */
int file_put(int dirfd, const char *name, const void *data, size_t n, bool sync,
             struct err *err) must_use;
/* Reads a whole file of at most `max` bytes, NUL added; *data is malloc'd. */
int file_take(int dirfd, const char *name, size_t max, char **data, size_t *n,
              struct err *err) must_use;
int write_all(int fd, const void *data, size_t n) must_use; /* 0 or negative errno */

#endif
