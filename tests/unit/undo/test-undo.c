/* test-undo.c - the keeper and undo on control files below a made-up root, killed and failed at
 * every boundary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../skip.h"
#include "base/boundary.h"
#include "base/hash.h"
#include "undo/claim.h"
#include "undo/keeper.h"
#include "undo/undo.h"

#define BOOT "11111111-2222-3333-4444-555555555555"
enum { OBJECTS = 3 };

struct bench {
	char dir[64];
	struct world world;
	struct paths paths;
	char object[OBJECTS][OBJECT_MAX];
};

static const char *const base_text[OBJECTS] = {"-1", "80000", "40000"};

static void put_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void bench_paths(struct bench *b)
{
	snprintf(b->paths.state, PATH_CAP, "%s/state", b->dir);
	snprintf(b->paths.runtime, PATH_CAP, "%s/run", b->dir);
	snprintf(b->paths.runs, PATH_CAP, "%s/state/runs", b->dir);
	snprintf(b->paths.claims, PATH_CAP, "%s/run/claims", b->dir);
}

static void bench_boot(const struct bench *b, const char *id)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/proc/sys/kernel/random/boot_id", b->dir);
	put_text(path, id);
}

static void bench_init(struct bench *b)
{
	struct err err = ERR_INIT;
	char path[160];
	int fd;

	strcpy(b->dir, "/tmp/squall-undo-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	bench_paths(b);
	assert_int_equal(paths_make(&b->paths, &err), 0);
	snprintf(path, sizeof(path), "%s/proc/sys/kernel/random", b->dir);
	fd = dir_open_owned(path, geteuid(), true, &err);
	assert_true(fd >= 0);
	close(fd);
	bench_boot(b, BOOT);
	for (int i = 0; i < OBJECTS; i++) {
		struct stat st;

		snprintf(path, sizeof(path), "%s/cg%d", b->dir, i);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_int_equal(stat(path, &st), 0);
		snprintf(b->object[i], OBJECT_MAX, "/cg%d/cpu.cfs_quota_us@%llu", i,
		         (unsigned long long)st.st_ino);
		strcat(path, "/cpu.cfs_quota_us");
		put_text(path, base_text[i]);
	}
	b->world.root = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b->world.fake = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void bench_release(struct bench *b)
{
	world_close(&b->world);
	nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void bench_read(const struct bench *b, int i, char text[64])
{
	struct err err = ERR_INIT;
	struct buf to;

	buf_init(&to, text, 64);
	assert_int_equal(world_readf(&b->world, &to, &err, "/cg%d/cpu.cfs_quota_us", i), 0);
}

static bool bench_is_base(const struct bench *b)
{
	char text[64];

	for (int i = 0; i < OBJECTS; i++) {
		bench_read(b, i, text);
		if (strcmp(text, base_text[i]) != 0)
			return false;
	}
	return true;
}

static int count_entry(void *ctx, const char *name)
{
	++*(int *)ctx;
	return 0;
}

static int bench_claims(const struct bench *b)
{
	struct err err = ERR_INIT;
	int n = 0;

	assert_int_equal(world_list(&b->world, "/run/claims", count_entry, &n, &err), 0);
	return n;
}

/* ---- one run of the keeper */

static struct keeper keeper; /* large: static, as in the program */
static struct keeper other;

static int run_begin(struct bench *b, struct keeper *k, const char *run)
{
	struct err err = ERR_INIT;
	char path[160];
	struct keeper_config config = {
	        .world = &b->world,
	        .run = run,
	        .stash = -1,
	        .type_find = step_type_find,
	        .self = {getpid(), 1},
	};
	int r;

	snprintf(path, sizeof(path), "%s/state/runs/%s", b->dir, run);
	config.run_dir = dir_open_owned(path, geteuid(), true, &err);
	config.claims_dir = dir_open_owned(b->paths.claims, geteuid(), false, &err);
	assert_true(config.run_dir >= 0 && config.claims_dir >= 0);
	r = keeper_init(k, &config, &err);
	return r;
}

static void run_finish(struct keeper *k)
{
	struct err err = ERR_INIT;

	assert_int_equal(keeper_end(k, &err), 0);
	keeper_release(k);
	close(k->c.run_dir);
	close(k->c.claims_dir);
}

static struct step make_step(const struct bench *b, int i, const char *to)
{
	struct step s = {.type = "control"};

	strcpy(s.object, b->object[i]);
	strcpy(s.to, to);
	return s;
}

static void say_residue(void *ctx, const char *run, const struct slot *s)
{
	if (s->phase == SLOT_RESIDUE)
		print_message("residue: %s base %s claim %s landed %s: %s\n", s->object, s->base,
		              s->claim, s->landed, s->note);
}

static int undo_run(struct bench *b, const char *run, struct undo_result *result)
{
	struct err err = ERR_INIT;
	char path[160];
	int dir, r;

	snprintf(path, sizeof(path), "%s/state/runs/%s", b->dir, run);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -ENOENT;
	r = undo_folder(&b->world, &b->paths, dir, run, say_residue, NULL, result, &err);
	close(dir);
	return r;
}

/* Prepare, put, change in place (one same, one changed, one new, one gone), out. 0: ran to its end.
 */
