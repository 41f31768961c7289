/*
 * stats.h - is what was counted likely, if all is right? For tests with a fixed seed.
 *
 * Pure. A level is the probability of failing although all is right: that of the whole file,
 * divided by the number of its cells (Bonferroni). Each function returns the probability of what
 * was seen, or of what is less likely still, two-sided where both sides are wrong.
 */
#ifndef SQUALL_UNIT_HELPER_STATS_H
#define SQUALL_UNIT_HELPER_STATS_H

#include "base/base.h"

/* k of n, each with probability p: the exact binomial tail, doubled. */
double binomial_p(uint64_t k, uint64_t n, double p);
/* Of a value that is normal with this mean and standard deviation. */
double normal_p(double value, double mean, double sd);
/* Pearson's chi-square of counts against what is expected in the cells, with cells - 1 degrees of
 * freedom. Each cell should expect 5 at least. */
double chi_square_p(const double *seen, const double *expected, size_t cells);
/* Kolmogorov and Smirnov: the values are sorted in place; cdf(x) is the asked distribution. */
double ks_p(double *values, size_t n, double (*cdf)(double));

#endif
