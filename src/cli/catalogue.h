/*
 * catalogue.h - faults and probes told to people: a list, or one with all that it takes.
 */
#ifndef SQUALL_CLI_CATALOGUE_H
#define SQUALL_CLI_CATALOGUE_H

#include <jansson.h>

#include "cli/command.h"

/* Parameters and answer fields as JSON, new references. */
json_t *kind_json(const struct kind *);
/* Prints head, parameters, answer fields and examples of one kind. */
void kind_show(struct cli *, const struct kind *);
/* Whom `name` means among kinds, or NULL after an error was shown. */
const struct kind *kind_named(const struct kind *const *kinds, const char *noun, const char *name);

#endif
