/* Reports of a stored run, byte for byte; and what a hostile name may not do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tell/report.h"
#include "tell/say.h"

/* Last: its macros take names of ours. */
#include <cmocka.h>

static char *slurp(const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", getenv("TELL_DATA"), name);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	char *text = calloc(1, 1 << 16);
	assert_true(fread(text, 1, (1 << 16) - 1, f) > 0);
	fclose(f);
	return text;
}

static char *report(const char *stored, enum report_format format)
{
	char *text = slurp(stored), *out = NULL;
	size_t n = 0;
	struct err err = ERR_INIT;
	json_t *doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	FILE *to = open_memstream(&out, &n);
	const struct report_options o = {.folder = "/var/lib/squall/runs/20261122-210000-3f9a"};
	assert_int_equal(report_write(doc, format, &o, to, &err), 0);
	fclose(to);
	json_decref(doc);
	free(text);
	return out;
}

/* TELL_UPDATE=1 rewrites the golden file, to be read before it is committed. */
static void check(const char *golden, enum report_format format)
{
	char *got = report("run.json", format);
	if (getenv("TELL_UPDATE")) {
		char path[512];
		snprintf(path, sizeof(path), "%s/%s", getenv("TELL_DATA"), golden);
		FILE *f = fopen(path, "we");
		assert_non_null(f);
		fputs(got, f);
		fclose(f);
	}
	char *want = slurp(golden);
	assert_string_equal(got, want);
	free(got);
	free(want);
}

static void text(void **state)
{
	check("run.txt", REPORT_TEXT);
}

static void markdown(void **state)
{
	check("run.md", REPORT_MARKDOWN);
}

static void json_is_the_document(void **state)
{
	char *got = report("run.json", REPORT_JSON), *stored = slurp("run.json");
	json_t *a = json_loads(got, 0, NULL), *b = json_loads(stored, 0, NULL);
	assert_non_null(a);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	free(got);
	free(stored);
}

/* What is not there is left out; a cut run is told as far as it came. */
static void nothing_there(void **state)
{
	char *out = NULL;
	size_t n = 0;
	struct err err = ERR_INIT;
	json_t *doc = json_pack("{s:i, s:s}", "version", 1, "id", "20261122-210000-3f9a");
	FILE *to = open_memstream(&out, &n);
	const struct report_options o = {0};
	assert_int_equal(report_write(doc, REPORT_TEXT, &o, to, &err), 0);
	assert_int_equal(report_write(doc, REPORT_MARKDOWN, &o, to, &err), 0);
	fclose(to);
	assert_non_null(strstr(out, "not known yet"));
	assert_non_null(strstr(out, "did not come far enough"));
	json_decref(doc);
	free(out);
}

static void no_control_passes(void **state)
{
	BUF(to, 64);
	say_text(&to, "a\033[2Jb\nc\xc2\x9b"
	              "d\xff"
	              "e\xf0\x9f\x98\x80");
	assert_string_equal(to.data, "a?[2Jb c?d?e\xf0\x9f\x98\x80");
}

static void formats(void **state)
{
	enum report_format f;
	struct err err = ERR_INIT;
	assert_int_equal(report_format_of_file("/tmp/a.b/run.md", &f, &err), 0);
	assert_int_equal(f, REPORT_MARKDOWN);
	assert_int_equal(report_format_of_file("run.txt", &f, &err), 0);
	assert_int_equal(f, REPORT_TEXT);
	assert_int_equal(report_format_of_file("run.html", &f, &err), -ENOSYS);
	assert_int_equal(report_format_of_file("a.b/run", &f, &err), -EINVAL);
	assert_int_equal(report_format_parse("yaml", &f, &err), -EINVAL);
	assert_non_null(strstr(err.what, "\"yaml\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(text),          cmocka_unit_test(markdown),
	        cmocka_unit_test(nothing_there), cmocka_unit_test(no_control_passes),
	        cmocka_unit_test(formats),       cmocka_unit_test(json_is_the_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
