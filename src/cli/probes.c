/* squall probes: what can be looked at, and what each answers. */
#include "probe/probe.h"

#include "cli/catalogue.h"
#include "cli/show.h"

struct probes_args {
	const char *name;
	bool json;
};

static int list(struct cli *cli, bool json)
{
	json_t *all = json_array();
	struct table t;

	table_init(&t, &cli->arena, 2, 0);
	t.wrap = cli->width;
	for (size_t i = 0; probe_kinds[i]; i++) {
		json_array_append_new(all, kind_json(probe_kinds[i]));
		TABLE_ADD(&t, probe_kinds[i]->name, probe_kinds[i]->summary);
	}
	if (json)
		show_json(json_incref(all), false);
	else
		table_print(&t, stdout, cli->colour);
	json_decref(all);
	return EXIT_HELD;
}

static int probes_main(struct cli *cli, const void *args)
{
	const struct probes_args *a = args;
	const struct kind *kind;

	if (!a->name)
		return list(cli, a->json);
	kind = kind_named(probe_kinds, "probe", a->name);
	if (!kind)
		return EXIT_USAGE;
	if (a->json)
		show_json(kind_json(kind), false);
	else
		kind_show(cli, kind);
	return EXIT_HELD;
}

static const struct param probes_params[] = {
        {"name", PARAM_TEXT, offsetof(struct probes_args, name), .help = "all about one probe",
         .flags = PARAM_POSITIONAL},
        {"json", PARAM_BOOL, offsetof(struct probes_args, json), .help = "as JSON"},
        {0},
};

static const char *const probes_examples[] = {
        "squall probes",
        "squall probes http",
        "squall probes --json",
        NULL,
};

const struct cli_command command_probes = {
        .kind = {.name = "probes",
                 .summary = "Lists what can be looked at; for one: parameters and answer",
                 .params = probes_params,
                 .args_size = sizeof(struct probes_args),
                 .examples = probes_examples},
        .exits = EXITS_READ,
        .main = probes_main,
};
