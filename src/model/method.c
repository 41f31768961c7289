/* method.c - what is done: attacks, waits and actions, in order or together. */
#include <stdio.h>
#include <string.h>

#include "model/reading.h"

enum { STEPS_MAX = 1000 };

struct walk {
	struct reading *r;
	size_t steps, attacks_cap, actions_cap;
};

static void step_read(struct walk *w, const struct node *n, struct method *m);

static bool flat_add(struct reading *r, struct method ***list, size_t *n, size_t *cap,
                     struct method *m)
{
	struct method **v = arena_grow(r->arena, *list, *n, cap, sizeof(struct method *));
	if (v == NULL) {
		r->no_memory = true;
		return false;
	}
	v[(*n)++] = m;
	*list = v;
	return true;
}

static void children_read(struct walk *w, const struct node *list, struct method *m)
{
	struct reading *r = w->r;
	m->children = reading_alloc(r, list->n * sizeof(*m->children));
	for (size_t i = 0; m->children != NULL && i < list->n; i++) {
		if (w->steps++ >= STEPS_MAX) {
			if (w->steps == STEPS_MAX + 1)
				PROBLEM(r, list->at, "out-of-range", NULL,
				        "the method has more than %d steps", STEPS_MAX);
			return;
		}
		m->n++;
		step_read(w, list->v[i].value, &m->children[i]);
	}
}

static void attack_read(struct walk *w, const struct node *n, struct method *m)
{
	struct reading *r = w->r;
	struct experiment *x = r->x;
	const char *name = "";
	char whose[128];
	m->type = METHOD_ATTACK;
	keys_check(r, n, keys_attack);
	bool named = get_text(r, n, "fault", &name);
	m->id = id_read(r, n, named ? name : "attack");
	snprintf(whose, sizeof(whose), "\"%.80s\"", m->id);
	m->call = (struct call){.levels = 1, .name = name, .at = n->at};
	if (named)
		call_read(r, CALL_FAULT, name, node_get(n, "fault")->at, node_get(n, "with"), whose,
		          &m->call);
	const struct kind *kind = m->call.kind;
	const struct node *target = node_get(n, "target");
	if (target != NULL)
		selector_read(r, target, kind, &m->selector);
	else
		PROBLEM(r, n->at, "missing-target",
		        "Write for example target: {process: {name: nginx}}; the host must be "
		        "named too: target: host.",
		        "attack \"%s\" has no target", m->id);
	(void)get_time(r, n, "for", &m->for_ns);
	if (m->call.levels > 1 && node_get(n, "for") != NULL)
		PROBLEM(r, node_get(n, "for")->at, "two-times",
		        "Leave \"for\" out: each level lasts as long as \"hold\" says.",
		        "attack \"%s\" has levels and \"for\"", m->id);
	if (kind != NULL && kind->irreversible && !(x->allow & ALLOW_IRREVERSIBLE))
		problem_add(r->problems, PROBLEM_WARNING, node_get(n, "fault")->at, "irreversible",
		            "Write \"allow: [irreversible]\" in the file, or say \"--allow "
		            "irreversible\"; otherwise the run is refused.",
		            "%s cannot be undone", kind->name);
	(void)flat_add(r, &x->attacks, &x->attacks_n, &w->attacks_cap, m);
}

static const struct node_item *action_key(struct reading *r, const struct node *n)
{
	for (size_t i = 0; i < n->n; i++)
		if (call_known(r, CALL_ACTION, n->v[i].key))
			return &n->v[i];
	return NULL;
}

static void action_read(struct walk *w, const struct node *n, const struct node_item *action,
                        struct method *m)
{
	struct reading *r = w->r;
	const struct key keys[] = {keys_action[0], {.name = action->key}, {0}};
	char whose[128];
	m->type = METHOD_ACTION;
	keys_check(r, n, keys);
	m->id = id_read(r, n, action->key);
	snprintf(whose, sizeof(whose), "\"%.80s\"", m->id);
	call_read(r, CALL_ACTION, action->key, action->key_at, action->value, whose, &m->call);
	(void)flat_add(r, &r->x->actions, &r->x->actions_n, &w->actions_cap, m);
}

static void unknown_step(struct reading *r, const struct node *n)
{
	const char *known[] = {"fault", "wait", "exec", "http", "together", NULL};
	struct arena *a = r->problems->arena;
	for (size_t i = 0; i < n->n; i++) {
		const char *near = word_nearest(r->problems, n->v[i].key, known);
		if (near == NULL)
			continue;
		PROBLEM(r, n->v[i].key_at, "unknown-key",
		        arena_printf(a, "Did you mean \"%s\"?", near), "unknown key \"%s\"",
		        n->v[i].key);
		return;
	}
	PROBLEM(r, n->at, "unknown-step",
	        "A step is one of fault, wait, exec, http, together, or a list.",
	        "the step does not say what to do");
}

