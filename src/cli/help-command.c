/* squall help: all commands, or one. */
#include <string.h>

#include "cli/help.h"
#include "cli/show.h"

struct help_args {
	const char *command;
	bool json;
};

static json_t *help_list(void)
{
	json_t *list = json_array();

	for (size_t i = 0; commands[i]; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", commands[i]->kind.name,
		                                      "summary", commands[i]->kind.summary));
	return list;
}

static int help_main(struct cli *cli, const void *args)
{
	const struct help_args *a = args;
	const struct cli_command *command = a->command ? command_find(a->command) : NULL;

	if (command) {
		help_command(stdout, cli->colour, &cli->arena, command, NULL);
		return EXIT_HELD;
	}
	if (a->command) {
		struct err err = ERR_INIT;
		const char *near = command_nearest(a->command);

		(void)err_set(&err, -1, "unknown command \"%s\"", a->command);
		if (near)
			(void)err_hint(&err, -1, "Did you mean \"%s\"?", near);
		else
			(void)err_hint(&err, -1, "\"squall help\" lists the commands.");
		return show_err(&err, EXIT_USAGE);
	}
	if (a->json)
		show_json(help_list(), false);
	else
		help_overview(stdout, cli->colour);
	return EXIT_HELD;
}

static const struct param help_command_params[] = {
        {"command", PARAM_TEXT, offsetof(struct help_args, command), .flags = PARAM_POSITIONAL,
         .help = "the command to explain"},
        {"json", PARAM_BOOL, offsetof(struct help_args, json), .help = "the list as JSON"},
        {0},
};

static const char *const help_examples[] = {
        "squall help",
        "squall help attack",
        "squall attack net.cut --help",
        NULL,
};

const struct cli_command command_help = {
        .kind = {.name = "help",
                 .summary = "Explains a command",
                 .params = help_command_params,
                 .args_size = sizeof(struct help_args),
                 .examples = help_examples},
        .exits = EXITS_READ,
        .main = help_main,
};