static int scenario(struct bench *b, bool tolerate)
{
	struct err err = ERR_INIT;
	struct step first[] = {make_step(b, 0, "10000"), make_step(b, 1, "20000")};
	struct step second[] = {make_step(b, 1, "15000"), make_step(b, 2, "30000")};
	int r = run_begin(b, &keeper, "a");

	if (r < 0)
		return r;
	r = keeper_prepare(&keeper, 0, first, 2, &err);
	if (r == 0)
		r = keeper_put(&keeper, 0, first, 2, &err);
	if (r == 0)
		r = keeper_put(&keeper, 0, second, 2, &err);
	if (r == 0 && !tolerate) {
		char text[64];

		bench_read(b, 0, text);
		assert_string_equal(text, "-1");
		bench_read(b, 1, text);
		assert_string_equal(text, "15000");
		bench_read(b, 2, text);
		assert_string_equal(text, "30000");
	}
	assert_true(r < 0 || !tolerate || keeper_has(&keeper, 0));
	keeper_take_all(&keeper);
	run_finish(&keeper);
	return r;
}

static int undo_everything(struct bench *b, struct undo_result *result)
{
	struct err err = ERR_INIT;

	return undo_all(&b->world, &b->paths, say_residue, NULL, result, &err);
}

static unsigned long die_at, passed;

static void die_hook(const char *name)
{
	if (++passed == die_at)
		raise(SIGKILL);
}

static unsigned long fail_at, failable;

static int fail_hook(const char *name)
{
	return ++failable == fail_at ? -EIO : 0;
}

static unsigned long short_from, short_n, writes;

static size_t part_hook(const char *name, size_t n)
{
	writes++;
	return writes >= short_from && writes < short_from + short_n ? n / 2 : n;
}

static void test_whole(void **state)
{
	struct bench b;
	struct undo_result result = {0};

	bench_init(&b);
	assert_int_equal(scenario(&b, false), 0);
	assert_true(bench_is_base(&b));
	assert_int_equal(bench_claims(&b), 0);
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.runs, 0);
	bench_release(&b);
}

