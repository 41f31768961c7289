/* schema-expect.c - expectations as JSON Schema: which fields, and what each is compared with. */
#include <stdio.h>
#include <string.h>

#include "model/schema-part.h"

enum { PATH_MAX_ = 200 };

static const char *const kind_names[] = {
        [FIELD_NUMBER] = "number", [FIELD_SECONDS] = "seconds", [FIELD_BYTES] = "bytes",
        [FIELD_SHARE] = "share",   [FIELD_RATE] = "rate",       [FIELD_TEXT] = "text",
        [FIELD_BOOL] = "bool",     [FIELD_LIST] = "list",       [FIELD_ANY] = "any",
};
static const char *const kind_says[] = {
        [FIELD_NUMBER] = "A number, or a comparison such as \"< 500\"",
        [FIELD_SECONDS] = "A duration, or a comparison such as \"< 300ms\"",
        [FIELD_BYTES] = "A size, or a comparison such as \"> 1MiB\"",
        [FIELD_SHARE] = "A share, or a comparison such as \"< 5%\"",
        [FIELD_RATE] = "A rate, or a comparison such as \"> 10Mbit/s\"",
        [FIELD_TEXT] = "A text, or {matches: PATTERN}",
        [FIELD_BOOL] = "True or false",
        [FIELD_LIST] = "A list: {has: VALUE}",
        [FIELD_ANY] = "Any value, or a comparison with a number or a quantity",
};

static bool has_order(enum field_kind kind)
{
	return kind <= FIELD_RATE || kind == FIELD_ANY;
}

static json_t *text_or_scalar(const char *pattern)
{
	static const char message[] = "Only numbers and quantities have an order.";
	return json_pack("{s:{s:s}, s:o, s:o}", "if", "type", "string", "then",
	                 schema_pattern(pattern, message), "else", schema_scalar());
}

/* What such a field is compared with. op: the text may begin with an operator. */
static json_t *scalar_of(enum field_kind kind, bool op)
{
	static const char any_op[] = "(?:(?:<=|>=|==|!=|<|>) *)?", equal_op[] = "(?:(?:==|!=) *)?";
	const char *const pattern[] = {
	        [FIELD_NUMBER] = schema_number, [FIELD_SECONDS] = schema_duration,
	        [FIELD_BYTES] = schema_size,    [FIELD_SHARE] = schema_share,
	        [FIELD_RATE] = schema_rate,     [FIELD_BOOL] = "(?:true|false)"};
	BUF(b, SCHEMA_TEXT_MAX);
	if (kind == FIELD_TEXT && op)
		return text_or_scalar("(?![<>])[\\s\\S]*");
	if (kind == FIELD_TEXT || (kind == FIELD_ANY && !op))
		return schema_scalar();
	if (kind == FIELD_ANY) {
		buf_addf(&b, "(?:(?![<>])[\\s\\S]*|[<>]=? *(?:-?%s|%s|%s|%s))", schema_number,
		         schema_duration, schema_size, schema_share);
		return text_or_scalar(b.data);
	}
	buf_addf(&b, "%s%s%s",
	         !op                  ? ""
	         : kind == FIELD_BOOL ? equal_op
	                              : any_op,
	         kind == FIELD_NUMBER ? "-?" : "", pattern[kind]);
	json_t *text = schema_pattern(b.data, kind_says[kind]);
	if (kind == FIELD_NUMBER)
		json_object_set_new(text, "type", json_pack("[s, s]", "string", "number"));
	else if (kind == FIELD_BYTES)
		json_object_set_new(text, "type", json_pack("[s, s]", "string", "integer"));
	else if (kind == FIELD_BOOL)
		return schema_any_of(json_pack("{s:s}", "type", "boolean"), text);
	else if (kind == FIELD_SECONDS)
		return json_pack("{s:{s:i}, s:o}", "if", "const", 0, "else", text);
	return text;
}

static void word_add(json_t *properties, const char *word, json_t *schema, const char *says)
{
	json_object_set_new(properties, word, schema_says(schema, says));
}

/* A field's map of comparisons; all of them must hold. */
static json_t *words_of(enum field_kind kind)
{
	static const char *const order[] = {"<", "<=", ">", ">="}, *const equal[] = {"==", "!="};
	const char *name = kind_names[kind];
	json_t *p = json_object();
	if (kind != FIELD_LIST) {
		json_t *in = schema_list(scalar_of(kind, false));
		json_object_set_new(in, "minItems", json_integer(1));
		word_add(p, "in", in, "One of these values.");
		for (size_t i = 0; i < ARRAY_SIZE(equal); i++)
			json_object_set_new(p, equal[i], scalar_of(kind, false));
		for (size_t i = 0; i < ARRAY_SIZE(order) && has_order(kind); i++)
			json_object_set_new(p, order[i], scalar_of(kind, false));
	}
	if (kind == FIELD_TEXT || kind == FIELD_ANY)
		word_add(p, "matches", schema_scalar(), "A regular expression that it matches.");
	if (kind == FIELD_LIST || kind == FIELD_ANY)
		word_add(p, "has", schema_ref("is", "any"), "What one of its members must be.");
	word_add(p, "not", schema_ref("is", name), "What it must not be.");
	word_add(p, "any",
	         json_pack("{s:s, s:i, s:o}", "type", "array", "minItems", 1, "items",
	                   schema_ref("is", name)),
	         "One of these must hold.");
	word_add(p, "all",
	         json_pack("{s:s, s:i, s:o}", "type", "array", "minItems", 1, "items",
	                   schema_ref("is", name)),
	         "All of these must hold.");
	json_t *map = schema_map(p, NULL);
	json_object_set_new(map, "minProperties", json_integer(1));
	return map;
}

