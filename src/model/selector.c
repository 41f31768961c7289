/* selector.c - which things are meant: from a file, and from the command line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model/reading.h"

enum { TERMS_MAX = 64, SAYS_MAX = 300, PORT_MAX = 65535 };

/* Terms as they are found; the command line has problems too, but no reading. */
struct terms {
	struct arena *arena;
	struct problems *problems;
	struct selector *s;
	size_t cap;
};

static void term_add(struct terms *t, const char *key, const char *value, bool negate,
                     struct where at)
{
	if (t->s->n >= TERMS_MAX) {
		if (t->s->n == TERMS_MAX)
			problem_add(t->problems, PROBLEM_ERROR, at, "out-of-range", NULL,
			            "more than %d conditions on a target", TERMS_MAX);
		return;
	}
	struct selector_term *v = arena_grow(t->arena, t->s->v, t->s->n, &t->cap, sizeof(*v));
	if (v == NULL || key == NULL) {
		problem_add(t->problems, PROBLEM_ERROR, at, "no-memory", NULL, "out of memory");
		return;
	}
	v[t->s->n++] = (struct selector_term){key, value, negate, at};
	t->s->v = v;
}

/* Is the value one that the key can have? */
static void value_check(struct problems *p, const char *key, const char *value, struct where at)
{
	uint64_t v = 0;
	if (value[0] == '\0' && strcmp(key, "host") != 0)
		problem_add(p, PROBLEM_ERROR, at, "wrong-type", NULL, "%s: no value", key);
	else if (strcmp(key, "process.pid") == 0 &&
	         (count_parse(value, &v, NULL) < 0 || v == 0 || v > INT32_MAX))
		problem_add(p, PROBLEM_ERROR, at, "wrong-type", NULL,
		            "%s: \"%s\" is not a process number", key, value);
	else if (strcmp(key, "process.listens") == 0 &&
	         (count_parse(value, &v, NULL) < 0 || v == 0 || v > PORT_MAX))
		problem_add(p, PROBLEM_ERROR, at, "wrong-type", "Write a port, such as 6379.",
		            "%s: \"%s\" is not a port", key, value);
	else if (strcmp(key, "cgroup") == 0 && value[0] != '/')
		problem_add(p, PROBLEM_ERROR, at, "wrong-type",
		            "Write the path below the hierarchy, such as /shop.",
		            "%s: \"%s\" does not begin with \"/\"", key, value);
}

/* A field to show in a hint. */
static const char *field_such_as(const struct key *k)
{
	return k->keys[strcmp(k->name, "container") == 0].name;
}

static void scalar_term(struct reading *r, struct terms *t, const char *key, const struct node *n,
                        bool negate)
{
	char what[96];
	snprintf(what, sizeof(what), "\"%.80s\"", key);
	if (!scalar_wanted(r, n, what))
		return;
	if (!n->unknown)
		value_check(r->problems, key, n->text, n->at);
	term_add(t, key, n->text, negate, n->at);
}

static void key_read(struct reading *r, struct terms *t, const struct key *k, const struct node *n,
                     bool negate, struct where at)
{
	if (strcmp(k->name, "host") == 0) {
		bool good = n->type == NODE_NULL ||
		            (n->type == NODE_SCALAR && strcmp(n->text, "true") == 0);
		if (!good)
			PROBLEM(r, n->at, "wrong-type", "Write \"target: host\".",
			        "\"host\" takes no value");
		term_add(t, "host", "", negate, at);
		return;
	}
	if (k->keys == NULL && k->kind != KEY_LABELS) {
		scalar_term(r, t, k->name, n, negate);
		return;
	}
	if (n->type != NODE_MAP) {
		const char *hint = k->keys == NULL
		                           ? "Write {LABEL: VALUE}."
		                           : arena_printf(r->problems->arena, "Write %s: {%s: …}.",
		                                          k->name, field_such_as(k));
		PROBLEM(r, n->at, "wrong-type", hint, "\"%s\" must be a map, not %s", k->name,
		        node_says(n));
		return;
	}
	if (k->keys != NULL)
		keys_check(r, n, k->keys);
	if (n->n == 0)
		PROBLEM(r, n->at, "missing-key", NULL, "\"%s\" says nothing", k->name);
	for (size_t i = 0; i < n->n; i++)
		scalar_term(r, t, arena_printf(r->arena, "%s.%.100s", k->name, n->v[i].key),
		            n->v[i].value, negate);
}

