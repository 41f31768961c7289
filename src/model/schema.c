/* schema.c - the experiment file as JSON Schema: its sections. */
#include "model/schema.h"

#include <stdio.h>
#include <string.h>

#include "model/reading.h"
#include "model/schema-part.h"

static const char id_pattern[] = "[A-Za-z0-9_.-]{1,64}";

static json_t *keys_map(const struct key *keys);

static json_t *labels(void)
{
	return json_pack("{s:s, s:i, s:o}", "type", "object", "minProperties", 1,
	                 "additionalProperties", schema_scalar());
}

static json_t *number_in(int least, int most, const char *message)
{
	json_t *s = schema_pattern("0*[1-9][0-9]*", message);
	json_object_set_new(s, "type", json_pack("[s, s]", "string", "integer"));
	json_object_set_new(s, "minimum", json_integer(least));
	json_object_set_new(s, "maximum", json_integer(most));
	return s;
}

static json_t *pick(void)
{
	json_t *s = schema_pattern("(?:all|0*[1-9][0-9]*|[0-9]+(?:\\.[0-9]+)?%)",
	                           "Write a number, a share or \"all\".");
	json_object_set_new(s, "type", json_pack("[s, s]", "string", "integer"));
	json_object_set_new(s, "minimum", json_integer(1));
	return s;
}

static json_t *host(void)
{
	return json_pack("{s:[b, s, n]}", "enum", 1, "true");
}

/* Nothing may stand in the way of a section that is still empty. */
static json_t *section(json_t *list, size_t least)
{
	if (least > 0)
		json_object_set_new(list, "minItems", json_integer((json_int_t)least));
	return least > 0 ? list : schema_or_null(list);
}

static json_t *words_list(const char *const *words)
{
	return section(schema_list(schema_words(words)), 0);
}

static json_t *key_value(const struct key *k)
{
	switch (k->kind) {
	case KEY_TEXT:
		return schema_scalar();
	case KEY_ID:
		return json_pack(
		        "{s:{s:s}, s:o, s:o}", "if", "type", "string", "then",
		        schema_pattern(id_pattern,
		                       "Use letters, digits, \"-\", \"_\" and \".\", at most 64."),
		        "else", schema_scalar());
	case KEY_DURATION:
	case KEY_TIME:
		return schema_quantity(QUANTITY_DURATION);
	case KEY_SHARE:
		return schema_quantity(QUANTITY_SHARE);
	case KEY_PID:
		return number_in(1, INT32_MAX, "Write a process number.");
	case KEY_PORT:
		return number_in(1, UINT16_MAX, "Write a port, such as 6379.");
	case KEY_CGROUP:
		return schema_pattern("/[\\s\\S]*",
		                      "Write the path below the hierarchy, such as /shop.");
	case KEY_PICK:
		return pick();
	case KEY_BOOL:
		return schema_bool();
	case KEY_WORD:
		return schema_words(k->words);
	case KEY_WORDS:
		return words_list(k->words);
	case KEY_TEXTS:
		return section(schema_list(schema_scalar()), 0);
	case KEY_LABELS:
		return labels();
	case KEY_MAP:
		return keys_map(k->keys);
	case KEY_VERSION:
		return json_pack("{s:[i, s]}", "enum", 1, "1");
	case KEY_VARS:
		return json_pack("{s:[s, s], s:{s:o}, s:b}", "type", "object", "null",
		                 "patternProperties", "^[A-Za-z_][A-Za-z0-9_-]*$",
		                 schema_ref("variable", ""), "additionalProperties", 0);
	case KEY_STEADY:
		return section(schema_list(schema_ref("steady", "")), 0);
	case KEY_MONITORS:
		return section(schema_list(schema_ref("monitor", "")), 0);
	case KEY_ABORTS:
		return section(schema_list(schema_ref("abort", "")), 0);
	case KEY_STEPS:
		return section(schema_list(schema_ref("step", "")), 1);
	case KEY_JUDGE:
		return schema_any_of(schema_ref("judge", ""), json_pack("{s:n}", "const"));
	case KEY_TARGET:
		return schema_ref("target", "");
	case KEY_HOST:
		return host();
	case KEY_NOT:
		return json_pack("{s:{s:s}, s:o, s:o}", "if", "type", "array", "then",
		                 schema_list(schema_ref("term", "")), "else",
		                 schema_ref("term", ""));
	case KEY_VALUES:
	case KEY_LIMIT:
		return schema_scalar();
	case KEY_PROBE:
	case KEY_FAULT:
	case KEY_WITH:
	case KEY_CONTROL:
	case KEY_EXPECT:
		break;
	}
	return json_object(); /* said by what stands beside it */
}

