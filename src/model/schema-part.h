/*
 * schema-part.h - the parts that schemas are made of. Inside model/ only.
 *
 * Every function gives a new reference, or NULL without memory; jansson takes NULL for a value and
 * says -1, so that a schema is whole or its maker's last check fails. References that are handed in
 * are taken.
 */
#ifndef SQUALL_MODEL_SCHEMA_PART_H
#define SQUALL_MODEL_SCHEMA_PART_H

#include <jansson.h>

#include "base/quantity.h"
#include "model/key.h"

enum { SCHEMA_TEXT_MAX = 2000 };

/* {"$ref": "#/definitions/HEAD-NAME"}. */
json_t *schema_ref(const char *head, const char *name);
/* A closed map. required: a list, or NULL. */
json_t *schema_map(json_t *properties, json_t *required);
json_t *schema_list(json_t *items);
/* Either, chosen by whether it is a map: an error then speaks of the one that was meant. */
json_t *schema_map_or(json_t *map, json_t *other);
json_t *schema_any_of(json_t *a, json_t *b);
json_t *schema_or_null(json_t *);
/* Adds the description. */
json_t *schema_says(json_t *, const char *text);

/* A single value, whatever it is. */
json_t *schema_scalar(void);
json_t *schema_bool(void);
json_t *schema_words(const char *const *words);
json_t *schema_quantity(enum quantity_kind);
/* A pattern that also lets variables pass. */
json_t *schema_pattern(const char *pattern, const char *message);
extern const char schema_duration[], schema_size[], schema_share[], schema_rate[], schema_number[];

/* What may stand under a kind's name. part: some of the parameters, none must be there. */
json_t *schema_call(const struct kind *, bool part);
/* Whether a parameter must be given. */
bool schema_call_needs(const struct kind *);

/* The definitions "is-number" and so on. */
void schema_compared(json_t *definitions);
/* An expectation on these fields; NULL: any. within: the definition of such a one within another,
 * which has no jq. */
json_t *schema_expect(const struct field *, const char *within, bool jq);

#endif
