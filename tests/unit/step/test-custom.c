/* test-custom.c - a state by commands: with a hand, and without one as in undo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/paths.h"
#include "helper/helpers.h"
#include "step/custom.h"
#include "step/step.h"
#include "undo/spawn.h"

struct bed {
	struct world world;
	char dir[32], claim[STATE_MAX];
	struct hold h;
};

static const struct step_type *custom(void)
{
	return step_type_find("custom");
}

static int spawn(struct hold *h, const char *kind, const char *const *args, struct err *err)
{
	return helper_spawn(h, helpers, kind, args, err);
}

static int setup(void **state)
{
	static struct bed b;
	struct err err = ERR_INIT;

	memset(&b, 0, sizeof(b));
	strcpy(b.dir, "/tmp/squall-custom-XXXXXX");
	assert_non_null(mkdtemp(b.dir));
	assert_int_equal(world_open_real(&b.world, &err), 0);
	snprintf(b.claim, sizeof(b.claim),
	         "apply: touch %s/x undo: rm -f %s/x check: test -e %s/x limit: 20s", b.dir, b.dir,
	         b.dir);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;
	char command[64];

	if (b->h.own)
		custom()->close(&b->h);
	hold_release(&b->h);
	world_close(&b->world);
	snprintf(command, sizeof(command), "rm -rf %s", b->dir);
	return system(command);
}

static void hold_make(struct bed *b, bool hand, enum applied applied)
{
	hold_init(&b->h);
	b->h.world = &b->world;
	b->h.run = "test-run";
	b->h.claim = b->claim;
	b->h.applied = applied;
	b->h.spawn = hand ? spawn : NULL;
}

static bool exists(const struct bed *b)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/x", b->dir);
	return access(path, F_OK) == 0;
}

static const char *look(struct bed *b)
{
	static char storage[STATE_MAX];
	struct buf state;

	buf_init(&state, storage, sizeof(storage));
	assert_int_equal(custom()->look(&b->h, "x", &state, NULL), 0);
	return storage;
}

static int set(struct bed *b, const char *to, struct err *err)
{
	BUF(landed, STATE_MAX);
	int r = custom()->set(&b->h, "x", "", to, &landed, err);

	/* set tells what look tells after it */
	if (r == 0)
		assert_string_equal(landed.data, look(b));
	return r;
}

static void by_the_hand(void **state)
{
	struct bed *b = *state;
	struct err err = ERR_INIT;

	hold_make(b, true, APPLIED_NOT);
	assert_int_equal(custom()->open(&b->h, "x", &err), 0);
	assert_string_equal(look(b), "not in effect");
	assert_int_equal(set(b, b->claim, &err), 0);
	assert_string_equal(look(b), "in effect");
	assert_true(exists(b));
	assert_int_equal(set(b, "not in effect", &err), 0);
	assert_false(exists(b));
	assert_int_equal(set(b, "not in effect", &err), 0);
}

/* What is put back needs no hand; what is applied does. */
static void without_its_hand(void **state)
{
	struct bed *b = *state;
	struct err err = ERR_INIT;

	hold_make(b, true, APPLIED_NOT);
	assert_int_equal(custom()->open(&b->h, "x", &err), 0);
	assert_int_equal(set(b, b->claim, &err), 0);
	assert_int_equal(pidfd_signal(b->h.holder.pidfd, SIGKILL), 0);
	assert_int_equal(set(b, "not in effect", &err), 0);
	assert_false(exists(b));
	assert_int_equal(set(b, b->claim, &err), -EPIPE);
	assert_false(exists(b));
}

static void in_undo(void **state)
{
	struct bed *b = *state;
	struct err err = ERR_INIT;

	hold_make(b, false, APPLIED);
	assert_int_equal(custom()->open(&b->h, "x", &err), 0);
	/* applied, they say, and check does not see it: undo runs all the same */
	assert_string_equal(look(b), "applied, not in effect");
	assert_false(custom()->same("not in effect", look(b)));
	assert_int_equal(set(b, "not in effect", &err), 0);
	assert_string_equal(look(b), "not in effect");
}

static void believed(void **state)
{
	struct bed *b = *state;
	struct err err = ERR_INIT;

	snprintf(b->claim, sizeof(b->claim), "apply: touch %s/x undo: rm %s/x limit: 20s", b->dir,
	         b->dir);
	hold_make(b, true, APPLIED_NOT);
	assert_int_equal(custom()->open(&b->h, "x", &err), 0);
	assert_string_equal(look(b), "not in effect");
	assert_int_equal(set(b, b->claim, &err), 0);
	assert_string_equal(look(b), "in effect");
	assert_int_equal(set(b, "not in effect", &err), 0);
	/* an undo that is not idempotent: not believed */
	assert_int_equal(set(b, "not in effect", &err), -EIO);
	assert_non_null(strstr(err.what, "undo of \"x\" ended with status 1"));
}

static bool called_off(struct hold *h)
{
	return true;
}

static bool at_work(struct hold *h)
{
	return false;
}

/* Under the fault check hangs: a reading may be called off, with a hand and without, and what puts
 * the state back asks only afterwards. */
