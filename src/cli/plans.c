/* Resolves and plans the attacks of an experiment, and prints the plan. */
#include "cli/plans.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/show.h"
#include "run/attack-names.h"
#include "run/plan-text.h"

/* Before it is folded into lines, where a secret with blanks would not be known again. */
static void plan_mask(const struct experiment *x, struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		experiment_mask(x, plan->v[i].to);
		experiment_mask(x, plan->v[i].says);
	}
	for (size_t i = 0; i < plan->blobs_n; i++)
		if (plan->blobs[i].shown) /* the plan's own copy, never to be put */
			experiment_mask(x, (char *)(uintptr_t)plan->blobs[i].data);
}

enum exit_code policies_take(struct cli *cli, const struct world *w, struct policies *p)
{
	struct problems problems;
	struct err err = ERR_INIT;

	problems_init(&problems, &cli->arena);
	if (policies_load(p, w, &cli->paths, &cli->catalogue, &problems, &err) == 0)
		return EXIT_HELD;
	show_problems(stderr, isatty(STDERR_FILENO) && cli->colour, p->path, &problems);
	return show_err(&err, EXIT_REFUSED);
}

static void think(struct cli *cli, const struct world *w, const struct policies *p,
                  const struct experiment *x, uint64_t seed, size_t i, struct attack_thought *t)
{
	struct moment moment = {.seed = attack_seed(seed, i), .floors = &p->floors};
	struct names *names = NULL;
	uint64_t again_ns;

	t->attack = x->attacks[i];
	t->gate_code = gate_attack(p, x, t->attack, &t->gate_err);
	t->can_code = attack_can(t->attack, w, &t->can_err);
	t->resolve_code =
	        resolve_targets(w, &t->attack->selector, t->attack->call.kind, moment.seed, NULL, 0,
	                        &cli->arena, &t->targets, &t->resolve_err);
	if (t->resolve_code < 0)
		return;
	t->plan_code = attack_names(x, t->attack, &cli->arena, &names, &t->plan_err);
	if (t->plan_code == 0)
		t->plan_code = names_resolve(w, names, &t->plan_err);
	if (t->plan_code < 0)
		return;
	moment.names = names;
	t->plan_code = attack_plan(x, t->attack, 0, &t->targets, &moment, w, "dry-run", &cli->arena,
	                           &t->plan, &again_ns, NULL, &t->plan_err);
	if (t->plan_code == 0)
		t->allow_code = attack_allowed(x, t->attack, &t->plan, &t->allow_err);
	if (t->plan_code == 0 && t->gate_code == 0)
		t->gate_code =
		        gate_plan(p, w, x, t->attack, 0, &t->targets, &t->plan, &t->gate_err);
	plan_mask(x, &t->plan);
}

int plans_gate(const struct policies *p, const struct world *w, const struct experiment *x,
               const struct attack_thought *v, size_t n, struct err *err)
{
	int ret = gate_file(p, x, err);
	size_t pids = 0;
	struct arena cleanup(arena_release) arena = {.head = NULL};
	const struct targets **all;

	arena_init(&arena, 1 << 20);
	all = arena_alloc(&arena, (n + 1) * sizeof(*all));
	for (size_t i = 0; all && i < n; i++) {
		all[i] = v[i].resolve_code == 0 ? &v[i].targets : NULL;
		pids += gate_pids(&v[i].plan);
	}
	if (ret == 0 && all)
		ret = gate_spread(p, all, n, err);
	return ret || !n ? ret : gate_room(p, w, pids, err);
}

struct attack_thought *attacks_think(struct cli *cli, const struct world *w,
                                     const struct policies *p, const struct experiment *x,
                                     uint64_t seed, size_t *n)
{
	struct attack_thought *v = arena_alloc(&cli->arena, (x->attacks_n + 1) * sizeof(*v));

	*n = v ? x->attacks_n : 0;
	for (size_t i = 0; i < *n; i++)
		think(cli, w, p, x, seed, i, &v[i]);
	return v;
}

/* Planned all the same: whoever carries it out may be able to. */
static bool is_assumed(const struct attack_thought *t)
{
	return t->can_code < 0 && t->can_code != -ENODATA;
}

static json_t *thought_json(const struct world *w, const struct experiment *x,
                            const struct attack_thought *t)
{
	json_t *o = plan_json(w, t->attack, &t->targets, &t->plan), *masked;

	if (t->resolve_code < 0)
		json_object_set_new(o, "cannot", json_string(t->resolve_err.what));
	if (t->plan_code < 0)
		json_object_set_new(o, "cannot", json_string(t->plan_err.what));
	if (is_assumed(t))
		json_object_set_new(o, "assumed", json_string(t->can_err.what));
	if (t->allow_code < 0)
		json_object_set_new(o, "refused", json_string(t->allow_err.what));
	if (t->gate_code < 0)
		json_object_set_new(o, "refused", json_string(t->gate_err.what));
	masked = experiment_mask_json(x, o);
	json_decref(o);
	return masked;
}

static void thought_show(const struct world *w, const struct experiment *x,
                         const struct attack_thought *t)
{
	_cleanup_free_ char *text = NULL;

	if (t->resolve_code < 0)
		return;
	text = plan_text(w, t->attack, &t->targets, &t->plan);
	if (text) {
		experiment_mask(x, text);
		show_text(stdout, text, true);
	}
	if (is_assumed(t))
		printf("  assumed, though it cannot be tried here: %s\n", t->can_err.what);
}

enum exit_code plans_show(struct cli *cli, const struct world *w, const struct experiment *x,
                          uint64_t seed, bool json)
{
	_cleanup_policies_ struct policies policies = {.n = 0};
	enum exit_code code = policies_take(cli, w, &policies);
	size_t n;
	struct attack_thought *v;
	struct err err = ERR_INIT;
	json_t *list;
	const char *cow = paths_copy_on_write(w, &cli->paths);

	if (code != EXIT_HELD)
		return code;
	v = attacks_think(cli, w, &policies, x, seed, &n);
	list = json_array();
	for (size_t i = 0; i < n; i++) {
		struct attack_thought *t = &v[i];

		if (json) {
			json_array_append_new(list, thought_json(w, x, t));
		} else {
			if (i)
				putchar('\n');
			thought_show(w, x, t);
		}
		if (t->resolve_code < 0)
			code = show_err(&t->resolve_err, EXIT_CANNOT);
		else if (t->plan_code < 0)
			code = show_err(&t->plan_err, EXIT_CANNOT);
		else if (t->allow_code < 0)
			code = show_err(&t->allow_err, EXIT_REFUSED);
		else if (t->gate_code < 0)
			code = show_err(&t->gate_err, EXIT_REFUSED);
	}
	if (plans_gate(&policies, w, x, v, n, &err) < 0)
		code = show_err(&err, EXIT_REFUSED);
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