static void key_describe(const struct key *k, struct buf *b)
{
	buf_addf(b, "%s.", k->help);
	if (k->kind == KEY_DURATION || k->kind == KEY_TIME)
		buf_add(b, "\n\nA duration, such as 250ms or 1m30s.");
	else if (k->kind == KEY_SHARE)
		buf_add(b, "\n\nA share, such as 30%.");
	if (k->required)
		buf_add(b, " Required.");
	else if (k->dflt != NULL)
		buf_addf(b, " Default: %s.", k->dflt);
	if (k->later)
		buf_add(b, " Not built yet.");
}

static json_t *key_default(const struct key *k)
{
	uint64_t n;
	if (k->kind == KEY_BOOL)
		return json_boolean(strcmp(k->dflt, "true") == 0);
	if (count_parse(k->dflt, &n, NULL) == 0)
		return json_integer((json_int_t)n);
	return json_string(k->dflt);
}

static json_t *keys_map(const struct key *keys)
{
	json_t *properties = json_object(), *required = json_array();
	for (const struct key *k = keys; k->name != NULL; k++) {
		BUF(says, SCHEMA_TEXT_MAX);
		json_t *value = key_value(k);
		key_describe(k, &says);
		/* What stands beside a reference is passed over. */
		if (json_object_get(value, "$ref") != NULL)
			value = json_pack("{s:[o]}", "allOf", value);
		if (k->dflt != NULL)
			json_object_set_new(value, "default", key_default(k));
		json_object_set_new(properties, k->name, schema_says(value, says.data));
		if (k->required)
			json_array_append_new(required, json_string(k->name));
	}
	return schema_map(properties, required);
}

static json_t *required_of(const char *name)
{
	return json_pack("{s:[s]}", "required", name);
}

static void when_add(json_t *map, json_t *condition, json_t *then)
{
	json_t *all = json_object_get(map, "allOf");
	if (all == NULL) {
		all = json_array();
		json_object_set_new(map, "allOf", all);
	}
	json_array_append_new(all, json_pack("{s:o, s:o}", "if", condition, "then", then));
}

static const char *kind_name(const struct kind *const *kinds, const char *name)
{
	for (; *kinds != NULL; kinds++)
		if (strcmp((*kinds)->name, name) == 0)
			return name;
	return NULL;
}

static void says_kind(json_t *s, const struct kind *kind)
{
	BUF(says, SCHEMA_TEXT_MAX);
	buf_addf(&says, "%s %s.", kind->name, kind->summary);
	schema_says(s, says.data);
}

static json_t *probe_wanted(const char *name)
{
	return json_pack("{s:[s], s:s}", "required", name, "errorMessage",
	                 "Say what to look at, for example http: {url: …}.");
}

/* Each probe as a key with its parameters, and what follows from it for the keys beside it. */
static void probes_add(json_t *map, const struct catalogue *c, const char *expectation,
                       bool control)
{
	json_t *properties = json_object_get(map, "properties"), *one = json_array();
	for (size_t i = 0; c->probes[i] != NULL; i++) {
		const char *name = c->probes[i]->name;
		json_t *with = json_pack("{s:[o]}", "allOf", schema_ref("probe", name));
		says_kind(with, c->probes[i]);
		json_object_set_new(properties, name, with);
		json_t *then = json_pack("{s:o}", expectation, schema_ref("expect", name));
		if (control)
			json_object_set_new(then, "control", schema_ref("control", name));
		when_add(map, required_of(name), json_pack("{s:o}", "properties", then));
		json_array_append_new(one, probe_wanted(name));
	}
	for (const char *const *later = call_later(CALL_PROBE); *later != NULL; later++) {
		if (kind_name(c->probes, *later) != NULL)
			continue;
		json_object_set_new(properties, *later,
		                    json_pack("{s:s, s:b}", "description", "Not built yet.",
		                              "doNotSuggest", 1));
		when_add(map, required_of(*later),
		         json_pack("{s:{s:o}}", "properties", expectation,
		                   schema_ref("expect", "any")));
		json_array_append_new(one, probe_wanted(*later));
	}
	json_object_set_new(map, "oneOf", one);
}

