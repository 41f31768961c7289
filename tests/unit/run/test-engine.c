/*
 * The experiment engine, driven by hand: which events lead to which commands.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "run/engine.h"

/* After the others: it has a macro called expect_check. */
#include <cmocka.h>

static const struct kind lasting = {.name = "net.cut"};
static const struct kind instant = {.name = "proc.kill", .instant = true};
static const struct kind http = {.name = "http"};

struct fixture {
	struct experiment x;
	struct steady steady[2];
	struct abort_condition aborts[2];
	struct method children[4];
	struct method *attacks[4], *actions[4];
	struct engine *engine;
	struct commands out;
	uint64_t now_ns;
	json_t *told; /* every entry */
	size_t finished;
	struct finish finish;
};

static void add_attack(struct fixture *f, const struct kind *kind, uint64_t for_ns)
{
	struct method *m = &f->children[f->x.method.n++];

	*m = (struct method){.type = METHOD_ATTACK,
	                     .id = "a",
	                     .for_ns = for_ns,
	                     .call = {.kind = kind, .name = kind->name}};
	f->attacks[f->x.attacks_n++] = m;
}

static void add_steady(struct fixture *f, uint64_t every_ns)
{
	f->steady[f->x.steady_n++] = (struct steady){
	        .id = "page", .look = {.kind = &http, .name = "http"}, .every_ns = every_ns};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->x.steady = f->steady;
	f->x.aborts = f->aborts;
	f->x.attacks = f->attacks;
	f->x.actions = f->actions;
	f->x.max_duration_ns = 60 * NS_PER_S;
	f->x.blast_targets.kind = PICK_ALL;
	f->x.method = (struct method){.type = METHOD_IN_ORDER, .children = f->children};
	f->now_ns = 1000 * NS_PER_S;
	f->told = json_array();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->engine)
		experiment_engine.free_(f->engine);
	json_decref(f->told);
	free(f);
	return 0;
}

/* Feeds one event (document handed over) and keeps what is told. */
static void feed_err(struct fixture *f, enum event_type type, uint32_t id, json_t *doc,
                     const struct err *err)
{
	struct event ev = {.now_ns = f->now_ns, .type = type, .id = id, .doc = doc, .err = err};

	if (!f->engine) {
		f->engine = experiment_engine.new_(&f->x, 1, NULL);
		assert_non_null(f->engine);
	}
	f->out.n = 0;
	experiment_engine.feed(f->engine, &ev, &f->out);
	for (size_t i = 0; i < f->out.n; i++) {
		const struct command *c = &f->out.v[i];

		assert_int_equal(f->finished, 0);
		if (c->type == DO_TELL)
			json_array_append_new(f->told, c->entry);
		if (c->type == DO_FINISH) {
			f->finished++;
			f->finish = c->finish;
		}
	}
	json_decref(doc);
}

static void feed(struct fixture *f, enum event_type type, uint32_t id, json_t *doc)
{
	feed_err(f, type, id, doc, NULL);
}

static const struct command *ordered(const struct fixture *f, enum command_type type)
{
	for (size_t i = 0; i < f->out.n; i++)
		if (f->out.v[i].type == type)
			return &f->out.v[i];
	return NULL;
}

static json_t *told(const struct fixture *f, const char *type)
{
	json_t *found = NULL, *entry;
	size_t i;

	json_array_foreach (f->told, i, entry)
		if (!strcmp(json_string_value(json_object_get(entry, "type")), type))
			found = entry;
	return found;
}

static const char *told_text(const struct fixture *f, const char *type, const char *key)
{
	const char *text = json_string_value(json_object_get(told(f, type), key));

	return text ? text : "";
}

static void answer(struct fixture *f, uint64_t due_ns, bool ok)
{
	feed(f, EV_LOOK, look_id(LOOK_STEADY, 0),
	     json_pack("{s: I, s: {s: b, s: f}}", "due", (json_int_t)due_ns, "doc", "ok", (int)ok,
	               "seconds", 0.01));
}

static void resolve(struct fixture *f, int targets, int matched)
{
	json_t *names = json_array();

	for (int i = 0; i < targets; i++)
		json_array_append_new(names, json_string("t"));
	feed(f, EV_RESOLVED, 0,
	     json_pack("{s: o, s: i, s: i}", "targets", names, "matched", matched, "asked",
	               targets));
}

static void out(struct fixture *f, int residue)
{
	f->now_ns += NS_PER_MS;
	feed(f, EV_PLAN_OUT, 0, json_pack("{s: i, s: []}", "residue", residue, "steps"));
}

