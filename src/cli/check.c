/* squall check: everything that can be known before a run, without one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "cli/load.h"
#include "cli/look.h"
#include "cli/plans.h"
#include "cli/putback.h"
#include "cli/show.h"
#include "machine/can.h"
#include "run/late-undo.h"

enum { LOOK_LIMIT_S = 30 };

struct check_args {
	const char *file;
	struct text_map vars;
	struct text_list allow;
	uint64_t seed;
	bool json;
};

struct checking {
	struct cli *cli;
	const struct experiment *x;
	struct policies policies;
	bool json;
	json_t *targets, *machine, *probes, *refusals;
	struct table table;
	enum exit_code code;
	size_t refused;
};

/* Keeps the first code in the order in which a run would be stopped. */
static void refuse(struct checking *c, enum exit_code code, const char *on, const char *what,
                   const char *hint)
{
	struct arena *arena = &c->cli->arena;
	json_t *o = json_pack("{s:i, s:s, s:s}", "exit", (int)code, "on", on, "what", what);

	if (hint && hint[0])
		json_object_set_new(o, "hint", json_string(hint));
	json_array_append_new(c->refusals, o);
	if (c->code == EXIT_HELD || code < c->code)
		c->code = code;
	TABLE_ADD(&c->table, arena_strdup(arena, on), arena_strdup(arena, what));
	table_tone(&c->table, 0, TONE_BAD);
	if (hint && hint[0])
		TABLE_ADD(&c->table, "", arena_printf(arena, "hint: %s", hint));
	c->refused++;
}

static void heading(const struct checking *c, const char *text)
{
	if (!c->json)
		printf("%s%s%s\n", tone_on(c->cli->colour, TONE_BOLD), text,
		       tone_off(c->cli->colour, TONE_BOLD));
}

static const char *names_of(struct arena *arena, const struct targets *targets)
{
	char *text = arena_strdup(arena, "");

	for (size_t i = 0; text && i < targets->n; i++)
		text = arena_printf(arena, "%s%s%s%s%s%s", text, i ? ", " : "", targets->v[i].name,
		                    targets->v[i].about[0] ? " (" : "", targets->v[i].about,
		                    targets->v[i].about[0] ? ")" : "");
	return text;
}

static void check_policies(struct checking *c, const struct attack_thought *v, size_t n)
{
	struct err err = ERR_INIT;
	int ret = gate_caller(&c->policies, &err);

	if (ret == 0)
		ret = gate_times(&c->policies, clock_wall_ns(), c->x->max_duration_ns, &err);
	if (ret == 0)
		ret = plans_gate(&c->policies, &c->cli->world, c->x, v, n, &err);
	if (ret < 0)
		refuse(c, EXIT_REFUSED, "policy", err.what, err.hint);
}

static void check_targets(struct checking *c, uint64_t seed)
{
	struct arena *arena = &c->cli->arena;
	struct attack_thought *v;
	struct table t;
	size_t n;

	v = attacks_think(c->cli, &c->cli->world, &c->policies, c->x, seed, &n);
	table_init(&t, arena, 4, 2);
	t.wrap = c->cli->width;
	for (size_t i = 0; i < n; i++) {
		const struct attack_thought *a = &v[i];
		json_t *o =
		        json_pack("{s:s, s:s, s:s, s:I, s:[]}", "attack", a->attack->id, "fault",
		                  a->attack->call.name, "selector", a->attack->selector.says,
		                  "matched", (json_int_t)a->targets.matched, "targets");

		for (size_t k = 0; k < a->targets.n; k++)
			json_array_append_new(json_object_get(o, "targets"),
			                      json_string(a->targets.v[k].name));
		json_array_append_new(c->targets, o);
		TABLE_ADD(&t, a->attack->id, a->attack->call.name,
		          a->resolve_code < 0 ? "none"
		                              : arena_printf(arena, "%zu of %zu", a->targets.n,
		                                             a->targets.matched),
		          a->resolve_code < 0 ? a->attack->selector.says
		                              : names_of(arena, &a->targets));
		if (a->can_code < 0)
			refuse(c, EXIT_CANNOT, a->attack->id, a->can_err.what, a->can_err.hint);
		if (a->resolve_code < 0)
			refuse(c, EXIT_CANNOT, a->attack->id, a->resolve_err.what,
			       a->resolve_err.hint);
		else if (a->plan_code < 0)
			refuse(c, EXIT_CANNOT, a->attack->id, a->plan_err.what, a->plan_err.hint);
		else if (a->allow_code < 0)
			refuse(c, EXIT_REFUSED, a->attack->id, a->allow_err.what,
			       a->allow_err.hint);
		if (a->gate_code < 0)
			refuse(c, EXIT_REFUSED, a->attack->id, a->gate_err.what, a->gate_err.hint);
	}
	check_policies(c, v, n);
	if (!n)
		return;
	heading(c, "targets");
	if (!c->json)
		table_print(&t, stdout, c->cli->colour);
}

