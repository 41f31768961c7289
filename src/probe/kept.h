/*
 * kept.h - looks that compare with the look before.
 *
 * Owns: for each look of a loop (known by the address of its args, probe.h) one document, whatever
 * its reader last wanted to be kept; it goes with the loop. Invariants: the looks of one args are
 * read one after another, in the order in which they were started, each within its own time limit;
 * a look that failed or was cancelled leaves what is kept as it was, so that the next one tells
 * what that one would have told.
 */
#ifndef SQUALL_PROBE_KEPT_H
#define SQUALL_PROBE_KEPT_H

#include "probe/probe.h"

/* A new document, or NULL with err. Its member "kept" is taken off it and is `before` at the next
 * look; without one nothing is kept. before: NULL at the first look. */
typedef json_t *kept_read(const struct world *, const void *args, const json_t *before,
                          struct err *);

struct kept_spec {
	kept_read *read;
	const char *what; /* for the error text: 'cgroup "/shop"'; copied */
	/* Reading cannot hang: done on the loop, which also works when no process can be made and
	 * memory is short. Else in a forked process (aside.h). */
	bool here;
	uint64_t over_ns;    /* a first look reads twice, this far apart; 0: once */
	uint64_t timeout_ns; /* from when it was due; must be more than over_ns */
};

/* As probe.start; "seconds" is added to the document. */
int kept_start(struct loop *, const struct world *, const struct kept_spec *, const void *args,
               struct span when, look_done *, void *ctx, struct look **, struct err *) must_use;
void kept_cancel(struct look *);

/* Seconds between two samples: "t" (CLOCK_BOOTTIME, ns) of what was kept and of now; 0 when there
 * was none before. */
double kept_elapsed(const json_t *before, uint64_t now_ns);
/* How much a counter has grown; 0 when it was not kept, or has begun anew. */
double kept_grown(const json_t *before, const char *name, double now);

#endif
