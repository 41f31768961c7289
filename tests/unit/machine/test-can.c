/* test-can.c - facts of this machine and of a recorded one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "machine/can.h"

static void a_recorded_machine_answers(void **state)
{
	struct answer v[] = {{"can.nft", "yes"}, {"can.pidfd", "kernel too old"}};
	struct answers a = {.n = 2, .v = v};
	struct world w = {.root = -1, .fake = &a};
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(can_try(&w, "nft", &e), 0);
	assert_int_equal(can_try(&w, "pidfd", &e), -EOPNOTSUPP);
	assert_string_equal(e.what, "kernel too old");
	assert_int_equal(can_try(&w, "nft-owner", &e), -ENODATA);
	assert_int_equal(can_try(&w, "magic", &e), -EINVAL);
}

/* Each is tried for real; what it cannot, it says why. */
static void this_machine_gives_reasons(void **state)
{
	struct world w;
	struct err e = ERR_INIT;
	(void)state;
	assert_int_equal(world_open_real(&w, &e), 0);
	for (size_t i = 0; can_facts[i]; i++) {
		struct err why = ERR_INIT;
		int code = can_try(&w, can_facts[i], &why);
		assert_true(code <= 0 && code != -EINVAL);
		if (code < 0)
			assert_true(why.what[0] != 0);
		print_message("%s: %s\n", can_facts[i], code < 0 ? why.what : "yes");
	}
	assert_int_equal(can_try(&w, "pidfd", &e), 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_recorded_machine_answers),
	        cmocka_unit_test(this_machine_gives_reasons),
	};
	return cmocka_run_group_tests_name("machine can", tests, NULL, NULL);
}
