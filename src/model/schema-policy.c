/* schema-policy.c - the policy file as JSON Schema, from the table that reads it. */
#include <stdio.h>
#include <string.h>

#include "model/policy-state.h"
#include "model/schema-part.h"
#include "model/schema.h"

enum { NAME_MAX_ = 128 };

static json_t *level(const struct catalogue *, const char *prefix);

/* One text, or a list of such. */
static json_t *one_or_list(json_t *one)
{
	return json_pack("{s:{s:s}, s:{s:s, s:O}, s:o}", "if", "type", "array", "then", "type",
	                 "array", "items", one, "else", one); /* the list has a reference too */
}

static json_t *text_some(void)
{
	json_t *s = schema_scalar();
	json_object_set_new(s, "minLength", json_integer(1));
	return s;
}

static json_t *choices(const char *bars)
{
	const char *words[16];
	char kept[NAME_MAX_];
	size_t n = 0;
	snprintf(kept, sizeof(kept), "%s", bars);
	for (char *save = NULL, *w = strtok_r(kept, "|", &save); w != NULL && n < 15;
	     w = strtok_r(NULL, "|", &save))
		words[n++] = w;
	words[n] = NULL;
	/* no variables in a policy */
	json_t *either = schema_words(words),
	       *s = json_array_get(json_object_get(either, "anyOf"), 0);
	json_incref(s);
	json_decref(either);
	return s;
}

/* Names, families, classes and globs. */
static json_t *faults(const struct catalogue *c)
{
	json_t *names = json_array(), *says = json_array();
	BUF(pattern, SCHEMA_TEXT_MAX * 4);
	buf_add(&pattern, "(?:[\\s\\S]*[*?\\[][\\s\\S]*");
	for (size_t i = 0; c->faults[i] != NULL; i++) {
		const char *name = c->faults[i]->name;
		json_array_append_new(names, json_string(name));
		json_array_append_new(says, json_string(c->faults[i]->summary));
		buf_addf(&pattern, "|%.*s", (int)strcspn(name, "."), name);
	}
	for (const char *const *l = call_later(CALL_FAULT); *l != NULL; l++)
		buf_addf(&pattern, "|%.*s|%s", (int)strcspn(*l, "."), *l, *l);
	buf_addc(&pattern, ')');
	json_t *classes = json_pack("{s:[s, s, s]}", "enum", "resource", "network", "state");
	json_t *known = json_pack("{s:o, s:o}", "enum", names, "enumDescriptions", says);
	return one_or_list(schema_any_of(
	        schema_any_of(known, classes),
	        schema_pattern(pattern.data, "\"squall faults\" lists what there is.")));
}

/* "at most 80%", "at least 10%", "80%"; for texts globs. */
static json_t *limit_of(const struct param *p)
{
	static const char *const forms[] = {
	        [PARAM_DURATION] = schema_duration, [PARAM_SIZE] = schema_size,
	        [PARAM_SHARE] = schema_share,       [PARAM_RATE] = schema_rate,
	        [PARAM_COUNT] = "[0-9]+",           [PARAM_NUMBER] = schema_number};
	BUF(pattern, SCHEMA_TEXT_MAX);
	if (p->kind == PARAM_MAP || p->kind == PARAM_DOC)
		return json_false();
	if (p->kind > PARAM_NUMBER)
		return one_or_list(schema_scalar());
	buf_addf(&pattern, "(?:at (?:most|least) )?%s", forms[p->kind]);
	json_t *s = schema_pattern(pattern.data, "Write for example \"at most 80%\".");
	if (p->kind >= PARAM_COUNT || p->kind == PARAM_SIZE)
		json_object_set_new(s, "type", json_pack("[s, s]", "string", "number"));
	return s;
}

static json_t *limits(const struct catalogue *c)
{
	json_t *all = json_object();
	for (size_t i = 0; c->faults[i] != NULL; i++) {
		const struct kind *kind = c->faults[i];
		json_t *properties = json_object();
		for (const struct param *p = kind->params; p != NULL && p->name != NULL; p++) {
			json_t *s = limit_of(p);
			json_object_set_new(properties, p->name,
			                    json_is_object(s) ? schema_says(s, p->help) : s);
		}
		json_object_set_new(all, kind->name,
		                    schema_says(schema_map(properties, NULL), kind->summary));
	}
	for (const char *const *later = call_later(CALL_FAULT); *later != NULL; later++)
		if (json_object_get(all, *later) == NULL)
			json_object_set_new(all, *later, json_pack("{s:b}", "doNotSuggest", 1));
	return schema_map(all, NULL);
}

