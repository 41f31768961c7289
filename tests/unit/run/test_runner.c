/* Whole runs in one process: refused, steady, halted, signalled, and the keeper killed under it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "fault/fault.h"
#include "probe/probe.h"
#include "run/runner.h"
/* Last: its macros take names of ours. */
#include <cmocka.h>

/* What a test does while the run lasts, from the runner's tick and from what it is told. */
struct stage {
	char dir[64];
	struct world world;
	struct paths paths;
	struct halt_files halt;
	void (*told)(struct stage *, const json_t *entry);
	void (*tick)(struct stage *);
	pid_t victim;
	bool done;
	uint64_t done_ns;
	json_t *entries;
};

static const struct catalogue catalogue = {fault_kinds, probe_kinds, action_kinds};

static void told(void *ctx, const json_t *entry)
{
	struct stage *s = ctx;
	json_array_append(s->entries, (json_t *)entry);
	if (s->told)
		s->told(s, entry);
}

static void tick(void *ctx, uint64_t now)
{
	struct stage *s = ctx;
	if (s->tick)
		s->tick(s);
}

static int stage_up(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));
	struct err err = ERR_INIT;
	strcpy(s->dir, "/tmp/squall-runner-XXXXXX");
	if (!mkdtemp(s->dir) || setenv("SQUALL_DIR", s->dir, 1) < 0)
		return -1;
	s->halt.n = 1;
	snprintf(s->halt.v[0], sizeof(s->halt.v[0]), "%s/halt", s->dir);
	s->entries = json_array();
	*state = s;
	return world_open_real(&s->world, &err) < 0 || paths_find(&s->paths, &err) < 0 ||
	       paths_make(&s->paths, &err) < 0;
}

