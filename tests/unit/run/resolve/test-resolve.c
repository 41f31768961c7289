/* Selectors against recorded machines: who is meant, who never is, and what is said when nobody is.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/recorded.h"
#include "run/resolve.h"

/* Last: it has a macro that is called expect_check, too. */
#include <cmocka.h>

static struct recorded machine;

static void machine_open(const char *name)
{
	struct err err = ERR_INIT;
	char path[512];

	recorded_close(&machine);
	snprintf(path, sizeof(path), MACHINES "/%s.machine", name);
	if (recorded_open(&machine, path, &err) < 0)
		fail_msg("%s", err.what);
}

/* A selector from "key=value,!key=value". */
struct said {
	char text[256];
	struct selector_term terms[8];
	struct selector s;
};

static const struct selector *say(struct said *said, const char *text, enum pick_kind kind,
                                  uint64_t n)
{
	char *term, *rest;

	*said = (struct said){.s = {.pick = {kind, n}}};
	snprintf(said->text, sizeof(said->text), "%s", text);
	for (term = strtok_r(said->text, ",", &rest); term; term = strtok_r(NULL, ",", &rest)) {
		struct selector_term *t = &said->terms[said->s.n++];
		char *value = strchr(term, '=');

		if (value)
			*value++ = '\0';
		t->negate = *term == '!';
		t->key = term + t->negate;
		t->value = value ? value : "";
	}
	said->s.v = said->terms;
	said->s.says = text;
	return &said->s;
}

static int resolve(const char *text, enum pick_kind kind, uint64_t n, uint64_t seed,
                   struct arena *arena, struct targets *out, struct err *err)
{
	struct said said;
	static const struct proc_id self = {1310, 50100};

	return resolve_targets(&machine.world, say(&said, text, kind, n), NULL, seed, &self, 1,
	                       arena, out, err);
}

/* All matches of a selector, by name. */
static void expect(const char *text, const char *names)
{
	struct arena arena;
	struct targets found;
	struct err err = ERR_INIT;
	BUF(got, 1024);

	arena_init(&arena, 1 << 20);
	if (resolve(text, PICK_ALL, 0, 1, &arena, &found, &err) < 0)
		fail_msg("%s: %s", text, err.what);
	for (size_t i = 0; i < found.n; i++)
		buf_addf(&got, "%s%s", i ? "; " : "", found.v[i].name);
	assert_string_equal(got.data, names);
	arena_release(&arena);
}

static void refuse(const char *text, int code, const char *what, const char *hint)
{
	struct arena arena;
	struct targets found;
	struct err err = ERR_INIT;
	int ret;

	arena_init(&arena, 1 << 20);
	ret = resolve(text, PICK_ALL, 0, 1, &arena, &found, &err);
	if (ret != code)
		fail_msg("%s: %d %s", text, ret, err.what);
	if (!strstr(err.what, what))
		fail_msg("%s says: %s", text, err.what);
	if (!strstr(err.hint, hint))
		fail_msg("%s hints: %s", text, err.hint);
	arena_release(&arena);
}

static void processes(void **state)
{
	machine_open("v1");
	expect("process.name=nginx,process.user=www-data",
	       "process 804 (nginx); process 805 (nginx); process 806 (nginx); process 807 "
	       "(nginx)");
	expect("process.listens=6379", "process 901 (redis-server)");
	expect("process.name=nginx,!process.pid=804,!process.pid=803",
	       "process 805 (nginx); process 806 (nginx); process 807 (nginx)");
	expect("process.user=redis,cgroup=/redis", "process 901 (redis-server)");
	expect("process.user=redis,!cgroup=/redis", "process 910 (redis-server)");
	expect("process.pid=804", "process 804 (nginx)");
	machine_open("container");
	expect("process.name=shop,netns=/proc/2101/ns/net", "process 2101 (shop)");
	expect("process.name=shop,!netns=/proc/2101/ns/net",
	       "process 2001 (shop); process 2010 (shop)");
	machine_open("tiny");
	expect("process.name=server", "process 7 (server)");
}

static void protects(void **state)
{
	machine_open("v1");
	refuse("process.name=systemd", -ENOENT, "no process matches \"process.name=systemd\"",
	       "1 (systemd) is process 1");
	refuse("process.name=kthreadd", -ENOENT, "no process", "2 (kthreadd) is a kernel thread");
	refuse("process.name=sshd", -ENOENT, "no process", "2 matched and are never chosen");
	refuse("process.name=bash", -ENOENT, "no process", "1201 (bash) is above squall");
	refuse("process.name=squall", -ENOENT, "no process", "squall");
	/* everybody of root but the protected ones */
	expect("process.user=root", "process 803 (nginx); process 920 (dnsmasq)");
	/* by pid they may be meant, but for the runner and the keeper themselves */
	expect("process.pid=1", "process 1 (systemd)");
	expect("process.pid=1201", "process 1201 (bash)");
	refuse("process.pid=1310", -ENOENT, "no process", "1310 (sleep) is part of squall");
	machine_open("v2");
	expect("process.parent=1", "process 503 (nginx); process 601 (redis-server)");
}

