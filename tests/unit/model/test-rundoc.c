/*
 * The run document: what is folded, what is bounded, and the exit code of the three answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

/* First: cmocka has a macro called expect_check. */
#include "model/rundoc.h"

#include <cmocka.h>

static json_t *look(uint64_t t_ns, bool hit)
{
	json_t *e = rundoc_entry(t_ns, "look");

	json_object_set_new(e, "probe", json_string("page"));
	json_object_set_new(e, "of", json_string("steady"));
	json_object_set_new(e, "when", json_string("during"));
	json_object_set_new(e, "hit", json_boolean(hit));
	json_object_set_new(e, "due", json_integer((json_int_t)t_ns));
	json_object_set_new(e, "seconds", json_real(0.25));
	if (!hit)
		json_object_set_new(e, "why", json_string("status is 502, expected 200"));
	return e;
}

static json_t *step(const char *object, const char *phase)
{
	json_t *e = rundoc_entry(1, "step");

	json_object_set_new(e, "step", json_string("file"));
	json_object_set_new(e, "object", json_string(object));
	json_object_set_new(e, "phase", json_string(phase));
	return e;
}

static struct rundoc *fresh(void)
{
	static const struct experiment x = {.title = "A title", .path = "a.yaml"};
	struct rundoc *r = rundoc_new("20261122-210000-3f9a", &x, 7, 1000, 1795381200000000000ull);

	assert_non_null(r);
	return r;
}

static void counts_are_exact_and_series_bounded(void **state)
{
	struct rundoc *r = fresh();
	const json_t *p;
	enum { LOOKS = 50000 };

	for (int i = 0; i < LOOKS; i++)
		rundoc_tell(r, look((uint64_t)i * 1000, i % 10 != 0));
	p = json_object_get(json_object_get(rundoc_document(r), "probes"), "page");
	assert_int_equal(json_integer_value(json_object_get(p, "looks")), LOOKS);
	assert_int_equal(json_integer_value(json_object_get(p, "misses")), LOOKS / 10);
	assert_in_range(json_array_size(json_object_get(p, "series")), RUNDOC_SERIES_MAX / 2 - 1,
	                RUNDOC_SERIES_MAX);
	assert_int_equal(json_array_size(json_object_get(p, "said")), RUNDOC_SAID_MAX);
	/* The points are evenly spread over the whole run. */
	for (size_t i = 1; i < json_array_size(json_object_get(p, "series")); i++) {
		const json_t *s = json_object_get(p, "series");
		json_int_t stride = json_integer_value(json_object_get(p, "series-of"));

		assert_int_equal(json_integer_value(json_array_get(json_array_get(s, i), 0)),
		                 (json_int_t)i * stride * 1000);
	}
	assert_int_equal(json_array_size(json_object_get(r->doc, "events")), 0);
	rundoc_free(r);
}

static void looks_never_answered_are_counted_as_misses_of_the_attack(void **state)
{
	struct rundoc *r = fresh();
	json_t *e = rundoc_entry(9, "unanswered");
	const json_t *p;

	rundoc_tell(r, look(1000, true));
	json_object_set_new(e, "probe", json_string("page"));
	json_object_set_new(e, "looks", json_integer(4));
	rundoc_tell(r, e);
	p = json_object_get(json_object_get(rundoc_document(r), "probes"), "page");
	assert_int_equal(json_integer_value(json_object_get(p, "looks")), 5);
	assert_int_equal(json_integer_value(json_object_get(p, "misses")), 4);
	assert_true(json_is_true(json_object_get(json_object_get(p, "last"), "hit")));
	rundoc_free(r);
}

static void events_are_bounded_and_the_end_is_kept(void **state)
{
	struct rundoc *r = fresh();
	json_t *v = rundoc_entry(5000000000ull, "verdict");
	const json_t *events = json_object_get(r->doc, "events");

	for (int i = 0; i < RUNDOC_EVENTS_MAX + 500; i++)
		rundoc_tell(r, rundoc_entry(1, "note"));
	json_object_set_new(v, "verdict", json_string("held"));
	json_object_set_new(v, "outcome", json_string("completed"));
	json_object_set_new(v, "exit", json_integer(0));
	rundoc_tell(r, v);
	assert_int_equal(json_array_size(events), RUNDOC_EVENTS_MAX + 1);
	assert_int_equal(json_integer_value(json_object_get(r->doc, "events-dropped")), 500);
	assert_string_equal(json_string_value(json_object_get(r->doc, "verdict")), "held");
	assert_string_equal(json_string_value(json_object_get(r->doc, "ended")),
	                    "2026-11-22T21:00:05.000Z");
	assert_null(json_object_get(r->doc, "type"));
	rundoc_free(r);
}

