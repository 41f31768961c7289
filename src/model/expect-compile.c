/* expect-compile.c - reads an expectation, checked against the fields of the answer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "model/expect-node.h"

enum { DEPTH_MAX = 16, PATH_MAX_ = 200, TEXT_MAX = 120 };

struct compiling {
	struct expect *e;
	struct arena *arena;
	struct problems *problems;
	const struct field *fields;
};

#define BAD(c, at, code, hint, ...) \
	problem_add((c)->problems, PROBLEM_ERROR, at, code, hint, __VA_ARGS__)

static const char *const words[] = {"any", "all", "in", "matches", "not", "has", NULL};
static const char *const ops[] = {[OP_LT] = "<",  [OP_LE] = "<=", [OP_GT] = ">",
                                  [OP_GE] = ">=", [OP_EQ] = "==", [OP_NE] = "!="};
static const char *const kind_says[] = {
        [FIELD_NUMBER] = "a number",    [FIELD_SECONDS] = "a duration", [FIELD_BYTES] = "a size",
        [FIELD_SHARE] = "a share",      [FIELD_RATE] = "a rate",        [FIELD_TEXT] = "a text",
        [FIELD_BOOL] = "true or false", [FIELD_LIST] = "a list",        [FIELD_ANY] = "anything",
};

static struct expect_node *node_make(struct compiling *c, enum expect_type type)
{
	struct expect_node *n = arena_alloc(c->arena, sizeof(*n));
	if (n != NULL)
		n->type = type;
	return n;
}

static bool child_add(struct compiling *c, struct expect_node *parent, struct expect_node *child)
{
	struct expect_node **v;
	if (child == NULL)
		return false;
	v = arena_grow(c->arena, parent->v, parent->n, &parent->cap, sizeof(*v));
	if (v == NULL)
		return false;
	v[parent->n++] = child;
	parent->v = v;
	return true;
}

/* Does the pattern of the table ("headers.*") cover this path? A last "*" of any kind covers all
 * below. */
static bool path_matches(const char *pattern, const char *path, bool deep)
{
	while (*pattern != '\0' && *path != '\0') {
		if (pattern[0] == '*') {
			if (pattern[1] == '\0' && deep)
				return true;
			path += strcspn(path, ".");
			pattern++;
			/* names of one level may have dots only at the end of the pattern */
			if (*pattern == '\0')
				return *path == '\0';
			continue;
		}
		if (*pattern++ != *path++)
			return false;
	}
	return *pattern == '\0' && *path == '\0';
}

static const struct field *field_find(const struct field *f, const char *path)
{
	for (; f->name != NULL; f++)
		if (path_matches(f->name, path, f->kind == FIELD_ANY))
			return f;
	return NULL;
}

/* Is there a field below this path? */
static bool is_prefix(const struct field *f, const char *path)
{
	size_t n = strlen(path);
	for (; f->name != NULL; f++)
		for (size_t i = 0; f->name[i] != '\0'; i++)
			if (f->name[i] == '.') {
				char head[PATH_MAX_];
				snprintf(head, sizeof(head), "%.*s", (int)i, f->name);
				if (n > 0 && path_matches(head, path, false))
					return true;
			}
	return false;
}

static void unknown_field(struct compiling *c, struct where at, const char *path)
{
	const char *names[200];
	size_t n = 0;
	for (const struct field *f = c->fields; f->name != NULL && n < 199; f++)
		names[n++] = f->name;
	names[n] = NULL;
	const char *near = word_nearest(c->problems, path, names), *hint = NULL;
	BUF(list, 300);
	if (near != NULL) {
		hint = arena_printf(c->problems->arena, "Did you mean \"%s\"?", near);
	} else {
		buf_add(&list, "There is ");
		for (size_t i = 0; i < n && i < 12; i++)
			buf_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
		buf_add(&list, n > 12 ? " and more." : ".");
		hint = list.data;
	}
	BAD(c, at, "unknown-field", hint, "the answer has no field \"%s\"", path);
}

static bool text_to_number(const char *text, double *x)
{
	bool negative = text[0] == '-';
	if (number_parse(text + negative, x, NULL) < 0)
		return false;
	if (negative)
		*x = -*x;
	return true;
}

