/*
 * schema.h - the files of squall as JSON Schema (draft-07), made from the tables that read them.
 *
 * For editors: every key, fault, probe and parameter with its help, its values and its default. A
 * file that lint finds good is valid; what is wrong in form is invalid. What only a reader can know
 * (ids that are used twice, limits of quantities, times that do not fit) stays lint's. A text with
 * "${" in it is taken wherever a value is. `doNotSuggest`, `errorMessage` and `patternErrorMessage`
 * are known to the language servers of editors and mean nothing to validators.
 */
#ifndef SQUALL_MODEL_SCHEMA_H
#define SQUALL_MODEL_SCHEMA_H

#include <jansson.h>

#include "model/param.h"

/* New reference; NULL: no memory. */
json_t *schema_experiment(const struct catalogue *);
json_t *schema_policy(const struct catalogue *);

#endif
