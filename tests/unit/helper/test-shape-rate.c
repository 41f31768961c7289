/* test-shape-rate.c - when the shaper's engine lets packets go: rate, queue, changes under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "shape-run.h"

#define MS 1000000ull

static struct fate next(struct shape_fate *f, uint64_t now_ns, uint32_t bytes)
{
	struct fate to[FATES];

	assert_int_equal(shape_fate_next(f, now_ns, bytes, to), 1);
	return to[0];
}

/* All the bits that went before a packet take exactly their time, to the nanosecond. */
static void rate_is_exact(void **state)
{
	static const uint64_t rates[] = {1000,      9600,         1000000,        10000000,
	                                 100000000, 999999937ull, 40000000001ull, 100000000000ull};
	struct rng rng = {.s = 5};

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		struct shape s = {.rate_bits = rates[i], .queue_bytes = SHAPE_QUEUE_MAX};
		struct shape_fate f;
		uint64_t bits = 0, start = 12345, now = start;
		size_t n = rates[i] < 1000000 ? PACKETS : 1000000;

		shape_fate_init(&f, &s, 0);
		for (size_t k = 0; k < n; k++) {
			uint32_t bytes = 20 + (uint32_t)rng_below(&rng, 1480);
			struct fate to = next(&f, now, bytes);
			/* bits of a second are below 2^34: no product is too large */
			uint64_t due = start + bits / rates[i] * NS_PER_S +
			               bits % rates[i] * NS_PER_S / rates[i];

			assert_int_equal(to.lost, FATE_KEPT);
			assert_int_equal(to.due_ns, due);
			bits += 8ull * bytes;
			/* the link has always something to do: 4 kB wait at least */
			if (to.due_ns - start > 32000 * NS_PER_S / rates[i])
				now = to.due_ns - 32000 * NS_PER_S / rates[i];
		}
	}
}

static void idle_time_is_not_saved_up(void **state)
{
	struct shape s = {.rate_bits = 1000000, .queue_bytes = 100000};
	struct shape_fate f;

	shape_fate_init(&f, &s, 0);
	/* 1250 bytes are 10 ms */
	assert_int_equal(next(&f, 0, 1250).due_ns, 0);
	assert_int_equal(next(&f, 0, 1250).due_ns, 10 * MS);
	assert_int_equal(next(&f, 1000 * MS, 1250).due_ns, 1000 * MS);
	assert_int_equal(next(&f, 1000 * MS, 1250).due_ns, 1010 * MS);
	assert_int_equal(next(&f, 1001 * MS, 1250).due_ns, 1020 * MS);
	/* the delay is behind the link, whose time a lost packet does not take */
	s = (struct shape){
	        .rate_bits = 1000000, .queue_bytes = 100000, .delay_ns = 5 * MS, .every = 2};
	shape_fate_init(&f, &s, 0);
	assert_int_equal(next(&f, 0, 1250).due_ns, 5 * MS);
	assert_int_equal(next(&f, 0, 1250).lost, FATE_EVERY);
	assert_int_equal(next(&f, 0, 1250).due_ns, 15 * MS);
}

/* Against a link that has a real queue: packets, and when each begins to be sent. */
static void queue_is_bounded(void **state)
{
	struct shape s = {.rate_bits = 8000000, .queue_bytes = 5000}; /* a byte a microsecond */
	struct rng rng = {.s = 11};
	struct shape_fate f;
	uint64_t now = 0, ends = 0; /* when all that was taken is sent */
	size_t full = 0, taken = 0;

	shape_fate_init(&f, &s, 0);
	for (size_t i = 0; i < PACKETS; i++) {
		uint32_t bytes = 40 + (uint32_t)rng_below(&rng, 1460);
		struct fate to;
		uint64_t waits = ends > now ? (ends - now) : 0;
		bool fits = !waits || waits + bytes * 1000ull <= 5000000;

		to = next(&f, now, bytes);
		assert_int_equal(to.lost, fits ? FATE_KEPT : FATE_QUEUE);
		if (fits) {
			ends = (ends > now ? ends : now) + bytes * 1000ull;
			assert_int_equal(to.due_ns, ends - bytes * 1000ull);
			taken++;
		}
		full += !fits;
		now += rng_below(&rng, 1400000);
	}
	assert_true(full > PACKETS / 20 && taken > PACKETS / 2);
	/* a packet larger than the queue gets through a link that is free */
	s.queue_bytes = 100;
	shape_fate_init(&f, &s, 0);
	assert_int_equal(next(&f, 0, 1500).lost, FATE_KEPT);
	assert_int_equal(next(&f, 0, 1500).lost, FATE_QUEUE);
	assert_int_equal(next(&f, 1500000, 1500).lost, FATE_KEPT);
}

static void change_is_for_what_comes(void **state)
{
	struct shape s = {.seed = 1, .delay_ns = 50 * MS};
	struct shape_fate f;
	uint64_t first;

	shape_fate_init(&f, &s, 0);
	assert_int_equal(next(&f, 0, 100).due_ns, 50 * MS);
	s.delay_ns = 10 * MS;
	shape_fate_change(&f, &s);
	/* none before those that are held */
	assert_int_equal(next(&f, MS, 100).due_ns, 50 * MS);
	assert_int_equal(next(&f, 45 * MS, 100).due_ns, 55 * MS);
	/* a slow link's backlog is waited for, but does not fill the queue of the fast one */
	s = (struct shape){.seed = 1, .rate_bits = 8000, .queue_bytes = 1000};
	shape_fate_init(&f, &s, 0);
	assert_int_equal(next(&f, 0, 1000).due_ns, 0);
	s.rate_bits = 8000000;
	shape_fate_change(&f, &s);
	first = next(&f, MS, 500).due_ns;
	assert_int_equal(first, 1000 * MS);
	assert_int_equal(next(&f, MS, 500).due_ns, first + MS / 2);
	assert_int_equal(next(&f, MS, 500).lost, FATE_QUEUE);
	/* the rate goes away, the order stays */
	s = (struct shape){.seed = 1, .loss_ppm = 1};
	shape_fate_change(&f, &s);
	assert_int_equal(next(&f, 2 * MS, 100).due_ns, first + MS / 2);
	assert_int_equal(next(&f, 2000 * MS, 100).due_ns, 2000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(rate_is_exact),
	        cmocka_unit_test(idle_time_is_not_saved_up),
	        cmocka_unit_test(queue_is_bounded),
	        cmocka_unit_test(change_is_for_what_comes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
