/* test-selector.c - targets from the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"

static void parsed(void **state)
{
	static const struct {
		const char *text, *says, *problem, *hint;
	} v[] = {
	        {"host", "host", NULL, NULL},
	        {"process.pid=4711", "process pid=4711, pick 1", NULL, NULL},
	        {"process.name=nginx,process.user=www-data",
	         "process name=nginx user=www-data, pick 1", NULL, NULL},
	        {"cgroup=/shop", "cgroup /shop, pick 1", NULL, NULL},
	        {"container.label=app=shop", "container label=app=shop, pick 1", NULL, NULL},
	        {"netns=blue", "netns blue, pick 1", NULL, NULL},
	        {"unit=nginx.service", "unit nginx.service, pick 1", NULL, NULL},
	        {"where.zone=b", "where zone=b, pick 1", NULL, NULL},
	        {"process.cmdline=a b", "process cmdline=a b, pick 1", NULL, NULL},
	        {"", NULL, "\"\" is not a target", NULL},
	        {"host=1", NULL, "\"host=1\": the host takes no value", "Write \"host\" alone."},
	        {"host,process.name=x", NULL, "a target cannot be the host and a process",
	         "Leave one of the two out."},
	        {"procces.name=x", NULL, "\"procces.name=x\" is not a target",
	         "Did you mean \"process\"?"},
	        {"process.nmae=x", NULL, "\"process.nmae=x\" is not a target",
	         "Did you mean \"name\"?"},
	        {"process=nginx", NULL, "\"process=nginx\" is not a target",
	         "Write for example process.name=VALUE."},
	        {"process.name", NULL, "\"process.name\" has no value", "Write KEY=VALUE."},
	        {"process.name=", NULL, "process.name: no value", NULL},
	        {"process.pid=x", NULL, "process.pid: \"x\" is not a process number", NULL},
	        {"process.pid=0", NULL, "process.pid: \"0\" is not a process number", NULL},
	        {"process.listens=70000", NULL, "process.listens: \"70000\" is not a port",
	         "Write a port, such as 6379."},
	        {"cgroup=shop", NULL, "cgroup: \"shop\" does not begin with \"/\"",
	         "Write the path below the hierarchy, such as /shop."},
	        {"cgroup.x=/shop", NULL, "\"cgroup.x=/shop\" is not a target", NULL},
	        {"a,,b", NULL, "\"a\" is not a target", NULL},
	        {"process.name=a,", NULL, "\"\" is not a target", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct arena arena;
		struct problems p;
		struct selector s = {.n = 99};
		arena_init(&arena, 1 << 20);
		problems_init(&p, &arena);
		int r = selector_parse(v[i].text, &s, &arena, &p);
		if (v[i].says != NULL && (r != 0 || p.n > 0 || strcmp(s.says, v[i].says) != 0))
			fail_msg("%s: %d %s", v[i].text, r, p.n > 0 ? p.v[0].text : s.says);
		if (v[i].problem != NULL &&
		    (r == 0 || s.n != 99 || strcmp(p.v[0].text, v[i].problem) != 0))
			fail_msg("%s: %d %s", v[i].text, r, p.n > 0 ? p.v[0].text : "");
		if (v[i].hint != NULL && (!p.v[0].hint || strcmp(p.v[0].hint, v[i].hint) != 0))
			fail_msg("%s: hint %s", v[i].text, p.v[0].hint);
		arena_release(&arena);
	}
}

static void terms(void **state)
{
	struct arena arena;
	struct problems p;
	struct selector s;
	arena_init(&arena, 1 << 20);
	problems_init(&p, &arena);
	assert_int_equal(selector_parse("process.name=a=b,cgroup=/x", &s, &arena, &p), 0);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.v[0].key, "process.name");
	assert_string_equal(s.v[0].value, "a=b");
	assert_string_equal(s.v[1].key, "cgroup");
	assert_false(s.v[1].negate);
	assert_int_equal(s.pick.kind, PICK_COUNT);
	assert_int_equal(s.pick.n, 1);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(parsed), cmocka_unit_test(terms)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
