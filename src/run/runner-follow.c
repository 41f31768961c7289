/* Targets that end while they are attacked, and what comes in their place. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/quantity.h"
#include "io/child.h"
#include "machine/cgroup.h"
#include "machine/netns.h"
#include "run/runner-state.h"

#define LOOK_NS (250 * NS_PER_MS)       /* at groups and namespaces, which nothing tells about */
#define RESOLVE_LIMIT_NS (5 * NS_PER_S) /* of a look for what comes */

enum { FOUND_MAX = 32 << 20 };

static const struct selector *selector_of(const struct attack *a)
{
	return &a->r->x->attacks[a->i]->selector;
}

/* What is gone */

static void watch_stop(struct target_watch *w)
{
	watch_free(w->watch);
	w->watch = NULL;
	fd_close(&w->pidfd);
}

static void gone(struct target_watch *w)
{
	const struct attack *a = w->attack;

	watch_stop(w);
	if (w->gone)
		return;
	w->gone = true;
	runner_post(a->r, EV_TARGET_GONE, a->i,
	            json_pack("{s:s}", "target", a->targets.v[w->i].name), NULL);
}

static void process_ended(void *ctx, unsigned events)
{
	gone(ctx);
}

/* A group that is a unit's or a container's is gone also when nobody is left in it. */
static bool group_is_gone(const struct world *w, const struct target *t)
{
	uint64_t ino;
	pid_t pid;

	if (!t->group[0])
		return t->proc.pid && !proc_id_alive(w, t->proc);
	if (world_inode(w, t->group, &ino, NULL, NULL) < 0 || ino != t->group_ino)
		return true;
	return t->proc.pid && !proc_id_alive(w, t->proc) &&
	       cgroup_processes_below(w, t->group, &pid, 1) == 0;
}

static bool target_is_gone(const struct world *w, const struct target *t)
{
	char path[NETNS_PATH_MAX];
	uint64_t ino;

	switch (t->kind) {
	case TARGET_HOST:
		return false;
	case TARGET_PROCESS:
		return !proc_id_alive(w, t->proc);
	case TARGET_CGROUP:
		return group_is_gone(w, t);
	case TARGET_NETNS:
		if (t->proc.pid)
			return !proc_id_alive(w, t->proc);
		return netns_find(w, t->netns, path, &ino, NULL) < 0 || ino != t->netns_ino;
	}
	return false;
}

static void look_around(void *ctx)
{
	struct attack *a = ctx;

	if (!a->watches)
		return;
	for (size_t i = 0; i < a->targets.n; i++) {
		struct target_watch *w = &a->watches[i];

		if (!w->gone && w->pidfd < 0 && target_is_gone(a->r->o->world, &a->targets.v[i]))
			gone(w);
	}
	timer_set(a->look, loop_now_ns(a->r->loop) + LOOK_NS);
}

static void watch_one(struct attack *a, size_t i)
{
	const struct target *t = &a->targets.v[i];
	struct target_watch *w = &a->watches[i];
	bool by_process = t->kind == TARGET_PROCESS || (t->kind == TARGET_NETNS && t->proc.pid);
	struct err ignored = ERR_INIT;

	*w = (struct target_watch){.attack = a, .i = i, .pidfd = -1};
	if (by_process) {
		w->pidfd = proc_id_open(a->r->o->world, t->proc, &ignored);
		if (w->pidfd < 0)
			gone(w);
		else
			w->watch = watch_new(a->r->loop, w->pidfd, WATCH_READ, process_ended, w,
			                     &ignored);
	} else if (t->kind != TARGET_HOST && !a->look) {
		a->look = timer_new(a->r->loop, look_around, a);
		if (a->look)
			timer_set(a->look, loop_now_ns(a->r->loop) + LOOK_NS);
	}
}

void targets_watch(struct attack *a)
{
	/* A fault that is over once applied may well have ended its target: that was the point. */
	if (a->watches || a->r->x->attacks[a->i]->call.kind->instant)
		return;
	a->watches = calloc(a->targets.n ? a->targets.n : 1, sizeof(*a->watches));
	for (size_t i = 0; a->watches && i < a->targets.n; i++)
		watch_one(a, i);
}

void targets_unwatch(struct attack *a)
{
	for (size_t i = 0; a->watches && i < a->targets.n; i++)
		watch_stop(&a->watches[i]);
	free(a->watches);
	a->watches = NULL;
	timer_free(a->look);
	a->look = NULL;
}

/* What comes: looked for in a process of its own, because a container engine that hangs, or ten
 * thousand processes, must not hold up an abort. */

struct lookout {
	struct attack *attack;
	struct child *child;
};

