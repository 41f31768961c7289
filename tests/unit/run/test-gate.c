/* test-gate.c - who, when, and what is left: what a policy says of callers, moments and process
 * ids; whose file counts. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/quantity.h"
#include "fault/fault.h"
#include "machine/recorded.h"
#include "run/gate.h"
#include "run/halt.h"

/* Last: it has a macro that is called expect_check, too. */
#include <cmocka.h>

static struct world world;
static struct paths paths;
static char box[64];
static const struct catalogue catalogue = {.faults = fault_kinds};

static void policy_write(const char *text, mode_t mode)
{
	char path[PATH_CAP + 16];
	snprintf(path, sizeof(path), "%s/policy.yaml", paths.etc);
	unlink(path);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "squall-policy: 1\n%s\n", text);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static int load(struct policies *p, struct err *err)
{
	return policies_load(p, &world, &paths, &catalogue, NULL, err);
}

static struct policies *good(struct policies *p, const char *text)
{
	struct err err = ERR_INIT;
	policy_write(text, 0644);
	if (load(p, &err) < 0)
		fail_msg("%s", err.what);
	assert_true(p->n >= 1);
	return p;
}

static void caller_is(struct policies *p, const char *name, uid_t uid, gid_t group)
{
	p->caller.n = 1;
	p->caller.v[0] = (struct caller_user){.uid = uid, .groups = {group}, .groups_n = 1};
	snprintf(p->caller.v[0].name, sizeof(p->caller.v[0].name), "%s", name);
}

