/* test-root-shaper.c - the shaper for real: what is asked, seen from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "shapebed.h"

static struct delays measure(struct bed *b, const char *ip, int from, uint32_t n, uint64_t every_ns)
{
	struct stream s = {.ip = ip, .from = from, .n = n, .every_ns = every_ns};
	struct delays d;

	stream_run(b, &s);
	assert_int_equal(s.came, n);
	assert_int_equal(s.twice + s.late_order + s.damaged, 0);
	d = stream_delays(&s);
	print_message("%s: %u datagrams: mean %.0f us, least %u, p50 %u, p99 %u, most %u\n", ip, n,
	              d.mean_us, d.least_us, d.p50_us, d.p99_us, d.most_us);
	stream_free(&s);
	return d;
}

/* The figures are the bench's; here a machine may be busy. */
static void a_delay_is_added(void **state)
{
	static const char *const ips[] = {"10.98.0.1", "fd98::1"};
	struct bed *b = bed_of(state);
	struct shaping s;

	for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
		struct delays without = measure(b, ips[i], B, 300, 1000000), with;

		shaping_begin(b, &s, 1, "shape in proto=udp : seed=1 delay=50000000");
		with = measure(b, ips[i], B, 300, 1000000);
		assert_true(with.least_us >= 50000);
		assert_true(with.p50_us < 55000 + without.p50_us);
		assert_int_equal(counted(&s, "packets_in"), 300);
		assert_int_equal(counted(&s, "seen_packets"), 300);
		assert_int_equal(counted(&s, "delayed"), 300);
		assert_int_equal(counted(&s, "vanished"), 0);
		assert_true(counted(&s, "added_p50_ns") > 49500000);
		shaping_end(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_delay_is_added),
	};
	return cmocka_run_group_tests_name("shaper", tests, bed_setup, bed_teardown);
}