static void check_hangs(void **state)
{
	struct bed *b = *state;
	struct err err = ERR_INIT;
	uint64_t begun_ns = clock_boot_ns();

	snprintf(b->claim, sizeof(b->claim),
	         "apply: touch %s/x undo: rm -f %s/x check: sh -c 'test -e %s/x || exit 1; exec "
	         "sleep 30' limit: 20s",
	         b->dir, b->dir, b->dir);
	for (int hand = 1; hand >= 0; hand--) {
		struct counters c = {.n = 0};
		char path[64];

		hold_make(b, hand, hand ? APPLIED_NOT : APPLIED);
		assert_int_equal(custom()->open(&b->h, "x", &err), 0);
		b->h.busy = called_off;
		if (hand) /* apply, or the check after it */
			assert_int_equal(set(b, b->claim, &err), -ECANCELED);
		snprintf(path, sizeof(path), "%s/x", b->dir);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		assert_int_equal(custom()->meter(&b->h, "x", &c, &err), -ECANCELED);
		assert_int_equal(c.n, 0);
		b->h.busy = at_work;
		b->h.reverting = true;
		assert_string_equal(look(b), "unknown");
		b->h.busy = called_off;
		assert_int_equal(set(b, "not in effect", &err), 0);
		assert_false(exists(b));
		custom()->close(&b->h);
		hold_release(&b->h);
	}
	assert_true(clock_boot_ns() - begun_ns < 10000000000ull);
}

static void from_the_stash(void **state)
{
	struct bed *b = *state;
	struct err err = ERR_INIT;
	char text[STATE_MAX], other[STATE_MAX];
	size_t n;

	strcpy(text, b->claim);
	n = strlen(text) + 1;
	b->claim[0] = '@';
	sha256_text(text, n, b->claim + 1);
	hold_make(b, true, APPLIED_NOT);
	b->h.stash = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(custom()->open(&b->h, "x", &err), -ENOENT);
	assert_int_equal(file_put(b->h.stash, b->claim + 1, text, n, false, &err), 0);
	assert_int_equal(custom()->open(&b->h, "x", &err), 0);
	assert_int_equal(set(b, b->claim, &err), 0);
	assert_true(exists(b));
	assert_int_equal(set(b, "not in effect", &err), 0);
	custom()->close(&b->h);
	/* others could have written it */
	assert_int_equal(fchmodat(b->h.stash, b->claim + 1, 0666, 0), 0);
	assert_int_equal(custom()->open(&b->h, "x", &err), -EPERM);
	/* it is not what was put there */
	strcpy(other, text);
	other[7] = 'T';
	assert_int_equal(file_put(b->h.stash, b->claim + 1, other, n, false, &err), 0);
	assert_int_equal(custom()->open(&b->h, "x", &err), -EBADMSG);
	close(b->h.stash);
}

static void refused(void **state)
{
	struct bed *b = *state;
	struct err err = ERR_INIT;

	strcpy(b->claim, "apply: true undo: squall-has-no-such limit: 1s");
	hold_make(b, true, APPLIED_NOT);
	assert_int_equal(custom()->open(&b->h, "x", &err), -ENOENT);
	strcpy(b->claim, "apply: true undo: true check: 'sh' -c 'exit 2' limit: 10s");
	assert_int_equal(custom()->open(&b->h, "x", &err), -EIO);
	assert_non_null(strstr(err.what, "check of \"x\" ended with status 2"));
	strcpy(b->claim, "@../../etc/passwd");
	assert_int_equal(custom()->open(&b->h, "x", &err), -EINVAL);
	assert_null(b->h.own);
}

static void sameness(void **state)
{
	static const struct {
		const char *want, *seen;
		bool same;
	} cases[] = {
	        {"not in effect", "not in effect: 3", true},
	        {"not in effect", "applied, not in effect", false},
	        {"not in effect", "unknown", false},
	        {"not in effect", "in effect", false},
	        {"apply: a undo: b limit: 1s", "in effect: x", true},
	        {"apply: a undo: b limit: 1s", "not in effect", false},
	        {"@00", "unknown: x", true},
	        {"in effect: 3", "in effect: 4", true},
	        {"applied, not in effect", "in effect", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(custom()->same(cases[i].want, cases[i].seen), cases[i].same);
}

static void by_hand(void **state)
{
	BUF(to, 256);

	custom()->by_hand("x", "not in effect",
	                  "apply: a undo: rm -f 'a b' env: 'A=b c' dir: /srv limit: 1s", &to);
	assert_string_equal(to.data, "cd /srv && env 'A=b c' rm -f 'a b'");
	buf_reset(&to);
	custom()->by_hand("x", "not in effect", "@00", &to);
	assert_string_equal(to.data, "squall undo");
	buf_reset(&to);
	custom()->by_hand("x", "in effect", "apply: a undo: b limit: 1s", &to);
	assert_string_equal(to.data, "");
}

static void names(void **state)
{
	assert_true(custom_name_is("web-1.drained_2"));
	assert_false(custom_name_is(""));
	assert_false(custom_name_is("-x"));
	assert_false(custom_name_is("a b"));
	assert_false(custom_name_is("A"));
	assert_false(custom_name_is("a/b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(by_the_hand, setup, teardown),
	        cmocka_unit_test_setup_teardown(without_its_hand, setup, teardown),
	        cmocka_unit_test_setup_teardown(in_undo, setup, teardown),
	        cmocka_unit_test_setup_teardown(believed, setup, teardown),
	        cmocka_unit_test_setup_teardown(check_hangs, setup, teardown),
	        cmocka_unit_test_setup_teardown(from_the_stash, setup, teardown),
	        cmocka_unit_test_setup_teardown(refused, setup, teardown),
	        cmocka_unit_test(sameness),
	        cmocka_unit_test(by_hand),
	        cmocka_unit_test(names),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
