/* mask.c - secrets are not shown: the values to hide, and texts and documents without them. */
#include <stdlib.h>
#include <string.h>

#include "model/reading.h"

static const char stars[] = "****";
enum { STARS = 4 };

/* As a word of a shell has it (base/commands.h), a quote looks otherwise. */
static void quoted_add(struct reading *r, const char *value)
{
	size_t n = 1;
	for (const char *s = value; *s != '\0'; s++)
		n += *s == '\'' ? 4 : 1;
	char *text = arena_alloc(r->arena, n), *to = text;
	if (text == NULL) {
		r->no_memory = true;
		return;
	}
	for (const char *s = value; *s != '\0'; s++)
		to = *s == '\'' ? stpcpy(to, "'\\''") : stpncpy(to, s, 1);
	*to = '\0';
	secret_add(r, text);
}

/* Kept longest first, so that a secret inside another one does not spoil it. */
void secret_add(struct reading *r, const char *value)
{
	struct experiment *x = r->x;
	if (value[0] == '\0')
		return;
	for (size_t i = 0; i < x->secrets_n; i++)
		if (strcmp(x->secrets[i], value) == 0)
			return;
	const char **v =
	        arena_grow(r->arena, x->secrets, x->secrets_n, &r->secrets_cap, sizeof(*v));
	if (v == NULL) {
		r->no_memory = true;
		return;
	}
	size_t at = x->secrets_n++;
	for (; at > 0 && strlen(v[at - 1]) < strlen(value); at--)
		v[at] = v[at - 1];
	v[at] = value;
	x->secrets = v;
	if (strchr(value, '\'') != NULL && strstr(value, "'\\''") == NULL)
		quoted_add(r, value);
}

void experiment_mask(const struct experiment *x, char *text)
{
	char *to = text;
	for (const char *s = text; *s != '\0';) {
		size_t len = 0;
		for (size_t i = 0; len == 0 && x != NULL && i < x->secrets_n; i++)
			if (*s == x->secrets[i][0] &&
			    strncmp(s, x->secrets[i], strlen(x->secrets[i])) == 0)
				len = strlen(x->secrets[i]);
		if (len == 0) {
			*to++ = *s++;
			continue;
		}
		size_t n = len < STARS ? len : STARS;
		memcpy(to, stars, n);
		to += n;
		s += len;
	}
	*to = '\0';
}

static json_t *text_mask(const struct experiment *x, const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	if (copy == NULL)
		return json_string(stars);
	experiment_mask(x, copy);
	json_t *j = json_string(copy);
	return j != NULL ? j : json_string(stars);
}

/* A secret may look like a number. */
static json_t *number_mask(const struct experiment *x, json_t *j)
{
	_cleanup_free_ char *text = json_dumps(j, JSON_ENCODE_ANY);
	for (size_t i = 0; text != NULL && i < x->secrets_n; i++)
		if (strcmp(text, x->secrets[i]) == 0)
			return json_string(stars);
	return json_incref(j);
}

json_t *experiment_mask_json(const struct experiment *x, json_t *doc)
{
	json_t *made, *v;
	const char *key;
	size_t i;
	if (x == NULL || x->secrets_n == 0)
		return json_incref(doc);
	if (json_is_string(doc))
		return text_mask(x, json_string_value(doc));
	if (json_is_number(doc))
		return number_mask(x, doc);
	if (json_is_array(doc)) {
		made = json_array();
		json_array_foreach (doc, i, v) {
			json_array_append_new(made, experiment_mask_json(x, v));
		}
		return made;
	}
	if (json_is_object(doc)) {
		made = json_object();
		json_object_foreach (doc, key, v) {
			_cleanup_free_ char *shown = strdup(key);
			if (shown != NULL)
				experiment_mask(x, shown);
			json_object_set_new(made, shown != NULL ? shown : stars,
			                    experiment_mask_json(x, v));
		}
		return made;
	}
	return json_incref(doc);
}
