/* reading.c - small readers for the parts of an experiment file. */
#include "model/reading.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ID_MAX = 64, HINT_WORDS = 12, HINT_MAX = 300 };

void *reading_alloc(struct reading *r, size_t n)
{
	void *p = arena_alloc(r->arena, n);
	if (p == NULL)
		r->no_memory = true;
	return p;
}

const char *word_nearest(const struct problems *p, const char *word, const char *const *known)
{
	return p->n < PROBLEMS_MAX ? text_nearest(word, known) : NULL;
}

const char *hint_nearest(struct problems *p, const char *word, const char *const *known)
{
	struct arena *a = p->arena;
	const char *near = word_nearest(p, word, known);
	if (near != NULL)
		return arena_printf(a, "Did you mean \"%s\"?", near);
	if (p->n >= PROBLEMS_MAX)
		return NULL;
	BUF(b, HINT_MAX);
	size_t n = 0;
	while (known[n] != NULL)
		n++;
	if (n == 0)
		return NULL;
	buf_add(&b, n == 1 ? "It can only be " : "It is one of ");
	for (size_t i = 0; i < n && i < HINT_WORDS; i++)
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", known[i]);
	buf_add(&b, n > HINT_WORDS ? ", …" : ".");
	return arena_strdup(a, b.data);
}

const char *const *words_split(struct arena *a, const char *choices)
{
	size_t n = 1;
	for (const char *s = choices; *s != '\0'; s++)
		n += *s == '|';
	const char **words = arena_alloc(a, (n + 1) * sizeof(*words));
	for (size_t i = 0; words != NULL && i < n; i++) {
		size_t len = strcspn(choices, "|");
		words[i] = arena_strndup(a, choices, len);
		if (words[i] == NULL)
			return NULL;
		choices += len + (choices[len] == '|');
	}
	return words;
}

const char *node_says(const struct node *n)
{
	switch (n->type) {
	case NODE_MAP:
		return "a map";
	case NODE_LIST:
		return "a list";
	case NODE_SCALAR:
		return "a single value";
	case NODE_NULL:
		return "nothing";
	}
	return "";
}

bool map_wanted(struct reading *r, const struct node *n, const char *what)
{
	if (n->type == NODE_MAP)
		return true;
	PROBLEM(r, n->at, "wrong-type", NULL, "%s must be a map, not %s", what, node_says(n));
	return false;
}

bool list_wanted(struct reading *r, const struct node *n, const char *what)
{
	if (n->type == NODE_LIST)
		return true;
	PROBLEM(r, n->at, "wrong-type", "Write it as a list: [a, b], or a line with \"- \" each.",
	        "%s must be a list, not %s", what, node_says(n));
	return false;
}

bool scalar_wanted(struct reading *r, const struct node *n, const char *what)
{
	if (n->type == NODE_SCALAR)
		return true;
	PROBLEM(r, n->at, "wrong-type", NULL, "%s must be a single value, not %s", what,
	        node_says(n));
	return false;
}

const char *const *keys_names(struct arena *a, const struct key *keys)
{
	static const char *const none[] = {NULL};
	size_t n = 0;
	while (keys[n].name != NULL)
		n++;
	const char **names = arena_alloc(a, (n + 1) * sizeof(*names));
	for (size_t i = 0; names != NULL && i < n; i++)
		names[i] = keys[i].name;
	return names != NULL ? names : none;
}

void keys_check(struct reading *r, const struct node *map, const struct key *known)
{
	const char *const *names = NULL;
	for (size_t i = 0; i < map->n; i++) {
		if (key_find(known, map->v[i].key) != NULL)
			continue;
		if (names == NULL)
			names = keys_names(r->problems->arena, known);
		PROBLEM(r, map->v[i].key_at, "unknown-key",
		        hint_nearest(r->problems, map->v[i].key, names), "unknown key \"%s\"",
		        map->v[i].key);
	}
}

struct where key_at(const struct node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->v[i].key, key) == 0)
			return map->v[i].key_at;
	return map->at;
}

bool get_text(struct reading *r, const struct node *map, const char *key, const char **out)
{
	const struct node *n = node_get(map, key);
	char what[64];
	snprintf(what, sizeof(what), "\"%s\"", key);
	if (n == NULL || !scalar_wanted(r, n, what))
		return false;
	*out = n->text;
	return true;
}

