/* The words of a destination that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

#include "step/route.h"

#include <cmocka.h>

static struct err err;

static void objects(void **state)
{
	static const char *const good[] = {"/run/netns/blue=4026531840 to 10.0.0.0/8",
	                                   "/proc/self/ns/net=1 to fd00::1/128",
	                                   "/proc/self/ns/net=1 to 0.0.0.0/0"};
	static const char *const bad[] = {"",
	                                  " to 10.0.0.0/8",
	                                  "/run/netns/blue to 10.0.0.0/8",
	                                  "/run/netns/blue=1 to 10.0.0.1/8",
	                                  "/run/netns/blue=1 to 10.0.0.1",
	                                  "/run/netns/blue=01 to 10.0.0.0/8",
	                                  "run/netns/blue=1 to 10.0.0.0/8",
	                                  "/run/netns/blue=1 to  10.0.0.0/8"};
	struct route_object o;
	BUF(again, OBJECT_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(route_object_parse(good[i], &o, &err), 0);
		assert_int_equal(route_object_format(&o, &again, &err), 0);
		assert_string_equal(again.data, good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(route_object_parse(bad[i], &o, &err), -EINVAL);
}

static void states(void **state)
{
	static const char *const good[] = {"blackhole", "unreachable uid=0", "prohibit uid=65534"};
	static const char *const bad[] = {"",
	                                  "absent",
	                                  "blackhole ",
	                                  "black",
	                                  "prohibit uid=",
	                                  "prohibit uid=01",
	                                  "throw uid=1",
	                                  "prohibit  uid=1"};
	struct route_state s;
	BUF(again, STATE_MAX);

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(route_state_parse(good[i], &s, &err), 0);
		assert_int_equal(route_state_format(&s, &again, &err), 0);
		assert_string_equal(again.data, good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(route_state_parse(bad[i], &s, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(objects),
	        cmocka_unit_test(states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
