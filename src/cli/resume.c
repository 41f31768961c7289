/* squall resume: allows runs again after a halt. */
#include <stdio.h>

#include "cli/putback.h"
#include "cli/show.h"

struct resume_args {
	bool json;
};

static int resume_main(struct cli *cli, const void *args)
{
	const struct resume_args *a = args;
	struct err err = ERR_INIT;
	int ret = halt_lift(&cli->paths, &err);
	_cleanup_policies_ struct policies policies = {.n = 0};
	struct halt_files files;
	struct halt halt;
	bool halted;

	if (ret < 0)
		return show_err(&err, EXIT_BROKEN);
	(void)!policies_load(&policies, &cli->world, &cli->paths, &cli->catalogue, NULL, NULL);
	halt_files(&cli->paths, policies_halt_anyone(&policies), &files);
	halted = halt_read(&files, &halt);
	if (a->json)
		show_json(json_pack("{s:b, s:b}", "halted", (int)halted, "was", ret), false);
	else if (!halted)
		printf("%s\n", ret ? "runs are allowed again" : "runs were not halted");
	if (!halted)
		return EXIT_HELD;
	halt_say(&halt, &err);
	return show_err(&err, EXIT_REFUSED);
}

static const struct param resume_params[] = {
        {"json", PARAM_BOOL, offsetof(struct resume_args, json), .help = "as JSON"},
        {0},
};

static const char *const resume_examples[] = {
        "squall resume",
        "squall resume --json",
        "squall status && squall resume",
        NULL,
};

const struct cli_command command_resume = {
        .kind = {.name = "resume",
                 .summary = "Allows runs again after a halt",
                 .man = "Lifts the halt of this user; root lifts everybody's. Where another "
                        "one stands, it is named (exit 4).",
                 .params = resume_params,
                 .args_size = sizeof(struct resume_args),
                 .examples = resume_examples},
        .exits = EXITS_READ | EXIT_BIT(EXIT_REFUSED),
        .main = resume_main,
};
