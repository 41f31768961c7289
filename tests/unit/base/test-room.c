/* test-room.c - how much there is to have, and to hold: memory, disk space, CPUs. */
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

#include "base/amount.h"
#include "base/cpus.h"
#include "base/memory.h"
#include "base/space.h"

static const uint64_t gib = 1ull << 30;

static struct amount parsed(const char *text, const char *rest)
{
	struct amount a;
	const char *left = NULL;
	struct err err = ERR_INIT;

	if (amount_parse(text, &a, &left, &err) < 0)
		fail_msg("%s", err.what);
	assert_string_equal(left, rest);
	return a;
}

static void amounts(void **state)
{
	static const char *const bad[] = {"",
	                                  "bytes=1",
	                                  "bytes= floor=0",
	                                  "bytes=-1 floor=0",
	                                  "share=1000001 floor=0",
	                                  "all floor=0"};
	struct amount a = parsed("bytes=100 floor=7 host=9", " host=9");
	struct err err = ERR_INIT;
	const char *rest;
	BUF(text, 64);

	amount_format(&a, &text);
	assert_string_equal(text.data, "bytes=100 floor=7");
	assert_int_equal(amount_goal(&a, 0, 1000), 100);
	assert_int_equal(amount_goal(&a, 0, 50), 43);
	assert_int_equal(amount_goal(&a, 30, 20), 43);
	assert_int_equal(amount_goal(&a, 0, 5), 0);
	assert_int_equal(amount_goal(&a, 0, 0), 0);
	a = parsed("bytes=100 floor=0", "");
	assert_int_equal(amount_goal(&a, 0, 5), 100);
	/* the same whatever of it is held already */
	a = parsed("share=500000 floor=0", "");
	assert_int_equal(amount_goal(&a, 0, 1000), 500);
	assert_int_equal(amount_goal(&a, 500, 500), 500);
	assert_int_equal(amount_goal(&a, 0, 12ull << 60), 6ull << 60);
	a = parsed("leave=300 floor=0", "");
	assert_int_equal(amount_goal(&a, 0, 1000), 700);
	assert_int_equal(amount_goal(&a, 700, 100), 500);
	assert_int_equal(amount_goal(&a, 0, 200), 0);
	a = parsed("leave=300 floor=400", "");
	assert_int_equal(amount_goal(&a, 0, 1000), 600);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(amount_parse(bad[i], &a, &rest, &err), -EINVAL);
}

static void cpu_lists(void **state)
{
	static const char *const same[] = {"", "0", "0,1", "0-2", "3,5-9,1023", "64-127"};
	static const char *const bad[] = {"x",  "1-", "-1", "3-1",  "1,,2",
	                                  "1,", ",1", "1 ", "1-2-3"};
	struct cpus c;
	struct err err = ERR_INIT;
	BUF(text, 128);

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		assert_int_equal(cpus_parse(same[i], &c, &err), 0);
		buf_reset(&text);
		cpus_format(&c, &text);
		assert_string_equal(text.data, same[i]);
	}
	assert_int_equal(cpus_parse("2,0-1,1", &c, &err), 0);
	assert_int_equal(cpus_count(&c), 3);
	assert_true(cpus_has(&c, 2) && !cpus_has(&c, 3) && !cpus_has(&c, 5000));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(cpus_parse(bad[i], &c, &err), -EINVAL);
	assert_int_equal(cpus_parse("1024", &c, &err), -ERANGE);
}

struct machine {
	char dir[64];
	struct world w;
	struct answers answers;
	struct answer answer[1];
};

static void put(const struct machine *m, const char *path, const char *text)
{
	char part[128];
	int fd;

	for (const char *s = path; (s = strchr(s, '/')); s++) {
		snprintf(part, sizeof(part), "%.*s", (int)(s - path), path);
		(void)mkdirat(m->w.root, part, 0755);
	}
	fd = openat(m->w.root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int setup(void **state)
{
	static struct machine m;

	memset(&m, 0, sizeof(m));
	strcpy(m.dir, "/tmp/squall-room-XXXXXX");
	assert_non_null(mkdtemp(m.dir));
	m.w.root = open(m.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	m.answer[0] = (struct answer){"statfs /data", "4096 1000 300 250"};
	m.answers = (struct answers){1, m.answer};
	m.w.fake = &m.answers;
	put(&m, "proc/meminfo",
	    "MemTotal:       8388608 kB\nMemFree: 1 kB\n"
	    "MemAvailable:   6291456 kB\n");
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

static void room_is(const struct machine *m, const char *group, uint64_t total, uint64_t available)
{
	struct memory_room r;
	struct err err = ERR_INIT;

	if (memory_room_read(&m->w, group, &r, &err) < 0)
		fail_msg("%s", err.what);
	assert_int_equal(r.total_bytes, total);
	assert_int_equal(r.available_bytes, available);
	assert_int_equal(r.host_total_bytes, 8 * gib);
	assert_int_equal(r.host_available_bytes, 6 * gib);
}

static void memory(void **state)
{
	struct machine *m = *state;
	struct memory_room r;
	struct err err = ERR_INIT;

	room_is(m, "", 8 * gib, 6 * gib);
	/* version 2: what holds above holds below */
	put(m, "cg/shop/memory.max", "2147483648\n");
	put(m, "cg/shop/memory.current", "1610612736\n");
	put(m, "cg/shop/memory.stat", "anon 1\ninactive_file 536870912\n");
	room_is(m, "/cg/shop", 2 * gib, gib);
	put(m, "cg/shop/web/memory.max", "max\n");
	put(m, "cg/shop/web/memory.current", "4096\n");
	room_is(m, "/cg/shop/web", 2 * gib, gib);
	put(m, "cg/shop/web/memory.max", "1073741824\n");
	put(m, "cg/shop/web/memory.current", "1073741825\n");
	room_is(m, "/cg/shop/web", gib, 0);
	/* a limit above what the machine has is none */
	put(m, "cg1/big/memory.limit_in_bytes", "9223372036854771712\n");
	put(m, "cg1/big/memory.usage_in_bytes", "1000\n");
	room_is(m, "/cg1/big", 8 * gib, 6 * gib);
	put(m, "cg1/shop/memory.limit_in_bytes", "1073741824\n");
	put(m, "cg1/shop/memory.usage_in_bytes", "536870912\n");
	put(m, "cg1/shop/memory.stat", "inactive_file 7\ntotal_inactive_file 268435456\n");
	room_is(m, "/cg1/shop", gib, 3 * gib / 4);
	put(m, "cg/none/cgroup.procs", "");
	assert_int_equal(memory_room_read(&m->w, "/cg/none", &r, &err), -EOPNOTSUPP);
	assert_int_equal(memory_room_read(&m->w, "/cg/gone", &r, &err), -ESTALE);
}

static void disk_space(void **state)
{
	struct machine *m = *state;
	struct space s;
	struct err err = ERR_INIT;

	assert_int_equal(space_read(&m->w, "/data", &s, &err), 0);
	assert_int_equal(s.block_bytes, 4096);
	assert_int_equal(s.total_bytes, 4096000);
	assert_int_equal(s.free_bytes, 300 * 4096);
	assert_int_equal(s.available_bytes, 250 * 4096);
	assert_int_equal(space_read(&m->w, "/gone", &s, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(amounts),
	        cmocka_unit_test(cpu_lists),
	        cmocka_unit_test_setup_teardown(memory, setup, teardown),
	        cmocka_unit_test_setup_teardown(disk_space, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
