/* schema-value.c - single values and parameters as JSON Schema. */
#include <stdio.h>
#include <string.h>

#include "model/schema-part.h"

enum { WORD_MAX = 200 };

#define NUM "[0-9]+(?:\\.[0-9]+)?"
const char schema_duration[] = "(?:0|(?=[0-9])(?:" NUM "d)?(?:" NUM "h)?(?:" NUM "m)?(?:" NUM
                               "s)?(?:" NUM "ms)?(?:" NUM "us)?(?:" NUM "ns)?)";
const char schema_size[] = "(?:[0-9]+|" NUM "(?:B|kB|[MGT]B|[KMGT]iB))";
const char schema_share[] = NUM "%";
const char schema_rate[] = NUM "[kKmMgG]?bit(?:/s)?";
const char schema_number[] = NUM "(?:[eE][-+]?[0-9]+)?";
/* "$${" is the text "${" itself. */
#define VARIABLE "(?:^|[^$])\\$\\{"

static const struct {
	const char *says, *message;
} quantities[] = {
        [QUANTITY_DURATION] = {"A duration, such as 250ms or 1m30s",
                               "Write a number with its unit (ns, us, ms, s, m, h or d), as in "
                               "\"250ms\" or \"1m30s\"."},
        [QUANTITY_SIZE] = {"A size, such as 64MiB",
                           "Write bytes, or a number with its unit (kB, MB, GB, TB, KiB, MiB, GiB, "
                           "TiB), as in \"64MiB\"."},
        [QUANTITY_SHARE] = {"A share, such as 30%",
                            "Write it with a percent sign, as in \"30%\" or \"0.5%\"."},
        [QUANTITY_RATE] = {"A rate, such as 10Mbit/s",
                           "Write bits a second with their unit (bit, kbit, Mbit, Gbit), as in "
                           "\"10Mbit/s\"."},
        [QUANTITY_COUNT] = {"A whole number", "Write digits only, as in \"3\"."},
        [QUANTITY_NUMBER] = {"A number", "Write it as in \"3\" or \"0.25\"."},
};

json_t *schema_ref(const char *head, const char *name)
{
	BUF(b, WORD_MAX);
	buf_addf(&b, "#/definitions/%s%s%s", head, name[0] != '\0' ? "-" : "", name);
	return json_pack("{s:s}", "$ref", b.data);
}

json_t *schema_map(json_t *properties, json_t *required)
{
	json_t *o = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
	                      "additionalProperties", 0);
	if (required != NULL && json_array_size(required) > 0)
		json_object_set(o, "required", required);
	json_decref(required);
	return o;
}

json_t *schema_list(json_t *items)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

json_t *schema_map_or(json_t *map, json_t *other)
{
	return json_pack("{s:{s:s}, s:o, s:o}", "if", "type", "object", "then", map, "else", other);
}

json_t *schema_any_of(json_t *a, json_t *b)
{
	return json_pack("{s:[o, o]}", "anyOf", a, b);
}

json_t *schema_or_null(json_t *s)
{
	const json_t *type = json_object_get(s, "type");
	if (json_is_string(type))
		json_object_set_new(s, "type", json_pack("[O, s]", type, "null"));
	return s;
}

json_t *schema_says(json_t *s, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(s, "description", json_string(text));
	return s;
}

/* A list of types would make editors offer true and false for every text. */
json_t *schema_scalar(void)
{
	return json_pack("{s:{s:s}, s:{s:[s, s], s:s}}", "if", "type", "boolean", "else", "type",
	                 "string", "number", "errorMessage", "Write a single value.");
}

json_t *schema_pattern(const char *pattern, const char *message)
{
	BUF(b, SCHEMA_TEXT_MAX);
	buf_addf(&b, "^%s$|" VARIABLE, pattern);
	return json_pack("{s:s, s:s, s:s}", "type", "string", "pattern", b.data, "errorMessage",
	                 message);
}

json_t *schema_bool(void)
{
	return schema_any_of(json_pack("{s:s}", "type", "boolean"),
	                     schema_pattern("(?:true|false)", "Write true or false."));
}

