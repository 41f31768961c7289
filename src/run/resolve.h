/*
 * resolve.h - which targets a selector means on this machine. Reads only.
 *
 * squall, process 1, kernel threads, the caller's own shell and session, and sshd are never chosen
 * unless named by pid. No match is an error; fewer than asked is said. pick is drawn from the seed
 * over the matches in name order.
 */
#ifndef SQUALL_RUN_RESOLVE_H
#define SQUALL_RUN_RESOLVE_H

#include "base/arena.h"
#include "machine/target.h"
#include "model/experiment.h"

struct targets {
	struct target *v;
	size_t n;
	size_t matched;  /* before pick */
	size_t asked;    /* by pick */
	size_t excluded; /* never chosen: protected */
};

/* -ENOENT: no match; -ENOSYS: this kind of selector is not built yet (err names it); -EINVAL:
 * cannot be (no such cgroup, netns that is not a namespace). self: processes that must never be
 * chosen (runner, keeper). */
int resolve_targets(const struct world *, const struct selector *, uint64_t seed,
                    const struct proc_id *self, size_t self_n, struct arena *, struct targets *out,
                    struct err *) must_use;

#endif