static void terms_read(struct reading *r, struct terms *t, const struct node *n, bool negate)
{
	for (size_t i = 0; i < n->n; i++) {
		const char *key = n->v[i].key;
		const struct key *k = key_find(keys_term, key);
		if (k != NULL) {
			key_read(r, t, k, n->v[i].value, negate, n->v[i].key_at);
			if (k->later)
				unbuilt_add(r, n->v[i].key_at, "targets by \"%s\"", key);
		}
	}
}

static void not_read(struct reading *r, struct terms *t, const struct node *n)
{
	if (n->type == NODE_LIST) {
		for (size_t i = 0; i < n->n; i++)
			if (map_wanted(r, n->v[i].value, "\"not\"")) {
				keys_check(r, n->v[i].value, keys_term);
				terms_read(r, t, n->v[i].value, true);
			}
	} else if (map_wanted(r, n, "\"not\"")) {
		keys_check(r, n, keys_term);
		terms_read(r, t, n, true);
	}
}

static void command_read(struct reading *r, const struct node *n, struct selector *s)
{
	if (!list_wanted(r, n, "\"command\""))
		return;
	const char **argv = reading_alloc(r, (n->n + 1) * sizeof(*argv));
	bool good = argv != NULL;
	for (size_t i = 0; good && i < n->n; i++) {
		good = scalar_wanted(r, n->v[i].value, "an argument of \"command\"");
		argv[i] = n->v[i].value->text;
	}
	if (n->n == 0)
		PROBLEM(r, n->at, "missing-key", NULL, "\"command\" is empty");
	if (good && n->n > 0)
		s->argv = argv;
}

/* What ends when it is applied, and what never goes away, cannot be followed. */
static void follow_read(struct reading *r, const struct node *n, const struct kind *kind,
                        struct selector *s)
{
	const char *what = s->argv != NULL ? "a command" : NULL;

	for (size_t i = 0; what == NULL && i < s->n; i++)
		if (strcmp(s->v[i].key, "host") == 0)
			what = "the host";
	if (what != NULL)
		PROBLEM(r, key_at(n, "follow"), "bad-target", "Leave \"follow\" out.",
		        "%s is not followed: nothing comes in its place", what);
	else if (kind != NULL && kind->instant)
		PROBLEM(r, key_at(n, "follow"), "bad-target", "Leave \"follow\" out.",
		        "%s is over once it is applied, so there is nothing to follow with",
		        kind->name);
	else
		s->follow = true;
}

bool pick_parse(const char *text, struct pick *pick)
{
	uint64_t v;
	if (strcmp(text, "all") == 0) {
		*pick = (struct pick){PICK_ALL, 0};
		return true;
	}
	if (count_parse(text, &v, NULL) == 0 && v > 0) {
		*pick = (struct pick){PICK_COUNT, v};
		return true;
	}
	if (share_parse(text, &v, NULL) == 0 && v > 0 && v <= PPM_ALL) {
		*pick = (struct pick){PICK_SHARE, v};
		return true;
	}
	return false;
}

