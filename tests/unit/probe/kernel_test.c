/* The pressure and cgroup probes on recorded machines, and what a look keeps for the next one. */
#include <errno.h>
#include <sys/wait.h>

#include "machine.h"
#include "probe/kept.h"

#define HOST                                                                        \
	"file /proc/loadavg\n\t1.50 2.25 3.00 3/412 9001\n"                         \
	"file /proc/stat\n\tcpu  1 2 3\n\tcpu0 1 2 3\n\tcpu1 1 2 3\n\tintr 5 0 0\n" \
	"\tprocs_running 7\n\tprocs_blocked 2\n"                                    \
	"file /proc/schedstat\n\tversion 17\n\tcpu0 0 0 1 2 3 4 5 2500000000 9\n"   \
	"\tdomain0 03 1 2 3 4 5 6 7 8 9\n\tcpu1 0 0 1 2 3 4 5 1500000000 9\n"       \
	"file /proc/meminfo\n\tMemTotal:       4000 kB\n\tMemFree:  10 kB\n"        \
	"\tMemAvailable:   1000 kB\n"
#define PSI(some, full)                                        \
	"some avg10=12.50 avg60=3.25 avg300=0.10 total=" #some \
	"\nfull avg10=2.00 avg60=1.00 avg300=0.00 total=" #full

static void pressure_of_the_host(void **state)
{
	struct recorded r;
	machine_make(&r, HOST "dir /proc/pressure\n");
	machine_put(&r, "/proc/pressure/memory", PSI(2000000, 1000000));
	struct looker k = LOOKER("pressure", &r.world, "resource", "memory", "over", "10ms");
	struct seen s = looker_look(&k);
	assert_string_equal(text_of(&s, "source"), "psi");
	assert_true(number_of(&s, "some-avg10") == 12.5 && number_of(&s, "full-avg60") == 1);
	assert_true(number_of(&s, "some-total") == 2 && number_of(&s, "full-total") == 1);
	assert_true(number_of(&s, "some") == 0 && number_of(&s, "full") == 0);
	assert_true(number_of(&s, "load1") == 1.5 && number_of(&s, "load15") == 3);
	assert_int_equal(number_of(&s, "running"), 7);
	assert_int_equal(number_of(&s, "blocked"), 2);
	assert_int_equal(number_of(&s, "cpus"), 2);
	assert_true(number_of(&s, "run-wait-total") == 4);
	assert_int_equal(number_of(&s, "memory-available"), 1024000);
	assert_true(number_of(&s, "memory-available-share") == 0.25);
	assert_true(number_of(&s, "seconds") >= 0.01);
	seen_release(&s);
	/* Much waiting in no time: never more than all of it. */
	machine_put(&r, "/proc/pressure/memory", PSI(9000000, 1000000));
	s = looker_look(&k);
	assert_true(number_of(&s, "some") == 1 && number_of(&s, "full") == 0);
	seen_release(&s);
	/* A counter that began anew. */
	machine_put(&r, "/proc/pressure/memory", PSI(5, 5));
	s = looker_look(&k);
	assert_true(number_of(&s, "some") == 0 && number_of(&s, "full") == 0);
	seen_release(&s);
	looker_close(&k);
	recorded_close(&r);
}

static void pressure_that_is_not_told(void **state)
{
	struct recorded r;
	machine_make(&r, HOST "dir /proc/pressure\n"
	                      "file /proc/self/mountinfo\n"
	                      "\t41 31 0:38 / /cg rw - cgroup2 cgroup2 rw\n"
	                      "dir /cg/shop\n");
	struct seen s = LOOK_IN(&r.world, "pressure", "resource", "cpu");
	assert_string_equal(text_of(&s, "source"), "load");
	assert_true(is_absent(&s, "some") && is_absent(&s, "some-avg10"));
	assert_true(is_absent(&s, "full") && is_absent(&s, "full-total"));
	assert_int_equal(number_of(&s, "running"), 7);
	seen_release(&s);
	s = LOOK_IN(&r.world, "pressure", "resource", "cpu", "cgroup", "/shop");
	assert_non_null(strstr(s.err.what, "cgroup \"/shop\" does not tell its cpu pressure"));
	s = LOOK_IN(&r.world, "pressure", "resource", "cpu", "cgroup", "/none");
	assert_int_equal(s.err.code, -ENOENT);
	s = LOOK_IN(&r.world, "pressure", "resource", "cpu", "cgroup", "shop");
	assert_int_equal(s.err.code, -EINVAL);
	/* What is no pressure is not taken for one. */
	machine_put(&r, "/cg/shop/cpu.pressure", "most avg10=1\nsome avg10=x\n\n%s%n");
	s = LOOK_IN(&r.world, "pressure", "resource", "cpu", "cgroup", "/shop");
	assert_true(is_absent(&s, "some-avg10"));
	seen_release(&s);
	machine_put(&r, "/cg/shop/cpu.pressure", PSI(1, 1));
	s = LOOK_IN(&r.world, "pressure", "resource", "cpu", "cgroup", "/shop", "over", "10ms");
	assert_true(number_of(&s, "some-avg10") == 12.5 && number_of(&s, "some") == 0);
	assert_true(is_absent(&s, "load1"));
	seen_release(&s);
	recorded_close(&r);
}

