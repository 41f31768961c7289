/* Progress: what each style writes of the same entries, and that the live region is taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tell/progress.h"

/* Last: its macros take names of ours. */
#include <cmocka.h>

static void tell(struct progress *p, json_t *entry)
{
	assert_non_null(entry);
	progress_told(p, entry);
	json_decref(entry);
}

static void look(struct progress *p, int t_ms, bool hit)
{
	tell(p,
	     json_pack("{s:I, s:s, s:s, s:s, s:s, s:b, s:f, s:s*}", "t", (json_int_t)t_ms * 1000000,
	               "type", "look", "probe", "front-page", "of", "steady", "when", "during",
	               "hit", (int)hit, "seconds", t_ms == 6 ? 0.006 : 0.012, "why",
	               hit ? NULL : "status is 502, expected 200"));
}

static char *progress(enum progress_style style, bool colour)
{
	char *out = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&out, &n);
	struct progress *p = progress_new(to, style, colour, NULL);
	assert_non_null(p);
	tell(p,
	     json_pack("{s:i, s:s, s:s, s:[s], s:i, s:i}", "t", 0, "type", "targets", "attack",
	               "slow-cache", "targets", "process 4711 (redis)", "matched", 1, "asked", 1));
	tell(p, json_pack("{s:I, s:s, s:s, s:I}", "t", (json_int_t)1000000, "type", "phase",
	                  "phase", "attack", "until", (json_int_t)90000000000));
	tell(p, json_pack("{s:I, s:s, s:s, s:s, s:i, s:f}", "t", (json_int_t)2000000, "type",
	                  "attack-in", "attack", "slow-cache", "fault", "net.delay", "level", 0,
	                  "seconds", 30.0));
	look(p, 3, true);
	look(p, 4, false);
	look(p, 5, false);
	look(p, 6, true); /* flickers: no line of its own */
	look(p, 1500, true);
	progress_free(p);
	fclose(to);
	return out;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void plain(void **state)
{
	char *out = progress(PROGRESS_PLAIN, false);
	assert_null(strchr(out, '\033'));
	assert_int_equal(count(out, "\n"), 5);
	assert_non_null(strstr(out, " attack   slow-cache (net.delay) in effect on process 4711 "
	                            "(redis) for 30s\n"));
	assert_int_equal(count(out, "front-page misses: status is 502, expected 200\n"), 1);
	assert_int_equal(count(out, "front-page is as expected again\n"), 1);
	free(out);
}

static void json_lines(void **state)
{
	char *out = progress(PROGRESS_JSON, false);
	assert_int_equal(count(out, "\n"), 8);
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
		json_t *e = json_loads(line, 0, NULL);
		assert_true(json_is_object(e));
		json_decref(e);
	}
	free(out);
}

/* Looks that took 12, 12, 12, 6 and 12 ms; the second and the third missed. */
#define SPARK_OF_FIVE "  front-page     #xx-#  "

/* Plays what was written on a small terminal: cursor up and clear to the end are all it knows. */
static void live(void **state)
{
	setenv("LC_ALL", "C", 1);
	char *out = progress(PROGRESS_LIVE, false);
	char rows[64][512] = {{0}};
	size_t row = 0, col = 0;
	for (const char *p = out; *p; p++) {
		if (*p == '\n') {
			row++;
			col = 0;
		} else if (*p == '\r') {
			col = 0;
		} else if (*p == '\033' && p[2] == 'J') {
			for (size_t i = row; i < 64; i++)
				memset(rows[i], 0, sizeof(rows[i]));
			p += 2;
		} else if (*p == '\033') {
			char *end;
			row -= strtoul(p + 2, &end, 10);
			assert_int_equal(*end, 'A');
			p = end;
		} else {
			rows[row][col++] = *p;
		}
		assert_true(row < 64 && col < 512);
	}
	size_t phases = 0, attacks = 0, probes = 0;
	for (size_t i = 0; i < 64; i++) {
		phases += !strncmp(rows[i], "attack  ", 8);
		/* the time that is left: 90 s less what the test took, to the second */
		if (!strncmp(rows[i], "attack  ", 8))
			assert_true(strstr(rows[i], " 1:29 left at most") ||
			            strstr(rows[i], " 1:28 left at most"));
		attacks += strstr(rows[i], "slow-cache     net.delay    in for ") &&
		           strstr(rows[i], "process 4711 (redis)");
		/* a bar for each look, the misses crossed out, and the last value */
		probes += strstr(rows[i], SPARK_OF_FIVE) && strstr(rows[i], " 12ms  2 of 5 missed");
	}
	assert_int_equal(phases, 1);
	assert_int_equal(attacks, 1);
	assert_int_equal(probes, 1);
	free(out);
}

static void live_in_utf8(void **state)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	char *out = progress(PROGRESS_LIVE, false);
	assert_non_null(strstr(out, "  front-page     █××▄█  "));
	free(out);
}

static void colour_is_reset(void **state)
{
	char *out = progress(PROGRESS_LIVE, true);
	assert_non_null(strstr(out, "\033[31m"));
	const char *last = strrchr(out, 'm');
	assert_non_null(last);
	assert_memory_equal(last - 3, "\033[0m", 4);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(plain),
	        cmocka_unit_test(json_lines),
	        cmocka_unit_test(live),
	        cmocka_unit_test(live_in_utf8),
	        cmocka_unit_test(colour_is_reset),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
