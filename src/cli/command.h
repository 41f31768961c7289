/*
 * command.h - what a command of the program is: its table, and the function that carries it out.
 *
 * A command is a file named after it, ending in one `struct cli_command`; commands.def lists them.
 * Its options are a parameter table like that of a fault: parser, help screen and manual read the
 * same one. Invariants: main() returns an enum exit_code and prints nothing to standard output but
 * what was asked for; errors go to standard error through show.h.
 */
#ifndef SQUALL_CLI_COMMAND_H
#define SQUALL_CLI_COMMAND_H

#include "base/arena.h"
#include "base/paths.h"
#include "base/world.h"
#include "model/experiment.h"
#include "model/rundoc.h"

/* What every command gets. Owned by main.c. */
struct cli {
	struct arena arena;
	struct world world;
	struct paths paths;
	struct catalogue catalogue;
	bool tty;     /* standard output is a terminal */
	bool colour;  /* and may be coloured */
	size_t width; /* its columns; 0: no terminal, nothing is wrapped */
	/* Commands with `subs`: the kind that was named, and its parameters as written. */
	const struct kind *sub;
	const struct var_override *with;
	size_t with_n;
};

struct cli_command {
	struct kind kind;
	/* The first positional word names one of these, and its parameters become options
	 * (`attack FAULT --delay 200ms`). NULL: none. */
	const struct kind *const *subs;
	const char *sub_word; /* "FAULT" */
	unsigned exits;       /* bits of enum exit_code, for the help screen */
	int (*main)(struct cli *, const void *args);
};

#define EXIT_BIT(code) (1u << (code))
/* What a command that only reads may answer. */
#define EXITS_READ (EXIT_BIT(EXIT_HELD) | EXIT_BIT(EXIT_USAGE) | EXIT_BIT(EXIT_BROKEN))
#define EXITS_ALL 0x1ffu

extern const struct cli_command *const commands[]; /* commands.def, NULL-terminated */
const struct cli_command *command_find(const char *name);
/* The nearest known command, or NULL. */
const char *command_nearest(const char *name);
/* "held, or done", "refuted", … */
const char *exit_code_says(enum exit_code);

#endif
