/* node.c - finds in the tree of a YAML text, and makes JSON of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/yaml.h"

const struct node *node_get(const struct node *map, const char *key)
{
	if (map == NULL || map->type != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->v[i].key, key) == 0)
			return map->v[i].value;
	return NULL;
}

static bool all_in(const char *s, const char *set)
{
	size_t n = 0;
	while (s[n] != '\0' && strchr(set, s[n]) != NULL)
		n++;
	return n > 0 && s[n] == '\0';
}

/* A plain scalar by the core schema (YAML 1.2.2, 10.3.2); NULL: a text. */
static json_t *plain_to_json(const char *s)
{
	static const char digits[] = "0123456789";
	if (strcmp(s, "true") == 0 || strcmp(s, "True") == 0 || strcmp(s, "TRUE") == 0)
		return json_true();
	if (strcmp(s, "false") == 0 || strcmp(s, "False") == 0 || strcmp(s, "FALSE") == 0)
		return json_false();
	const char *u = *s == '-' || *s == '+' ? s + 1 : s;
	char *end;
	errno = 0;
	if (all_in(u, digits)) {
		long long i = strtoll(s, &end, 10);
		return errno == 0 ? json_integer(i) : NULL;
	}
	bool hex = strncmp(s, "0x", 2) == 0 && all_in(s + 2, "0123456789abcdefABCDEF");
	if (hex || (strncmp(s, "0o", 2) == 0 && all_in(s + 2, "01234567"))) {
		long long i = strtoll(s + 2, &end, hex ? 16 : 8);
		return errno == 0 ? json_integer(i) : NULL;
	}
	const char *p = u + strspn(u, digits);
	size_t whole = (size_t)(p - u), part = 0;
	if (*p == '.') {
		part = strspn(p + 1, digits);
		p += 1 + part;
	}
	if (whole + part > 0 && (*p == 'e' || *p == 'E')) {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		size_t n = strspn(p, digits);
		p = n > 0 ? p + n : u;
	}
	if (whole + part == 0 || *p != '\0')
		return NULL;
	return json_real(strtod(s, NULL)); /* NULL, so a text, when it overflows */
}

json_t *node_to_json(const struct node *node)
{
	json_t *j = NULL;
	switch (node->type) {
	case NODE_NULL:
		return json_null();
	case NODE_SCALAR:
		if (!node->quoted)
			j = plain_to_json(node->text);
		return j != NULL ? j : json_string(node->text);
	case NODE_LIST:
		j = json_array();
		for (size_t i = 0; i < node->n; i++)
			json_array_append_new(j, node_to_json(node->v[i].value));
		return j;
	case NODE_MAP:
		j = json_object();
		for (size_t i = 0; i < node->n; i++)
			json_object_set_new(j, node->v[i].key, node_to_json(node->v[i].value));
		return j;
	}
	return NULL;
}