#define V2                                                                                         \
	"file /proc/self/mountinfo\n\t41 31 0:38 / /cg rw - cgroup2 cgroup2 rw\n"                  \
	"file /cg/shop/cgroup.procs\n\t5\n\t6\n"                                                   \
	"file /cg/shop/cpu.stat\n\tusage_usec 1500000\n\tuser_usec 1\n\tnr_periods 100\n"          \
	"\tnr_throttled 40\n\tthrottled_usec 2500000\n"                                            \
	"file /cg/shop/cpu.max\n\t25000 100000\n"                                                  \
	"file /cg/shop/memory.current\n\t750\n"                                                    \
	"file /cg/shop/memory.max\n\t1000\n"                                                       \
	"file /cg/shop/memory.peak\n\t900\n"                                                       \
	"file /cg/shop/memory.events\n\tlow 0\n\thigh 0\n\tmax 8\n\toom 2\n\toom_kill 2\n"         \
	"file /cg/shop/pids.current\n\t12\n"                                                       \
	"file /cg/shop/pids.max\n\tmax\n"                                                          \
	"file /cg/shop/pids.events\n\tmax 3\n"                                                     \
	"file /proc/5/stat\n\t5 (redis-server) S 1 5 5 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 900 1 1 1 " \
	"0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"                                 \
	"file /proc/5/cgroup\n\t0::/shop\n"

static void cgroup_version_2(void **state)
{
	struct recorded r;
	machine_make(&r, V2);
	struct looker k = LOOKER("cgroup", &r.world, "cgroup", "/shop", "over", "10ms");
	struct seen s = looker_look(&k);
	assert_true(is_true(&s, "exists"));
	assert_string_equal(text_of(&s, "version"), "2");
	assert_string_equal(text_of(&s, "path"), "/shop");
	assert_int_equal(number_of(&s, "processes"), 2);
	assert_true(number_of(&s, "cpu-seconds") == 1.5 && number_of(&s, "cpu") == 0);
	assert_true(number_of(&s, "cpu-limit") == 0.25);
	assert_int_equal(number_of(&s, "periods"), 100);
	assert_int_equal(number_of(&s, "throttled"), 40);
	assert_true(number_of(&s, "throttled-seconds") == 2.5);
	assert_true(number_of(&s, "throttled-share") == 0);
	assert_int_equal(number_of(&s, "memory"), 750);
	assert_int_equal(number_of(&s, "memory-limit"), 1000);
	assert_true(number_of(&s, "memory-share") == 0.75);
	assert_int_equal(number_of(&s, "memory-peak"), 900);
	assert_int_equal(number_of(&s, "memory-limit-hits"), 8);
	assert_int_equal(number_of(&s, "oom-kills"), 2);
	assert_int_equal(number_of(&s, "new-oom-kills"), 0);
	assert_int_equal(number_of(&s, "tasks"), 12);
	assert_true(is_absent(&s, "tasks-limit") && is_absent(&s, "tasks-share"));
	assert_int_equal(number_of(&s, "tasks-refused"), 3);
	seen_release(&s);
	machine_put(&r, "/cg/shop/cpu.stat",
	            "usage_usec 1700000\nnr_periods 110\nnr_throttled 45\nthrottled_usec 1\n");
	machine_put(&r, "/cg/shop/memory.events", "max 9\noom_kill 3\n");
	s = looker_look(&k);
	assert_true(number_of(&s, "cpu") > 0);
	assert_true(number_of(&s, "throttled-share") == 0.5);
	assert_int_equal(number_of(&s, "new-oom-kills"), 1);
	seen_release(&s);
	s = looker_look(&k); /* since the first look, not since the one before */
	assert_int_equal(number_of(&s, "new-oom-kills"), 1);
	assert_true(number_of(&s, "throttled-share") == 0);
	seen_release(&s);
	looker_close(&k);
	recorded_close(&r);
}

