/* squall plan: the steps that would be taken; nothing is touched. */
#include <stdio.h>

#include "cli/load.h"
#include "cli/plans.h"
#include "cli/show.h"
#include "machine/recorded.h"

struct plan_args {
	const char *file, *machine;
	struct text_map vars;
	struct text_list allow;
	uint64_t seed;
	bool json;
};

static int plan_main(struct cli *cli, const void *args)
{
	const struct plan_args *a = args;
	_cleanup_loaded_ struct loaded l = {0};
	struct recorded recorded = {0};
	struct err err = ERR_INIT;
	unsigned allow = 0;
	enum exit_code code;

	if (allow_parse(&a->allow, &allow, &err) < 0)
		return show_err(&err, EXIT_USAGE);
	code = load_good(cli, a->file, &a->vars, allow, &l);
	if (code == EXIT_HELD)
		code = unbuilt_refuse(l.x);
	if (code != EXIT_HELD)
		return code;
	if (a->machine && recorded_open(&recorded, a->machine, &err) < 0) {
		recorded_close(&recorded);
		return show_err(&err, EXIT_USAGE);
	}
	code = plans_show(cli, a->machine ? &recorded.world : &cli->world, l.x, a->seed, a->json);
	recorded_close(&recorded);
	return code;
}

static const struct param plan_params[] = {
        {"file", PARAM_TEXT, offsetof(struct plan_args, file),
         .help = "the experiment file; \"-\" is standard input",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_PATH},
        {"machine", PARAM_TEXT, offsetof(struct plan_args, machine),
         .help = "plan for a recorded machine instead of this one", .flags = PARAM_PATH},
        {"seed", PARAM_COUNT, offsetof(struct plan_args, seed), .dflt = "1",
         .help = "draws the targets"},
        {"var", PARAM_MAP, offsetof(struct plan_args, vars), .help = "a variable of the file"},
        {"allow", PARAM_LIST, offsetof(struct plan_args, allow),
         .help = "irreversible, host-wide, control-path: as run takes it"},
        {"json", PARAM_BOOL, offsetof(struct plan_args, json), .help = "as JSON"},
        {0},
};

static const char *const plan_examples[] = {
        "squall plan shop.yaml",
        "squall plan --seed 7 --var slow=500ms shop.yaml",
        "squall plan --machine tests/machines/v2.machine examples/net-cut.yaml --json",
        NULL,
};

const struct cli_command command_plan = {
        .kind = {.name = "plan",
                 .summary = "Prints the steps that a file would take; touches nothing",
                 .man = "Target by target: what is changed, to what, and what the change dies "
                        "with: "
                        "its holder (kernel), a reboot (boot), only squall undo (log), or never. "
                        "Needs no root; what cannot be seen without it is assumed and said.",
                 .params = plan_params,
                 .args_size = sizeof(struct plan_args),
                 .examples = plan_examples},
        .exits = EXITS_READ | EXIT_BIT(EXIT_CANNOT) | EXIT_BIT(EXIT_REFUSED),
        .main = plan_main,
};