/* The value as this kind of field has it; false: it cannot be. */
static bool value_as(enum field_kind kind, const char *text, bool quoted, struct expect_value *v,
                     struct err *err)
{
	uint64_t u = 0;
	enum quantity_kind any;
	double x;
	switch (kind) {
	case FIELD_NUMBER:
		v->form = VALUE_NUMBER;
		return text_to_number(text, &v->number);
	case FIELD_SECONDS:
		v->form = VALUE_SECONDS;
		if (duration_parse(text, &u, err) < 0)
			return false;
		v->number = (double)u / (double)NS_PER_S;
		return true;
	case FIELD_BYTES:
		v->form = VALUE_BYTES;
		if (size_parse(text, &u, err) < 0)
			return false;
		v->number = (double)u;
		return true;
	case FIELD_SHARE:
		v->form = VALUE_SHARE;
		if (share_parse(text, &u, err) < 0)
			return false;
		v->number = (double)u / (double)PPM_ALL;
		return true;
	case FIELD_RATE:
		v->form = VALUE_RATE;
		if (rate_parse(text, &u, err) < 0)
			return false;
		v->number = (double)u;
		return true;
	case FIELD_BOOL:
		v->form = VALUE_BOOL;
		v->yes = strcmp(text, "true") == 0;
		return v->yes || strcmp(text, "false") == 0;
	case FIELD_TEXT:
		v->form = VALUE_TEXT;
		return true;
	case FIELD_LIST:
		return false;
	case FIELD_ANY:
		break;
	}
	v->form = VALUE_TEXT;
	if (quoted)
		return true;
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		v->form = VALUE_BOOL;
		v->yes = text[0] == 't';
	} else if (text_to_number(text, &x)) {
		v->form = VALUE_NUMBER;
		v->number = x;
	} else if (quantity_parse_any(text, &any, &x, NULL) == 0) {
		v->form = any == QUANTITY_DURATION ? VALUE_SECONDS
		          : any == QUANTITY_SIZE   ? VALUE_BYTES
		                                   : VALUE_SHARE;
		v->number = any == QUANTITY_DURATION ? x / (double)NS_PER_S
		            : any == QUANTITY_SIZE   ? x
		                                     : x / (double)PPM_ALL;
	}
	return true;
}

static enum expect_op op_cut(const char **text)
{
	static const enum expect_op longest_first[] = {OP_LE, OP_GE, OP_EQ, OP_NE, OP_LT, OP_GT};
	for (size_t i = 0; i < ARRAY_SIZE(longest_first); i++) {
		const char *op = ops[longest_first[i]];
		size_t n = strlen(op);
		if (strncmp(*text, op, n) != 0)
			continue;
		*text += n;
		*text += strspn(*text, " ");
		return longest_first[i];
	}
	return OP_NONE;
}

static struct expect_node *compare_make(struct compiling *c, const char *path, enum field_kind kind,
                                        enum expect_op op, const struct node *n, const char *text,
                                        bool quoted)
{
	struct err err = ERR_INIT;
	struct expect_node *made = node_make(c, EXPECT_COMPARE);
	if (made == NULL)
		return NULL;
	*made = (struct expect_node){.type = EXPECT_COMPARE, .path = path, .kind = kind, .op = op};
	made->value.text = text;
	if (!value_as(kind, text, quoted, &made->value, &err)) {
		BAD(c, n->at, "wrong-type",
		    kind == FIELD_LIST ? "Use \"has\", or a jq filter." : err.hint,
		    "\"%s\" is %s, which cannot be compared with \"%s\"", path, kind_says[kind],
		    text);
		return NULL;
	}
	bool orders = op != OP_EQ && op != OP_NE;
	bool ordered = made->value.form != VALUE_TEXT && made->value.form != VALUE_BOOL;
	if (orders && !ordered) {
		BAD(c, n->at, "wrong-type", "Only numbers and quantities have an order.",
		    "\"%s\" cannot be compared by \"%s\" with \"%s\"", path, ops[op], text);
		return NULL;
	}
	return made;
}

static struct expect_node *scalar_compile(struct compiling *c, const char *path,
                                          enum field_kind kind, const struct node *n)
{
	const char *text = n->text;
	enum expect_op op = op_cut(&text);
	if (n->unknown)
		return NULL;
	/* "< 5" is a comparison wherever it stands, its right side never a quoted text */
	bool quoted = n->quoted && op == OP_NONE;
	return compare_make(c, path, kind, op == OP_NONE ? OP_EQ : op, n, text, quoted);
}

static struct expect_node *field_compile(struct compiling *c, const char *path,
                                         enum field_kind kind, const struct node *n,
                                         unsigned depth);
static struct expect_node *map_compile(struct compiling *c, const char *prefix,
                                       const struct node *n, unsigned depth);

