/* experiment.c - an experiment from a file, or around one attack. */
#include <stdlib.h>
#include <string.h>

#include "model/reading.h"

enum { ARENA_MAX = 64 << 20 };

static struct experiment *experiment_new(const char *path)
{
	struct experiment *x = calloc(1, sizeof(*x));
	if (x == NULL)
		return NULL;
	arena_init(&x->arena, ARENA_MAX);
	x->path = path != NULL ? arena_strdup(&x->arena, path) : NULL;
	x->vars = vars_new(&x->arena);
	x->title = x->path != NULL ? x->path : "attack";
	x->condition = "normal";
	x->blast_targets = (struct pick){PICK_ALL, 0};
	x->lose_at_most_ns = UINT64_MAX;
	x->method = (struct method){.type = METHOD_IN_ORDER, .id = "method"};
	if (x->vars == NULL || (path != NULL && x->path == NULL)) {
		experiment_free(x);
		return NULL;
	}
	return x;
}

struct named {
	const char *id;
	struct where at;
};

static int named_compare(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int c = strcmp(x->id, y->id);
	if (c != 0)
		return c;
	if (x->at.line != y->at.line)
		return x->at.line < y->at.line ? -1 : 1;
	return (x->at.col > y->at.col) - (x->at.col < y->at.col);
}

static void named_add(struct named *v, size_t *n, const char *id, struct where at)
{
	if (id != NULL && id[0] != '\0')
		v[(*n)++] = (struct named){id, at};
}

static size_t method_count(const struct method *m)
{
	size_t n = 1;
	for (size_t i = 0; i < m->n; i++)
		n += method_count(&m->children[i]);
	return n;
}

static void method_names(const struct method *m, struct named *v, size_t *n)
{
	for (size_t i = 0; i < m->n; i++) {
		named_add(v, n, m->children[i].id, m->children[i].at);
		method_names(&m->children[i], v, n);
	}
}

static void ids_check(struct reading *r)
{
	const struct experiment *x = r->x;
	size_t n = 0;
	size_t most = x->steady_n + x->monitors_n + method_count(&x->method);
	struct named *v = reading_alloc(r, most * sizeof(*v));
	if (v == NULL)
		return;
	for (size_t i = 0; i < x->steady_n; i++)
		named_add(v, &n, x->steady[i].id, x->steady[i].at);
	for (size_t i = 0; i < x->monitors_n; i++)
		named_add(v, &n, x->monitors[i].id, x->monitors[i].at);
	method_names(&x->method, v, &n);
	qsort(v, n, sizeof(*v), named_compare);
	for (size_t i = 1; i < n; i++)
		if (strcmp(v[i - 1].id, v[i].id) == 0)
			PROBLEM(r, v[i].at, "repeated-id",
			        arena_printf(r->problems->arena, "It is already used in line %u.",
			                     v[i - 1].at.line),
			        "id \"%s\" is used twice", v[i].id);
}

static void problems_mask(const struct experiment *x, struct problems *p, size_t from)
{
	/* the texts are this reading's own copies */
	for (size_t i = from; x->secrets_n > 0 && i < p->n; i++) {
		experiment_mask(x, (char *)(uintptr_t)p->v[i].text);
		if (p->v[i].hint != NULL)
			experiment_mask(x, (char *)(uintptr_t)p->v[i].hint);
	}
}

static const struct node *text_read(struct experiment *x, const char *text, size_t n,
                                    struct problems *problems)
{
	struct err err = ERR_INIT;
	struct where at;
	const struct node *root;
	if (yaml_read(text, n, &x->arena, &root, &at, &err) < 0) {
		problem_add(problems, PROBLEM_ERROR, at, "not-yaml", err.hint, "%s", err.what);
		return NULL;
	}
	if (root->type != NODE_MAP) {
		problem_add(problems, PROBLEM_ERROR, root->at, "wrong-type",
		            "Begin it with \"squall: 1\".", "an experiment must be a map, not %s",
		            node_says(root));
		return NULL;
	}
	return root;
}

