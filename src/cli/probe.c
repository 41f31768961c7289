/* squall probe: one look, its document as JSON. */
#include "probe/probe.h"

#include <errno.h>

#include "base/quantity.h"
#include "cli/look.h"
#include "cli/show.h"

enum { PROBE_LIMIT_S = 3600 };

struct probe_args {
	bool json;
};

static int probe_main(struct cli *cli, const void *args)
{
	const struct probe_args *a = args;
	struct err err = ERR_INIT;
	struct problems problems;
	struct glance g = {.kind = cli->sub};
	void *bound;
	int code = EXIT_HELD;

	problems_init(&problems, &cli->arena);
	bound = params_bind_texts(cli->sub, cli->with, cli->with_n, &cli->arena, &problems);
	if (!bound || problems.errors)
		return show_params_problems(cli, "probe", &problems);
	g.args = bound;
	if (look_at(&cli->world, &g, 1, PROBE_LIMIT_S * NS_PER_S, &err) < 0) {
		code = (int)show_err(&err, EXIT_BROKEN);
	} else if (g.doc) {
		show_json(json_incref(g.doc), a->json);
	} else {
		(void)err_wrap(&g.err, g.err.code, "no answer from \"%s\"", cli->sub->name);
		code = (int)show_err(&g.err, EXIT_NOTHING);
	}
	glance_release(&g);
	params_release(cli->sub, bound);
	return code;
}

static const struct param probe_params[] = {
        {"json", PARAM_BOOL, offsetof(struct probe_args, json), .help = "on one line"},
        {0},
};

static const char *const probe_examples[] = {
        "squall probe http http://127.0.0.1:8080/",
        "squall probe tcp 127.0.0.1:6379 --timeout 1s",
        "squall probe process --name nginx",
        NULL,
};

const struct cli_command command_probe = {
        .kind = {.name = "probe",
                 .summary = "Looks once and prints the answer as JSON",
                 .man = "A probe changes nothing. \"squall probes\" lists them; \"squall probe "
                        "NAME "
                        "--help\" shows what one takes and answers.",
                 .params = probe_params,
                 .args_size = sizeof(struct probe_args),
                 .examples = probe_examples},
        .subs = probe_kinds,
        .sub_word = "PROBE",
        .exits = EXITS_READ | EXIT_BIT(EXIT_NOTHING),
        .main = probe_main,
};