static void test_killed_at_every_boundary(void **state)
{
	unsigned long n;
	bool ended = false;

	for (n = 1; !ended && n < 500; n++) {
		struct bench b;
		struct undo_result result = {0};
		int status;
		pid_t pid;

		bench_init(&b);
		pid = fork();
		if (pid == 0) {
			die_at = n;
			boundary_hook = die_hook;
			_exit(scenario(&b, false) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		ended = WIFEXITED(status);
		if (ended)
			assert_int_equal(WEXITSTATUS(status), 0);
		assert_int_equal(undo_everything(&b, &result), 0);
		assert_int_equal(result.residue, 0);
		assert_true(bench_is_base(&b));
		assert_int_equal(bench_claims(&b), 0);
		/* a second undo finds nothing to do */
		memset(&result, 0, sizeof(result));
		assert_int_equal(undo_everything(&b, &result), 0);
		assert_int_equal(result.runs, 0);
		bench_release(&b);
	}
	assert_true(n > 30);
	print_message("%lu boundaries\n", n - 2);
}

static void test_undo_killed_at_every_boundary(void **state)
{
	bool ended = false;

	for (unsigned long n = 1; !ended && n < 500; n++) {
		struct bench b;
		struct undo_result result = {0};
		struct err err = ERR_INIT;
		struct step steps[] = {make_step(&b, 0, "1")};
		int status;
		pid_t pid;

		bench_init(&b);
		steps[0] = make_step(&b, 0, "10000");
		assert_int_equal(run_begin(&b, &keeper, "a"), 0);
		assert_int_equal(keeper_put(&keeper, 0, steps, 1, &err), 0);
		keeper_release(&keeper);
		pid = fork();
		if (pid == 0) {
			die_at = n;
			boundary_hook = die_hook;
			_exit(undo_everything(&b, &result) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		ended = WIFEXITED(status);
		assert_int_equal(undo_everything(&b, &result), 0);
		assert_int_equal(result.residue, 0);
		assert_true(bench_is_base(&b));
		assert_int_equal(bench_claims(&b), 0);
		bench_release(&b);
	}
	assert_true(ended);
}

static void test_each_call_failing(void **state)
{
	bool more = true;

	for (unsigned long n = 1; more && n < 200; n++) {
		struct bench b;
		struct undo_result result = {0};

		bench_init(&b);
		fail_at = n;
		failable = 0;
		boundary_fail_hook = fail_hook;
		(void)scenario(&b, true);
		more = failable >= n;
		boundary_fail_hook = NULL;
		assert_true(bench_is_base(&b)); /* one failure is tried again: no undo is needed */
		assert_int_equal(undo_everything(&b, &result), 0);
		assert_int_equal(result.residue, 0);
		assert_true(bench_is_base(&b));
		assert_int_equal(bench_claims(&b), 0);
		bench_release(&b);
	}
	assert_false(more);
}

/* One write takes only a part of what it was given, or two in a row do: it is made whole, or what
 * was there is put back, and nobody takes the part for somebody else's change. */
static void test_each_write_short(void **state)
{
	bool more = true;

	for (unsigned long n = 1; more && n < 1000; n++) {
		struct bench b;
		struct undo_result result = {0};
		int r;

		bench_init(&b);
		short_from = (n + 1) / 2;
		short_n = n % 2 ? 1 : 2;
		writes = 0;
		boundary_part_hook = part_hook;
		r = scenario(&b, true);
		more = writes >= short_from;
		boundary_part_hook = NULL;
		if (short_n == 1)
			assert_int_equal(r, 0);
		assert_true(bench_is_base(&b));
		assert_int_equal(undo_everything(&b, &result), 0);
		assert_int_equal(result.residue, 0);
		assert_true(bench_is_base(&b));
		assert_int_equal(bench_claims(&b), 0);
		bench_release(&b);
	}
	assert_false(more);
	print_message("%lu writes\n", writes);
}

/* Two runs on one object, ended in both orders, each end by order or by death and undo. */
static void test_overlap(void **state)
{
	for (int round = 0; round < 8; round++) {
		struct keeper *k[2] = {&keeper, &other};
		const char *const name[2] = {"a", "b"};
		struct undo_result result = {0};
		struct err err = ERR_INIT;
		struct step weak, strong;
		struct bench b;
		char text[64];
		int first = round & 1;

		bench_init(&b);
		weak = make_step(&b, 1, "50000");
		strong = make_step(&b, 1, "20000");
		assert_int_equal(run_begin(&b, k[0], name[0]), 0);
		assert_int_equal(run_begin(&b, k[1], name[1]), 0);
		assert_int_equal(keeper_put(k[0], 0, &weak, 1, &err), 0);
		bench_read(&b, 1, text);
		assert_string_equal(text, "50000");
		assert_int_equal(keeper_put(k[1], 0, &strong, 1, &err), 0);
		bench_read(&b, 1, text);
		assert_string_equal(text, "20000");
		for (int j = 0; j < 2; j++) {
			int who = j ? !first : first;

			if (round & (2 << j)) {
				keeper_release(k[who]);
				assert_int_equal(undo_run(&b, name[who], &result), 0);
			} else {
				assert_int_equal(keeper_take_all(k[who]), 0);
				run_finish(k[who]);
			}
			bench_read(&b, 1, text);
			assert_string_equal(text, j ? "80000" : first ? "50000" : "20000");
		}
		assert_int_equal(result.residue, 0);
		assert_true(bench_is_base(&b));
		assert_int_equal(bench_claims(&b), 0);
		bench_release(&b);
	}
}

/* One of two runs is killed at each boundary of its revert: the other still knows what is there as
 * theirs, and leaves nothing. */
static void test_overlap_killed_while_reverting(void **state)
{
	bool ended = false;
	unsigned long n;

	for (n = 1; !ended && n < 100; n++) {
		struct undo_result result = {0};
		struct err err = ERR_INIT;
		struct step weak, strong;
		struct bench b;
		int status;
		pid_t pid;

		bench_init(&b);
		weak = make_step(&b, 1, "50000");
		strong = make_step(&b, 1, "20000");
		assert_int_equal(run_begin(&b, &keeper, "a"), 0);
		assert_int_equal(run_begin(&b, &other, "b"), 0);
		assert_int_equal(keeper_put(&other, 0, &weak, 1, &err), 0);
		assert_int_equal(keeper_put(&keeper, 0, &strong, 1, &err), 0);
		pid = fork();
		if (pid == 0) {
			passed = 0;
			die_at = n;
			boundary_hook = die_hook;
			_exit(keeper_take_all(&keeper) == 0 ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		ended = WIFEXITED(status);
		assert_true(!ended || WEXITSTATUS(status) == 0);
		keeper_release(&keeper);
		assert_int_equal(keeper_take_all(&other), 0);
		run_finish(&other);
		assert_int_equal(undo_run(&b, "a", &result), 0);
		assert_int_equal(result.residue, 0);
		assert_true(bench_is_base(&b));
		assert_int_equal(bench_claims(&b), 0);
		bench_release(&b);
	}
	assert_true(n > 5);
}

static void test_third_party_is_not_overwritten(void **state)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct bench b;
	struct step s;
	char path[160], text[64];

	bench_init(&b);
	s = make_step(&b, 0, "10000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(keeper_put(&keeper, 0, &s, 1, &err), 0);
	snprintf(path, sizeof(path), "%s/cg0/cpu.cfs_quota_us", b.dir);
	put_text(path, "77777");
	assert_int_equal(keeper_take_all(&keeper), 1);
	bench_read(&b, 0, text);
	assert_string_equal(text, "77777");
	assert_int_equal(keeper.slots[0].phase, SLOT_RESIDUE);
	keeper_release(&keeper);
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.residue, 1);
	/* once a person has put it back, undo says so */
	put_text(path, "-1");
	memset(&result, 0, sizeof(result));
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.residue, 0);
	assert_int_equal(bench_claims(&b), 0);
	bench_release(&b);
}

static void test_what_went_back_is_read_again(void **state)
{
	struct err err = ERR_INIT;
	struct bench b;
	struct step s[2];
	char path[160];
	struct stat st;

	bench_init(&b);
	s[0] = make_step(&b, 0, "10000");
	s[1] = make_step(&b, 1, "10000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(keeper_put(&keeper, 0, &s[0], 1, &err), 0);
	assert_int_equal(keeper_put(&keeper, 1, &s[1], 1, &err), 0);
	assert_int_equal(keeper_take_out(&keeper, 0), 0);
	snprintf(path, sizeof(path), "%s/cg0/cpu.cfs_quota_us", b.dir);
	put_text(path, "55555");
	assert_int_equal(keeper_take_out(&keeper, 1), 0);
	assert_int_equal(keeper.slots[0].phase, SLOT_RESIDUE);
	assert_int_equal(keeper.slots[1].phase, SLOT_BACK);
	assert_int_equal(keeper_take_all(&keeper), 1);
	put_text(path, "-1");
	run_finish(&keeper);
	/* what was never used of the log takes no room once it has ended */
	snprintf(path, sizeof(path), "%s/state/runs/a/%s", b.dir, UNDO_LOG_NAME);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_blocks * 512 >= st.st_size);
	bench_release(&b);

	bench_init(&b);
	assert_int_equal(scenario(&b, false), 0);
	snprintf(path, sizeof(path), "%s/state/runs/a/%s", b.dir, UNDO_LOG_NAME);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_blocks * 512 < st.st_size / 4);
	bench_release(&b);
}

/* Another process with the claim on object 1 locked for a while; then it drops `run` from it,
 * when one is named, as that run's end would. */
static pid_t hold_claim(const struct bench *b, const char *run, int ms)
{
	int told[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		int dir = open(b->paths.claims, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct claim_file f;
		char path[160];

		if (claim_open_existing(&f, dir, "control", b->object[1], 0, NULL) < 0)
			_exit(1);
		(void)!write(told[1], "x", 1);
		usleep((useconds_t)ms * 1000);
		if (run) {
			snprintf(path, sizeof(path), "%s/cg1/cpu.cfs_quota_us", b->dir);
			put_text(path, f.body.base);
			claim_drop(&f, run);
			if (claim_save(&f, NULL) < 0)
				_exit(1);
		}
		_exit(0);
	}
	assert_true(pid > 0);
	close(told[1]);
	assert_int_equal(read(told[0], &c, 1), 1);
	close(told[0]);
	return pid;
}

static void assert_ends_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A run that waits for the claim of one that leaves must not take that one's fault for the base. */
static void test_base_is_read_under_the_lock(void **state)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct step a, late;
	struct bench b;
	char text[64];
	pid_t pid;

	bench_init(&b);
	a = make_step(&b, 1, "50000");
	late = make_step(&b, 1, "20000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(run_begin(&b, &other, "b"), 0);
	assert_int_equal(keeper_put(&keeper, 0, &a, 1, &err), 0);
	pid = hold_claim(&b, "a", 150);
	assert_int_equal(keeper_put(&other, 0, &late, 1, &err), 0);
	assert_ends_well(pid);
	bench_read(&b, 1, text);
	assert_string_equal(text, "20000");
	assert_string_equal(other.slots[0].base, base_text[1]);
	assert_int_equal(keeper_take_all(&other), 0);
	run_finish(&other);
	assert_true(bench_is_base(&b));
	keeper_release(&keeper);
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.residue, 0);
	assert_true(bench_is_base(&b));
	assert_int_equal(bench_claims(&b), 0);
	bench_release(&b);
}

/* A neighbour that was stopped with the claim locked: the object goes back in time, and the claim
 * that could not be dropped is not put into effect again for good. */
static void test_locked_claim(void **state)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct step a, before, after;
	struct bench b;
	char text[64];
	pid_t pid;

	bench_init(&b);
	a = make_step(&b, 1, "10000");
	before = make_step(&b, 1, "50000");
	after = make_step(&b, 1, "40000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(run_begin(&b, &other, "b"), 0);
	assert_int_equal(keeper_put(&keeper, 0, &a, 1, &err), 0);
	assert_int_equal(keeper_put(&other, 0, &before, 1, &err), 0);
	pid = hold_claim(&b, NULL, 400);
	assert_int_equal(keeper_take_all(&keeper), 1);
	bench_read(&b, 1, text);
	assert_string_equal(text, base_text[1]);
	run_finish(&keeper);
	assert_ends_well(pid);
	assert_int_equal(keeper_put(&other, 0, &after, 1, &err), 0);
	assert_int_equal(keeper_take_all(&other), 0);
	run_finish(&other);
	assert_int_equal(undo_everything(&b, &result), 0);
	assert_int_equal(result.residue, 0);
	assert_true(bench_is_base(&b));
	assert_int_equal(bench_claims(&b), 0);
	bench_release(&b);
}

/* What somebody else set meanwhile is written over neither by a change of the plan nor by a second
 * run. */
static void test_third_party_is_not_overwritten_by_a_change(void **state)
{
	struct err err = ERR_INIT;
	struct bench b;
	struct step first, second;
	char path[160], text[64];

	bench_init(&b);
	first = make_step(&b, 0, "10000");
	second = make_step(&b, 0, "5000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(run_begin(&b, &other, "b"), 0);
	assert_int_equal(keeper_put(&keeper, 0, &first, 1, &err), 0);
	snprintf(path, sizeof(path), "%s/cg0/cpu.cfs_quota_us", b.dir);
	put_text(path, "77777");
	assert_int_equal(keeper_put(&other, 0, &second, 1, &err), -EBUSY);
	assert_int_equal(keeper_take_all(&other), 0);
	run_finish(&other);
	assert_int_equal(keeper_put(&keeper, 0, &second, 1, &err), -EBUSY);
	bench_read(&b, 0, text);
	assert_string_equal(text, "77777");
	assert_int_equal(keeper_take_all(&keeper), 1);
	run_finish(&keeper);
	bench_read(&b, 0, text);
	assert_string_equal(text, "77777");
	bench_release(&b);
}

/* A step whose object's name goes while its holder lives on. */
static struct {
	bool held, named;
} held;

static int held_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	if (!held.named)
		return err_set(err, -ESTALE, "\"%s\" is gone", object);
	buf_reset(state);
	buf_add(state, held.held ? "cut" : "absent");
	return 0;
}

static int held_set(struct hold *h, const char *object, const char *now, const char *to,
                    struct buf *landed, struct err *err)
{
	held.held = strcmp(to, "absent") != 0;
	buf_reset(landed);
	buf_add(landed, to);
	return 0;
}

static const struct step_type held_type = {
        .name = "held",
        .flags = STEP_DIES_WITH_HOLDER | STEP_LEAN,
        .get = held_get,
        .set = held_set,
};

static const struct step_type *held_find(const char *name)
{
	return &held_type;
}

static void test_holder_goes_when_the_name_is_gone(void **state)
{
	struct step s = {.type = "held", .object = "/proc/4711/ns/net", .to = "cut"};
	struct err err = ERR_INIT;
	struct bench b;

	bench_init(&b);
	held.named = true;
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	keeper.c.type_find = held_find;
	assert_int_equal(keeper_put(&keeper, 0, &s, 1, &err), 0);
	assert_true(held.held);
	held.named = false;
	assert_int_equal(keeper_take_all(&keeper), 0);
	assert_int_equal(keeper.slots[0].phase, SLOT_GONE);
	assert_false(held.held);
	run_finish(&keeper);
	assert_int_equal(bench_claims(&b), 0);
	bench_release(&b);
}

/* At boot undo may come before the file systems: a file that cannot be reached is not gone. */
static void test_not_mounted_yet(void **state)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct step s = {.type = "file", .object = "/data/etc/f"};
	char hex[SHA256_HEX], path[160], away[160];
	struct bench b;
	int dir;
	BUF(text, 64);

	bench_init(&b);
	snprintf(path, sizeof(path), "%s/data/etc", b.dir);
	dir = dir_open_owned(path, geteuid(), true, &err);
	assert_true(dir >= 0);
	assert_int_equal(file_put(dir, "f", "good", 4, false, &err), 0);
	close(dir);
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	sha256_text("bad", 3, hex);
	assert_int_equal(file_put(keeper.c.run_dir, hex, "bad", 3, false, &err), 0);
	keeper.c.stash = keeper.c.run_dir;
	snprintf(s.to, sizeof(s.to), "@%s", hex);
	assert_int_equal(keeper_put(&keeper, 0, &s, 1, &err), 0);
	keeper_release(&keeper);
	bench_boot(&b, "99999999-2222-3333-4444-555555555555");
	snprintf(away, sizeof(away), "%s/unmounted", b.dir);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.residue, 1);
	assert_int_equal(rename(away, path), 0);
	memset(&result, 0, sizeof(result));
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.back, 1);
	assert_int_equal(world_read(&b.world, s.object, &text, &err), 0);
	assert_string_equal(text.data, "good");
	bench_release(&b);
}