static struct expect_node *pattern_compile(struct compiling *c, const char *path,
                                           enum field_kind kind, const struct node *n)
{
	struct err err = ERR_INIT;
	if (n->type != NODE_SCALAR || (kind != FIELD_TEXT && kind != FIELD_ANY)) {
		BAD(c, n->at, "wrong-type", NULL,
		    n->type != NODE_SCALAR ? "\"matches\" takes a regular expression"
		                           : "\"%s\" is %s: only texts can match",
		    path, kind_says[kind]);
		return NULL;
	}
	struct regex *regex = regex_new(n->text, &err);
	if (regex == NULL) {
		BAD(c, n->at, "bad-pattern", err.hint, "%s", err.what);
		return NULL;
	}
	struct expect_node *made = node_make(c, EXPECT_MATCHES);
	struct regex **v = arena_grow(c->arena, c->e->regexes, c->e->regexes_n, &c->e->regexes_cap,
	                              sizeof(struct regex *));
	if (made == NULL || v == NULL) {
		regex_free(regex);
		return NULL;
	}
	v[c->e->regexes_n++] = regex;
	c->e->regexes = v;
	made->path = path;
	made->regex = regex;
	made->value.text = n->text;
	return made;
}

static struct expect_node *group_compile(struct compiling *c, enum expect_type type,
                                         const char *word, const char *path, enum field_kind kind,
                                         const struct node *n, unsigned depth)
{
	struct expect_node *made = node_make(c, type);
	bool good = made != NULL;
	if (n->type != NODE_LIST || n->n == 0) {
		BAD(c, n->at, "wrong-type", "Write for example [200, 204].",
		    "\"%s\" needs a list of values", word);
		return NULL;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct node *item = n->v[i].value;
		struct expect_node *child = path[0] != '\0'
		                                    ? field_compile(c, path, kind, item, depth + 1)
		                                    : map_compile(c, path, item, depth + 1);
		good = good && child_add(c, made, child);
	}
	return good ? made : NULL;
}

static struct expect_node *in_compile(struct compiling *c, const char *path, enum field_kind kind,
                                      const struct node *n)
{
	struct expect_node *made = node_make(c, EXPECT_ANY);
	bool good = made != NULL;
	if (n->type != NODE_LIST || n->n == 0) {
		BAD(c, n->at, "wrong-type", "Write for example [200, 204].",
		    "\"in\" needs a list of values");
		return NULL;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct node *item = n->v[i].value;
		struct expect_node *child = NULL;
		if (item->type == NODE_SCALAR)
			child = item->unknown ? NULL
			                      : compare_make(c, path, kind, OP_EQ, item, item->text,
			                                     item->quoted);
		else
			BAD(c, item->at, "wrong-type", NULL, "\"in\" takes single values");
		good = good && child_add(c, made, child);
	}
	return good ? made : NULL;
}

static struct expect_node *wrap(struct compiling *c, enum expect_type type, const char *path,
                                struct expect_node *child)
{
	struct expect_node *made = node_make(c, type);
	if (made == NULL || child == NULL || !child_add(c, made, child))
		return NULL;
	made->path = path;
	return made;
}

/* One of the words or operators of a field's map; NULL: no good, and said. */
static struct expect_node *word_compile(struct compiling *c, const char *word, const char *path,
                                        enum field_kind kind, const struct node *n, unsigned depth)
{
	const char *rest = word;
	enum expect_op op = op_cut(&rest);
	if (op != OP_NONE) {
		if (n->type == NODE_SCALAR && !n->unknown)
			return compare_make(c, path, kind, op, n, n->text, n->quoted);
		if (n->type != NODE_SCALAR)
			BAD(c, n->at, "wrong-type", NULL, "\"%s\" takes a single value", word);
		return NULL;
	}
	if (strcmp(word, "any") == 0)
		return group_compile(c, EXPECT_ANY, word, path, kind, n, depth);
	if (strcmp(word, "all") == 0)
		return group_compile(c, EXPECT_ALL, word, path, kind, n, depth);
	if (strcmp(word, "in") == 0)
		return in_compile(c, path, kind, n);
	if (strcmp(word, "matches") == 0)
		return pattern_compile(c, path, kind, n);
	if (strcmp(word, "not") == 0)
		return wrap(c, EXPECT_NOT, path, field_compile(c, path, kind, n, depth + 1));
	if (kind == FIELD_LIST || kind == FIELD_ANY)
		return wrap(c, EXPECT_HAS, path, field_compile(c, "", FIELD_ANY, n, depth + 1));
	BAD(c, n->at, "wrong-type", NULL, "\"%s\" is %s: only a list can have something", path,
	    kind_says[kind]);
	return NULL;
}

static bool is_word(const char *key)
{
	const char *rest = key;
	if (op_cut(&rest) != OP_NONE)
		return *rest == '\0';
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], key) == 0)
			return true;
	return false;
}

