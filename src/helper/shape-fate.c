/* shape-fate.c - what becomes of each packet of a stream. */
#include "helper/shape-fate.h"

#include <math.h>

#include "base/quantity.h"

#define DRAW_LEAST (0.5 / 4294967296.0)       /* of a draw in (0, 1): the middle of 2^-32 */
#define DELAY_TOP_NS (2 * SHAPE_DELAY_MAX_NS) /* where the tail of a draw ends */
#define BYTES_TOP (1u << 24)                  /* so that no product below is too large */

/* Distinct for distinct arguments: each state of splitmix64 is the image of one other. */
static uint64_t stream_seed(uint64_t seed, unsigned direction, size_t lane, size_t stream)
{
	struct rng r = {.s = seed};

	r.s = rng_next(&r) ^ ((uint64_t)direction << 16 | lane << 8 | stream);
	return rng_next(&r);
}

static void lanes_seed(struct shape_fate *f)
{
	for (size_t i = 0; i < FATES; i++)
		for (size_t k = 0; k < STREAMS; k++) {
			struct fate_lane *l = &f->lanes[i];

			l->rng[k].s = stream_seed(f->shape.seed, f->direction, i, k);
			l->begun[k] = l->placed = false;
		}
}

static uint32_t draw(struct fate_lane *l, enum fate_stream stream)
{
	return (uint32_t)(rng_next(&l->rng[stream]) >> 32);
}

static bool hits(struct fate_lane *l, enum fate_stream stream, uint32_t ppm)
{
	return draw(l, stream) < ((uint64_t)ppm << 32) / SHAPE_PPM;
}

static bool chance(struct fate_lane *l, enum fate_stream stream, uint32_t ppm, uint32_t corr_ppm)
{
	bool is = ppm && hits(l, stream, ppm);

	if (corr_ppm && hits(l, stream, corr_ppm) && l->begun[stream])
		is = l->was[stream];
	l->begun[stream] = true;
	l->was[stream] = is;
	return is;
}

/* A packet is judged by the state that it finds, as netem's loss_gilb_ell() does. */
static bool burst_loses(struct fate_lane *l, const struct shape *s)
{
	bool bad = l->bad;
	bool turns = chance(l, STREAM_STATE, bad ? s->burst_r_ppm : s->burst_p_ppm, 0);

	l->bad = bad != turns;
	return !chance(l, STREAM_LOSS, bad ? s->burst_h_ppm : s->burst_k_ppm, 0);
}

static enum fate_loss loss_of(struct fate_lane *l, const struct shape *s)
{
	if (s->burst)
		return burst_loses(l, s) ? FATE_BURST : FATE_KEPT;
	if (s->every) {
		l->every = l->every + 1 < s->every ? l->every + 1 : 0;
		return l->every ? FATE_KEPT : FATE_EVERY;
	}
	return chance(l, STREAM_LOSS, s->loss_ppm, s->loss_corr_ppm) ? FATE_LOSS : FATE_KEPT;
}

/* gap - 1 packets are delayed after one that overtook; from then on each may, as in netem. */
static bool overtakes(struct fate_lane *l, const struct shape *s)
{
	bool drawn = chance(l, STREAM_REORDER, s->reorder_ppm, s->reorder_corr_ppm);
	bool does = drawn && l->gap + 1 >= s->gap;

	l->gap = does ? 0 : l->gap + (l->gap + 1 < s->gap);
	return does;
}

/* The normal distribution's quantile, to 1e-6 of the standard deviation: algorithm AS 241 (PPND7)
 * of M. J. Wichura, Applied Statistics 37 (1988), 477-484. Its third part, for p below 1e-10, is
 * left out: a draw has 32 bits. */
static double normal_quantile(double p)
{
	double q = p - 0.5, r = 0.180625 - q * q;

	if (r >= 0)
		return q *
		       (((59.10937472 * r + 159.29113202) * r + 50.434271938) * r + 3.3871327179) /
		       (((67.1875636 * r + 78.757757664) * r + 17.895169469) * r + 1);
	r = sqrt(-log(q < 0 ? p : 1 - p)) - 1.6;
	r = (((0.17023821103 * r + 1.3067284816) * r + 2.75681539) * r + 1.4234372777) /
	    ((0.12021132975 * r + 0.7370016425) * r + 1);
	return q < 0 ? -r : r;
}

/* In units of the jitter, around the mean; u in (0, 1). A Pareto variable of shape 3 and scale 1
 * has the quantile u^(-1/3), the mean 3/2 and the variance 3/4. */
static double quantile(enum shape_dist dist, double u)
{
	switch (dist) {
	case SHAPE_NORMAL:
		return normal_quantile(u);
	case SHAPE_PARETO:
		return (1 / cbrt(u) - 1.5) / sqrt(0.75);
	case SHAPE_UNIFORM:
		break;
	}
	return 2 * u - 1;
}

