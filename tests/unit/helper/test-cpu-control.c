/* test-cpu-control.c - how evenly, and how exactly, the loops of the burner come to their share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "helper/cpu-control.h"

/* A CPU that gives the burner what it wants, but for `late` ns of each window at most. */
static double run(uint32_t asked, size_t windows, uint64_t late, uint64_t *worst)
{
	struct cpu_control c = {0};
	struct rng rng = {.s = 42};
	uint64_t time = 0, burnt = 0;

	*worst = 0;
	for (size_t i = 0; i < windows; i++) {
		uint64_t on = cpu_control_next(&c, asked);
		/* a window ends late now and then; what is burnt overshoots a little */
		uint64_t over = rng_below(&rng, 20000), slip = late ? rng_below(&rng, late) : 0;

		assert_true(on <= CPU_WINDOW_NS);
		*worst = on > *worst ? on : *worst;
		cpu_control_note(&c, CPU_WINDOW_NS + slip, on + over, asked);
		time += CPU_WINDOW_NS + slip;
		burnt += on + over;
	}
	return (double)burnt * PPM_ALL / (double)time;
}

static void share_comes_out(void **state)
{
	static const uint32_t shares[] = {1000, 100000, 300000, 400000, 500000, 800000, 990000};
	uint64_t worst;

	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		double got = run(shares[i], 1000, 0, &worst);

		/* a tenth of a point over 10 s; the least burn has its overshoot */
		assert_true(got > shares[i] - 1000 && got < shares[i] + 1000);
	}
}

static void late_windows_do_not_matter(void **state)
{
	uint64_t worst;
	double got = run(400000, 1000, 2000000, &worst);

	assert_true(got > 399000 && got < 401000);
	/* and are made good over several, not in one */
	assert_true(worst < CPU_WINDOW_NS * 6 / 10);
}

/* Kept from the CPU for a second, it does not burn a second long afterwards. */
static void starvation_is_forgotten(void **state)
{
	struct cpu_control c = {0};
	uint64_t extra = 0;

	for (int i = 0; i < 100; i++)
		cpu_control_note(&c, CPU_WINDOW_NS, 0, 400000);
	for (int i = 0; i < 100; i++) {
		uint64_t on = cpu_control_next(&c, 400000);

		extra += on > CPU_WINDOW_NS * 4 / 10 ? on - CPU_WINDOW_NS * 4 / 10 : 0;
		cpu_control_note(&c, CPU_WINDOW_NS, on, 400000);
	}
	assert_true(extra <= 5 * CPU_WINDOW_NS);
	assert_int_equal(cpu_control_next(&c, 0), c.debt_ns > 0 ? (uint64_t)c.debt_ns / 2 : 0);
}

/* The use of a CPU with others that use `others` of it, read in steps of 10 ms; over the last of
 * some seconds. */
static double total(uint32_t asked, uint32_t others, uint32_t *own)
{
	struct cpu_total t = {.n = 0};
	struct cpu_reading r = {.ns = 0};
	double busy = 0, from = 0;

	*own = 0;
	for (int i = 0; i <= 80; i++) {
		uint32_t share;

		if (i == 40)
			from = busy;
		r.busy_ns = (uint64_t)(busy / 10000000) * 10000000;
		share = cpu_total_next(&t, &r, asked);
		*own = share;
		r.ns += 100000000;
		r.own_ns += 100ull * share;
		busy += 100.0 * (share + others < PPM_ALL ? share + others : PPM_ALL);
	}
	return (busy - from) / 41 / 100;
}

static void total_use_comes_out(void **state)
{
	uint32_t own;

	assert_true(total(500000, 0, &own) > 480000 && total(500000, 0, &own) < 520000);
	assert_true(total(500000, 200000, &own) > 480000 && total(500000, 200000, &own) < 520000);
	assert_true(own > 260000 && own < 340000);
	assert_true(total(900000, 300000, &own) > 880000 && total(900000, 300000, &own) < 920000);
	/* others alone use more */
	(void)total(300000, 600000, &own);
	assert_int_equal(own, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(share_comes_out),
	        cmocka_unit_test(late_windows_do_not_matter),
	        cmocka_unit_test(starvation_is_forgotten),
	        cmocka_unit_test(total_use_comes_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
