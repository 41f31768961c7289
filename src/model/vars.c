/* vars.c - variables: declared, given, checked, and put in where "${NAME}" stands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/reading.h"

enum { VARS_MAX = 200, EXPANDED_MAX = 4 << 20, VALUE_MAX = 64 << 10 };

struct var {
	const char *name;
	const char *value; /* NULL: it has none, and that was said */
	bool secret, text; /* text: not a number, whatever it looks like */
	struct where at;
};

struct vars {
	size_t n;
	struct var *v;
	size_t expanded; /* bytes that the values took in all places */
	json_t *documents;
};

struct vars *vars_new(struct arena *a)
{
	struct vars *vars = arena_alloc(a, sizeof(*vars));
	if (vars != NULL)
		vars->documents = json_array();
	return vars;
}

void vars_free(struct vars *vars)
{
	if (vars != NULL)
		json_decref(vars->documents);
}

json_t *vars_documents(struct vars *vars)
{
	return vars != NULL ? vars->documents : NULL;
}

/* In the order of words_type. */
enum var_type {
	VAR_TEXT,
	VAR_DURATION,
	VAR_SIZE,
	VAR_SHARE,
	VAR_RATE,
	VAR_COUNT,
	VAR_NUMBER,
	VAR_BOOL
};

/* The value as a number to compare with min and max. */
static int value_parse(enum var_type type, const char *text, double *x, struct err *err)
{
	uint64_t v = 0;
	int bad = 0;
	switch (type) {
	case VAR_DURATION:
		bad = duration_parse(text, &v, err);
		break;
	case VAR_SIZE:
		bad = size_parse(text, &v, err);
		break;
	case VAR_SHARE:
		bad = share_parse(text, &v, err);
		break;
	case VAR_RATE:
		bad = rate_parse(text, &v, err);
		break;
	case VAR_COUNT:
		bad = count_parse(text, &v, err);
		break;
	case VAR_NUMBER:
		return number_parse(text, x, err);
	case VAR_BOOL:
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			bad = err_set(err, -22, "\"%s\" is neither true nor false", text);
		break;
	case VAR_TEXT:
		break;
	}
	*x = (double)v;
	return bad;
}

struct declared {
	const char *name, *dflt, *env, *min, *max;
	enum var_type type;
	bool typed, secret;
	struct where at;
};

static void value_check(struct reading *r, const struct declared *d, const char *value,
                        struct where at)
{
	struct err err = ERR_INIT;
	double x, limit;
	const char *shown = d->secret ? "****" : value;
	if (value_parse(d->type, value, &x, &err) < 0)
		PROBLEM(r, at, "wrong-type", err.hint,
		        "variable \"%s\" must be a %s: \"%s\" is not", d->name, words_type[d->type],
		        shown);
	else if (d->min != NULL && value_parse(d->type, d->min, &limit, NULL) == 0 && x < limit)
		PROBLEM(r, at, "out-of-range", NULL, "variable \"%s\": \"%s\" is less than %s",
		        d->name, shown, d->min);
	else if (d->max != NULL && value_parse(d->type, d->max, &limit, NULL) == 0 && x > limit)
		PROBLEM(r, at, "out-of-range", NULL, "variable \"%s\": \"%s\" is more than %s",
		        d->name, shown, d->max);
}

static void limit_check(struct reading *r, const struct declared *d, const struct node *map,
                        const char *key, const char *limit)
{
	struct err err = ERR_INIT;
	double x;
	if (limit == NULL)
		return;
	if (d->type == VAR_TEXT || d->type == VAR_BOOL)
		PROBLEM(r, key_at(map, key), "wrong-type",
		        "Give the variable a type: duration, size, share, rate, count or number.",
		        "a %s has no \"%s\"", words_type[d->type], key);
	else if (value_parse(d->type, limit, &x, &err) < 0)
		PROBLEM(r, node_get(map, key)->at, "wrong-type", err.hint, "\"%s\": %s", key,
		        err.what);
}

static struct declared declaration_read(struct reading *r, const struct node_item *item)
{
	struct declared d = {.name = item->key, .at = item->key_at};
	const struct node *n = item->value;
	if (n->type == NODE_SCALAR) {
		d.dflt = n->text;
		d.typed = n->quoted;
		return d;
	}
	char what[96];
	snprintf(what, sizeof(what), "variable \"%.60s\"", item->key);
	if (n->type == NODE_NULL || !map_wanted(r, n, what))
		return d;
	size_t type = VAR_TEXT, secret = 0;
	keys_check(r, n, keys_var);
	d.typed = get_word(r, n, "type", words_type, &type);
	d.type = (enum var_type)type;
	(void)get_word(r, n, "secret", words_bool, &secret);
	d.secret = secret != 0;
	(void)get_text(r, n, "default", &d.dflt);
	(void)get_text(r, n, "env", &d.env);
	(void)get_text(r, n, "min", &d.min);
	(void)get_text(r, n, "max", &d.max);
	limit_check(r, &d, n, "min", d.min);
	limit_check(r, &d, n, "max", d.max);
	if (d.secret && d.dflt != NULL)
		secret_add(r, d.dflt);
	return d;
}

