/* yaml.c - YAML and JSON text as a tree of nodes, from libfyaml's events. */
#include "io/yaml.h"

#include <errno.h>
#include <inttypes.h>
#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum {
	DEPTH_MAX = 64,
	NODES_MAX = 50000,
	MARKS_MAX = 100000,
	BLANK_MAX = 2000,
	EMPTY_MAX = 100,
	TAG_MAX = 250,
	TEXT_MAX = 1 << 20,
	SHOW_MAX = 60
};

/* A list or map that is still open. */
struct frame {
	struct node *node;
	size_t cap;
	const char *key; /* map: the key that waits for its value, or NULL */
	struct where key_at;
};

struct reader {
	struct arena *arena;
	struct where *at;
	struct where last; /* the last place that libfyaml named: what is left out has none */
	struct err *err;
	struct frame stack[DEPTH_MAX];
	size_t depth, nodes, documents;
	const struct node *root;
};

/* Says what is wrong at a place; always returns the code. */
#define REFUSE(r, where, ...) (*(r)->at = (where), err_set((r)->err, -EINVAL, __VA_ARGS__))

static struct where where_of(const struct fy_mark *mark)
{
	struct where at = {0, 0};
	if (mark != NULL) {
		at.line = (uint32_t)mark->line + 1;
		at.col = (uint32_t)mark->column + 1;
	}
	return at;
}

/* One code point at s (n > 0 bytes left): its length, or 0 when it is not UTF-8 (RFC 3629). */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = s[0] < 0x80       ? 1
	             : s[0] >> 5 == 6  ? 2
	             : s[0] >> 4 == 14 ? 3
	             : s[0] >> 3 == 30 ? 4
	                               : 0;
	if (len == 0 || len > n)
		return 0;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

struct scan {
	struct where at;
	size_t marks, blanks, lines, tag; /* lines: begun in this run of blanks; tag: its length */
	unsigned char before;
};

/*
 * One character of what can be refused without a parser, because libfyaml 0.7.12 takes time or
 * memory without bound for it: it holds every mark of a flow until the outermost bracket closes (it
 * might turn out to be a key), and is quadratic in runs of blanks, in tags and in directives.
 */
static int char_scan(struct reader *r, struct scan *s, unsigned char c)
{
	bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
	if (c == 0)
		return REFUSE(r, s->at, "a NUL byte is not text");
	if ((c < ' ' && !blank) || c == 0x7f)
		return REFUSE(r, s->at, "control character 0x%02x is not allowed", c);
	if (c == '%' && s->at.col == 1)
		return REFUSE(r, s->at,
		              "directives (a line that begins with \"%%\") are not allowed");
	bool mark = strchr("[]{},:?&*!\"'", c) != NULL || (blank && s->before == '-');
	if (mark && ++s->marks > MARKS_MAX)
		return REFUSE(r, s->at,
		              "the file has more than %d brackets, quotes and other marks",
		              MARKS_MAX);
	s->blanks = blank ? s->blanks + 1 : 0;
	s->lines = blank ? s->lines + (c == '\n' || c == '\r') : 0;
	if (s->blanks > BLANK_MAX || s->lines > EMPTY_MAX)
		return REFUSE(r, s->at, "more than %d empty lines or %d blanks in a row", EMPTY_MAX,
		              BLANK_MAX);
	bool starts = s->before == 0 || strchr(" \t\r\n[{,", s->before) != NULL;
	s->tag = blank ? 0 : s->tag > 0 ? s->tag + 1 : c == '!' && starts;
	if (s->tag > TAG_MAX)
		return REFUSE(r, s->at, "tags are not allowed");
	s->before = c;
	return 0;
}

static int text_scan(struct reader *r, const char *text, size_t n)
{
	struct scan s = {.at = {1, 1}};
	if (n > TEXT_MAX)
		return REFUSE(r, s.at, "the file is larger than 1 MiB");
	for (size_t i = 0; i < n;) {
		const unsigned char *c = (const unsigned char *)text + i;
		size_t len = utf8_len(c, n - i);
		if (len == 0)
			return REFUSE(r, s.at, "byte 0x%02x is not UTF-8", *c);
		if (len == 3 && memcmp(c, "\xef\xbb\xbf", 3) == 0)
			return REFUSE(r, s.at, "a byte order mark may only stand first");
		int err = char_scan(r, &s, *c);
		if (err < 0)
			return err;
		s.at.line += *c == '\n';
		s.at.col = *c == '\n' ? 1 : s.at.col + 1;
		i += len;
	}
	return 0;
}

static void *grow(struct reader *r, void *old, size_t n, size_t *cap, size_t element)
{
	return arena_grow(r->arena, old, n, cap, element);
}

static int out_of_memory(struct reader *r, struct where at)
{
	*r->at = at;
	return err_set(r->err, -ENOMEM, "the file is too large to hold");
}