static void step_read(struct walk *w, const struct node *n, struct method *m)
{
	struct reading *r = w->r;
	const struct node_item *action;
	*m = (struct method){.type = METHOD_IN_ORDER, .at = n->at, .id = "", .call.levels = 1};
	if (n->type == NODE_LIST) {
		m->id = id_read(r, n, "steps");
		children_read(w, n, m);
	} else if (!map_wanted(r, n, "a step of the method")) {
		return;
	} else if (node_get(n, "fault") != NULL) {
		attack_read(w, n, m);
	} else if (node_get(n, "wait") != NULL) {
		m->type = METHOD_WAIT;
		keys_check(r, n, keys_wait);
		m->id = id_read(r, n, "wait");
		(void)get_time(r, n, "wait", &m->for_ns);
	} else if (node_get(n, "together") != NULL) {
		const struct node *list = node_get(n, "together");
		m->type = METHOD_TOGETHER;
		keys_check(r, n, keys_together);
		m->id = id_read(r, n, "together");
		if (list_wanted(r, list, "\"together\"")) {
			if (list->n == 0)
				PROBLEM(r, list->at, "missing-key", NULL, "\"together\" is empty");
			children_read(w, list, m);
		}
	} else if ((action = action_key(r, n)) != NULL) {
		action_read(w, n, action, m);
	} else {
		unknown_step(r, n);
	}
}

static bool lasts(const struct method *m)
{
	return m->for_ns > 0 || m->call.levels > 1 || m->call.kind == NULL || m->call.kind->instant;
}

/*
 * A fault that lasts is in effect until the end of the method when it has no `for`: good when
 * something follows, or goes on beside it; else it would be gone at once. `more`: something does.
 */
static void for_check(struct reading *r, const struct method *m, bool more)
{
	if (m->type == METHOD_ATTACK && !more && !lasts(m))
		PROBLEM(r, m->at, "missing-key",
		        "Write for example for: 30s; without it the fault lasts to the end of the "
		        "method, which is here.",
		        "attack \"%s\" does not say how long", m->id);
	for (size_t i = 0; i < m->n; i++) {
		bool beside = m->type == METHOD_TOGETHER ? m->n > 1 : i + 1 < m->n;
		for_check(r, &m->children[i], more || beside);
	}
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t method_lasts(const struct method *m)
{
	uint64_t ns = 0;
	if (m->type == METHOD_ATTACK && m->call.levels > 1) {
		for (size_t i = 0; i < m->call.levels; i++)
			ns = plus(ns, m->call.hold_ns);
		return ns;
	}
	if (m->type == METHOD_ATTACK || m->type == METHOD_WAIT)
		return m->for_ns;
	for (size_t i = 0; i < m->n; i++) {
		uint64_t child = method_lasts(&m->children[i]);
		if (m->type == METHOD_TOGETHER)
			ns = ns > child ? ns : child;
		else
			ns = plus(ns, child);
	}
	return ns;
}

static size_t method_actions(const struct method *m)
{
	size_t actions = m->type == METHOD_ACTION;
	for (size_t i = 0; i < m->n; i++)
		actions += method_actions(&m->children[i]);
	return actions;
}

/* A deadline near the end of what was asked: were every process of squall stopped, it is the
 * deadline that frees the system. */
void deadline_default(struct experiment *x)
{
	uint64_t ns = plus(x->baseline_ns, method_lasts(&x->method));
	for (size_t i = method_actions(&x->method); i > 0; i--)
		ns = plus(ns, 60 * NS_PER_S);
	x->max_duration_ns = plus(ns, 30 * NS_PER_S);
}

void method_read(struct reading *r, const struct node *root)
{
	struct walk w = {.r = r};
	struct experiment *x = r->x;
	const struct node *n = node_get(root, "method");
	x->method = (struct method){.type = METHOD_IN_ORDER, .id = "method"};
	if (n == NULL || n->type == NODE_NULL) {
		PROBLEM(r, n != NULL ? n->at : root->at, "missing-key",
		        "Write for example method: [{fault: proc.pause, target: …, for: 10s}].",
		        "the experiment has no \"method\"");
		return;
	}
	x->method.at = n->at;
	if (!list_wanted(r, n, "\"method\""))
		return;
	if (n->n == 0)
		PROBLEM(r, n->at, "missing-key", NULL, "\"method\" is empty");
	children_read(&w, n, &x->method);
	for_check(r, &x->method, false);
	uint64_t ns = plus(x->baseline_ns, method_lasts(&x->method));
	if (x->max_duration_ns == 0) {
		deadline_default(x);
	} else if (ns > x->max_duration_ns) {
		BUF(takes, 64);
		BUF(most, 64);
		duration_format(&takes, ns);
		duration_format(&most, x->max_duration_ns);
		PROBLEM(r, n->at, "too-long",
		        "Raise blast-radius: {max-duration: …}, or shorten the method.",
		        "the method takes %s, more than the greatest duration, %s", takes.data,
		        most.data);
	}
}
