/* hypothesis.c - what should hold: steady-state probes and monitors. */
#include <stdio.h>
#include <string.h>

#include "model/reading.h"

enum { PROBES_MAX = 500, CONTROL_MAX = 100, EVERY_MIN_MS = 1 };

/* The one key that is not among `known`, which must be a probe's name. */
static const struct node_item *probe_key(struct reading *r, const struct node *map,
                                         const struct key *known, const char *what)
{
	const struct node_item *found = NULL;
	for (size_t i = 0; i < map->n; i++) {
		const struct node_item *item = &map->v[i];
		if (key_find(known, item->key) != NULL)
			continue;
		if (!call_known(r, CALL_PROBE, item->key)) {
			/* A misspelt key rather than a probe, when a key is the nearer one. */
			struct arena *a = r->problems->arena;
			const char *key =
			        word_nearest(r->problems, item->key, keys_names(a, known));
			const char *probe =
			        word_nearest(r->problems, item->key, call_names(r, CALL_PROBE));
			const char *near = key == NULL ? probe : key;
			if (key != NULL && probe != NULL &&
			    text_distance(item->key, probe, 99) < text_distance(item->key, key, 99))
				near = probe;
			PROBLEM(r, item->key_at, "unknown-key",
			        near != NULL ? arena_printf(a, "Did you mean \"%s\"?", near)
			                     : "\"squall probes\" lists the probes.",
			        "\"%s\" is neither a key of %s nor a probe", item->key, what);
			if (probe == near && near != NULL && found == NULL)
				return NULL; /* it was meant as the probe */
			continue;
		}
		if (found != NULL)
			PROBLEM(r, item->key_at, "two-probes", "Write two entries.",
			        "%s has two probes, \"%s\" and \"%s\"", what, found->key,
			        item->key);
		else
			found = item;
	}
	return found;
}

/* Did the entry name something that could have been its probe? Then its lack was said already. */
static bool only_known(const struct node *map, const struct key *known)
{
	for (size_t i = 0; i < map->n; i++)
		if (key_find(known, map->v[i].key) == NULL)
			return false;
	return true;
}

/* `over` laid over `under`: what the control changes of the look's parameters. */
static const struct node *overlay(struct reading *r, const struct node *under,
                                  const struct node *over)
{
	struct node *made = reading_alloc(r, sizeof(*made));
	size_t n = (under != NULL ? under->n : 0) + over->n, at = 0;
	struct node_item *v = reading_alloc(r, (n + 1) * sizeof(*v));
	if (made == NULL || v == NULL)
		return over;
	for (size_t i = 0; under != NULL && i < under->n; i++)
		if (node_get(over, under->v[i].key) == NULL)
			v[at++] = under->v[i];
	for (size_t i = 0; i < over->n; i++)
		v[at++] = over->v[i];
	*made = (struct node){.type = NODE_MAP, .at = over->at, .n = at, .v = v};
	return made;
}

static void control_read(struct reading *r, const struct node *n, struct steady *s)
{
	char whose[128];
	const struct node *map = n;
	if (s->look.kind == NULL)
		return;
	snprintf(whose, sizeof(whose), "the control of \"%.80s\"", s->id);
	s->control = reading_alloc(r, sizeof(*s->control));
	map = call_map(r->arena, s->look.kind, n);
	if (s->control == NULL || map == NULL) {
		(void)map_wanted(r, n, "\"control\"");
		return;
	}
	if (map->n > CONTROL_MAX) {
		PROBLEM(r, n->at, "out-of-range", NULL, "%s has too many parameters", whose);
		return;
	}
	call_read(r, CALL_PROBE, s->look.name, n->at, overlay(r, s->look.with, map), whose,
	          s->control);
	unbuilt_add(r, n->at, "%s", whose);
}

