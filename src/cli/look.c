/* Looks at probes once, on a loop of their own. */
#include "cli/look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/jq.h"
#include "io/loop.h"
#include "probe/probe.h"

struct gaze {
	struct glances *all;
	struct glance *g;
	struct look *look;
	struct jq_filter *filter;
	struct jq_run *run;
};

struct glances {
	struct loop *loop;
	struct gaze *v;
	size_t n, left;
};

static void gaze_done(struct gaze *z)
{
	struct glance *g = z->g;
	BUF(why, sizeof(g->why));

	if (g->expect) {
		g->held = expect_check(g->expect, g->doc, g->jq_said, &why);
		(void)!text_copy(g->why, sizeof(g->why), why.data);
	}
	if (--z->all->left == 0)
		loop_stop(z->all->loop);
}

static void jq_said(void *ctx, int said, const struct err *err)
{
	struct gaze *z = ctx;

	z->run = NULL;
	z->g->jq_said = said;
	if (said < 0 && err)
		z->g->err = *err;
	gaze_done(z);
}

static void answered(void *ctx, json_t *doc, const struct err *err)
{
	struct gaze *z = ctx;
	const char *filter = z->g->expect ? expect_jq(z->g->expect) : NULL;

	z->look = NULL;
	z->g->doc = doc;
	if (!doc && err)
		z->g->err = *err;
	if (doc && filter) {
		z->filter = jq_filter_new(filter, &z->g->err);
		if (z->filter && jq_filter_start(z->all->loop, z->filter, doc, 0, jq_said, z,
		                                 &z->run, &z->g->err) == 0)
			return;
	}
	gaze_done(z);
}

static void gaze_start(const struct world *w, struct gaze *z)
{
	const struct probe *probe = probe_of(z->g->kind);
	uint64_t now = loop_now_ns(z->all->loop);
	struct span when = {now, now};
	int ret;

	z->g->jq_said = -1;
	ret = probe ? probe->start(z->all->loop, w, z->g->args, when, answered, z, &z->look,
	                           &z->g->err)
	            : err_set(&z->g->err, -ENOSYS, "probe \"%s\" is not built in",
	                      z->g->kind->name);
	if (ret < 0)
		gaze_done(z);
}

static void too_late(void *ctx)
{
	struct glances *all = ctx;

	loop_stop(all->loop);
}

int look_at(const struct world *w, struct glance *glances, size_t n, uint64_t limit_ns,
            struct err *err)
{
	struct glances all = {.n = n, .left = n};
	struct timer *limit;

	if (!n)
		return 0;
	all.loop = loop_new(err);
	if (!all.loop)
		return err && err->code ? err->code : -ENOMEM;
	all.v = calloc(n, sizeof(*all.v));
	limit = timer_new(all.loop, too_late, &all);
	if (!all.v || !limit) {
		free(all.v);
		loop_free(all.loop);
		return err_sys(err, ENOMEM, "could not look");
	}
	timer_set(limit, loop_now_ns(all.loop) + limit_ns);
	for (size_t i = 0; i < n; i++) {
		all.v[i] = (struct gaze){.all = &all, .g = &glances[i]};
		gaze_start(w, &all.v[i]);
	}
	if (all.left)
		loop_run(all.loop);
	for (size_t i = 0; i < n; i++) {
		struct gaze *z = &all.v[i];

		if (z->look || z->run)
			(void)err_set(&z->g->err, -ETIMEDOUT, "no answer in time");
		if (z->look)
			probe_of(z->g->kind)->cancel(z->look);
		jq_run_cancel(z->run);
		jq_filter_free(z->filter);
	}
	timer_free(limit);
	loop_free(all.loop);
	free(all.v);
	return 0;
}

void glance_release(struct glance *g)
{
	json_decref(g->doc);
	g->doc = NULL;
}
