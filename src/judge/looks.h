/*
 * looks.h - the looks of one probe by due time, and what follows from them: shares of misses,
 * tolerance, recovery. Pure: no clock, no I/O.
 *
 * Owns: a ring of the newest looks, in the caller's arena. Invariants: due times grow; a look is
 * pending until it is answered once; the newest of two answers to one look is ignored. Not to be
 * assumed: that answers come in the order of the due times, or that they come at all.
 *
 * Rules, in one place:
 *  - A look belongs to the moment when it was due, whenever its answer came.
 *  - A window of length `over` holds over/every looks, and never fewer than three, so that one bad
 *    look alone is never half of it; for a probe looked at so seldom the window is longer than
 *    `over`. The share is counted of that full number: a window that has just begun is crossed as
 *    soon as its misses suffice whatever the looks to come will say, and not before. A window is
 *    never counted further back than its `from`.
 *  - Tolerance is exceeded when misses / looks > tolerate. It is certain to be exceeded when the
 *    misses are already too many for all the looks that are planned.
 *  - A condition that must hold `for` a while holds when every answered look of the newest run says
 *    so, and the first and last of that run were due at least `for` apart; 0: one look is enough.
 *  - A probe is steady again from the first look after its last miss, once that look and the ones
 *    after it, `need` in all, have hit.
 */
#ifndef SQUALL_JUDGE_LOOKS_H
#define SQUALL_JUDGE_LOOKS_H

#include "base/arena.h"
#include "base/err.h"

enum look_state { LOOK_PENDING, LOOK_HIT, LOOK_MISS, LOOK_DROPPED };

struct look_due {
	uint64_t due_ns;
	enum look_state state;
};

struct looks {
	struct look_due *v;
	size_t cap, first, n; /* ring */
	size_t pending;
};

/* The ring keeps at least `keep` looks beside those in flight. -ENOMEM. */
int looks_init(struct looks *, struct arena *, size_t keep, struct err *) must_use;
/* A look is due now; older ones are forgotten when the ring is full. */
void looks_add(struct looks *, uint64_t due_ns);
/* Answers the pending look that was due then; false: there is none. */
bool looks_answer(struct looks *, uint64_t due_ns, bool hit);
/* The oldest look without an answer; false: there is none. */
bool looks_oldest_pending(const struct looks *, uint64_t *due_ns);
size_t looks_pending(const struct looks *, uint64_t from_ns,
                     uint64_t to_ns); /* due in [from, to) */
/* Pending looks are not waited for any more and count for nothing. */
void looks_drop_pending(struct looks *);

/* How many looks a window holds: at least 3, at most WINDOW_LOOKS_MAX (then it is shorter). */
enum { WINDOW_LOOKS_MIN = 3, WINDOW_LOOKS_MAX = 4096 };
size_t window_looks(uint64_t every_ns, uint64_t over_ns);
struct window_share {
	size_t misses, looks; /* looks: that a full window holds */
};
/* The newest window, not further back than from_ns. */
struct window_share window_share(const struct looks *, uint64_t every_ns, uint64_t over_ns,
                                 uint64_t from_ns);
bool window_crossed(struct window_share, uint64_t misses_ppm);

bool tolerance_exceeded(uint64_t looks, uint64_t misses, uint64_t tolerate_ppm);

/* Looks that missed (that is: said so) without a break, for at least for_ns. */
bool looks_hold(const struct looks *, uint64_t for_ns, uint64_t from_ns);

/* Steady again since *since_ns, among the looks due at or after from_ns. */
bool looks_steady(const struct looks *, uint64_t from_ns, size_t need, uint64_t *since_ns);

#endif
