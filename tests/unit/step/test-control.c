/* test-control.c - control files of a made-up machine in a temporary directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "step/step.h"

struct machine {
	char dir[64];
	struct world w;
	struct answers none;
	uint64_t ino; /* of /cg */
	char quota[OBJECT_MAX];
};

static void file_write(struct machine *m, const char *path, const char *text)
{
	int fd = openat(m->w.root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int setup(void **state)
{
	static struct machine m;
	struct stat st;
	memset(&m, 0, sizeof(m));
	strcpy(m.dir, "/tmp/squall-control-XXXXXX");
	assert_non_null(mkdtemp(m.dir));
	m.w.root = open(m.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	m.w.fake = &m.none;
	assert_int_equal(mkdirat(m.w.root, "cg", 0755), 0);
	file_write(&m, "cg/cpu.cfs_quota_us", "-1\n");
	assert_int_equal(fstatat(m.w.root, "cg", &st, 0), 0);
	m.ino = st.st_ino;
	snprintf(m.quota, sizeof(m.quota), "/cg/cpu.cfs_quota_us@%llu", (unsigned long long)m.ino);
	*state = &m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;
	char cmd[128];
	close(m->w.root);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", m->dir);
	return system(cmd);
}

static const struct step_type *control(void)
{
	const struct step_type *t = step_type_find("control");
	assert_non_null(t);
	return t;
}

static void sets_and_puts_back(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	struct hold h;
	BUF(s, STATE_MAX);
	hold_init(&h);
	h.world = &m->w;
	assert_int_equal(control()->open(&h, m->quota, &e), 0);
	assert_int_equal(control()->get(&m->w, m->quota, &s, &e), 0);
	assert_string_equal(s.data, "-1");
	assert_int_equal(control()->set(&h, m->quota, "-1", "30000", &s, &e), 0);
	assert_string_equal(s.data, "30000");
	assert_int_equal(control()->set(&h, m->quota, "30000", "-1", &s, &e), 0);
	assert_string_equal(s.data, "-1");
	hold_release(&h);
	/* without a prepared descriptor, as undo has it */
	assert_int_equal(control()->set(&h, m->quota, "-1", "5", &s, &e), 0);
	assert_int_equal(control()->get(&m->w, m->quota, &s, &e), 0);
	assert_string_equal(s.data, "5");
	hold_release(&h);
}

static void another_group_of_the_same_name_is_gone(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	struct hold h;
	BUF(s, STATE_MAX);
	hold_init(&h);
	h.world = &m->w;
	assert_int_equal(renameat(m->w.root, "cg", m->w.root, "old"), 0);
	assert_int_equal(control()->get(&m->w, m->quota, &s, &e), -ESTALE);
	assert_int_equal(mkdirat(m->w.root, "cg", 0755), 0);
	file_write(m, "cg/cpu.cfs_quota_us", "77\n");
	assert_int_equal(control()->get(&m->w, m->quota, &s, &e), -ESTALE);
	assert_int_equal(control()->open(&h, m->quota, &e), -ESTALE);
	assert_int_equal(control()->set(&h, m->quota, "-1", "1", &s, &e), -ESTALE);
	/* without an identity the name is all there is */
	assert_int_equal(control()->get(&m->w, "/cg/cpu.cfs_quota_us", &s, &e), 0);
	assert_string_equal(s.data, "77");
	assert_int_equal(control()->get(&m->w, "/cg/none", &s, &e), -ENOENT);
	assert_int_equal(control()->get(&m->w, "relative", &s, &e), -EINVAL);
	hold_release(&h);
}

static void refuses_what_is_not_one_line(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	file_write(m, "many", "a\nb\n");
	assert_int_equal(control()->get(&m->w, "/many", &s, &e), -EFBIG);
	char big[STATE_MAX + 10];
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	file_write(m, "big", big);
	assert_int_equal(control()->get(&m->w, "/big", &s, &e), -EFBIG);
	assert_int_equal(symlinkat("many", m->w.root, "link"), 0);
	assert_int_equal(control()->get(&m->w, "/link", &s, &e), -ELOOP);
}

static void merge_is(const char *object, const char *base, const char *a, const char *b,
                     const char *want)
{
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	const char *claims[] = {a, b};
	int code = control()->merge(object, base, claims, b ? 2 : 1, &s, &e);
	if (!want) {
		assert_true(code < 0);
		assert_true(e.what[0] != 0);
		return;
	}
	assert_int_equal(code, 0);
	assert_string_equal(s.data, want);
	if (b) { /* the order of claims says nothing */
		const char *turned[] = {b, a};
		assert_int_equal(control()->merge(object, base, turned, 2, &s, &e), 0);
		assert_string_equal(s.data, want);
	}
}

static void claims_combine(void **state)
{
	(void)state;
	merge_is("/c/cpu.cfs_quota_us@1", "-1", "30000", "50000", "30000");
	merge_is("/c/cpu.cfs_quota_us@1", "-1", "-1", "50000", "50000");
	merge_is("/c/cpu.cfs_quota_us@1", "-1", "50000", NULL, "50000");
	merge_is("/c/cpu.cfs_quota_us@1", "-1", "x", "50000", NULL);
	merge_is("/c/cpu.max@1", "max 100000", "30000 100000", "10000 50000", "20000 100000");
	merge_is("/c/cpu.max@1", "max 100000", "max 100000", "10000 50000", "20000 100000");
	merge_is("/c/cpu.max@1", "max 100000", "max 100000", "max 50000", "max 100000");
	merge_is("/c/cpu.max@1", "50000 100000", "1", "70000", "1000 100000");
	merge_is("/c/cpu.max@1", "max 100000", "1 0", "2", NULL);
	merge_is("/c/cpu.max@1", "max 100000", "99999999999999999999", "2", NULL);
	merge_is("/c/pids.max", "max", "10", "max", "10");
	merge_is("/proc/sys/x", "1", "2", "3", NULL);
	merge_is("/proc/sys/x", "1", "2", "2", "2");
}

static void knows_what_the_kernel_rounds(void **state)
{
	(void)state;
	assert_true(step_same(control(), "30000", "30000 100000"));
	assert_true(step_same(control(), "max", "max 100000"));
	assert_true(step_same(control(), "1 2 3", "1\t2\t3"));
	assert_false(step_same(control(), "3000", "30000"));
	assert_false(step_same(control(), "30000", "3000"));
	assert_false(step_same(control(), "30000 100000", "30000"));
	assert_false(step_same(control(), "30000 50000", "30000 100000"));
	assert_false(step_same(control(), "a", "a b"));
	assert_false(step_same(control(), "a", ""));
}

static void meters(void **state)
{
	struct machine *m = *state;
	struct counters c = {0};
	struct err e = ERR_INIT;
	file_write(m, "cg/cpu.stat", "nr_periods 12\nnr_throttled 3\nthrottled_time 4567\n");
	file_write(m, "cg/cpuacct.usage", "99\n");
	assert_int_equal(control()->meter(&(struct hold){.world = &m->w}, m->quota, &c, &e), 0);
	assert_int_equal(counters_get(&c, "periods_count"), 12);
	assert_int_equal(counters_get(&c, "throttled_count"), 3);
	assert_int_equal(counters_get(&c, "throttled_ns"), 4567);
	assert_int_equal(counters_get(&c, "usage_ns"), 99);
	memset(&c, 0, sizeof(c));
	file_write(m, "cg/cpu.stat",
	           "usage_usec 5\nuser_usec 4\nnr_throttled 1\nthrottled_usec 7\n");
	assert_int_equal(control()->meter(&(struct hold){.world = &m->w}, m->quota, &c, &e), 0);
	assert_int_equal(counters_get(&c, "usage_ns"), 5000);
	assert_int_equal(counters_get(&c, "throttled_ns"), 7000);
	/* v1 without cpuacct: processes of the group and below are summed */
	memset(&c, 0, sizeof(c));
	file_write(m, "cg/cpu.stat", "nr_throttled 1\n");
	assert_int_equal(unlinkat(m->w.root, "cg/cpuacct.usage", 0), 0);
	assert_int_equal(mkdirat(m->w.root, "cg/below", 0755), 0);
	assert_int_equal(mkdirat(m->w.root, "proc", 0755), 0);
	assert_int_equal(mkdirat(m->w.root, "proc/10", 0755), 0);
	assert_int_equal(mkdirat(m->w.root, "proc/11", 0755), 0);
	file_write(m, "cg/cgroup.procs", "10\n");
	file_write(m, "cg/below/cgroup.procs", "11\n12\n");
	file_write(m, "proc/10/stat", "10 (a) R 1 1 1 0 -1 0 0 0 0 0 5 6 0 0 20 0 1 0 77 0 0\n");
	file_write(m, "proc/11/stat", "11 (b) R 1 1 1 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 77 0 0\n");
	assert_int_equal(control()->meter(&(struct hold){.world = &m->w}, m->quota, &c, &e), 0);
	assert_int_equal(counters_get(&c, "usage_ns"),
	                 14 * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(sets_and_puts_back, setup, teardown),
	        cmocka_unit_test_setup_teardown(another_group_of_the_same_name_is_gone, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(refuses_what_is_not_one_line, setup, teardown),
	        cmocka_unit_test(claims_combine),
	        cmocka_unit_test(knows_what_the_kernel_rounds),
	        cmocka_unit_test_setup_teardown(meters, setup, teardown),
	};
	return cmocka_run_group_tests_name("step control", tests, NULL, NULL);
}