static struct expect_node *field_compile(struct compiling *c, const char *path,
                                         enum field_kind kind, const struct node *n, unsigned depth)
{
	if (depth > DEPTH_MAX) {
		BAD(c, n->at, "out-of-range", NULL, "the expectation is nested too deep");
		return NULL;
	}
	if (n->type == NODE_SCALAR)
		return scalar_compile(c, path, kind, n);
	if (n->type != NODE_MAP || n->n == 0) {
		BAD(c, n->at, "wrong-type",
		    n->type == NODE_LIST ? "For one of several values write {in: [a, b]}."
		                         : "Write a value or a comparison, such as \"< 300ms\".",
		    "\"%s\" cannot be compared with %s", path,
		    n->type == NODE_LIST ? "a list" : "nothing");
		return NULL;
	}
	struct expect_node *all = node_make(c, EXPECT_ALL);
	bool good = all != NULL;
	for (size_t i = 0; i < n->n; i++) {
		const char *key = n->v[i].key;
		if (!is_word(key)) {
			BAD(c, n->v[i].key_at, "unknown-key", hint_nearest(c->problems, key, words),
			    "unknown comparison \"%s\"", key);
			good = false;
			continue;
		}
		struct expect_node *child = word_compile(c, key, path, kind, n->v[i].value, depth);
		good = good && child_add(c, all, child);
	}
	if (!good)
		return NULL;
	return all->n == 1 ? all->v[0] : all;
}

/* Are the keys of this map fields below, and not comparisons? */
static bool is_fields(const struct node *n)
{
	if (n->type != NODE_MAP || n->n == 0)
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (is_word(n->v[i].key))
			return false;
	return true;
}

static struct expect_node *entry_compile(struct compiling *c, const char *prefix,
                                         const struct node_item *item, unsigned depth)
{
	const char *path =
	        prefix[0] != '\0' ? arena_printf(c->arena, "%s.%s", prefix, item->key) : item->key;
	enum field_kind kind = FIELD_ANY;
	if (path == NULL)
		return NULL;
	if (strlen(path) >= PATH_MAX_) {
		BAD(c, item->key_at, "unknown-field", NULL, "a field's name is too long");
		return NULL;
	}
	if (c->fields != NULL) {
		const struct field *f = field_find(c->fields, path);
		if (f == NULL && is_prefix(c->fields, path) && is_fields(item->value))
			return map_compile(c, path, item->value, depth + 1);
		if (f == NULL) {
			unknown_field(c, item->key_at, path);
			return NULL;
		}
		kind = f->kind;
	}
	if (kind == FIELD_ANY && is_fields(item->value))
		return map_compile(c, path, item->value, depth + 1);
	return field_compile(c, path, kind, item->value, depth);
}

static struct expect_node *map_compile(struct compiling *c, const char *prefix,
                                       const struct node *n, unsigned depth)
{
	struct expect_node *all = node_make(c, EXPECT_ALL);
	bool good = all != NULL;
	if (n->type != NODE_MAP || n->n == 0 || depth > DEPTH_MAX) {
		BAD(c, n->at, "wrong-type", "Write for example {status: 200}.",
		    "an expectation must be a map of fields");
		return NULL;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct node_item *item = &n->v[i];
		struct expect_node *child = NULL;
		if (strcmp(item->key, "jq") == 0 && prefix[0] == '\0' &&
		    (c->fields == NULL || field_find(c->fields, "jq") == NULL)) {
			if (depth > 0)
				BAD(c, item->key_at, "unknown-key", NULL,
				    "\"jq\" stands beside the fields, not below");
			else if (item->value->type != NODE_SCALAR)
				BAD(c, item->value->at, "wrong-type", NULL,
				    "\"jq\" takes a filter as a text");
			else
				c->e->jq = item->value->text;
			continue;
		}
		if (prefix[0] == '\0' && strcmp(item->key, "any") == 0)
			child = group_compile(c, EXPECT_ANY, "any", "", FIELD_ANY, item->value,
			                      depth);
		else if (prefix[0] == '\0' && strcmp(item->key, "not") == 0)
			child = wrap(c, EXPECT_NOT, "", map_compile(c, "", item->value, depth + 1));
		else
			child = entry_compile(c, prefix, item, depth);
		good = child_add(c, all, child) && good;
	}
	return all;
}

struct expect *expect_compile(const struct node *n, const struct field *fields, struct arena *arena,
                              struct problems *problems)
{
	struct expect *e = arena_alloc(arena, sizeof(*e));
	struct compiling c = {e, arena, problems, fields};
	if (e == NULL)
		return NULL;
	e->root = map_compile(&c, "", n, 0);
	if (e->root == NULL || (e->root->n == 0 && e->jq == NULL)) {
		expect_release(e);
		return NULL;
	}
	return e;
}

void expect_release(struct expect *e)
{
	for (size_t i = 0; e != NULL && i < e->regexes_n; i++)
		regex_free(e->regexes[i]);
	if (e != NULL)
		e->regexes_n = 0;
}

const char *expect_jq(const struct expect *e)
{
	return e->jq;
}
