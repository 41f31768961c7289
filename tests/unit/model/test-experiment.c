/* test-experiment.c - what is read is what was written: defaults, order, levels, secrets, attacks
 * by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"

struct fixture {
	struct arena arena;
	struct problems p;
	struct experiment *x;
};

static void open_with(struct fixture *f, const char *text, const struct var_override *o, size_t n)
{
	arena_init(&f->arena, 4 << 20);
	problems_init(&f->p, &f->arena);
	f->x = experiment_read(text, strlen(text), "t.yaml", &fake_catalogue, o, n, &f->p);
}

static void open_good(struct fixture *f, const char *text)
{
	open_with(f, text, NULL, 0);
	if (f->x == NULL || f->p.errors > 0)
		fail_msg("%s", f->p.v[0].text);
}

static void shut(struct fixture *f)
{
	experiment_free(f->x);
	arena_release(&f->arena);
}

#define PAUSE "{fault: proc.pause, target: {process: {name: a}}, for: 1s}"

static void defaults(void **state)
{
	struct fixture f;
	open_good(&f, "squall: 1\n"
	              "hypothesis: {steady: [{http: \"http://127.0.0.1/\", expect: {status: 200}},"
	              " {exec: [true], every: 10s, expect: {exit: 0}}]}\n"
	              "method: [" PAUSE "]\n");
	const struct experiment *x = f.x;
	assert_string_equal(x->title, "t.yaml");
	assert_string_equal(x->condition, "normal");
	assert_int_equal(x->layer, LAYER_NONE);
	assert_int_equal(x->blast_targets.kind, PICK_ALL);
	assert_int_equal(x->max_duration_ns, 31 * NS_PER_S);
	assert_int_equal(x->allow, 0);
	assert_int_equal(x->baseline_ns, 0);
	assert_int_equal(x->recovery_ns, 0);
	assert_true(x->lose_at_most_ns == UINT64_MAX);
	assert_null(x->success);
	assert_null(x->failure);
	assert_int_equal(x->unbuilt_n, 0);
	assert_int_equal(x->steady_n, 2);
	assert_string_equal(x->steady[0].id, "http-1");
	assert_string_equal(x->steady[1].id, "exec-1");
	assert_int_equal(x->steady[0].every_ns, NS_PER_S);
	assert_int_equal(x->steady[0].tolerate_ppm, 0);
	assert_int_equal(x->steady[0].on_miss, ON_MISS_CARRY_ON);
	const struct fake_args *a = x->steady[0].look.args;
	assert_string_equal(a->text, "http://127.0.0.1/");
	assert_int_equal(a->duration, 5 * NS_PER_S);
	a = x->steady[1].look.args;
	assert_int_equal(a->list.n, 1);
	assert_string_equal(a->list.v[0], "true");
	/* half of the looks over 5 s, and over two looks where they are rare */
	assert_int_equal(x->aborts_n, 2);
	assert_true(x->aborts[0].implied);
	assert_int_equal(x->aborts[0].misses_ppm, 500000);
	assert_int_equal(x->aborts[0].over_ns, 5 * NS_PER_S);
	assert_int_equal(x->aborts[1].steady, 1);
	assert_int_equal(x->aborts[1].over_ns, 20 * NS_PER_S);
	assert_string_equal(x->aborts[0].says, "http-1 misses 50% over 5s");
	shut(&f);
	open_good(&f,
	          "squall: 1\nabort: []\n"
	          "hypothesis: {steady: [{http: \"http://127.0.0.1/\", expect: {status: 200}}]}\n"
	          "method: [" PAUSE "]\n");
	assert_int_equal(f.x->aborts_n, 0);
	shut(&f);
	/* Whoever tolerates half of them has said when not to stop. */
	open_good(&f,
	          "squall: 1\n"
	          "hypothesis: {steady: [{http: \"http://127.0.0.1/\", expect: {status: 200}, "
	          "tolerate: 50%}, {http: \"http://127.0.0.2/\", expect: {status: 200}, tolerate: "
	          "49%}]}\n"
	          "method: [" PAUSE "]\n");
	assert_int_equal(f.x->aborts_n, 1);
	assert_int_equal(f.x->aborts[0].steady, 1);
	shut(&f);
}

static void method_order(void **state)
{
	struct fixture f;
	open_good(&f, "squall: 1\n"
	              "method:\n"
	              "  - " PAUSE "\n"
	              "  - wait: 2s\n"
	              "  - together:\n"
	              "      - " PAUSE "\n"
	              "      - [" PAUSE ", {exec: [a]}]\n"
	              "  - {id: b, exec: [b]}\n");
	const struct method *m = &f.x->method;
	assert_int_equal(m->type, METHOD_IN_ORDER);
	assert_int_equal(m->n, 4);
	assert_int_equal(m->children[1].type, METHOD_WAIT);
	assert_int_equal(m->children[1].for_ns, 2 * NS_PER_S);
	assert_int_equal(m->children[2].type, METHOD_TOGETHER);
	assert_int_equal(m->children[2].n, 2);
	assert_int_equal(m->children[2].children[1].type, METHOD_IN_ORDER);
	assert_int_equal(f.x->attacks_n, 3);
	assert_ptr_equal(f.x->attacks[2], &m->children[2].children[1].children[0]);
	assert_string_equal(f.x->attacks[2]->id, "proc.pause-3");
	assert_int_equal(f.x->actions_n, 2);
	assert_string_equal(f.x->actions[0]->id, "exec-1");
	assert_string_equal(f.x->actions[1]->id, "b");
	shut(&f);
}

