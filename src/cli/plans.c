/* Resolves and plans the attacks of an experiment, and prints the plan. */
#include "cli/plans.h"

#include <errno.h>
#include <stdio.h>

#include "cli/show.h"
#include "run/plan-text.h"

static void think(struct cli *cli, const struct world *w, const struct experiment *x, uint64_t seed,
                  size_t i, struct attack_thought *t)
{
	struct moment moment = {.seed = attack_seed(seed, i)};
	uint64_t again_ns;

	t->attack = x->attacks[i];
	t->can_code = attack_can(t->attack, w, &t->can_err);
	t->resolve_code =
	        resolve_targets(w, &t->attack->selector, t->attack->call.kind, moment.seed, NULL, 0,
	                        &cli->arena, &t->targets, &t->resolve_err);
	if (t->resolve_code < 0)
		return;
	t->plan_code = attack_plan(x, t->attack, 0, &t->targets, &moment, w, "dry-run", &cli->arena,
	                           &t->plan, &again_ns, NULL, &t->plan_err);
	if (t->plan_code == 0)
		t->allow_code = attack_allowed(x, t->attack, &t->plan, &t->allow_err);
}

struct attack_thought *attacks_think(struct cli *cli, const struct world *w,
                                     const struct experiment *x, uint64_t seed, size_t *n)
{
	struct attack_thought *v = arena_alloc(&cli->arena, (x->attacks_n + 1) * sizeof(*v));

	*n = v ? x->attacks_n : 0;
	for (size_t i = 0; i < *n; i++)
		think(cli, w, x, seed, i, &v[i]);
	return v;
}

static json_t *thought_json(const struct world *w, const struct attack_thought *t)
{
	json_t *o = plan_json(w, t->attack, &t->targets, &t->plan);

	if (t->resolve_code < 0)
		json_object_set_new(o, "cannot", json_string(t->resolve_err.what));
	if (t->plan_code < 0)
		json_object_set_new(o, "cannot", json_string(t->plan_err.what));
	if (t->can_code < 0 && world_is_real(w))
		json_object_set_new(o, "assumed", json_string(t->can_err.what));
	if (t->allow_code < 0)
		json_object_set_new(o, "refused", json_string(t->allow_err.what));
	return o;
}

static void thought_show(const struct world *w, const struct attack_thought *t)
{
	_cleanup_free_ char *text = NULL;

	if (t->resolve_code < 0)
		return;
	text = plan_text(w, t->attack, &t->targets, &t->plan);
	if (text)
		show_text(stdout, text, true);
	/* Planned all the same: whoever carries it out may be able to. */
	if (t->can_code < 0 && world_is_real(w))
		printf("  assumed, though it cannot be tried here: %s\n", t->can_err.what);
}

enum exit_code plans_show(struct cli *cli, const struct world *w, const struct experiment *x,
                          uint64_t seed, bool json)
{
	size_t n;
	struct attack_thought *v = attacks_think(cli, w, x, seed, &n);
	json_t *list = json_array();
	enum exit_code code = EXIT_HELD;
	const char *cow = world_is_real(w) ? paths_copy_on_write(&cli->paths) : NULL;

	for (size_t i = 0; i < n; i++) {
		struct attack_thought *t = &v[i];

		if (json) {
			json_array_append_new(list, thought_json(w, t));
		} else {
			if (i)
				putchar('\n');
			thought_show(w, t);
		}
		if (t->resolve_code < 0)
			code = show_err(&t->resolve_err, EXIT_CANNOT);
		else if (t->plan_code < 0)
			code = show_err(&t->plan_err, EXIT_CANNOT);
		else if (t->allow_code < 0)
			code = show_err(&t->allow_err, EXIT_REFUSED);
	}
	if (json)
		show_json(json_pack("{s:I, s:O, s:s*}", "seed", (json_int_t)seed, "attacks", list,
		                    "log-copies-on-write", cow),
		          false);
	else if (n && cow)
		printf("the undo log is on %s, which copies on write: it is safe against the death "
		       "of processes, not against loss of power\n",
		       cow);
	json_decref(list);
	return code;
}
