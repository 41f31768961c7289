/* policy-limits.c - the rules of a policy about faults: which, and how much. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "model/policy-state.h"

static const char *const classes[] = {"resource", "network", "state", NULL};

static bool word_is_in(const char *const *list, const char *word)
{
	while (*list != NULL && strcmp(*list, word) != 0)
		list++;
	return *list != NULL;
}

/* By the name alone: itself, its family, or a glob. */
static bool name_matches(const char *word, const char *name)
{
	size_t n = strcspn(name, ".");
	return (strlen(word) == n && strncmp(word, name, n) == 0) || fnmatch(word, name, 0) == 0;
}

bool policy_fault_matches(const char *word, const struct kind *kind)
{
	return name_matches(word, kind->name) ||
	       (kind->class_ != NULL && strcmp(word, kind->class_) == 0);
}

bool policy_word_known(struct reading *r, const struct node *word)
{
	const char *const *names = call_names(r, CALL_FAULT);
	if (word_is_in(classes, word->text))
		return true;
	for (size_t i = 0; names[i] != NULL; i++)
		if (name_matches(word->text, names[i]))
			return true;
	const char *near = word_nearest(r->problems, word->text, names);
	if (near == NULL)
		near = word_nearest(r->problems, word->text, classes);
	PROBLEM(r, word->at, "unknown-kind",
	        near != NULL ? arena_printf(r->problems->arena, "Did you mean \"%s\"?", near)
	                     : "\"squall faults\" lists them; a family is \"net\", a class "
	                       "\"network\".",
	        "\"%s\" means no fault", word->text);
	return false;
}

/* A quantity after "at most" or "at least". */
static void bound_read(struct reading *r, const struct node *n, struct policy_limit *l)
{
	static const char most[] = "at most ", least[] = "at least ";
	struct node rest = *n;
	if (strncmp(n->text, most, strlen(most)) == 0)
		rest.text += strlen(most);
	l->at_least = strncmp(n->text, least, strlen(least)) == 0;
	if (l->at_least)
		rest.text += strlen(least);
	l->says = rest.text;
	switch (l->of->kind) {
	case PARAM_DURATION:
		(void)scalar_quantity(r, &rest, l->param, QUANTITY_DURATION, &l->value);
		break;
	case PARAM_SIZE:
		(void)scalar_quantity(r, &rest, l->param, QUANTITY_SIZE, &l->value);
		break;
	case PARAM_SHARE:
		(void)scalar_quantity(r, &rest, l->param, QUANTITY_SHARE, &l->value);
		break;
	case PARAM_RATE:
		(void)scalar_quantity(r, &rest, l->param, QUANTITY_RATE, &l->value);
		break;
	case PARAM_COUNT:
		(void)scalar_quantity(r, &rest, l->param, QUANTITY_COUNT, &l->value);
		break;
	default: {
		struct err err = ERR_INIT;
		if (number_parse(rest.text, &l->number, &err) < 0)
			PROBLEM(r, n->at, "wrong-type", err.hint, "%s: %s", l->param, err.what);
	}
	}
}

static void globs_read(struct reading *r, const struct node *n, struct policy_limit *l)
{
	size_t many = n->type == NODE_LIST ? n->n : 1;
	const char **v = reading_alloc(r, (many + 1) * sizeof(*v));
	for (size_t i = 0; v != NULL && i < many; i++) {
		const struct node *one = n->type == NODE_LIST ? n->v[i].value : n;
		v[i] = scalar_wanted(r, one, l->param) ? one->text : "";
	}
	l->any = v;
}

static void limit_read(struct reading *r, const struct node *n, struct policy_limit *l)
{
	bool texts = l->of->kind == PARAM_TEXT || l->of->kind == PARAM_ENUM ||
	             l->of->kind == PARAM_LIST || l->of->kind == PARAM_BOOL;
	if (l->of->kind == PARAM_MAP || l->of->kind == PARAM_DOC)
		PROBLEM(r, l->at, "wrong-type", NULL, "\"%s\" of %s cannot have a limit", l->param,
		        l->fault);
	else if (texts && n->type != NODE_LIST && !scalar_wanted(r, n, l->param))
		return;
	else if (texts)
		globs_read(r, n, l);
	else if (scalar_wanted(r, n, l->param))
		bound_read(r, n, l);
}

static const struct kind *kind_find(const struct reading *r, const char *name)
{
	const struct kind *const *v = r->catalogue->faults;
	while (v != NULL && *v != NULL && strcmp((*v)->name, name) != 0)
		v++;
	return v != NULL ? *v : NULL;
}

static size_t fault_read(struct reading *r, const struct node_item *fault, struct policy_limit *v)
{
	const struct kind *kind = kind_find(r, fault->key);
	size_t n = 0;
	if (kind == NULL && !call_known(r, CALL_FAULT, fault->key)) {
		PROBLEM(r, fault->key_at, "unknown-kind",
		        hint_nearest(r->problems, fault->key, call_names(r, CALL_FAULT)),
		        "there is no fault \"%s\"", fault->key);
		return 0;
	}
	if (!map_wanted(r, fault->value, "the limits of a fault"))
		return 0;
	for (size_t i = 0; i < fault->value->n; i++) {
		const struct node_item *item = &fault->value->v[i];
		struct policy_limit *l = &v[n];
		*l = (struct policy_limit){.at = item->key_at,
		                           .fault = fault->key,
		                           .param = item->key,
		                           .kind = kind,
		                           .of = kind ? param_find(kind, item->key) : NULL};
		if (kind != NULL && l->of == NULL)
			param_unknown(kind, item, r->problems);
		if (l->of == NULL)
			continue; /* of a fault that this build does not have: nothing to limit */
		limit_read(r, item->value, l);
		n++;
	}
	return n;
}

void policy_limits_read(struct reading *r, const struct node *n, void *to)
{
	struct policy_texts list = {.said = true}; /* lists begin alike */
	struct policy_limit *v;
	size_t most = 0;
	if (!map_wanted(r, n, "\"limits\""))
		return;
	for (size_t i = 0; i < n->n; i++)
		most += n->v[i].value->type == NODE_MAP ? n->v[i].value->n : 0;
	v = reading_alloc(r, (most + 1) * sizeof(*v));
	for (size_t i = 0; v != NULL && i < n->n; i++)
		list.n += fault_read(r, &n->v[i], v + list.n);
	list.v = (void *)v;
	memcpy(to, &list, sizeof(list));
}
