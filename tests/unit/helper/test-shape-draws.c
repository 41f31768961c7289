/*
 * test-shape-draws.c - what the shaper's engine draws is what was asked for: shares, distributions,
 * correlation.
 *
 * Each check computes the probability of what was seen, or of less likely things, if all were right
 * (stats.h), and wants it to be above LEVEL / CELLS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/hash.h"
#include "shape-run.h"
#include "stats.h"

enum { EDGES = 8 };
enum { CELLS = 39, SEED = 20261125 };
#define SPACED_NS 10000000000ull /* longer than any delay here: no packet waits for another */
#define MS 1000000ull

static unsigned cells; /* that were looked at */

/* Loss, duplicate, corrupt, reorder: over few packets as over many; and no packet's fate tells that
 * of the next. */
static void shares_are_exact(void **state)
{
	static const uint32_t ppm[] = {10000, 50000, 300000};

	for (size_t i = 0; i < ARRAY_SIZE(ppm); i++) {
		struct shape s = {.seed = SEED,
		                  .delay_ns = MS,
		                  .loss_ppm = ppm[i],
		                  .duplicate_ppm = ppm[i],
		                  .corrupt_ppm = ppm[i],
		                  .reorder_ppm = ppm[i]};
		double p = ppm[i] / 1e6, both[4] = {0}, expected[4];
		const struct seen *seen = shape_run(&s, PACKETS, 1000);

		assert_likely(binomial_p(seen->lost[FATE_LOSS], seen->n, p));
		assert_likely(binomial_p(seen->copies, seen->n, p));
		assert_likely(binomial_p(seen->corrupted, seen->n, p));
		assert_likely(binomial_p(seen->overtook, seen->n, p));
		seen = shape_run(&s, MANY, 1000);
		assert_likely(binomial_p(seen->lost[FATE_LOSS], seen->n, p));
		for (size_t k = 0; k + 1 < seen->n; k += 2)
			both[(seen->fates[k].lost ? 2 : 0) + (seen->fates[k + 1].lost ? 1 : 0)]++;
		for (size_t k = 0; k < 4; k++)
			expected[k] = MANY / 2.0 * (k & 2 ? p : 1 - p) * (k & 1 ? p : 1 - p);
		assert_likely(chi_square_p(both, expected, 4));
	}
}

/* In units of the jitter, around the delay: what the quantile's own file does not compute. */
static double uniform_cdf(double x)
{
	return x < -1 ? 0 : x > 1 ? 1 : (x + 1) / 2;
}

static double normal_cdf(double x)
{
	return erfc(-x / sqrt(2)) / 2;
}

/* 1 - y^-3 where y has the mean 3/2 and the variance 3/4 */
static double pareto_cdf(double x)
{
	double y = 1.5 + x * sqrt(0.75);

	return y < 1 ? 0 : 1 - pow(y, -3);
}

static const struct {
	enum shape_dist dist;
	double (*cdf)(double);
	double edges[EDGES]; /* of cells for the tails, where Kolmogorov hardly looks */
} dists[] = {
        {SHAPE_UNIFORM, uniform_cdf, {-0.99, -0.9, -0.5, -0.1, 0.1, 0.5, 0.9, 0.99}},
        {SHAPE_NORMAL, normal_cdf, {-3.5, -3, -2.5, -2, 2, 2.5, 3, 3.5}},
        {SHAPE_PARETO, pareto_cdf, {-0.57, -0.5, 0, 2, 4, 8, 16, 24}},
};

static size_t delays(const struct shape *s, size_t n, double *to)
{
	const struct seen *seen = shape_run(s, n, SPACED_NS);

	for (size_t i = 0; i < seen->n; i++)
		to[i] = ((double)(seen->fates[i].due_ns - seen->came_ns[i]) - (double)s->delay_ns) /
		        (double)s->jitter_ns;
	return seen->n;
}

static double cells_p(const double *v, size_t n, double (*cdf)(double), const double *edges)
{
	double seen[EDGES + 1] = {0}, expected[EDGES + 1], below = 0;

	for (size_t i = 0; i < n; i++) {
		size_t cell = 0;

		while (cell < EDGES && v[i] > edges[cell])
			cell++;
		seen[cell]++;
	}
	for (size_t i = 0; i <= EDGES; i++) {
		double to = i < EDGES ? cdf(edges[i]) : 1;

		expected[i] = (to - below) * (double)n;
		below = to;
	}
	return chi_square_p(seen, expected, EDGES + 1);
}

static void delays_are_distributed(void **state)
{
	static double v[MANY];

	for (size_t i = 0; i < ARRAY_SIZE(dists); i++) {
		struct shape s = {.seed = SEED,
		                  .delay_ns = 100 * MS,
		                  .jitter_ns = 10 * MS,
		                  .dist = dists[i].dist};

		assert_likely(ks_p(v, delays(&s, PACKETS, v), dists[i].cdf));
		assert_likely(ks_p(v, delays(&s, MANY, v), dists[i].cdf));
		assert_likely(cells_p(v, MANY, dists[i].cdf, dists[i].edges));
		assert_true(dists[i].dist != SHAPE_UNIFORM || (v[0] >= -1 && v[MANY - 1] <= 1));
	}
}

