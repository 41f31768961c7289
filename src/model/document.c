/* document.c - the experiment file as it was written, as a document without secrets. */
#include <stdlib.h>
#include <string.h>

#include "model/reading.h"

static json_t *text_document(const struct experiment *x, const char *text)
{
	json_t *whole = json_string(text);
	json_t *masked = whole != NULL ? experiment_mask_json(x, whole) : json_string("****");
	json_decref(whole);
	return masked;
}

/* Not through numbers: "0123" and 123 are the same number, but not the same text. */
json_t *file_document(const struct experiment *x, const struct node *n)
{
	json_t *made;
	switch (n->type) {
	case NODE_LIST:
		made = json_array();
		for (size_t i = 0; i < n->n; i++)
			json_array_append_new(made, file_document(x, n->v[i].value));
		return made;
	case NODE_MAP:
		made = json_object();
		for (size_t i = 0; i < n->n; i++) {
			_cleanup_free_ char *key = strdup(n->v[i].key);
			if (key != NULL)
				experiment_mask(x, key);
			json_object_set_new(made, key != NULL ? key : "****",
			                    file_document(x, n->v[i].value));
		}
		return made;
	case NODE_SCALAR:
		for (size_t i = 0; i < x->secrets_n; i++)
			if (strstr(n->text, x->secrets[i]) != NULL)
				return text_document(x, n->text);
		return node_to_json(n);
	case NODE_NULL:
		break;
	}
	return json_null();
}
