/* What a look keeps for the next one of its kind. */
#include "probe/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "io/loop.h"
#include "probe/aside.h"
#include "probe/doc.h"

struct memory {
	struct loop_local local; /* its key is the args */
	json_t *doc;             /* NULL: nothing */
	struct look *first, **last;
};

struct look {
	struct loop *loop;
	const struct world *world;
	struct kept_spec spec;
	char *what;
	const void *args;
	uint64_t due_ns, begun_ns;
	look_done *done;
	void *ctx;
	struct memory *memory;
	struct look *next;
	struct timer *timer; /* its turn, then the second reading */
	struct aside *aside;
};

static void memory_release(struct loop_local *local)
{
	struct memory *m = (struct memory *)local; /* its first member */
	json_decref(m->doc);
	free(m);
}

static struct memory *memory_of(struct loop *loop, const void *args)
{
	struct memory *m = (struct memory *)loop_local_find(loop, args);
	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->local = (struct loop_local){.key = args, .release = memory_release};
	m->last = &m->first;
	loop_local_add(loop, &m->local);
	return m;
}

/* Off the queue; the next one has its turn. */
static void look_free(struct look *l)
{
	struct memory *m = l->memory;
	bool was_first = m && m->first == l;
	if (m) {
		struct look **at = &m->first;
		while (*at && *at != l)
			at = &(*at)->next;
		if (*at)
			*at = l->next;
		if (m->last == &l->next)
			m->last = at;
	}
	if (was_first && m->first)
		timer_set(m->first->timer, clock_boot_ns());
	timer_free(l->timer);
	free(l->what);
	free(l);
}

static json_t *read_aside(const struct world *w, const void *args, struct err *err)
{
	const struct look *l = args;
	return l->spec.read(w, l->args, l->memory->doc, err);
}

static void read_done(void *ctx, json_t *doc, const struct err *err)
{
	struct look *l = ctx;
	struct memory *m = l->memory;
	l->aside = NULL;
	if (doc) {
		json_t *kept = json_incref(json_object_get(doc, "kept"));
		bool again = kept && l->spec.over_ns && !m->doc;
		(void)json_object_del(doc, "kept");
		json_decref(m->doc);
		m->doc = kept;
		if (again) {
			json_decref(doc);
			timer_set(l->timer, l->begun_ns + l->spec.over_ns);
			return;
		}
	}
	look_done *done = l->done;
	void *to = l->ctx;
	look_free(l);
	done(to, doc, err);
}

static void look_read(void *ctx)
{
	struct look *l = ctx;
	struct err err = ERR_INIT;
	l->begun_ns = clock_boot_ns();
	if (l->spec.here) {
		json_t *doc = l->spec.read(l->world, l->args, l->memory->doc, &err);
		if (doc)
			doc_seconds(doc, "seconds", clock_boot_ns() - l->due_ns);
		read_done(l, doc, doc ? NULL : &err);
	} else if (aside_start(l->loop, l->world, read_aside, l, l->what, l->due_ns,
	                       l->spec.timeout_ns, read_done, l, &l->aside, &err) < 0) {
		read_done(l, NULL, &err);
	}
}

int kept_start(struct loop *loop, const struct world *w, const struct kept_spec *spec,
               const void *args, struct span when, look_done *done, void *ctx, struct look **out,
               struct err *err)
{
	struct look *l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(err, ENOMEM, "could not look at %.200s", spec->what);
	*l = (struct look){.loop = loop,
	                   .world = w,
	                   .spec = *spec,
	                   .what = strdup(spec->what),
	                   .args = args,
	                   .due_ns = when.to_ns,
	                   .done = done,
	                   .ctx = ctx};
	l->timer = timer_new(loop, look_read, l);
	struct memory *m = l->timer && l->what ? memory_of(loop, args) : NULL;
	if (!m) {
		look_free(l);
		return err_sys(err, ENOMEM, "could not look at %.200s", spec->what);
	}
	l->memory = m;
	*m->last = l;
	m->last = &l->next;
	if (m->first == l)
		timer_set(l->timer, clock_boot_ns());
	*out = l;
	return 0;
}

void kept_cancel(struct look *l)
{
	if (l->aside)
		aside_cancel(l->aside);
	look_free(l);
}

double kept_elapsed(const json_t *before, uint64_t now_ns)
{
	uint64_t then = (uint64_t)json_integer_value(json_object_get(before, "t"));
	return then && now_ns > then ? (double)(now_ns - then) / 1e9 : 0;
}

double kept_grown(const json_t *before, const char *name, double now)
{
	const json_t *was = json_object_get(before, name);
	double then = json_number_value(was);
	return json_is_number(was) && now > then ? now - then : 0;
}
