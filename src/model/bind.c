/* bind.c - parameters as data: sets the members of an args struct from a map of values. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/reading.h"

enum { LEVELS_MAX = 100 };

/* One parameter being bound. */
struct binding {
	const struct kind *kind;
	const struct param *p;
	void *args;
	struct arena *arena;
	json_t *documents; /* owns what PARAM_DOC members borrow; NULL: see params_release */
	struct problems *problems;
	struct where at;
};

#define BAD(b, at, code, hint, ...) \
	problem_add((b)->problems, PROBLEM_ERROR, at, code, hint, __VA_ARGS__)

static void no_memory(const struct binding *b, const struct node *n)
{
	BAD(b, n->at, "no-memory", NULL, "%s: out of memory", b->p->name);
}

static void *member(const struct binding *b)
{
	return (char *)b->args + b->p->offset;
}

const struct param *param_find(const struct kind *kind, const char *name)
{
	for (const struct param *p = kind->params; p != NULL && p->name != NULL; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static int integer_parse(enum param_kind kind, const char *text, uint64_t *v, struct err *err)
{
	switch (kind) {
	case PARAM_DURATION:
		return duration_parse(text, v, err);
	case PARAM_SIZE:
		return size_parse(text, v, err);
	case PARAM_SHARE:
		return share_parse(text, v, err);
	case PARAM_RATE:
		return rate_parse(text, v, err);
	default:
		return count_parse(text, v, err);
	}
}

static void integer_bind(const struct binding *b, const struct node *n)
{
	const struct param *p = b->p;
	struct err err = ERR_INIT;
	uint64_t v, limit;
	if (integer_parse(p->kind, n->text, &v, &err) < 0) {
		BAD(b, n->at, "wrong-type", err.hint, "%s: %s", p->name, err.what);
		return;
	}
	if (p->min != NULL && integer_parse(p->kind, p->min, &limit, NULL) == 0 && v < limit)
		BAD(b, n->at, "out-of-range", NULL, "%s: \"%s\" is less than the least, %s",
		    p->name, n->text, p->min);
	else if (p->max != NULL && integer_parse(p->kind, p->max, &limit, NULL) == 0 && v > limit)
		BAD(b, n->at, "out-of-range", NULL, "%s: \"%s\" is more than the greatest, %s",
		    p->name, n->text, p->max);
	else
		memcpy(member(b), &v, sizeof(v));
}

static void number_bind(const struct binding *b, const struct node *n)
{
	const struct param *p = b->p;
	struct err err = ERR_INIT;
	double v, limit;
	if (number_parse(n->text, &v, &err) < 0)
		BAD(b, n->at, "wrong-type", err.hint, "%s: %s", p->name, err.what);
	else if (p->min != NULL && number_parse(p->min, &limit, NULL) == 0 && v < limit)
		BAD(b, n->at, "out-of-range", NULL, "%s: \"%s\" is less than the least, %s",
		    p->name, n->text, p->min);
	else if (p->max != NULL && number_parse(p->max, &limit, NULL) == 0 && v > limit)
		BAD(b, n->at, "out-of-range", NULL, "%s: \"%s\" is more than the greatest, %s",
		    p->name, n->text, p->max);
	else
		memcpy(member(b), &v, sizeof(v));
}

static void bool_bind(const struct binding *b, const struct node *n)
{
	bool v = strcmp(n->text, "true") == 0;
	if (!v && strcmp(n->text, "false") != 0)
		BAD(b, n->at, "wrong-type", "Write true or false.",
		    "%s: \"%s\" is neither true nor false", b->p->name, n->text);
	else
		memcpy(member(b), &v, sizeof(v));
}

static void text_bind(const struct binding *b, const char *text)
{
	memcpy(member(b), &text, sizeof(text));
}

static void enum_bind(const struct binding *b, const struct node *n)
{
	const char *const *words = words_split(b->arena, b->p->choices);
	for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
		if (strcmp(words[i], n->text) == 0) {
			text_bind(b, words[i]);
			return;
		}
	}
	BAD(b, n->at, "unknown-word", words ? hint_nearest(b->problems, n->text, words) : NULL,
	    "%s cannot be \"%s\"", b->p->name, n->text);
}

/* The texts of a list, or of one scalar. */
static void list_bind(const struct binding *b, const struct node *n)
{
	struct text_list list = {.n = n->type == NODE_LIST ? n->n : 1};
	const char **v = arena_alloc(b->arena, (list.n + 1) * sizeof(*v));
	bool good = v != NULL;
	for (size_t i = 0; good && i < list.n; i++) {
		const struct node *item = n->type == NODE_LIST ? n->v[i].value : n;
		if (item->type != NODE_SCALAR) {
			BAD(b, item->at, "wrong-type", NULL,
			    "%s must be a list of texts, with %s in it", b->p->name,
			    node_says(item));
			good = false;
		} else {
			v[i] = item->text;
		}
	}
	list.v = v;
	if (v == NULL)
		no_memory(b, n);
	if (good)
		memcpy(member(b), &list, sizeof(list));
}

static void map_bind(const struct binding *b, const struct node *n)
{
	struct text_map map = {.n = n->n};
	struct text_pair *v = arena_alloc(b->arena, (map.n + 1) * sizeof(*v));
	bool good = v != NULL;
	for (size_t i = 0; good && i < map.n; i++) {
		const struct node *item = n->v[i].value;
		good = item->type == NODE_SCALAR;
		if (!good)
			BAD(b, item->at, "wrong-type", NULL, "%s: \"%s\" must be a text, not %s",
			    b->p->name, n->v[i].key, node_says(item));
		else
			v[i] = (struct text_pair){n->v[i].key, item->text};
	}
	map.v = v;
	if (v == NULL)
		no_memory(b, n);
	if (good)
		memcpy(member(b), &map, sizeof(map));
}

static void doc_bind(const struct binding *b, const struct node *n)
{
	json_t *doc = node_to_json(n);
	if (doc == NULL || (b->documents != NULL && json_array_append_new(b->documents, doc) < 0)) {
		no_memory(b, n);
		return;
	}
	memcpy(member(b), &doc, sizeof(doc));
}

static void value_bind(const struct binding *b, const struct node *n)
{
	const struct param *p = b->p;
	bool many = p->kind == PARAM_LIST && n->type == NODE_LIST;
	if (n->unknown)
		return;
	if (p->kind == PARAM_DOC) {
		doc_bind(b, n);
		return;
	}
	if (p->kind == PARAM_MAP) {
		if (n->type == NODE_MAP)
			map_bind(b, n);
		else
			BAD(b, n->at, "wrong-type", NULL, "%s must be a map, not %s", p->name,
			    node_says(n));
		return;
	}
	if (n->type != NODE_SCALAR && !many) {
		bool ramp = n->type == NODE_MAP && node_get(n, "levels") != NULL;
		BAD(b, n->at, "wrong-type", NULL,
		    ramp ? "%s cannot have levels" : "%s must be a %s, not %s", p->name,
		    p->kind == PARAM_LIST ? "list" : "single value", node_says(n));
		return;
	}
	switch (p->kind) {
	case PARAM_NUMBER:
		number_bind(b, n);
		break;
	case PARAM_BOOL:
		bool_bind(b, n);
		break;
	case PARAM_TEXT:
		text_bind(b, n->text);
		break;
	case PARAM_ENUM:
		enum_bind(b, n);
		break;
	case PARAM_LIST:
		list_bind(b, n);
		break;
	default:
		integer_bind(b, n);
		break;
	}
}

static const struct node *level_of(const struct param *p, const struct node *n, size_t level)
{
	const struct node *levels = (p->flags & PARAM_RAMP) ? node_get(n, "levels") : NULL;
	if (levels == NULL || levels->type != NODE_LIST || levels->n == 0)
		return n;
	return levels->v[level < levels->n ? level : levels->n - 1].value;
}

void param_unknown(const struct kind *kind, const struct node_item *item, struct problems *problems)
{
	static const char *const beside[] = {"target", "pick", "for", "id", NULL};
	const char *names[128];
	size_t n = 0;
	for (const struct param *p = kind->params; p != NULL && p->name != NULL && n < 127; p++)
		names[n++] = p->name;
	names[n] = NULL;
	const char *hint = hint_nearest(problems, item->key, names);
	for (size_t i = 0; beside[i] != NULL; i++)
		if (kind->class_ != NULL && strcmp(beside[i], item->key) == 0)
			hint = "It stands beside \"fault\", not under \"with\".";
	problem_add(problems, PROBLEM_ERROR, item->key_at, "unknown-parameter", hint,
	            "%s has no parameter \"%s\"", kind->name, item->key);
}

static void default_bind(struct binding *b)
{
	const struct param *p = b->p;
	if (p->dflt == NULL)
		return;
	const struct node text = {.type = NODE_SCALAR, .at = b->at, .text = p->dflt};
	value_bind(b, &text);
}

void params_release(const struct kind *kind, void *args)
{
	for (const struct param *p = kind->params; args != NULL && p != NULL && p->name != NULL;
	     p++) {
		json_t *doc = NULL;
		if (p->kind != PARAM_DOC)
			continue;
		memcpy(&doc, (char *)args + p->offset, sizeof(doc));
		json_decref(doc);
		memset((char *)args + p->offset, 0, sizeof(doc));
	}
}

/* Whether a variable in it has no value, which was said where it is used. */
static bool is_unknown(const struct node *n)
{
	if (n->unknown)
		return true;
	for (size_t i = 0; n->type != NODE_SCALAR && i < n->n; i++)
		if (n->v[i].value != NULL && is_unknown(n->v[i].value))
			return true;
	return false;
}

void *params_bind(const struct kind *kind, const struct node *map, size_t level, struct where at,
                  struct arena *arena, json_t *documents, struct problems *problems)
{
	size_t before = problems->errors;
	struct binding b = {.kind = kind,
	                    .args = arena_alloc(arena, kind->args_size > 0 ? kind->args_size : 1),
	                    .arena = arena,
	                    .documents = documents,
	                    .problems = problems,
	                    .at = at};
	if (b.args == NULL) {
		problem_add(problems, PROBLEM_ERROR, at, "no-memory", NULL, "out of memory");
		return NULL;
	}
	for (size_t i = 0; map != NULL && i < map->n; i++)
		if (param_find(kind, map->v[i].key) == NULL)
			param_unknown(kind, &map->v[i], problems);
	bool unknown = false;
	for (b.p = kind->params; b.p != NULL && b.p->name != NULL; b.p++) {
		const struct node *n = map != NULL ? node_get(map, b.p->name) : NULL;
		unknown |= n != NULL && is_unknown(n);
		if (n != NULL)
			value_bind(&b, level_of(b.p, n, level));
		else if (b.p->flags & PARAM_REQUIRED)
			BAD(&b, at, "missing-parameter",
			    b.p->help != NULL ? arena_printf(problems->arena, "\"%s\" is %s.",
			                                     b.p->name, b.p->help)
			                      : NULL,
			    "%s needs \"%s\"", kind->name, b.p->name);
		else
			default_bind(&b);
	}
	struct err err = ERR_INIT;
	if (problems->errors == before && !unknown && kind->check != NULL &&
	    kind->check(b.args, &err) < 0)
		problem_add(problems, PROBLEM_ERROR, at, "bad-parameters", err.hint, "%s: %s",
		            kind->name, err.what);
	if (problems->errors == before)
		return b.args;
	if (documents == NULL)
		params_release(kind, b.args);
	return NULL;
}

const struct node *call_map(struct arena *a, const struct kind *kind, const struct node *value)
{
	if (value->type == NODE_MAP)
		return value;
	const struct param *first = NULL;
	for (const struct param *p = kind->params; first == NULL && p != NULL && p->name != NULL;
	     p++)
		if (p->flags & PARAM_POSITIONAL)
			first = p;
	struct node *map = arena_alloc(a, sizeof(*map));
	struct node_item *item = arena_alloc(a, sizeof(*item));
	if (map == NULL || item == NULL)
		return NULL;
	*map = (struct node){.type = NODE_MAP, .at = value->at};
	if (value->type == NODE_NULL)
		return map;
	if (first == NULL)
		return NULL;
	*item = (struct node_item){first->name, value->at, value};
	map->v = item;
	map->n = 1;
	return map;
}

size_t ramp_read(struct reading *r, const struct kind *kind, const struct node *map,
                 const char **param, uint64_t *hold_ns)
{
	size_t levels = 1;
	for (const struct param *p = kind->params; p != NULL && p->name != NULL; p++) {
		const struct node *n = map != NULL ? node_get(map, p->name) : NULL;
		if (n == NULL || n->type != NODE_MAP || !(p->flags & PARAM_RAMP))
			continue;
		keys_check(r, n, keys_levels);
		const struct node *list = node_get(n, "levels");
		if (*param != NULL)
			PROBLEM(r, n->at, "two-ramps", "Give one of them a single value.",
			        "\"%s\" has levels, and so has \"%s\"", p->name, *param);
		else if (list == NULL)
			PROBLEM(r, n->at, "missing-key",
			        "Write for example {levels: [50ms, 200ms], hold: 10s}.",
			        "\"%s\" has no \"levels\"", p->name);
		else if (list_wanted(r, list, "\"levels\"") && list->n == 0)
			PROBLEM(r, list->at, "out-of-range", NULL, "\"levels\" is empty");
		else if (list->type == NODE_LIST && list->n > LEVELS_MAX)
			PROBLEM(r, list->at, "out-of-range", NULL, "more than %d levels",
			        LEVELS_MAX);
		else if (list->type == NODE_LIST)
			levels = list->n;
		if (node_get(n, "hold") == NULL)
			PROBLEM(r, n->at, "missing-key",
			        "Say how long each level lasts: hold: 10s.",
			        "\"%s\" has levels, but no \"hold\"", p->name);
		else
			(void)get_time(r, n, "hold", hold_ns);
		*param = p->name;
	}
	return levels;
}

void *call_bind(const struct experiment *x, const struct call *call, size_t level,
                struct arena *arena, struct problems *problems)
{
	return params_bind(call->kind, call->with, level, call->at, arena, vars_documents(x->vars),
	                   problems);
}
