/*
 * catalogue.h - faults and probes told to people: a list, or one with all that it takes.
 */
#ifndef SQUALL_CLI_CATALOGUE_H
#define SQUALL_CLI_CATALOGUE_H

#include <jansson.h>

#include "cli/command.h"
#include "fault/fault.h"
#include "model/key.h"

/* Parameters and answer fields as JSON, new references. */
json_t *kind_json(const struct kind *);
/* Prints head, parameters, answer fields and examples of one kind. */
void kind_show(struct cli *, const struct kind *);
/* "boot (signal), kernel (nft)" */
const char *fault_dies_with(const struct fault *, struct arena *);
const char *fault_way_back(const struct fault *);
/* "duration"; "seconds". */
const char *param_kind_name(enum param_kind);
const char *field_kind_name(enum field_kind);
/* "TIME" for what stands under such a key; "" where its own section says it. */
const char *key_value_word(const struct key *);
/* Whom `name` means among kinds, or NULL after an error was shown. */
const struct kind *kind_named(const struct kind *const *kinds, const char *noun, const char *name);

#endif
