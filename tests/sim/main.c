/*
 * Runs schedules: `sim [--seed N] [--count N] [--expect INVARIANT] [--trace yes]`. The same seed
 * gives the same schedule; --expect ends well only when that invariant is violated.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

unsigned long cells[PHASE_DONE + 1][EV_TYPES], fed_anyway[PHASE_DONE + 1][EV_TYPES];

#ifndef SIM_COUNT
#define SIM_COUNT 12000
#endif
bool sim_trace;

enum { COUNT = SIM_COUNT, SIM_ARENA = 1 << 20 };

uint64_t sim_below(struct sim *s, uint64_t n)
{
	return rng_below(&s->rng, n);
}

bool sim_chance(struct sim *s, unsigned percent)
{
	return sim_below(s, 100) < percent;
}

void sim_violate(struct sim *s, enum invariant which, const char *fmt, ...)
{
	va_list ap;

	if (s->violated)
		return;
	s->violated = true;
	s->which = which;
	va_start(ap, fmt);
	vsnprintf(s->what, sizeof(s->what), fmt, ap);
	va_end(ap);
}

static void run_one(struct sim *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->seed = seed;
	s->rng.s = seed;
	s->machine = &machine_under_test;
	arena_init(&s->arena, SIM_ARENA);
	sim_experiment(s);
	sim_run(s);
	arena_release(&s->arena);
}

/* How the schedules ended, to see that they go where it matters. */
static struct {
	unsigned long verdicts[VERDICT_NO_EFFECT + 1], outcomes[OUTCOME_REFUSED + 1],
	        cleanups[CLEANUP_UNKNOWN + 1], unfinished;
} ends;

static void ends_count(const struct sim *s)
{
	if (!s->finished) {
		ends.unfinished++;
		return;
	}
	ends.verdicts[s->finish.verdict]++;
	ends.outcomes[s->finish.outcome]++;
	ends.cleanups[s->finish.cleanup]++;
}

static void ends_print(void)
{
	printf("# ended: %lu runner-died", ends.unfinished);
	for (size_t i = 0; i < ARRAY_SIZE(ends.verdicts); i++)
		printf(", %lu %s", ends.verdicts[i], verdict_name((enum verdict)i));
	for (size_t i = 0; i < ARRAY_SIZE(ends.outcomes); i++)
		printf(", %lu %s", ends.outcomes[i], outcome_name((enum outcome)i));
	for (size_t i = 0; i < ARRAY_SIZE(ends.cleanups); i++)
		printf(", %lu %s", ends.cleanups[i], cleanup_name((enum cleanup_state)i));
	printf("\n");
}

static int check_cells(void)
{
	int missing = 0;

	for (enum phase p = 0; p <= PHASE_DONE; p++) {
		for (enum event_type t = 0; t < EV_TYPES; t++) {
			const char *why = sim_impossible(p, t);

			if (why ? fed_anyway[p][t] : cells[p][t])
				continue;
			printf("# never %s: %s in phase %s%s%s\n", why ? "fed anyway" : "hit",
			       event_name(t), phase_name(p), why ? ": " : "", why ? why : "");
			missing++;
		}
	}
	return missing;
}

int main(int argc, char **argv)
{
	static struct sim s;
	uint64_t seed = 1, count = COUNT;
	const char *expected = NULL;
	bool one = false;
	unsigned long violated = 0;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seed")) {
			seed = strtoull(argv[i + 1], NULL, 10);
			count = one ? count : 1;
		} else if (!strcmp(argv[i], "--count")) {
			count = strtoull(argv[i + 1], NULL, 10);
			one = true;
		} else if (!strcmp(argv[i], "--trace")) {
			sim_trace = true;
		} else if (!strcmp(argv[i], "--expect")) {
			expected = argv[i + 1];
		}
	}
	for (uint64_t i = 0; i < count && !violated; i++) {
		run_one(&s, seed + i);
		ends_count(&s);
		if (!s.violated || (expected && strcmp(expected, invariant_names[s.which])))
			continue;
		violated++;
		printf("# seed %llu violates %s: %s\n# again with: %s --seed %llu\n",
		       (unsigned long long)s.seed, invariant_names[s.which], s.what, argv[0],
		       (unsigned long long)s.seed);
	}
	if (expected) {
		if (!violated)
			printf("# %s was not violated in %llu schedules\n", expected,
			       (unsigned long long)count);
		return violated ? 0 : 1;
	}
	if (violated)
		return 1;
	if (count >= 10000 && check_cells())
		return 1;
	ends_print();
	printf("# %llu schedules over the %s, no invariant violated\n", (unsigned long long)count,
	       machine_under_test.name);
	return 0;
}