static void cgroup_version_1(void **state)
{
	struct recorded r;
	machine_make(&r, "file /proc/self/mountinfo\n"
	                 "\t32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
	                 "\t35 31 0:32 / /cg/memory rw - cgroup cgroup rw,memory\n"
	                 "\t36 31 0:33 / /cg/unified rw - cgroup2 cgroup2 rw\n"
	                 "dir /cg/unified/shop\n"
	                 "file /cg/unified/shop/cpu.stat\n\tusage_usec 77\n"
	                 "file /cg/unified/shop/cgroup.procs\n\t5\n"
	                 "file /cg/cpu/shop/cpuacct.usage\n\t2500000000\n"
	                 "file /cg/cpu/shop/cpu.stat\n\tnr_periods 4\n\tnr_throttled 1\n"
	                 "\tthrottled_time 500000000\n"
	                 "file /cg/cpu/shop/cpu.cfs_quota_us\n\t-1\n"
	                 "file /cg/cpu/shop/cpu.cfs_period_us\n\t100000\n"
	                 "file /cg/memory/shop/memory.usage_in_bytes\n\t4096\n"
	                 "file /cg/memory/shop/memory.limit_in_bytes\n\t9223372036854771712\n"
	                 "file /cg/memory/shop/memory.failcnt\n\t6\n"
	                 "file /cg/memory/shop/memory.oom_control\n\toom_kill_disable 0\n"
	                 "\tunder_oom 0\n\toom_kill 5\n");
	struct seen s = LOOK_IN(&r.world, "cgroup", "cgroup", "/shop", "over", "10ms");
	assert_string_equal(text_of(&s, "version"), "hybrid");
	assert_true(number_of(&s, "cpu-seconds") == 2.5);
	assert_true(is_absent(&s, "cpu-limit")); /* -1: none */
	assert_true(number_of(&s, "throttled-seconds") == 0.5);
	assert_int_equal(number_of(&s, "memory"), 4096);
	assert_true(is_absent(&s, "memory-limit") && is_absent(&s, "memory-share"));
	assert_int_equal(number_of(&s, "memory-limit-hits"), 6);
	assert_int_equal(number_of(&s, "oom-kills"), 5);
	assert_true(is_absent(&s, "tasks")); /* no such controller */
	seen_release(&s);
	recorded_close(&r);
}

static void cgroup_of_a_process(void **state)
{
	struct recorded r;
	machine_make(&r,
	             V2 "file /proc/6/stat\n\t6 (redis-server) S 1 6 6 0 -1 0 0 0 0 0 1 1 0 0 20 "
	                "0 1 0 900 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 "
	                "0\nfile /proc/6/cgroup\n\t0::/shop\ndir /cg/other\n");
	struct seen s = LOOK_IN(&r.world, "cgroup", "name", "redis-server", "over", "10ms");
	assert_string_equal(text_of(&s, "path"), "/shop");
	seen_release(&s);
	s = LOOK_IN(&r.world, "cgroup", "pid", "5@900", "over", "10ms");
	assert_true(is_true(&s, "exists"));
	seen_release(&s);
	s = LOOK_IN(&r.world, "cgroup", "pid", "5@901", "over", "10ms");
	assert_true(json_is_false(json_object_get(s.doc, "exists")));
	assert_true(is_absent(&s, "cpu"));
	seen_release(&s);
	machine_put(&r, "/proc/6/cgroup", "0::/other\n");
	s = LOOK_IN(&r.world, "cgroup", "name", "redis-server");
	assert_non_null(strstr(s.err.what, "processes 5 and 6 match"));
	s = LOOK_IN(&r.world, "cgroup", "cgroup", "/shop", "pid", "5");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&r.world, "cgroup", "timeout", "1s");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&r.world, "cgroup", "cgroup", "/shop", "over", "3s");
	assert_int_equal(s.err.code, -EINVAL);
	recorded_close(&r);
}

/* Gone and made anew: counters of the one before are no measure. */
static void cgroup_that_comes_and_goes(void **state)
{
	struct recorded r;
	machine_make(&r, V2);
	struct looker k = LOOKER("cgroup", &r.world, "cgroup", "/shop", "over", "10ms");
	struct seen s = looker_look(&k);
	seen_release(&s);
	char from[300], to[300];
	(void)snprintf(from, sizeof(from), "%s/cg/shop", r.folder);
	(void)snprintf(to, sizeof(to), "%s/cg/away", r.folder);
	assert_int_equal(rename(from, to), 0);
	s = looker_look(&k);
	assert_true(json_is_false(json_object_get(s.doc, "exists")));
	seen_release(&s);
	assert_int_equal(rename(to, from), 0);
	s = looker_look(&k);
	assert_true(number_of(&s, "cpu") == 0);
	assert_int_equal(number_of(&s, "new-oom-kills"), 0);
	seen_release(&s);
	looker_close(&k);
	recorded_close(&r);
}

