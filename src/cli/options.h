/*
 * options.h - the words of a command line, matched against parameter tables.
 *
 * `--name value`, `--name=value`; a bool is a flag (`--dry-run`, also with true or false); a list
 * or a map may be given again and again; `--` ends the options; other words fill the positional
 * parameters in table order, the last list takes the rest. Owns nothing: texts point into argv and
 * the arena. Not to be assumed: that a value is valid; binding it says so.
 */
#ifndef SQUALL_CLI_OPTIONS_H
#define SQUALL_CLI_OPTIONS_H

#include "cli/command.h"

struct options {
	bool help;              /* --help or -h was among them: the rest may be incomplete */
	const struct kind *sub; /* commands with subs: the one that was named; else NULL */
	/* As written, in order; names are those of the tables. */
	struct var_override *own, *with;
	size_t own_n, with_n;
};

/* argv: the words after the command's name. -EINVAL: unknown option (the hint names the nearest),
 * a value that is missing, too many words. */
int options_parse(const struct cli_command *, size_t argc, const char *const *argv, struct arena *,
                  struct options *out, struct err *) must_use;
/* Binds the command's own options into its args. -EINVAL with the first problem. */
int options_bind(const struct cli_command *, const struct options *, struct arena *, void **args,
                 struct err *) must_use;

#endif
