/*
 * skip.h - a test that cannot run here says what it needs.
 *
 * Include it after cmocka.h. tools/test counts what was skipped and shows the reason; a skip
 * without one fails there, and so does one that CI's machine must be able to run (.ci/required).
 */
#ifndef SQUALL_TESTS_UNIT_SKIP_H
#define SQUALL_TESTS_UNIT_SKIP_H

/* Leaves the test: lacks("root", "another user is played"). */
#define lacks(capability, why)                                           \
	do {                                                             \
		print_message("# SKIP needs %s: %s\n", capability, why); \
		skip();                                                  \
	} while (0)

#endif
