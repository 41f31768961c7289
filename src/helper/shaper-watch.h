/*
 * shaper-watch.h - a small process that ends the shaper when that stands still: a packet queue
 * whose reader is stopped passes nothing on, one whose reader is dead passes everything.
 *
 * Owns: the process (a child, which dies with its parent) and a page shared with it. It looks every
 * 100 ms, and sends SIGKILL when it has seen the same beat five times, from the first one on: it
 * counts its own looks, so that a machine that was suspended, or that runs neither of the two, is
 * no reason. While an order is obeyed, which may wait for the kernel, it is thirty times.
 */
#ifndef SQUALL_HELPER_SHAPER_WATCH_H
#define SQUALL_HELPER_SHAPER_WATCH_H

#include "base/base.h"
#include "base/err.h"

struct shaper_watch {
	struct shaper_beat {
		uint64_t n;
		bool obeys;
	} * beat;
	int pidfd; /* of the process that watches */
};

/* To be called before anything is opened that must end with this process: the child closes what it
 * has of it, but has it until then. */
int shaper_watch_start(struct shaper_watch *, struct err *) must_use;
void shaper_watch_beat(struct shaper_watch *);
void shaper_watch_obey(struct shaper_watch *, bool obeys);
/* Is another to be started, because something ended it? */
bool shaper_watch_is_gone(const struct shaper_watch *);
void shaper_watch_end(struct shaper_watch *);

#endif