/* {probe: {pressure: …}, when: …} */
static json_t *look(const struct catalogue *c)
{
	json_t *map = keys_map(keys_look);
	json_t *probe =
	        json_pack("{s:s, s:{}, s:b, s:i, s:i}", "type", "object", "properties",
	                  "additionalProperties", 0, "minProperties", 1, "maxProperties", 1);
	json_t *properties = json_object_get(probe, "properties");
	for (size_t i = 0; c->probes[i] != NULL; i++) {
		const char *name = c->probes[i]->name;
		json_t *with = json_pack("{s:[o]}", "allOf", schema_ref("probe", name));
		says_kind(with, c->probes[i]);
		json_object_set_new(properties, name, with);
		when_add(map,
		         json_pack("{s:[s], s:{s:{s:s, s:[s]}}}", "required", "probe", "properties",
		                   "probe", "type", "object", "required", name),
		         json_pack("{s:{s:o}}", "properties", "when", schema_ref("expect", name)));
	}
	for (const char *const *later = call_later(CALL_PROBE); *later != NULL; later++)
		if (kind_name(c->probes, *later) == NULL)
			json_object_set_new(properties, *later,
			                    json_pack("{s:b}", "doNotSuggest", 1));
	json_t *when = json_object_get(json_object_get(map, "properties"), "probe");
	schema_says(probe, json_string_value(json_object_get(when, "description")));
	json_object_set_new(json_object_get(map, "properties"), "probe", probe);
	return map;
}

/* A condition that is named must say something. */
static json_t *some_each(json_t *map, const struct key *keys)
{
	json_t *properties = json_object_get(map, "properties");
	for (; keys->name != NULL; keys++) {
		json_t *value = json_object_get(properties, keys->name);
		if (keys->kind == KEY_TEXT)
			json_object_set_new(value, "minLength", json_integer(1));
		if (keys->kind != KEY_MAP)
			continue;
		json_object_set_new(value, "minProperties", json_integer(1));
		for (const struct key *k = keys->keys; k->name != NULL; k++)
			if (k->kind == KEY_TEXT)
				json_object_set_new(
				        json_object_get(json_object_get(value, "properties"),
				                        k->name),
				        "minLength", json_integer(1));
	}
	return map;
}

static json_t *target(void)
{
	json_t *map = some_each(keys_map(keys_target), keys_target), *one = json_array();
	/* Something must be meant: what is left out, or how many, is not enough. */
	for (const struct key *k = keys_target; k->name != NULL; k++)
		if (key_find(keys_term, k->name) != NULL || strcmp(k->name, "command") == 0)
			json_array_append_new(one, required_of(k->name));
	json_object_set_new(map, "anyOf", one);
	return schema_any_of(json_pack("{s:[s]}", "enum", "host"), map);
}

/* The kinds of target that this fault takes, as well as what may turn out to be one. */
static json_t *target_for(const struct kind *kind)
{
	static const char *const maybe[] = {"unit", "container", "where", "command"};
	json_t *one = json_array();
	const char *at = kind->targets;
	bool host = false;
	while (*at != '\0') {
		char word[64];
		size_t n = strcspn(at, "|");
		snprintf(word, sizeof(word), "%.*s", (int)n, at);
		host = host || strcmp(word, "host") == 0;
		json_array_append_new(one, required_of(word));
		at += n + (at[n] == '|');
	}
	for (size_t i = 0; i < ARRAY_SIZE(maybe); i++)
		json_array_append_new(one, required_of(maybe[i]));
	BUF(says, SCHEMA_TEXT_MAX);
	buf_addf(&says, "What is hurt. %s takes: %s.", kind->name, kind->targets);
	json_t *s = json_pack("{s:{s:s}, s:{s:o}}", "if", "type", "object", "then", "anyOf", one);
	if (!host)
		json_object_set_new(s, "else",
		                    json_pack("{s:s, s:s}", "type", "object", "errorMessage",
		                              "This fault cannot be aimed at the host."));
	return schema_says(s, says.data);
}

