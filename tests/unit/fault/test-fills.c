/* cpu.load, mem.fill, disk.fill: what they plan against the owner's floors, what their doses say.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind-args.h"
#include "fault/fault.h"
#include "machine/recorded.h"
#include "run/resolve.h"

/* Last: it has a macro that is called expect_check, too. */
#include <cmocka.h>

static struct recorded machine;
static struct arena arena;
static struct plan plan;
static struct err err;

static int plan_with(const char *fault, const char *const *texts, enum target_kind kind,
                     const struct floors *floors, uint64_t turn)
{
	const struct fault *f = fault_find(fault);
	struct moment moment = {.seed = 42, .turn = turn, .floors = floors};
	struct target t = {.kind = kind, .name = "the target"};
	uint64_t again_ns;
	void *args = bind_args(&f->kind, texts, &arena);

	err = (struct err)ERR_INIT;
	plan_init(&plan, &arena);
	if (f->kind.check(args, &err) < 0)
		return -EINVAL;
	return f->plan(args, &t, &moment, &machine.world, "run", &plan, &again_ns, &err);
}

static void plans(const char *fault, const char *const *texts, const struct floors *floors,
                  const char *to)
{
	if (plan_with(fault, texts, TARGET_HOST, floors, 0) < 0)
		fail_msg("%s", err.what);
	assert_int_equal(plan.n, 1);
	assert_string_equal(plan.v[0].type, "held");
	assert_string_equal(plan.v[0].to, to);
	assert_true(!plan.host_wide && !plan.control_path);
}

static void refuses(const char *fault, const char *const *texts, enum target_kind kind, int code,
                    const char *what)
{
	assert_int_equal(plan_with(fault, texts, kind, NULL, 0), code);
	if (!strstr(err.what, what))
		fail_msg("%s says: %s", fault, err.what);
}

static void dose_is(const char *fault, const char *const *texts, struct counters after,
                    const char *asked, const char *achieved, const char *why)
{
	dose_says(&arena, fault, texts, (struct counters){.n = 0}, after, asked, achieved, why);
}

static int setup(void **state)
{
	arena_init(&arena, 16 << 20);
	return recorded_open(&machine, MACHINES "/v1.machine", &err);
}

static int teardown(void **state)
{
	recorded_close(&machine);
	arena_release(&arena);
	return 0;
}

static void floors(void **state)
{
	/* 8 GiB, 6 GiB of them available; the floor of 5% is 410 MiB */
	static const struct floors gib = {.mem_bytes = 1ull << 30,
	                                  .disk_bytes = 4ull << 30,
	                                  .mem_by = "/etc/squall/policy.yaml:7"};

	plans("mem.fill", ARGS("bytes=1GiB"), NULL,
	      "bytes=1073741824 floor=429496729 host=429496729");
	plans("mem.fill", ARGS("share=100%", "floor=0%"), NULL, "share=1000000 floor=0 host=0");
	/* the machine owner's outranks what the user says */
	plans("mem.fill", ARGS("share=100%", "floor=0%"), &gib,
	      "share=1000000 floor=1073741824 host=1073741824");
	plans("mem.fill", ARGS("leave=1MiB"), &gib,
	      "leave=1048576 floor=1073741824 host=1073741824");
	assert_int_equal(plan_with("mem.fill", ARGS("bytes=5500MiB"), TARGET_HOST, &gib, 0),
	                 -EPERM);
	assert_string_equal(err.hint, "Take less: that is the word of this machine's owner, in "
	                              "\"/etc/squall/policy.yaml:7\".");
	/* a step up that no longer fits is a matter of the dose */
	assert_int_equal(plan_with("mem.fill", ARGS("bytes=5500MiB"), TARGET_HOST, &gib, 1), 0);
	plans("disk.fill", ARGS("path=/var/lib/shop", "share=50%"), &gib,
	      "share=500000 floor=4294967296");
	assert_int_equal(plan_with("disk.fill", ARGS("path=/var/lib/shop", "bytes=7GiB"),
	                           TARGET_HOST, &gib, 0),
	                 -EPERM);
}

static void refused(void **state)
{
	refuses("mem.fill", NULL, TARGET_HOST, -EINVAL, "must say how much");
	refuses("mem.fill", ARGS("bytes=1MiB", "leave=1MiB"), TARGET_HOST, -EINVAL,
	        "exclude each other");
	refuses("mem.fill", ARGS("bytes=1MiB"), TARGET_NETNS, -EINVAL, "cannot be aimed at");
	refuses("mem.fill", ARGS("bytes=1MiB"), TARGET_CGROUP, -EINVAL, "memory counted");
	refuses("disk.fill", ARGS("path=var", "bytes=1MiB"), TARGET_HOST, -EINVAL, "not absolute");
	refuses("disk.fill", ARGS("path=/no/such", "bytes=1MiB"), TARGET_HOST, -ENOENT, "/no/such");
	refuses("disk.fill", ARGS("path=/var/lib/shop", "bytes=1MiB"), TARGET_CGROUP, -EINVAL,
	        "cannot be aimed at");
	refuses("cpu.load", ARGS("load=10%", "cpus=2", "cpu-list=1"), TARGET_HOST, -EINVAL,
	        "exclude each other");
	refuses("cpu.load", ARGS("load=10%", "cpus=0"), TARGET_HOST, -EINVAL, "no number of CPUs");
	refuses("cpu.load", ARGS("load=10%", "cpu-list=3-1"), TARGET_HOST, -EINVAL,
	        "no list of CPUs");
	refuses("cpu.load", ARGS("load=10%", "cpu-list=4"), TARGET_HOST, -EINVAL,
	        "CPU 4 cannot be used");
	refuses("cpu.load", ARGS("load=10%"), TARGET_CGROUP, -EINVAL, "CPU time counted");
}

