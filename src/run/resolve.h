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
	/* Those that match and were not picked: they stay so while the run lasts. */
	struct target *left;
	size_t left_n, left_cap;
};

/* -ENOENT: no match; -EACCES, …: what could have told cannot be asked; -ENOSYS: this kind of
 * selector is not built yet (err names it); -EINVAL: cannot be (no such cgroup, netns that is not a
 * namespace). fault: takes a unit or a container as what it is aimed at: NULL, as a cgroup. self:
 * processes that must never be chosen (runner, keeper). Blocks (machine/container.h). */
int resolve_targets(const struct world *, const struct selector *, const struct kind *fault,
                    uint64_t seed, const struct proc_id *self, size_t self_n, struct arena *,
                    struct targets *out, struct err *) must_use;
/* All that match, before pick. */
int resolve_matches(const struct world *, const struct selector *, const struct kind *fault,
                    const struct proc_id *self, size_t self_n, struct arena *, struct targets *out,
                    struct err *) must_use;
/* Pure: what takes the places of targets that are gone (gone[i] of t->v[i]), out of what matches
 * now. Those that live stay. Who comes was not there before: one that was spared by pick, and one
 * that was attacked already, never comes; drawn from seed and turn. t->n never grows. came[i]:
 * t->v[i] is new. Returns how many came, or -ENOMEM. */
int targets_follow(struct targets *t, const bool *gone, const struct target *now, size_t now_n,
                   uint64_t seed, uint64_t turn, struct arena *, bool *came) must_use;

#endif
