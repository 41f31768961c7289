/* What the shaper's engine costs for a packet, in nanoseconds of CPU time: each part alone, at a
 * steady number of held packets. Prints its figures as "name value" lines.
 *
 *   bench-shape-engine */
#include <stdio.h>
#include <time.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "helper/shape-bytes.h"
#include "helper/shape-fate.h"
#include "helper/shape-meter.h"
#include "helper/shape-queue.h"

enum { ROUNDS = 2000000, HELD_MOST = 400000 };
#define GAP_NS 6667ull /* 150,000 packets a second */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void tell(const char *name, size_t held, uint64_t from_ns)
{
	double ns = (double)(cpu_ns() - from_ns) / ROUNDS;

	if (held)
		printf("%s_held_%zu_ns %.1f\n", name, held, ns);
	else
		printf("%s_ns %.1f\n", name, ns);
}

/* Put one, take one, with so many held. spread: of the dues, around the steady delay. */
static bool queue_bench(const char *name, size_t held, uint64_t spread_ns)
{
	struct shape_queue *q = NULL;
	struct rng rng = {.s = 1};
	uint64_t now = 0, from = 0;

	if (shape_queue_new(HELD_MOST + 1, &q, NULL) < 0)
		return false;
	for (size_t i = 0; i < held + ROUNDS; i++, now += GAP_NS) {
		struct shape_item item = {.due_ns = now + held * GAP_NS, .id = (uint32_t)i};

		if (spread_ns)
			item.due_ns += rng_below(&rng, spread_ns);
		from = i == held ? cpu_ns() : from;
		if (!shape_queue_put(q, &item) ||
		    (i >= held && !shape_queue_take(q, UINT64_MAX, &item)))
			return false;
	}
	tell(name, held, from);
	shape_queue_free(q);
	return true;
}

static void fate_bench(const char *name, const struct shape *s)
{
	struct shape_fate f;
	struct fate to[FATES];
	uint64_t from;

	shape_fate_init(&f, s, 0);
	from = cpu_ns();
	for (size_t i = 0; i < ROUNDS; i++)
		(void)shape_fate_next(&f, i * GAP_NS, 100, to);
	tell(name, 0, from);
}

static void rest_bench(void)
{
	static struct shape_meter m;
	struct rng rng = {.s = 1};
	uint8_t packet[1500] = {0x45, 0, 1500 / 256, 1500 % 256};
	uint64_t from = cpu_ns();

	packet[9] = 17;
	packet[24] = 1480 / 256;
	packet[25] = 1480 % 256;
	for (size_t i = 0; i < ROUNDS; i++)
		shape_meter_note(&m, 50000000 + rng_below(&rng, 1u << 20));
	tell("meter", 0, from);
	from = cpu_ns();
	for (size_t i = 0; i < ROUNDS; i++)
		(void)shape_bytes_flip(packet, sizeof(packet), i * 977, true);
	tell("flip_mend_1500", 0, from);
	from = cpu_ns();
	for (size_t i = 0; i < ROUNDS; i++)
		(void)shape_bytes_sum(packet, sizeof(packet));
	tell("sum_1500", 0, from);
}

int main(void)
{
	static const size_t held[] = {1000, 7500, 75000, HELD_MOST};
	struct shape s = {.delay_ns = 50000000};

	fate_bench("fate_delay", &s);
	s.jitter_ns = 10000000;
	fate_bench("fate_uniform", &s);
	s.dist = SHAPE_NORMAL;
	fate_bench("fate_normal", &s);
	s.dist = SHAPE_PARETO;
	fate_bench("fate_pareto", &s);
	s.loss_ppm = s.duplicate_ppm = s.corrupt_ppm = s.reorder_ppm = 10000;
	s.rate_bits = 1000000000;
	s.queue_bytes = 1 << 20;
	fate_bench("fate_all", &s);
	for (size_t i = 0; i < ARRAY_SIZE(held); i++)
		if (!queue_bench("queue_in_order", held[i], 0) ||
		    !queue_bench("queue_free_order", held[i], held[i] * GAP_NS))
			return 1;
	rest_bench();
	return 0;
}
