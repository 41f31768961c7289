/* test-shape-queue.c - held packets come out in order, against a plain list; and the meter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "helper/shape-meter.h"
#include "helper/shape-queue.h"

enum { LIST_MAX = 300 };

/* The model: unsorted; the next is found by looking at all. id says in which order they came. */
struct list {
	struct shape_item v[LIST_MAX];
	size_t n;
};

static size_t list_next(const struct list *l)
{
	size_t least = 0;

	for (size_t i = 1; i < l->n; i++)
		if (l->v[i].due_ns < l->v[least].due_ns ||
		    (l->v[i].due_ns == l->v[least].due_ns && l->v[i].id < l->v[least].id))
			least = i;
	return least;
}

static void put(struct shape_queue *q, struct list *l, size_t max, const struct shape_item *item)
{
	bool fits = shape_queue_put(q, item);

	assert_int_equal(fits, l->n < max);
	if (fits)
		l->v[l->n++] = *item;
}

static void take(struct shape_queue *q, struct list *l, uint64_t now_ns)
{
	struct shape_item got;
	uint64_t due_ns = 0;
	size_t at = list_next(l);
	bool any = shape_queue_next(q, &due_ns), taken = shape_queue_take(q, now_ns, &got);

	assert_int_equal(any, l->n > 0);
	assert_true(!any || due_ns == l->v[at].due_ns);
	assert_int_equal(taken, l->n && l->v[at].due_ns <= now_ns);
	if (!taken)
		return;
	assert_int_equal(got.id, l->v[at].id);
	assert_int_equal(got.due_ns, l->v[at].due_ns);
	assert_int_equal(got.came_ns, l->v[at].came_ns);
	assert_ptr_equal(got.data, l->v[at].data);
	l->v[at] = l->v[--l->n];
}

/* spread 0: each due after the one before; small: many equal dues; large: any order. */
static void against_the_list(size_t max, uint64_t spread, uint64_t seed)
{
	struct shape_queue *q = NULL;
	struct list l = {.n = 0};
	struct rng rng = {.s = seed};
	uint64_t now = 0;

	assert_int_equal(shape_queue_new(max, &q, NULL), 0);
	for (uint32_t id = 0; id < 20000; id++) {
		/* fuller and emptier by turns */
		bool grows = rng_below(&rng, 100) < (id / 2000 % 2 ? 35u : 65u);

		now += rng_below(&rng, 3);
		if (grows) {
			struct shape_item item = {.due_ns = now + 10, .came_ns = now, .id = id};

			item.due_ns += spread ? rng_below(&rng, spread) : 0;
			item.data = &l.v[id % LIST_MAX];
			put(q, &l, max, &item);
		} else {
			take(q, &l, rng_below(&rng, 50) ? now : UINT64_MAX);
		}
		assert_int_equal(shape_queue_held(q), l.n);
	}
	while (l.n)
		take(q, &l, UINT64_MAX);
	take(q, &l, UINT64_MAX);
	shape_queue_free(q);
}

static void order_is_the_lists(void **state)
{
	static const size_t maxes[] = {1, 2, 3, 7, 64, LIST_MAX};
	static const uint64_t spreads[] = {0, 3, 50, 100000};

	for (size_t i = 0; i < ARRAY_SIZE(maxes); i++)
		for (size_t k = 0; k < ARRAY_SIZE(spreads); k++)
			against_the_list(maxes[i], spreads[k], 100 * i + k);
}

static void many_are_sorted(bool in_order)
{
	enum { HELD = 300000, TAKEN = 100 };
	struct shape_queue *q = NULL;
	struct rng rng = {.s = 3};
	struct shape_item item = {.due_ns = 0};
	uint64_t last = 0;
	uint32_t last_id = 0;

	assert_int_equal(shape_queue_new(HELD, &q, NULL), 0);
	for (uint32_t i = 0; i < HELD; i++) {
		item = (struct shape_item){.due_ns = rng_below(&rng, HELD / 4), .id = i};
		item.due_ns = in_order ? i : item.due_ns;
		assert_true(shape_queue_put(q, &item));
		/* where it begins is not always the start of its room */
		if (i < TAKEN)
			assert_true(shape_queue_take(q, UINT64_MAX, &item));
	}
	for (uint32_t i = 0; i < TAKEN; i++) {
		item = (struct shape_item){.due_ns = HELD + i, .id = HELD + i};
		assert_true(shape_queue_put(q, &item));
	}
	assert_false(shape_queue_put(q, &item));
	for (size_t i = 0; i < HELD; i++) {
		assert_true(shape_queue_take(q, UINT64_MAX, &item));
		assert_true(item.due_ns > last || !i || (item.due_ns == last && item.id > last_id));
		last = item.due_ns;
		last_id = item.id;
	}
	assert_false(shape_queue_take(q, UINT64_MAX, &item));
	shape_queue_free(q);
}

static void any_order_is_sorted(void **state)
{
	many_are_sorted(false);
}

static void order_is_left_as_it_is(void **state)
{
	many_are_sorted(true);
}

static void room_is_bounded(void **state)
{
	struct shape_queue *q = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(shape_queue_new(0, &q, &err), -ENOMEM);
	assert_int_equal(shape_queue_new((1u << 24) + 1, &q, &err), -ENOMEM);
	assert_null(q);
	shape_queue_free(q);
}

static int u64_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* From a microsecond to ten minutes, each order of magnitude as often. */
static void quantiles_are_within_a_hundredth(void **state)
{
	enum { N = 100000 };
	static const uint32_t ppm[] = {1, 10000, 250000, 500000, 900000, 990000, 999000, PPM_ALL};
	static struct shape_meter m;
	static uint64_t v[N];
	struct rng rng = {.s = 17};

	assert_int_equal(shape_meter_at(&m, 500000), 0);
	for (size_t i = 0; i < N; i++) {
		uint64_t top = 1000ull << rng_below(&rng, 30);

		v[i] = top + rng_below(&rng, top);
		v[i] = v[i] < 600000000000ull ? v[i] : 600000000000ull;
		shape_meter_note(&m, v[i]);
	}
	qsort(v, N, sizeof(*v), u64_order);
	assert_int_equal(m.n, N);
	assert_int_equal(m.most_ns, v[N - 1]);
	for (size_t i = 0; i < ARRAY_SIZE(ppm); i++) {
		size_t rank = ((size_t)N * ppm[i] + PPM_ALL - 1) / PPM_ALL;
		uint64_t is = v[(rank ? rank : 1) - 1], got = shape_meter_at(&m, ppm[i]);

		assert_in_range(got, is - is / 100, is + is / 100);
	}
}

/* Any one value, and beyond both ends. */
static void one_value_is_read_back(void **state)
{
	struct rng rng = {.s = 19};

	for (unsigned bits = 0; bits < 64; bits++)
		for (int i = 0; i < 20; i++) {
			static struct shape_meter m;
			uint64_t v = (1ull << bits) + rng_below(&rng, 1ull << bits), got;

			m = (struct shape_meter){.n = 0};
			v = i ? v : 1ull << bits;
			shape_meter_note(&m, v);
			/* smaller ones below it do not make it more than the greatest */
			got = shape_meter_at(&m, 500000);
			assert_true(bits < 6 || bits >= 40 ? got == v
			                                   : got <= v && got >= v - v / 100);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(order_is_the_lists),
	        cmocka_unit_test(any_order_is_sorted),
	        cmocka_unit_test(order_is_left_as_it_is),
	        cmocka_unit_test(room_is_bounded),
	        cmocka_unit_test(quantiles_are_within_a_hundredth),
	        cmocka_unit_test(one_value_is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
