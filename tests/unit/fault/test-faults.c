/* Each fault against recorded machines: what it plans, what it refuses, what its dose says. */
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

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct recorded machine;
static struct arena arena;
static struct plan plan;
static uint64_t again_ns;
static struct err err;

static void machine_open(const char *name)
{
	char path[512];

	recorded_close(&machine);
	snprintf(path, sizeof(path), MACHINES "/%s.machine", name);
	if (recorded_open(&machine, path, &err) < 0)
		fail_msg("%s", err.what);
}

static struct target target(const char *key, const char *value)
{
	struct selector_term term = {.key = key, .value = value};
	struct selector s = {.v = &term, .n = 1, .pick = {PICK_COUNT, 1}, .says = value};
	struct targets found;

	if (resolve_targets(&machine.world, &s, NULL, 1, NULL, 0, &arena, &found, &err) < 0)
		fail_msg("%s", err.what);
	return found.v[0];
}

static int try_turn(const char *fault, const char *const *texts, const struct target *t,
                    uint64_t turn)
{
	const struct fault *f = fault_find(fault);
	struct moment moment = {.seed = 42, .turn = turn};
	void *args;

	assert_non_null(f);
	args = bind_args(&f->kind, texts, &arena);
	plan_init(&plan, &arena);
	if (f->kind.check && f->kind.check(args, &err) < 0)
		return -EINVAL;
	again_ns = UINT64_MAX;
	return f->plan(args, t, &moment, &machine.world, "run", &plan, &again_ns, &err);
}

/* Plans for one target; one step is what comes out. */
static const struct step *plan_one(const char *fault, const char *const *texts, const char *key,
                                   const char *value)
{
	struct target t = target(key, value);

	if (try_turn(fault, texts, &t, 0) < 0)
		fail_msg("%s: %s", fault, err.what);
	assert_int_equal(plan.n, 1);
	return plan.v;
}

static void refuse(const char *fault, const char *const *texts, const char *key, const char *value,
                   int code, const char *what, const char *hint)
{
	struct target t = target(key, value);
	int ret;

	err = (struct err)ERR_INIT;
	ret = try_turn(fault, texts, &t, 0);
	if (ret != code)
		fail_msg("%s: %d %s", fault, ret, err.what);
	if (!strstr(err.what, what))
		fail_msg("%s says: %s", fault, err.what);
	if (!strstr(err.hint, hint))
		fail_msg("%s hints: %s", fault, err.hint);
	assert_int_equal(plan.n, 0);
}

static void dose_of(const char *fault, const char *const *texts, const struct counters *before,
                    const struct counters *after, struct dose *dose)
{
	const struct fault *f = fault_find(fault);

	assert_int_equal(f->dose(bind_args(&f->kind, texts, &arena), before, after, dose, &err), 0);
}

static int setup(void **state)
{
	arena_init(&arena, 16 << 20);
	err = (struct err)ERR_INIT;
	return 0;
}

static int teardown(void **state)
{
	arena_release(&arena);
	return 0;
}

static void registry(void **state)
{
	for (size_t i = 0; faults[i]; i++) {
		const struct kind *k = &faults[i]->kind;
		size_t n = 0;

		assert_ptr_equal(fault_kinds[i], k);
		assert_ptr_equal(fault_find(k->name), faults[i]);
		assert_ptr_equal(fault_of(k), faults[i]);
		if (i)
			assert_true(strcmp(faults[i - 1]->kind.name, k->name) < 0);
		/* what is the user's own has no family */
		assert_true(strchr(k->name, '.') || !strcmp(k->name, "custom"));
		assert_non_null(k->man);
		assert_non_null(k->targets);
		assert_true(!strcmp(k->class_, "state") || !strcmp(k->class_, "network") ||
		            !strcmp(k->class_, "resource"));
		while (k->examples[n])
			assert_non_null(strstr(k->examples[n++], k->name));
		assert_int_equal(n, 3);
		for (const struct param *p = k->params; p->name; p++) {
			assert_non_null(p->help);
			assert_null(strchr(p->help, '\n'));
			assert_true(p->offset < k->args_size);
		}
	}
	assert_null(fault_find("proc.kil"));
	assert_null(fault_of(NULL));
}

