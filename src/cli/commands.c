/* The list of commands. */
#include "cli/command.h"

#include <string.h>

#define COMMAND(id) extern const struct cli_command command_##id;
#include "cli/commands.def"
#undef COMMAND

const struct cli_command *command_find(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (strcmp(commands[i]->kind.name, name) == 0)
			return commands[i];
	return NULL;
}

const char *command_nearest(const char *name)
{
	const char *names[64];
	size_t n = 0;

	for (; n < ARRAY_SIZE(names) - 1 && commands[n]; n++)
		names[n] = commands[n]->kind.name;
	names[n] = NULL;
	return text_nearest(name, names);
}

const char *exit_code_says(enum exit_code code)
{
	switch (code) {
	case EXIT_HELD:
		return "held, or done";
	case EXIT_REFUTED:
		return "refuted";
	case EXIT_USAGE:
		return "usage, or invalid file";
	case EXIT_CANNOT:
		return "this machine cannot";
	case EXIT_REFUSED:
		return "refused by a safety limit, before any harm";
	case EXIT_RESIDUE:
		return "residue left, with the commands that put it back by hand";
	case EXIT_ABORTED:
		return "aborted by a condition, a halt or a signal";
	case EXIT_NOTHING:
		return "inconclusive, or no effect";
	case EXIT_BROKEN:
		return "something of squall's own failed";
	}
	return "unknown";
}

const struct cli_command *const commands[] = {
#define COMMAND(id) &command_##id,
#include "cli/commands.def"
#undef COMMAND
        NULL,
};