static void session(void **state)
{
	machine_open("v1");
	/* 1310 is given as part of squall; without that its session would spare it too */
	struct said said;
	struct arena arena;
	struct targets found;
	struct err err = ERR_INIT;

	arena_init(&arena, 1 << 20);
	assert_int_equal(resolve_targets(&machine.world,
	                                 say(&said, "process.name=sleep", PICK_ALL, 0), NULL, 1,
	                                 NULL, 0, &arena, &found, &err),
	                 -ENOENT);
	assert_non_null(strstr(err.hint, "1310 (sleep) is in the caller's session"));
	assert_int_equal(resolve_targets(&machine.world,
	                                 say(&said, "process.pid=1310", PICK_ALL, 0), NULL, 1, NULL,
	                                 0, &arena, &found, &err),
	                 0);
	arena_release(&arena);
}

static void nobody(void **state)
{
	machine_open("v1");
	refuse("process.listens=6381", -ENOENT, "no process matches",
	       "22, 80, 6379, 6380, 53/udp.");
	refuse("process.name=ngnix", -ENOENT, "no process matches", "Did you mean \"nginx\"?");
	refuse("process.user=nobody-here", -ENOENT, "no user \"nobody-here\"", "by number");
	refuse("process.pid=x", -EINVAL, "not a process number", "");
	refuse("cgroup=/shp", -EINVAL, "no cgroup \"/shp\"", "/proc/PID/cgroup");
	refuse("netns=blue", -ENOENT, "no network namespace \"blue\"", "ls /run/netns");
	refuse("unit=nginx.service", -ENOENT, "no running unit matches",
	       "systemd does not run here");
	refuse("container.name=shop", -ENOENT,
	       "without a Docker-compatible socket only container.id",
	       "Looked for /run/docker.sock");
	refuse("container.id=3f", -ENOENT, "no running container", "No container runs here");
	refuse("host,cgroup=/shop", -EINVAL, "cannot mean one thing", "Write one of");
	refuse("!process.pid=4", -EINVAL, "only what is not meant", "");
	machine_open("tiny");
	refuse("process.listens=80", -ENOENT, "no process matches", "Nothing listens");
}

static void one(const char *text, struct target *t)
{
	struct arena arena;
	struct targets found;
	struct err err = ERR_INIT;

	arena_init(&arena, 1 << 20);
	if (resolve(text, PICK_COUNT, 1, 1, &arena, &found, &err) < 0)
		fail_msg("%s: %s", text, err.what);
	assert_int_equal(found.n, 1);
	*t = found.v[0];
	arena_release(&arena);
}

static void places(void **state)
{
	struct target t;

	machine_open("v1");
	one("host", &t);
	assert_int_equal(t.kind, TARGET_HOST);
	assert_string_equal(t.name, "host");
	assert_string_equal(t.netns, "/proc/self/ns/net");
	assert_int_equal(t.netns_ino, 4026531840);
	one("cgroup=/shop", &t);
	assert_int_equal(t.kind, TARGET_CGROUP);
	assert_string_equal(t.name, "cgroup /shop");
	assert_string_equal(t.cgroup, "/shop");
	assert_string_equal(t.cgroup_v2, "/sys/fs/cgroup/unified/shop");
	assert_string_equal(t.cgroup_cpu, "/sys/fs/cgroup/cpu,cpuacct/shop");
	assert_false(t.cgroup_cpu_is_v2);
	assert_string_equal(t.netns, "/proc/self/ns/net");
	one("process.listens=6379", &t);
	assert_int_equal(t.proc.pid, 901);
	assert_int_equal(t.proc.start, 1600);
	assert_string_equal(t.comm, "redis-server");
	assert_string_equal(t.cgroup, "/redis");
	assert_string_equal(t.cgroup_cpu, "/sys/fs/cgroup/cpu,cpuacct/redis");
	assert_string_equal(t.netns, "/proc/901/ns/net");

	machine_open("v2");
	one("cgroup=/system.slice/nginx.service", &t);
	assert_string_equal(t.cgroup_cpu, "/sys/fs/cgroup/system.slice/nginx.service");
	assert_true(t.cgroup_cpu_is_v2);
	one("cgroup=/user.slice", &t);
	assert_string_equal(t.cgroup_cpu, "");

	machine_open("container");
	one("netns=blue", &t);
	assert_string_equal(t.netns, "/run/netns/blue");
	assert_int_equal(t.netns_ino, 4026532301);
	/* its traffic flows in the namespace of its processes */
	one("cgroup=/system.slice/docker-aaaa.scope", &t);
	assert_string_equal(t.netns, "/proc/2001/ns/net");
	assert_int_equal(t.netns_ino, 4026532201);

	machine_open("tiny");
	one("process.name=server", &t);
	assert_string_equal(t.cgroup, "");
	assert_string_equal(t.cgroup_cpu, "");
}