static json_t *attack(const struct catalogue *c)
{
	json_t *map = keys_map(keys_attack), *built = json_array(), *later = json_array(),
	       *says = json_array();
	for (size_t i = 0; c->faults[i] != NULL; i++) {
		const struct kind *kind = c->faults[i];
		json_array_append_new(built, json_string(kind->name));
		json_array_append_new(says, json_string(kind->summary));
		json_t *fault = json_object();
		says_kind(fault, kind);
		json_t *then = json_pack("{s:{s:o, s:o}}", "properties", "fault", fault, "with",
		                         schema_ref("with", kind->name));
		if (kind->targets != NULL)
			json_object_set_new(json_object_get(then, "properties"), "target",
			                    target_for(kind));
		if (schema_call_needs(kind))
			json_object_set_new(then, "required", json_pack("[s]", "with"));
		when_add(map,
		         json_pack("{s:[s], s:{s:{s:s}}}", "required", "fault", "properties",
		                   "fault", "const", kind->name),
		         then);
	}
	BUF(pattern, SCHEMA_TEXT_MAX * 2);
	buf_add(&pattern, "(?:");
	for (const char *const *l = call_later(CALL_FAULT); *l != NULL; l++)
		if (kind_name(c->faults, *l) == NULL)
			buf_addf(&pattern, "%s|", *l);
	json_decref(later);
	pattern.data[pattern.len > 3 ? --pattern.len : pattern.len] = '\0';
	buf_add(&pattern, ")");
	json_t *fault = schema_any_of(
	        json_pack("{s:o, s:o}", "enum", built, "enumDescriptions", says),
	        schema_pattern(pattern.data, "\"squall faults\" lists what there is."));
	schema_says(fault, "Which harm, by its name. Required.");
	json_object_set_new(json_object_get(map, "properties"), "fault", fault);
	return map;
}

static json_t *step(const struct catalogue *c)
{
	json_t *all = json_pack(
	        "[o, o, o, o]", schema_ref("attack", ""), keys_map(keys_wait),
	        keys_map(keys_together),
	        json_pack("{s:s, s:o}", "type", "array", "items", schema_ref("step", "")));
	for (size_t i = 0; c->actions[i] != NULL; i++) {
		const struct kind *kind = c->actions[i];
		json_t *map = keys_map(keys_action);
		json_t *with = json_pack("{s:[o]}", "allOf", schema_ref("action", kind->name));
		says_kind(with, kind);
		json_object_set_new(json_object_get(map, "properties"), kind->name, with);
		json_object_set_new(map, "required", json_pack("[s]", kind->name));
		json_array_append_new(all, map);
	}
	for (const char *const *later = call_later(CALL_ACTION); *later != NULL; later++) {
		if (kind_name(c->actions, *later) != NULL)
			continue;
		json_t *map = keys_map(keys_action);
		json_object_set_new(json_object_get(map, "properties"), *later,
		                    json_pack("{s:b}", "doNotSuggest", 1));
		json_object_set_new(map, "required", json_pack("[s]", *later));
		json_array_append_new(all, map);
	}
	return json_pack("{s:o}", "anyOf", all);
}

/* In the order of words_type. */
static json_t *value_of_type(size_t type)
{
	static const enum quantity_kind kinds[] = {
	        QUANTITY_NUMBER, QUANTITY_DURATION, QUANTITY_SIZE,  QUANTITY_SHARE,
	        QUANTITY_RATE,   QUANTITY_COUNT,    QUANTITY_NUMBER};
	if (type == 0)
		return schema_scalar();
	return type < ARRAY_SIZE(kinds) ? schema_quantity(kinds[type]) : schema_bool();
}

