/* abort.c - the limits that end a run: written ones, and the implied one. */
#include <stdio.h>
#include <string.h>

#include "model/reading.h"

enum { ABORTS_MAX = 1000, SAYS_MAX = 300 };

static bool steady_find(struct reading *r, const struct node *n, size_t *index)
{
	const struct experiment *x = r->x;
	const char *id;
	const char **ids = arena_alloc(r->arena, (x->steady_n + 1) * sizeof(*ids));
	r->no_memory = r->no_memory || ids == NULL;
	if (!get_text(r, n, "steady", &id) || ids == NULL)
		return false;
	for (size_t i = 0; i < x->steady_n; i++) {
		ids[i] = x->steady[i].id;
		if (strcmp(ids[i], id) == 0) {
			*index = i;
			return true;
		}
	}
	PROBLEM(r, node_get(n, "steady")->at, "unknown-steady",
	        x->steady_n > 0 ? hint_nearest(r->problems, id, ids)
	                        : "There is no probe under hypothesis: steady.",
	        "there is no steady probe \"%s\"", id);
	return false;
}

static const char *says(struct reading *r, const struct buf *b)
{
	const char *text = arena_strdup(r->arena, b->data);
	if (text == NULL)
		r->no_memory = true;
	return text != NULL ? text : "";
}

static const char *misses_say(struct reading *r, const struct abort_condition *a)
{
	BUF(b, SAYS_MAX);
	buf_addf(&b, "%s misses ", r->x->steady[a->steady].id);
	share_format(&b, a->misses_ppm);
	buf_add(&b, " over ");
	duration_format(&b, a->over_ns);
	return says(r, &b);
}

static void misses_read(struct reading *r, const struct node *n, struct abort_condition *a)
{
	bool found = steady_find(r, n, &a->steady);
	a->type = ABORT_MISSES;
	a->over_ns = 5 * NS_PER_S;
	keys_check(r, n, keys_misses);
	bool has = get_part(r, n, "misses", &a->misses_ppm);
	if (node_get(n, "misses") == NULL)
		PROBLEM(r, n->at, "missing-key", "Write for example misses: 20%.",
		        "the abort condition does not say how many \"misses\"");
	else if (has && a->misses_ppm == 0)
		PROBLEM(r, node_get(n, "misses")->at, "out-of-range", NULL,
		        "\"misses\" must be more than 0%%");
	(void)get_time(r, n, "over", &a->over_ns);
	if (found)
		a->says = misses_say(r, a);
}

static void slo_read(struct reading *r, const struct node *n, struct abort_condition *a)
{
	const struct node *slo = node_get(n, "slo");
	bool found = steady_find(r, n, &a->steady);
	a->type = ABORT_SLO;
	keys_check(r, n, keys_slo);
	if (node_get(n, "steady") == NULL)
		PROBLEM(r, n->at, "missing-key", "Name a probe: steady: ID.",
		        "the abort condition does not say whose error budget");
	unbuilt_add(r, key_at(n, "slo"), "an abort condition by \"slo\"");
	if (!map_wanted(r, slo, "\"slo\""))
		return;
	keys_check(r, slo, keys_budget);
	for (const struct key *k = keys_budget; k->name != NULL; k++)
		if (node_get(slo, k->name) == NULL)
			PROBLEM(r, slo->at, "missing-key",
			        "Write for example {objective: 99.9%, window: 30d, spend: 2%}.",
			        "\"slo\" does not say its \"%s\"", k->name);
	if (get_part(r, slo, "objective", &a->slo_objective_ppm) &&
	    (a->slo_objective_ppm == 0 || a->slo_objective_ppm == PPM_ALL))
		PROBLEM(r, node_get(slo, "objective")->at, "out-of-range", NULL,
		        "\"objective\" must be between 0%% and 100%%");
	(void)get_time(r, slo, "window", &a->slo_window_ns);
	(void)get_part(r, slo, "spend", &a->slo_spend_ppm);
	if (found) {
		BUF(b, SAYS_MAX);
		buf_addf(&b, "%s spends ", r->x->steady[a->steady].id);
		share_format(&b, a->slo_spend_ppm);
		buf_add(&b, " of its error budget");
		a->says = says(r, &b);
	}
}