static void kill_plans(void **state)
{
	const struct step *s;

	machine_open("v1");
	s = plan_one("proc.kill", NULL, "process.pid", "804");
	assert_string_equal(s->type, "kill");
	assert_string_equal(s->object, "804@1502#0");
	assert_string_equal(s->to, "KILL");
	assert_int_equal(again_ns, 0);
	s = plan_one("proc.kill", ARGS("signal=SEGV"), "process.pid", "804");
	assert_string_equal(s->to, "SEGV");
	refuse("proc.kill", NULL, "host", "", -EINVAL, "cannot be aimed at host", "");
}

static void kill_dose(void **state)
{
	struct counters none = {0}, two = {0};
	struct dose d;

	counters_add(&none, "killed", 0);
	counters_add(&two, "killed", 2);
	dose_of("proc.kill", NULL, &none, &two, &d);
	assert_false(d.no_effect);
	assert_string_equal(d.asked, "SIGKILL");
	assert_string_equal(d.achieved, "2 ended");
	dose_of("proc.kill", ARGS("signal=TERM"), &none, &none, &d);
	assert_true(d.no_effect);
	assert_non_null(strstr(d.why, "still runs"));
}

static void pause_plans(void **state)
{
	const struct step *s;
	struct target t;

	machine_open("v1");
	s = plan_one("proc.pause", NULL, "process.listens", "6379");
	assert_string_equal(s->type, "signal");
	assert_string_equal(s->object, "901@1600");
	assert_string_equal(s->to, "stopped");
	assert_non_null(strstr(s->says, "redis-server stands still"));
	s = plan_one("proc.pause", NULL, "process.name", "dnsmasq");
	assert_non_null(strstr(s->says, "stopped already: no effect"));
	t = target("process.pid", "804");
	t.proc.start++;
	assert_int_equal(try_turn("proc.pause", NULL, &t, 0), -ESRCH);
	t.proc.pid = 4711;
	assert_int_equal(try_turn("proc.pause", NULL, &t, 0), -ESRCH);
	refuse("proc.pause", NULL, "process.pid", "1", -EOPNOTSUPP, "process 1 cannot be stopped",
	       "");
	refuse("proc.pause", NULL, "cgroup", "/shop", -EINVAL, "cannot be aimed at cgroup /shop",
	       "");
}

static void pause_dose(void **state)
{
	struct counters none = {0}, one = {0};
	struct dose d;

	counters_add(&none, "stopped", 0);
	counters_add(&one, "stopped", 1);
	dose_of("proc.pause", NULL, &none, &one, &d);
	assert_false(d.no_effect);
	dose_of("proc.pause", NULL, &one, &one, &d);
	assert_true(d.no_effect);
	dose_of("proc.pause", NULL, &none, &none, &d);
	assert_true(d.no_effect);
}

static void quota_plans(void **state)
{
	const struct step *s;

	machine_open("v1");
	s = plan_one("cpu.quota", ARGS("quota=30%"), "cgroup", "/shop");
	assert_string_equal(s->type, "control");
	assert_string_equal(s->object, "/sys/fs/cgroup/cpu,cpuacct/shop/cpu.cfs_quota_us@41");
	assert_string_equal(s->to, "30000");
	/* the period of this one is 10 ms */
	s = plan_one("cpu.quota", ARGS("quota=250%"), "cgroup", "/fine");
	assert_string_equal(s->to, "25000");
	/* one that is alone in its cgroup */
	s = plan_one("cpu.quota", ARGS("quota=1%"), "process.listens", "6379");
	assert_string_equal(s->object, "/sys/fs/cgroup/cpu,cpuacct/redis/cpu.cfs_quota_us@42");
	assert_string_equal(s->to, "1000");
	s = plan_one("cpu.quota", ARGS("quota=30%"), "cgroup", "/batch");
	assert_string_equal(s->says,
	                    "already limited to 20% of one CPU, which is no more: no effect");
	s = plan_one("cpu.quota", ARGS("quota=10%"), "cgroup", "/batch");
	assert_null(strstr(s->says, "no effect"));

	machine_open("v2");
	s = plan_one("cpu.quota", ARGS("quota=30%"), "cgroup", "/system.slice/nginx.service");
	assert_string_equal(s->object, "/sys/fs/cgroup/system.slice/nginx.service/cpu.max@11");
	assert_string_equal(s->to, "30000 100000");
	s = plan_one("cpu.quota", ARGS("quota=80%"), "process.listens", "6379");
	assert_string_equal(s->says,
	                    "already limited to 50% of one CPU, which is no more: no effect");
}

