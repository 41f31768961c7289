/*
 * resolve-nobody.h - what to say when a selector means no process: the likeliest reason, as a hint.
 */
#ifndef SQUALL_RUN_RESOLVE_NOBODY_H
#define SQUALL_RUN_RESOLVE_NOBODY_H

#include "base/world.h"
#include "model/experiment.h"

/* Those that matched and are never chosen. */
struct spared {
	size_t n;
	char first[160]; /* "1201 (bash) is above squall" */
};

/* Fills err and returns -ENOENT. hidden: processes whose sockets could not be seen. */
int resolve_nobody(const struct world *w, const struct selector *s, const struct spared *spared,
                   size_t hidden, struct err *err);

#endif
