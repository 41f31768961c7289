/* test-expect.c - what hits, what misses, what is broken, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"

struct fixture {
	struct arena arena;
	struct problems problems;
	struct expect *e;
};

static void compile(struct fixture *f, const char *yaml, const struct field *fields)
{
	const struct node *root;
	struct where at;
	struct err err = ERR_INIT;
	arena_init(&f->arena, 1 << 20);
	problems_init(&f->problems, &f->arena);
	if (yaml_read(yaml, strlen(yaml), &f->arena, &root, &at, &err) != 0)
		fail_msg("%s: %s", yaml, err.what);
	f->e = expect_compile(root, fields, &f->arena, &f->problems);
}

static void drop(struct fixture *f)
{
	expect_release(f->e);
	arena_release(&f->arena);
}

static const struct field fields[] = {
        {"status", FIELD_NUMBER},  {"seconds", FIELD_SECONDS},
        {"bytes", FIELD_BYTES},    {"body", FIELD_TEXT},
        {"headers.*", FIELD_TEXT}, {"json", FIELD_ANY},
        {"json.*", FIELD_ANY},     {"truncated", FIELD_BOOL},
        {"share", FIELD_SHARE},    {"rate", FIELD_RATE},
        {"addresses", FIELD_LIST}, {"a.b.c", FIELD_NUMBER},
        {"x.*.n", FIELD_NUMBER},   {NULL},
};

static const char doc_text[] =
        "{\"status\": 200, \"seconds\": 0.25, \"bytes\": 2048, \"body\": \"all is fine\","
        " \"headers\": {\"content-type\": \"text/html\"},"
        " \"truncated\": false, \"share\": 0.995, \"rate\": 9870000, \"addresses\": "
        "[\"127.0.0.1\", \"::1\"],"
        " \"a\": {\"b\": {\"c\": 3}}, \"x\": {\"one\": {\"n\": 1}},"
        " \"json\": {\"count\": 5, \"name\": \"redis\", \"ok\": true, \"none\": null,"
        "  \"items\": [{\"id\": 7}, {\"id\": 8}], \"neg\": -3, \"text\": \"5\", \"d.e\": "
        "\"dotted\"}}";

static void answers(void **state)
{
	static const struct {
		const char *yaml;
		const char *why; /* NULL: hits */
	} v[] = {
	        {"{status: 200}", NULL},
	        {"{status: 500}", "status is 200, expected 500"},
	        {"{status: \"< 500\", seconds: \"< 300ms\"}", NULL},
	        {"{seconds: \"< 200ms\"}", "seconds is 250ms, expected < 200ms"},
	        {"{seconds: 250ms}", NULL},
	        {"{seconds: \">= 0.25s\"}", NULL},
	        {"{seconds: \"> 250ms\"}", "seconds is 250ms, expected > 250ms"},
	        {"{bytes: 2KiB}", NULL},
	        {"{bytes: \"> 1MiB\"}", "bytes is 2KiB, expected > 1MiB"},
	        {"{share: \"> 99%\"}", NULL},
	        {"{rate: \"> 9.8Mbit/s\"}", NULL},
	        {"{rate: {\">\": 1Mbit, \"<\": 9870kbit}}",
	         "rate is 9.87Mbit/s, expected < 9870kbit"},
	        {"{share: \"> 99.9%\"}", "share is 99.5%, expected > 99.9%"},
	        {"{body: all is fine}", NULL},
	        {"{body: \"!= all is fine\"}", "body is \"all is fine\", expected not all is fine"},
	        {"{body: {matches: \"is (fine|good)$\"}}", NULL},
	        {"{body: {matches: \"^fine\"}}", "body does not match \"^fine\""},
	        {"{body: {not: {matches: error}}}", NULL},
	        {"{body: {not: {matches: fine}}}", "unexpectedly body matches \"fine\""},
	        {"{headers.content-type: text/html}", NULL},
	        {"{headers: {content-type: text/html}}", NULL},
	        {"{json.d.e: dotted}", NULL},
	        {"{headers.x-none: a}", "headers.x-none is missing"},
	        {"{headers.x-none: {not: a}}", "headers.x-none is missing"},
	        {"{headers.x-none: \"!= a\"}", "headers.x-none is missing"},
	        {"{truncated: false}", NULL},
	        {"{truncated: true}", "truncated is false, expected true"},
	        {"{status: {in: [200, 204]}}", NULL},
	        {"{status: {in: [201, 204]}}",
	         "status is 200, expected 201; status is 200, expected 204"},
	        {"{status: {any: [\"> 500\", 200]}}", NULL},
	        {"{status: {not: 200}}", "unexpectedly status 200"},
	        {"{status: {not: {in: [500, 503]}}}", NULL},
	        {"{status: {\">=\": 200, \"<\": 300}}", NULL},
	        {"{status: {\">=\": 200, \"<\": 200}}", "status is 200, expected < 200"},
	        {"{status: {all: [\">= 200\", \"< 300\"]}}", NULL},
	        {"{any: [{status: 500}, {body: all is fine}]}", NULL},
	        {"{not: {status: 500}}", NULL},
	        {"{not: {status: 200}}", "unexpectedly status 200"},
	        {"{not: {json.gone: 1}}", "json.gone is missing"},
	        {"{status: 500, seconds: \"< 1ms\"}",
	         "status is 200, expected 500; seconds is 250ms, expected < 1ms"},
	        {"{json: {count: 5, name: redis, ok: true}}", NULL},
	        {"{json.count: \"> 4\"}", NULL},
	        {"{json.items.1.id: 8}", NULL},
	        {"{json.items.2.id: 8}", "json.items.2.id is missing"},
	        {"{json.neg: -3}", NULL},
	        {"{json.neg: \"< 0\"}", NULL},
	        {"{json.count: \"5\"}", "json.count is 5, which cannot be compared with 5"},
	        {"{json.text: 5}", "json.text is \"5\", which cannot be compared with 5"},
	        {"{json.text: \"5\"}", NULL},
	        {"{json.name: \"> 5\"}", "json.name is \"redis\", which cannot be compared with 5"},
	        {"{json.none: 5}", "json.none is null, which cannot be compared with 5"},
	        {"{json.none: {not: 5}}", "json.none is null, which cannot be compared with 5"},
	        {"{json.items: 5}", "json.items is a list, which cannot be compared with 5"},
	        {"{addresses: {has: \"::1\"}}", NULL},
	        {"{addresses: {has: 10.0.0.1}}", "addresses has no such element"},
	        {"{addresses: {has: {matches: \"^127\"}}}", NULL},
	        {"{json.name: {has: x}}", "json.name is not a list"},
	        {"{a: {b: {c: 3}}}", NULL},
	        {"{a.b.c: 4}", "a.b.c is 3, expected 4"},
	        {"{x.one.n: 1, x: {one: {n: 1}}}", NULL},
	        {"{jq: .status == 200}", NULL},
	};
	json_t *doc = json_loads(doc_text, 0, NULL);
	assert_non_null(doc);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct fixture f;
		compile(&f, v[i].yaml, fields);
		if (f.e == NULL || f.problems.n > 0)
			fail_msg("%s: %s", v[i].yaml,
			         f.problems.n ? f.problems.v[0].text : "nothing");
		BUF(why, 512);
		bool hit = expect_check(f.e, doc, 1, &why);
		if (hit != (v[i].why == NULL) || (!hit && strcmp(why.data, v[i].why) != 0))
			fail_msg("%s: %d %s", v[i].yaml, hit, why.data);
		buf_reset(&why);
		assert_false(expect_check(f.e, NULL, 1, &why));
		assert_string_equal(why.data, "the look failed");
		drop(&f);
	}
	json_decref(doc);
}