/* A new node takes its place: the root, an item, or the value of the waiting key. */
static int node_place(struct reader *r, struct node *node)
{
	if (r->depth == 0) {
		r->root = node;
		return 0;
	}
	struct frame *f = &r->stack[r->depth - 1];
	struct node *parent = f->node;
	struct node_item *v = grow(r, parent->v, parent->n, &f->cap, sizeof(*v));
	if (v == NULL)
		return out_of_memory(r, node->at);
	parent->v = v;
	v[parent->n++] = (struct node_item){f->key, f->key_at, node};
	f->key = NULL;
	return 0;
}

static struct node *node_new(struct reader *r, enum node_type type, struct where at)
{
	if (r->nodes++ >= NODES_MAX) {
		(void)REFUSE(r, at, "the file has more than %d values", NODES_MAX);
		return NULL;
	}
	struct node *node = arena_alloc(r->arena, sizeof(*node));
	if (node == NULL) {
		(void)out_of_memory(r, at);
		return NULL;
	}
	node->type = type;
	node->at = at;
	return node;
}

static bool key_waits(const struct reader *r)
{
	const struct frame *f = r->depth > 0 ? &r->stack[r->depth - 1] : NULL;
	return f != NULL && f->node->type == NODE_MAP && f->key == NULL;
}

static int tag_check(struct reader *r, struct fy_token *tag, bool *is_text)
{
	*is_text = false;
	if (tag == NULL)
		return 0;
	size_t n;
	const char *text = fy_token_get_text(tag, &n);
	static const char str[] = "tag:yaml.org,2002:str";
	if (text != NULL && n == sizeof(str) - 1 && memcmp(text, str, n) == 0) {
		*is_text = true;
		return 0;
	}
	(void)REFUSE(r, where_of(fy_token_start_mark(tag)), "tags are not allowed");
	return err_hint(r->err, -EINVAL,
	                "Remove the word that begins with \"!\"; put a text in quotes.");
}

static int anchor_check(struct reader *r, struct fy_token *anchor)
{
	if (anchor == NULL)
		return 0;
	(void)REFUSE(r, where_of(fy_token_start_mark(anchor)),
	             "anchors and aliases are not allowed");
	return err_hint(r->err, -EINVAL,
	                "Write the value out where it is needed, or put the text in quotes.");
}

static bool is_null_text(const char *s)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(s, words[i]) == 0)
			return true;
	return false;
}

static int scalar_read(struct reader *r, const struct fy_event *e, struct where at)
{
	size_t n;
	bool is_text;
	enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
	/* the mark is behind the quote */
	if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && at.col > 1)
		at.col--;
	int err = anchor_check(r, e->scalar.anchor);
	if (err == 0)
		err = tag_check(r, e->scalar.tag, &is_text);
	if (err < 0)
		return err;
	const char *text = fy_token_get_text(e->scalar.value, &n);
	if (text == NULL)
		n = 0;
	if (memchr(text ? text : "", 0, n) != NULL)
		return REFUSE(r, at, "a NUL byte is not text");
	char *copy = arena_strndup(r->arena, text ? text : "", n);
	if (copy == NULL)
		return out_of_memory(r, at);
	bool quoted = is_text || style != FYSS_PLAIN;
	if (key_waits(r)) {
		struct frame *f = &r->stack[r->depth - 1];
		if (n == 0)
			return REFUSE(r, at, "a key is empty");
		f->key = copy;
		f->key_at = at;
		return 0;
	}
	bool null = !quoted && is_null_text(copy);
	struct node *node = node_new(r, null ? NODE_NULL : NODE_SCALAR, at);
	if (node == NULL)
		return -EINVAL;
	node->text = copy;
	node->quoted = quoted;
	return node_place(r, node);
}

static int group_open(struct reader *r, enum node_type type, struct fy_token *anchor,
                      struct fy_token *tag, struct where at)
{
	bool is_text;
	int err = anchor_check(r, anchor);
	if (err == 0)
		err = tag_check(r, tag, &is_text);
	if (err < 0)
		return err;
	if (is_text)
		return REFUSE(r, at, "a %s is not a text", type == NODE_MAP ? "map" : "list");
	if (key_waits(r))
		return REFUSE(r, at, "a key must be a word, not a %s",
		              type == NODE_MAP ? "map" : "list");
	if (r->depth >= DEPTH_MAX)
		return REFUSE(r, at, "more than %d levels deep", DEPTH_MAX);
	struct node *node = node_new(r, type, at);
	if (node == NULL)
		return -EINVAL;
	err = node_place(r, node);
	if (err == 0)
		r->stack[r->depth++] = (struct frame){.node = node};
	return err;
}

static int item_compare(const void *a, const void *b)
{
	const struct node_item *x = *(const struct node_item *const *)a;
	const struct node_item *y = *(const struct node_item *const *)b;
	int c = strcmp(x->key, y->key);
	return c != 0 ? c : (x > y) - (x < y);
}

