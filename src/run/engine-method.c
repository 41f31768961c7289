/*
 * The method, as the engine walks it: in order, together, waits, actions, attacks.
 */
#include <errno.h>

#include "run/engine-state.h"

static size_t nodes_of(const struct method *m)
{
	size_t n = 1;

	for (size_t i = 0; i < m->n; i++)
		n += nodes_of(&m->children[i]);
	return n;
}

static uint32_t index_of(const struct method *m, struct method *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == m)
			return (uint32_t)i;
	return UINT32_MAX;
}

static int node_init(struct experiment_state *e, struct engine_node *node, const struct method *m)
{
	int rc = 0;

	*node = (struct engine_node){.m = m, .n = m->n, .number = e->waits_n};
	switch (m->type) {
	case METHOD_ATTACK:
		node->number = index_of(m, e->x->attacks, e->x->attacks_n);
		return node->number == UINT32_MAX ? -EINVAL : 0;
	case METHOD_ACTION:
		node->number = index_of(m, e->x->actions, e->x->actions_n);
		if (node->number == UINT32_MAX)
			return -EINVAL;
		e->actions[node->number] = node;
		return 0;
	case METHOD_WAIT:
		e->waits[e->waits_n++] = node;
		return 0;
	case METHOD_IN_ORDER:
	case METHOD_TOGETHER:
		break;
	}
	node->children = arena_alloc(&e->arena, (m->n ? m->n : 1) * sizeof(*node->children));
	if (!node->children)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = node_init(e, &node->children[i], &m->children[i]);
	return rc;
}

int method_init(struct experiment_state *e, struct err *err)
{
	const struct experiment *x = e->x;
	size_t n = nodes_of(&x->method);
	int rc;

	e->attacks = arena_alloc(&e->arena, (x->attacks_n + 1) * sizeof(*e->attacks));
	e->timer_attack_ns = arena_alloc(&e->arena, (x->attacks_n + 1) * sizeof(uint64_t));
	e->timer_follow_ns = arena_alloc(&e->arena, (x->attacks_n + 1) * sizeof(uint64_t));
	e->waits = arena_alloc(&e->arena, n * sizeof(struct engine_node *));
	e->actions = arena_alloc(&e->arena, (x->actions_n + 1) * sizeof(struct engine_node *));
	e->failed_actions = arena_alloc(&e->arena, (x->actions_n + 1) * sizeof(const char *));
	if (!e->attacks || !e->timer_attack_ns || !e->timer_follow_ns || !e->waits || !e->actions ||
	    !e->failed_actions)
		return err_set(err, -ENOMEM, "could not keep the method: out of memory");
	for (size_t i = 0; i < x->attacks_n; i++) {
		const struct method *m = x->attacks[i];

		e->attacks[i].m = m;
		e->attacks[i].instant = m->call.kind && m->call.kind->instant && !m->for_ns;
		follow_init(&e->attacks[i], m);
	}
	rc = node_init(e, &e->root, &x->method);
	if (rc < 0)
		return err_set(err, rc, "cannot walk the method of this experiment");
	return 0;
}

static void wait_start(struct experiment_state *e, struct engine_node *node)
{
	json_t *entry = engine_entry(e, "wait");

	json_object_set_new(entry, "seconds", json_real((double)node->m->for_ns / 1e9));
	engine_tell(e, entry);
	if (node->m->for_ns)
		engine_timer(e, TIMER_WAIT, node->number, e->now_ns + node->m->for_ns);
	else
		node->done = true;
}

static json_t *deed_entry(const struct experiment_state *e, const struct method *m,
                          const char *state)
{
	json_t *entry = engine_entry(e, "deed");

	entry_text(entry, "action", m->id);
	entry_text(entry, "name", m->call.name);
	entry_text(entry, "state", state);
	return entry;
}

static void leaf_start(struct experiment_state *e, struct engine_node *node)
{
	node->started = true;
	switch (node->m->type) {
	case METHOD_WAIT:
		wait_start(e, node);
		break;
	case METHOD_ACTION:
		engine_do(e, DO_DEED, node->number, 0);
		engine_tell(e, deed_entry(e, node->m, "started"));
		break;
	case METHOD_ATTACK:
		attack_put_order(e, node->number);
		break;
	case METHOD_IN_ORDER:
	case METHOD_TOGETHER:
		break;
	}
}