int selector_finish(struct selector *s, struct arena *a)
{
	BUF(b, SAYS_MAX);
	const char *last = "";
	size_t last_n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct selector_term *t = &s->v[i];
		size_t family = strcspn(t->key, ".");
		bool same = family == last_n && strncmp(t->key, last, family) == 0 && !t->negate;
		if (i > 0)
			buf_add(&b, same ? " " : ", ");
		if (t->negate)
			buf_add(&b, "not ");
		if (!same)
			buf_add_n(&b, t->key, family);
		if (t->key[family] == '.')
			buf_addf(&b, "%s%s=", same ? "" : " ", t->key + family + 1);
		else if (t->value[0] != '\0')
			buf_addc(&b, ' ');
		buf_add_shown(&b, t->value, 80);
		last = t->key;
		last_n = t->negate ? 0 : family;
	}
	if (s->argv != NULL) {
		buf_add(&b, "command ");
		buf_add_shown(&b, s->argv[0], 80);
	}
	bool one = s->argv != NULL || (s->n == 1 && strcmp(s->v[0].key, "host") == 0);
	if (s->pick.kind == PICK_ALL)
		buf_add(&b, ", pick all");
	else if (s->pick.kind == PICK_COUNT && !one)
		buf_addf(&b, ", pick %llu", (unsigned long long)s->pick.n);
	else if (s->pick.kind == PICK_SHARE) {
		buf_add(&b, ", pick ");
		share_format(&b, s->pick.n);
	}
	s->says = arena_strdup(a, b.data);
	return s->says != NULL ? 0 : -ENOMEM;
}

static bool has(const struct selector *s, const char *family)
{
	size_t n = strlen(family);
	for (size_t i = 0; i < s->n; i++)
		if (!s->v[i].negate && strncmp(s->v[i].key, family, n) == 0 &&
		    (s->v[i].key[n] == '\0' || s->v[i].key[n] == '.'))
			return true;
	return false;
}

/* What is aimed at: processes, also those of a unit or a container, or the one thing that is named.
 */
static const char *aims_at(const struct selector *s)
{
	static const char *const kinds[] = {"process",   "host",   "unit",
	                                    "container", "cgroup", "netns"};

	if (s->argv != NULL)
		return "command";
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (has(s, kinds[i]))
			return kinds[i];
	return NULL;
}

/* As what a fault may take it; which of them is found out on the machine. */
static const char *taken_as(const char *aim)
{
	if (strcmp(aim, "unit") == 0 || strcmp(aim, "container") == 0)
		return "cgroup|netns|process";
	return strcmp(aim, "command") == 0 ? "process" : aim;
}

static bool takes_any(const char *takes, const char *aims, struct arena *a)
{
	const char *const *take = words_split(a, takes), *const *aim = words_split(a, aims);

	for (; take != NULL && aim != NULL && *take != NULL; take++)
		for (size_t i = 0; aim[i] != NULL; i++)
			if (strcmp(*take, aim[i]) == 0)
				return true;
	return false;
}

bool selector_fits(const struct selector *s, const struct kind *kind, struct problems *p)
{
	static const char *const families[] = {"process", "unit", "cgroup", "container", "netns"};
	const char *aim = aims_at(s);
	size_t positive = s->argv != NULL;
	for (size_t i = 0; i < s->n; i++)
		positive += !s->v[i].negate;
	if (positive == 0) {
		problem_add(
		        p, PROBLEM_ERROR, s->at, "missing-target",
		        "Name the host, a process, a unit, a container, a cgroup or a namespace.",
		        "the target says only what is not meant");
		return false;
	}
	for (size_t i = 0; has(s, "host") && i < ARRAY_SIZE(families); i++) {
		if (!has(s, families[i]))
			continue;
		problem_add(p, PROBLEM_ERROR, s->at, "bad-target", "Leave one of the two out.",
		            "a target cannot be the host and a %s", families[i]);
		return false;
	}
	if (kind == NULL || kind->targets == NULL || aim == NULL)
		return true;
	if (takes_any(kind->targets, taken_as(aim), p->arena))
		return true;
	BUF(list, SAYS_MAX);
	buf_add(&list, "It takes: ");
	for (const char *c = kind->targets; *c != '\0'; c++)
		buf_add(&list, *c == '|' ? ", " : (const char[]){*c, '\0'});
	buf_addc(&list, '.');
	problem_add(p, PROBLEM_ERROR, s->at, "bad-target", list.data, "%s cannot be aimed at a %s",
	            kind->name, aim);
	return false;
}