static void picks(void **state)
{
	static const struct {
		enum pick_kind kind;
		uint64_t n;
		size_t asked, chosen;
	} cases[] = {
	        {PICK_COUNT, 1, 1, 1},       {PICK_COUNT, 3, 3, 3},      {PICK_COUNT, 9, 9, 5},
	        {PICK_ALL, 0, 5, 5},         {PICK_SHARE, 500000, 2, 2}, {PICK_SHARE, 10000, 1, 1},
	        {PICK_SHARE, 1000000, 5, 5},
	};
	bool chosen[808] = {false};
	struct arena arena;
	struct targets found;
	struct err err = ERR_INIT;

	machine_open("v1");
	arena_init(&arena, 8 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(resolve("process.name=nginx", cases[i].kind, cases[i].n, 7, &arena,
		                         &found, &err),
		                 0);
		assert_int_equal(found.matched, 5);
		assert_int_equal(found.asked, cases[i].asked);
		assert_int_equal(found.n, cases[i].chosen);
		for (size_t k = 1; k < found.n; k++)
			assert_true(found.v[k - 1].proc.pid < found.v[k].proc.pid);
	}
	/* every match is chosen by some seed; the same seed chooses the same; the one of pick 1
	 * is among the two of pick 2 */
	for (uint64_t seed = 0; seed < 64; seed++) {
		pid_t pid;

		assert_int_equal(
		        resolve("process.name=nginx", PICK_COUNT, 1, seed, &arena, &found, &err),
		        0);
		pid = found.v[0].proc.pid;
		chosen[pid] = true;
		assert_int_equal(
		        resolve("process.name=nginx", PICK_COUNT, 1, seed, &arena, &found, &err),
		        0);
		assert_int_equal(found.v[0].proc.pid, pid);
		assert_int_equal(
		        resolve("process.name=nginx", PICK_COUNT, 2, seed, &arena, &found, &err),
		        0);
		assert_true(found.v[0].proc.pid == pid || found.v[1].proc.pid == pid);
	}
	for (int pid = 803; pid <= 807; pid++)
		assert_true(chosen[pid]);
	arena_release(&arena);
}

static int teardown(void **state)
{
	recorded_close(&machine);
	return 0;
}

/* Churn */

static struct target process(pid_t pid, uint64_t start)
{
	struct target t = {.kind = TARGET_PROCESS, .proc = {pid, start}};

	snprintf(t.name, sizeof(t.name), "process %d (w)", pid);
	return t;
}

static struct target unit(const char *name, uint64_t ino)
{
	struct target t = {.kind = TARGET_CGROUP, .group = "/g", .group_ino = ino};

	snprintf(t.name, sizeof(t.name), "unit %s", name);
	return t;
}

static void follows_to_what_came(void **state)
{
	struct arena arena;
	/* 1 and 2 were picked, 3 was not. */
	struct target v[] = {process(1, 10), process(2, 10), process(3, 10)};
	struct targets t = {.v = v, .n = 2, .left = v + 2, .left_n = 1, .left_cap = 1};
	bool gone[] = {true, false}, came[2];

	arena_init(&arena, 1 << 20);
	/* Nobody new: the one that was spared stays spared, the one that goes is not taken again.
	 */
	assert_int_equal(targets_follow(&t, gone, v, 3, 7, 1, &arena, came), 0);
	assert_int_equal(t.v[0].proc.pid, 1);
	/* One new: it takes the place, and the one that lives keeps its own. */
	struct target now[] = {process(2, 10), process(3, 10), process(9, 20)};
	assert_int_equal(targets_follow(&t, gone, now, 3, 7, 2, &arena, came), 1);
	assert_true(came[0] && !came[1]);
	assert_int_equal(t.v[0].proc.pid, 9);
	assert_int_equal(t.v[1].proc.pid, 2);
	/* The same number is another process. */
	struct target again[] = {process(9, 31), process(2, 10), process(3, 10)};
	assert_int_equal(targets_follow(&t, gone, again, 3, 7, 3, &arena, came), 1);
	assert_int_equal(t.v[0].proc.start, 31);
	arena_release(&arena);
}