static void meter(struct fixture *f, bool no_effect)
{
	feed(f, EV_METER, 0,
	     json_pack("{s: s, s: s, s: b}", "asked", "all", "achieved", "100%", "no-effect",
	               (int)no_effect));
}

static enum phase phase(const struct fixture *f)
{
	return experiment_engine.phase(f->engine);
}

/* Up to the attack in effect. */
static void begin(struct fixture *f)
{
	feed(f, EV_START, 0, NULL);
	assert_non_null(ordered(f, DO_RESOLVE));
	resolve(f, 1, 1);
	assert_int_equal(ordered(f, DO_ARM)->at_ns, f->now_ns + f->x.max_duration_ns);
	assert_null(ordered(f, DO_PUT));
	feed(f, EV_ARMED, 0, NULL);
	if (f->x.steady_n) {
		assert_int_equal(ordered(f, DO_LOOK)->at_ns, f->now_ns);
		assert_null(ordered(f, DO_PUT));
		answer(f, f->now_ns, true);
	}
	assert_non_null(ordered(f, DO_PUT));
	f->now_ns += NS_PER_MS;
	feed(f, EV_PLAN_IN, 0, NULL);
}

static uint32_t timer_at(const struct fixture *f, uint64_t at_ns)
{
	for (size_t i = 0; i < f->out.n; i++)
		if (f->out.v[i].type == DO_TIMER && f->out.v[i].at_ns == at_ns)
			return f->out.v[i].id;
	fail_msg("no timer at that time");
	return 0;
}

static void held_without_a_wait_of_its_own(void **state)
{
	struct fixture *f = *state;
	uint32_t end;
	uint64_t in_ns;

	add_steady(f, 10 * NS_PER_S);
	add_attack(f, &lasting, NS_PER_S);
	begin(f);
	in_ns = f->now_ns;
	assert_int_equal(ordered(f, DO_LOOK)->at_ns, in_ns);
	end = timer_at(f, in_ns + NS_PER_S);
	answer(f, in_ns, true);
	f->now_ns += NS_PER_S;
	feed(f, EV_TIMER, end, NULL);
	assert_non_null(ordered(f, DO_METER));
	meter(f, false);
	assert_non_null(ordered(f, DO_TAKE_OUT));
	assert_null(ordered(f, DO_TAKE_ALL));
	out(f, 0);
	/* The first look after is due at once, whatever its period. */
	assert_int_equal(ordered(f, DO_LOOK)->at_ns, f->now_ns);
	answer(f, f->now_ns, true);
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.verdict, VERDICT_HELD);
	assert_int_equal(f->finish.exit, EXIT_HELD);
	assert_string_equal(told_text(f, "recovery", "outcome"), "recovered");
	assert_string_equal(told_text(f, "verdict", "steady"), "held");
	assert_int_equal(json_array_size(json_object_get(told(f, "verdict"), "went-wrong")), 0);
	assert_int_equal(json_array_size(json_object_get(told(f, "verdict"), "not-expected")), 0);
}

static void not_steady_before_harms_nothing(void **state)
{
	struct fixture *f = *state;

	add_steady(f, NS_PER_S);
	add_attack(f, &lasting, NS_PER_S);
	feed(f, EV_START, 0, NULL);
	resolve(f, 1, 1);
	feed(f, EV_ARMED, 0, NULL);
	answer(f, f->now_ns, false);
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.outcome, OUTCOME_REFUSED);
	assert_int_equal(f->finish.exit, EXIT_REFUSED);
	assert_null(told(f, "attack-in"));
	assert_non_null(strstr(told_text(f, "refused", "what"), "not steady before: \"page\""));
}

static void an_abort_reverts_in_the_very_next_command(void **state)
{
	struct fixture *f = *state;

	add_steady(f, NS_PER_S);
	add_attack(f, &lasting, 30 * NS_PER_S);
	f->aborts[0] = (struct abort_condition){.type = ABORT_MISSES,
	                                        .says = "page misses half",
	                                        .misses_ppm = PPM_ALL / 2,
	                                        .over_ns = 3 * NS_PER_S};
	f->x.aborts_n = 1;
	begin(f);
	answer(f, f->now_ns, false);
	assert_null(ordered(f, DO_TAKE_ALL));
	f->now_ns += NS_PER_S;
	feed(f, EV_TIMER, 0, NULL);
	answer(f, f->now_ns, false);
	assert_int_equal(f->out.v[0].type, DO_TAKE_ALL);
	assert_int_equal(phase(f), PHASE_REVERT);
	assert_string_equal(told_text(f, "abort", "says"), "page misses half");
	out(f, 0);
	answer(f, f->now_ns, true);
	assert_int_equal(f->finished, 0);
	for (int i = 0; i < 2; i++) {
		f->now_ns += NS_PER_S;
		feed(f, EV_TIMER, 0, NULL);
		answer(f, f->now_ns, true);
	}
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.verdict, VERDICT_REFUTED);
	assert_int_equal(f->finish.outcome, OUTCOME_ABORTED);
	assert_int_equal(f->finish.exit, EXIT_REFUTED);
}

