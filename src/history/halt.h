/*
 * halt.h - the word that ends every run and refuses new ones: the file RUNTIME/halt.
 *
 * Its first line is the reason, the second who and when. It goes with a reboot, as runs do.
 */
#ifndef SQUALL_HISTORY_HALT_H
#define SQUALL_HISTORY_HALT_H

#include "base/paths.h"

struct halt {
	char reason[200], by[64], when[40];
};

int halt_put(const struct paths *, const char *reason, struct err *) must_use;
/* 1: halted, *halt is filled; 0: not. */
int halt_read(const struct paths *, struct halt *, struct err *) must_use;
/* 1: removed; 0: was not halted. */
int halt_lift(const struct paths *, struct err *) must_use;
/* The file's path, as the runner watches it. */
void halt_path(const struct paths *, char path[PATH_CAP + 16]);

#endif
