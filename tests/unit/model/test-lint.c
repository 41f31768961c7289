/* test-lint.c - each file of a folder gives its transcript, byte for byte. With SQUALL_TEST_UPDATE
 * set, writes the transcripts instead. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake.h"

enum { FILE_MAX = 1 << 20 };

static const char *folder;

static size_t slurp(const char *name, char *to)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "r");
	size_t n = f != NULL ? fread(to, 1, FILE_MAX - 1, f) : 0;
	to[n] = '\0';
	if (f != NULL)
		fclose(f);
	return n;
}

static void problems_print(FILE *to, const struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct problem *v = &p->v[i];
		fprintf(to, "%u:%u: %s: %s [%s]\n", v->at.line, v->at.col,
		        v->severity == PROBLEM_ERROR ? "error" : "warning", v->text, v->code);
		if (v->hint != NULL)
			fprintf(to, "\t%s\n", v->hint);
	}
}

static void experiment_print(FILE *to, const struct experiment *x)
{
	for (size_t i = 0; i < x->steady_n; i++) {
		BUF(says, 512);
		if (x->steady[i].expect != NULL)
			expect_describe(x->steady[i].expect, &says);
		fprintf(to, "steady %s: %s\n", x->steady[i].id, says.data);
	}
	for (size_t i = 0; i < x->aborts_n; i++)
		fprintf(to, "abort: %s%s\n", x->aborts[i].says,
		        x->aborts[i].implied ? " (implied)" : "");
	for (size_t i = 0; i < x->attacks_n; i++)
		fprintf(to, "attack %s: %s\n", x->attacks[i]->id, x->attacks[i]->selector.says);
	for (size_t i = 0; i < x->actions_n; i++)
		fprintf(to, "action %s\n", x->actions[i]->id);
	for (size_t i = 0; i < x->unbuilt_n; i++)
		fprintf(to, "not built, %u:%u: %s\n", x->unbuilt[i].at.line, x->unbuilt[i].at.col,
		        x->unbuilt[i].what);
}

static char *transcript(const char *name)
{
	static char text[FILE_MAX];
	struct arena arena;
	struct problems problems;
	char *out = NULL;
	size_t n = slurp(name, text), out_n;
	arena_init(&arena, 4 << 20);
	problems_init(&problems, &arena);
	struct experiment *x = experiment_read(text, n, name, &fake_catalogue, NULL, 0, &problems);
	problems_sort(&problems);
	FILE *to = open_memstream(&out, &out_n);
	problems_print(to, &problems);
	if (x != NULL && problems.errors == 0)
		experiment_print(to, x);
	fclose(to);
	experiment_free(x);
	arena_release(&arena);
	return out;
}

static void one_check(const char *name)
{
	static char want[FILE_MAX];
	char out_name[300];
	char *got = transcript(name);
	snprintf(out_name, sizeof(out_name), "%.*s.out", (int)(strrchr(name, '.') - name), name);
	if (getenv("SQUALL_TEST_UPDATE") != NULL) {
		char path[512];
		snprintf(path, sizeof(path), "%s/%s", folder, out_name);
		FILE *f = fopen(path, "w");
		fputs(got, f);
		fclose(f);
	} else {
		slurp(out_name, want);
		if (strcmp(got, want) != 0)
			fail_msg("%s: got\n%s\nwanted\n%s", name, got, want);
	}
	free(got);
}

static void transcripts(void **state)
{
	struct dirent **v;
	int n = scandir(folder, &v, NULL, alphasort), checked = 0;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		const char *dot = strrchr(v[i]->d_name, '.');
		if (dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".json") == 0)) {
			one_check(v[i]->d_name);
			checked++;
		}
		free(v[i]);
	}
	free(v);
	assert_true(checked >= 16);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(transcripts)};
	folder = argc > 1 ? argv[1] : "tests/lint";
	unsetenv("SQUALL_TEST_NOT_SET");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
