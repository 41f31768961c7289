/* The option parser, over tables made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"

#include <cmocka.h> /* last: it has a macro named as a function of model/expect.h */

struct own_args {
	struct text_list files;
	uint64_t for_ns;
	const char *format;
	bool dry_run;
	struct text_map vars;
};
struct sub_args {
	const char *url;
	uint64_t delay_ns;
	bool both;
};

static const struct param own_params[] = {
        {"file", PARAM_LIST, offsetof(struct own_args, files),
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        {"for", PARAM_DURATION, offsetof(struct own_args, for_ns), .dflt = "2s"},
        {"format", PARAM_ENUM, offsetof(struct own_args, format), .dflt = "text",
         .choices = "text|json"},
        {"dry-run", PARAM_BOOL, offsetof(struct own_args, dry_run)},
        {"var", PARAM_MAP, offsetof(struct own_args, vars)},
        {0},
};
static const struct param sub_params[] = {
        {"url", PARAM_TEXT, offsetof(struct sub_args, url), .flags = PARAM_POSITIONAL},
        {"delay", PARAM_DURATION, offsetof(struct sub_args, delay_ns)},
        {"both", PARAM_BOOL, offsetof(struct sub_args, both)},
        {0},
};
static const struct kind sub = {
        .name = "net.delay", .params = sub_params, .args_size = sizeof(struct sub_args)};
static const struct kind *const subs[] = {&sub, NULL};
static const struct cli_command plain = {
        .kind = {.name = "run", .params = own_params, .args_size = sizeof(struct own_args)}};
static const struct cli_command with_sub = {
        .kind = {.name = "attack", .params = own_params, .args_size = sizeof(struct own_args)},
        .subs = subs,
        .sub_word = "FAULT"};

struct fixture {
	struct arena arena;
	struct options o;
	struct err err;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	arena_init(&f.arena, 1 << 20);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	arena_release(&((struct fixture *)*state)->arena);
	return 0;
}

static int parse(struct fixture *f, const struct cli_command *c, const char *const *argv)
{
	size_t argc = 0;

	while (argv[argc])
		argc++;
	return options_parse(c, argc, argv, &f->arena, &f->o, &f->err);
}
#define PARSE(f, c, ...) parse(f, c, (const char *const[]){__VA_ARGS__, NULL})

static void test_forms(void **state)
{
	struct fixture *f = *state;
	const struct own_args *a;
	void *args;

	assert_int_equal(PARSE(f, &plain, "a.yaml", "--for", "30s", "--format=json", "--dry-run",
	                       "b.yaml", "--var", "k=v=w", "--var", "x=", "--", "--c.yaml"),
	                 0);
	assert_int_equal(options_bind(&plain, &f->o, &f->arena, &args, &f->err), 0);
	a = args;
	assert_int_equal(a->files.n, 3);
	assert_string_equal(a->files.v[0], "a.yaml");
	assert_string_equal(a->files.v[1], "b.yaml");
	assert_string_equal(a->files.v[2], "--c.yaml");
	assert_int_equal(a->for_ns, 30000000000);
	assert_string_equal(a->format, "json");
	assert_true(a->dry_run);
	assert_int_equal(a->vars.n, 2);
	assert_string_equal(a->vars.v[0].key, "k");
	assert_string_equal(a->vars.v[0].value, "v=w");
	assert_string_equal(a->vars.v[1].value, "");
}

static void test_defaults(void **state)
{
	struct fixture *f = *state;
	const struct own_args *a;
	void *args;

	assert_int_equal(PARSE(f, &plain, "a", "--dry-run=false"), 0);
	assert_int_equal(options_bind(&plain, &f->o, &f->arena, &args, &f->err), 0);
	a = args;
	assert_int_equal(a->for_ns, 2000000000);
	assert_string_equal(a->format, "text");
	assert_false(a->dry_run);
	assert_int_equal(a->vars.n, 0);
}

static void test_sub(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(PARSE(f, &with_sub, "net.delay", "http://x", "--delay=200ms", "--both",
	                       "--for", "1s", "--file", "z"),
	                 0);
	assert_ptr_equal(f->o.sub, &sub);
	assert_int_equal(f->o.with_n, 3);
	assert_string_equal(f->o.with[0].key, "url");
	assert_string_equal(f->o.with[0].value, "http://x");
	assert_string_equal(f->o.with[1].key, "delay");
	assert_string_equal(f->o.with[1].value, "200ms");
	assert_string_equal(f->o.with[2].value, "true");
	assert_int_equal(f->o.own_n, 2);
	assert_int_equal(PARSE(f, &with_sub, "net.delay", "--both", "false", "u", "--file", "z"),
	                 0);
	assert_string_equal(f->o.with[0].value, "false");
	assert_string_equal(f->o.with[1].value, "u");
}

static void refused(struct fixture *f, int ret, const char *what, const char *hint)
{
	assert_int_equal(ret, -22);
	assert_string_equal(f->err.what, what);
	assert_string_equal(f->err.hint, hint);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;

	refused(f, PARSE(f, &plain, "--fro", "1s"), "unknown option \"--fro\"",
	        "Did you mean \"--for\"?");
	refused(f, PARSE(f, &plain, "a", "--for"), "\"--for\" needs a value",
	        "Write \"--for=VALUE\" when it begins with dashes.");
	refused(f, PARSE(f, &plain, "a", "--for", "--dry-run"), "\"--for\" needs a value",
	        "Write \"--for=VALUE\" when it begins with dashes.");
	refused(f, PARSE(f, &plain, "a", "-x"), "unknown option \"-x\"",
	        "\"squall run --help\" lists the options.");
	refused(f, PARSE(f, &with_sub, "net.dely"), "unknown fault \"net.dely\"",
	        "Did you mean \"net.delay\"?");
	refused(f, PARSE(f, &with_sub, "--delay", "1s", "net.delay"), "unknown option \"--delay\"",
	        "Options of a fault come after its name.");
	refused(f, PARSE(f, &with_sub, "net.delay", "u", "v"), "unexpected word \"v\"",
	        "\"squall attack --help\" shows the usage.");
	refused(f, PARSE(f, &with_sub, "--for", "1s"), "\"FAULT\" is missing",
	        "\"squall attack --help\" shows the usage.");
	refused(f, PARSE(f, &plain, "--dry-run"), "\"FILE\" is missing",
	        "\"squall run --help\" shows the usage.");
	f->err = (struct err){0};
	assert_int_equal(PARSE(f, &plain, "a", "--for", "1s", "--for", "2s"), -22);
	assert_string_equal(f->err.what, "\"--for\" is given twice");
}

static void test_unbindable(void **state)
{
	struct fixture *f = *state;
	void *args;

	assert_int_equal(PARSE(f, &plain, "a", "--for", "soon"), 0);
	assert_int_equal(options_bind(&plain, &f->o, &f->arena, &args, &f->err), -22);
	assert_non_null(strstr(f->err.what, "soon"));
	assert_int_equal(PARSE(f, &plain, "a", "--format", "jsn"), 0);
	assert_int_equal(options_bind(&plain, &f->o, &f->arena, &args, &f->err), -22);
}

static void test_help(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(PARSE(f, &with_sub, "--help"), 0);
	assert_true(f->o.help);
	assert_int_equal(PARSE(f, &with_sub, "net.delay", "--nonsense", "-h"), 0);
	assert_true(f->o.help);
	assert_ptr_equal(f->o.sub, &sub);
	assert_int_equal(PARSE(f, &plain, "--", "--help"), 0);
	assert_false(f->o.help);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_sub, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_unbindable, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_help, setup, teardown),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
