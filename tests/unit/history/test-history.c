/* Run folders, their index and lost runs, in a folder of the test's own. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "history/index.h"
#include "history/lost.h"
#include "history/recorder.h"

#include <cmocka.h> /* last: it has a macro named as a function of model/expect.h */

struct place {
	char dir[64];
	struct paths paths;
	struct world world;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	struct err err = ERR_INIT;

	strcpy(p->dir, "/tmp/squall-history-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	setenv("SQUALL_DIR", p->dir, 1);
	assert_int_equal(paths_find(&p->paths, &err), 0);
	assert_int_equal(world_open_real(&p->world, &err), 0);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
	world_close(&p->world);
	free(p);
	return 0;
}

static void make(struct place *p, struct run_folder *f, uint64_t second)
{
	struct err err = ERR_INIT;

	assert_int_equal(run_folder_make(&p->world, &p->paths, second * 1000000000u, f, &err), 0);
}

static void end(const struct run_folder *f, const char *title, const char *verdict,
                const char *outcome, const char *cleanup)
{
	struct err err = ERR_INIT;
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:i, s:[s]}", "id", f->id,
	                        "title", title, "service", "shop", "verdict", verdict, "outcome",
	                        outcome, "cleanup", cleanup, "seconds", 1.5, "exit", 1,
	                        "went-wrong", "the shop did not sell");

	assert_int_equal(run_folder_end(f, doc, &err), 0);
	json_decref(doc);
}

static int count(void *ctx, const struct run_row *row)
{
	++*(size_t *)ctx;
	return 0;
}

static size_t rows(struct place *p, const struct index_query *q)
{
	struct err err = ERR_INIT;
	struct index *ix;
	size_t n = 0;

	assert_int_equal(index_open(&p->paths, &ix, &err), 0);
	assert_int_equal(index_each(ix, q, count, &n, &err), 0);
	index_close(ix);
	return n;
}