static void quota_refuses(void **state)
{
	machine_open("v1");
	refuse("cpu.quota", ARGS("quota=30%"), "process.pid", "804", -EINVAL,
	       "cgroup \"/shop\" also holds 803 (nginx), 805 (nginx), 806 (nginx) and 1 more",
	       "cgroup: /shop");
	refuse("cpu.quota", ARGS("quota=0.5%"), "cgroup", "/shop", -ERANGE, "below 1ms", "is 1%.");
	refuse("cpu.quota", ARGS("quota=5%"), "cgroup", "/fine", -ERANGE, "below 1ms", "is 10%.");
	refuse("cpu.quota", ARGS("quota=30%"), "host", "", -EINVAL, "cannot be aimed at host", "");
	refuse("cpu.quota", ARGS("quota=30%"), "process.pid", "1", -EINVAL,
	       "no cgroup of process 1 (systemd) can be limited", "root cgroup");

	machine_open("v2");
	refuse("cpu.quota", ARGS("quota=30%"), "cgroup", "/user.slice", -EINVAL,
	       "no cgroup of cgroup /user.slice can be limited", "subtree_control");
	refuse("cpu.quota", ARGS("quota=30%"), "process.pid", "503", -EINVAL,
	       "also holds 504 (nginx)", "");
	machine_open("tiny");
	refuse("cpu.quota", ARGS("quota=30%"), "process.name", "server", -EINVAL,
	       "no cgroup of process 7 (server) can be limited", "");
}

/* What reverts must not be slowed down itself. */
static void quota_spares_squall(void **state)
{
	machine_open("container");
	refuse("cpu.quota", ARGS("quota=30%"), "cgroup", "/user.slice", -EPERM, "squall runs in it",
	       "systemd-run");
	refuse("cpu.quota", ARGS("quota=30%"), "cgroup", "/user.slice/session.scope", -EPERM,
	       "squall runs in it", "");
	plan_one("cpu.quota", ARGS("quota=30%"), "cgroup", "/system.slice");
}

static void quota_dose(void **state)
{
	struct counters before = {0}, after = {0};
	struct dose d;

	counters_add(&before, "usage_ns", 1000);
	counters_add(&before, "throttled_count", 5);
	counters_add(&before, "throttled_ns", 0);
	counters_add(&after, "usage_ns", 1000 + 3000000000);
	counters_add(&after, "throttled_count", 217);
	counters_add(&after, "throttled_ns", 4100000000);
	counters_add(&after, "elapsed_ns", 10000000000);
	dose_of("cpu.quota", ARGS("quota=30%"), &before, &after, &d);
	assert_false(d.no_effect);
	assert_string_equal(d.asked, "30% of one CPU");
	assert_string_equal(d.achieved, "used 30.0% of one CPU; throttled 212 times, 4.1s");
	dose_of("cpu.quota", ARGS("quota=30%"), &before, &before, &d);
	assert_true(d.no_effect);
	assert_string_equal(d.achieved, "never throttled");
	/* usage that falls (processes ended) is not told */
	before.v[0].value = UINT64_MAX;
	dose_of("cpu.quota", ARGS("quota=30%"), &before, &after, &d);
	assert_string_equal(d.achieved, "throttled 212 times, 4.1s");
}