/* Normal, sd twice the mean: what would be below zero is at once. */
static void delay_is_never_negative(void **state)
{
	struct shape s = {.seed = SEED,
	                  .delay_ns = 5 * MS,
	                  .jitter_ns = 10 * MS,
	                  .dist = SHAPE_NORMAL,
	                  .order_free = true};
	const struct seen *seen = shape_run(&s, PACKETS, SPACED_NS);
	uint64_t at_once = 0;

	for (size_t i = 0; i < seen->n; i++) {
		assert_true(seen->fates[i].due_ns >= seen->came_ns[i]);
		at_once += seen->fates[i].due_ns == seen->came_ns[i];
	}
	assert_likely(binomial_p(at_once, seen->n, normal_cdf(-0.5)));
}

/* Means of batches of a sequence: their average and its variance, correlated or not. */
enum { BATCHES = 100 };

struct batches {
	double mean, variance;
};

static struct batches batches_of(const double *v, size_t n)
{
	struct batches b = {.mean = 0};
	double each[BATCHES] = {0};

	for (size_t i = 0; i < n; i++)
		each[i * BATCHES / n] += v[i] * (double)BATCHES / (double)n;
	for (size_t i = 0; i < BATCHES; i++)
		b.mean += each[i] / BATCHES;
	for (size_t i = 0; i < BATCHES; i++)
		b.variance += (each[i] - b.mean) * (each[i] - b.mean) / BATCHES / (BATCHES - 1);
	return b;
}

/* The correlation of a sequence with itself, a packet on. */
static double neighbours(const double *v, size_t n)
{
	double mean = 0, square = 0, product = 0;

	for (size_t i = 0; i < n; i++)
		mean += v[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		square += (v[i] - mean) * (v[i] - mean);
	for (size_t i = 1; i < n; i++)
		product += (v[i] - mean) * (v[i - 1] - mean);
	return product / square;
}

/*
 * Of correlated delays the distribution stays what was asked for: seen in every 32nd of them, which
 * the 31 between tie together by rho^32 only. Normal ones are an autoregression: the correlation of
 * neighbours is rho, with the standard error sqrt((1 - rho^2) / n) (Bartlett). Of uniform ones it
 * is 6 / pi * asin(rho / 2) (K. Pearson, 1907); sequences of that many are known to about 1 /
 * sqrt(n).
 */
static void correlated_delays_are_distributed(void **state)
{
	enum { APART = 32 };
	static double v[MANY];

	for (size_t d = 0; d < ARRAY_SIZE(dists); d++) {
		struct shape s = {.seed = SEED + d,
		                  .delay_ns = 100 * MS,
		                  .jitter_ns = 10 * MS,
		                  .dist = dists[d].dist,
		                  .delay_corr_ppm = 500000};
		double rho = 0.5, n = MANY, uniform = 6 / M_PI * asin(rho / 2);

		delays(&s, MANY, v);
		if (dists[d].dist == SHAPE_NORMAL)
			assert_likely(
			        normal_p(neighbours(v, MANY), rho, sqrt((1 - rho * rho) / n)));
		else if (dists[d].dist == SHAPE_UNIFORM)
			assert_likely(normal_p(neighbours(v, MANY), uniform, 1 / sqrt(n)));
		for (size_t i = 0; i < MANY / APART; i++)
			v[i] = v[i * APART];
		assert_likely(ks_p(v, MANY / APART, dists[d].cdf));
		/* all of a draw is the one before: they are all equal */
		s.delay_corr_ppm = SHAPE_PPM;
		delays(&s, PACKETS, v);
		for (size_t i = 1; i < PACKETS; i++)
			assert_true(fabs(v[i] - v[0]) < 1e-6);
	}
}

/* The share stays; two neighbours are both lost with p (rho + (1 - rho) p). */
static void correlated_shares_stay(void **state)
{
	static const struct {
		uint32_t ppm, corr_ppm;
	} cases[] = {{10000, 250000}, {300000, 250000}, {300000, 900000}};
	static double lost[MANY], pair[MANY];

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		struct shape s = {
		        .seed = SEED, .loss_ppm = cases[c].ppm, .loss_corr_ppm = cases[c].corr_ppm};
		const struct seen *seen = shape_run(&s, MANY, 1000);
		double p = cases[c].ppm / 1e6, rho = cases[c].corr_ppm / 1e6;
		struct batches b;

		for (size_t i = 0; i < MANY; i++) {
			lost[i] = seen->fates[i].lost == FATE_LOSS;
			pair[i] = i ? lost[i] * lost[i - 1] : p * (rho + (1 - rho) * p);
		}
		b = batches_of(lost, MANY);
		assert_likely(normal_p(b.mean, p, sqrt(b.variance)));
		b = batches_of(pair, MANY);
		assert_likely(normal_p(b.mean, p * (rho + (1 - rho) * p), sqrt(b.variance)));
	}
}

static void cells_are_counted(void **state)
{
	assert_int_equal(cells, CELLS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(shares_are_exact),
	        cmocka_unit_test(delays_are_distributed),
	        cmocka_unit_test(delay_is_never_negative),
	        cmocka_unit_test(correlated_delays_are_distributed),
	        cmocka_unit_test(correlated_shares_stay),
	        cmocka_unit_test(cells_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
