/* What an experiment would do to a recorded machine: targets, plans, what they are said to be. */
#include "fuzz.h"

#include <jansson.h>

#include "machine/recorded.h"
#include "probe/probe.h"
#include "run/attack-plan.h"
#include "run/plan-text.h"

enum { ARENA_MAX = 16 << 20 };

static struct recorded machine;

static void machine_close(void)
{
	recorded_close(&machine);
}

void fuzz_begin(void)
{
	setenv("TMPDIR", fuzz_folder(), 1);
	assert(recorded_open(&machine, FUZZ_SOURCE "/tests/machines/v1.machine", NULL) == 0);
	assert(atexit(machine_close) == 0);
}

static void attack_think(const struct experiment *x, size_t i, struct arena *arena)
{
	const struct method *attack = x->attacks[i];
	struct moment moment = {.seed = attack_seed(1, i)};
	const struct world *w = &machine.world;
	struct targets targets;
	struct plan plan;
	uint64_t again_ns;
	char *text;

	(void)!attack_can(attack, w, NULL);
	if (resolve_targets(w, &attack->selector, attack->call.kind, moment.seed, NULL, 0, arena,
	                    &targets, NULL) < 0)
		return;
	assert(targets.n <= targets.matched);
	for (size_t level = 0; level < attack->call.levels && level < 4; level++) {
		if (attack_plan(x, attack, level, &targets, &moment, w, "20261122-210000-3f9a",
		                arena, &plan, &again_ns, NULL, NULL) < 0)
			continue;
		(void)!attack_allowed(x, attack, &plan, NULL);
		text = plan_text(w, attack, &targets, &plan);
		free(text);
		json_decref(plan_json(w, attack, &targets, &plan));
	}
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
	for (size_t i = 0; x && !problems.errors && i < x->attacks_n && i < 8; i++)
		if (x->attacks[i]->call.kind)
			attack_think(x, i, &arena);
	experiment_free(x);
	arena_release(&arena);
}
