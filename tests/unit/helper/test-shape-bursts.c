/* test-shape-bursts.c - the shaper's Gilbert-Elliott model: how much is lost, in bursts of which
 * length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "shape-run.h"
#include "stats.h"

enum { CELLS = 5, SEED = 20261125 };

static unsigned cells; /* that were looked at */

/*
 * The chain is bad for a share B = p / (p + r) of packets, with the correlation L^j over j of them,
 * L = 1 - p - r. The share lost is m = B (1 - h) + (1 - B)(1 - k); over n packets its variance is
 * (m (1 - m) + 2 D^2 B (1 - B) L / (1 - L)) / n, where D is the difference of both states' losses.
 */
static double burst_share_p(const struct shape *s, const struct seen *seen)
{
	double p = s->burst_p_ppm / 1e6, r = s->burst_r_ppm / 1e6, bad = p / (p + r), l = 1 - p - r;
	double in_bad = 1 - s->burst_h_ppm / 1e6, in_good = 1 - s->burst_k_ppm / 1e6;
	double m = bad * in_bad + (1 - bad) * in_good, d = in_bad - in_good;
	double variance = m * (1 - m) + 2 * d * d * bad * (1 - bad) * l / (1 - l);

	return normal_p((double)seen->lost[FATE_BURST] / (double)seen->n, m,
	                sqrt(variance / (double)seen->n));
}

/* How long bursts are, where all of a burst is lost and nothing else: geometric, mean 1 / r. */
static double burst_length_p(const struct seen *seen, double r)
{
	enum { LENGTHS = 12 };
	double lengths[LENGTHS] = {0}, expected[LENGTHS], bursts = 0;
	size_t run = 0;

	for (size_t i = 0; i < seen->n; i++) {
		if (seen->fates[i].lost) {
			run++;
		} else if (run) {
			lengths[run < LENGTHS ? run - 1 : LENGTHS - 1]++;
			bursts++;
			run = 0;
		}
	}
	for (size_t i = 0; i < LENGTHS; i++)
		expected[i] = bursts * pow(1 - r, (double)i) * (i < LENGTHS - 1 ? r : 1);
	return chi_square_p(lengths, expected, LENGTHS);
}

static void bursts_are_geometric(void **state)
{
	struct shape s = {.seed = SEED,
	                  .burst = true,
	                  .burst_p_ppm = 10000,
	                  .burst_r_ppm = 250000,
	                  .burst_k_ppm = SHAPE_PPM};

	assert_likely(burst_share_p(&s, shape_run(&s, PACKETS, 1000)));
	assert_likely(burst_share_p(&s, shape_run(&s, MANY, 1000)));
	assert_likely(burst_length_p(shape_run(&s, MANY, 1000), 0.25));
	/* some get through while it is bad, some are lost while it is good */
	s.burst_h_ppm = 300000;
	s.burst_k_ppm = 990000;
	assert_likely(burst_share_p(&s, shape_run(&s, MANY, 1000)));
	/* p = 1 - r: each packet for itself, as with loss */
	s = (struct shape){.seed = SEED,
	                   .burst = true,
	                   .burst_p_ppm = 300000,
	                   .burst_r_ppm = 700000,
	                   .burst_k_ppm = SHAPE_PPM};
	assert_likely(binomial_p(shape_run(&s, MANY, 1000)->lost[FATE_BURST], MANY, 0.3));
}

static void cells_are_counted(void **state)
{
	assert_int_equal(cells, CELLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bursts_are_geometric),
	        cmocka_unit_test(cells_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
