/*
 * yaml.h - YAML or JSON text as a tree of nodes with line and column. Thin over libfyaml.
 *
 * Owns: nothing; the tree lives in the caller's arena. Refused with a clear error: aliases and
 * anchors, tags that are not plain, repeated keys (both places named), more than 64 levels deep,
 * more than 50,000 values, more than 100,000 brackets and commas, more than 1 MiB, NUL bytes and
 * other control characters, invalid UTF-8, several documents. Bounded: any input ends within a
 * second and 100 MB.
 */
#ifndef SQUALL_IO_YAML_H
#define SQUALL_IO_YAML_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"

struct where {
	uint32_t line, col; /* from 1; 0: unknown (command line) */
};

enum node_type { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_type type;
	struct where at;
	const char *text; /* scalar: as written, unquoted */
	bool quoted;      /* scalar: was quoted, so it is a text whatever it looks like */
	bool unknown;     /* never set here: for a reader that could not find out the value */
	size_t n;
	struct node_item {
		const char *key; /* map only */
		struct where key_at;
		const struct node *value;
	} * v; /* list or map, in file order */
};

/* On failure `at` says where. name is for the error text ("shop.yaml"). */
int yaml_read(const char *text, size_t n, struct arena *, const struct node **root,
              struct where *at, struct err *) must_use;
const struct node *node_get(const struct node *map, const char *key); /* NULL: absent */
/* Plain YAML 1.2 core types: true/false, null, integers, floats; everything else and what is quoted
 * is a text. */
json_t *node_to_json(const struct node *) must_use;

#endif