static json_t *pattern_or_number(const char *pattern, const struct policy_key *k)
{
	BUF(message, SCHEMA_TEXT_MAX);
	buf_addf(&message, "Write for example %s.", k->example);
	json_t *s = schema_pattern(pattern, message.data);
	json_object_set_new(s, "type", json_pack("[s, s]", "string", "integer"));
	json_object_set_new(s, "minimum", json_integer(1));
	return s;
}

static json_t *value_of(const struct catalogue *c, const struct policy_key *k)
{
	BUF(below, NAME_MAX_);
	switch (k->kind) {
	case POLICY_VERSION:
		return json_pack("{s:[i, s]}", "enum", 1, "1");
	case POLICY_TEXT:
		return text_some();
	case POLICY_WORD:
		return choices(k->choices);
	case POLICY_BOOL:
		return schema_bool();
	case POLICY_DURATION:
		return schema_quantity(QUANTITY_DURATION);
	case POLICY_SIZE:
		return schema_quantity(QUANTITY_SIZE);
	case POLICY_COUNT:
		return schema_quantity(QUANTITY_COUNT);
	case POLICY_PICK:
		return pattern_or_number("(?:all|0*[1-9][0-9]*|[0-9]+(?:\\.[0-9]+)?%)", k);
	case POLICY_ADDRESS:
		return schema_pattern("[0-9a-fA-F:.]+(?:/[0-9]+)?",
		                      "Write for example 10.0.0.0/8.");
	case POLICY_PORTS:
		return pattern_or_number("[0-9]+(?:-[0-9]+)?", k);
	case POLICY_TIME:
		return schema_pattern("[0-9]{1,2}:[0-9]{2}", "Write for example \"09:00\".");
	case POLICY_DAYS:
		return one_or_list(schema_pattern("(?:mon|tue|wed|thu|fri|sat|sun)"
		                                  "(?:-(?:mon|tue|wed|thu|fri|sat|sun))?",
		                                  "Write for example mon, or mon-fri."));
	case POLICY_WORDS:
		return one_or_list(choices(k->choices));
	case POLICY_GLOBS:
		return one_or_list(text_some());
	case POLICY_FAULTS:
		return faults(c);
	case POLICY_LIMITS:
		return limits(c);
	case POLICY_LIST:
		break;
	}
	buf_addf(&below, "%s[].", k->name);
	json_t *entry = level(c, below.data);
	json_object_set_new(entry, "minProperties", json_integer(1));
	return schema_list(entry);
}

static void describe(const struct policy_key *k, json_t *value)
{
	BUF(says, SCHEMA_TEXT_MAX);
	buf_addf(&says, "%s.", k->help);
	if (k->dflt != NULL)
		buf_addf(&says, " Default: %s.", k->dflt);
	if (k->example != NULL)
		buf_addf(&says, "\n\nFor example: %s", k->example);
	schema_says(value, says.data);
}

/* The map whose keys begin with `prefix`: "times." is `times:`. */
static json_t *level(const struct catalogue *c, const char *prefix)
{
	json_t *properties = json_object();
	size_t skip = strlen(prefix);
	for (const struct policy_key *k = policy_keys; k->name != NULL; k++) {
		if (strncmp(k->name, prefix, skip) != 0)
			continue;
		const char *rest = k->name + skip;
		size_t n = strcspn(rest, ".[");
		char head[NAME_MAX_], below[NAME_MAX_ * 2];
		snprintf(head, sizeof(head), "%.*s", (int)n, rest);
		if (rest[n] == '\0') {
			json_t *value = value_of(c, k);
			describe(k, value);
			json_object_set_new(properties, head, value);
		} else if (rest[n] == '.' && json_object_get(properties, head) == NULL) {
			snprintf(below, sizeof(below), "%s%s.", prefix, head);
			json_object_set_new(properties, head, level(c, below));
		}
	}
	return schema_map(properties, NULL);
}

json_t *schema_policy(const struct catalogue *c)
{
	json_t *root = level(c, "");
	json_object_set_new(root, "required", json_pack("[s]", policy_keys[0].name));
	json_object_set_new(root, "$schema",
	                    json_string("http://json-schema.org/draft-07/schema#"));
	json_object_set_new(root, "title", json_string("squall policy"));
	return root;
}
