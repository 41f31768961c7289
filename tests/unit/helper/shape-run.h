/*
 * shape-run.h - a stream of packets through the shaper's engine, for its tests.
 *
 * Owns nothing. LEVEL is the probability that one of the statistical checks of a file fails
 * although all is right, for a seed that nobody has chosen; each has its share of it (Bonferroni).
 */
#ifndef SQUALL_UNIT_HELPER_SHAPE_RUN_H
#define SQUALL_UNIT_HELPER_SHAPE_RUN_H

#include "helper/shape-fate.h"

#define LEVEL 0.01
enum { PACKETS = 20000, MANY = 200000 };

/* What became of packets that came one each `gap_ns`, the first at gap_ns. */
struct seen {
	size_t n, lost[FATE_LOSSES], corrupted, copies, overtook;
	/* of each packet, MANY at most */
	struct fate fates[MANY];
	uint64_t came_ns[MANY];
};

/* Into one that is kept: it is large. */
const struct seen *shape_run(const struct shape *, size_t n, uint64_t gap_ns);

/* For a file with CELLS such checks, which it counts in `cells`. */
#define assert_likely(p) assert_true(is_likely((p), CELLS, &cells))
bool is_likely(double p, unsigned of, unsigned *cells);

#endif
