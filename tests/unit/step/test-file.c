/* test-file.c - files swapped and brought back, broken off at each place on the way. */
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
#include <sys/xattr.h>
#include <unistd.h>

#include "../skip.h"
#include "base/hash.h"
#include "step/step.h"

#define RUN "20260101-r1"
#define FILE_OBJECT "/d/app.conf"
#define PARK "d/.squall-" RUN "-app.conf"

struct machine {
	char dir[64];
	struct world w;
	struct answers none;
	struct hold h;
	char base[STATE_MAX];
	struct stat before;
};

static const struct step_type *file(void)
{
	const struct step_type *t = step_type_find("file");
	assert_non_null(t);
	return t;
}

static void file_write(struct machine *m, const char *path, const char *text)
{
	int fd = openat(m->w.root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void stash_put(struct machine *m, const char *text, char state[STATE_MAX])
{
	char path[STATE_MAX + 8];
	state[0] = '@';
	sha256_text(text, strlen(text), state + 1);
	snprintf(path, sizeof(path), "stash/%s", state + 1);
	file_write(m, path, text);
}

static void content_is(struct machine *m, const char *path, const char *want)
{
	char text[256] = "";
	int fd = openat(m->w.root, path, O_RDONLY | O_CLOEXEC);
	if (!want) {
		assert_int_equal(fd, -1);
		return;
	}
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	close(fd);
	assert_string_equal(text, want);
}

static bool is_original(struct machine *m)
{
	struct stat st;
	return fstatat(m->w.root, "d/app.conf", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == m->before.st_ino && st.st_mode == m->before.st_mode &&
	       st.st_mtim.tv_sec == m->before.st_mtim.tv_sec &&
	       st.st_mtim.tv_nsec == m->before.st_mtim.tv_nsec;
}

static void nothing_is_left(struct machine *m)
{
	content_is(m, PARK, NULL);
	content_is(m, PARK "~", NULL);
}

static int setup(void **state)
{
	static struct machine m;
	struct err e = ERR_INIT;
	struct buf b;
	memset(&m, 0, sizeof(m));
	strcpy(m.dir, "/tmp/squall-file-XXXXXX");
	assert_non_null(mkdtemp(m.dir));
	m.w.root = open(m.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	m.w.fake = &m.none;
	assert_int_equal(mkdirat(m.w.root, "d", 0755), 0);
	assert_int_equal(mkdirat(m.w.root, "stash", 0700), 0);
	file_write(&m, "d/app.conf", "original\n");
	assert_int_equal(fstatat(m.w.root, "d/app.conf", &m.before, 0), 0);
	hold_init(&m.h);
	m.h.world = &m.w;
	m.h.run = RUN;
	m.h.stash = openat(m.w.root, "stash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	buf_init(&b, m.base, sizeof(m.base));
	assert_int_equal(file()->get(&m.w, FILE_OBJECT, &b, &e), 0);
	assert_int_equal(file()->open(&m.h, FILE_OBJECT, &e), 0);
	*state = &m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;
	char cmd[128];
	close(m->h.stash);
	hold_release(&m->h);
	close(m->w.root);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", m->dir);
	return system(cmd);
}

static int set(struct machine *m, const char *to, struct err *e)
{
	BUF(now, STATE_MAX);
	BUF(landed, STATE_MAX);
	int code = file()->get(&m->w, FILE_OBJECT, &now, e);
	if (code == 0)
		code = file()->set(&m->h, FILE_OBJECT, now.data, to, &landed, e);
	if (code == 0)
		assert_true(step_same(file(), to, landed.data));
	return code;
}

static void swaps_and_brings_back(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	char bad[STATE_MAX], worse[STATE_MAX];
	struct stat st;
	stash_put(m, "bad\n", bad);
	stash_put(m, "worse\n", worse);
	assert_int_equal(set(m, bad, &e), 0);
	content_is(m, "d/app.conf", "bad\n");
	content_is(m, PARK, "original\n");
	assert_int_equal(fstatat(m->w.root, "d/app.conf", &st, 0), 0);
	assert_int_equal(st.st_mode, m->before.st_mode);
	/* changed in place: the original stays parked */
	assert_int_equal(set(m, worse, &e), 0);
	content_is(m, "d/app.conf", "worse\n");
	content_is(m, PARK, "original\n");
	content_is(m, PARK "~", NULL);
	assert_int_equal(set(m, m->base, &e), 0);
	content_is(m, "d/app.conf", "original\n");
	assert_true(is_original(m));
	nothing_is_left(m);
	/* once more, as undo does when it is not certain */
	assert_int_equal(set(m, m->base, &e), 0);
	assert_true(is_original(m));
}

static void marks_go_along(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	char bad[STATE_MAX], path[128], value[16] = "";
	snprintf(path, sizeof(path), "%s/d/app.conf", m->dir);
	assert_int_equal(chmod(path, 0604), 0);
	if (setxattr(path, "user.colour", "blue", 4, 0) < 0)
		lacks("xattr", "the file system of the scratch folder keeps none");
	stash_put(m, "bad\n", bad);
	assert_int_equal(set(m, bad, &e), 0);
	assert_int_equal(getxattr(path, "user.colour", value, sizeof(value)), 4);
	assert_memory_equal(value, "blue", 4);
}

/* Every arrangement of names that a SIGKILL can leave, and then a revert. */
static void broken_off_anywhere(void **state)
{
	static const struct {
		const char *name, *park, *next; /* O: original, 1, 2: contents, NULL: absent */
	} cases[] = {
	        {"O", NULL, NULL}, {"O", NULL, "1"}, {"1", NULL, "O"},
	        {"1", "O", NULL},  {"1", "O", "2"},  {"2", "O", "1"},
	        {"2", "O", NULL},  {"O", "1", NULL}, {"O", "1", "2"},
	};
	struct machine *m = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		const char *const what[] = {cases[i].name, cases[i].park, cases[i].next};
		static const char *const where[] = {"d/app.conf", PARK, PARK "~"};
		assert_int_equal(renameat(m->w.root, "d/app.conf", m->w.root, "d/keep"), 0);
		for (size_t k = 0; k < 3; k++)
			if (what[k] && what[k][0] != 'O')
				file_write(m, where[k], what[k]);
			else if (what[k])
				assert_int_equal(renameat(m->w.root, "d/keep", m->w.root, where[k]),
				                 0);
		if (set(m, m->base, &e) != 0)
			fail_msg("case %zu: %s", i, e.what);
		content_is(m, "d/app.conf", "original\n");
		assert_true(is_original(m));
		nothing_is_left(m);
	}
}

static void what_others_wrote_is_not_clobbered(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	char bad[STATE_MAX];
	BUF(landed, STATE_MAX);
	BUF(now, STATE_MAX);
	stash_put(m, "bad\n", bad);
	assert_int_equal(set(m, bad, &e), 0);
	assert_int_equal(file()->get(&m->w, FILE_OBJECT, &now, &e), 0);
	/* an editor writes a new file between our look and our exchange */
	file_write(m, "d/theirs", "theirs\n");
	assert_int_equal(renameat(m->w.root, "d/theirs", m->w.root, "d/app.conf"), 0);
	assert_int_equal(file()->set(&m->h, FILE_OBJECT, now.data, m->base, &landed, &e), -EBUSY);
	content_is(m, "d/app.conf", "theirs\n");
	content_is(m, PARK, "original\n");
	assert_non_null(strstr(e.what, "somebody else"));
	/* the same on the way in */
	assert_int_equal(file()->set(&m->h, FILE_OBJECT, now.data, bad, &landed, &e), -EBUSY);
	content_is(m, "d/app.conf", "theirs\n");
	content_is(m, PARK, "original\n");
	content_is(m, PARK "~", NULL);
}

static void a_lost_original_is_said(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	char bad[STATE_MAX];
	stash_put(m, "bad\n", bad);
	assert_int_equal(set(m, bad, &e), 0);
	assert_int_equal(unlinkat(m->w.root, PARK, 0), 0);
	assert_int_equal(set(m, m->base, &e), -ENOENT);
	content_is(m, "d/app.conf", "bad\n");
}

static void a_failed_try_leaves_nothing(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	char bad[STATE_MAX], path[STATE_MAX + 8];
	stash_put(m, "bad\n", bad);
	snprintf(path, sizeof(path), "stash/%s", bad + 1);
	file_write(m, path, "damaged\n");
	assert_int_equal(set(m, bad, &e), -EBADMSG);
	assert_true(is_original(m));
	nothing_is_left(m);
	assert_int_equal(set(m, "@0000", &e), -EINVAL);
	assert_int_equal(set(m, "absent", &e), -EINVAL);
	memset(bad + 1, '0', SHA256_HEX - 1);
	assert_int_equal(set(m, bad, &e), -ENOENT);
	nothing_is_left(m);
}

static void objects_that_cannot_be(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;
	struct hold h;
	BUF(s, STATE_MAX);
	assert_int_equal(symlinkat("app.conf", m->w.root, "d/link"), 0);
	assert_int_equal(file()->get(&m->w, "/d/link", &s, &e), -ELOOP);
	assert_int_equal(file()->get(&m->w, "/gone/app.conf", &s, &e), -ESTALE);
	assert_int_equal(file()->get(&m->w, "/d/app.conf/x", &s, &e), -ESTALE);
	assert_int_equal(file()->get(&m->w, "/d", &s, &e), -EINVAL);
	assert_int_equal(file()->get(&m->w, "/d/", &s, &e), -EINVAL);
	assert_int_equal(file()->get(&m->w, "app.conf", &s, &e), -EINVAL);
	assert_int_equal(file()->get(&m->w, "/d/none", &s, &e), 0);
	assert_string_equal(s.data, "absent");
	assert_int_equal(mkfifoat(m->w.root, "d/pipe", 0600), 0);
	assert_int_equal(file()->get(&m->w, "/d/pipe", &s, &e), -EINVAL);
	hold_init(&h);
	h.world = &m->w;
	h.run = "20260101-000000-a-long-run-id-1";
	BUF(name, OBJECT_MAX);
	buf_add(&name, "/d/");
	while (name.len < 235)
		buf_addc(&name, 'n');
	assert_int_equal(file()->open(&h, name.data, &e), -ENAMETOOLONG);
	hold_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(swaps_and_brings_back, setup, teardown),
	        cmocka_unit_test_setup_teardown(marks_go_along, setup, teardown),
	        cmocka_unit_test_setup_teardown(broken_off_anywhere, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_others_wrote_is_not_clobbered, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(a_lost_original_is_said, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_failed_try_leaves_nothing, setup, teardown),
	        cmocka_unit_test_setup_teardown(objects_that_cannot_be, setup, teardown),
	};
	return cmocka_run_group_tests_name("step file", tests, NULL, NULL);
}
