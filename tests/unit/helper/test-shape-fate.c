/*
 * test-shape-fate.c - what the shaper's engine decides exactly: counts, order, rate, seeds,
 * changes. What it draws: test-shape-draws.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/hash.h"
#include "shape-run.h"

#define MS 1000000ull

static struct fate next(struct shape_fate *f, uint64_t now_ns, uint32_t bytes)
{
	struct fate to[FATES];

	assert_int_equal(shape_fate_next(f, now_ns, bytes, to), 1);
	return to[0];
}

static void every_nth_vanishes(void **state)
{
	for (uint32_t every = 2; every < 8; every++) {
		struct shape s = {.every = every};
		const struct seen *seen = shape_run(&s, PACKETS, 1000);

		for (size_t i = 0; i < seen->n; i++)
			assert_int_equal(seen->fates[i].lost,
			                 (i + 1) % every ? FATE_KEPT : FATE_EVERY);
	}
}

static void outages_come_in_turn(void **state)
{
	struct shape s = {.down_ns = 3 * MS, .up_ns = 7 * MS};
	struct shape_fate f;

	shape_fate_init(&f, &s, 0);
	shape_fate_flap(&f, 100 * MS);
	for (uint64_t i = 0; i < 100; i++) {
		struct fate to = next(&f, 100 * MS + i * MS, 100);

		assert_int_equal(to.lost, i % 10 < 3 ? FATE_DOWN : FATE_KEPT);
		assert_int_equal(to.outage, i % 10 < 3 ? i / 10 + 1 : 0);
	}
}

/* The limit itself passes; a lost one is drawn for all the same, so the seed loses the same. */
static void large_ones_vanish(void **state)
{
	struct shape s = {.seed = 5, .loss_ppm = 300000}, m = s;
	struct shape_fate f, g;

	m.mtu = 1000;
	shape_fate_init(&f, &s, 0);
	shape_fate_init(&g, &m, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t bytes = i % 2 ? 1000 : 1001;
		struct fate a = next(&f, i, bytes), b = next(&g, i, bytes);

		assert_int_equal(b.lost, bytes > 1000 ? FATE_LARGE : a.lost);
	}
}

/* A tenth of the jitter lies between two packets: what would overtake waits, nothing else does. */
static void order_is_kept(void **state)
{
	static struct fate free_fates[PACKETS];
	struct shape s = {.seed = 1,
	                  .delay_ns = 20 * MS,
	                  .jitter_ns = 10 * MS,
	                  .dist = SHAPE_PARETO,
	                  .order_free = true};
	uint64_t last = 0;
	size_t waited = 0;
	const struct seen *seen = shape_run(&s, PACKETS, MS);

	memcpy(free_fates, seen->fates, sizeof(free_fates));
	s.order_free = false;
	seen = shape_run(&s, PACKETS, MS);
	for (size_t i = 0; i < seen->n; i++) {
		last = free_fates[i].due_ns > last ? free_fates[i].due_ns : last;
		waited += free_fates[i].due_ns < last;
		assert_int_equal(seen->fates[i].due_ns, last);
	}
	assert_true(waited > PACKETS / 2);
}

static void overtakers_are_not_delayed(void **state)
{
	struct shape s = {.seed = 3, .delay_ns = 50 * MS, .reorder_ppm = 250000, .gap = 5};
	const struct seen *seen = shape_run(&s, PACKETS, MS);
	size_t last = SIZE_MAX, nearest = SIZE_MAX;

	for (size_t i = 0; i < seen->n; i++) {
		uint64_t held = seen->fates[i].due_ns - seen->came_ns[i];

		assert_int_equal(held, seen->fates[i].overtakes ? 0 : 50 * MS);
		if (!seen->fates[i].overtakes)
			continue;
		if (last != SIZE_MAX && i - last < nearest)
			nearest = i - last;
		last = i;
	}
	assert_int_equal(nearest, 5);
	/* always, when they may: each 5th */
	s.reorder_ppm = SHAPE_PPM;
	seen = shape_run(&s, PACKETS, MS);
	for (size_t i = 0; i < seen->n; i++)
		assert_int_equal(seen->fates[i].overtakes, i % 5 == 4);
}

static bool same(const struct seen *a, const struct fate *b)
{
	for (size_t i = 0; i < PACKETS; i++)
		if (a->fates[i].lost != b[i].lost || a->fates[i].due_ns != b[i].due_ns ||
		    a->fates[i].corrupted != b[i].corrupted || a->fates[i].flip != b[i].flip ||
		    a->fates[i].overtakes != b[i].overtakes)
			return false;
	return true;
}

static size_t differences(const struct seen *a, const struct fate *b)
{
	size_t n = 0;

	for (size_t i = 0; i < PACKETS; i++)
		n += a->fates[i].lost != b[i].lost;
	return n;
}

