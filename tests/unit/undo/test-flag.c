/* test-flag.c - what other users see of an object that may be changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../skip.h"
#include "undo/claim.h"
#include "undo/flag.h"

enum { FLAGS = 16, UID_MAY = 4242, UID_MAY_NOT = 4243 };

static bool may(const struct world *w, const char *object, uid_t uid)
{
	return uid == UID_MAY;
}

static const struct step_type shared = {.name = "signal", .may = may}, alone = {.name = "nft"};

struct bed {
	struct world w;
	char object[64];
	struct err err;
};

static int setup(void **state)
{
	static struct bed bed;

	bed.err = (struct err)ERR_INIT;
	/* an object that no other run of this test has */
	snprintf(bed.object, sizeof(bed.object), "%d@1", getpid());
	*state = &bed;
	return world_open_real(&bed.w, &bed.err);
}

static int teardown(void **state)
{
	world_close(&((struct bed *)*state)->w);
	return 0;
}

/* The flag is a name; this one is up as anybody could put it. */
static int flag_of(const char *object, int i)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char hash[CLAIM_NAME];
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), n;

	claim_name("signal", object, hash);
	n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "squall/%s/%d", hash, i);
	if (bind(s, (struct sockaddr *)&a,
	         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0 ||
	    listen(s, 1) < 0) {
		close(s);
		return -1;
	}
	return s;
}

/* A process of another user's that has one up (root alone can be another). */
static pid_t stranger(const char *object, uid_t uid, int first, int last)
{
	int ready[2];
	char byte = 0;

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		bool up = setresuid(uid, uid, uid) == 0;

		for (int i = first; i <= last && up; i++)
			up = flag_of(object, i) >= 0;
		(void)!write(ready[1], up ? "y" : "n", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void killed(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void one_users_own(void **state)
{
	struct bed *b = *state;
	int fd[FLAGS + 1], again;

	/* they do not shut each other out: his claims do that. One too many goes on without */
	for (int i = 0; i <= FLAGS; i++) {
		assert_int_equal(flag_raise(&b->w, &shared, b->object, -1, &fd[i], &b->err), 0);
		assert_int_equal(fd[i] >= 0, i < FLAGS);
	}
	close(fd[3]);
	assert_int_equal(flag_raise(&b->w, &shared, b->object, -1, &again, &b->err), 0);
	assert_true(again >= 0);
	fd[3] = again;
	for (int i = 0; i < FLAGS; i++)
		close(fd[i]);
	again = flag_of(b->object, 0);
	assert_true(again >= 0);
	close(again);
}

static void not_shared(void **state)
{
	struct bed *b = *state;
	int fd;

	assert_int_equal(flag_raise(&b->w, &alone, b->object, -1, &fd, &b->err), 0);
	assert_int_equal(fd, -1);
}

static void another_user(void **state)
{
	struct bed *b = *state;
	pid_t pid;
	int fd;

	if (geteuid() != 0)
		lacks("root", "another user is played");
	/* wherever it is */
	for (int i = 0; i < FLAGS; i += FLAGS - 1) {
		pid = stranger(b->object, UID_MAY, i, i);
		assert_int_equal(flag_raise(&b->w, &shared, b->object, -1, &fd, &b->err), -EBUSY);
		assert_int_equal(fd, -1);
		assert_non_null(strstr(b->err.what, "(uid 4242, process "));
		assert_int_equal(flag_raise(&b->w, &alone, b->object, -1, &fd, &b->err), 0);
		/* gone with whoever raised it, and nothing left of ours */
		killed(pid);
		assert_int_equal(flag_raise(&b->w, &shared, b->object, -1, &fd, &b->err), 0);
		assert_true(fd >= 0);
		close(fd);
	}
}

/* Who could not change the object cannot keep anybody from it, with one flag or with all. */
static void false_flags(void **state)
{
	struct bed *b = *state;
	pid_t pid;
	int fd;

	if (geteuid() != 0)
		lacks("root", "another user is played");
	pid = stranger(b->object, UID_MAY_NOT, 0, 0);
	assert_int_equal(flag_raise(&b->w, &shared, b->object, -1, &fd, &b->err), 0);
	assert_true(fd >= 0);
	close(fd);
	killed(pid);
	pid = stranger(b->object, UID_MAY_NOT, 0, FLAGS - 1);
	assert_int_equal(flag_raise(&b->w, &shared, b->object, -1, &fd, &b->err), 0);
	assert_int_equal(fd, -1);
	killed(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_users_own),
	        cmocka_unit_test(not_shared),
	        cmocka_unit_test(another_user),
	        cmocka_unit_test(false_flags),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