/* Both ways in which YAML may take a word: 1.1 is also a number. */
static void word_add(json_t *list, const char *word)
{
	double x;
	json_array_append_new(list, json_string(word));
	if (number_parse(word, &x, NULL) == 0)
		json_array_append_new(list, strspn(word, "0123456789") == strlen(word)
		                                    ? json_integer((json_int_t)x)
		                                    : json_real(x));
	else if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		json_array_append_new(list, json_boolean(word[0] == 't'));
}

static json_t *words_or_variable(json_t *list)
{
	return schema_any_of(json_pack("{s:o}", "enum", list),
	                     json_pack("{s:s, s:s}", "type", "string", "pattern", VARIABLE));
}

json_t *schema_words(const char *const *words)
{
	json_t *list = json_array();
	for (; *words != NULL; words++)
		word_add(list, *words);
	return words_or_variable(list);
}

json_t *schema_quantity(enum quantity_kind kind)
{
	const char *message = quantities[kind].message;
	json_t *text;
	switch (kind) {
	case QUANTITY_DURATION:
		return json_pack("{s:{s:i}, s:o}", "if", "const", 0, "else",
		                 schema_pattern(schema_duration, message));
	case QUANTITY_SHARE:
		return schema_pattern(schema_share, message);
	case QUANTITY_RATE:
		return schema_pattern(schema_rate, message);
	case QUANTITY_SIZE:
		text = schema_pattern(schema_size, message);
		break;
	case QUANTITY_COUNT:
		text = schema_pattern("[0-9]+", message);
		break;
	default:
		text = schema_pattern(schema_number, message);
		break;
	}
	/* written without a unit it is a number to YAML */
	json_object_set_new(
	        text, "type",
	        json_pack("[s, s]", "string", kind == QUANTITY_NUMBER ? "number" : "integer"));
	json_object_set_new(text, "minimum", json_integer(0));
	return text;
}

static enum quantity_kind quantity_of(enum param_kind kind)
{
	switch (kind) {
	case PARAM_DURATION:
		return QUANTITY_DURATION;
	case PARAM_SIZE:
		return QUANTITY_SIZE;
	case PARAM_SHARE:
		return QUANTITY_SHARE;
	case PARAM_RATE:
		return QUANTITY_RATE;
	case PARAM_COUNT:
		return QUANTITY_COUNT;
	default:
		return QUANTITY_NUMBER;
	}
}

static json_t *choices(const char *text)
{
	json_t *list = json_array();
	while (true) {
		char word[WORD_MAX];
		size_t n = strcspn(text, "|");
		snprintf(word, sizeof(word), "%.*s", (int)n, text);
		word_add(list, word);
		if (text[n] == '\0')
			return words_or_variable(list);
		text += n + 1;
	}
}

static bool limit(const struct param *p, const char *text, json_t *value, const char *key)
{
	uint64_t n;
	double x;
	if (text == NULL)
		return false;
	if (p->kind == PARAM_NUMBER && number_parse(text, &x, NULL) == 0)
		return json_object_set_new(value, key, json_real(x)) == 0;
	if ((p->kind == PARAM_COUNT && count_parse(text, &n, NULL) == 0) ||
	    (p->kind == PARAM_SIZE && size_parse(text, &n, NULL) == 0))
		return json_object_set_new(value, key, json_integer((json_int_t)n)) == 0;
	return false;
}

static json_t *one_value(const struct param *p)
{
	json_t *value;
	switch (p->kind) {
	case PARAM_BOOL:
		return schema_bool();
	case PARAM_TEXT:
		return schema_scalar();
	case PARAM_ENUM:
		return choices(p->choices);
	case PARAM_LIST:
		return json_pack("{s:{s:s}, s:o, s:o}", "if", "type", "array", "then",
		                 schema_list(schema_scalar()), "else", schema_scalar());
	case PARAM_MAP:
		return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
		                 schema_scalar());
	case PARAM_DOC:
		return json_object();
	default:
		value = schema_quantity(quantity_of(p->kind));
		(void)limit(p, p->min, value, "minimum");
		(void)limit(p, p->max, value, "maximum");
		return value;
	}
}

