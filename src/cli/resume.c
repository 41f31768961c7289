/* squall resume: allows runs again after a halt. */
#include <stdio.h>

#include "cli/show.h"
#include "history/halt.h"

struct resume_args {
	bool json;
};

static int resume_main(struct cli *cli, const void *args)
{
	const struct resume_args *a = args;
	struct err err = ERR_INIT;
	int ret = halt_lift(&cli->paths, &err);

	if (ret < 0)
		return show_err(&err, EXIT_BROKEN);
	if (a->json)
		show_json(json_pack("{s:b, s:b}", "halted", 0, "was", ret), false);
	else
		printf("%s\n", ret ? "runs are allowed again" : "runs were not halted");
	return EXIT_HELD;
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
                 .params = resume_params,
                 .args_size = sizeof(struct resume_args),
                 .examples = resume_examples},
        .exits = EXITS_READ,
        .main = resume_main,
};
