/* The tables of the commands: what every help screen shows is there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "cli/command.h"

#include <cmocka.h> /* last: it has a macro named as a function of model/expect.h */

/* "squall plan shop.yaml", perhaps behind something that is given to it; for an option of squall
 * itself, or of another command's help, the name may stand elsewhere. */
static bool calls(const char *example)
{
	const char *at = strstr(example, "squall ");

	return at && (at == example || at[-1] == ' ' || at[-1] == '(');
}

static void examples(void **state)
{
	size_t n = 0;

	for (; commands[n]; n++) {
		const struct kind *k = &commands[n]->kind;
		size_t many = 0, own = 0;

		for (; k->examples && k->examples[many]; many++) {
			const char *e = k->examples[many];

			if (!calls(e))
				fail_msg("%s: not a command line: %s", k->name, e);
			own += strstr(e, k->name) != NULL;
			for (size_t i = 0; i < many; i++)
				assert_string_not_equal(e, k->examples[i]);
		}
		if (many < 3 || own < 2)
			fail_msg("%s: %zu examples, %zu of it", k->name, many, own);
	}
	assert_true(n >= 20);
}

static void texts(void **state)
{
	for (size_t n = 0; commands[n]; n++) {
		const struct kind *k = &commands[n]->kind;

		assert_ptr_equal(command_find(k->name), commands[n]);
		assert_true(k->summary && k->summary[0]);
		assert_true(commands[n]->exits & EXIT_BIT(EXIT_USAGE));
		/* the column of the main help screen */
		assert_true(strlen(k->name) < 12);
		for (const struct param *p = k->params; p && p->name; p++)
			if (!p->help || !p->help[0])
				fail_msg("%s: \"%s\" has no help", k->name, p->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(examples),
	        cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
