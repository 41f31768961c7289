/* test-plan.c - plan, plan difference, registry and holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "step/plan.h"

static int setup(void **state)
{
	static struct arena a;
	arena_init(&a, 1 << 20);
	*state = &a;
	return 0;
}

static int teardown(void **state)
{
	arena_release(*state);
	return 0;
}

static void adds_in_order_and_folds(void **state)
{
	struct plan p;
	struct err e = ERR_INIT;
	plan_init(&p, *state);
	assert_int_equal(plan_add(&p, "control", "/a", "1", "says", &e), 0);
	assert_int_equal(plan_add(&p, "control", "/b", "2", NULL, &e), 0);
	assert_int_equal(plan_add(&p, "control", "/a", "1", "again", &e), 0);
	assert_int_equal(p.n, 2);
	assert_string_equal(p.v[0].object, "/a");
	assert_string_equal(p.v[1].says, "");
	assert_int_equal(plan_add(&p, "control", "/a", "3", NULL, &e), -EEXIST);
	assert_non_null(strstr(e.what, "\"/a\""));
	assert_int_equal(plan_add(&p, "nonsense", "/a", "3", NULL, &e), -ENOENT);
	assert_int_equal(p.n, 2);
}

static void refuses_what_is_too_long(void **state)
{
	struct plan p;
	struct err e = ERR_INIT;
	char big[STATE_MAX + 1];
	memset(big, 'x', sizeof(big));
	big[STATE_MAX] = 0;
	plan_init(&p, *state);
	assert_int_equal(plan_add(&p, "control", big, "1", NULL, &e), -ENAMETOOLONG);
	assert_int_equal(plan_add(&p, "control", "/a", big, NULL, &e), -ENAMETOOLONG);
	assert_int_equal(plan_add(&p, "control", "/a\n/b", "1", NULL, &e), -EINVAL);
	big[STATE_MAX - 1] = 0;
	assert_int_equal(plan_add(&p, "control", "/a", big, big, &e), 0);
	assert_int_equal(strlen(p.v[0].says), SAYS_MAX - 1);
}

static void keeps_blobs_once(void **state)
{
	struct plan p;
	struct err e = ERR_INIT;
	char st[STATE_MAX], again[STATE_MAX];
	plan_init(&p, *state);
	assert_int_equal(plan_blob(&p, "abc", 3, st, &e), 0);
	assert_string_equal(st,
	                    "@ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(plan_blob(&p, "abc", 3, again, &e), 0);
	assert_int_equal(p.blobs_n, 1);
	assert_memory_equal(p.blobs[0].data, "abc", 3);
	assert_int_equal(plan_blob(&p, "", 0, again, &e), 0);
	assert_int_equal(p.blobs_n, 2);
}

static void many_steps(void **state)
{
	struct plan p;
	struct err e = ERR_INIT;
	plan_init(&p, *state);
	for (int i = 0; i < 200; i++) {
		BUF(o, 32);
		buf_addf(&o, "/f%d", i);
		assert_int_equal(plan_add(&p, "control", o.data, "1", NULL, &e), 0);
	}
	assert_int_equal(p.n, 200);
	assert_non_null(plan_find(&p, "control", "/f199"));
	assert_null(plan_find(&p, "control", "/f200"));
}

static void a_full_arena_is_an_error(void **state)
{
	struct arena small;
	struct plan p;
	struct err e = ERR_INIT;
	int r = 0;
	(void)state;
	arena_init(&small, 8192);
	plan_init(&p, &small);
	for (int i = 0; i < 64 && r == 0; i++) {
		BUF(o, 32);
		buf_addf(&o, "/f%d", i);
		r = plan_add(&p, "control", o.data, "1", NULL, &e);
	}
	assert_int_equal(r, -ENOMEM);
	arena_release(&small);
}

static void registry(void **state)
{
	(void)state;
	assert_null(step_type_find("nothing"));
	for (size_t i = 0; step_types[i]; i++) {
		const struct step_type *t = step_types[i];
		assert_ptr_equal(step_type_find(t->name), t);
		assert_non_null(t->summary);
		assert_non_null(t->get);
		assert_non_null(t->set);
		assert_true(strlen(t->name) < TYPE_MAX);
	}
	struct step_type t = {.flags = STEP_LEAN};
	assert_string_equal(step_dies_with(&t), "log");
	t.flags = STEP_DIES_WITH_BOOT;
	assert_string_equal(step_dies_with(&t), "boot");
	t.flags = STEP_DIES_WITH_HOLDER;
	assert_string_equal(step_dies_with(&t), "kernel");
	t.flags = STEP_IRREVERSIBLE;
	assert_string_equal(step_dies_with(&t), "never");
	assert_true(step_same(&t, "a", "a"));
	assert_false(step_same(&t, "a", "b"));
}

static void holds_close_what_they_have(void **state)
{
	struct hold h;
	(void)state;
	hold_init(&h);
	assert_int_equal(h.fd[0], -1);
	h.fd[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = h.fd[1];
	hold_release(&h);
	assert_int_equal(h.fd[1], -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(adds_in_order_and_folds, setup, teardown),
	        cmocka_unit_test_setup_teardown(refuses_what_is_too_long, setup, teardown),
	        cmocka_unit_test_setup_teardown(keeps_blobs_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(many_steps, setup, teardown),
	        cmocka_unit_test(a_full_arena_is_an_error),
	        cmocka_unit_test(registry),
	        cmocka_unit_test(holds_close_what_they_have),
	};
	return cmocka_run_group_tests_name("step plan", tests, NULL, NULL);
}