static void residue_is_what_was_last_said(void **state)
{
	struct rundoc *r = fresh();
	const json_t *residue = json_object_get(r->doc, "residue");

	rundoc_tell(r, step("/a", "residue"));
	rundoc_tell(r, step("/b", "residue"));
	rundoc_tell(r, step("/a", "residue"));
	assert_int_equal(json_array_size(residue), 2);
	rundoc_tell(r, step("/b", "back"));
	assert_int_equal(json_array_size(residue), 1);
	assert_string_equal(
	        json_string_value(json_object_get(json_array_get(residue, 0), "object")), "/a");
	rundoc_free(r);
}

static void heard(void *ctx, const json_t *entry)
{
	(*(int *)ctx)++;
}

static void listeners_hear_and_rubbish_is_dropped(void **state)
{
	struct rundoc *r = fresh();
	int n = 0;

	assert_int_equal(rundoc_listen(r, (struct listener){heard, &n}), 0);
	rundoc_tell(r, NULL);
	rundoc_tell(r, json_integer(3));
	rundoc_tell(r, json_object());
	assert_int_equal(n, 0);
	rundoc_tell(r, look(1, true));
	rundoc_tell(r, rundoc_entry(1, "note"));
	assert_int_equal(n, 2);
	rundoc_free(r);
}

static void a_told_head_gives_the_same_document(void **state)
{
	struct rundoc *a = fresh(), *b = rundoc_load(a->doc, NULL);

	assert_non_null(b);
	for (int i = 0; i < 5; i++) {
		json_t *e = look((uint64_t)i, i != 3), *s = step("/a", i % 2 ? "back" : "residue");

		json_incref(e);
		json_incref(s);
		rundoc_tell(a, e);
		rundoc_tell(a, s);
		rundoc_tell(b, e);
		rundoc_tell(b, s);
	}
	assert_true(json_equal(rundoc_document(a), rundoc_document(b)));
	rundoc_free(a);
	rundoc_free(b);
	assert_null(rundoc_load(json_null(), NULL));
}

static void exit_is_the_first_that_applies(void **state)
{
	static const struct {
		enum verdict v;
		enum outcome o;
		enum cleanup_state c;
		bool nothing;
		enum exit_code exit;
	} cases[] = {
	        {VERDICT_HELD, OUTCOME_COMPLETED, CLEANUP_CLEAN, false, EXIT_HELD},
	        {VERDICT_NONE, OUTCOME_COMPLETED, CLEANUP_CLEAN, false, EXIT_HELD},
	        {VERDICT_NONE, OUTCOME_COMPLETED, CLEANUP_CLEAN, true, EXIT_NOTHING},
	        {VERDICT_NO_EFFECT, OUTCOME_COMPLETED, CLEANUP_CLEAN, true, EXIT_NOTHING},
	        {VERDICT_INCONCLUSIVE, OUTCOME_EXPIRED, CLEANUP_CLEAN, false, EXIT_NOTHING},
	        {VERDICT_REFUTED, OUTCOME_EXPIRED, CLEANUP_CLEAN, false, EXIT_REFUTED},
	        {VERDICT_INCONCLUSIVE, OUTCOME_LOST, CLEANUP_CLEAN, false, EXIT_NOTHING},
	        {VERDICT_INCONCLUSIVE, OUTCOME_ABORTED, CLEANUP_CLEAN, false, EXIT_ABORTED},
	        {VERDICT_REFUTED, OUTCOME_ABORTED, CLEANUP_CLEAN, false, EXIT_REFUTED},
	        {VERDICT_REFUTED, OUTCOME_ERRORED, CLEANUP_CLEAN, false, EXIT_BROKEN},
	        {VERDICT_HELD, OUTCOME_COMPLETED, CLEANUP_UNKNOWN, false, EXIT_BROKEN},
	        {VERDICT_REFUTED, OUTCOME_ERRORED, CLEANUP_RESIDUE, false, EXIT_RESIDUE},
	        {VERDICT_NONE, OUTCOME_REFUSED, CLEANUP_CLEAN, false, EXIT_REFUSED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(rundoc_exit(cases[i].v, cases[i].o, cases[i].c, cases[i].nothing),
		                 cases[i].exit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(counts_are_exact_and_series_bounded),
	        cmocka_unit_test(looks_never_answered_are_counted_as_misses_of_the_attack),
	        cmocka_unit_test(events_are_bounded_and_the_end_is_kept),
	        cmocka_unit_test(residue_is_what_was_last_said),
	        cmocka_unit_test(listeners_hear_and_rubbish_is_dropped),
	        cmocka_unit_test(a_told_head_gives_the_same_document),
	        cmocka_unit_test(exit_is_the_first_that_applies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