static void filters(void **state)
{
	struct fixture f;
	json_t *doc = json_object();
	compile(&f, "{jq: .a}", fields);
	assert_string_equal(expect_jq(f.e), ".a");
	BUF(why, 200);
	assert_true(expect_check(f.e, doc, 1, &why));
	assert_false(expect_check(f.e, doc, 0, &why));
	assert_string_equal(why.data, "the jq filter says false");
	buf_reset(&why);
	assert_false(expect_check(f.e, doc, -1, &why));
	assert_string_equal(why.data, "the jq filter failed");
	drop(&f);
	compile(&f, "{status: 200}", fields);
	assert_null(expect_jq(f.e));
	buf_reset(&why);
	assert_false(expect_check(f.e, doc, -1, &why));
	assert_string_equal(why.data, "status is missing");
	drop(&f);
	json_decref(doc);
}

static void described(void **state)
{
	static const char *const v[][2] = {
	        {"{status: 200, seconds: \"<300ms\"}", "status 200, seconds < 300ms"},
	        {"{status: {in: [200, 204]}}", "status 200 or status 204"},
	        {"{body: {not: {matches: x}}}", "not (body matches \"x\")"},
	        {"{addresses: {has: a}, jq: .x}", "addresses has (a), jq .x"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct fixture f;
		compile(&f, v[i][0], fields);
		BUF(says, 200);
		expect_describe(f.e, &says);
		assert_string_equal(says.data, v[i][1]);
		drop(&f);
	}
}

static void without_a_table(void **state)
{
	struct fixture f;
	json_t *doc = json_loads("{\"d\": 0.2, \"t\": \"x\", \"b\": 4096}", 0, NULL);
	compile(&f, "{d: \"< 300ms\", t: x, b: 4KiB}", NULL);
	BUF(why, 200);
	assert_int_equal(f.problems.n, 0);
	assert_true(expect_check(f.e, doc, 0, &why));
	drop(&f);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(answers),
	        cmocka_unit_test(filters),
	        cmocka_unit_test(described),
	        cmocka_unit_test(without_a_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
