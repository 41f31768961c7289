/* test-hostile.c - files that are good YAML and all wrong: a clear answer within a second and
 * 100 MB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake.h"

/* Sanitizers need room of their own, and are slow. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

enum { MIB = 1 << 20, TEXT_MAX = 1000000 };

/* `unit` n times, its "%d" counted up, between head and tail. */
struct hostile {
	const char *name, *head, *unit, *tail;
	int n;
};

#define LONG "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define CLOSE "}}}}}}}}}}"
#define HTTP "http: \"http://127.0.0.1/\""
static const struct hostile hostiles[] = {
        {"unknown keys", "squall: 1\n", LONG "%d: 1\n", "", 14000},
        {"steady probes", "hypothesis:\n  steady:\n", "  - {htpp%d: 1, expet: 2}\n", "", 15000},
        {"steady probes of one id", "hypothesis:\n  steady:\n",
         "  - {id: a, " HTTP ", expect: {status: 1}}\n", "", 6000},
        {"fields", "hypothesis: {steady: [{" HTTP ", expect: {\n", "  status%d: 1,\n", "  x: 1}}]}",
         20000},
        {"patterns", "hypothesis: {steady: [{" HTTP ", expect: {body: {any: [\n",
         "  {matches: \"^(a|b)*c%d$\"},\n", " ]}}}]}", 5000},
        {"nested expectations", "hypothesis: {steady: [{" HTTP ", expect: {body: ", "{not: ",
         "x" CLOSE CLOSE CLOSE CLOSE "}}]}", 40},
        {"parameters", "hypothesis: {steady: [{http: {\n", "  " LONG "%d: 1,\n",
         "  url: x}, expect: {status: 1}}]}", 12000},
        {"control", "hypothesis: {steady: [{http: {\n", "  a%d: 1,\n",
         "  url: x}, expect: {status: 1}, control: {z: 1}}]}", 20000},
        {"abort conditions", "abort:\n", "  - {steady: a%d, misses: 1%%, over: 1s}\n", "", 9000},
        {"steps", "method:\n", "  - {fault: " LONG "%d, target: host, for: 1s}\n", "", 9000},
        {"waits", "method:\n", "  - wait: 1d\n", "", 24000},
        {"unknown steps", "method:\n", "  - {" LONG "%d: 1}\n", "", 13000},
        {"levels", "method: [{fault: net.delay, target: host, with: {delay: {hold: 1s, levels: [\n",
         "  1h,\n", "  1ms]}}}]", 40000},
        {"conditions of a target", "method: [{fault: proc.pause, for: 1s, target: {not: [\n",
         "  {process: {name: a%d}},\n", " ]}}]", 12000},
        {"words of a target", "method: [{fault: proc.pause, for: 1s, target: {\n", "  a%d: 1,\n",
         " }}]", 30000},
        {"tags", "tags:\n", "  - {a: 1}\n", "", 20000},
        {"variables", "vars:\n", "  a%d: {type: b, default: \"${a}\", min: 3}\n", "", 6000},
        {"unknown variables", "tags:\n", "  - ${a%d}${b}${c}${d}\n", "", 8000},
        {"open variables", "tags:\n", "  - ${${${${\n", "", 10000},
        {"secrets", "vars: {a: {default: x, secret: true}}\ntags:\n", "  - xxxxxxxxxxx%d\n", "",
         30000},
        {"secret variables", "vars:\n", "  a%d: {default: \"q%d\", secret: true}\n", "tags: [q1]",
         9000},
};

static char *hostile_make(const struct hostile *h)
{
	char *text = malloc(TEXT_MAX + 1000);
	size_t n = (size_t)sprintf(text, "%s", h->head);
	const char *number = strstr(h->unit, "%d");
	for (int i = 0; i < h->n && n < TEXT_MAX; i++) {
		if (number == NULL)
			n += (size_t)sprintf(text + n, "%s", h->unit);
		else
			n += (size_t)sprintf(text + n, "%.*s%d%s", (int)(number - h->unit), h->unit,
			                     i, number + 2);
	}
	strcpy(text + n, h->tail);
	return text;
}

static int child_main(const char *text)
{
	struct arena arena;
	struct problems p;
	if (!SANITIZED) {
		struct rlimit room = {160 * MIB, 160 * MIB};
		setrlimit(RLIMIT_AS, &room);
	}
	struct rlimit time = {20, 20};
	setrlimit(RLIMIT_CPU, &time);
	arena_init(&arena, 4 << 20);
	problems_init(&p, &arena);
	struct experiment *x =
	        experiment_read(text, strlen(text), "x", &fake_catalogue, NULL, 0, &p);
	problems_sort(&p);
	if (getenv("SQUALL_TEST_SHOW") != NULL)
		print_message("%zu problems; %u:%u: %s\n", p.errors, p.n ? p.v[0].at.line : 0,
		              p.n ? p.v[0].at.col : 0, p.n ? p.v[0].text : "");
	bool good = p.errors > 0 && p.n > 0 && p.n <= PROBLEMS_MAX;
	experiment_free(x);
	arena_release(&arena);
	return good ? 0 : 1;
}

static void hostile_files(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostiles); i++) {
		char *text = hostile_make(&hostiles[i]);
		struct rusage used;
		int status;
		pid_t pid = fork();
		if (pid == 0)
			_exit(child_main(text));
		assert_int_equal(wait4(pid, &status, 0, &used), pid);
		long ms = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
		          (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
		if (status != 0)
			fail_msg("%s: ended with 0x%x", hostiles[i].name, (unsigned)status);
		if (!SANITIZED && (ms > 1000 || used.ru_maxrss > 100 * 1024))
			fail_msg("%s: took %ld ms, %ld kB", hostiles[i].name, ms, used.ru_maxrss);
		if (getenv("SQUALL_TEST_SHOW") != NULL)
			print_message("%s: %ld ms, %ld kB\n", hostiles[i].name, ms, used.ru_maxrss);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(hostile_files)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