static void never_more_than_were_picked(void **state)
{
	struct arena arena;
	struct target v[] = {process(1, 10), process(2, 10)};
	struct targets t = {.v = v, .n = 2};
	bool gone[] = {true, false}, came[2];
	struct target many[50];

	for (pid_t i = 0; i < 50; i++)
		many[i] = process(100 + i, 20);
	arena_init(&arena, 1 << 20);
	assert_int_equal(targets_follow(&t, gone, many, 50, 7, 1, &arena, came), 1);
	pid_t first = t.v[0].proc.pid;
	assert_int_equal(t.n, 2);
	assert_int_equal(t.v[1].proc.pid, 2);
	assert_int_equal(t.left_n, 49);
	/* Those that were not drawn are spared from now on. */
	assert_int_equal(targets_follow(&t, gone, many, 50, 7, 2, &arena, came), 0);
	/* The same seed and turn draw the same one. */
	struct target w[] = {process(1, 10), process(2, 10)};
	struct targets u = {.v = w, .n = 2};
	assert_int_equal(targets_follow(&u, gone, many, 50, 7, 1, &arena, came), 1);
	assert_int_equal(u.v[0].proc.pid, first);
	arena_release(&arena);
}

static void the_same_unit_comes_again(void **state)
{
	struct arena arena;
	struct target v[] = {unit("a", 1), unit("b", 2), unit("c", 3)};
	struct targets t = {.v = v, .n = 2, .left = v + 2, .left_n = 1, .left_cap = 1};
	bool gone[] = {true, true}, came[2];
	/* All three have restarted; c was spared, and is. */
	struct target now[] = {unit("a", 11), unit("b", 12), unit("c", 13)};

	arena_init(&arena, 1 << 20);
	assert_int_equal(targets_follow(&t, gone, &now[1], 2, 7, 1, &arena, came), 1);
	assert_true(!came[0] && came[1]);
	assert_int_equal(t.v[1].group_ino, 12);
	gone[1] = false;
	assert_int_equal(targets_follow(&t, gone, now, 3, 7, 2, &arena, came), 1);
	assert_int_equal(t.v[0].group_ino, 11);
	gone[0] = false;
	assert_int_equal(targets_follow(&t, gone, now, 3, 7, 3, &arena, came), 0);
	arena_release(&arena);
}

/* The cgroup has stayed, and what runs in it is new. */
static void a_unit_in_the_same_cgroup(void **state)
{
	struct arena arena;
	struct target v[] = {unit("a", 1), unit("b", 2)}, now[] = {unit("a", 1), unit("b", 2)};
	struct targets t = {.v = v, .n = 2};
	bool gone[] = {true, false}, came[2];

	v[0].proc = (struct proc_id){10, 100};
	v[1].proc = (struct proc_id){11, 100};
	now[0].proc = (struct proc_id){20, 200};
	/* b lives, with another main process: it takes nobody's place. */
	now[1].proc = (struct proc_id){21, 200};
	arena_init(&arena, 1 << 20);
	assert_int_equal(targets_follow(&t, gone, now + 1, 1, 7, 1, &arena, came), 0);
	assert_int_equal(targets_follow(&t, gone, now, 2, 7, 2, &arena, came), 1);
	assert_true(came[0]);
	assert_int_equal(t.v[0].proc.pid, 20);
	assert_int_equal(t.v[1].proc.pid, 11);
	arena_release(&arena);
}

static void a_process_that_changed_its_name(void **state)
{
	struct arena arena;
	struct target v[] = {process(1, 10), process(2, 10)}, now[] = {process(2, 10)};
	struct targets t = {.v = v, .n = 2};
	bool gone[] = {true, false}, came[2];

	strcpy(now[0].name, "process 2 (other)");
	arena_init(&arena, 1 << 20);
	assert_int_equal(targets_follow(&t, gone, now, 1, 7, 1, &arena, came), 0);
	arena_release(&arena);
}

/* Ten thousand generations, each with one that is not picked: what is remembered stays small. */
static void generations_are_forgotten(void **state)
{
	struct arena arena;
	struct target v[] = {process(1, 10)};
	struct targets t = {.v = v, .n = 1};
	bool gone[] = {true}, came[1];

	arena_init(&arena, 1 << 20);
	for (int i = 0; i < 10000; i++) {
		struct target now[] = {process(2, 20 + i), process(3, 20 + i)};

		assert_int_equal(targets_follow(&t, gone, now, 2, 7, (uint64_t)i, &arena, came), 1);
		assert_int_equal(t.left_n, 1);
	}
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(processes),
	        cmocka_unit_test(protects),
	        cmocka_unit_test(session),
	        cmocka_unit_test(nobody),
	        cmocka_unit_test(places),
	        cmocka_unit_test(picks),
	        cmocka_unit_test(follows_to_what_came),
	        cmocka_unit_test(never_more_than_were_picked),
	        cmocka_unit_test(the_same_unit_comes_again),
	        cmocka_unit_test(a_unit_in_the_same_cgroup),
	        cmocka_unit_test(a_process_that_changed_its_name),
	        cmocka_unit_test(generations_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