/* A reader for the tests below: counts its readings. */
static json_t *counted(const struct world *w, const void *args, const json_t *before,
                       struct err *err)
{
	json_int_t n = json_integer_value(json_object_get(before, "n"));
	const char *const *what = args;
	if (!strcmp(*what, "fail")) {
		(void)err_set(err, -EIO, "as told");
		return NULL;
	}
	if (!strcmp(*what, "slow"))
		(void)usleep(10000000);
	return json_pack("{s:I, s:{s:I}}", "n", n, "kept", "n", n + 1);
}

struct order {
	struct loop *loop;
	int calls, wanted;
	json_int_t n[4];
	int code[4];
};

static void order_done(void *ctx, json_t *doc, const struct err *err)
{
	struct order *o = ctx;
	o->n[o->calls] = json_integer_value(json_object_get(doc, "n"));
	o->code[o->calls++] = err ? err->code : 0;
	json_decref(doc);
	if (o->calls == o->wanted)
		loop_stop(o->loop);
}

static void looks_are_read_one_after_another(void **state)
{
	struct recorded r;
	machine_make(&r, "dir /proc\n");
	for (int here = 0; here < 2; here++) {
		const char *what = "count";
		struct order o = {.loop = loop_new(NULL), .wanted = 2};
		struct kept_spec spec = {
		        .read = counted, .what = "a test", .here = here, .timeout_ns = 20000 * MS};
		struct look *l[4];
		struct span now = {clock_boot_ns(), clock_boot_ns()};
		for (int i = 0; i < 4; i++)
			assert_int_equal(kept_start(o.loop, &r.world, &spec, &what, now, order_done,
			                            &o, &l[i], NULL),
			                 0);
		kept_cancel(l[0]); /* the one whose turn it is */
		kept_cancel(l[3]);
		loop_run(o.loop);
		assert_int_equal(o.n[0], 0);
		assert_int_equal(o.n[1], 1);
		/* One that fails changes nothing. */
		what = "fail";
		o.calls = 0;
		o.wanted = 1;
		assert_int_equal(kept_start(o.loop, &r.world, &spec, &what, now, order_done, &o,
		                            &l[0], NULL),
		                 0);
		loop_run(o.loop);
		assert_int_equal(o.code[0], -EIO);
		what = "count";
		o.calls = 0;
		now.to_ns = clock_boot_ns();
		assert_int_equal(kept_start(o.loop, &r.world, &spec, &what, now, order_done, &o,
		                            &l[0], NULL),
		                 0);
		loop_run(o.loop);
		assert_int_equal(o.n[0], 2);
		loop_free(o.loop);
	}
	recorded_close(&r);
}

/* One that hangs ends at its time, and so does each that waits for it. */
static void a_slow_look_ends_in_time(void **state)
{
	struct recorded r;
	machine_make(&r, "dir /proc\n");
	const char *what = "slow";
	struct order o = {.loop = loop_new(NULL), .wanted = 2};
	struct kept_spec spec = {.read = counted, .what = "a test", .timeout_ns = 50 * MS};
	struct look *l[2];
	struct span now = {clock_boot_ns(), clock_boot_ns()};
	for (int i = 0; i < 2; i++)
		assert_int_equal(kept_start(o.loop, &r.world, &spec, &what, now, order_done, &o,
		                            &l[i], NULL),
		                 0);
	loop_run(o.loop);
	assert_int_equal(o.code[0], -ETIMEDOUT);
	assert_int_equal(o.code[1], -ETIMEDOUT);
	assert_true(clock_boot_ns() - now.to_ns < 5000 * MS);
	loop_free(o.loop);
	recorded_close(&r);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(pressure_of_the_host),
	        cmocka_unit_test(pressure_that_is_not_told),
	        cmocka_unit_test(cgroup_version_2),
	        cmocka_unit_test(cgroup_version_1),
	        cmocka_unit_test(cgroup_of_a_process),
	        cmocka_unit_test(cgroup_that_comes_and_goes),
	        cmocka_unit_test(looks_are_read_one_after_another),
	        cmocka_unit_test(a_slow_look_ends_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