static void cut_plans(void **state)
{
	const struct step *s;

	machine_open("v1");
	s = plan_one("net.cut", NULL, "host", "");
	assert_string_equal(s->type, "nft");
	assert_true(strncmp(s->object, "/proc/self/ns/net=4026531840/squall_run_", 40) == 0);
	assert_string_equal(s->to, "cut silence both egress=swallow hooks=eth0,lo");
	assert_true(plan.host_wide && plan.control_path);
	assert_int_equal(again_ns, 1000000000);

	s = plan_one("net.cut", ARGS("port=6379 7000-7010", "protocol=tcp", "user=redis"), "host",
	             "");
	assert_string_equal(s->to, "cut silence both egress=swallow proto=tcp port=6379,7000-7010 "
	                           "uid=107 hooks=eth0,lo");
	assert_false(plan.host_wide || plan.control_path);

	s = plan_one("net.cut", ARGS("mode=reject", "direction=in", "address=10.1.2.3/16 fd00::1"),
	             "host", "");
	assert_string_equal(s->to, "cut reject in egress=swallow ip=10.1.0.0/16,fd00::1/128");
	assert_int_equal(again_ns, 0);

	/* only loopback: only lo */
	s = plan_one("net.cut", ARGS("address=127.0.0.1 ::1"), "host", "");
	assert_string_equal(s->to,
	                    "cut silence both egress=swallow ip=127.0.0.1/32,::1/128 dev=lo");
	assert_false(plan.host_wide || plan.control_path);
	assert_int_equal(again_ns, 0);

	s = plan_one("net.cut", ARGS("interface=eth0", "port=80"), "host", "");
	assert_string_equal(s->to, "cut silence both egress=swallow port=80 dev=eth0");

	machine_open("container");
	s = plan_one("net.cut", NULL, "netns", "blue");
	assert_true(strncmp(s->object, "/run/netns/blue=4026532301/squall_run_", 38) == 0);
	assert_string_equal(s->to, "cut silence both egress=swallow hooks=lo,veth-blue");
	assert_false(plan.host_wide || plan.control_path);
	s = plan_one("net.cut", NULL, "cgroup", "/system.slice/docker-aaaa.scope");
	assert_true(strncmp(s->object, "/proc/2001/ns/net=4026532201/", 29) == 0);
	assert_string_equal(s->to, "cut silence both egress=swallow cgroup=21:2 hooks=eth0,lo");
	assert_false(plan.host_wide || plan.control_path);
	/* the one that squall runs in */
	plan_one("net.cut", NULL, "cgroup", "/user.slice");
	assert_true(plan.control_path);
}

static void cut_ways_in(void **state)
{
	machine_open("v1");
	/* answer "ssh-connection" of this machine: 192.0.2.77 port 52000 on port 22 */
	plan_one("net.cut", ARGS("port=22"), "host", "");
	assert_true(plan.control_path && !plan.host_wide);
	plan_one("net.cut", ARGS("port=1-1024"), "host", "");
	assert_true(plan.control_path);
	/* whatever the port that it came to: the other end's is on the way as well */
	plan_one("net.cut", ARGS("port=52000"), "host", "");
	assert_true(plan.control_path);
	plan_one("net.cut", ARGS("port=52001"), "host", "");
	assert_false(plan.control_path);
	plan_one("net.cut", ARGS("port=52000", "address=192.0.2.0/24"), "host", "");
	assert_true(plan.control_path);
	plan_one("net.cut", ARGS("address=192.0.2.0/24"), "host", "");
	assert_true(plan.control_path);
	plan_one("net.cut", ARGS("address=192.0.2.64/28"), "host", "");
	assert_true(plan.control_path);
	plan_one("net.cut", ARGS("address=192.0.2.80/28"), "host", "");
	assert_false(plan.control_path);
	plan_one("net.cut", ARGS("address=192.0.2.77", "protocol=udp"), "host", "");
	assert_false(plan.control_path);
	/* somebody else's connection to port 22, found in the tables */
	plan_one("net.cut", ARGS("address=198.51.100.0/24"), "host", "");
	assert_true(plan.control_path);
	plan_one("net.cut", ARGS("interface=lo"), "host", "");
	assert_false(plan.control_path);
	plan_one("net.cut", ARGS("interface=eth0"), "host", "");
	assert_true(plan.control_path);
}

static void cut_refuses(void **state)
{
	machine_open("v1");
	refuse("net.cut", ARGS("address=nowhere"), "host", "", -EINVAL, "nowhere", "");
	refuse("net.cut", ARGS("port=http"), "host", "", -EINVAL, "http", "");
	refuse("net.cut", ARGS("port=80", "protocol=icmp"), "host", "", -EINVAL, "no ports", "");
	refuse("net.cut", ARGS("user=nobody-here"), "host", "", -ENOENT, "nobody-here", "");
	refuse("net.cut", NULL, "cgroup", "/", -EINVAL, "is all processes", "");
}

/* The egress hook is needed only for what must vanish on its way out. */
static void cut_needs(void **state)
{
	static const struct {
		const char *mode, *direction, *fact;
	} table[] = {
	        {"mode=silence", "direction=both", "nft-swallow"},
	        {"mode=silence", "direction=out", "nft-swallow"},
	        {"mode=silence", "direction=in", "nft-owner"},
	        {"mode=reject", "direction=both", "nft-owner"},
	};
	const struct fault *f = fault_find("net.cut");

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *const *texts = ARGS(table[i].mode, table[i].direction);
		const char *const *needs = fault_needs(f, bind_args(&f->kind, texts, &arena));
		assert_string_equal(needs[1], table[i].fact);
		assert_null(needs[2]);
	}
	assert_string_equal(fault_needs(f, NULL)[1], "nft-swallow");
}

