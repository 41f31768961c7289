/* bind-texts.c - parameters from the command line: the map that a file would have held. */
#include <string.h>

#include "model/reading.h"

static struct node *text_node(struct arena *a, const char *text)
{
	struct node *n = arena_alloc(a, sizeof(*n));
	if (n != NULL)
		*n = (struct node){.type = NODE_SCALAR, .text = text, .quoted = false};
	return n;
}

/* Adds one more text to a list or map parameter of the command line. */
static bool more(struct arena *a, struct node *group, const char *key, const char *text)
{
	struct node_item *v = arena_alloc(a, (group->n + 1) * sizeof(*v));
	const struct node *value = text_node(a, text);
	if (v == NULL || value == NULL)
		return false;
	if (group->n > 0)
		memcpy(v, group->v, group->n * sizeof(*v));
	v[group->n++] = (struct node_item){.key = key, .value = value};
	group->v = v;
	return true;
}

/* A text of the command line as the node that a file would have held. */
static const struct node *text_value(struct arena *a, const struct param *p, const char *text,
                                     struct problems *problems)
{
	const struct node *root;
	struct where at;
	if (p->kind == PARAM_DOC && text[0] != '\0' && strchr("{[", text[0]) != NULL) {
		struct err err = ERR_INIT;
		if (yaml_read(text, strlen(text), a, &root, &at, &err) == 0)
			return root;
		problem_add(problems, PROBLEM_ERROR, (struct where){0, 0}, "wrong-type", err.hint,
		            "%s: %s", p->name, err.what);
	}
	if (p->kind == PARAM_BOOL && text[0] == '\0')
		text = "true";
	return text_node(a, text);
}

/* Puts one "name value" into the map; lists and maps take several. */
static bool text_add(struct arena *a, struct node *map, const struct param *p, const char *text,
                     struct problems *problems)
{
	const struct where nowhere = {0, 0};
	struct node *group = NULL;
	size_t eq = strcspn(text, "=");
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->v[i].key, p->name) == 0)
			group = (struct node *)(uintptr_t)map->v[i].value;
	bool many = p->kind == PARAM_LIST || p->kind == PARAM_MAP;
	if (group != NULL && !many) {
		problem_add(problems, PROBLEM_ERROR, nowhere, "repeated", NULL,
		            "\"%s\" is given twice", p->name);
		return true;
	}
	if (p->kind == PARAM_MAP && text[eq] == '\0') {
		problem_add(problems, PROBLEM_ERROR, nowhere, "wrong-type", "Write NAME=VALUE.",
		            "%s: \"%s\" has no \"=\"", p->name, text);
		return true;
	}
	if (group == NULL) {
		group = many ? arena_alloc(a, sizeof(*group)) : NULL;
		if (many && group != NULL)
			group->type = p->kind == PARAM_LIST ? NODE_LIST : NODE_MAP;
		const struct node *value = many ? group : text_value(a, p, text, problems);
		struct node_item *v = arena_alloc(a, (map->n + 1) * sizeof(*v));
		if (v == NULL || value == NULL)
			return false;
		if (map->n > 0)
			memcpy(v, map->v, map->n * sizeof(*v));
		v[map->n++] = (struct node_item){.key = p->name, .value = value};
		map->v = v;
	}
	if (!many)
		return true;
	const char *key = p->kind == PARAM_MAP ? arena_strndup(a, text, eq) : NULL;
	if (p->kind == PARAM_MAP && key == NULL)
		return false;
	return more(a, group, key, p->kind == PARAM_MAP ? text + eq + 1 : text);
}

const struct node *texts_map(const struct kind *kind, const struct var_override *texts, size_t n,
                             struct arena *a, struct problems *problems)
{
	struct node *map = arena_alloc(a, sizeof(*map));
	if (map == NULL)
		return NULL;
	map->type = NODE_MAP;
	for (size_t i = 0; i < n; i++) {
		const struct param *p = param_find(kind, texts[i].key);
		struct node_item item = {.key = texts[i].key};
		if (p == NULL)
			param_unknown(kind, &item, problems);
		else if (!text_add(a, map, p, texts[i].value, problems))
			return NULL;
	}
	return map;
}

void *params_bind_texts(const struct kind *kind, const struct var_override *params, size_t n,
                        struct arena *arena, struct problems *problems)
{
	const struct where nowhere = {0, 0};
	size_t before = problems->errors;
	const struct node *map = texts_map(kind, params, n, arena, problems);
	if (map == NULL) {
		problem_add(problems, PROBLEM_ERROR, nowhere, "no-memory", NULL, "out of memory");
		return NULL;
	}
	void *args = params_bind(kind, map, 0, nowhere, arena, NULL, problems);
	if (problems->errors == before)
		return args;
	params_release(kind, args);
	return NULL;
}