static void a_second_signal_skips_no_revert(void **state)
{
	struct fixture *f = *state;

	add_steady(f, NS_PER_S);
	add_attack(f, &lasting, 30 * NS_PER_S);
	begin(f);
	feed(f, EV_SIGNAL, SIGINT, NULL);
	assert_int_equal(f->out.v[0].type, DO_TAKE_ALL);
	feed(f, EV_SIGNAL, SIGINT, NULL);
	assert_int_equal(f->finished, 0);
	assert_int_equal(phase(f), PHASE_REVERT);
	out(f, 0);
	assert_int_equal(phase(f), PHASE_RECOVERY);
	feed(f, EV_SIGNAL, SIGINT, NULL);
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.exit, EXIT_ABORTED);
	assert_int_equal(f->finish.verdict, VERDICT_INCONCLUSIVE);
}

static void an_instant_fault_is_read_until_it_shows(void **state)
{
	struct fixture *f = *state;

	add_attack(f, &instant, 0);
	begin(f);
	assert_non_null(ordered(f, DO_METER));
	meter(f, true);
	assert_null(ordered(f, DO_TAKE_OUT));
	f->now_ns += 10 * NS_PER_MS;
	feed(f, EV_TIMER, timer_at(f, f->now_ns), NULL);
	meter(f, false);
	assert_non_null(ordered(f, DO_TAKE_OUT));
	out(f, 0);
	assert_int_equal(f->finish.verdict, VERDICT_NONE);
	assert_int_equal(f->finish.exit, EXIT_HELD);
	assert_int_equal(f->finished, 1);
}

static void no_effect_is_never_a_pass(void **state)
{
	struct fixture *f = *state;

	add_steady(f, NS_PER_S);
	add_attack(f, &lasting, NS_PER_S);
	begin(f);
	answer(f, f->now_ns, true);
	f->now_ns += NS_PER_S;
	feed(f, EV_TIMER, 5u << 24, NULL);
	meter(f, true);
	answer(f, f->now_ns, true); /* the second look, due with the end */
	out(f, 0);
	answer(f, f->now_ns, true);
	assert_int_equal(f->finish.verdict, VERDICT_NO_EFFECT);
	assert_int_equal(f->finish.exit, EXIT_NOTHING);
}

/* The target ends by itself, long before the attack's time. */
static void target_ends(struct fixture *f, bool no_effect)
{
	add_steady(f, NS_PER_S);
	add_attack(f, &lasting, 20 * NS_PER_S);
	begin(f);
	answer(f, f->now_ns, true);
	f->now_ns += NS_PER_S / 2;
	feed(f, EV_TARGET_GONE, 0, json_pack("{s: s}", "target", "t"));
	assert_non_null(ordered(f, DO_METER));
	meter(f, no_effect);
	out(f, 0);
	answer(f, f->now_ns, true);
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.outcome, OUTCOME_COMPLETED);
	assert_int_equal(f->finish.exit, EXIT_NOTHING);
}

static void no_effect_on_a_target_that_ended_is_no_pass(void **state)
{
	struct fixture *f = *state;

	target_ends(f, true);
	assert_int_equal(f->finish.verdict, VERDICT_NO_EFFECT);
}

static void a_target_that_ended_leaves_it_open(void **state)
{
	struct fixture *f = *state;

	target_ends(f, false);
	assert_int_equal(f->finish.verdict, VERDICT_INCONCLUSIVE);
	assert_string_equal(told_text(f, "verdict", "because"),
	                    "the attack \"a\" ended before its time: all its targets went away");
}