static void look_read(struct reading *r, const struct node *n, struct abort_condition *a)
{
	const struct node *probe = node_get(n, "probe"), *when = node_get(n, "when");
	size_t word = 0;
	a->type = ABORT_PROBE;
	keys_check(r, n, keys_look);
	if (map_wanted(r, probe, "\"probe\"")) {
		if (probe->n != 1)
			PROBLEM(r, probe->at, "wrong-type",
			        "Write for example {pressure: {resource: memory}}.",
			        "\"probe\" must name one probe");
		else
			call_read(r, CALL_PROBE, probe->v[0].key, probe->v[0].key_at,
			          probe->v[0].value, "an abort condition", &a->look);
	}
	if (when == NULL)
		PROBLEM(r, n->at, "missing-key", "Write for example when: {status: \">= 500\"}.",
		        "the abort condition does not say \"when\"");
	else
		a->when = expect_compile(when, a->look.kind ? a->look.kind->fields : NULL, r->arena,
		                         r->problems);
	(void)get_quantity(r, n, "for", QUANTITY_DURATION, &a->for_ns);
	(void)get_time(r, n, "every", &a->every_ns);
	if (get_word(r, n, "on-error", words_on_error, &word))
		a->on_error_abort = word == 0;
	BUF(b, SAYS_MAX);
	buf_addf(&b, "%s: ", a->look.name != NULL ? a->look.name : "probe");
	if (a->when != NULL)
		expect_describe(a->when, &b);
	if (a->for_ns > 0) {
		buf_add(&b, " for ");
		duration_format(&b, a->for_ns);
	}
	a->says = says(r, &b);
}

static void abort_read(struct reading *r, const struct node *n, struct abort_condition *a)
{
	size_t word = 0;
	*a = (struct abort_condition){.at = n->at,
	                              .says = "",
	                              .on_error_abort = true,
	                              .every_ns = NS_PER_S,
	                              .look.levels = 1};
	if (!map_wanted(r, n, "an abort condition"))
		return;
	if (get_word(r, n, "verdict", words_verdict, &word))
		a->inconclusive = word == 1;
	if (node_get(n, "probe") != NULL)
		look_read(r, n, a);
	else if (node_get(n, "slo") != NULL)
		slo_read(r, n, a);
	else if (node_get(n, "steady") != NULL)
		misses_read(r, n, a);
	else
		PROBLEM(r, n->at, "missing-key",
		        "Write for example {steady: ID, misses: 20%, over: 5s}, or {probe: …, "
		        "when: …}.",
		        "the abort condition names neither \"steady\" nor \"probe\"");
}

/* Left out: any steady probe missing half of its looks over 5 s, unless the file says that so many
 * may miss: who tolerates half of them has not forgotten to say when to stop. */
static void implied(struct reading *r)
{
	struct experiment *x = r->x;
	x->aborts = reading_alloc(r, x->steady_n * sizeof(*x->aborts));
	for (size_t i = 0; x->aborts != NULL && i < x->steady_n; i++) {
		if (x->steady[i].tolerate_ppm >= PPM_ALL / 2)
			continue;
		struct abort_condition *a = &x->aborts[x->aborts_n++];
		uint64_t two = 2 * x->steady[i].every_ns;
		*a = (struct abort_condition){.type = ABORT_MISSES,
		                              .steady = i,
		                              .misses_ppm = PPM_ALL / 2,
		                              .over_ns = two > 5 * NS_PER_S ? two : 5 * NS_PER_S,
		                              .on_error_abort = true,
		                              .implied = true,
		                              .look.levels = 1,
		                              .at = x->steady[i].at};
		a->says = misses_say(r, a);
	}
}

void aborts_read(struct reading *r, const struct node *root)
{
	struct experiment *x = r->x;
	const struct node *n = node_get(root, "abort");
	if (n == NULL) {
		implied(r);
		return;
	}
	if (n->type == NODE_NULL || !list_wanted(r, n, "\"abort\""))
		return;
	if (n->n > ABORTS_MAX) {
		PROBLEM(r, n->at, "out-of-range", NULL, "more than %d abort conditions",
		        ABORTS_MAX);
		return;
	}
	x->aborts = reading_alloc(r, n->n * sizeof(*x->aborts));
	for (size_t i = 0; x->aborts != NULL && i < n->n; i++) {
		x->aborts_n++;
		abort_read(r, n->v[i].value, &x->aborts[i]);
	}
}