/* What takes the place of a value that may be missing: something of its type. */
static const char *stand_in(const struct declared *d)
{
	static const char *const any[] = {"unset", "1s", "1MiB", "1%", "1", "1", "false"};
	return d->min != NULL ? d->min : any[d->type];
}

static const char *value_find(struct reading *r, const struct declared *d,
                              const struct var_override *o, size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (strcmp(o[i].key, d->name) == 0)
			return o[i].value;
	const char *env = d->env != NULL ? getenv(d->env) : NULL;
	if (env != NULL)
		return arena_strdup(r->arena, env);
	if (d->dflt != NULL)
		return d->dflt;
	enum severity severity = r->problems->values_may_lack ? PROBLEM_WARNING : PROBLEM_ERROR;
	const char *hint =
	        d->env != NULL ? arena_printf(r->problems->arena,
	                                      "Set %s in the environment, or say --var %s=VALUE.",
	                                      d->env, d->name)
	                       : arena_printf(r->problems->arena,
	                                      "Give it a default, or say --var %s=VALUE.", d->name);
	problem_add(r->problems, severity, d->at, "no-value", hint, "variable \"%s\" has no value",
	            d->name);
	return severity == PROBLEM_WARNING ? stand_in(d) : NULL;
}

static bool name_is_good(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	return n > 0 && s[n] == '\0' && strchr("0123456789-", s[0]) == NULL;
}

static void var_read(struct reading *r, const struct node_item *item, const struct var_override *o,
                     size_t o_n, struct var *v)
{
	struct declared d = declaration_read(r, item);
	*v = (struct var){.name = d.name, .secret = d.secret, .at = d.at};
	v->text = d.typed && d.type == VAR_TEXT;
	if (!name_is_good(d.name))
		PROBLEM(r, d.at, "bad-name", "Use letters, digits, \"-\" and \"_\".",
		        "\"%s\" cannot name a variable", d.name);
	size_t before = r->problems->n;
	v->value = value_find(r, &d, o, o_n);
	if (v->value == NULL)
		return;
	if (strlen(v->value) > VALUE_MAX) {
		PROBLEM(r, d.at, "out-of-range", NULL, "the value of variable \"%s\" is too long",
		        d.name);
		v->value = "";
	}
	if (d.secret)
		secret_add(r, v->value);
	if (r->problems->n == before)
		value_check(r, &d, v->value, d.at);
}

static void overrides_check(struct reading *r, const struct vars *vars,
                            const struct var_override *o, size_t n)
{
	const char **names = reading_alloc(r, (vars->n + 1) * sizeof(*names));
	for (size_t i = 0; names != NULL && i < vars->n; i++)
		names[i] = vars->v[i].name;
	for (size_t i = 0; names != NULL && i < n; i++) {
		size_t k = 0;
		while (k < vars->n && strcmp(names[k], o[i].key) != 0)
			k++;
		if (k == vars->n)
			PROBLEM(r, ((struct where){0, 0}), "unknown-variable",
			        vars->n > 0 ? hint_nearest(r->problems, o[i].key, names)
			                    : "The file has no \"vars\".",
			        "the file has no variable \"%s\"", o[i].key);
	}
}

void vars_read(struct reading *r, const struct node *root, const struct var_override *o, size_t n)
{
	struct vars *vars = r->x->vars;
	const struct node *map = node_get(root, "vars");
	if (map != NULL && map->type != NODE_NULL && map_wanted(r, map, "\"vars\"")) {
		vars->n = map->n < VARS_MAX ? map->n : VARS_MAX;
		if (map->n > VARS_MAX)
			PROBLEM(r, map->at, "out-of-range", NULL, "more than %d variables",
			        VARS_MAX);
		vars->v = reading_alloc(r, vars->n * sizeof(*vars->v));
		if (vars->v == NULL)
			vars->n = 0;
		for (size_t i = 0; i < vars->n; i++)
			var_read(r, &map->v[i], o, n, &vars->v[i]);
	}
	overrides_check(r, vars, o, n);
}

static const struct var *var_find(const struct vars *vars, const char *name, size_t len)
{
	for (size_t i = 0; i < vars->n; i++)
		if (strncmp(vars->v[i].name, name, len) == 0 && vars->v[i].name[len] == '\0')
			return &vars->v[i];
	return NULL;
}

