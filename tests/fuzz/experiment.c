/* Experiment files: whatever the text, problems or an experiment, and every ramp level binds. */
#include "fault/fault.h"
#include "fuzz.h"
#include "model/experiment.h"
#include "probe/probe.h"

enum { ARENA_MAX = 8 << 20 };

void fuzz_begin(void)
{
}

static void calls_bind(const struct experiment *x, struct arena *arena, struct problems *problems)
{
	for (size_t i = 0; i < x->attacks_n; i++)
		/* NULL: known to the format, not built */
		for (size_t level = 0;
		     x->attacks[i]->call.kind && level < x->attacks[i]->call.levels && level < 8;
		     level++)
			(void)call_bind(x, &x->attacks[i]->call, level, arena, problems);
}

void fuzz_one(const char *text, size_t n)
{
	static const struct catalogue catalogue = {fault_kinds, probe_kinds, action_kinds};
	struct problems problems;
	struct arena arena;
	struct experiment *x;

	arena_init(&arena, ARENA_MAX);
	problems_init(&problems, &arena);
	x = experiment_read(text, n, "fuzz.yaml", &catalogue, NULL, 0, &problems);
	problems_sort(&problems);
	assert(x || problems.errors);
	for (size_t i = 0; i < problems.n; i++)
		assert(problems.v[i].text && problems.v[i].code);
	if (x && !problems.errors) {
		calls_bind(x, &arena, &problems);
		for (size_t i = 0; i < x->steady_n; i++) {
			BUF(says, 1024);

			assert(x->steady[i].id && x->steady[i].id[0]);
			if (x->steady[i].expect)
				expect_describe(x->steady[i].expect, &says);
		}
	}
	experiment_free(x);
	arena_release(&arena);
}