/* The log's disk has turned read-only: what was done goes back all the same, and what could not be
 * written is said. */
static void test_read_only_disk(void **state)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct step s;
	struct bench b;
	int status;
	pid_t pid;

	if (geteuid() != 0)
		lacks("root", "a read-only file system is mounted");
	bench_init(&b);
	s = make_step(&b, 0, "10000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(keeper_put(&keeper, 0, &s, 1, &err), 0);
	keeper_release(&keeper);
	pid = fork();
	if (pid == 0) {
		const unsigned long ro = MS_REMOUNT | MS_BIND | MS_RDONLY;

		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount(b.paths.state, b.paths.state, NULL, MS_BIND, NULL) < 0 ||
		    mount(NULL, b.paths.state, NULL, ro, NULL) < 0)
			_exit(77);
		_exit(undo_run(&b, "a", &result) < 0 && result.back == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 77) {
		assert_int_equal(WEXITSTATUS(status), 0);
		assert_true(bench_is_base(&b));
	}
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.residue, 0);
	assert_int_equal(bench_claims(&b), 0);
	bench_release(&b);
}

static void test_gone_with_its_object_or_boot(void **state)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct bench b;
	struct step s[2];
	char path[160], text[64];

	bench_init(&b);
	s[0] = make_step(&b, 0, "10000");
	s[1] = make_step(&b, 1, "10000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(keeper_put(&keeper, 0, s, 2, &err), 0);
	/* the group is removed and made anew: another inode, another group */
	snprintf(path, sizeof(path), "%s/cg0/cpu.cfs_quota_us", b.dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/cg0", b.dir);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/keep-the-inode", b.dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/cg0", b.dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/cg0/cpu.cfs_quota_us", b.dir);
	put_text(path, "10000");
	keeper_release(&keeper);
	bench_boot(&b, "99999999-2222-3333-4444-555555555555");
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.gone, 2);
	assert_int_equal(result.residue, 0);
	bench_read(&b, 0, text);
	assert_string_equal(text, "10000");
	assert_int_equal(bench_claims(&b), 0);
	bench_release(&b);
}

