/* A machine file is laid out as it says, and nothing that it says reaches outside. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "machine/recorded.h"

#define HEAD "squall machine 1\n"

/* Opens a machine that is given as text. */
static int open_text(struct recorded *r, const char *text, struct err *err)
{
	char path[] = "/tmp/squall-test-XXXXXX";
	int fd = mkstemp(path), ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	ret = recorded_open(r, path, err);
	unlink(path);
	return ret;
}

static void lays_out(void **state)
{
	struct recorded r;
	struct err err = ERR_INIT;
	uint64_t ino;
	char folder[64];
	BUF(b, 256);

	assert_int_equal(open_text(&r,
	                           HEAD "# a comment\n\n"
	                                "file /a/b\n\tone\n\t\ttwo\n\n"
	                                "text /a/c = x\\0y\\n\\\\\n"
	                                "link /a/l = b\n"
	                                "dir /d/e\n"
	                                "inode /d/e = 77\n"
	                                "answer links /proc/self/ns/net = lo eth0\n",
	                           &err),
	                 0);
	assert_int_equal(world_read(&r.world, "/a/b", &b, &err), 0);
	assert_string_equal(b.data, "one\n\ttwo");
	assert_int_equal(world_read(&r.world, "/a/l", &b, &err), 0);
	assert_string_equal(b.data, "one\n\ttwo");
	assert_int_equal(world_read(&r.world, "/a/c", &b, &err), 0);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "x\0y\n\\", 5);
	assert_int_equal(world_inode(&r.world, "/d/e", &ino, NULL, &err), 0);
	assert_int_equal(ino, 77);
	assert_string_equal(world_answer(&r.world, "links /proc/self/ns/net"), "lo eth0");
	assert_null(world_answer(&r.world, "links"));
	assert_false(world_is_real(&r.world));
	strcpy(folder, r.folder);
	assert_int_equal(access(folder, F_OK), 0);
	recorded_close(&r);
	assert_int_not_equal(access(folder, F_OK), 0);
	recorded_close(&r);
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
	        {"", "is not a machine file"},
	        {"squall machine 2\n", "is not a machine file"},
	        {HEAD "fle /a\n", "unknown word \"fle\""},
	        {HEAD "\nfile\n", "nothing follows \"file\""},
	        {HEAD "file a/b\n", "not a path"},
	        {HEAD "file /../escape\n", "not a path"},
	        {HEAD "file /a/../../escape\n", "not a path"},
	        {HEAD "file /a//b\n", "not a path"},
	        {HEAD "link /a = /\nfile /a/tmp/escape\n", "not a path"},
	        {HEAD "link /a\n", "no \" = \" after \"/a\""},
	        {HEAD "text /a = \\x\n", "unknown escape"},
	        {HEAD "text /a = x\\\n", "unknown escape"},
	        {HEAD "text /a = 1\ntext /a = 2\n", "given twice: \"/a\""},
	        {HEAD "file /a\n\tx\ndir /a/b\n", "not a path"},
	        {HEAD "\tindented\n", "unknown word"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct recorded r = {0};
		struct err err = ERR_INIT;

		assert_int_equal(open_text(&r, cases[i].text, &err), -EINVAL);
		if (!strstr(err.what, cases[i].says))
			fail_msg("case %zu says: %s", i, err.what);
		recorded_close(&r);
	}
}

static void names_the_line(void **state)
{
	struct recorded r;
	struct err err = ERR_INIT;

	assert_int_equal(open_text(&r, HEAD "file /a\n\tx\n\ty\n\nbad /a\n", &err), -EINVAL);
	assert_non_null(strstr(err.what, "line 6"));
}

/* A link that is absolute leads to the recorded root. */
static void links_stay_inside(void **state)
{
	struct recorded r;
	struct err err = ERR_INIT;
	BUF(b, 64);

	assert_int_equal(open_text(&r, HEAD "link /x = /etc\ntext /etc/hostname = inside\n", &err),
	                 0);
	assert_int_equal(world_read(&r.world, "/x/hostname", &b, &err), 0);
	assert_string_equal(b.data, "inside");
	assert_int_equal(world_openat(&r.world, "/x/passwd", O_RDONLY), -ENOENT);
	recorded_close(&r);
}

static void all_machines_open(void **state)
{
	static const char *const names[] = {"v1", "v2", "tiny", "container"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[512];
		struct recorded r;
		struct err err = ERR_INIT;

		snprintf(path, sizeof(path), MACHINES "/%s.machine", names[i]);
		if (recorded_open(&r, path, &err) < 0)
			fail_msg("%s", err.what);
		assert_true(world_exists(&r.world, "/proc/1/stat"));
		recorded_close(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(lays_out),          cmocka_unit_test(refuses),
	        cmocka_unit_test(names_the_line),    cmocka_unit_test(links_stay_inside),
	        cmocka_unit_test(all_machines_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