static void levels(void **state)
{
	struct fixture f;
	open_good(&f,
	          "squall: 1\n"
	          "vars: {slow: {default: 200ms, type: duration}}\n"
	          "method: [{fault: net.delay, target: host,\n"
	          "  with: {delay: {levels: [50ms, \"${slow}\"], hold: 10s}, jitter: 20ms}}]\n");
	const struct call *c = &f.x->attacks[0]->call;
	assert_int_equal(c->levels, 2);
	assert_string_equal(c->ramp, "delay");
	assert_int_equal(c->hold_ns, 10 * NS_PER_S);
	assert_int_equal(((const struct fake_args *)c->args)->duration, 50 * NS_PER_MS);
	struct arena own;
	arena_init(&own, 1 << 16);
	const struct fake_args *a = call_bind(f.x, c, 1, &own, &f.p);
	assert_int_equal(a->duration, 200 * NS_PER_MS);
	assert_int_equal(a->size, 20 * NS_PER_MS);
	arena_release(&own);
	shut(&f);
}

static void variables(void **state)
{
	static const char text[] =
	        "squall: 1\n"
	        "title: \"${a}-${b} $${a} $5 $$ ${a}\"\n"
	        "vars: {a: one, b: {env: SQUALL_TEST_B, default: two}, t: {type: duration}}\n"
	        "method: [{wait: \"${t}\"}]\n";
	static const struct var_override o[] = {{"t", "1s"}, {"a", "first"}, {"a", "last"}};
	struct fixture f;
	unsetenv("SQUALL_TEST_B");
	open_with(&f, text, o, 3);
	assert_int_equal(f.p.n, 0);
	assert_string_equal(f.x->title, "last-two ${a} $5 $$ last");
	assert_int_equal(f.x->method.children[0].for_ns, NS_PER_S);
	shut(&f);
	setenv("SQUALL_TEST_B", "env", 1);
	open_with(&f, text, o, 1);
	assert_string_equal(f.x->title, "one-env ${a} $5 $$ one");
	shut(&f);
	static const struct var_override bad[] = {{"t", "soon"}, {"c", "x"}};
	open_with(&f, text, bad, 2);
	assert_int_equal(f.p.errors, 3);
	problems_sort(&f.p);
	assert_string_equal(f.p.v[0].text, "the file has no variable \"c\"");
	assert_string_equal(f.p.v[1].text, "variable \"t\" must be a duration: \"soon\" is not");
	shut(&f);
}

static void values_may_lack(void **state)
{
	static const char text[] = "squall: 1\nvars: {t: {type: duration, env: SQUALL_TEST_T}}\n"
	                           "method: [{wait: \"${t}\"}]\n";
	struct fixture f;
	unsetenv("SQUALL_TEST_T");
	open_with(&f, text, NULL, 0);
	assert_int_equal(f.p.errors, 1);
	assert_int_equal(f.p.n, 1); /* and nothing about the wait */
	shut(&f);
	arena_init(&f.arena, 1 << 20);
	problems_init(&f.p, &f.arena);
	f.p.values_may_lack = true;
	f.x = experiment_read(text, strlen(text), "t", &fake_catalogue, NULL, 0, &f.p);
	assert_int_equal(f.p.errors, 0);
	assert_int_equal(f.p.n, 1);
	assert_int_equal(f.p.v[0].severity, PROBLEM_WARNING);
	shut(&f);
}

/* Values that make the file explode are stopped. */
static void expansion(void **state)
{
	struct fixture f;
	size_t n = 0, cap = 400000;
	char *text = malloc(cap), *value = malloc(60001);
	memset(value, 'x', 60000);
	value[60000] = '\0';
	n += (size_t)sprintf(text + n, "squall: 1\nvars: {v: {default: a}}\ntags:\n");
	for (int i = 0; i < 5000; i++)
		n += (size_t)sprintf(text + n, "  - ${v}${v}\n");
	const struct var_override o[] = {{"v", value}};
	open_with(&f, text, o, 1);
	bool said = false;
	for (size_t i = 0; i < f.p.n; i++)
		said |= strcmp(f.p.v[i].text, "variables make the file larger than 4 MiB") == 0;
	assert_true(said);
	shut(&f);
	free(text);
	free(value);
}

