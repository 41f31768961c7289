/* stats.c - tails of distributions. */
#include "stats.h"

#include <math.h>
#include <stdlib.h>

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double binomial_term(uint64_t k, uint64_t n, double p)
{
	double a = (double)k, b = (double)(n - k);

	return exp(lgamma((double)n + 1) - lgamma(a + 1) - lgamma(b + 1) + a * log(p) +
	           b * log1p(-p));
}

/* From k outwards, each term from the one before: k (q/p) / (n - k + 1) downwards, and so on. */
double binomial_p(uint64_t k, uint64_t n, double p)
{
	double first = binomial_term(k, n, p), tail = first, term = first;
	bool low = (double)k < (double)n * p;

	for (uint64_t i = k; low ? i > 0 : i < n; low ? i-- : i++) {
		term *= low ? (double)i / (double)(n - i + 1) * (1 - p) / p
		            : (double)(n - i) / (double)(i + 1) * p / (1 - p);
		tail += term;
		if (term < tail * 1e-15)
			break;
	}
	return least(1, 2 * tail);
}

double normal_p(double value, double mean, double sd)
{
	return erfc(fabs(value - mean) / sd / sqrt(2));
}

/* The upper regularized incomplete gamma function: Q(a, x) by series below a + 1, else by Lentz's
 * continued fraction (Abramowitz and Stegun, 6.5.29 and 6.5.31). */
static double gamma_q(double a, double x)
{
	double scale = exp(a * log(x) - x - lgamma(a)), sum = 1 / a, term = sum;
	double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;

	if (x <= 0)
		return 1;
	if (x < a + 1) {
		for (int i = 1; i < 10000 && term > sum * 1e-15; i++)
			sum += term *= x / (a + i);
		return 1 - sum * scale;
	}
	for (int i = 1; i < 10000; i++) {
		double an = -i * (i - a);

		b += 2;
		d = 1 / (an * d + b);
		c = b + an / c;
		h *= c * d;
		if (fabs(c * d - 1) < 1e-15)
			break;
	}
	return h * scale;
}

double chi_square_p(const double *seen, const double *expected, size_t cells)
{
	double x = 0;

	for (size_t i = 0; i < cells; i++)
		x += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
	return gamma_q((double)(cells - 1) / 2, x / 2);
}

static int double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The limit's distribution, with the correction of M. A. Stephens (1970) for finite n. */
double ks_p(double *values, size_t n, double (*cdf)(double))
{
	double d = 0, root = sqrt((double)n), p = 0;

	qsort(values, n, sizeof(*values), double_order);
	for (size_t i = 0; i < n; i++) {
		double at = cdf(values[i]), below = at - (double)i / (double)n;

		d = fmax(d, fmax(below, 1 / (double)n - below));
	}
	d *= root + 0.12 + 0.11 / root;
	for (int k = 1; k < 100; k++)
		p += (k % 2 ? 2 : -2) * exp(-2 * d * d * k * k);
	return d < 0.2 ? 1 : p;
}