struct experiment *experiment_read(const char *text, size_t n, const char *path,
                                   const struct catalogue *catalogue,
                                   const struct var_override *overrides, size_t overrides_n,
                                   struct problems *problems)
{
	const struct where nowhere = {0, 0};
	struct experiment *x = experiment_new(path);
	size_t from = problems->n;
	if (x == NULL) {
		problem_add(problems, PROBLEM_ERROR, nowhere, "no-memory", NULL, "out of memory");
		return NULL;
	}
	const struct node *root = text_read(x, text, n, problems);
	if (root == NULL) {
		experiment_free(x);
		return NULL;
	}
	struct reading r = {
	        .x = x, .arena = &x->arena, .problems = problems, .catalogue = catalogue};
	vars_read(&r, root, overrides, overrides_n);
	const struct node *full = values_put(&r, root);
	head_read(&r, full);
	hypothesis_read(&r, full);
	aborts_read(&r, full);
	method_read(&r, full);
	ending_read(&r, full);
	ids_check(&r);
	x->doc = file_document(x, root);
	if (r.no_memory || x->doc == NULL)
		problem_add(problems, PROBLEM_ERROR, nowhere, "no-memory", NULL,
		            "the file is too large to hold");
	problems_mask(x, problems, from);
	return x;
}

static bool attack_make(struct reading *r, const struct kind *kind, const struct node *with,
                        const char *target, const char *pick, uint64_t for_ns, size_t number,
                        struct method *m)
{
	const struct where nowhere = {0, 0};
	*m = (struct method){.type = METHOD_ATTACK, .for_ns = for_ns};
	m->id = arena_printf(r->arena, "%s-%zu", kind->name, number);
	call_read(r, CALL_FAULT, kind->name, nowhere, with, m->id ? m->id : "", &m->call);
	if (selector_parse(target, &m->selector, r->arena, r->problems) < 0)
		return false;
	if (pick != NULL && !pick_parse(pick, &m->selector.pick))
		PROBLEM(r, nowhere, "wrong-type", "Write a number, a share or \"all\".",
		        "\"pick\" cannot be \"%s\"", pick);
	return selector_fits(&m->selector, kind, r->problems) && m->id != NULL &&
	       selector_finish(&m->selector, r->arena) == 0;
}

struct experiment *experiment_from_attack(const char *fault, const struct var_override *params,
                                          size_t params_n, const char *const *targets,
                                          size_t targets_n, const char *pick, uint64_t for_ns,
                                          unsigned allow, const struct catalogue *catalogue,
                                          struct problems *problems)
{
	const struct where nowhere = {0, 0};
	const struct kind *kind = NULL;
	struct experiment *x = experiment_new(NULL);
	if (x == NULL)
		return NULL;
	struct reading r = {
	        .x = x, .arena = &x->arena, .problems = problems, .catalogue = catalogue};
	for (size_t i = 0; catalogue->faults[i] != NULL && kind == NULL; i++)
		if (strcmp(catalogue->faults[i]->name, fault) == 0)
			kind = catalogue->faults[i];
	if (kind == NULL) {
		const char *near = word_nearest(problems, fault, call_names(&r, CALL_FAULT));
		PROBLEM(&r, nowhere, "unknown-kind",
		        near != NULL ? arena_printf(problems->arena, "Did you mean \"%s\"?", near)
		                     : "\"squall faults\" lists what there is.",
		        "there is no fault \"%s\"", fault);
		return x;
	}
	if (targets_n == 0)
		PROBLEM(&r, nowhere, "missing-target",
		        "Say for example --target process.name=nginx.", "there is no target");
	const struct node *with = texts_map(kind, params, params_n, &x->arena, problems);
	struct method *v = reading_alloc(&r, (targets_n + 1) * sizeof(*v));
	x->attacks = reading_alloc(&r, (targets_n + 1) * sizeof(struct method *));
	x->title = arena_printf(&x->arena, "%s by hand", fault);
	if (with == NULL || v == NULL || x->attacks == NULL || x->title == NULL) {
		PROBLEM(&r, nowhere, "no-memory", NULL, "out of memory");
		return x;
	}
	x->allow = allow;
	/* Several targets are hurt at once. */
	x->method.type = targets_n > 1 ? METHOD_TOGETHER : METHOD_IN_ORDER;
	x->method.children = v;
	for (size_t i = 0; i < targets_n; i++) {
		/* The parameters are the same for each: their problems are said once. */
		if (i > 0 && problems->errors > 0)
			break;
		if (attack_make(&r, kind, with, targets[i], pick, for_ns, i + 1, &v[i]))
			x->attacks[x->attacks_n++] = &v[i];
		x->method.n++;
	}
	deadline_default(x);
	return x;
}

void experiment_free(struct experiment *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; i < x->steady_n; i++)
		expect_release(x->steady[i].expect);
	for (size_t i = 0; i < x->monitors_n; i++)
		expect_release(x->monitors[i].expect);
	for (size_t i = 0; i < x->aborts_n; i++)
		expect_release(x->aborts[i].when);
	expect_release(x->success);
	expect_release(x->failure);
	json_decref(x->doc);
	vars_free(x->vars);
	arena_release(&x->arena);
	free(x);
}