static void secrets(void **state)
{
	struct fixture f;
	open_good(&f, "squall: 1\n"
	              "title: \"knows ${token}\"\n"
	              "vars: {token: {default: hunter2, secret: true}, pin: {default: 12, secret: "
	              "true}}\n"
	              "hypothesis: {steady: [{http: {url: \"http://127.0.0.1/${token}\",\n"
	              "  password: hunter2-longer}, expect: {status: 200, body: hunter2}}]}\n"
	              "method: [" PAUSE "]\n");
	char *doc = json_dumps(f.x->doc, 0);
	assert_null(strstr(doc, "hunter2"));
	assert_null(strstr(doc, "12"));
	assert_non_null(strstr(doc, "${token}"));
	free(doc);
	char text[] = "a hunter2-longer b hunter2 c 12 hunter";
	experiment_mask(f.x, text);
	assert_string_equal(text, "a **** b **** c ** hunter");
	json_t *j = json_pack("{s:s, s:[s, i, i], s:b}", "hunter2", "x", "l", "hunter2!", 12, 13,
	                      "b", 1);
	json_t *masked = experiment_mask_json(f.x, j);
	char *got = json_dumps(masked, JSON_COMPACT | JSON_SORT_KEYS);
	assert_string_equal(got, "{\"****\":\"x\",\"b\":true,\"l\":[\"****!\",\"****\",13]}");
	free(got);
	json_decref(masked);
	json_decref(j);
	shut(&f);
}

static void attacks(void **state)
{
	static const struct var_override delay[] = {{"delay", "100ms"}};
	static const char *const host[] = {"host"};
	static const char *const two[] = {"process.pid=1", "netns=blue"};
	struct fixture f;
	arena_init(&f.arena, 1 << 20);
	problems_init(&f.p, &f.arena);
	f.x = experiment_from_attack("net.delay", delay, 1, host, 1, NULL, 30 * NS_PER_S,
	                             ALLOW_HOST_WIDE, &fake_catalogue, &f.p);
	assert_int_equal(f.p.n, 0);
	assert_int_equal(f.x->attacks_n, 1);
	assert_string_equal(f.x->attacks[0]->id, "net.delay-1");
	assert_int_equal(f.x->attacks[0]->for_ns, 30 * NS_PER_S);
	assert_int_equal(f.x->allow, ALLOW_HOST_WIDE);
	assert_string_equal(f.x->attacks[0]->selector.says, "host");
	assert_non_null(f.x->attacks[0]->call.args);
	assert_null(f.x->path);
	shut(&f);
	arena_init(&f.arena, 1 << 20);
	problems_init(&f.p, &f.arena);
	f.x = experiment_from_attack("net.delay", delay, 1, two, 2, "all", 3600 * NS_PER_S, 0,
	                             &fake_catalogue, &f.p);
	assert_int_equal(f.p.n, 0);
	assert_int_equal(f.x->method.type, METHOD_TOGETHER);
	assert_int_equal(f.x->attacks_n, 2);
	assert_int_equal(f.x->attacks[1]->selector.pick.kind, PICK_ALL);
	assert_true(f.x->max_duration_ns > 3600 * NS_PER_S);
	shut(&f);
	static const struct {
		const char *fault, *key, *value, *target, *pick, *problem;
	} v[] = {
	        {"net.dealy", "delay", "1ms", "host", NULL, "there is no fault \"net.dealy\""},
	        {"net.delay", "dealy", "1ms", "host", NULL, "net.delay has no parameter \"dealy\""},
	        {"net.delay", "delay", "1", "host", NULL, "delay: \"1\" is not a duration"},
	        {"net.delay", "delay", "1ms", "hots", NULL, "\"hots\" is not a target"},
	        {"net.delay", "delay", "1ms", "cgroup=/a", NULL,
	         "net.delay cannot be aimed at a cgroup"},
	        {"net.delay", "delay", "1ms", "host", "some", "\"pick\" cannot be \"some\""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		const struct var_override o[] = {{v[i].key, v[i].value}};
		arena_init(&f.arena, 1 << 20);
		problems_init(&f.p, &f.arena);
		f.x = experiment_from_attack(v[i].fault, o, 1, &v[i].target, 1, v[i].pick, NS_PER_S,
		                             0, &fake_catalogue, &f.p);
		if (f.p.errors == 0 || strcmp(f.p.v[0].text, v[i].problem) != 0)
			fail_msg("%zu: %s", i, f.p.n > 0 ? f.p.v[0].text : "no problem");
		shut(&f);
	}
}

static void too_many_problems(void **state)
{
	struct fixture f;
	char text[20000] = "squall: 1\nmethod: [{wait: 1s}]\n";
	size_t n = strlen(text);
	for (int i = 0; i < 500; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "k%d: 1\n", i);
	open_with(&f, text, NULL, 0);
	assert_int_equal(f.p.errors, 500);
	assert_int_equal(f.p.n, PROBLEMS_MAX);
	assert_int_equal(f.p.dropped, 300);
	shut(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(defaults),
	        cmocka_unit_test(method_order),
	        cmocka_unit_test(levels),
	        cmocka_unit_test(variables),
	        cmocka_unit_test(values_may_lack),
	        cmocka_unit_test(expansion),
	        cmocka_unit_test(secrets),
	        cmocka_unit_test(attacks),
	        cmocka_unit_test(too_many_problems),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