/* "How long it may take. A duration, such as …, 1ms to 10m." */
static void param_describe(const struct param *p, struct buf *b)
{
	if (p->help != NULL)
		buf_addf(b, "%s.", p->help);
	if (p->kind <= PARAM_NUMBER)
		buf_addf(b, "%s%s", b->len > 0 ? "\n\n" : "",
		         quantities[quantity_of(p->kind)].says);
	if (p->min != NULL && p->max != NULL)
		buf_addf(b, ", %s to %s", p->min, p->max);
	else if (p->min != NULL || p->max != NULL)
		buf_addf(b, ", at %s %s", p->min != NULL ? "least" : "most",
		         p->min != NULL ? p->min : p->max);
	if (p->kind <= PARAM_NUMBER)
		buf_addc(b, '.');
	if (p->flags & PARAM_REQUIRED)
		buf_add(b, " Required.");
	else if (p->dflt != NULL && p->dflt[0] != '\0')
		buf_addf(b, " Default: %s.", p->dflt);
	if (p->flags & PARAM_RAMP)
		buf_add(b, " May have levels: {levels: […], hold: TIME}.");
}

static json_t *default_of(const struct param *p)
{
	uint64_t n;
	double x;
	if (p->kind == PARAM_BOOL)
		return json_boolean(strcmp(p->dflt, "true") == 0);
	if (p->kind == PARAM_COUNT && count_parse(p->dflt, &n, NULL) == 0)
		return json_integer((json_int_t)n);
	if (p->kind == PARAM_NUMBER && number_parse(p->dflt, &x, NULL) == 0)
		return json_real(x);
	return json_string(p->dflt);
}

static json_t *param_schema(const struct param *p)
{
	BUF(says, SCHEMA_TEXT_MAX);
	json_t *value = one_value(p);
	if (p->flags & PARAM_RAMP) {
		json_t *levels =
		        schema_map(json_pack("{s:o, s:o}", "levels", schema_list(one_value(p)),
		                             "hold", schema_quantity(QUANTITY_DURATION)),
		                   json_pack("[s, s]", "levels", "hold"));
		json_t *list = json_object_get(json_object_get(levels, "properties"), "levels");
		json_object_set_new(list, "minItems", json_integer(1));
		json_object_set_new(list, "maxItems", json_integer(100));
		value = schema_map_or(levels, value);
	}
	param_describe(p, &says);
	if (p->dflt != NULL && p->dflt[0] != '\0')
		json_object_set_new(value, "default", default_of(p));
	return schema_says(value, says.data);
}

bool schema_call_needs(const struct kind *kind)
{
	for (const struct param *p = kind->params; p != NULL && p->name != NULL; p++)
		if (p->flags & PARAM_REQUIRED)
			return true;
	return false;
}

json_t *schema_call(const struct kind *kind, bool part)
{
	json_t *properties = json_object(), *required = json_array();
	const struct param *first = NULL;
	bool others = false;
	for (const struct param *p = kind->params; p != NULL && p->name != NULL; p++) {
		json_object_set_new(properties, p->name, param_schema(p));
		if (p->flags & PARAM_REQUIRED && !part)
			json_array_append_new(required, json_string(p->name));
		if (p->flags & PARAM_POSITIONAL && first == NULL)
			first = p;
		else
			others = others || p->flags & PARAM_REQUIRED;
	}
	bool needs = json_array_size(required) > 0;
	json_t *map = schema_map(properties, required);
	/* A single value is the first positional parameter. */
	if (first != NULL && (part || !others))
		map = schema_any_of(map, one_value(first));
	else if (!needs)
		map = schema_or_null(map);
	if (first != NULL && !needs)
		json_array_append_new(json_object_get(map, "anyOf"), json_pack("{s:n}", "const"));
	return map;
}
