/* test-bind.c - every kind of parameter, from a file's values and from the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"

static void one(const char *name, const char *value, const char *want)
{
	struct arena arena;
	struct problems p;
	const struct var_override v[] = {{name, value}};
	arena_init(&arena, 1 << 20);
	problems_init(&p, &arena);
	struct fake_args *a = params_bind_texts(&fake_every, v, 1, &arena, &p);
	if (want == NULL ? p.n > 0 || a == NULL
	                 : p.n != 1 || a != NULL || strcmp(p.v[0].text, want) != 0)
		fail_msg("%s=%s: %s", name, value, p.n > 0 ? p.v[0].text : "no problem");
	params_release(&fake_every, a);
	arena_release(&arena);
}

static void values(void **state)
{
	one("duration", "10ms", NULL);
	one("duration", "1m", NULL);
	one("duration", "9ms", "duration: \"9ms\" is less than the least, 10ms");
	one("duration", "61s", "duration: \"61s\" is more than the greatest, 1m");
	one("duration", "5", "duration: \"5\" is not a duration");
	one("size", "1GiB", NULL);
	one("size", "2GiB", "size: \"2GiB\" is more than the greatest, 1GiB");
	one("share", "1%", NULL);
	one("share", "0.5%", "share: \"0.5%\" is less than the least, 1%");
	one("share", "0.5", "share: \"0.5\" is not a share");
	one("rate", "10mbit", NULL);
	one("rate", "10", "rate: \"10\" is not a rate");
	one("rate", "2Gbit/s", "rate: \"2Gbit/s\" is more than the greatest, 1Gbit");
	one("count", "10", NULL);
	one("count", "11", "count: \"11\" is more than the greatest, 10");
	one("count", "1.5", "count: \"1.5\" is not a whole number");
	one("number", "2", NULL);
	one("number", "2.1", "number: \"2.1\" is more than the greatest, 2");
	one("number", "nan", "number: \"nan\" is not a number");
	one("yes", "false", NULL);
	one("yes", "", NULL);
	one("yes", "yes", "yes: \"yes\" is neither true nor false");
	one("choice", "blue", NULL);
	one("choice", "bleu", "choice cannot be \"bleu\"");
	one("name", "anything at all", NULL);
	one("name", "", NULL);
	one("list", "a", NULL);
	one("map", "k=v", NULL);
	one("map", "k", "map: \"k\" has no \"=\"");
	one("doc", "{a: [1]}", NULL);
	one("doc", "{a: [1", "doc: not valid YAML: flow sequence without a closing bracket");
	one("nmae", "x", "every has no parameter \"nmae\"");
}

static void defaults(void **state)
{
	struct arena arena;
	struct problems p;
	arena_init(&arena, 1 << 20);
	problems_init(&p, &arena);
	const struct fake_args *a = params_bind_texts(&fake_every, NULL, 0, &arena, &p);
	assert_non_null(a);
	assert_int_equal(a->duration, NS_PER_S);
	assert_int_equal(a->size, 1024);
	assert_int_equal(a->share, 100000);
	assert_int_equal(a->rate, 10000000);
	assert_int_equal(a->count, 3);
	assert_true(a->number == 0.5 && a->yes);
	assert_string_equal(a->text, "x");
	assert_string_equal(a->choice, "red");
	assert_int_equal(a->list.n, 0);
	assert_int_equal(a->map.n, 0);
	assert_null(a->doc);
	arena_release(&arena);
}

static void many(void **state)
{
	static const struct var_override v[] = {
	        {"list", "a"},    {"map", "k=v=w"},       {"list", "b"}, {"map", "empty="},
	        {"yes", "false"}, {"doc", "{n: [1, x]}"}, {"list", "c"},
	};
	struct arena arena;
	struct problems p;
	arena_init(&arena, 1 << 20);
	problems_init(&p, &arena);
	struct fake_args *a = params_bind_texts(&fake_every, v, ARRAY_SIZE(v), &arena, &p);
	assert_non_null(a);
	assert_int_equal(a->list.n, 3);
	assert_string_equal(a->list.v[2], "c");
	assert_int_equal(a->map.n, 2);
	assert_string_equal(a->map.v[0].key, "k");
	assert_string_equal(a->map.v[0].value, "v=w");
	assert_string_equal(a->map.v[1].value, "");
	assert_false(a->yes);
	json_t *n = json_object_get(a->doc, "n");
	assert_int_equal(json_integer_value(json_array_get(n, 0)), 1);
	params_release(&fake_every, a);
	assert_null(a->doc);
	static const struct var_override twice[] = {{"count", "1"}, {"count", "2"}};
	assert_null(params_bind_texts(&fake_every, twice, 2, &arena, &p));
	assert_string_equal(p.v[0].text, "\"count\" is given twice");
	arena_release(&arena);
}

/* Out of memory at any point: NULL, and never a crash. */
static void little_memory(void **state)
{
	static const struct var_override v[] = {
	        {"list", "a"}, {"map", "k=v"}, {"choice", "green"}, {"list", "b"}, {"name", "x"}};
	for (size_t bound = 0; bound < 3000; bound += 16) {
		struct arena arena;
		struct problems p;
		arena_init(&arena, bound);
		problems_init(&p, &arena);
		const struct fake_args *a =
		        params_bind_texts(&fake_every, v, ARRAY_SIZE(v), &arena, &p);
		assert_true(a == NULL ? p.errors > 0 : a->list.n == 2 && a->map.n == 1);
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(values),
	        cmocka_unit_test(defaults),
	        cmocka_unit_test(many),
	        cmocka_unit_test(little_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