/* True when the node is done. */
static bool node_step(struct experiment_state *e, struct engine_node *node)
{
	bool all = true;

	if (node->done)
		return true;
	switch (node->m->type) {
	case METHOD_IN_ORDER:
		while (node->next < node->n && node_step(e, &node->children[node->next]))
			node->next++;
		node->done = node->next == node->n;
		return node->done;
	case METHOD_TOGETHER:
		for (size_t i = 0; i < node->n; i++)
			all &= node_step(e, &node->children[i]);
		node->done = all;
		return all;
	case METHOD_WAIT:
	case METHOD_ACTION:
	case METHOD_ATTACK:
		break;
	}
	if (!node->started) {
		if (!engine_has_room(e)) {
			engine_timer(e, TIMER_TURN, 0, e->now_ns);
			return false;
		}
		leaf_start(e, node);
	}
	if (node->m->type == METHOD_ATTACK)
		node->done = attack_is_passed(&e->attacks[node->number]);
	return node->done;
}

/* The last act of the method: what has no `for` is read and taken out. */
static bool take_the_rest(struct experiment_state *e)
{
	bool live = false;

	for (size_t i = 0; i < e->x->attacks_n; i++) {
		struct engine_attack *a = &e->attacks[i];

		if (a->state == ATTACK_IN && engine_has_room(e))
			attack_end(e, (uint32_t)i);
		live |= attack_is_live(a);
	}
	return !live;
}

bool method_step(struct experiment_state *e)
{
	return node_step(e, &e->root) && take_the_rest(e);
}

static uint64_t node_left_ns(const struct experiment_state *e, const struct engine_node *node)
{
	const struct engine_attack *a;
	uint64_t left = 0;

	if (node->done)
		return 0;
	switch (node->m->type) {
	case METHOD_WAIT:
		if (!node->started)
			return node->m->for_ns;
		return node->timer_ns > e->now_ns ? node->timer_ns - e->now_ns : 0;
	case METHOD_ACTION:
		return UINT64_MAX;
	case METHOD_ATTACK:
		a = &e->attacks[node->number];
		if (a->state == ATTACK_IDLE || a->state == ATTACK_SEEKING ||
		    a->state == ATTACK_PUTTING)
			return node->m->for_ns;
		return a->state == ATTACK_IN && a->end_ns > e->now_ns ? a->end_ns - e->now_ns : 0;
	case METHOD_IN_ORDER:
	case METHOD_TOGETHER:
		break;
	}
	for (size_t i = node->next; i < node->n; i++) {
		uint64_t one = node_left_ns(e, &node->children[i]);

		if (one == UINT64_MAX)
			return UINT64_MAX;
		if (node->m->type == METHOD_IN_ORDER)
			left += one;
		else
			left = one > left ? one : left;
	}
	return left;
}

uint64_t method_left_ns(const struct experiment_state *e)
{
	return node_left_ns(e, &e->root);
}

void method_deed(struct experiment_state *e, const struct event *ev)
{
	struct engine_node *node = e->actions[ev->id];
	const char *failure = ev->err ? ev->err->what : NULL;
	json_t *entry;

	if (!node || !node->started || node->done)
		return;
	node->done = true;
	if (!failure)
		failure = json_string_value(json_object_get(ev->doc, "error"));
	entry = deed_entry(e, node->m, failure ? "failed" : "done");
	entry_text(entry, "what", failure);
	if (ev->doc)
		json_object_set_new(entry, "doc", json_deep_copy(ev->doc));
	engine_tell(e, entry);
	if (!failure)
		return;
	/* It spoils the run, and is said; what comes after it may still be needed. */
	e->failed_actions[e->failed_actions_n] =
	        arena_printf(&e->arena, "\"%s\" failed: %s", node->m->id, failure);
	e->failed_actions_n += e->failed_actions[e->failed_actions_n] != NULL;
}