/* What looks may miss for now: a run starts it, and waits for it. */
static bool starts_command(const struct experiment *x)
{
	for (size_t i = 0; i < x->attacks_n; i++)
		if (x->attacks[i]->selector.argv)
			return true;
	return false;
}

static void check_answer(struct checking *c, struct table *t, const struct steady *s,
                         const char *id, const struct glance *g)
{
	struct arena *arena = &c->cli->arena;
	json_t *seconds = json_object_get(g->doc, "seconds");
	const char *why = g->doc ? g->why : g->err.what;
	bool waits = !g->held && s && starts_command(c->x);
	json_t *o =
	        json_pack("{s:s, s:s, s:b}", "probe", id, "kind", g->kind->name, "held", g->held);
	BUF(took, 32);

	if (json_is_number(seconds))
		seconds_format_short(&took, json_number_value(seconds));
	if (g->doc)
		json_object_set(o, "doc", g->doc);
	if (!g->held)
		json_object_set_new(o, "why", json_string(why));
	json_array_append_new(c->probes, o);
	TABLE_ADD(t, id, g->kind->name, g->held ? "holds" : "MISSES",
	          arena_strdup(arena, took.data),
	          g->held ? ""
	                  : arena_printf(arena, "%s%s", why,
	                                 waits ? " (a run starts the command first)" : ""));
	table_tone(t, 2, g->held ? TONE_GOOD : waits ? TONE_WARN : TONE_BAD);
	if (!g->held && s && !waits)
		refuse(c, EXIT_REFUSED, id, arena_printf(arena, "not steady before: %s", why),
		       NULL);
}

static int is_fact(void *ctx, const char *fact)
{
	return strcmp(fact, ctx) == 0;
}

static bool needed(const struct experiment *x, const char *fact)
{
	for (size_t i = 0; i < x->attacks_n; i++) {
		const struct fault *f = fault_of(x->attacks[i]->call.kind);

		if (f && fault_each_need(f, x->attacks[i]->call.args, is_fact, (void *)fact))
			return true;
	}
	return false;
}

/* No run is refused for it: what a dead run left waits for the next squall command instead. */
static void check_late_undo(struct checking *c, struct table *t)
{
	struct err err = ERR_INIT;
	int can = c->x->attacks_n ? late_undo_can(&c->cli->world, &err) : 0;

	if (!c->x->attacks_n)
		return;
	json_object_set_new(c->machine, "late-undo", can < 0 ? json_string(err.what) : json_true());
	TABLE_ADD(t, "late-undo", can < 0 ? "no" : "yes",
	          can < 0 ? arena_printf(&c->cli->arena,
	                                 "%s: if all of squall is killed, run "
	                                 "\"squall undo\"",
	                                 err.what)
	                  : "systemd runs \"squall undo\" after the deadline, if all of squall is "
	                    "killed");
}

/* Tries what the faults of the file need; that one of them lacks is said with its attack. */
static void check_machine(struct checking *c)
{
	struct table t;

	table_init(&t, &c->cli->arena, 3, 2);
	t.wrap = c->cli->width;
	for (size_t i = 0; can_facts[i]; i++) {
		struct err err = ERR_INIT;
		int can;

		if (!needed(c->x, can_facts[i]))
			continue;
		can = can_try(&c->cli->world, can_facts[i], &err);
		json_object_set_new(c->machine, can_facts[i],
		                    can < 0 ? json_string(err.what) : json_true());
		TABLE_ADD(&t, can_facts[i], can < 0 ? "no" : "yes",
		          can < 0 ? arena_strdup(&c->cli->arena, err.what) : "");
		table_tone(&t, 1, can < 0 ? TONE_BAD : TONE_GOOD);
	}
	check_late_undo(c, &t);
	if (!t.n)
		return;
	heading(c, "this machine can");
	if (!c->json)
		table_print(&t, stdout, c->cli->colour);
}

static int check_probes(struct checking *c, struct err *err)
{
	size_t n = c->x->steady_n;
	struct glance *v = arena_alloc(&c->cli->arena, (2 * n + 1) * sizeof(*v));
	struct table t;
	size_t k = 0;
	int ret;

	if (!v)
		return err_sys(err, ENOMEM, "could not look at the probes");
	for (size_t i = 0; i < n; i++) {
		const struct steady *s = &c->x->steady[i];

		v[k++] = (struct glance){s->look.kind, s->look.args, s->expect};
		if (s->control)
			v[k++] = (struct glance){s->control->kind, s->control->args, s->expect};
	}
	ret = look_at(&c->cli->world, v, k, LOOK_LIMIT_S * NS_PER_S, err);
	if (ret < 0)
		return ret;
	table_init(&t, &c->cli->arena, 5, 2);
	t.wrap = c->cli->width;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		const struct steady *s = &c->x->steady[i];

		check_answer(c, &t, s, s->id, &v[k++]);
		if (s->control)
			check_answer(c, &t, NULL,
			             arena_printf(&c->cli->arena, RUNDOC_CONTROL_ID, s->id),
			             &v[k++]);
	}
	for (size_t i = 0; i < k; i++)
		glance_release(&v[i]);
	if (n)
		heading(c, "probes, looked at once");
	if (n && !c->json)
		table_print(&t, stdout, c->cli->colour);
	return 0;
}