static void test_folder(void **state)
{
	struct place *p = *state;
	struct run_folder f, found;
	struct err err = ERR_INIT;
	struct stat st;

	make(p, &f, 1795467600);
	assert_memory_equal(f.id, "20261123-210000-", 16);
	assert_int_equal(fstat(f.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(run_folder_has(&f, "stash"));
	assert_true(run_folder_alive(&p->world, &f));
	assert_false(run_folder_has(&f, "run.json"));
	assert_int_equal(run_folder_find(&p->paths, "20261123", &found, &err), 0);
	assert_string_equal(found.id, f.id);
	run_folder_close(&found);
	assert_int_equal(run_folder_find(&p->paths, "../runs", &found, &err), -ENOENT);
	assert_int_equal(run_folder_find(&p->paths, "", &found, &err), -ENOENT);
	run_folder_close(&f);
}

static void test_find_many(void **state)
{
	struct place *p = *state;
	struct run_folder a, b, found;
	struct err err = ERR_INIT;

	assert_int_equal(run_folder_find(&p->paths, "last", &found, &err), -ENOENT);
	make(p, &a, 1795467600);
	make(p, &b, 1795467601);
	assert_int_equal(run_folder_find(&p->paths, "last", &found, &err), 0);
	assert_string_equal(found.id, b.id);
	run_folder_close(&found);
	assert_int_equal(run_folder_find(&p->paths, "2026", &found, &err), -EINVAL);
	assert_non_null(strstr(err.what, "means 2 runs"));
	run_folder_close(&a);
	run_folder_close(&b);
}

/* "last" is the last also when many begin within a second. */
static void test_ids_sort(void **state)
{
	struct place *p = *state;
	struct run_folder f, found;
	struct err err = ERR_INIT;
	char before[RUN_ID_MAX] = "";

	for (int i = 0; i < 600; i++) {
		make(p, &f, 1795467600);
		assert_true(strcmp(f.id, before) > 0);
		strcpy(before, f.id);
		run_folder_close(&f);
	}
	assert_int_equal(run_folder_find(&p->paths, "last", &found, &err), 0);
	assert_string_equal(found.id, before);
	run_folder_close(&found);
}

static void test_recorder(void **state)
{
	struct place *p = *state;
	struct run_folder f;
	struct recorder r;
	struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL;
	json_t *entry = json_pack("{s:i, s:s}", "t", 1, "type", "note");

	make(p, &f, 1795467600);
	assert_int_equal(recorder_open(&r, &f, &err), 0);
	r.listener.told(r.listener.ctx, entry);
	r.listener.told(r.listener.ctx, entry);
	assert_int_equal(file_take(f.fd, "events.ndjson", 4096, &text, NULL, &err), 0);
	assert_string_equal(text, "{\"t\":1,\"type\":\"note\"}\n{\"t\":1,\"type\":\"note\"}\n");
	assert_int_equal(r.lost, 0);
	json_decref(entry);
	recorder_close(&r);
	run_folder_close(&f);
}

/* The disk is full: the run goes on, what was lost is counted. */
static void test_recorder_full(void **state)
{
	struct recorder r = {.fd = open("/dev/full", O_WRONLY | O_CLOEXEC)};
	struct place *p = *state;
	struct run_folder f;
	struct recorder other;
	struct err err = ERR_INIT;
	json_t *entry = json_pack("{s:s}", "type", "note");

	make(p, &f, 1795467600);
	assert_int_equal(recorder_open(&other, &f, &err), 0);
	other.listener.told(&r, entry);
	assert_int_equal(r.lost, 1);
	json_decref(entry);
	recorder_close(&r);
	recorder_close(&other);
	run_folder_close(&f);
}

static void test_index(void **state)
{
	struct place *p = *state;
	struct run_folder f;

	for (uint64_t i = 0; i < 3; i++) {
		make(p, &f, 1795467600 + i);
		end(&f, "a", i ? "held" : "refuted", "completed", i == 2 ? "residue" : "clean");
		run_folder_close(&f);
	}
	make(p, &f, 1795467700); /* still running */
	run_folder_close(&f);
	assert_int_equal(rows(p, &(struct index_query){0}), 3);
	assert_int_equal(rows(p, &(struct index_query){.limit = 2}), 2);
	assert_int_equal(rows(p, &(struct index_query){.service = "shop"}), 3);
	assert_int_equal(rows(p, &(struct index_query){.service = "other"}), 0);
	assert_int_equal(rows(p, &(struct index_query){.findings = true}), 2);
}

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Missing, damaged, of another version, not writable: the folders are the truth. */
static void test_index_rebuilt(void **state)
{
	struct place *p = *state;
	struct run_folder f;
	char db[PATH_CAP + 16];

	make(p, &f, 1795467600);
	end(&f, "a", "held", "completed", "clean");
	snprintf(db, sizeof(db), "%s/history.db", p->paths.state);
	assert_int_equal(rows(p, &(struct index_query){0}), 1);
	assert_int_equal(unlink(db), 0);
	assert_int_equal(rows(p, &(struct index_query){0}), 1);
	file_write(db, "this is not a database, and long enough to be taken for one by its header");
	assert_int_equal(rows(p, &(struct index_query){0}), 1);
	assert_int_equal(truncate(db, 3000), 0);
	assert_int_equal(rows(p, &(struct index_query){0}), 1);
	assert_int_equal(unlink(db), 0);
	assert_int_equal(mkdir(db, 0700), 0); /* cannot be opened: memory serves */
	assert_int_equal(rows(p, &(struct index_query){0}), 1);
	assert_int_equal(rmdir(db), 0);
	assert_int_equal(unlinkat(f.fd, "run.json", 0), 0);
	run_folder_close(&f);
}

static void test_index_forgets(void **state)
{
	struct place *p = *state;
	struct run_folder f;
	char command[PATH_CAP + 64];

	make(p, &f, 1795467600);
	end(&f, "a", "held", "completed", "clean");
	assert_int_equal(rows(p, &(struct index_query){0}), 1);
	snprintf(command, sizeof(command), "rm -r '%s/%s'", p->paths.runs, f.id);
	assert_int_equal(system(command), 0);
	assert_int_equal(rows(p, &(struct index_query){0}), 0);
	run_folder_close(&f);
}

static int is_fixed(void *ctx, const struct run_row *row)
{
	assert_true(row->fixed);
	assert_string_equal(row->what, "refuted");
	assert_string_equal(row->why, "the shop did not sell");
	assert_string_equal(row->closed_why, "it sells");
	++*(size_t *)ctx;
	return 0;
}

static void test_findings(void **state)
{
	struct place *p = *state;
	struct index_query open = {.findings = true, .open = true}, all = {.findings = true};
	struct run_folder f, held;
	struct err err = ERR_INIT;
	struct index *ix;
	char db[PATH_CAP + 16];
	size_t n = 0;

	make(p, &f, 1795467600);
	end(&f, "a", "refuted", "aborted", "clean");
	make(p, &held, 1795467601);
	end(&held, "b", "held", "completed", "clean");
	assert_int_equal(rows(p, &open), 1);
	assert_int_equal(index_open(&p->paths, &ix, &err), 0);
	assert_int_equal(index_close_finding(ix, &held, "no", &err), -ENOENT);
	assert_int_equal(index_close_finding(ix, &f, "it sells", &err), 0);
	index_close(ix);
	assert_int_equal(rows(p, &open), 0);
	/* What was decided outlives the index. */
	snprintf(db, sizeof(db), "%s/history.db", p->paths.state);
	assert_int_equal(unlink(db), 0);
	assert_int_equal(rows(p, &open), 0);
	assert_int_equal(index_open(&p->paths, &ix, &err), 0);
	assert_int_equal(index_each(ix, &all, is_fixed, &n, &err), 0);
	assert_int_equal(n, 1);
	index_close(ix);
	run_folder_close(&f);
	run_folder_close(&held);
}

static const struct {
	const char *verdict, *outcome, *cleanup, *what;
} kinds[] = {
        {"held", "completed", "clean", ""},
        {"none", "completed", "clean", ""},
        {"held", "completed", "residue", "residue"},
        {"refuted", "aborted", "clean", "refuted"},
        {"inconclusive", "aborted", "clean", "aborted"},
        {"inconclusive", "lost", "clean", "lost"},
        {"inconclusive", "expired", "unknown", "expired"},
        {"no-effect", "completed", "clean", "no-effect"},
        {"none", "refused", "clean", ""},
};

static void test_finding_of(void **state)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		json_t *doc = json_pack("{s:s, s:s, s:s}", "verdict", kinds[i].verdict, "outcome",
		                        kinds[i].outcome, "cleanup", kinds[i].cleanup);

		assert_string_equal(finding_of(doc), kinds[i].what);
		json_decref(doc);
	}
}

