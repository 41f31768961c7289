/* shape-run.c - a stream of packets through the shaper's engine. */
#include "shape-run.h"

#include <stdio.h>

const struct seen *shape_run(const struct shape *s, size_t n, uint64_t gap_ns)
{
	static struct seen seen;
	struct shape_fate f;

	shape_fate_init(&f, s, 0);
	seen = (struct seen){.n = n < MANY ? n : MANY};
	for (size_t i = 0; i < seen.n; i++) {
		struct fate to[FATES];

		seen.came_ns[i] = (i + 1) * gap_ns;
		seen.copies += shape_fate_next(&f, seen.came_ns[i], 1000, to) - 1;
		seen.fates[i] = to[0];
		seen.lost[to[0].lost]++;
		seen.corrupted += to[0].corrupted;
		seen.overtook += to[0].overtakes;
	}
	return &seen;
}

bool is_likely(double p, unsigned of, unsigned *cells)
{
	++*cells;
	if (p < LEVEL / of)
		printf("cell %u: the probability of this is %g\n", *cells, p);
	return p >= LEVEL / of;
}
