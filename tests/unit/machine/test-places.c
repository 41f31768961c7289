/* Cgroups and network namespaces, on recorded machines and on this one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine/cgroup.h"
#include "machine/netns.h"
#include "machine/recorded.h"

static void machine_open(struct recorded *r, const char *name)
{
	struct err err = ERR_INIT;
	char path[512];

	snprintf(path, sizeof(path), MACHINES "/%s.machine", name);
	if (recorded_open(r, path, &err) < 0)
		fail_msg("%s", err.what);
}

static void hybrid(void **state)
{
	struct recorded r;
	struct cgroups c;
	struct cgroup_of of;
	struct err err = ERR_INIT;
	char dir[CGROUP_PATH_MAX];
	pid_t pids[3];

	machine_open(&r, "v1");
	assert_int_equal(cgroups_read(&r.world, &c, &err), 0);
	assert_string_equal(cgroup_v1(&c, "cpu")->dir, "/sys/fs/cgroup/cpu,cpuacct");
	assert_string_equal(c.v2.dir, "/sys/fs/cgroup/unified");
	assert_int_equal(cgroup_of_process(&r.world, &c, 901, &of, &err), 0);
	assert_string_equal(of.v1[0], "/redis");
	assert_string_equal(of.v2, "/redis");
	assert_int_equal(cgroup_of_process(&r.world, &c, 4711, &of, &err), -ESRCH);
	assert_int_equal(cgroup_dir(&r.world, cgroup_v1(&c, "cpu"), "/shop", dir), 0);
	assert_string_equal(dir, "/sys/fs/cgroup/cpu,cpuacct/shop");
	assert_int_equal(
	        cgroup_dir(&r.world, cgroup_v1(&c, "cpu"), "/sys/fs/cgroup/cpu,cpuacct/shop/", dir),
	        0);
	assert_string_equal(dir, "/sys/fs/cgroup/cpu,cpuacct/shop");
	assert_int_equal(cgroup_dir(&r.world, &c.v2, "/shop", dir), 0);
	assert_string_equal(dir, "/sys/fs/cgroup/unified/shop");
	assert_int_equal(cgroup_dir(&r.world, &c.v2, "/", dir), 0);
	assert_string_equal(dir, "/sys/fs/cgroup/unified");
	assert_int_equal(cgroup_dir(&r.world, &c.v2, "/none", dir), -ENOENT);
	assert_int_equal(cgroup_processes(&r.world, "/sys/fs/cgroup/unified/shop", pids, 3, &err),
	                 5);
	assert_int_equal(pids[0], 803);
	assert_int_equal(pids[2], 805);
	recorded_close(&r);
}

static void version_2(void **state)
{
	struct recorded r;
	struct cgroups c;
	struct cgroup_of of;
	struct err err = ERR_INIT;

	machine_open(&r, "v2");
	assert_int_equal(cgroups_read(&r.world, &c, &err), 0);
	assert_null(cgroup_v1(&c, "cpu"));
	assert_string_equal(c.v2.dir, "/sys/fs/cgroup");
	assert_int_equal(cgroup_of_process(&r.world, &c, 503, &of, &err), 0);
	assert_string_equal(of.v1[0], "");
	assert_string_equal(of.v2, "/system.slice/nginx.service");
	recorded_close(&r);
}

static void none(void **state)
{
	struct recorded r;
	struct cgroups c;
	struct err err = ERR_INIT;
	char dir[CGROUP_PATH_MAX];

	machine_open(&r, "tiny");
	assert_int_equal(cgroups_read(&r.world, &c, &err), 0);
	assert_null(cgroup_v1(&c, "cpu"));
	assert_string_equal(c.v2.dir, "");
	assert_int_equal(cgroup_dir(&r.world, &c.v2, "/", dir), -ENOENT);
	recorded_close(&r);
}

/* In a container only a part of the hierarchy is mounted, and that part is "/". */
static void part_of_a_hierarchy(void **state)
{
	static const struct cgroup_mount part = {"/sys/fs/cgroup", "/docker/abc"};
	struct cgroups c = {.v2 = part};
	struct cgroup_of of;
	struct recorded r;
	struct err err = ERR_INIT;
	FILE *f;
	char path[] = "/tmp/squall-part-XXXXXX";

	f = fdopen(mkstemp(path), "w");
	assert_non_null(f);
	fputs("squall machine 1\n"
	      "file /proc/5/cgroup\n\t0::/docker/abc/web\n"
	      "file /proc/6/cgroup\n\t0::/docker/abc\n"
	      "file /proc/7/cgroup\n\t0::/docker/abcdef\n"
	      "text /proc/self/mountinfo = 31 23 0:28 /docker/abc /sys/fs/cg\\\\040roup rw - "
	      "cgroup2 cgroup2 rw\\n\n",
	      f);
	fclose(f);
	assert_int_equal(recorded_open(&r, path, &err), 0);
	unlink(path);
	assert_int_equal(cgroup_of_process(&r.world, &c, 5, &of, &err), 0);
	assert_string_equal(of.v2, "/web");
	assert_int_equal(cgroup_of_process(&r.world, &c, 6, &of, &err), 0);
	assert_string_equal(of.v2, "/");
	assert_int_equal(cgroup_of_process(&r.world, &c, 7, &of, &err), 0);
	assert_string_equal(of.v2, "");
	assert_int_equal(cgroups_read(&r.world, &c, &err), 0);
	assert_string_equal(c.v2.dir, "/sys/fs/cg roup");
	assert_string_equal(c.v2.root, "/docker/abc");
	recorded_close(&r);
}