static void load_doses(void **state)
{
	const char *const *own = ARGS("load=40%");
	const char *const *total = ARGS("load=50%", "mode=total");

	dose_is("cpu.load", own,
	        COUNTERS({"cpus", 1}, {"held_ns", 10000000000}, {"asked_ns", 4000000000},
	                 {"burnt_ns", 3999000000}, {"realtime", 1}, {"waited_ns", 5000000}),
	        "40% of 1 CPU", "39.99%", NULL);
	dose_is("cpu.load", own,
	        COUNTERS({"cpus", 2}, {"held_ns", 10000000000}, {"asked_ns", 4000000000},
	                 {"burnt_ns", 1850000000}, {"waited_ns", 6000000000}),
	        "40% of 2 CPUs",
	        "18.50%: others had the CPU for 6s, and no better priority was allowed", NULL);
	dose_is("cpu.load", own,
	        COUNTERS({"cpus", 1}, {"held_ns", 10000000000}, {"asked_ns", 4000000000},
	                 {"burnt_ns", 2000000000}, {"waited_ns", 6000000000}, {"better_nice", 1}),
	        "40% of 1 CPU",
	        "20.00%: others had the CPU for 6s, real-time priority was not to be had", NULL);
	dose_is("cpu.load", own, COUNTERS({"cpus", 1}), "40% of 1 CPU", "0.00%", "it never ran");
	dose_is("cpu.load", total,
	        COUNTERS({"cpus", 2}, {"held_ns", 20000000000}, {"asked_ns", 10000000000},
	                 {"burnt_ns", 6000000000}, {"busy_ns", 10000000000},
	                 {"watched_ns", 20000000000}),
	        "50% of 2 CPUs, with what others use", "50.0% in use, 30.00% of it burnt here",
	        NULL);
	dose_is("cpu.load", total,
	        COUNTERS({"cpus", 1}, {"held_ns", 10000000000}, {"burnt_ns", 1000000},
	                 {"busy_ns", 9000000000}, {"watched_ns", 10000000000}),
	        "50% of 1 CPU, with what others use", "90.0% in use, 0.01% of it burnt here",
	        "others use as much already");
}

static void fill_doses(void **state)
{
	const char *const *bytes = ARGS("bytes=2GiB");

	dose_is("mem.fill", bytes,
	        COUNTERS({"held_bytes", 2147483648}, {"most_bytes", 2147483648},
	                 {"reach_ns", 480000000}),
	        "2GiB of memory", "2GiB within 480ms", NULL);
	dose_is("mem.fill", bytes,
	        COUNTERS({"held_bytes", 1073741824}, {"most_bytes", 1073741824}, {"lost", 1},
	                 {"lost_to_oom", 1}),
	        "2GiB of memory", "1GiB; ended by the OOM killer", NULL);
	dose_is("mem.fill", bytes,
	        COUNTERS({"held_bytes", 536870912}, {"most_bytes", 1073741824},
	                 {"reach_ns", 1000000000}, {"at_floor", 1}, {"unlocked", 1}),
	        "2GiB of memory",
	        "1GiB within 1s, 512MiB at the end; more would have gone below the floor; not "
	        "locked, the kernel may swap it out",
	        NULL);
	dose_is("mem.fill", bytes, COUNTERS({"held_bytes", 4096}, {"most_bytes", 4096}),
	        "2GiB of memory", "4KiB, not done yet when it was put back", NULL);
	dose_is("mem.fill", ARGS("share=50%"),
	        COUNTERS({"asked_bytes", 1073741824}, {"at_floor", 1}, {"reach_ns", 1000}),
	        "50% of the memory that is free, 1GiB",
	        "0B within 1us; more would have gone below the floor",
	        "nothing was taken: there is no more than the floor");
	dose_is("disk.fill", ARGS("path=/data", "leave=100MiB"),
	        COUNTERS({"held_bytes", 1048576}, {"most_bytes", 1048576}, {"reach_ns", 2000000},
	                 {"quota", 1}, {"written", 1}),
	        "all space but 100MiB",
	        "1MiB within 2ms; a quota allowed no more; written, as the file system cannot "
	        "allocate",
	        NULL);
	dose_is("disk.fill", ARGS("path=/data", "bytes=1GiB"),
	        COUNTERS({"held_bytes", 1048576}, {"most_bytes", 1048576}, {"reach_ns", 2000000},
	                 {"refused", 5}, {"lost", 1}),
	        "1GiB of space",
	        "1MiB within 2ms; more was refused: Input/output error; its helper was ended early "
	        "by somebody else",
	        NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(floors, setup, teardown),
	        cmocka_unit_test_setup_teardown(refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(load_doses, setup, teardown),
	        cmocka_unit_test_setup_teardown(fill_doses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