static void test_ended_by_a_person(void **state)
{
	static const char *const by[] = {"signal", "halt", "condition"};

	for (size_t i = 0; i < 3; i++) {
		json_t *doc =
		        json_pack("{s:s, s:s, s:s, s:{s:s}}", "verdict", "inconclusive", "outcome",
		                  "aborted", "cleanup", "clean", "abort", "by", by[i]);

		assert_string_equal(finding_of(doc), i < 2 ? "" : "aborted");
		json_decref(doc);
	}
}

/* A run of this boot whose process is gone. */
static void orphan(struct place *p, struct run_folder *f)
{
	char boot[BOOT_ID_MAX], owner[128];
	struct err err = ERR_INIT;

	make(p, f, 1795467600);
	assert_int_equal(boot_id_read(&p->world, boot, &err), 0);
	snprintf(owner, sizeof(owner), "%d@1 %s\n", (int)getpid(), boot);
	assert_int_equal(file_put(f->fd, "owner", owner, strlen(owner), false, &err), 0);
	assert_false(run_folder_alive(&p->world, f));
}

static json_t *head(const struct run_folder *f)
{
	return json_pack("{s:i, s:s, s:s, s:I, s:I, s:{}, s:{}}", "version", 1, "id", f->id,
	                 "title", "lost one", "started-wall-ns", (json_int_t)1, "started-boot-ns",
	                 (json_int_t)1, "attacks", "probes");
}