static void test_log_is_not_trusted(void **state)
{
	struct slot *slots = calloc(UNDO_SLOTS, sizeof(*slots));
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct undo_log log;
	struct bench b;
	struct step s;
	char path[160];
	int fd, dir;

	bench_init(&b);
	s = make_step(&b, 0, "10000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(keeper_put(&keeper, 0, &s, 1, &err), 0);
	keeper_release(&keeper);
	snprintf(path, sizeof(path), "%s/state/runs/a", b.dir);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* writable by others: refused */
	fchmodat(dir, UNDO_LOG_NAME, 0666, 0);
	assert_int_equal(undo_run(&b, "a", &result), -EPERM);
	fchmodat(dir, UNDO_LOG_NAME, 0600, 0);
	/* a torn newest copy: the one before counts */
	assert_int_equal(undo_log_open(&log, dir, geteuid(), true, slots, &err), 0);
	assert_int_equal(slots[0].phase, SLOT_IN);
	undo_log_close(&log);
	fd = openat(dir, UNDO_LOG_NAME, O_RDWR | O_CLOEXEC);
	for (off_t at = 0, end = lseek(fd, 0, SEEK_END); at < end; at += 512) {
		char c[24];

		/* the sector with the slot's newest sequence number */
		if (pread(fd, c, sizeof(c), at) == sizeof(c) && at >= 1024 &&
		    memcmp(c + 8, "\2\0\0\0\0\0\0\0", 8) == 0) {
			assert_int_equal(pwrite(fd, "torn", 4, at + 100), 4);
			break;
		}
	}
	close(fd);
	assert_int_equal(undo_log_open(&log, dir, geteuid(), true, slots, &err), 0);
	assert_int_equal(slots[0].phase, SLOT_INTENT);
	undo_log_close(&log);
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.residue, 0);
	assert_true(bench_is_base(&b));
	/* garbage, and a link */
	fd = openat(dir, UNDO_LOG_NAME, O_RDWR | O_TRUNC | O_CLOEXEC);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write(fd, "squallsqualls", 13), 13);
	close(fd);
	assert_int_equal(undo_run(&b, "a", &result), -EBADMSG);
	renameat(dir, UNDO_LOG_NAME, dir, "x");
	assert_int_equal(symlinkat("x", dir, UNDO_LOG_NAME), 0);
	assert_int_equal(undo_run(&b, "a", &result), -ELOOP);
	close(dir);
	free(slots);
	bench_release(&b);
}