bool scalar_quantity(struct reading *r, const struct node *n, const char *what,
                     enum quantity_kind kind, uint64_t *out)
{
	struct err err = ERR_INIT;
	uint64_t v = 0;
	int bad = 0;
	if (n->unknown || !scalar_wanted(r, n, what))
		return false;
	switch (kind) {
	case QUANTITY_DURATION:
		bad = duration_parse(n->text, &v, &err);
		break;
	case QUANTITY_SIZE:
		bad = size_parse(n->text, &v, &err);
		break;
	case QUANTITY_SHARE:
		bad = share_parse(n->text, &v, &err);
		break;
	case QUANTITY_RATE:
		bad = rate_parse(n->text, &v, &err);
		break;
	default:
		bad = count_parse(n->text, &v, &err);
		break;
	}
	if (bad < 0) {
		PROBLEM(r, n->at, "wrong-type", err.hint, "%s: %s", what, err.what);
		return false;
	}
	*out = v;
	return true;
}

bool get_quantity(struct reading *r, const struct node *map, const char *key,
                  enum quantity_kind kind, uint64_t *out)
{
	const struct node *n = node_get(map, key);
	char what[64];
	snprintf(what, sizeof(what), "\"%s\"", key);
	return n != NULL && scalar_quantity(r, n, what, kind, out);
}

bool get_time(struct reading *r, const struct node *map, const char *key, uint64_t *ns)
{
	uint64_t v;
	if (!get_quantity(r, map, key, QUANTITY_DURATION, &v))
		return false;
	if (v == 0) {
		PROBLEM(r, node_get(map, key)->at, "out-of-range", "Write for example \"10s\".",
		        "\"%s\" must be more than 0", key);
		return false;
	}
	*ns = v;
	return true;
}

bool get_part(struct reading *r, const struct node *map, const char *key, uint64_t *ppm)
{
	uint64_t v;
	if (!get_quantity(r, map, key, QUANTITY_SHARE, &v))
		return false;
	if (v > PPM_ALL) {
		PROBLEM(r, node_get(map, key)->at, "out-of-range", NULL,
		        "\"%s\" must be at most 100%%", key);
		return false;
	}
	*ppm = v;
	return true;
}

bool get_word(struct reading *r, const struct node *map, const char *key, const char *const *words,
              size_t *index)
{
	const char *text;
	if (!get_text(r, map, key, &text) || node_get(map, key)->unknown)
		return false;
	for (size_t i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], text) == 0) {
			*index = i;
			return true;
		}
	}
	PROBLEM(r, node_get(map, key)->at, "unknown-word", hint_nearest(r->problems, text, words),
	        "\"%s\" cannot be \"%s\"", key, text);
	return false;
}

void unbuilt_add(struct reading *r, struct where at, const char *fmt, ...)
{
	char text[200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct unbuilt *v =
	        arena_grow(r->arena, r->x->unbuilt, r->x->unbuilt_n, &r->unbuilt_cap, sizeof(*v));
	char *what = arena_strdup(r->arena, text);
	if (v == NULL || what == NULL) {
		r->no_memory = true;
		return;
	}
	v[r->x->unbuilt_n++] = (struct unbuilt){what, at};
	r->x->unbuilt = v;
}

static size_t stem_count(struct reading *r, const char *stem)
{
	for (size_t i = 0; i < r->stems_n; i++)
		if (strcmp(r->stems[i].stem, stem) == 0)
			return ++r->stems[i].n;
	struct stem *v = arena_grow(r->arena, r->stems, r->stems_n, &r->stems_cap, sizeof(*v));
	if (v == NULL) {
		r->no_memory = true;
		return 1;
	}
	v[r->stems_n++] = (struct stem){stem, 1};
	r->stems = v;
	return 1;
}

const char *id_read(struct reading *r, const struct node *map, const char *stem)
{
	static const char good[] =
	        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *id = NULL;
	const struct node *n = node_get(map, "id");
	if (get_text(r, map, "id", &id) && !n->unknown) {
		if (id[0] != '\0' && id[strspn(id, good)] == '\0' && strlen(id) <= ID_MAX)
			return id;
		PROBLEM(r, n->at, "bad-name",
		        "Use letters, digits, \"-\", \"_\" and \".\", at most 64.",
		        "\"%s\" cannot be an id", id);
	}
	id = arena_printf(r->arena, "%.50s-%zu", stem, stem_count(r, stem));
	if (id == NULL)
		r->no_memory = true;
	return id != NULL ? id : "";
}