static json_t *variable(void)
{
	json_t *map = keys_map(keys_var);
	for (size_t i = 0; words_type[i] != NULL; i++) {
		json_t *then = json_object();
		for (const struct key *k = keys_var; k->name != NULL; k++)
			if (k->kind == KEY_LIMIT)
				json_object_set_new(then, k->name, value_of_type(i));
		when_add(map,
		         json_pack("{s:[s], s:{s:{s:s}}}", "required", "type", "properties", "type",
		                   "const", words_type[i]),
		         json_pack("{s:o}", "properties", then));
	}
	/* Only what has an order has a least and a greatest. */
	json_t *ordered = json_pack("{s:[s], s:{s:{s:{s:[s, s]}}}}", "required", "type",
	                            "properties", "type", "not", "enum", "text", "bool");
	json_object_set_new(map, "dependencies",
	                    json_pack("{s:O, s:o}", "min", ordered, "max", ordered));
	return json_pack("{s:{s:s}, s:o, s:{s:{s:s}, s:o}}", "if", "type", "object", "then", map,
	                 "else", "if", "type", "null", "else", schema_scalar());
}

static void call_add(json_t *d, const char *head, const struct kind *kind, bool part)
{
	BUF(name, SCHEMA_TEXT_MAX);
	buf_addf(&name, "%s-%s", head, kind->name);
	json_object_set_new(d, name.data, schema_call(kind, part));
}

static void expect_add(json_t *d, const char *name, const struct field *fields)
{
	BUF(whole, SCHEMA_TEXT_MAX);
	BUF(within, SCHEMA_TEXT_MAX);
	buf_addf(&whole, "expect-%s", name);
	buf_addf(&within, "expect-in-%s", name);
	json_object_set_new(d, whole.data, schema_expect(fields, within.data, true));
	json_object_set_new(d, within.data, schema_expect(fields, within.data, false));
}

json_t *schema_experiment(const struct catalogue *c)
{
	json_t *d = json_object();
	for (size_t i = 0; c->faults[i] != NULL; i++)
		call_add(d, "with", c->faults[i], false);
	for (size_t i = 0; c->actions[i] != NULL; i++)
		call_add(d, "action", c->actions[i], false);
	for (size_t i = 0; c->probes[i] != NULL; i++) {
		call_add(d, "probe", c->probes[i], false);
		call_add(d, "control", c->probes[i], true);
		expect_add(d, c->probes[i]->name, c->probes[i]->fields);
	}
	expect_add(d, "any", NULL);
	schema_compared(d);
	json_object_set_new(d, "variable", variable());
	json_t *steady = keys_map(keys_steady), *monitor = keys_map(keys_monitor);
	probes_add(steady, c, "expect", true);
	probes_add(monitor, c, "expect", false);
	json_object_set_new(
	        monitor, "anyOf",
	        json_pack("[o, o]", required_of("fires-within"), required_of("clears-within")));
	json_object_set_new(d, "steady", steady);
	json_object_set_new(d, "monitor", monitor);
	json_object_set_new(d, "abort",
	                    json_pack("{s:[o, o, o]}", "anyOf", keys_map(keys_misses), look(c),
	                              keys_map(keys_slo)));
	json_object_set_new(d, "target", target());
	json_object_set_new(d, "term", some_each(keys_map(keys_term), keys_term));
	json_object_set_new(d, "attack", attack(c));
	json_object_set_new(d, "step", step(c));
	json_object_set_new(d, "judge", schema_expect(run_fields, "judge", false));
	json_t *root = keys_map(keys_experiment);
	/* A section whose lines are all comments. */
	for (const struct key *k = keys_experiment; k->name != NULL; k++)
		if (k->kind == KEY_MAP)
			(void)schema_or_null(
			        json_object_get(json_object_get(root, "properties"), k->name));
	json_object_set_new(root, "$schema",
	                    json_string("http://json-schema.org/draft-07/schema#"));
	json_object_set_new(root, "title", json_string("squall experiment"));
	json_object_set_new(root, "definitions", d);
	return root;
}