static void steady_read(struct reading *r, const struct node *n, struct steady *s)
{
	size_t word = 0;
	char whose[128];
	*s = (struct steady){.at = n->at, .every_ns = NS_PER_S, .id = "", .look.levels = 1};
	if (!map_wanted(r, n, "a steady probe"))
		return;
	const struct node_item *probe = probe_key(r, n, keys_steady, "a steady probe");
	s->id = id_read(r, n, probe != NULL ? probe->key : "probe");
	snprintf(whose, sizeof(whose), "\"%.80s\"", s->id);
	if (probe != NULL)
		call_read(r, CALL_PROBE, probe->key, probe->key_at, probe->value, whose, &s->look);
	else if (only_known(n, keys_steady))
		PROBLEM(r, n->at, "missing-probe", "Write for example http: {url: …}.",
		        "steady probe \"%s\" does not say what to look at", s->id);
	if (get_time(r, n, "every", &s->every_ns) && s->every_ns < EVERY_MIN_MS * NS_PER_MS)
		PROBLEM(r, node_get(n, "every")->at, "out-of-range", NULL,
		        "\"every\" must be at least 1ms");
	(void)get_part(r, n, "tolerate", &s->tolerate_ppm);
	if (get_word(r, n, "on-miss", words_on_miss, &word))
		s->on_miss = word == 1 ? ON_MISS_STOP : ON_MISS_CARRY_ON;
	const struct node *expect = node_get(n, "expect"), *control = node_get(n, "control");
	if (expect != NULL)
		s->expect = expect_compile(expect, s->look.kind ? s->look.kind->fields : NULL,
		                           r->arena, r->problems);
	else
		PROBLEM(r, n->at, "missing-key", "Write for example expect: {status: 200}.",
		        "steady probe \"%s\" does not say what to expect", s->id);
	if (control != NULL)
		control_read(r, control, s);
}

static void monitor_read(struct reading *r, const struct node *n, struct monitor *m)
{
	char whose[128];
	*m = (struct monitor){.at = n->at, .id = "", .look.levels = 1};
	if (!map_wanted(r, n, "a monitor"))
		return;
	const struct node_item *probe = probe_key(r, n, keys_monitor, "a monitor");
	m->id = id_read(r, n, probe != NULL ? probe->key : "monitor");
	snprintf(whose, sizeof(whose), "monitor \"%.80s\"", m->id);
	unbuilt_add(r, n->at, "%s%s%s%s", whose, probe ? " (" : "", probe ? probe->key : "",
	            probe ? ")" : "");
	size_t unbuilt = r->x->unbuilt_n;
	if (probe != NULL)
		call_read(r, CALL_PROBE, probe->key, probe->key_at, probe->value, whose, &m->look);
	else if (only_known(n, keys_monitor))
		PROBLEM(r, n->at, "missing-probe", "Write for example alertmanager: {url: …}.",
		        "%s does not say what to look at", whose);
	r->x->unbuilt_n = unbuilt; /* the monitor itself stands for its parts */
	const struct node *expect = node_get(n, "expect");
	if (expect != NULL)
		m->expect = expect_compile(expect, m->look.kind ? m->look.kind->fields : NULL,
		                           r->arena, r->problems);
	bool fires = get_time(r, n, "fires-within", &m->fires_ns);
	bool clears = get_time(r, n, "clears-within", &m->clears_ns);
	if (!fires && !clears && !node_get(n, "fires-within") && !node_get(n, "clears-within"))
		PROBLEM(r, n->at, "missing-key", "Write for example fires-within: 30s.",
		        "%s does not say when it should fire or clear", whose);
}

static size_t entries(struct reading *r, const struct node *list, const char *what)
{
	if (list == NULL || list->type == NODE_NULL || !list_wanted(r, list, what))
		return 0;
	if (list->n <= PROBES_MAX)
		return list->n;
	PROBLEM(r, list->at, "out-of-range", NULL, "%s has more than %d entries", what, PROBES_MAX);
	return PROBES_MAX;
}

void hypothesis_read(struct reading *r, const struct node *root)
{
	struct experiment *x = r->x;
	const struct node *n = node_get(root, "hypothesis");
	if (n == NULL || n->type == NODE_NULL || !map_wanted(r, n, "\"hypothesis\""))
		return;
	keys_check(r, n, keys_hypothesis);
	(void)get_text(r, n, "says", &x->says);
	(void)get_quantity(r, n, "baseline", QUANTITY_DURATION, &x->baseline_ns);
	const struct node *steady = node_get(n, "steady"), *monitors = node_get(n, "monitors");
	size_t steady_n = entries(r, steady, "\"steady\"");
	size_t monitors_n = entries(r, monitors, "\"monitors\"");
	x->steady = reading_alloc(r, steady_n * sizeof(*x->steady));
	x->monitors = reading_alloc(r, monitors_n * sizeof(*x->monitors));
	for (size_t i = 0; x->steady != NULL && i < steady_n; i++)
		steady_read(r, steady->v[i].value, &x->steady[x->steady_n++]);
	for (size_t i = 0; x->monitors != NULL && i < monitors_n; i++)
		monitor_read(r, monitors->v[i].value, &x->monitors[x->monitors_n++]);
}