static void finish(struct place *p, const struct run_folder *f, json_t **doc)
{
	struct err err = ERR_INIT;

	assert_int_equal(lost_finish_all(&p->world, &p->paths, NULL, NULL, &err), 0);
	assert_int_equal(run_folder_json(f, "run.json", doc, &err), 0);
}

static const char *member(const json_t *doc, const char *key)
{
	const char *text = json_string_value(json_object_get(doc, key));

	return text ? text : "";
}

static void test_lost(void **state)
{
	static const char events[] = "{\"t\":5,\"type\":\"note\",\"text\":\"a\"}\n"
	                             "{\"t\":7,\"type\":\"note\",\"text\":\"b\"}\n"
	                             "{\"t\":9,\"ty"; /* torn */
	struct place *p = *state;
	struct run_folder f;
	struct err err = ERR_INIT;
	json_t *doc;

	orphan(p, &f);
	doc = head(&f);
	assert_int_equal(run_folder_start(&f, "squall: 1\n", 10, doc, &err), 0);
	json_decref(doc);
	assert_int_equal(file_put(f.fd, "events.ndjson", events, strlen(events), false, &err), 0);
	finish(p, &f, &doc);
	assert_string_equal(member(doc, "outcome"), "lost");
	assert_string_equal(member(doc, "verdict"), "inconclusive");
	assert_string_equal(member(doc, "cleanup"), "clean");
	assert_string_equal(member(doc, "title"), "lost one");
	assert_int_equal(json_integer_value(json_object_get(doc, "exit")), EXIT_NOTHING);
	assert_int_equal(json_array_size(json_object_get(doc, "events")), 3);
	json_decref(doc);
	assert_int_equal(rows(p, &(struct index_query){.findings = true}), 1);
	run_folder_close(&f);
}

/* What was crossed before the runner died stays refuted. */
static void test_lost_refuted(void **state)
{
	static const char events[] = "{\"t\":5,\"type\":\"abort\",\"by\":\"condition\","
	                             "\"says\":\"too many\",\"verdict\":\"refuted\"}\n";
	struct place *p = *state;
	struct run_folder f;
	struct err err = ERR_INIT;
	json_t *doc;

	orphan(p, &f);
	doc = head(&f);
	assert_int_equal(run_folder_start(&f, NULL, 0, doc, &err), 0);
	json_decref(doc);
	assert_int_equal(file_put(f.fd, "events.ndjson", events, strlen(events), false, &err), 0);
	finish(p, &f, &doc);
	assert_string_equal(member(doc, "verdict"), "refuted");
	assert_string_equal(member(doc, "outcome"), "lost");
	json_decref(doc);
	run_folder_close(&f);
}

static void test_alive_is_left(void **state)
{
	struct place *p = *state;
	struct run_folder f;
	struct err err = ERR_INIT;
	json_t *doc;

	make(p, &f, 1795467600);
	doc = head(&f);
	assert_int_equal(run_folder_start(&f, NULL, 0, doc, &err), 0);
	json_decref(doc);
	assert_int_equal(lost_finish_all(&p->world, &p->paths, NULL, NULL, &err), 0);
	assert_false(run_folder_has(&f, "run.json"));
	run_folder_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_find_many, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_ids_sort, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_recorder, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_recorder_full, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_index, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_index_rebuilt, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_index_forgets, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_findings, setup, teardown),
	        cmocka_unit_test(test_finding_of),
	        cmocka_unit_test(test_ended_by_a_person),
	        cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_lost_refuted, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_alive_is_left, setup, teardown),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
