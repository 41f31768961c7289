/*
 * halt.h - the word that ends runs and refuses new ones: a file that is there.
 *
 * Three files count: RUNTIME/halt, the caller's own; /run/squall/halt, root's, for every user's
 * runs, wherever they keep their state; and /run/squall/anyone/halt, which any user may make (the
 * folder is like /tmp), where the owner's policy does not say "halt: root". To stop is the safe
 * direction, so it asks for no rights; who did it is known by the file's owner. That a file is
 * there is enough, whatever is in it, so that a halt works on a full disk and when no descriptor is
 * left. Its first line is the reason, the second when and by whom. It goes with a reboot, as runs
 * do.
 */
#ifndef SQUALL_RUN_HALT_H
#define SQUALL_RUN_HALT_H

#include "base/paths.h"

struct halt {
	char reason[200], by[80], when[40];
	char path[PATH_CAP + 32];
	bool own; /* the caller's own file, or one that the caller made: resume lifts it */
};

/* The files that count. */
enum { HALT_FILES_MAX = 3 };
struct halt_files {
	char v[HALT_FILES_MAX][PATH_CAP + 32];
	size_t n;
};
void halt_files(const struct paths *, bool anyone, struct halt_files *);
/* True: one is there, or it cannot be told whether it is; *halt is filled as far as it can be
 * read. */
bool halt_read(const struct halt_files *, struct halt *);

/* Makes the caller's own file; root's without SQUALL_DIR is that of every user. */
int halt_put(const struct paths *, const char *reason, struct err *) must_use;
/* Makes the file that counts for every user: root's, or that of anyone. -ENOENT: users cannot. */
int halt_put_everyone(const struct paths *, const char *reason, struct err *) must_use;
/* 1: what this caller made was removed (root: anyone's too); 0: there was nothing. */
int halt_lift(const struct paths *, struct err *) must_use;
/* Root, before it runs: others can see its halt, and where `anyone` they may make one. */
int halt_folder(const struct paths *, bool anyone, struct err *) must_use;

#endif