static void namespaces(void **state)
{
	struct recorded r;
	struct err err = ERR_INIT;
	char path[NETNS_PATH_MAX];
	uint64_t ino;

	machine_open(&r, "container");
	assert_int_equal(netns_find(&r.world, "blue", path, &ino, &err), 0);
	assert_string_equal(path, "/run/netns/blue");
	assert_int_equal(ino, 4026532301);
	assert_int_equal(netns_find(&r.world, "/proc/2001/ns/net", path, &ino, &err), 0);
	assert_int_equal(ino, 4026532201);
	assert_int_equal(netns_find(&r.world, "green", path, &ino, &err), -ENOENT);
	assert_int_equal(netns_find(&r.world, "junk", path, &ino, &err), -EINVAL);
	assert_int_equal(netns_find(&r.world, "../etc", path, &ino, &err), -EINVAL);
	assert_int_equal(netns_find(&r.world, "", path, &ino, &err), -EINVAL);
	assert_int_equal(netns_of_process(&r.world, 2101, &ino, &err), 0);
	assert_int_equal(ino, 4026532202);
	assert_int_equal(netns_of_process(&r.world, 0, &ino, &err), 0);
	assert_int_equal(ino, 4026531840);
	assert_int_equal(netns_of_process(&r.world, 4711, &ino, &err), -ESRCH);
	recorded_close(&r);
}

static void this_machine(void **state)
{
	struct world w;
	struct err err = ERR_INIT;
	struct stat st;
	char path[NETNS_PATH_MAX];
	uint64_t ino, again;

	assert_int_equal(world_open_real(&w, &err), 0);
	assert_int_equal(stat("/proc/self/ns/net", &st), 0);
	assert_int_equal(netns_find(&w, "/proc/self/ns/net", path, &ino, &err), 0);
	assert_int_equal(ino, st.st_ino);
	assert_int_equal(netns_of_process(&w, getpid(), &again, &err), 0);
	assert_int_equal(again, ino);
	assert_int_equal(netns_find(&w, "/proc/self/ns/mnt", path, &ino, &err), -EINVAL);
	assert_int_equal(netns_find(&w, "/etc/passwd", path, &ino, &err), -EINVAL);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(hybrid),     cmocka_unit_test(version_2),
	        cmocka_unit_test(none),       cmocka_unit_test(part_of_a_hierarchy),
	        cmocka_unit_test(namespaces), cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