/* Where the next delay stands in its distribution, beside the one before. */
static double place_next(struct fate_lane *l, double fresh, double rho)
{
	l->place = l->placed ? rho * l->place + sqrt(1 - rho * rho) * fresh : fresh;
	l->placed = true;
	return fmin(fmax(0.5 * erfc(-l->place * M_SQRT1_2), DRAW_LEAST), 1 - DRAW_LEAST);
}

static uint64_t delay_of(struct fate_lane *l, const struct shape *s)
{
	double u, ns;

	if (!s->jitter_ns)
		return s->delay_ns;
	u = (2.0 * draw(l, STREAM_DELAY) + 1) * DRAW_LEAST;
	if (s->delay_corr_ppm)
		u = place_next(l, normal_quantile(u), s->delay_corr_ppm / (double)SHAPE_PPM);
	ns = (double)s->delay_ns + quantile(s->dist, u) * (double)s->jitter_ns;
	return ns <= 0 ? 0 : ns >= (double)DELAY_TOP_NS ? DELAY_TOP_NS : (uint64_t)ns;
}

/* The link's clock, and with it the bits that wait, is in units of 1 / rate ns: what a bit takes is
 * NS_PER_S of them. False: the queue is full. */
static bool link_take(struct shape_fate *f, uint64_t now_ns, uint32_t bytes, uint64_t *at_ns)
{
	const struct shape *s = &f->shape;
	uint64_t since = now_ns > f->before_ns ? now_ns : f->before_ns;
	uint64_t takes = (uint64_t)(bytes < BYTES_TOP ? bytes : BYTES_TOP) * 8 * NS_PER_S;

	if (!s->rate_bits)
		return true;
	if (f->free_ns > since && (f->free_ns - since) * s->rate_bits + f->free_rest + takes >
	                                  s->queue_bytes * 8 * NS_PER_S)
		return false;
	if (f->free_ns < now_ns) {
		f->free_ns = now_ns;
		f->free_rest = 0;
	}
	*at_ns = f->free_ns;
	takes += f->free_rest;
	f->free_ns += takes / s->rate_bits;
	f->free_rest = takes % s->rate_bits;
	return true;
}

/* 0: the path is up; else which outage this is. */
static uint64_t outage_at(const struct shape_fate *f, uint64_t now_ns)
{
	const struct shape *s = &f->shape;
	uint64_t since = now_ns > f->flap_ns ? now_ns - f->flap_ns : 0;

	if (!s->down_ns || since % (s->down_ns + s->up_ns) >= s->down_ns)
		return 0;
	return since / (s->down_ns + s->up_ns) + 1;
}

static struct fate fate_of(struct shape_fate *f, struct fate_lane *l, uint64_t now_ns,
                           uint32_t bytes)
{
	const struct shape *s = &f->shape;
	struct fate to = {.lost = loss_of(l, s), .due_ns = now_ns};
	uint64_t delay_ns = delay_of(l, s);

	to.corrupted = chance(l, STREAM_CORRUPT, s->corrupt_ppm, s->corrupt_corr_ppm);
	to.flip = to.corrupted ? rng_next(&l->rng[STREAM_FLIP]) : 0;
	to.overtakes = overtakes(l, s);
	to.outage = outage_at(f, now_ns);
	if (to.outage)
		to.lost = FATE_DOWN;
	else if (s->mtu && bytes > s->mtu)
		to.lost = FATE_LARGE;
	if (to.lost == FATE_KEPT && !link_take(f, now_ns, bytes, &to.due_ns))
		to.lost = FATE_QUEUE;
	if (to.lost != FATE_KEPT || to.overtakes)
		return to;
	to.due_ns += delay_ns;
	if (to.due_ns > f->order_ns)
		f->order_ns = to.due_ns;
	else if (!s->order_free)
		to.due_ns = f->order_ns;
	return to;
}

void shape_fate_init(struct shape_fate *f, const struct shape *s, unsigned direction)
{
	*f = (struct shape_fate){.shape = *s, .direction = direction};
	lanes_seed(f);
}

void shape_fate_change(struct shape_fate *f, const struct shape *s)
{
	bool reseed = s->seed != f->shape.seed;

	if (s->rate_bits != f->shape.rate_bits) {
		f->before_ns = f->free_ns;
		f->free_rest = 0;
	}
	f->shape = *s;
	if (reseed)
		lanes_seed(f);
}

void shape_fate_flap(struct shape_fate *f, uint64_t now_ns)
{
	f->flap_ns = now_ns;
}

size_t shape_fate_next(struct shape_fate *f, uint64_t now_ns, uint32_t bytes, struct fate to[FATES])
{
	const struct shape *s = &f->shape;
	size_t n =
	        1 + chance(&f->lanes[0], STREAM_DUPLICATE, s->duplicate_ppm, s->duplicate_corr_ppm);

	for (size_t i = 0; i < n; i++)
		to[i] = fate_of(f, &f->lanes[i], now_ns, bytes);
	return n;
}