struct found_head {
	int code;
	size_t n;
	struct err err;
};

static int look_there(void *ctx)
{
	const struct lookout *l = ctx;
	const struct attack *a = l->attack;
	const struct runner *r = a->r;
	struct world w = *r->o->world;
	struct found_head head = {.err = ERR_INIT};
	struct targets found = {0};
	struct arena arena;

	w.root = CHILD_KEPT_FD;
	arena_init(&arena, FOUND_MAX);
	head.code = resolve_matches(&w, selector_of(a), r->x->attacks[a->i]->call.kind, r->spare,
	                            r->spare_n, &arena, &found, &head.err);
	head.n = head.code < 0 ? 0 : found.n;
	return write_all(STDOUT_FILENO, &head, sizeof(head)) < 0 ||
	       write_all(STDOUT_FILENO, found.v, head.n * sizeof(*found.v)) < 0;
}

/* Puts what has come in the places of what is gone; returns their names. */
static json_t *take_in(struct attack *a, const struct target *now, size_t n)
{
	json_t *names = json_array();
	size_t targets = a->targets.n + 1;
	_cleanup_free_ bool *away = calloc(targets, sizeof(*away));
	_cleanup_free_ bool *came = calloc(targets, sizeof(*came));

	if (!away || !came)
		return names;
	for (size_t i = 0; i < a->targets.n; i++)
		away[i] = a->watches[i].gone;
	if (targets_follow(&a->targets, away, now, n, attack_seed(a->r->o->seed, a->i), ++a->looks,
	                   &a->r->arena, came) <= 0)
		return names;
	for (size_t i = 0; i < a->targets.n; i++) {
		if (!came[i])
			continue;
		a->fresh = true;
		a->watches[i].gone = false;
		json_array_append_new(names, json_string(a->targets.v[i].name));
	}
	return names;
}

static json_t *found_take(struct attack *a, const struct found_head *head,
                          const struct child_text *text)
{
	/* Aligned, which the text is not. */
	_cleanup_free_ struct target *now = calloc(head->n + 1, sizeof(*now));

	if (!now || text->n != sizeof(*head) + head->n * sizeof(*now))
		return json_array();
	memcpy(now, text->data + sizeof(*head), head->n * sizeof(*now));
	return take_in(a, now, head->n);
}

static void looked(void *ctx, const struct child_result *result, const struct err *failed)
{
	struct lookout *l = ctx;
	struct attack *a = l->attack;
	struct found_head head;
	struct err err = ERR_INIT;
	json_t *came = NULL;

	free(l);
	a->lookout = NULL;
	if (!result || result->out.n < sizeof(head)) {
		err_set(&err, -EIO, "could not look for what comes: %s",
		        failed ? failed->what : "it took too long");
		runner_post(a->r, EV_RESOLVED, a->i, NULL, &err);
		return;
	}
	memcpy(&head, result->out.data, sizeof(head));
	/* What ended meanwhile is said before, so that the engine counts as this does. */
	for (size_t i = 0; a->watches && i < a->targets.n; i++) {
		if (!a->watches[i].gone && target_is_gone(a->r->o->world, &a->targets.v[i]))
			gone(&a->watches[i]);
	}
	if (a->watches && head.code == 0)
		came = found_take(a, &head, &result->out);
	runner_post(a->r, EV_RESOLVED, a->i, json_pack("{s:o}", "came", came ? came : json_array()),
	            head.code < 0 ? &head.err : NULL);
	for (size_t i = 0; a->watches && i < a->targets.n; i++) {
		if (!a->watches[i].gone && !a->watches[i].watch)
			watch_one(a, i);
	}
}

void runner_follow(struct attack *a)
{
	struct lookout *l = a->lookout ? NULL : calloc(1, sizeof(*l));
	struct child_spec spec = {.run = look_there,
	                          .run_ctx = l,
	                          .keep_fd = a->r->o->world->root,
	                          .limit_ns = RESOLVE_LIMIT_NS,
	                          .out_max = FOUND_MAX};
	struct err err = ERR_INIT;

	if (!l)
		return; /* the answer to the last order is still to come */
	targets_watch(a);
	l->attack = a;
	if (child_start(a->r->loop, &spec, looked, l, &l->child, &err) < 0) {
		free(l);
		runner_post(a->r, EV_RESOLVED, a->i, NULL, &err);
		return;
	}
	a->lookout = l;
}

void targets_release(struct attack *a)
{
	targets_unwatch(a);
	if (a->lookout)
		child_cancel(a->lookout->child);
	free(a->lookout);
	a->lookout = NULL;
}