/* What takes the words as words, and any other name as that of a field below. */
static json_t *words_or_fields(json_t *words, json_t *fields)
{
	json_t *names = json_array();
	const char *name;
	json_t *value;
	json_object_foreach (json_object_get(words, "properties"), name, value)
		json_array_append_new(names, json_string(name));
	return json_pack("{s:{s:{s:{s:o}}, s:i}, s:o, s:o}", "if", "propertyNames", "not", "enum",
	                 names, "minProperties", 1, "then", fields, "else", words);
}

void schema_compared(json_t *definitions)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++) {
		enum field_kind kind = (enum field_kind)i;
		BUF(name, PATH_MAX_);
		json_t *map = words_of(kind);
		if (kind == FIELD_ANY)
			map = words_or_fields(map, json_pack("{s:s, s:o}", "type", "object",
			                                     "additionalProperties",
			                                     schema_ref("is", "any")));
		buf_addf(&name, "is-%s", kind_names[i]);
		json_t *scalar = kind == FIELD_LIST
		                         ? json_pack("{s:s, s:s}", "type", "object", "errorMessage",
		                                     "A list is compared by {has: VALUE}.")
		                         : scalar_of(kind, true);
		json_object_set_new(definitions, name.data, schema_map_or(map, scalar));
	}
}

/* "headers.*" as a pattern of keys. deep: the last star stands for all below. */
static void key_pattern(struct buf *b, const char *name, bool deep)
{
	buf_addc(b, '^');
	for (; *name != '\0'; name++) {
		if (*name == '*')
			buf_add(b, deep && name[1] == '\0' ? ".+" : "[^.]+");
		else
			buf_addf(b, "%s%c", *name == '.' ? "\\" : "", *name);
	}
	buf_addc(b, '$');
}

struct level {
	json_t *properties, *patterns;
};

static json_t *level_get(const struct level *l, const char *name)
{
	BUF(key, PATH_MAX_ * 2);
	if (strchr(name, '*') == NULL)
		return json_object_get(l->properties, name);
	key_pattern(&key, name, false);
	return json_object_get(l->patterns, key.data);
}

static void level_add(const struct level *l, const char *name, bool deep, json_t *schema)
{
	BUF(key, PATH_MAX_ * 2);
	if (strchr(name, '*') == NULL) {
		json_object_set_new(l->properties, name, schema);
		return;
	}
	key_pattern(&key, name, deep);
	json_object_set_new(l->patterns, key.data, schema);
}

static json_t *level_schema(const struct field *fields, const char *prefix);

/* Its fields may also be written as maps within maps: {headers: {server: nginx}}. */
static void heads_add(const struct level *l, const struct field *fields, const char *prefix,
                      const char *rest)
{
	for (const char *dot = strchr(rest, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
		char head[PATH_MAX_], path[PATH_MAX_ * 2];
		snprintf(head, sizeof(head), "%.*s", (int)(dot - rest), rest);
		if (level_get(l, head) != NULL)
			continue;
		snprintf(path, sizeof(path), "%s%s.", prefix, head);
		level_add(l, head, false, level_schema(fields, path));
	}
}

static json_t *leaf(const struct field *fields, const struct field *f, const char *prefix)
{
	BUF(says, SCHEMA_TEXT_MAX);
	json_t *is = schema_ref("is", kind_names[f->kind]);
	char path[PATH_MAX_ * 2];
	buf_addf(&says, "%s%s%s.", f->help != NULL ? f->help : "", f->help != NULL ? ".\n\n" : "",
	         kind_says[f->kind]);
	snprintf(path, sizeof(path), "%s.", f->name);
	bool below = false;
	for (const struct field *o = fields; f->kind == FIELD_ANY && o->name != NULL; o++)
		below = below || strncmp(o->name, path, strlen(path)) == 0;
	if (below) {
		json_t *words = words_of(FIELD_ANY);
		json_decref(is);
		is = schema_map_or(words_or_fields(words, level_schema(fields, path)),
		                   scalar_of(FIELD_ANY, true));
		return schema_says(is, says.data);
	}
	return schema_says(json_pack("{s:[o]}", "allOf", is), says.data);
}

static json_t *level_schema(const struct field *fields, const char *prefix)
{
	struct level l = {json_object(), json_object()};
	size_t n = strlen(prefix);
	for (const struct field *f = fields; f->name != NULL; f++)
		if (strncmp(f->name, prefix, n) == 0 && level_get(&l, f->name + n) == NULL)
			level_add(&l, f->name + n, f->kind == FIELD_ANY, leaf(fields, f, prefix));
	for (const struct field *f = fields; f->name != NULL; f++)
		if (strncmp(f->name, prefix, n) == 0)
			heads_add(&l, fields, prefix, f->name + n);
	json_t *map = schema_map(l.properties, NULL);
	json_object_set_new(map, "patternProperties", l.patterns);
	json_object_set_new(map, "minProperties", json_integer(1));
	return map;
}

json_t *schema_expect(const struct field *fields, const char *within, bool jq)
{
	json_t *map = fields != NULL ? level_schema(fields, "")
	                             : json_pack("{s:s, s:i, s:{}, s:o}", "type", "object",
	                                         "minProperties", 1, "properties",
	                                         "additionalProperties", schema_ref("is", "any"));
	json_t *p = json_object_get(map, "properties");
	json_t *any = schema_list(schema_ref(within, ""));
	json_object_set_new(any, "minItems", json_integer(1));
	word_add(p, "any", any, "One of these must hold.");
	word_add(p, "not", schema_ref(within, ""), "What must not hold.");
	if (jq && json_object_get(p, "jq") == NULL)
		word_add(p, "jq", schema_scalar(),
		         "A jq filter over the whole answer that gives true; for what squall does "
		         "not "
		         "know, such as a body.");
	return map;
}
