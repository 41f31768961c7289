/* The words of what is done to all that match, and what they match. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <netinet/in.h>

#include "step/sweep.h"

#include <cmocka.h>

static struct err err;

static void words(void **state)
{
	static const char *const good[] = {
	        "turn=0 : cut reject both egress=swallow proto=tcp",
	        "turn=12 pid=4711@99 : cut reject both egress=swallow proto=tcp port=80",
	};
	static const char *const bad[] = {
	        "idle",
	        "turn=0",
	        "turn=00 : cut reject both egress=swallow",
	        "turn=1 pid= : cut reject both egress=swallow",
	        "turn=1  pid=4@5 : cut reject both egress=swallow",
	        "turn=1 : cut reject both",
	        "pid=4@5 turn=1 : cut reject both egress=swallow",
	};
	struct sweep s;
	BUF(again, STATE_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(sweep_parse(good[i], &s, &err), 0);
		assert_int_equal(sweep_format(&s, &again, &err), 0);
		assert_string_equal(again.data, good[i]);
	}
	assert_int_equal(s.proc.pid, 4711);
	assert_int_equal(s.turn, 12);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(sweep_parse(bad[i], &s, &err), -EINVAL);
}

static bool matches(const char *filters, uint8_t family, const uint8_t *remote, uint16_t local,
                    uint16_t port, uint32_t uid)
{
	struct sweep_seen seen = {family, IPPROTO_TCP, remote, {local, port}, uid};
	struct sweep s;
	BUF(text, STATE_MAX);

	buf_addf(&text, "turn=0 : cut reject both egress=swallow proto=tcp%s", filters);
	assert_int_equal(sweep_parse(text.data, &s, &err), 0);
	return sweep_matches(&s, &seen);
}

static void filters(void **state)
{
	static const uint8_t v4[] = {10, 0, 5, 7}, v6[16] = {0xfd, [15] = 7};

	assert_true(matches("", AF_INET, v4, 1, 2, 0));
	assert_true(matches(" ip=10.0.4.0/22", AF_INET, v4, 1, 2, 0));
	assert_false(matches(" ip=10.0.0.0/22", AF_INET, v4, 1, 2, 0));
	assert_false(matches(" ip=10.0.4.0/22", AF_INET6, v6, 1, 2, 0));
	assert_true(matches(" ip=10.0.0.1/32,fd00::/8", AF_INET6, v6, 1, 2, 0));
	/* at either end */
	assert_true(matches(" port=80", AF_INET, v4, 80, 40000, 0));
	assert_true(matches(" port=79-81", AF_INET, v4, 40000, 80, 0));
	assert_false(matches(" port=79", AF_INET, v4, 80, 80, 0));
	assert_true(matches(" uid=33", AF_INET, v4, 1, 2, 33));
	assert_false(matches(" uid=33", AF_INET, v4, 1, 2, 0));
	assert_false(matches(" port=80 uid=33", AF_INET, v4, 80, 2, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(words),
	        cmocka_unit_test(filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