static void seed_decides(void **state)
{
	static struct fate first[PACKETS];
	struct shape s = {.seed = 7,
	                  .delay_ns = 10 * MS,
	                  .jitter_ns = 5 * MS,
	                  .dist = SHAPE_NORMAL,
	                  .loss_ppm = 100000,
	                  .corrupt_ppm = 100000,
	                  .reorder_ppm = 100000};
	struct shape_fate f;
	size_t n = 0;

	memcpy(first, shape_run(&s, PACKETS, MS)->fates, sizeof(first));
	assert_true(same(shape_run(&s, PACKETS, MS), first));
	/* the neighbour, and the other direction: two that do not know of each other differ in
	 * 2 * 0.1 * 0.9 of all, 3600; 5 standard deviations are 272 */
	s.seed = 8;
	assert_in_range(differences(shape_run(&s, PACKETS, MS), first), 3328, 3872);
	s.seed = 7;
	shape_fate_init(&f, &s, 1);
	for (size_t i = 0; i < PACKETS; i++)
		n += next(&f, i * MS, 100).lost != first[i].lost;
	assert_in_range(n, 3328, 3872);
	/* whatever else is asked for, and whatever sizes and times they have */
	s = (struct shape){.seed = 7,
	                   .delay_ns = MS,
	                   .loss_ppm = 100000,
	                   .duplicate_ppm = 500000,
	                   .rate_bits = 1000,
	                   .queue_bytes = SHAPE_QUEUE_MAX};
	assert_int_equal(differences(shape_run(&s, PACKETS, 1), first), 0);
}

static void effects_do_not_disturb_each_other(void **state)
{
	static struct fate first[PACKETS];
	struct shape s = {.seed = 9, .corrupt_ppm = 200000, .burst = true};
	const struct seen *seen;

	s.burst_p_ppm = s.burst_r_ppm = 50000;
	memcpy(first, shape_run(&s, PACKETS, MS)->fates, sizeof(first));
	s.delay_ns = 50 * MS;
	s.jitter_ns = 20 * MS;
	s.reorder_ppm = 300000;
	s.duplicate_ppm = 300000;
	seen = shape_run(&s, PACKETS, MS);
	assert_int_equal(differences(seen, first), 0);
	for (size_t i = 0; i < PACKETS; i++)
		assert_int_equal(seen->fates[i].flip, first[i].flip);
}

/* Each is copied once; what becomes of the copy is another draw, and another count. */
static void copies_are_packets(void **state)
{
	struct shape s = {.seed = 13, .duplicate_ppm = SHAPE_PPM, .loss_ppm = 500000};
	struct shape_fate f;
	struct fate to[FATES];
	size_t lost[4] = {0};

	shape_fate_init(&f, &s, 0);
	for (size_t i = 0; i < PACKETS; i++) {
		assert_int_equal(shape_fate_next(&f, i, 100, to), 2);
		lost[(to[0].lost ? 2 : 0) + (to[1].lost ? 1 : 0)]++;
	}
	/* a quarter each, within 5 standard deviations of 61 */
	for (size_t i = 0; i < 4; i++)
		assert_in_range(lost[i], 5000 - 306, 5000 + 306);
	/* it goes behind the packet, and takes time on the link */
	s = (struct shape){.duplicate_ppm = SHAPE_PPM, .rate_bits = 8000, .queue_bytes = 1000};
	shape_fate_init(&f, &s, 0);
	assert_int_equal(shape_fate_next(&f, 0, 100, to), 2);
	assert_int_equal(to[0].due_ns, 0);
	assert_int_equal(to[1].due_ns, 100 * MS);
}

/* Streams go on: levels of a ramp are not the same packets again. Another seed begins anew. */
static void change_keeps_the_streams(void **state)
{
	static struct fate whole[PACKETS];
	struct shape s = {.seed = 21, .loss_ppm = 300000};
	struct shape_fate f;

	memcpy(whole, shape_run(&s, PACKETS, MS)->fates, sizeof(whole));
	shape_fate_init(&f, &s, 0);
	for (size_t i = 0; i < PACKETS; i++) {
		if (i == PACKETS / 2) {
			s.delay_ns = MS;
			shape_fate_change(&f, &s);
		}
		assert_int_equal(next(&f, i, 100).lost, whole[i].lost);
	}
	s.seed = 22;
	shape_fate_change(&f, &s);
	s.seed = 21;
	shape_fate_change(&f, &s);
	for (size_t i = 0; i < PACKETS; i++)
		assert_int_equal(next(&f, i, 100).lost, whole[i].lost);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(outages_come_in_turn),
	        cmocka_unit_test(large_ones_vanish),
	        cmocka_unit_test(every_nth_vanishes),
	        cmocka_unit_test(order_is_kept),
	        cmocka_unit_test(overtakers_are_not_delayed),
	        cmocka_unit_test(seed_decides),
	        cmocka_unit_test(effects_do_not_disturb_each_other),
	        cmocka_unit_test(copies_are_packets),
	        cmocka_unit_test(change_keeps_the_streams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
