/* policy.c - a policy from a file: the table of its keys, and what may stand under each. */
#include "model/policy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/zone.h"
#include "model/policy-state.h"

enum { ARENA_MAX = 16 << 20, KEY_MAX = 128, WORDS_MAX = 64, MINUTES_DAY = 24 * 60 };

static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static bool time_parse(const char *text, unsigned *minute)
{
	unsigned h = 0, m = 0;
	size_t n = strspn(text, "0123456789");
	if (n < 1 || n > 2 || text[n] != ':' || strspn(text + n + 1, "0123456789") != 2 ||
	    strlen(text) != n + 3)
		return false;
	for (size_t i = 0; i < n; i++)
		h = h * 10 + (unsigned)(text[i] - '0');
	m = (unsigned)(text[n + 1] - '0') * 10 + (unsigned)(text[n + 2] - '0');
	*minute = h * 60 + m;
	return m < 60 && *minute <= MINUTES_DAY;
}

static bool ports_parse(const char *text, struct policy_ports *ports)
{
	unsigned long v[2] = {0, 0};
	char *end;
	for (int i = 0; i < 2; i++) {
		if (*text < '0' || *text > '9')
			return false;
		v[i] = strtoul(text, &end, 10);
		if (i == 0 && *end == '\0')
			v[1] = v[0];
		if (v[i] == 0 || v[i] > UINT16_MAX || (*end != '\0' && (i == 1 || *end != '-')))
			return false;
		if (*end == '\0')
			break;
		text = end + 1;
	}
	*ports = (struct policy_ports){(uint16_t)v[0], (uint16_t)v[1]};
	return v[0] <= v[1];
}