static void test_full_log_refuses(void **state)
{
	struct err err = ERR_INIT;
	struct step *s = calloc(UNDO_SLOTS + 1, sizeof(*s));
	struct bench b;

	bench_init(&b);
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	for (int i = 0; i <= UNDO_SLOTS; i++)
		s[i] = make_step(&b, 0, "10000");
	assert_int_equal(keeper_put(&keeper, 0, s, UNDO_SLOTS + 1, &err), -ENOSPC);
	assert_true(bench_is_base(&b));
	run_finish(&keeper);
	free(s);
	bench_release(&b);
}

/* A target that restarts for ever, and half of the time is gone again between its preparing and its
 * change: every generation is another object, and none of them keeps its slot. */
static void test_generations_do_not_fill_the_log(void **state)
{
	struct err err = ERR_INIT;
	struct bench b;
	char dir[128], path[160];

	bench_init(&b);
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	for (int i = 0; i < 3 * UNDO_SLOTS; i++) {
		struct step s[2] = {make_step(&b, 0, "10000"), make_step(&b, 0, "10000")};
		struct stat st;
		int rc;

		snprintf(dir, sizeof(dir), "%s/gen%d", b.dir, i);
		snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", dir);
		assert_int_equal(mkdir(dir, 0700), 0);
		assert_int_equal(stat(dir, &st), 0);
		put_text(path, "-1");
		snprintf(s[1].object, OBJECT_MAX, "/gen%d/cpu.cfs_quota_us@%llu", i,
		         (unsigned long long)st.st_ino);
		assert_int_equal(keeper_prepare(&keeper, 0, s, 2, &err), 0);
		if (i % 2) {
			remove(path);
			remove(dir);
		}
		rc = keeper_put(&keeper, 0, s, 2, &err);
		assert_int_equal(rc, 0);
		remove(path);
		remove(dir);
	}
	assert_int_equal(keeper_take_all(&keeper), 0);
	assert_true(bench_is_base(&b));
	assert_int_equal(bench_claims(&b), 0);
	run_finish(&keeper);
	bench_release(&b);
}

/* The folder of object 2 goes when the hook comes by this boundary for the nth time. */
static struct {
	const struct bench *b;
	const char *at;
	int nth;
} going;

static void object_2_remove(const struct bench *b)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/cg2/cpu.cfs_quota_us", b->dir);
	assert_int_equal(remove(path), 0);
	snprintf(path, sizeof(path), "%s/cg2", b->dir);
	assert_int_equal(remove(path), 0);
}

static void going_hook(const char *name)
{
	if (strcmp(name, going.at) == 0 && --going.nth == 0)
		object_2_remove(going.b);
}

