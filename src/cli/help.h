/*
 * help.h - help screens, made from the tables that the parser reads.
 */
#ifndef SQUALL_CLI_HELP_H
#define SQUALL_CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"

/* The overview of all commands. */
void help_overview(FILE *, bool colour);
/* One command; sub may be NULL. */
void help_command(FILE *, bool colour, struct arena *, const struct cli_command *,
                  const struct kind *sub);
/* "Usage: …" and a line end. */
void help_usage(FILE *, const struct cli_command *, const struct kind *sub, struct arena *);
/* "TIME" for a duration; "" for a flag. */
const char *help_value_word(const struct param *, struct arena *);
/* What it is, its range and its default. */
const char *help_param_says(const struct param *, struct arena *);
/* The parameters of a kind, as a table of options ("--delay TIME") or of keys ("delay: TIME"). */
void help_params(FILE *, bool colour, struct arena *, const struct kind *, bool as_options);

#endif