static void check_halt(struct checking *c)
{
	struct halt_files files;
	struct halt halt;
	struct err err = ERR_INIT;

	halt_files(&c->cli->paths, policies_halt_anyone(&c->policies), &files);
	if (!halt_read(&files, &halt))
		return;
	halt_say(&halt, &err);
	refuse(c, EXIT_REFUSED, "halt", err.what, err.hint);
}

static void check_unbuilt(struct checking *c)
{
	for (size_t i = 0; i < c->x->unbuilt_n; i++)
		refuse(c, EXIT_CANNOT, "file",
		       arena_printf(&c->cli->arena, "this build cannot do %s",
		                    c->x->unbuilt[i].what),
		       NULL);
}

static void tell(struct checking *c)
{
	if (c->json) {
		show_json(json_pack("{s:s, s:O, s:O, s:O, s:O, s:i}", "file", c->x->path, "machine",
		                    c->machine, "targets", c->targets, "probes", c->probes,
		                    "refusals", c->refusals, "exit", (int)c->code),
		          false);
		return;
	}
	if (!c->refused) {
		printf("%sready%s: nothing would refuse the run\n",
		       tone_on(c->cli->colour, TONE_GOOD), tone_off(c->cli->colour, TONE_GOOD));
		return;
	}
	heading(c, "what would refuse the run");
	table_print(&c->table, stdout, c->cli->colour);
}

static int check_main(struct cli *cli, const void *args)
{
	const struct check_args *a = args;
	_cleanup_loaded_ struct loaded l = {0};
	struct checking c = {.cli = cli, .json = a->json};
	struct err err = ERR_INIT;
	unsigned allow = 0;
	enum exit_code code;

	if (allow_parse(&a->allow, &allow, &err) < 0)
		return show_err(&err, EXIT_USAGE);
	code = load_good(cli, a->file, &a->vars, allow, &l);
	if (code != EXIT_HELD)
		return code;
	code = policies_take(cli, &cli->world, &c.policies);
	if (code != EXIT_HELD) {
		policies_release(&c.policies);
		return code;
	}
	c.x = l.x;
	c.targets = json_array();
	c.machine = json_object();
	c.probes = json_array();
	c.refusals = json_array();
	table_init(&c.table, &cli->arena, 2, 2);
	check_unbuilt(&c);
	check_halt(&c);
	if (!l.x->unbuilt_n) {
		check_targets(&c, a->seed);
		check_machine(&c);
		if (check_probes(&c, &err) < 0)
			c.code = show_err(&err, EXIT_BROKEN);
	}
	tell(&c);
	policies_release(&c.policies);
	json_decref(c.targets);
	json_decref(c.machine);
	json_decref(c.probes);
	json_decref(c.refusals);
	return c.code;
}

static const struct param check_params[] = {
        {"file", PARAM_TEXT, offsetof(struct check_args, file),
         .help = "the experiment file; \"-\" is standard input",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_PATH},
        {"seed", PARAM_COUNT, offsetof(struct check_args, seed), .dflt = "1",
         .help = "draws the targets"},
        {"var", PARAM_MAP, offsetof(struct check_args, vars), .help = "a variable of the file"},
        {"allow", PARAM_LIST, offsetof(struct check_args, allow),
         .help = "irreversible, host-wide, control-path: as run takes it"},
        {"json", PARAM_BOOL, offsetof(struct check_args, json), .help = "as JSON"},
        {0},
};

static const char *const check_examples[] = {
        "squall check shop.yaml",
        "squall check --var shop=http://127.0.0.1:8080 shop.yaml",
        "squall check --json shop.yaml",
        NULL,
};

const struct cli_command command_check = {
        .kind = {.name = "check",
                 .summary = "Looks before a run: targets, probes, what would refuse it",
                 .man = "Resolves every target, looks at each probe once, tries what this machine "
                        "can, and names what would refuse the run. Changes nothing.",
                 .params = check_params,
                 .args_size = sizeof(struct check_args),
                 .examples = check_examples},
        .exits = EXITS_READ | EXIT_BIT(EXIT_CANNOT) | EXIT_BIT(EXIT_REFUSED),
        .main = check_main,
};