static uint32_t phase_of(const struct keeper *k, const char *object)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		if (strcmp(k->slots[i].object, object) == 0)
			return k->slots[i].phase;
	return SLOT_FREE;
}

/* Whenever one of several objects goes, the others are attacked; with the last the plan fails. */
static void test_one_of_several_goes(void **state)
{
	for (int when = 0; when < 4; when++) {
		struct err err = ERR_INIT;
		struct step s[2];
		struct bench b;
		char text[64];

		bench_init(&b);
		s[0] = make_step(&b, 2, "10000");
		s[1] = make_step(&b, 1, "20000");
		assert_int_equal(run_begin(&b, &keeper, "a"), 0);
		if (when == 0)
			object_2_remove(&b);
		assert_int_equal(keeper_prepare(&keeper, 0, s, 2, &err), 0);
		if (when == 1)
			object_2_remove(&b);
		going.b = &b;
		going.at = when == 2 ? "before log put" : "after log sync";
		going.nth = 1;
		boundary_hook = when > 1 ? going_hook : NULL;
		assert_int_equal(keeper_put(&keeper, 0, s, 2, &err), 0);
		boundary_hook = NULL;
		bench_read(&b, 1, text);
		assert_string_equal(text, "20000");
		assert_int_equal(phase_of(&keeper, b.object[1]), SLOT_IN);
		assert_int_equal(phase_of(&keeper, b.object[2]), when ? SLOT_GONE : SLOT_FREE);
		assert_int_equal(bench_claims(&b), 1);
		/* planned again, the same */
		assert_int_equal(keeper_put(&keeper, 0, s, 2, &err), 0);
		assert_int_equal(keeper_take_all(&keeper), 0);
		assert_int_equal(keeper_put(&keeper, 1, s, 1, &err), -ESTALE);
		bench_read(&b, 1, text);
		assert_string_equal(text, base_text[1]);
		assert_int_equal(bench_claims(&b), 0);
		run_finish(&keeper);
		bench_release(&b);
	}
}

/* What was as wanted before, and was not changed, is nobody's residue, whatever becomes of it. */
static void test_untouched_is_no_residue(void **state)
{
	for (int dead = 0; dead < 2; dead++) {
		struct undo_result result = {0};
		struct err err = ERR_INIT;
		struct step s[2];
		struct bench b;
		char path[160], text[64];

		bench_init(&b);
		s[0] = make_step(&b, 1, base_text[1]);
		s[1] = make_step(&b, 0, "10000");
		assert_int_equal(run_begin(&b, &keeper, "a"), 0);
		assert_int_equal(keeper_put(&keeper, 0, s, 2, &err), 0);
		snprintf(path, sizeof(path), "%s/cg1/cpu.cfs_quota_us", b.dir);
		put_text(path, "55555");
		if (dead) {
			keeper_release(&keeper);
		} else {
			assert_int_equal(keeper_take_all(&keeper), 0);
			run_finish(&keeper);
		}
		assert_int_equal(undo_run(&b, "a", &result), 0);
		assert_int_equal(result.residue, 0);
		bench_read(&b, 1, text);
		assert_string_equal(text, "55555");
		bench_read(&b, 0, text);
		assert_string_equal(text, base_text[0]);
		assert_int_equal(bench_claims(&b), 0);
		bench_release(&b);
	}
}

/* A second run wanted what the first had made of the object: that is not how it was before. */
static void test_as_another_run_left_it_is_not_untouched(void **state)
{
	struct err err = ERR_INIT;
	struct step weak, strong;
	struct bench b;
	char path[160];

	bench_init(&b);
	weak = make_step(&b, 1, "50000");
	strong = make_step(&b, 1, "20000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(run_begin(&b, &other, "b"), 0);
	assert_int_equal(keeper_put(&keeper, 0, &strong, 1, &err), 0);
	assert_int_equal(keeper_put(&other, 0, &weak, 1, &err), 0);
	assert_int_equal(other.slots[0].was_there, 1);
	assert_int_equal(keeper_take_all(&keeper), 0);
	run_finish(&keeper);
	snprintf(path, sizeof(path), "%s/cg1/cpu.cfs_quota_us", b.dir);
	put_text(path, "55555");
	assert_int_equal(keeper_take_all(&other), 1);
	run_finish(&other);
	bench_release(&b);
}

/* The keeper is stuck in the kernel, killed but not gone: what it has in goes back, what it may be
 * changing waits for its end. */
static void test_early(void **state)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct keeper_config config;
	struct step s[2];
	struct bench b;
	char path[160], text[64];
	int dir;

	bench_init(&b);
	s[0] = make_step(&b, 0, "10000");
	s[1] = make_step(&b, 1, "20000");
	assert_int_equal(run_begin(&b, &keeper, "a"), 0);
	assert_int_equal(keeper_put(&keeper, 0, s, 2, &err), 0);
	config = keeper.c;
	keeper.slots[1].phase = SLOT_INTENT;
	assert_int_equal(undo_log_put(&keeper.log, 1, &err), 0);
	snprintf(path, sizeof(path), "%s/state/runs/a", b.dir);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(
	        undo_folder_early(&b.world, &b.paths, dir, "a", say_residue, NULL, &result, &err),
	        0);
	assert_int_equal(result.back, 1);
	assert_int_equal(result.residue, 0);
	bench_read(&b, 0, text);
	assert_string_equal(text, base_text[0]);
	bench_read(&b, 1, text);
	assert_string_equal(text, "20000");
	assert_int_equal(bench_claims(&b), 1);
	close(dir);
	keeper_release(&keeper);
	close(config.run_dir);
	close(config.claims_dir);
	assert_int_equal(undo_run(&b, "a", &result), 0);
	assert_int_equal(result.back, 2);
	assert_int_equal(result.residue, 0);
	assert_true(bench_is_base(&b));
	assert_int_equal(bench_claims(&b), 0);
	bench_release(&b);
}