static int stage_down(void **state)
{
	struct stage *s = *state;
	char command[128];
	if (s->victim) {
		kill(s->victim, SIGKILL);
		waitpid(s->victim, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", s->dir);
	int rc = system(command);
	world_close(&s->world);
	json_decref(s->entries);
	free(s);
	return rc;
}

static struct rundoc *run(struct stage *s, const char *yaml)
{
	struct arena arena;
	struct problems problems;
	struct err err = ERR_INIT;
	arena_init(&arena, 1 << 20);
	problems_init(&problems, &arena);
	struct experiment *x =
	        experiment_read(yaml, strlen(yaml), "test.yaml", &catalogue, NULL, 0, &problems);
	for (size_t i = 0; i < problems.n; i++)
		print_message("%u:%u %s\n", problems.v[i].at.line, problems.v[i].at.col,
		              problems.v[i].text);
	assert_non_null(x);
	assert_int_equal(problems.errors, 0);
	char path[PATH_CAP + 64];
	snprintf(path, sizeof(path), "%s/20261122-210000-0001", s->paths.runs);
	assert_int_equal(mkdir(path, 0700), 0);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	struct listener listener = {told, s};
	struct run_options o = {.world = &s->world,
	                        .paths = &s->paths,
	                        .experiment = x,
	                        .seed = 7,
	                        .run_id = "20261122-210000-0001",
	                        .run_dir = dir,
	                        .listeners = &listener,
	                        .listeners_n = 1,
	                        .halt = &s->halt,
	                        .tick = tick,
	                        .tick_ctx = s};
	struct rundoc *doc = NULL;
	int rc = run_experiment(&o, &doc, &err);
	if (rc < 0)
		print_message("%s\n", err.what);
	assert_int_equal(rc, 0);
	assert_non_null(doc);
	rundoc_document(doc);
	close(dir);
	experiment_free(x);
	arena_release(&arena);
	return doc;
}

static const char *text(const struct rundoc *d, const char *key)
{
	const char *t = json_string_value(json_object_get(d->doc, key));
	return t ? t : "";
}

static int number(const struct rundoc *d, const char *key)
{
	return (int)json_integer_value(json_object_get(d->doc, key));
}

static bool is_type(const json_t *e, const char *type)
{
	return !strcmp(json_string_value(json_object_get(e, "type")), type);
}

static const json_t *entry_of(const struct stage *s, const char *type)
{
	const json_t *e;
	size_t i;
	json_array_foreach (s->entries, i, e)
		if (is_type(e, type))
			return e;
	return NULL;
}

static void answers(struct rundoc *d, const char *verdict, const char *outcome,
                    const char *cleanup_, enum exit_code code)
{
	assert_string_equal(text(d, "verdict"), verdict);
	assert_string_equal(text(d, "outcome"), outcome);
	assert_string_equal(text(d, "cleanup"), cleanup_);
	assert_int_equal(number(d, "exit"), code);
	rundoc_free(d);
}

#define STEADY(argv)                                                                               \
	"squall: 1\ntitle: t\nhypothesis:\n  says: s\n  steady:\n    - id: p\n      exec: {argv: " \
	"[" argv "]}\n      every: 100ms\n      expect: {exit: 0}\n"

static void held(void **state)
{
	struct rundoc *d = run(*state, STEADY("'true'") "method: [wait: 500ms]\n");
	const json_t *p = json_object_get(json_object_get(d->doc, "probes"), "p");
	assert_true(json_integer_value(json_object_get(p, "looks")) >= 4);
	assert_int_equal(json_integer_value(json_object_get(p, "misses")), 0);
	assert_non_null(entry_of(*state, "machine"));
	answers(d, "held", "completed", "clean", EXIT_HELD);
}

static void not_steady(void **state)
{
	struct rundoc *d = run(*state, STEADY("'false'") "method: [wait: 10s]\n");
	answers(d, "none", "refused", "clean", EXIT_REFUSED);
}

static void unbuilt(void **state)
{
	struct rundoc *d =
	        run(*state,
	            STEADY("'true'") "  monitors:\n    - id: m\n      alertmanager: {url: "
	                             "'http://127.0.0.1:1', "
	                             "alert: A}\n      fires-within: 1s\nmethod: [wait: 10s]\n");
	const json_t *e = entry_of(*state, "refused");
	assert_non_null(e);
	assert_non_null(strstr(json_string_value(json_object_get(e, "what")), "alertmanager"));
	answers(d, "none", "refused", "clean", EXIT_CANNOT);
}

static void halted_before(void **state)
{
	struct stage *s = *state;
	FILE *f = fopen(s->halt.v[0], "we");
	fputs("by the owner\n2026-11-22T21:00:00.000Z ada\nmore\n", f);
	fclose(f);
	struct rundoc *d = run(s, STEADY("'true'") "method: [wait: 10s]\n");
	const char *what = json_string_value(json_object_get(entry_of(s, "refused"), "what"));
	assert_non_null(strstr(what, "halted since 2026-11-22T21:00:00.000Z by "));
	assert_non_null(strstr(what, ": by the owner"));
	assert_null(strstr(what, "more"));
	answers(d, "none", "refused", "clean", EXIT_REFUSED);
}

static void halt_once(struct stage *s)
{
	if (s->done)
		return;
	s->done = true;
	s->done_ns = clock_boot_ns();
	fclose(fopen(s->halt.v[0], "we"));
}

static void halted_during(void **state)
{
	struct stage *s = *state;
	s->tick = halt_once;
	struct rundoc *d = run(s, STEADY("'true'") "method: [wait: 30s]\n");
	assert_true(clock_boot_ns() - s->done_ns < 5 * NS_PER_S);
	assert_string_equal(text(d, "outcome"), "aborted");
	assert_int_equal(number(d, "exit"), EXIT_ABORTED);
	rundoc_free(d);
}

/* Faults on a process of our own, put back whatever happens. */

static pid_t victim_new(struct stage *s)
{
	s->victim = fork();
	if (s->victim == 0) {
		setsid();
		for (;;)
			pause();
	}
	assert_true(s->victim > 0);
	return s->victim;
}

static char victim_state(struct stage *s)
{
	struct proc_stat st;
	struct err err = ERR_INIT;
	assert_int_equal(proc_stat_read(&s->world, s->victim, &st, &err), 0);
	return st.state;
}

static struct rundoc *pause_victim(struct stage *s, const char *how_long)
{
	char yaml[1024];
	snprintf(yaml, sizeof(yaml),
	         STEADY("'true'") "method:\n  - id: a\n    fault: proc.pause\n    target: "
	                          "{process: {pid: "
	                          "%d}}\n    for: %s\n",
	         (int)victim_new(s), how_long);
	return run(s, yaml);
}

static void paused(struct stage *s, const json_t *e)
{
	if (!is_type(e, "attack-in"))
		return;
	assert_int_equal(victim_state(s), 'T');
	s->done = true;
}

static void attack_and_back(void **state)
{
	struct stage *s = *state;
	s->told = paused;
	struct rundoc *d = pause_victim(s, "200ms");
	assert_true(s->done);
	assert_true(victim_state(s) != 'T');
	assert_non_null(entry_of(s, "plan"));
	const json_t *dose = entry_of(s, "dose");
	assert_non_null(dose);
	assert_false(json_is_true(json_object_get(dose, "no-effect")));
	answers(d, "held", "completed", "clean", EXIT_HELD);
}

static void interrupted(struct stage *s, const json_t *e)
{
	if (!is_type(e, "attack-in"))
		return;
	/* The second one must not skip the revert. */
	kill(getpid(), SIGINT);
	kill(getpid(), SIGTERM);
	s->done_ns = clock_boot_ns();
}

static void signal_reverts(void **state)
{
	struct stage *s = *state;
	s->told = interrupted;
	struct rundoc *d = pause_victim(s, "30s");
	assert_true(clock_boot_ns() - s->done_ns < 5 * NS_PER_S);
	assert_true(victim_state(s) != 'T');
	assert_string_equal(text(d, "outcome"), "aborted");
	assert_string_equal(text(d, "cleanup"), "clean");
	rundoc_free(d);
}

/* The keeper is the one child of this process that is not the victim. */
static int keeper_signal(struct stage *s, int signum)
{
	char path[64], list[256] = "";
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n = fread(list, 1, sizeof(list) - 1, f);
	list[n] = 0;
	fclose(f);
	int sent = 0;
	for (char *p = strtok(list, " \n"); p; p = strtok(NULL, " \n")) {
		pid_t pid = (pid_t)atoi(p);
		struct proc_stat st;
		struct err err = ERR_INIT;
		if (pid != s->victim && proc_stat_read(&s->world, pid, &st, &err) == 0 &&
		    !strncmp(st.comm, "squall-keeper", 13) && kill(pid, signum) == 0)
			sent++;
	}
	return sent;
}

static void keeper_killed(struct stage *s, const json_t *e)
{
	if (is_type(e, "attack-in"))
		assert_int_equal(keeper_signal(s, SIGKILL), 1);
	if (is_type(e, "attack-in"))
		s->done_ns = clock_boot_ns();
	if (is_type(e, "undone")) {
		assert_true(victim_state(s) != 'T');
		assert_true(clock_boot_ns() - s->done_ns < NS_PER_S);
		s->done = true;
	}
}

static void keeper_killed_is_undone(void **state)
{
	struct stage *s = *state;
	s->told = keeper_killed;
	struct rundoc *d = pause_victim(s, "30s");
	assert_true(s->done);
	assert_true(victim_state(s) != 'T');
	assert_string_equal(text(d, "cleanup"), "clean");
	rundoc_free(d);
}

static void keeper_stopped(struct stage *s, const json_t *e)
{
	if (is_type(e, "attack-in"))
		assert_int_equal(keeper_signal(s, SIGSTOP), 1);
	if (is_type(e, "undone"))
		s->done = true;
}

/* It does not answer the order to take out: it is ended, and its log is undone. */
static void keeper_stopped_is_undone(void **state)
{
	struct stage *s = *state;
	s->told = keeper_stopped;
	struct rundoc *d = pause_victim(s, "200ms");
	assert_true(s->done);
	assert_true(victim_state(s) != 'T');
	assert_string_equal(text(d, "cleanup"), "clean");
	rundoc_free(d);
}

static void not_allowed(void **state)
{
	struct stage *s = *state;
	char yaml[512];
	snprintf(yaml, sizeof(yaml),
	         "squall: 1\ntitle: t\nhypothesis: {says: s}\nmethod:\n  - fault: proc.kill\n    "
	         "target: "
	         "{process: {pid: %d}}\n",
	         (int)victim_new(s));
	struct rundoc *d = run(s, yaml);
	const json_t *e = entry_of(s, "refused");
	assert_non_null(e);
	assert_non_null(strstr(json_string_value(json_object_get(e, "hint")), "irreversible"));
	assert_int_equal(kill(s->victim, 0), 0);
	answers(d, "none", "refused", "clean", EXIT_REFUSED);
}

#define RUN_TEST(f) cmocka_unit_test_setup_teardown(f, stage_up, stage_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        RUN_TEST(held),
	        RUN_TEST(not_steady),
	        RUN_TEST(unbuilt),
	        RUN_TEST(halted_before),
	        RUN_TEST(halted_during),
	        RUN_TEST(attack_and_back),
	        RUN_TEST(signal_reverts),
	        RUN_TEST(keeper_killed_is_undone),
	        RUN_TEST(keeper_stopped_is_undone),
	        RUN_TEST(not_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
