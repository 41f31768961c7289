/*
 * Windows, tolerance, conditions that hold, recovery; and which rule gives the verdict.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "base/quantity.h"
#include "judge/looks.h"
#include "judge/verdict.h"

/* After the others: it has a macro called expect_check. */
#include <cmocka.h>

static struct arena arena;

/* Looks one second apart from time 0: H hit, M miss, . no answer. */
static struct looks looks_of(const char *text)
{
	struct looks l;

	assert_int_equal(looks_init(&l, &arena, strlen(text), NULL), 0);
	for (size_t i = 0; text[i]; i++) {
		looks_add(&l, i * NS_PER_S);
		if (text[i] != '.')
			assert_true(looks_answer(&l, i * NS_PER_S, text[i] == 'H'));
	}
	return l;
}

static bool crossed(const char *text, uint64_t over_s, uint64_t percent)
{
	struct looks l = looks_of(text);

	return window_crossed(window_share(&l, NS_PER_S, over_s * NS_PER_S, 0), percent * 10000);
}

static void a_window_counts_its_full_number_of_looks(void **state)
{
	assert_false(crossed("M", 5, 50));
	assert_false(crossed("MM", 5, 50));
	assert_true(crossed("MMM", 5, 50));
	assert_true(crossed("MHMHM", 5, 50));
	assert_false(crossed("MHMHMHHHHH", 5, 50));
	assert_false(crossed("HHHHHHHHHH", 5, 0));
	assert_true(crossed("M", 5, 20));
	/* What has no answer yet is no miss. */
	assert_false(crossed("MM...", 5, 50));
}

static void one_bad_look_is_never_half_a_window(void **state)
{
	assert_int_equal(window_looks(NS_PER_S, 0), WINDOW_LOOKS_MIN);
	assert_int_equal(window_looks(10 * NS_PER_S, 5 * NS_PER_S), WINDOW_LOOKS_MIN);
	assert_int_equal(window_looks(1, UINT64_MAX), WINDOW_LOOKS_MAX);
	assert_false(crossed("M", 1, 50));
	assert_true(crossed("MM", 1, 50));
}

static void a_window_does_not_reach_before_its_start(void **state)
{
	struct looks l = looks_of("MMMH");

	assert_int_equal(window_share(&l, NS_PER_S, 10 * NS_PER_S, 0).misses, 3);
	assert_int_equal(window_share(&l, NS_PER_S, 10 * NS_PER_S, 2 * NS_PER_S).misses, 1);
}

static void answers_are_taken_once_and_in_any_order(void **state)
{
	struct looks l = looks_of("...");
	uint64_t due = 0;

	assert_true(looks_answer(&l, 2 * NS_PER_S, true));
	assert_true(looks_answer(&l, 0, false));
	assert_false(looks_answer(&l, 0, true));
	assert_false(looks_answer(&l, 7, true));
	assert_true(looks_oldest_pending(&l, &due));
	assert_int_equal(due, NS_PER_S);
	assert_int_equal(looks_pending(&l, 0, 2 * NS_PER_S), 1);
	assert_int_equal(looks_pending(&l, 2 * NS_PER_S, UINT64_MAX), 0);
	looks_drop_pending(&l);
	assert_int_equal(l.pending, 0);
	assert_false(looks_answer(&l, NS_PER_S, true));
}

static void a_full_ring_forgets_the_oldest(void **state)
{
	struct looks l;

	assert_int_equal(looks_init(&l, &arena, 1, NULL), 0);
	for (uint64_t i = 0; i < 1000; i++)
		looks_add(&l, i);
	assert_int_equal(l.n, l.cap);
	assert_int_equal(l.pending, l.cap);
	assert_false(looks_answer(&l, 0, true));
	assert_true(looks_answer(&l, 999, true));
}