/* The name of a table holds over a run and differs between attacks and targets. */
static void cut_names(void **state)
{
	struct target a, b;
	char first[OBJECT_MAX];

	machine_open("v1");
	a = target("cgroup", "/shop");
	b = target("cgroup", "/redis");
	assert_int_equal(try_turn("net.cut", NULL, &a, 0), 0);
	strcpy(first, plan.v[0].object);
	assert_int_equal(try_turn("net.cut", ARGS("port=80"), &a, 3), 0);
	assert_string_equal(plan.v[0].object, first);
	assert_int_equal(try_turn("net.cut", NULL, &b, 0), 0);
	assert_string_not_equal(plan.v[0].object, first);
}

static void cut_dose(void **state)
{
	struct counters before = {0}, after = {0};
	struct dose d;

	counters_add(&after, "packets_in", 3);
	counters_add(&after, "packets_out", 40);
	counters_add(&after, "elapsed_ns", 5000000000);
	dose_of("net.cut", NULL, &before, &after, &d);
	assert_false(d.no_effect);
	assert_string_equal(d.asked, "silence, both directions");
	assert_string_equal(d.achieved, "40 packets out and 3 in were cut");
	after.v[0].value = after.v[1].value = 0;
	dose_of("net.cut", NULL, &before, &after, &d);
	assert_true(d.no_effect);
	assert_string_equal(d.why, "nothing matched: no packet in 5s");
}

static void replace_plans(void **state)
{
	const struct step *s;

	machine_open("v1");
	s = plan_one("file.replace", ARGS("path=/etc/nginx/nginx.conf", "content="), "host", "");
	assert_string_equal(s->type, "file");
	assert_string_equal(s->object, "/etc/nginx/nginx.conf");
	assert_string_equal(s->to,
	                    "@e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(plan.blobs_n, 1);
	assert_int_equal(plan.blobs[0].n, 0);
	plan_one("file.replace", ARGS("path=/etc/nginx/nginx.conf", "from=/etc/passwd"), "host",
	         "");
	assert_int_equal(plan.blobs_n, 1);
	assert_memory_equal(plan.blobs[0].data, "root:x:0:0", 10);
}

static void replace_refuses(void **state)
{
	machine_open("v1");
	refuse("file.replace", ARGS("path=/etc/passwd"), "host", "", -EINVAL, "must be given", "");
	refuse("file.replace", ARGS("path=/etc/passwd", "content=x", "from=/etc/passwd"), "host",
	       "", -EINVAL, "one of \"content\" and \"from\"", "");
	refuse("file.replace", ARGS("path=passwd", "content=x"), "host", "", -EINVAL,
	       "\"passwd\" is not absolute", "");
	refuse("file.replace", ARGS("path=/etc/none", "content=x"), "host", "", -ENOENT,
	       "no file \"/etc/none\"", "");
	refuse("file.replace", ARGS("path=/etc/passwd", "from=/none"), "host", "", -ENOENT,
	       "could not open \"/none\"", "");
	refuse("file.replace", ARGS("path=/etc/passwd", "from=/etc"), "host", "", -EINVAL,
	       "not a regular file", "");
	refuse("file.replace", ARGS("path=/etc/passwd", "content=x"), "process.pid", "804", -EINVAL,
	       "cannot be aimed at process 804", "");
}

static void replace_dose(void **state)
{
	const char *const *texts = ARGS("path=/etc/passwd", "content=x");
	struct counters before = {0}, after = {0};
	struct dose d;

	counters_add(&before, "content", 1);
	counters_add(&after, "content", 2);
	dose_of("file.replace", texts, &before, &after, &d);
	assert_false(d.no_effect);
	dose_of("file.replace", texts, &before, &before, &d);
	assert_true(d.no_effect);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(registry),      TEST(kill_plans),          TEST(kill_dose),
	        TEST(pause_plans),   TEST(pause_dose),          TEST(quota_plans),
	        TEST(quota_refuses), TEST(quota_spares_squall), TEST(quota_dose),
	        TEST(cut_plans),     TEST(cut_ways_in),         TEST(cut_refuses),
	        TEST(cut_needs),     TEST(cut_names),           TEST(cut_dose),
	        TEST(replace_plans), TEST(replace_refuses),     TEST(replace_dose),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	recorded_close(&machine);
	return failed;
}