/* Sorted, so that a map of 100,000 keys is not compared in pairs. Reports the first in the file. */
static int repeated_key_check(struct reader *r, const struct node *map)
{
	if (map->n < 2)
		return 0;
	_cleanup_free_ const struct node_item **v = calloc(map->n, sizeof(*v));
	if (v == NULL)
		return out_of_memory(r, map->at);
	for (size_t i = 0; i < map->n; i++)
		v[i] = &map->v[i];
	qsort(v, map->n, sizeof(*v), item_compare);
	const struct node_item *first = NULL, *second = NULL;
	for (size_t i = 1; i < map->n; i++) {
		if (strcmp(v[i - 1]->key, v[i]->key) != 0 || (second != NULL && v[i] > second))
			continue;
		first = v[i - 1];
		second = v[i];
	}
	if (second == NULL)
		return 0;
	BUF(shown, SHOW_MAX + 8);
	buf_add_shown(&shown, second->key, SHOW_MAX);
	(void)REFUSE(r, second->key_at, "key \"%s\" is repeated", shown.data);
	return err_hint(r->err, -EINVAL,
	                "It is already given in line %" PRIu32 ", column %" PRIu32 ".",
	                first->key_at.line, first->key_at.col);
}

static int group_close(struct reader *r)
{
	const struct node *node = r->depth > 0 ? r->stack[--r->depth].node : NULL;
	/* libfyaml closes only what it has opened. */
	return node != NULL && node->type == NODE_MAP ? repeated_key_check(r, node) : 0;
}

static int event_read(struct reader *r, struct fy_event *e)
{
	struct where at = where_of(fy_event_start_mark(e));
	if (at.line == 0)
		at = r->last;
	else
		r->last = at;
	switch (e->type) {
	case FYET_DOCUMENT_START:
		if (r->documents++ > 0)
			return REFUSE(r, at, "the file holds more than one document");
		return 0;
	case FYET_SCALAR:
		return scalar_read(r, e, at);
	case FYET_ALIAS:
		return anchor_check(r, e->alias.anchor);
	case FYET_MAPPING_START:
		return group_open(r, NODE_MAP, e->mapping_start.anchor, e->mapping_start.tag, at);
	case FYET_SEQUENCE_START:
		return group_open(r, NODE_LIST, e->sequence_start.anchor, e->sequence_start.tag,
		                  at);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		return group_close(r);
	default:
		return 0;
	}
}

/* The first thing that libfyaml did not like, in its words. */
static int library_said(struct reader *r, struct fy_diag *diag)
{
	void *iter = NULL;
	struct where at = {1, 1};
	const struct fy_diag_error *e = fy_diag_errors_iterate(diag, &iter);
	BUF(said, SHOW_MAX * 3);
	if (e != NULL) {
		at.line = e->line > 0 ? (uint32_t)e->line : 1;
		at.col = e->column > 0 ? (uint32_t)e->column : 1;
		buf_add_shown(&said, e->msg, SHOW_MAX * 2);
	}
	return REFUSE(r, at, "not valid YAML: %s",
	              said.len > 0 ? said.data : "it could not be read");
}

static void parser_free(struct fy_parser **p)
{
	if (*p != NULL)
		fy_parser_destroy(*p);
}

static void diag_free(struct fy_diag **d)
{
	if (*d != NULL)
		fy_diag_destroy(*d);
}

static int events_read(struct reader *r, const char *text, size_t n)
{
	struct fy_diag_cfg diag_cfg;
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	cleanup(diag_free) struct fy_diag *diag = fy_diag_create(&diag_cfg);
	if (diag == NULL)
		return out_of_memory(r, (struct where){1, 1});
	fy_diag_set_collect_errors(diag, true);
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2, .diag = diag};
	cleanup(parser_free) struct fy_parser *parser = fy_parser_create(&cfg);
	if (parser == NULL || fy_parser_set_string(parser, text, n) != 0)
		return out_of_memory(r, (struct where){1, 1});
	for (;;) {
		struct fy_event *e = fy_parser_parse(parser);
		if (e == NULL)
			return fy_diag_got_error(diag) ? library_said(r, diag) : 0;
		bool end = e->type == FYET_STREAM_END;
		int err = event_read(r, e);
		fy_parser_event_free(parser, e);
		if (err < 0 || end)
			return err;
	}
}

int yaml_read(const char *text, size_t n, struct arena *arena, const struct node **root,
              struct where *at, struct err *err)
{
	struct where where = {1, 1};
	struct reader r = {.arena = arena, .at = &where, .err = err};
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		n -= 3;
	}
	int e = text_scan(&r, text, n);
	if (e == 0)
		e = events_read(&r, text, n);
	if (e == 0 && (r.root == NULL || r.root->type == NODE_NULL))
		e = REFUSE(&r, where, "the file is empty");
	if (e < 0) {
		*at = where;
		return e;
	}
	*root = r.root;
	return 0;
}