static void tolerance_is_a_share_that_may_be_reached(void **state)
{
	assert_false(tolerance_exceeded(0, 0, 0));
	assert_false(tolerance_exceeded(100, 0, 0));
	assert_true(tolerance_exceeded(100, 1, 0));
	assert_false(tolerance_exceeded(100, 1, 10000));
	assert_true(tolerance_exceeded(100, 2, 10000));
	assert_false(tolerance_exceeded(100, 100, PPM_ALL));
}

static void a_condition_holds_without_a_break(void **state)
{
	struct looks l = looks_of("HMMM");

	assert_true(looks_hold(&l, 0, 0));
	assert_true(looks_hold(&l, 2 * NS_PER_S, 0));
	assert_false(looks_hold(&l, 3 * NS_PER_S, 0));
	assert_false(looks_hold(&l, 2 * NS_PER_S, 2 * NS_PER_S));
	l = looks_of("MMHM");
	assert_false(looks_hold(&l, NS_PER_S, 0));
	l = looks_of("MMH");
	assert_false(looks_hold(&l, 0, 0));
	/* An answer that is still to come does not break it. */
	l = looks_of("M.M.");
	assert_true(looks_hold(&l, 2 * NS_PER_S, 0));
}

static void steady_again_from_the_first_look_after_the_last_miss(void **state)
{
	struct looks l = looks_of("HHMHMHHH");
	uint64_t since = 0;

	assert_true(looks_steady(&l, 0, 3, &since));
	assert_int_equal(since, 5 * NS_PER_S);
	assert_false(looks_steady(&l, 0, 4, &since));
	assert_true(looks_steady(&l, 6 * NS_PER_S, 2, &since));
	assert_int_equal(since, 6 * NS_PER_S);
	l = looks_of("M.HH");
	assert_false(looks_steady(&l, 0, 2, &since));
	l = looks_of("HH");
	assert_false(looks_steady(&l, 5 * NS_PER_S, 1, &since));
}

/* A run that held, to spoil in one place each. */
static struct steady_facts steady;
static struct attack_facts attack;

static struct facts good(void)
{
	steady = (struct steady_facts){
	        .id = "page", .looks = 100, .tolerate_ppm = 10000, .why = "", .recovered = true};
	attack = (struct attack_facts){.id = "cut",
	                               .fault = "net.cut",
	                               .was_in = true,
	                               .dose_known = true,
	                               .asked = "",
	                               .achieved = "",
	                               .why = "",
	                               .failure = "",
	                               .targets = 1,
	                               .asked_targets = 1};
	return (struct facts){.steady = &steady,
	                      .steady_n = 1,
	                      .attacks = &attack,
	                      .attacks_n = 1,
	                      .harmed = true,
	                      .ended_says = "",
	                      .ended_why = "",
	                      .recovery = RECOVERED,
	                      .recovery_within = 10};
}

static enum verdict judged(const struct facts *f, size_t wrong, size_t surprises)
{
	struct judgement j;
	enum verdict v;

	judge(f, &j);
	v = j.verdict;
	assert_true(j.because[0]);
	assert_int_equal(json_array_size(j.went_wrong), wrong);
	assert_int_equal(json_array_size(j.not_expected), surprises);
	json_decref(j.went_wrong);
	json_decref(j.not_expected);
	return v;
}