void selector_read(struct reading *r, const struct node *n, const struct kind *kind,
                   struct selector *s)
{
	struct terms t = {r->arena, r->problems, s, 0};
	const char *text;
	size_t follow = 0;
	*s = (struct selector){.at = n->at, .pick = {PICK_COUNT, 1}};
	if (n->type == NODE_SCALAR && strcmp(n->text, "host") == 0) {
		term_add(&t, "host", "", false, n->at);
	} else if (n->type != NODE_MAP) {
		PROBLEM(r, n->at, "wrong-type",
		        "Write \"host\", or for example {process: {name: nginx}}.",
		        "\"target\" must be a map, not %s", node_says(n));
		return;
	}
	if (n->type == NODE_MAP) {
		size_t errors = r->problems->errors;
		keys_check(r, n, keys_target);
		terms_read(r, &t, n, false);
		const struct node *not = node_get(n, "not"), *command = node_get(n, "command");
		if (not != NULL)
			not_read(r, &t, not );
		if (command != NULL) {
			command_read(r, command, s);
		}
		if (get_word(r, n, "follow", words_bool, &follow) && follow != 0)
			follow_read(r, n, kind, s);
		const struct node *pick = node_get(n, "pick");
		if (get_text(r, n, "pick", &text) && !pick->unknown && !pick_parse(text, &s->pick))
			PROBLEM(r, pick->at, "wrong-type", "Write a number, a share or \"all\".",
			        "\"pick\" cannot be \"%s\"", text);
		if (r->problems->errors > errors && s->n == 0)
			return;
	}
	(void)selector_fits(s, kind, r->problems);
	if (selector_finish(s, r->arena) < 0)
		r->no_memory = true;
}

/* "process.name=nginx": the key up to its "=". */
static void text_term(struct terms *t, const char *text)
{
	const struct where nowhere = {0, 0};
	size_t eq = strcspn(text, "="), family = strcspn(text, ".=");
	const char *key = arena_strndup(t->arena, text, eq);
	const char *word = arena_strndup(t->arena, text, family);
	const struct key *k = word != NULL ? key_find(keys_term, word) : NULL;
	if (k == NULL) {
		problem_add(t->problems, PROBLEM_ERROR, nowhere, "unknown-key",
		            word ? hint_nearest(t->problems, word,
		                                keys_names(t->problems->arena, keys_term))
		                 : NULL,
		            "\"%s\" is not a target", text);
		return;
	}
	bool dotted = text[family] == '.';
	bool wants_field = k->keys != NULL || k->kind == KEY_LABELS;
	if (key == NULL || dotted != wants_field ||
	    (k->keys != NULL && key_find(k->keys, key + family + 1) == NULL)) {
		const char *hint = NULL;
		if (k->keys != NULL && dotted && key != NULL)
			hint = hint_nearest(t->problems, key + family + 1,
			                    keys_names(t->problems->arena, k->keys));
		else if (k->keys != NULL)
			hint = arena_printf(t->problems->arena, "Write for example %s.%s=VALUE.",
			                    k->name, field_such_as(k));
		problem_add(t->problems, PROBLEM_ERROR, nowhere, "unknown-key", hint,
		            "\"%s\" is not a target", text);
		return;
	}
	bool host = strcmp(k->name, "host") == 0;
	if (host != (text[eq] == '\0')) {
		problem_add(t->problems, PROBLEM_ERROR, nowhere, "wrong-type",
		            host ? "Write \"host\" alone." : "Write KEY=VALUE.",
		            host ? "\"%s\": the host takes no value" : "\"%s\" has no value", text);
		return;
	}
	const char *value = host ? "" : text + eq + 1;
	value_check(t->problems, key, value, nowhere);
	term_add(t, key, value, false, nowhere);
}

int selector_parse(const char *text, struct selector *s, struct arena *arena,
                   struct problems *problems)
{
	struct selector made = {.pick = {PICK_COUNT, 1}};
	struct terms t = {arena, problems, &made, 0};
	size_t errors = problems->errors;
	while (true) {
		size_t len = strcspn(text, ",");
		const char *one = arena_strndup(arena, text, len);
		if (one == NULL)
			return -ENOMEM;
		text_term(&t, one);
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	if (problems->errors == errors)
		(void)selector_fits(&made, NULL, problems);
	if (problems->errors > errors)
		return -EINVAL;
	int r = selector_finish(&made, arena);
	if (r == 0)
		*s = made;
	return r;
}