static void test_who(void **state)
{
	static const struct {
		const char *who, *name;
		uid_t uid;
		gid_t group;
		bool may;
	} cases[] = {
	        {"halt: root", "ada", 1000, 1000, true},
	        {"who: {users: [root]}", "root", 0, 0, true},
	        {"who: {users: [root]}", "ada", 1000, 1000, false},
	        {"who: {users: [root, ada]}", "ada", 1000, 1000, true},
	        {"who: {users: [\"a*\"]}", "ada", 1000, 1000, true},
	        {"who: {users: [1000]}", "ada", 1000, 1000, true},
	        {"who: {users: [100]}", "ada", 1000, 1000, false},
	        {"who: {users: []}", "root", 0, 0, false},
	        {"who: {groups: [root]}", "ada", 1000, 0, true},
	        {"who: {groups: [4711]}", "ada", 1000, 4711, true},
	        {"who: {groups: [4711]}", "ada", 1000, 471, false},
	        {"who: {users: [bea], groups: [4711]}", "ada", 1000, 4711, true},
	        {"who: {users: [bea], groups: [4711]}", "ada", 1000, 1, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policies p;
		struct err err = ERR_INIT;
		caller_is(good(&p, cases[i].who), cases[i].name, cases[i].uid, cases[i].group);
		if ((gate_caller(&p, &err) == 0) != cases[i].may)
			fail_msg("%s: %s", cases[i].who, cases[i].name);
		if (!cases[i].may)
			assert_non_null(strstr(err.what, "policy.yaml:2\" refuses"));
		policies_release(&p);
	}
}

/* Who calls sudo may what either may. */
static void test_sudo(void **state)
{
	struct policies p;
	struct err err = ERR_INIT;
	good(&p, "who: {users: [root]}");
	caller_is(&p, "root", 0, 0);
	p.caller.v[p.caller.n++] = (struct caller_user){.uid = 1000, .name = "ada"};
	assert_int_equal(gate_caller(&p, &err), 0);
	policies_release(&p);
	good(&p, "who: {users: [ada]}");
	caller_is(&p, "root", 0, 0);
	assert_true(gate_caller(&p, &err) < 0);
	p.caller.v[p.caller.n++] = (struct caller_user){.uid = 1000, .name = "ada"};
	assert_int_equal(gate_caller(&p, &err), 0);
	policies_release(&p);
}

/* 1704067200 is Monday 2024-01-01 00:00 UTC. */
static void test_when(void **state)
{
	const uint64_t hour = 3600 * NS_PER_S, monday = 1704067200 * NS_PER_S;
	struct policies p;
	struct err err = ERR_INIT;
	good(&p, "times: {zone: UTC, windows: [{days: mon-fri, from: 9:00, to: 17:00}]}");
	assert_int_equal(gate_times(&p, monday + 9 * hour, 8 * hour, &err), 0);
	assert_true(gate_times(&p, monday + 9 * hour, 8 * hour + 1, &err) < 0);
	assert_non_null(strstr(err.what, "beyond the window"));
	assert_non_null(strstr(err.hint, "2024-01-01T17:00:00"));
	assert_true(gate_times(&p, monday + 8 * hour, NS_PER_S, &err) < 0);
	assert_non_null(strstr(err.hint, "2024-01-01T09:00:00"));
	assert_true(gate_times(&p, monday + 17 * hour, NS_PER_S, &err) < 0);
	policies_release(&p);
	good(&p, "times: {windows: []}");
	assert_true(gate_times(&p, monday, 1, &err) < 0);
	policies_release(&p);
	good(&p, "halt: root");
	assert_int_equal(gate_times(&p, monday, UINT64_MAX / 2, &err), 0);
	policies_release(&p);
}

static void test_floors(void **state)
{
	struct policies p;
	good(&p, "floors: {memory: 1MiB, process-ids: 7}");
	assert_true(p.floors.mem_bytes >= 1 << 20);
	assert_true(p.floors.pids >= 7);
	policies_release(&p);
}

/* A machine: what its files say, and the limits of the two cgroups that squall is in, below dir. */
struct ids_machine {
	const char *text, *dir; /* dir NULL: no cgroups */
};

#define USED_500                                  \
	"squall machine 1\nlink /proc/self = 9\n" \
	"text /proc/sys/kernel/pid_max = 32768\n" \
	"text /proc/loadavg = 0.00 0.00 0.00 1/500 9\n"

static const struct ids_machine version_2 = {
        USED_500 "text /proc/sys/kernel/threads-max = 40000\n"
                 "text /proc/9/mountinfo = 31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
                 "text /proc/9/cgroup = 0::/a.slice/b.service\n",
        "/sys/fs/cgroup"};
static const struct ids_machine version_1 = {
        USED_500 "text /proc/sys/kernel/threads-max = 40000\n"
                 "text /proc/9/mountinfo = 3 2 0:2 / /sys/fs/cgroup/pids rw - cgroup cgroup pids\n"
                 "text /proc/9/cgroup = 4:pids:/a.slice/b.service\n",
        "/sys/fs/cgroup/pids"};
static const struct ids_machine few_threads = {USED_500 "text /proc/sys/kernel/threads-max = 600\n",
                                               NULL};
static const struct ids_machine uncounted = {"squall machine 1\n", NULL};

static void machine_make(struct recorded *r, const struct ids_machine *m, const char *slice,
                         const char *service)
{
	struct err err = ERR_INIT;
	char path[PATH_CAP + 16];
	FILE *f;

	snprintf(path, sizeof(path), "%s/a.machine", box);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(m->text, f);
	if (m->dir) {
		fprintf(f, "text %s/a.slice/pids.max = %s\n", m->dir, slice);
		fprintf(f, "text %s/a.slice/pids.current = 100\n", m->dir);
		fprintf(f, "text %s/a.slice/b.service/pids.max = %s\n", m->dir, service);
		fprintf(f, "text %s/a.slice/b.service/pids.current = 10\n", m->dir);
	}
	fclose(f);
	if (recorded_open(r, path, &err) < 0)
		fail_msg("%s", err.what);
}

/* The policy's floor, what the plans take besides squall's own 12, and whether that may be. */
static void test_process_ids(void **state)
{
	static const struct {
		const struct ids_machine *machine;
		const char *slice, *service;
		unsigned floor;
		size_t pids;
		const char *refused; /* NULL: it may */
	} cases[] = {
	        {&version_2, "max", "max", 32256, 0, NULL},
	        {&version_2, "max", "max", 32257, 0, "32268 are free (kernel.pid_max)"},
	        {&version_2, "max", "max", 32200, 56, NULL},
	        {&version_2, "max", "max", 32200, 57, "takes 69 process ids"},
	        {&version_2, "max", "1000", 978, 0, NULL},
	        {&version_2, "max", "1000", 979, 0,
	         "990 are free (cgroup \"/sys/fs/cgroup/a.slice/b.service\")"},
	        {&version_2, "200", "1000", 100, 0,
	         "100 are free (cgroup \"/sys/fs/cgroup/a.slice\"), and 100 must stay"},
	        {&version_2, "200", "1000", 88, 0, NULL},
	        {&version_2, "50", "max", 1, 0, ": 0 are free (cgroup"},
	        {&version_2, "50", "max", 0, 0, NULL},
	        {&version_1, "max", "1000", 978, 0, NULL},
	        {&version_1, "max", "1000", 979, 0,
	         "990 are free (cgroup \"/sys/fs/cgroup/pids/a.slice/b.service\")"},
	        {&version_1, "110", "1000", 1, 0, ": 10 are free (cgroup"},
	        {&few_threads, "", "", 88, 0, NULL},
	        {&few_threads, "", "", 89, 0, "100 are free (kernel.threads-max)"},
	        {&uncounted, "", "", 1, 0, "until free process ids can be counted"},
	        {&uncounted, "", "", 0, 0, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct recorded r = {.text = NULL};
		struct policies p;
		struct err err = ERR_INIT;
		char text[64];
		int ret;

		snprintf(text, sizeof(text), "floors: {process-ids: %u}", cases[i].floor);
		good(&p, text);
		machine_make(&r, cases[i].machine, cases[i].slice, cases[i].service);
		ret = gate_room(&p, &r.world, cases[i].pids, &err);
		if (ret != (cases[i].refused ? -EPERM : 0) ||
		    (ret < 0 && !strstr(err.what, cases[i].refused)))
			fail_msg("case %zu: %d %s", i, ret, err.what);
		if (ret < 0)
			assert_non_null(strstr(err.what, "policy.yaml:2\" refuses"));
		recorded_close(&r);
		policies_release(&p);
	}
}

/* A policy that cannot be trusted, read or understood refuses; one that is not there does not. */
static void refused(const char *why)
{
	struct policies p;
	struct err err = ERR_INIT;
	int ret = load(&p, &err);
	policies_release(&p);
	if (ret != -EPERM || strstr(err.what, why) == NULL)
		fail_msg("%d: %s, wanted %s", ret, err.what, why);
	assert_true(err.hint[0]);
}

static void test_whose(void **state)
{
	struct policies p;
	struct err err = ERR_INIT;
	char path[PATH_CAP + 16];
	snprintf(path, sizeof(path), "%s/policy.yaml", paths.etc);
	unlink(path);
	assert_int_equal(load(&p, &err), 0);
	policies_release(&p);
	policy_write("halt: root", 0664);
	refused("others own it or can write it");
	policy_write("halt: root", 0646);
	refused("others own it or can write it");
	policy_write("halt: nobody", 0644);
	refused("1 error");
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	refused("no regular file");
	unlink(path);
	assert_int_equal(mkfifo(path, 0644), 0);
	refused("no regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0755), 0);
	refused("no regular file");
	rmdir(path);
	policy_write("halt: root", 0644);
	assert_int_equal(chmod(paths.etc, 0777), 0);
	refused("its folder");
	assert_int_equal(chmod(paths.etc, 0755), 0);
	if (geteuid() != 0) {
		policy_write("halt: root", 0);
		refused("cannot be read by you");
	} else {
		policy_write("halt: root", 0644);
		assert_int_equal(chown(path, 12345, 0), 0);
		refused("others own it");
	}
	good(&p, "halt: root");
	policies_release(&p);
}

static void test_halt(void **state)
{
	struct err err = ERR_INIT;
	struct halt_files files;
	struct halt halt;
	FILE *f;

	/* This machine's own is nobody's business here. */
	snprintf(paths.machine, sizeof(paths.machine), "%.400s/machine", paths.runtime);
	halt_files(&paths, true, &files);
	assert_int_equal(files.n, 3);
	assert_false(halt_read(&files, &halt));
	assert_int_equal(halt_lift(&paths, &err), 0);
	assert_int_equal(halt_put(&paths, "not\nnow", &err), 0);
	assert_true(halt_read(&files, &halt));
	assert_string_equal(halt.reason, "not now");
	assert_true(halt.by[0] && strchr(halt.when, 'T'));
	assert_true(halt.own);
	assert_int_equal(halt_lift(&paths, &err), 1);
	assert_false(halt_read(&files, &halt));
	/* That it is there is enough, whatever is in it; a link, a folder, nothing. */
	assert_int_equal(symlink("/nowhere", files.v[0]), 0);
	assert_true(halt_read(&files, &halt));
	assert_int_equal(halt_lift(&paths, &err), 1);
	f = fopen(files.v[0], "we");
	assert_non_null(f);
	fprintf(f, "\n\n\n");
	fclose(f);
	assert_true(halt_read(&files, &halt));
	assert_string_equal(halt.reason, "");
	assert_string_equal(halt.when, "a time not known");
	assert_true(halt.by[0]);
	assert_int_equal(unlink(files.v[0]), 0);
	/* What cannot be looked at is not taken to be absent. */
	halt_files(&paths, false, &files);
	assert_int_equal(files.n, 2);
	memset(files.v[1], 'x', NAME_MAX + 20);
	files.v[1][NAME_MAX + 20] = '\0';
	assert_true(halt_read(&files, &halt));
	assert_non_null(strstr(halt.reason, "cannot look at"));
}

static int begin(void **state)
{
	struct err err = ERR_INIT;
	snprintf(box, sizeof(box), "/tmp/test-gate-XXXXXX");
	if (!mkdtemp(box) || world_open_real(&world, &err) < 0)
		return -1;
	setenv("SQUALL_DIR", box, 1);
	return paths_find(&paths, &err) < 0 || mkdir(paths.etc, 0755) < 0 ? -1 : 0;
}

static int end(void **state)
{
	char path[PATH_CAP + 16];
	snprintf(path, sizeof(path), "%s/policy.yaml", paths.etc);
	unlink(path);
	snprintf(path, sizeof(path), "rm -rf %s", box);
	int ret = system(path);
	world_close(&world);
	return ret;
}

/* A helper for each step; a shaper is watched by another process. */
static void a_shaper_is_two_processes(void **state)
{
	struct step v[] = {
	        {.type = "nft", .to = "shape in : seed=0 delay=1"},
	        {.type = "nft", .to = "cut silence in egress=output"},
	};
	struct plan plan = {.v = v, .n = 2, .threads = 3};

	(void)state;
	assert_int_equal(gate_pids(&plan), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_shaper_is_two_processes),
	        cmocka_unit_test(test_who),
	        cmocka_unit_test(test_sudo),
	        cmocka_unit_test(test_when),
	        cmocka_unit_test(test_floors),
	        cmocka_unit_test(test_process_ids),
	        cmocka_unit_test(test_whose),
	        cmocka_unit_test(test_halt),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
