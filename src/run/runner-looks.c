/* Looks and deeds in flight: started at their due time, several at once, cancelled at will. */
#include <errno.h>
#include <stdlib.h>

#include "base/boundary.h"
#include "io/jq.h"
#include "probe/probe.h"
#include "run/runner-state.h"

struct flight {
	struct flight *next, **prev;
	struct runner *r;
	bool deed;
	uint32_t id;
	uint64_t due_ns, late_ns;
	const struct probe *probe;
	const struct action *action;
	struct timer *timer; /* not due yet */
	struct look *look;
	struct deed *acting;
	json_t *doc; /* while its filter runs */
	struct jq_run *filtering;
};

/* A compiled filter, kept for the next look of the same id. */
struct filter {
	struct filter *next;
	uint32_t look;
	struct jq_filter *jq;
};

static const struct call *call_of(const struct runner *r, uint32_t look,
                                  const struct expect **expect)
{
	size_t i = look_index(look);
	*expect = NULL;
	switch (look_kind_of(look)) {
	case LOOK_STEADY:
		if (i >= r->x->steady_n)
			return NULL;
		*expect = r->x->steady[i].expect;
		return &r->x->steady[i].look;
	case LOOK_CONTROL:
		if (i >= r->x->steady_n)
			return NULL;
		*expect = r->x->steady[i].expect;
		return r->x->steady[i].control;
	case LOOK_ABORT:
		if (i >= r->x->aborts_n)
			return NULL;
		*expect = r->x->aborts[i].when;
		return &r->x->aborts[i].look;
	}
	return NULL;
}

static void flight_free(struct flight *f)
{
	if (f->next)
		f->next->prev = f->prev;
	*f->prev = f->next;
	timer_free(f->timer);
	json_decref(f->doc);
	free(f);
}

static struct flight *flight_new(struct runner *r, uint32_t id, bool deed)
{
	struct flight *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->r = r;
	f->id = id;
	f->deed = deed;
	f->prev = &r->flights;
	f->next = r->flights;
	if (f->next)
		f->next->prev = &f->next;
	r->flights = f;
	return f;
}

/* The last thing that happens to a look; frees it. jq: -1 failed, 0 or 1 said, -2 not asked. */
static void looked(struct flight *f, json_t *doc, int jq, const struct err *err)
{
	struct runner *r = f->r;
	uint32_t id = f->id;
	json_t *ev = json_pack("{s:I, s:I}", "due", (json_int_t)f->due_ns, "late",
	                       (json_int_t)f->late_ns);
	if (doc)
		json_object_set_new(ev, "doc", doc);
	if (err)
		json_object_set_new(ev, "error", json_string(err->what));
	if (jq != -2)
		json_object_set_new(ev, "jq", json_integer(jq));
	flight_free(f);
	runner_post(r, EV_LOOK, id, ev, NULL);
}

static struct jq_filter *filter_of(struct runner *r, uint32_t look, const char *text,
                                   struct err *err)
{
	for (struct filter *f = r->filters; f; f = f->next)
		if (f->look == look)
			return f->jq;
	struct filter *f = calloc(1, sizeof(*f));
	struct jq_filter *jq = f ? jq_filter_new(text, err) : NULL;
	if (!jq) {
		free(f);
		return NULL;
	}
	*f = (struct filter){r->filters, look, jq};
	r->filters = f;
	return jq;
}

static void filtered(void *ctx, int said, const struct err *err)
{
	struct flight *f = ctx;
	json_t *doc = f->doc;
	f->doc = NULL;
	f->filtering = NULL;
	looked(f, doc, said, said < 0 ? err : NULL);
}

static void look_answered(void *ctx, json_t *doc, const struct err *err)
{
	struct flight *f = ctx;
	f->look = NULL;
	const struct expect *expect = NULL;
	(void)call_of(f->r, f->id, &expect);
	const char *text = doc && expect ? expect_jq(expect) : NULL;
	if (!text) {
		looked(f, doc, -2, doc ? NULL : err);
		return;
	}
	struct err why = ERR_INIT;
	struct jq_filter *jq = filter_of(f->r, f->id, text, &why);
	f->doc = doc;
	if (!jq || jq_filter_start(f->r->loop, jq, doc, 0, filtered, f, &f->filtering, &why) < 0)
		filtered(f, -1, &why);
}

static void deed_answered(void *ctx, json_t *doc, const struct err *err)
{
	struct flight *f = ctx;
	struct runner *r = f->r;
	uint32_t id = f->id;
	f->acting = NULL;
	flight_free(f);
	runner_post(r, EV_DEED, id, doc, doc ? NULL : err);
}

static void look_due(void *ctx)
{
	struct flight *f = ctx;
	struct runner *r = f->r;
	const struct expect *expect;
	const struct call *call = call_of(r, f->id, &expect);
	struct err err = ERR_INIT;
	uint64_t now = loop_now_ns(r->loop);
	f->late_ns = now > f->due_ns ? now - f->due_ns : 0;
	f->probe = call && call->kind ? probe_of(call->kind) : NULL;
	int rc = f->probe ? f->probe->start(r->loop, r->o->world, call->args,
	                                    (struct span){f->due_ns, f->due_ns}, look_answered, f,
	                                    &f->look, &err)
	                  : err_set(&err, -ENOSYS, "no such probe");
	if (rc < 0)
		looked(f, NULL, -2, &err);
}

void runner_look(struct runner *r, uint32_t id, uint64_t due_ns)
{
	struct flight *f = flight_new(r, id, false);
	if (!f)
		return;
	f->due_ns = due_ns;
	if (due_ns <= loop_now_ns(r->loop)) {
		look_due(f);
		return;
	}
	f->timer = timer_new(r->loop, look_due, f);
	if (f->timer)
		timer_set(f->timer, due_ns);
	else
		look_due(f);
}

void runner_deed(struct runner *r, uint32_t i)
{
	const struct call *call = &r->x->actions[i]->call;
	const struct action *action = call->kind ? action_of(call->kind) : NULL;
	struct err err = ERR_INIT;
	struct flight *f = action ? flight_new(r, i, true) : NULL;
	int rc = f ? 0 : err_set(&err, -ENOSYS, "could not start \"%s\"", call->name);
	BOUNDARY("runner deed");
	if (action && f) {
		f->action = action;
		rc = action->start(r->loop, r->o->world, call->args, deed_answered, f, &f->acting,
		                   &err);
	}
	if (rc < 0) {
		if (f)
			flight_free(f);
		runner_post(r, EV_DEED, i, NULL, &err);
	}
}

void runner_cancel(struct runner *r, uint32_t id)
{
	for (struct flight *next, *f = r->flights; f; f = next) {
		next = f->next;
		if (id != UINT32_MAX && (f->deed || f->id != id))
			continue;
		if (f->look)
			f->probe->cancel(f->look);
		if (f->acting)
			f->action->cancel(f->acting);
		jq_run_cancel(f->filtering);
		flight_free(f);
	}
}

void looks_release(struct runner *r)
{
	runner_cancel(r, UINT32_MAX);
	for (struct filter *next, *f = r->filters; f; f = next) {
		next = f->next;
		jq_filter_free(f->jq);
		free(f);
	}
	r->filters = NULL;
}
