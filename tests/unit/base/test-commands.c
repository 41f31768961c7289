/* test-commands.c - shell words, the text of three commands, and running one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/commands.h"
#include "base/errand.h"

#define NS_PER_S 1000000000ull

/* The words, each in brackets; or the error. */
static void split(const char *text, struct buf *to)
{
	char room[256], *at_room = room;
	struct err err = ERR_INIT;
	const char *word;
	int r;

	buf_reset(to);
	while ((r = word_next(&text, &at_room, &word, NULL, &err)) > 0)
		buf_addf(to, "[%s]", word);
	if (r < 0)
		buf_addf(to, "%s", err.what);
}

static void words(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	        {"", ""},
	        {"  touch   x\t'a b'\n", "[touch][x][a b]"},
	        {"a'b c'\"d e\"f", "[ab cd ef]"},
	        {"'' \"\"", "[][]"},
	        {"\"a\\\"b\\\\c\\d\"", "[a\"b\\c\\d]"},
	        {"a\\ b \\'", "[a b]["
	                      "']"},
	        {"--x=y#z a~b 50%", "[--x=y#z][a~b][50%]"},
	        {"echo a|b", "[echo]\"|\" means nothing without a shell"},
	        {"echo \"$HOME\"", "[echo]\"$\" means nothing without a shell"},
	        {"echo '$HOME'", "[echo][$HOME]"},
	        {"ls *.c", "[ls]\"*\" means nothing without a shell"},
	        {"cd ~", "[cd]\"~\" means nothing without a shell"},
	        {"echo 'x", "[echo]a quote (') is not closed"},
	        {"echo \"x\\\"", "[echo]a quote (\") is not closed"},
	        {"echo \\", "[echo]nothing follows the last \"\\\""},
	};
	BUF(got, 256);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		split(cases[i].text, &got);
		assert_string_equal(got.data, cases[i].want);
	}
}

/* Whatever the words are, they come back. */
static void there_and_back(void **state)
{
	static const char *const odd[] = {"undo:", "",   "a b",   "it's",   "$x", "limit:",
	                                  "\n",    "\\", "\"q\"", "apply:", "-e", NULL};
	struct commands c = {.dir = "/srv/a b", .limit_ns = 1500000000}, back;
	struct err err = ERR_INIT;
	char room[512];
	BUF(text, 512);
	BUF(again, 512);

	for (size_t i = 0; odd[i]; i++) {
		c.apply[i] = odd[i];
		c.undo[i] = odd[ARRAY_SIZE(odd) - 2 - i];
	}
	c.apply[0] = "prog";
	c.env[0] = "A=b c";
	commands_format(&c, &text);
	assert_int_equal(commands_parse(text.data, room, &back, &err), 0);
	for (size_t i = 0; odd[i]; i++) {
		assert_string_equal(back.apply[i], c.apply[i]);
		assert_string_equal(back.undo[i], c.undo[i]);
	}
	assert_null(back.check[0]);
	assert_string_equal(back.env[0], "A=b c");
	assert_string_equal(back.dir, "/srv/a b");
	assert_int_equal(back.limit_ns, 1500000000);
	commands_format(&back, &again);
	assert_string_equal(again.data, text.data);
}

static void not_commands(void **state)
{
	static const char *const texts[] = {
	        "",
	        "touch x",
	        "apply: touch x",
	        "apply: a undo: b",
	        "apply: a undo: b limit: soon",
	        "apply: a undo: b limit: 1s 2s",
	        "apply: a undo: b limit: 1s dir: / /",
	        "apply: a undo: 'b limit: 1s",
	};
	struct err err = ERR_INIT;
	struct commands c;
	char room[128];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(commands_parse(texts[i], room, &c, &err), -EINVAL);
}

static void sh(const char *script, uint64_t limit_ns, struct errand_end *end)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	const char *const env[] = {"PATH=" ERRAND_PATH ":/x", "MARK=1", NULL};
	const struct errand e = {.argv = argv, .env = {env}};

	errand_run(&e, limit_ns, NULL, NULL, end);
}

