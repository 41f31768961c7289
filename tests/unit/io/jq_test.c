/* jq and regex: yes, no, and every way of being neither. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/jq.h"
#include "io/loop.h"
#include "io/regex.h"

struct heard {
	struct loop *loop;
	unsigned calls;
	int said;
	struct err err;
};

static void heard_done(void *ctx, int said, const struct err *err)
{
	struct heard *h = ctx;
	h->calls++;
	h->said = said;
	if (err)
		h->err = *err;
	loop_stop(h->loop);
}

static struct heard ask(const char *filter, const char *doc_text, uint64_t limit_ns)
{
	struct heard h = {.loop = loop_new(NULL)};
	struct jq_filter *f = jq_filter_new(filter, NULL);
	assert_non_null(f);
	json_t *doc = json_loads(doc_text, JSON_DECODE_ANY, NULL);
	struct jq_run *run = NULL;
	assert_int_equal(jq_filter_start(h.loop, f, doc, limit_ns, heard_done, &h, &run, NULL), 0);
	json_decref(doc);
	assert_int_equal(h.calls, 0);
	loop_run(h.loop);
	assert_int_equal(h.calls, 1);
	loop_free(h.loop);
	jq_filter_free(f);
	return h;
}

static void a_filter_says_yes_or_no(void **state)
{
	assert_int_equal(ask(".a > 1", "{\"a\": 2}", 0).said, 1);
	assert_int_equal(ask(".a > 1", "{\"a\": 1}", 0).said, 0);
	assert_int_equal(ask("all(.[]; . > 0)", "[1, 2, 3]", 0).said, 1);
}

static void a_filter_is_compiled_once_and_serves_many(void **state)
{
	struct heard h = {.loop = loop_new(NULL)};
	struct jq_filter *f = jq_filter_new(". > 3", NULL);
	for (int i = 0; i < 8; i++) {
		json_t *doc = json_integer(i);
		struct jq_run *run = NULL;
		assert_int_equal(jq_filter_start(h.loop, f, doc, 0, heard_done, &h, &run, NULL), 0);
		json_decref(doc);
		loop_run(h.loop);
		assert_int_equal(h.said, i > 3);
	}
	jq_filter_free(f);
	loop_free(h.loop);
}

static void all_else_is_a_failure_with_a_reason(void **state)
{
	struct {
		const char *filter, *says;
	} cases[] = {
	        {".a", "it gave 2, not true or false"},         {"empty", "it gave nothing"},
	        {"true, false", "it gave more than one value"}, {"true, error(\"no\")", "no"},
	        {".a.b", "Cannot index number with"},           {"error(\"mine\")", "mine"},
	        {"null", "it gave null, not true or false"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct heard h = ask(cases[i].filter, "{\"a\": 2}", 0);
		assert_int_equal(h.said, -1);
		if (!strstr(h.err.what, cases[i].says))
			fail_msg("%s: %s", cases[i].filter, h.err.what);
	}
}

static void a_filter_without_end_is_ended(void **state)
{
	uint64_t start = clock_boot_ns();
	struct heard h = ask("[recurse(.)] | length > 0", "1", 200000000);
	assert_int_equal(h.said, -1);
	h = ask("def f: f; f", "1", 200000000);
	assert_int_equal(h.said, -1);
	assert_int_equal(h.err.code, -ETIMEDOUT);
	assert_true(clock_boot_ns() - start < 5000000000);
}

static void a_filter_that_eats_memory_is_ended(void **state)
{
	struct heard h = ask("[range(1e9)] | length > 0", "1", 20000000000);
	assert_int_equal(h.said, -1);
	assert_int_equal(h.err.code, -ENOMEM);
}

static void a_wrong_filter_is_said_at_once(void **state)
{
	struct err err = ERR_INIT;
	assert_null(jq_filter_new(".a |", &err));
	assert_int_equal(err.code, -EINVAL);
	assert_non_null(strstr(err.what, "\".a |\" is not a jq filter: syntax error"));
	assert_null(jq_filter_new("nosuch(1)", &err));
	assert_non_null(strstr(err.what, "nosuch/1 is not defined"));
	assert_null(jq_filter_new("import \"a\" as a; true", &err));
	char *longest = malloc(JQ_FILTER_MAX + 2);
	memset(longest, '[', JQ_FILTER_MAX + 1);
	longest[JQ_FILTER_MAX + 1] = '\0';
	assert_null(jq_filter_new(longest, &err));
	longest[JQ_FILTER_MAX] = '\0';
	assert_null(jq_filter_new(longest, &err));
	free(longest);
}

static void never_called(void *ctx, int said, const struct err *err)
{
	fail();
}

static void a_run_may_be_cancelled(void **state)
{
	struct loop *l = loop_new(NULL);
	struct jq_filter *f = jq_filter_new("def f: f; f", NULL);
	json_t *doc = json_null();
	struct jq_run *run = NULL;
	assert_int_equal(jq_filter_start(l, f, doc, 0, never_called, NULL, &run, NULL), 0);
	jq_run_cancel(run);
	loop_free(l);
	jq_filter_free(f);
}

static void patterns_match_within_limits(void **state)
{
	struct err err = ERR_INIT;
	struct regex *r = regex_new("^a+b.ü$", NULL);
	assert_int_equal(regex_matches(r, "aabxü", strlen("aabxü")), 1);
	assert_int_equal(regex_matches(r, "aabx", 4), 0);
	assert_int_equal(regex_matches(r, "ab\xff\xfe", 4), 0);
	regex_free(r);
	r = regex_new("^(a+)+$", NULL);
	const char *evil = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
	assert_int_equal(regex_matches(r, evil, strlen(evil)), -E2BIG);
	regex_free(r);
	assert_null(regex_new("a(b", &err));
	assert_int_equal(err.code, -EINVAL);
	assert_non_null(strstr(err.what, "\"a(b\" is not a pattern: missing closing parenthesis"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_filter_says_yes_or_no),
	        cmocka_unit_test(a_filter_is_compiled_once_and_serves_many),
	        cmocka_unit_test(all_else_is_a_failure_with_a_reason),
	        cmocka_unit_test(a_filter_without_end_is_ended),
	        cmocka_unit_test(a_filter_that_eats_memory_is_ended),
	        cmocka_unit_test(a_wrong_filter_is_said_at_once),
	        cmocka_unit_test(a_run_may_be_cancelled),
	        cmocka_unit_test(patterns_match_within_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