static bool address_parse(const char *text, struct policy_address *a)
{
	char host[64];
	size_t n = strcspn(text, "/");
	struct policy_address made = {.family = memchr(text, ':', n) ? AF_INET6 : AF_INET};
	unsigned long most = made.family == AF_INET6 ? 128 : 32, length = most;
	if (n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	if (inet_pton(made.family, host, made.bytes) != 1)
		return false;
	if (text[n] == '/') {
		char *end;
		if (text[n + 1] < '0' || text[n + 1] > '9')
			return false;
		length = strtoul(text + n + 1, &end, 10);
		if (*end != '\0' || length > most)
			return false;
	}
	made.length = (uint8_t)length;
	for (unsigned i = made.length; i < most; i++)
		made.bytes[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
	*a = made;
	return true;
}

static bool day_find(const char *text, size_t n, unsigned *day)
{
	for (*day = 0; days[*day] != NULL; ++*day)
		if (strlen(days[*day]) == n && strncmp(days[*day], text, n) == 0)
			return true;
	return false;
}

/* "mon", "mon-fri", "fri-mon" */
static bool days_parse(const char *text, unsigned *bits)
{
	size_t n = strcspn(text, "-");
	unsigned from, to;
	if (!day_find(text, n, &from))
		return false;
	to = from;
	if (text[n] == '-' && !day_find(text + n + 1, strlen(text + n + 1), &to))
		return false;
	for (unsigned d = from;; d = (d + 1) % 7) {
		*bits |= 1u << d;
		if (d == to)
			return true;
	}
}

static size_t items(const struct node *n)
{
	return n->type == NODE_LIST ? n->n : 1;
}

/* The i-th text of a list, or the one scalar; NULL with a problem. */
static const struct node *item(struct reading *r, const struct node *n, size_t i, const char *what)
{
	const struct node *v = n->type == NODE_LIST ? n->v[i].value : n;
	return scalar_wanted(r, v, what) ? v : NULL;
}

static bool texts_wanted(struct reading *r, const struct node *n, const char *what)
{
	return n->type == NODE_SCALAR || list_wanted(r, n, what);
}

static void texts_read(struct reading *r, const struct node *n, const char *what, bool faults,
                       struct policy_texts *to)
{
	*to = (struct policy_texts){.said = true};
	to->v = texts_wanted(r, n, what) ? reading_alloc(r, items(n) * sizeof(*to->v)) : NULL;
	for (size_t i = 0; to->v != NULL && i < items(n); i++) {
		const struct node *v = item(r, n, i, what);
		if (v == NULL || (faults && !policy_word_known(r, v)))
			continue;
		if (v->text[0] == '\0')
			PROBLEM(r, v->at, "wrong-type", NULL, "%s has an empty text", what);
		else
			to->v[to->n++] = (struct policy_text){v->at, v->text};
	}
}

static void words_read(struct reading *r, const struct node *n, const char *what,
                       const char *choices, unsigned *bits)
{
	const char *const *words = words_split(r->arena, choices);
	*bits = 0;
	if (!texts_wanted(r, n, what) || words == NULL)
		return;
	for (size_t i = 0; i < items(n); i++) {
		const struct node *v = item(r, n, i, what);
		size_t k = 0;
		while (v != NULL && words[k] != NULL && strcmp(words[k], v->text) != 0)
			k++;
		if (v != NULL && words[k] == NULL)
			PROBLEM(r, v->at, "unknown-word", hint_nearest(r->problems, v->text, words),
			        "%s cannot be \"%s\"", what, v->text);
		else if (v != NULL)
			*bits |= 1u << k;
	}
}

static void days_read(struct reading *r, const struct node *n, const char *what, unsigned *bits)
{
	if (!texts_wanted(r, n, what))
		return;
	for (size_t i = 0; i < items(n); i++) {
		const struct node *v = item(r, n, i, what);
		if (v != NULL && !days_parse(v->text, bits))
			PROBLEM(r, v->at, "unknown-word", "Write for example mon, or mon-fri.",
			        "%s cannot be \"%s\"", what, v->text);
	}
}

/* What is one text with a form of its own. */
static bool special_read(struct reading *r, enum policy_kind kind, const struct node *n, void *to)
{
	switch (kind) {
	case POLICY_PICK:
		return pick_parse(n->text, to);
	case POLICY_ADDRESS:
		return address_parse(n->text, to);
	case POLICY_PORTS:
		return ports_parse(n->text, to);
	case POLICY_TIME: {
		struct policy_time *t = to;
		t->said = time_parse(n->text, &t->minute);
		return t->said;
	}
	case POLICY_BOOL: {
		bool v = strcmp(n->text, "true") == 0;
		memcpy(to, &v, sizeof(v));
		return v || strcmp(n->text, "false") == 0;
	}
	case POLICY_VERSION:
		return strcmp(n->text, "1") == 0;
	default:
		memcpy(to, &n->text, sizeof(n->text));
		return n->text[0] != '\0';
	}
}

static void quantity_read(struct reading *r, const struct policy_key *key, const struct node *n,
                          const char *what, void *to)
{
	enum quantity_kind kind = key->kind == POLICY_DURATION ? QUANTITY_DURATION
	                          : key->kind == POLICY_SIZE   ? QUANTITY_SIZE
	                                                       : QUANTITY_COUNT;
	uint64_t v;
	if (!scalar_quantity(r, n, what, kind, &v))
		return;
	if (key->kind == POLICY_DURATION && v == 0)
		PROBLEM(r, n->at, "out-of-range", "Write for example \"10m\".",
		        "%s must be more than 0", what);
	memcpy(to, &v, sizeof(v));
}

static void value_read(struct reading *r, const struct policy_key *key, const struct node *n,
                       void *base)
{
	void *to = (char *)base + key->offset;
	const char *last = strrchr(key->name, '.');
	const char *what = arena_printf(r->arena, "\"%s\"", last != NULL ? last + 1 : key->name);
	if (what == NULL) {
		r->no_memory = true;
		return;
	}
	switch (key->kind) {
	case POLICY_DURATION:
	case POLICY_SIZE:
	case POLICY_COUNT:
		quantity_read(r, key, n, what, to);
		return;
	case POLICY_GLOBS:
	case POLICY_FAULTS:
		texts_read(r, n, what, key->kind == POLICY_FAULTS, to);
		return;
	case POLICY_WORDS:
		words_read(r, n, what, key->choices, to);
		return;
	case POLICY_DAYS:
		days_read(r, n, what, to);
		return;
	case POLICY_LIMITS:
		policy_limits_read(r, n, to);
		return;
	default:
		break;
	}
	if (!scalar_wanted(r, n, what))
		return;
	if (key->kind == POLICY_WORD) {
		unsigned bits = 0;
		words_read(r, n, what, key->choices, &bits);
	}
	if (!special_read(r, key->kind, n, to))
		PROBLEM(r, n->at, "wrong-type",
		        arena_printf(r->problems->arena, "Write for example %s.", key->example),
		        "%s cannot be \"%s\"", what, n->text);
}

static void map_read(struct reading *, struct policy *, const char *prefix, const struct node *,
                     void *base);

static void list_read(struct reading *r, struct policy *p, const struct policy_key *key,
                      const struct node *n, void *base)
{
	struct policy_texts list = {.said = true}; /* lists begin alike */
	char *elements = NULL;
	BUF(prefix, KEY_MAX);
	buf_addf(&prefix, "%s[].", key->name);
	if (list_wanted(r, n, arena_printf(r->arena, "\"%s\"", key->name)))
		elements = reading_alloc(r, n->n * key->size);
	for (size_t i = 0; elements != NULL && i < n->n; i++) {
		const struct node *v = n->v[i].value;
		void *element = elements + list.n * key->size;
		if (!map_wanted(r, v, "an entry"))
			continue;
		if (v->n == 0)
			PROBLEM(r, v->at, "missing-key",
			        arena_printf(r->problems->arena, "Write for example %s.",
			                     key->example),
			        "an entry of \"%s\" says nothing", key->name);
		memcpy(element, &v->at, sizeof(v->at));
		map_read(r, p, prefix.data, v, element);
		list.n++;
	}
	list.v = (void *)elements;
	memcpy((char *)base + key->offset, &list, sizeof(list));
}

/* The words that may stand in the map whose keys begin with `prefix`. */
static const char *const *known_words(struct reading *r, const char *prefix)
{
	const char *words[WORDS_MAX];
	size_t n = 0, skip = strlen(prefix);
	for (const struct policy_key *k = policy_keys; k->name != NULL; k++) {
		if (strncmp(k->name, prefix, skip) != 0)
			continue;
		size_t len = strcspn(k->name + skip, ".[");
		if (n > 0 && strlen(words[n - 1]) == len &&
		    strncmp(words[n - 1], k->name + skip, len) == 0)
			continue; /* keys of one map stand together */
		if (n + 1 < WORDS_MAX)
			words[n++] = arena_strndup(r->arena, k->name + skip, len);
		if (words[n - 1] == NULL)
			return NULL;
	}
	words[n] = NULL;
	const char **kept = reading_alloc(r, (n + 1) * sizeof(*kept));
	if (kept != NULL)
		memcpy(kept, words, (n + 1) * sizeof(*kept));
	return kept;
}

static const struct policy_key *policy_key_find(const char *name)
{
	const struct policy_key *k = policy_keys;
	while (k->name != NULL && strcmp(k->name, name) != 0)
		k++;
	return k->name != NULL ? k : NULL;
}

static void map_read(struct reading *r, struct policy *p, const char *prefix,
                     const struct node *map, void *base)
{
	const char *const *known = known_words(r, prefix);
	if (known == NULL) {
		r->no_memory = true;
		return;
	}
	for (size_t i = 0; i < map->n; i++) {
		const struct node *value = map->v[i].value;
		size_t w = 0;
		BUF(name, KEY_MAX);
		while (known[w] != NULL && strcmp(known[w], map->v[i].key) != 0)
			w++;
		if (known[w] == NULL) {
			PROBLEM(r, map->v[i].key_at, "unknown-key",
			        hint_nearest(r->problems, map->v[i].key, known),
			        "unknown key \"%s\"", map->v[i].key);
			continue;
		}
		buf_addf(&name, "%s%s", prefix, known[w]);
		const struct policy_key *key = policy_key_find(name.data);
		if (key == NULL) {
			buf_addc(&name, '.');
			if (map_wanted(r, value, arena_printf(r->arena, "\"%s\"", known[w])))
				map_read(r, p, name.data, value, base);
			continue;
		}
		p->said_at[key - policy_keys] = map->v[i].key_at;
		if (key->kind == POLICY_LIST)
			list_read(r, p, key, value, base);
		else
			value_read(r, key, value, base);
	}
}

static void windows_check(struct reading *r, const struct policy *p)
{
	for (size_t i = 0; i < p->windows.n; i++) {
		const struct policy_window *w = &p->windows.v[i];
		if (w->from.said && w->from.minute == MINUTES_DAY)
			PROBLEM(r, w->at, "out-of-range", "The day begins at 00:00.",
			        "a window cannot begin at 24:00");
		else if (w->from.said && w->to.said && w->from.minute == w->to.minute)
			PROBLEM(r, w->at, "out-of-range",
			        "Write from: \"00:00\", to: \"24:00\" for the whole day.",
			        "a window from %02u:%02u to %02u:%02u is empty",
			        w->from.minute / 60, w->from.minute % 60, w->to.minute / 60,
			        w->to.minute % 60);
	}
	if (p->zone != NULL && !zone_is_known(p->zone))
		PROBLEM(r, policy_said(p, "times.zone"), "unknown-word",
		        "Write a name of tzselect(8), such as Europe/Berlin, or UTC.",
		        "this machine knows no time zone \"%s\"", p->zone);
}

static size_t keys_count(void)
{
	size_t n = 0;
	while (policy_keys[n].name != NULL)
		n++;
	return n;
}

static struct policy *policy_new(const char *path)
{
	struct policy *p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	arena_init(&p->arena, ARENA_MAX);
	p->allow = ALLOW_IRREVERSIBLE | ALLOW_HOST_WIDE | ALLOW_CONTROL_PATH;
	p->commands = true;
	p->targets = (struct pick){PICK_ALL, 0};
	p->max_duration_ns = UINT64_MAX;
	p->halt = "anyone";
	p->path = arena_strdup(&p->arena, path);
	p->said_at = arena_alloc(&p->arena, keys_count() * sizeof(*p->said_at));
	if (p->path != NULL && p->said_at != NULL)
		return p;
	policy_free(p);
	return NULL;
}

bool policy_is_meant(const char *text, size_t n)
{
	static const char word[] = "squall-policy";
	struct arena cleanup(arena_release) arena = {.head = NULL};
	const struct node *root;
	struct where at;
	arena_init(&arena, ARENA_MAX);
	return memmem(text, n, word, sizeof(word) - 1) != NULL &&
	       yaml_read(text, n, &arena, &root, &at, &(struct err)ERR_INIT) == 0 &&
	       root->type == NODE_MAP && node_get(root, word) != NULL;
}

struct policy *policy_read(const char *text, size_t n, const char *path,
                           const struct catalogue *catalogue, struct problems *problems)
{
	const struct where nowhere = {0, 0};
	struct policy *p = policy_new(path);
	struct err err = ERR_INIT;
	struct where at = nowhere;
	const struct node *root;
	if (p == NULL) {
		problem_add(problems, PROBLEM_ERROR, nowhere, "no-memory", NULL, "out of memory");
		return NULL;
	}
	struct reading r = {.arena = &p->arena, .problems = problems, .catalogue = catalogue};
	if (yaml_read(text, n, &p->arena, &root, &at, &err) < 0) {
		PROBLEM(&r, at, "not-yaml", err.hint, "%s", err.what);
		policy_free(p);
		return NULL;
	}
	if (root->type == NODE_MAP) {
		if (node_get(root, "squall-policy") == NULL)
			PROBLEM(&r, root->at, "missing-key",
			        "Begin the file with \"squall-policy: 1\".",
			        "the file does not say \"squall-policy: 1\"");
		map_read(&r, p, "", root, p);
		windows_check(&r, p);
	} else {
		PROBLEM(&r, root->at, "wrong-type", "Begin it with \"squall-policy: 1\".",
		        "a policy must be a map, not %s", node_says(root));
	}
	if (r.no_memory)
		PROBLEM(&r, nowhere, "no-memory", NULL, "the file is too large to hold");
	return p;
}

void policy_free(struct policy *p)
{
	if (p == NULL)
		return;
	arena_release(&p->arena);
	free(p);
}