static void unknown_variable(struct reading *r, struct where at, const char *name, size_t len)
{
	const struct vars *vars = r->x->vars;
	struct arena *a = r->problems->arena;
	const char *hint =
	        "Declare it under \"vars\", or write \"$${\" where the text itself is meant.";
	const char *names[VARS_MAX + 1];
	char word[72];
	snprintf(word, sizeof(word), "%.*s", (int)(len < 64 ? len : 64), name);
	for (size_t i = 0; i < vars->n; i++)
		names[i] = vars->v[i].name;
	names[vars->n] = NULL;
	const char *near = word_nearest(r->problems, word, names);
	if (near != NULL)
		hint = arena_printf(a, "Did you mean \"${%s}\"?", near);
	PROBLEM(r, at, "unknown-variable", hint, "there is no variable \"%s\"", word);
}

/* Text put together piece by piece, twice: first counted, then written. */
struct text {
	char *to;
	size_t n;
	bool unknown; /* a variable in it has no value */
};

static void text_put(struct text *t, const char *s, size_t n)
{
	if (t->to != NULL)
		memcpy(t->to + t->n, s, n);
	t->n += n;
}

static void text_expand(struct reading *r, const struct node *n, struct text *t)
{
	const char *s = n->text;
	while (*s != '\0') {
		if (strncmp(s, "$${", 3) == 0) {
			text_put(t, "${", 2);
			s += 3;
			continue;
		}
		if (strncmp(s, "${", 2) != 0) {
			text_put(t, s++, 1);
			continue;
		}
		size_t len = strcspn(s + 2, "}");
		const struct var *v = s[2 + len] == '}' ? var_find(r->x->vars, s + 2, len) : NULL;
		if (v != NULL && v->value != NULL)
			text_put(t, v->value, strlen(v->value));
		else if (t->to == NULL && s[2 + len] != '}')
			PROBLEM(r, n->at, "unknown-variable",
			        "Close it with \"}\", or write \"$${\" for the text itself.",
			        "\"${\" is not closed");
		else if (t->to == NULL && v == NULL)
			unknown_variable(r, n->at, s + 2, len);
		t->unknown = t->unknown || v == NULL || v->value == NULL;
		s += 2 + len + (s[2 + len] == '}');
	}
}

static const struct node *scalar_expand(struct reading *r, const struct node *n)
{
	struct text t = {0};
	if (strstr(n->text, "${") == NULL)
		return n;
	text_expand(r, n, &t);
	r->x->vars->expanded += t.n;
	if (r->x->vars->expanded > EXPANDED_MAX) {
		if (r->x->vars->expanded - t.n <= EXPANDED_MAX)
			PROBLEM(r, n->at, "out-of-range", NULL,
			        "variables make the file larger than 4 MiB");
		return n;
	}
	struct node *made = reading_alloc(r, sizeof(*made));
	char *text = reading_alloc(r, t.n + 1);
	if (made == NULL || text == NULL)
		return n;
	t = (struct text){.to = text};
	text_expand(r, n, &t);
	*made = *n;
	made->text = text;
	/* A text that is one variable and nothing else has the variable's type. */
	size_t len = strlen(n->text);
	if (strncmp(n->text, "${", 2) == 0 && strcspn(n->text, "}") == len - 1) {
		const struct var *v = var_find(r->x->vars, n->text + 2, len - 3);
		made->quoted = v != NULL && v->text;
	}
	/* Nothing more can be said about a value that is not known. */
	made->unknown = t.unknown;
	return made;
}

static const struct node *expand(struct reading *r, const struct node *n)
{
	if (n->type == NODE_SCALAR)
		return scalar_expand(r, n);
	if (n->type == NODE_NULL)
		return n;
	struct node *made = reading_alloc(r, sizeof(*made));
	struct node_item *v = reading_alloc(r, n->n * sizeof(*v));
	if (made == NULL || v == NULL)
		return n;
	*made = *n;
	made->v = v;
	for (size_t i = 0; i < n->n; i++) {
		v[i] = n->v[i];
		v[i].value = expand(r, n->v[i].value);
	}
	return made;
}

/* Every section but the declarations themselves. */
const struct node *values_put(struct reading *r, const struct node *root)
{
	struct node *made = reading_alloc(r, sizeof(*made));
	struct node_item *v = reading_alloc(r, root->n * sizeof(*v));
	if (made == NULL || v == NULL)
		return root;
	*made = *root;
	made->v = v;
	for (size_t i = 0; i < root->n; i++) {
		v[i] = root->v[i];
		if (strcmp(v[i].key, "vars") != 0)
			v[i].value = expand(r, v[i].value);
	}
	return made;
}
