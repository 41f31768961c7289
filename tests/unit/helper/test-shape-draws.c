/*
 * test-shape-draws.c - what the shaper's engine draws is what was asked for: shares, bursts,
 * correlation, distributions.
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

enum { CELLS = 47, SEED = 20261125 };
#define SPACED_NS 10000000000ull /* longer than any delay here: no packet waits for another */
#define MS 1000000ull

static unsigned cells; /* that were looked at */

static void assert_likely(double p)
{
	cells++;
	if (p < LEVEL / CELLS)
		fail_msg("cell %u: the probability of this is %g", cells, p);
}

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
} dists[] = {
        {SHAPE_UNIFORM, uniform_cdf},
        {SHAPE_NORMAL, normal_cdf},
        {SHAPE_PARETO, pareto_cdf},
};

static size_t delays(const struct shape *s, size_t n, double *to)
{
	const struct seen *seen = shape_run(s, n, SPACED_NS);

	for (size_t i = 0; i < seen->n; i++)
		to[i] = ((double)(seen->fates[i].due_ns - seen->came_ns[i]) - (double)s->delay_ns) /
		        (double)s->jitter_ns;
	return seen->n;
}

static void delays_are_distributed(void **state)
{
	static double v[MANY];

	for (size_t i = 0; i < ARRAY_SIZE(dists); i++) {
		struct shape s = {.seed = SEED,
		                  .delay_ns = 100 * MS,
		                  .jitter_ns = 10 * MS,
		                  .dist = dists[i].dist};
		double least = 0, most = 0;

		assert_likely(ks_p(v, delays(&s, PACKETS, v), dists[i].cdf));
		assert_likely(ks_p(v, delays(&s, MANY, v), dists[i].cdf));
		least = v[0];
		most = v[MANY - 1];
		/* the tails, where Kolmogorov does not look: of n values the greatest is below the
		 * quantile q with probability q^n */
		assert_likely(2 * pow(dists[i].cdf(most), MANY));
		assert_likely(2 * pow(1 - dists[i].cdf(least), MANY));
		assert_true(dists[i].dist != SHAPE_UNIFORM || (least >= -1 && most <= 1));
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
	        cmocka_unit_test(bursts_are_geometric),
	        cmocka_unit_test(delays_are_distributed),
	        cmocka_unit_test(delay_is_never_negative),
	        cmocka_unit_test(correlated_delays_are_distributed),
	        cmocka_unit_test(correlated_shares_stay),
	        cmocka_unit_test(cells_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