/* What an abort took out at once may not have had the time to show. */
static void an_abort_hides_no_effect(void **state)
{
	struct fixture *f = *state;

	add_attack(f, &lasting, 20 * NS_PER_S);
	begin(f);
	f->now_ns += 200 * NS_PER_MS;
	feed(f, EV_TIMER, 3u << 24, NULL);
	assert_non_null(ordered(f, DO_METER));
	meter(f, true);
	feed(f, EV_SIGNAL, SIGINT, NULL);
	out(f, 0);
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.verdict, VERDICT_NONE);
	assert_int_equal(f->finish.exit, EXIT_ABORTED);
}

static void a_put_that_is_refused_is_a_refusal(void **state)
{
	struct fixture *f = *state;
	struct err err = {.code = -EBUSY, .what = "claimed by the run \"x\""};

	add_attack(f, &lasting, NS_PER_S);
	feed(f, EV_START, 0, NULL);
	resolve(f, 1, 1);
	feed(f, EV_ARMED, 0, NULL);
	feed_err(f, EV_PLAN_IN, 0, NULL, &err);
	assert_int_equal(f->out.v[0].type, DO_TAKE_ALL);
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.outcome, OUTCOME_REFUSED);
	assert_int_equal(f->finish.exit, EXIT_REFUSED);
}

static void too_wide_a_blast_is_refused(void **state)
{
	struct fixture *f = *state;

	f->x.blast_targets = (struct pick){.kind = PICK_SHARE, .n = PPM_ALL / 4};
	add_attack(f, &lasting, NS_PER_S);
	feed(f, EV_START, 0, NULL);
	resolve(f, 2, 4);
	assert_null(ordered(f, DO_ARM));
	assert_int_equal(f->finish.exit, EXIT_REFUSED);
}

static void a_lost_keeper_waits_for_undo(void **state)
{
	struct fixture *f = *state;

	add_attack(f, &lasting, 30 * NS_PER_S);
	begin(f);
	feed(f, EV_KEEPER_LOST, 0, NULL);
	assert_int_equal(f->out.v[0].type, DO_TAKE_ALL);
	out(f, 0);
	assert_int_equal(f->finished, 0);
	feed(f, EV_UNDONE, 0, json_pack("{s: i}", "residue", 2));
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.cleanup, CLEANUP_RESIDUE);
	assert_int_equal(f->finish.exit, EXIT_RESIDUE);
}

static void the_deadline_ends_whatever_the_event(void **state)
{
	struct fixture *f = *state;

	add_attack(f, &lasting, 300 * NS_PER_S);
	begin(f);
	f->now_ns += 59600 * NS_PER_MS;
	meter(f, false);
	assert_int_equal(f->out.v[0].type, DO_TAKE_ALL);
	out(f, 0);
	assert_int_equal(f->finish.outcome, OUTCOME_EXPIRED);
	assert_int_equal(f->finish.exit, EXIT_NOTHING);
}

static void a_failed_action_spoils_the_run_and_is_said(void **state)
{
	struct fixture *f = *state;
	struct err err = {.code = -EIO, .what = "it ended with status 1"};

	add_steady(f, NS_PER_S);
	add_attack(f, &instant, 0);
	f->children[1] =
	        (struct method){.type = METHOD_ACTION, .id = "act", .call = {.name = "exec"}};
	f->actions[f->x.actions_n++] = &f->children[1];
	f->x.method.n = 2;
	begin(f);
	answer(f, f->now_ns, true);
	meter(f, false);
	out(f, 0);
	assert_non_null(ordered(f, DO_DEED));
	feed_err(f, EV_DEED, 0, NULL, &err);
	answer(f, f->now_ns, true);
	assert_int_equal(f->finished, 1);
	assert_int_equal(f->finish.verdict, VERDICT_INCONCLUSIVE);
	assert_string_equal(told_text(f, "verdict", "because"),
	                    "the action \"act\" failed: it ended with status 1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(held_without_a_wait_of_its_own),
	        TEST(not_steady_before_harms_nothing),
	        TEST(an_abort_reverts_in_the_very_next_command),
	        TEST(a_second_signal_skips_no_revert),
	        TEST(an_instant_fault_is_read_until_it_shows),
	        TEST(no_effect_is_never_a_pass),
	        TEST(no_effect_on_a_target_that_ended_is_no_pass),
	        TEST(a_target_that_ended_leaves_it_open),
	        TEST(an_abort_hides_no_effect),
	        TEST(a_put_that_is_refused_is_a_refusal),
	        TEST(too_wide_a_blast_is_refused),
	        TEST(a_lost_keeper_waits_for_undo),
	        TEST(the_deadline_ends_whatever_the_event),
	        TEST(a_failed_action_spoils_the_run_and_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
