/* squall faults: what can be hurt, and whether this machine can. */
#include "fault/fault.h"

#include "cli/catalogue.h"
#include "cli/show.h"
#include "machine/can.h"

struct faults_args {
	const char *name;
	bool json;
};

/* Tries each need; returns the first that fails as its name, or NULL. */
static const char *lacks(const struct world *w, const struct fault *f, struct err *err)
{
	for (size_t i = 0; f->needs && f->needs[i]; i++)
		if (can_try(w, f->needs[i], err) < 0)
			return f->needs[i];
	return NULL;
}

static json_t *fault_json(struct cli *cli, const struct fault *f)
{
	json_t *o = kind_json(&f->kind), *needs = json_array();
	struct err err = ERR_INIT;
	const char *lack = lacks(&cli->world, f, &err);

	for (size_t i = 0; f->needs && f->needs[i]; i++)
		json_array_append_new(needs, json_string(f->needs[i]));
	json_object_set_new(o, "needs", needs);
	json_object_set_new(o, "irreversible", json_boolean(f->kind.irreversible));
	json_object_set_new(o, "instant", json_boolean(f->kind.instant));
	json_object_set_new(o, "dies-with", json_string(fault_dies_with(f, &cli->arena)));
	json_object_set_new(o, "can", json_boolean(!lack));
	if (lack)
		json_object_set_new(o, "why-not", json_string(err.what));
	if (lack && err.hint[0])
		json_object_set_new(o, "remedy", json_string(err.hint));
	return o;
}

static int list(struct cli *cli, bool json)
{
	json_t *all = json_array();
	struct table t;

	table_init(&t, &cli->arena, 5, 0);
	t.wrap = cli->width;
	t.head = true;
	TABLE_ADD(&t, "FAULT", "CLASS", "TARGETS", "HERE", "WHAT IT DOES");
	for (size_t i = 0; faults[i]; i++) {
		const struct fault *f = faults[i];
		struct err err = ERR_INIT;
		const char *lack;

		if (json) {
			json_array_append_new(all, fault_json(cli, f));
			continue;
		}
		lack = lacks(&cli->world, f, &err);
		TABLE_ADD(&t, f->kind.name, f->kind.class_, f->kind.targets,
		          lack ? arena_printf(&cli->arena, "no: %s", lack) : "yes",
		          f->kind.summary);
		table_tone(&t, 3, lack ? TONE_BAD : TONE_GOOD);
	}
	if (json)
		show_json(json_incref(all), false);
	else
		table_print(&t, stdout, cli->colour);
	json_decref(all);
	return EXIT_HELD;
}

static void show_one(struct cli *cli, const struct fault *f)
{
	struct table t;
	struct err err = ERR_INIT;
	const char *lack = lacks(&cli->world, f, &err);

	kind_show(cli, &f->kind);
	putchar('\n');
	table_init(&t, &cli->arena, 2, 0);
	t.wrap = cli->width;
	TABLE_ADD(&t, "class", f->kind.class_);
	TABLE_ADD(&t, "targets", f->kind.targets);
	TABLE_ADD(&t, "way back", fault_way_back(f));
	TABLE_ADD(&t, "dies with", fault_dies_with(f, &cli->arena));
	for (size_t i = 0; f->needs && f->needs[i]; i++) {
		struct err why = ERR_INIT;
		bool can = can_try(&cli->world, f->needs[i], &why) == 0;

		TABLE_ADD(&t, i ? "" : "needs",
		          can ? arena_printf(&cli->arena, "%s: yes", f->needs[i])
		              : arena_printf(&cli->arena, "%s: no, %s", f->needs[i], why.what));
		table_tone(&t, 1, can ? TONE_PLAIN : TONE_BAD);
		if (why.hint[0])
			TABLE_ADD(&t, "", arena_strdup(&cli->arena, why.hint));
	}
	TABLE_ADD(&t, "here", lack ? "this machine, or this user, cannot" : "this machine can");
	table_tone(&t, 1, lack ? TONE_BAD : TONE_GOOD);
	table_print(&t, stdout, cli->colour);
}

static int faults_main(struct cli *cli, const void *args)
{
	const struct faults_args *a = args;
	const struct kind *kind;

	if (!a->name)
		return list(cli, a->json);
	kind = kind_named(fault_kinds, "fault", a->name);
	if (!kind)
		return EXIT_USAGE;
	if (a->json)
		show_json(fault_json(cli, fault_of(kind)), false);
	else
		show_one(cli, fault_of(kind));
	return EXIT_HELD;
}

static const struct param faults_params[] = {
        {"name", PARAM_TEXT, offsetof(struct faults_args, name), .help = "all about one fault",
         .flags = PARAM_POSITIONAL},
        {"json", PARAM_BOOL, offsetof(struct faults_args, json), .help = "as JSON"},
        {0},
};

static const char *const faults_examples[] = {
        "squall faults",
        "squall faults net.cut",
        "squall faults --json",
        NULL,
};

const struct cli_command command_faults = {
        .kind = {.name = "faults",
                 .summary = "Lists what can be hurt; for one: parameters, needs, can it here",
                 .man = "Whether this machine can is found by trying, with nothing left behind.",
                 .params = faults_params,
                 .args_size = sizeof(struct faults_args),
                 .examples = faults_examples},
        .exits = EXITS_READ,
        .main = faults_main,
};