/* An object that counts, and how often it was set. */
static struct {
	uint64_t counted;
	int sets;
} busy_object;

static int busy_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	buf_reset(state);
	buf_add(state, "idle");
	return 0;
}

static int busy_set(struct hold *h, const char *object, const char *now, const char *to,
                    struct buf *landed, struct err *err)
{
	busy_object.sets++;
	buf_reset(landed);
	buf_add(landed, "idle");
	return 0;
}

static int busy_meter(const struct hold *h, const char *object, struct counters *to,
                      struct err *err)
{
	counters_add(to, "count", busy_object.counted);
	return 0;
}

static struct step_type busy_type = {
        .name = "busy",
        .flags = STEP_LEAN,
        .get = busy_get,
        .set = busy_set,
        .meter = busy_meter,
};

static const struct step_type *busy_find(const char *name)
{
	return &busy_type;
}

static uint64_t counted(struct keeper *k, uint32_t plan)
{
	struct counters c = {.n = 0};

	keeper_meter(k, plan, &c);
	return counters_get(&c, "count");
}

/* Two attacks of a run on one object, one after the other, both prepared at arming. */
static void test_each_attack_counts_its_own(void **state)
{
	struct step s = {.type = "busy", .object = "/x", .to = "shared"};
	struct err err = ERR_INIT;
	struct bench b;
	uint64_t before;

	for (int irreversible = 0; irreversible < 2; irreversible++) {
		bench_init(&b);
		busy_type.flags = irreversible ? STEP_LEAN | STEP_IRREVERSIBLE : STEP_LEAN;
		busy_object.counted = 5;
		busy_object.sets = 0;
		assert_int_equal(run_begin(&b, &keeper, "a"), 0);
		keeper.c.type_find = busy_find;
		assert_int_equal(keeper_prepare(&keeper, 0, &s, 1, &err), 0);
		assert_int_equal(keeper_prepare(&keeper, 1, &s, 1, &err), 0);

		assert_int_equal(keeper_prepare(&keeper, 0, &s, 1, &err), 0);
		assert_int_equal(counted(&keeper, 0), 5);
		assert_int_equal(keeper_put(&keeper, 0, &s, 1, &err), 0);
		busy_object.counted = 9;
		assert_int_equal(counted(&keeper, 0), 9);
		keeper_take_out(&keeper, 0);
		busy_object.counted = 12;

		assert_int_equal(keeper_prepare(&keeper, 1, &s, 1, &err), 0);
		before = counted(&keeper, 1);
		busy_object.sets = 0;
		assert_int_equal(keeper_put(&keeper, 1, &s, 1, &err), 0);
		assert_int_equal(busy_object.sets, 1);
		assert_int_equal(counted(&keeper, 1), before);
		busy_object.counted += 3;
		assert_int_equal(counted(&keeper, 1), before + 3);
		assert_int_equal(counted(&keeper, 0), 9);
		keeper.c.type_find = step_type_find;
		keeper_release(&keeper);
		close(keeper.c.run_dir);
		close(keeper.c.claims_dir);
		bench_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_whole),
	        cmocka_unit_test(test_killed_at_every_boundary),
	        cmocka_unit_test(test_undo_killed_at_every_boundary),
	        cmocka_unit_test(test_each_write_short),
	        cmocka_unit_test(test_each_call_failing),
	        cmocka_unit_test(test_overlap),
	        cmocka_unit_test(test_overlap_killed_while_reverting),
	        cmocka_unit_test(test_third_party_is_not_overwritten),
	        cmocka_unit_test(test_what_went_back_is_read_again),
	        cmocka_unit_test(test_base_is_read_under_the_lock),
	        cmocka_unit_test(test_locked_claim),
	        cmocka_unit_test(test_third_party_is_not_overwritten_by_a_change),
	        cmocka_unit_test(test_holder_goes_when_the_name_is_gone),
	        cmocka_unit_test(test_not_mounted_yet),
	        cmocka_unit_test(test_read_only_disk),
	        cmocka_unit_test(test_gone_with_its_object_or_boot),
	        cmocka_unit_test(test_log_is_not_trusted),
	        cmocka_unit_test(test_full_log_refuses),
	        cmocka_unit_test(test_generations_do_not_fill_the_log),
	        cmocka_unit_test(test_one_of_several_goes),
	        cmocka_unit_test(test_untouched_is_no_residue),
	        cmocka_unit_test(test_as_another_run_left_it_is_not_untouched),
	        cmocka_unit_test(test_early),
	        cmocka_unit_test(test_each_attack_counts_its_own),
	};

	return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