static void ends(void **state)
{
	struct errand_end end;

	sh("echo; echo first; echo second; echo one >&2; echo two >&2; exit 3", NS_PER_S * 20,
	   &end);
	assert_int_equal(end.failed, 0);
	assert_int_equal(end.exit, 3);
	assert_string_equal(end.out, "first");
	assert_string_equal(end.err, "two");
	sh("kill -TERM $$", NS_PER_S * 20, &end);
	assert_int_equal(end.exit, -1);
	assert_int_equal(end.signal, SIGTERM);
	/* more than a pipe holds, and what is no text */
	sh("head -c 300000 /dev/zero; printf 'a\\377\\001\\303\\244\\n'; exit 0", NS_PER_S * 20,
	   &end);
	assert_int_equal(end.exit, 0);
	sh("printf 'a\\377\\001\\303\\244\\n'", NS_PER_S * 20, &end);
	assert_string_equal(end.out, "a??\303\244");
	sh("[ \"$MARK$FOREIGN$LANG\" = 1C.UTF-8 ] && [ \"$PWD\" = / ] && [ \"${PATH##*:}\" = /x ]",
	   NS_PER_S * 20, &end);
	assert_int_equal(end.exit, 0);
}

static void no_such_program(void **state)
{
	const char *const argv[] = {"squall-has-no-such", NULL};
	const struct errand e = {.argv = argv};
	struct errand_end end;
	struct err err = ERR_INIT;

	errand_run(&e, NS_PER_S, NULL, NULL, &end);
	assert_int_equal(end.failed, ENOENT);
	assert_int_equal(errand_find("squall-has-no-such", ERRAND_PATH, &err), -ENOENT);
	assert_int_equal(errand_find("/etc/passwd", ERRAND_PATH, &err), -EACCES);
	assert_int_equal(errand_find("sh", ERRAND_PATH, &err), 0);
}

/* With all that it started, also what ignores SIGTERM or is stopped. */
static void limit(void **state)
{
	static const char *const scripts[] = {"sleep 30 & sleep 30",
	                                      "trap '' TERM; sleep 30; sleep 30", "kill -STOP $$"};
	struct errand_end end;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		uint64_t begun = clock_boot_ns();

		sh(scripts[i], NS_PER_S / 5, &end);
		assert_true(end.late);
		assert_true(clock_boot_ns() - begun < NS_PER_S * 10);
	}
}

static bool off(void *ctx)
{
	int *left = ctx;

	return --*left <= 0;
}

static void called_off(void **state)
{
	const char *const argv[] = {"sleep", "30", NULL};
	const struct errand e = {.argv = argv};
	struct errand_end end;
	int left = 3;

	errand_run(&e, NS_PER_S * 60, off, &left, &end);
	assert_true(end.called_off);
	assert_false(end.late);
}

static void parked(void **state)
{
	const char *const argv[] = {"sh", "-c", "echo done", NULL};
	const struct errand e = {.argv = argv};
	struct errand_parked p = {0};
	struct errand_end end;
	struct err err = ERR_INIT;

	assert_int_equal(errand_park(&e, &p, &err), 0);
	assert_true(errand_is_parked(&p));
	errand_go(&p, NS_PER_S * 20, NULL, NULL, &end);
	assert_int_equal(end.exit, 0);
	assert_string_equal(end.out, "done");
	assert_false(errand_is_parked(&p));
	assert_int_equal(errand_park(&e, &p, &err), 0);
	assert_int_equal(kill(p.pid, SIGKILL), 0);
	for (int i = 0; i < 1000 && errand_is_parked(&p); i++)
		usleep(10000);
	assert_false(errand_is_parked(&p));
	errand_unpark(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(words),           cmocka_unit_test(there_and_back),
	        cmocka_unit_test(not_commands),    cmocka_unit_test(ends),
	        cmocka_unit_test(no_such_program), cmocka_unit_test(limit),
	        cmocka_unit_test(called_off),      cmocka_unit_test(parked),
	};

	signal(SIGPIPE, SIG_IGN);
	setenv("FOREIGN", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