static void the_first_rule_that_applies_gives_the_verdict(void **state)
{
	struct facts f = good();

	assert_int_equal(judged(&f, 0, 0), VERDICT_HELD);
	steady.misses = 1;
	assert_int_equal(judged(&f, 0, 1), VERDICT_HELD);
	steady.misses = 2;
	assert_int_equal(judged(&f, 1, 0), VERDICT_REFUTED);
	/* Too many misses refute, also in a run that was cut short. */
	f.ended = ENDED_DEADLINE;
	assert_int_equal(judged(&f, 2, 0), VERDICT_REFUTED);

	f = good();
	f.ended = ENDED_DEADLINE;
	assert_int_equal(judged(&f, 1, 0), VERDICT_INCONCLUSIVE);
	f = good();
	f.ended = ENDED_CONDITION;
	assert_int_equal(judged(&f, 1, 0), VERDICT_REFUTED);
	f.abort_inconclusive = true;
	assert_int_equal(judged(&f, 1, 0), VERDICT_INCONCLUSIVE);

	f = good();
	f.recovery = NOT_RECOVERED;
	steady.recovered = false;
	assert_int_equal(judged(&f, 1, 0), VERDICT_REFUTED);
	f = good();
	f.recovery = RECOVERY_UNKNOWN;
	assert_int_equal(judged(&f, 0, 1), VERDICT_HELD);

	f = good();
	attack.no_effect = true;
	assert_int_equal(judged(&f, 0, 1), VERDICT_NO_EFFECT);
	f.steady_n = 0;
	assert_int_equal(judged(&f, 0, 1), VERDICT_NO_EFFECT);
	f = good();
	attack.dose_known = false;
	assert_int_equal(judged(&f, 0, 1), VERDICT_INCONCLUSIVE);
	f = good();
	steady.looks = 0;
	assert_int_equal(judged(&f, 0, 0), VERDICT_INCONCLUSIVE);
	/* Its targets went away, and none came. */
	f = good();
	attack.cut_short = true;
	attack.gone = 1;
	assert_int_equal(judged(&f, 0, 1), VERDICT_INCONCLUSIVE);
	steady.misses = 2;
	assert_int_equal(judged(&f, 1, 1), VERDICT_REFUTED);
	steady.misses = 0;
	attack.no_effect = true;
	assert_int_equal(judged(&f, 0, 2), VERDICT_NO_EFFECT);
	f.steady_n = 0;
	assert_int_equal(judged(&f, 0, 2), VERDICT_NO_EFFECT);
	f = good();
	attack.cut_short = true;
	attack.gone = 1;
	attack.followed = 1;
	assert_int_equal(judged(&f, 0, 2), VERDICT_HELD);

	f = good();
	f.harmed = false;
	f.ended = ENDED_SIGNAL;
	assert_int_equal(judged(&f, 1, 0), VERDICT_NONE);
	f = good();
	f.steady_n = 0;
	assert_int_equal(judged(&f, 0, 0), VERDICT_NONE);
}

static void what_was_not_expected_is_said(void **state)
{
	struct facts f = good();

	steady.control_looks = 10;
	steady.control_misses = 3;
	steady.unsent = 4;
	steady.skipped = 5;
	steady.recovery_seconds = 2;
	attack.gone = 1;
	attack.targets = 2;
	attack.asked_targets = 3;
	attack.short_ = true;
	assert_int_equal(judged(&f, 0, 6), VERDICT_HELD);
	attack.gone_expected = true;
	assert_int_equal(judged(&f, 0, 5), VERDICT_HELD);
}

static void success_replaces_the_default_and_failure_comes_first(void **state)
{
	static const char own; /* any: the stand-in looks at the document alone */
	struct facts f = good();

	/* The stand-in wants "ok", which the document has not. */
	f.success = (const struct expect *)&own;
	assert_int_equal(judged(&f, 1, 0), VERDICT_REFUTED);
	f.ended = ENDED_HALT;
	assert_int_equal(judged(&f, 1, 0), VERDICT_INCONCLUSIVE);
}

static int setup(void **state)
{
	arena_init(&arena, 1 << 20);
	return 0;
}

static int teardown(void **state)
{
	arena_release(&arena);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_window_counts_its_full_number_of_looks),
	        TEST(one_bad_look_is_never_half_a_window),
	        TEST(a_window_does_not_reach_before_its_start),
	        TEST(answers_are_taken_once_and_in_any_order),
	        TEST(a_full_ring_forgets_the_oldest),
	        TEST(tolerance_is_a_share_that_may_be_reached),
	        TEST(a_condition_holds_without_a_break),
	        TEST(steady_again_from_the_first_look_after_the_last_miss),
	        TEST(the_first_rule_that_applies_gives_the_verdict),
	        TEST(what_was_not_expected_is_said),
	        TEST(success_replaces_the_default_and_failure_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
