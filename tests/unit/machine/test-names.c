/* test-names.c - host names: what can be one, and which addresses one has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "machine/names.h"

static void what_can_be_a_name(void **state)
{
	static const char *const names[] = {"db", "db.test", "a-1.b_2.c3", "1.example"};
	static const char *const others[] = {"",        "10.0.0.7", "10.0.0.300", "fd00::7",
	                                     "10.0/8",  ".test",    "-x",         "a b",
	                                     "db:5432", "^db.test", "10"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!name_is_host(names[i]))
			fail_msg("%s", names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (name_is_host(others[i]))
			fail_msg("%s", others[i]);
}

static void addresses_are_sorted_and_once(void **state)
{
	struct answer v[] = {{"name db.test", "10.0.0.9 fd00::7 10.0.0.7 10.0.0.9"},
	                     {"name bad.test", "10.0.0.900"}};
	struct answers answers = {ARRAY_SIZE(v), v};
	struct world w = {.root = -1, .fake = &answers};
	struct names names = {.n = 0};
	struct err err = ERR_INIT;
	const struct host_name *db;

	assert_null(names_find(NULL, "db.test"));
	assert_int_equal(names_add(&names, "db.test", &err), 0);
	assert_int_equal(names_add(&names, "db.test", &err), 0);
	assert_int_equal(names.n, 1);
	assert_null(names_find(&names, "db.test"));
	assert_int_equal(names_look_up(&w, &names, &err), 0);
	db = names_find(&names, "db.test");
	assert_non_null(db);
	assert_int_equal(db->n, 3);
	assert_int_equal(db->v[0].family, AF_INET);
	assert_int_equal(db->v[0].bytes[3], 7);
	assert_int_equal(db->v[1].bytes[3], 9);
	assert_int_equal(db->v[2].family, AF_INET6);

	/* one that fails leaves all as they were */
	assert_int_equal(names_add(&names, "bad.test", &err), 0);
	assert_int_equal(names_look_up(&w, &names, &err), -EHOSTUNREACH);
	assert_int_equal(names_find(&names, "db.test")->n, 3);
	assert_null(names_find(&names, "bad.test"));
	assert_true(err.hint[0] != 0);
}

static void there_is_an_end(void **state)
{
	struct names names = {.n = 0};
	struct err err = ERR_INIT;
	char text[] = "a";

	for (int i = 0; i < NAMES_MAX; i++, text[0]++)
		assert_int_equal(names_add(&names, text, &err), 0);
	assert_int_equal(names_add(&names, text, &err), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_can_be_a_name),
	        cmocka_unit_test(addresses_are_sorted_and_once),
	        cmocka_unit_test(there_is_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
