/* Host names of an attack that get other addresses while it is in effect. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "base/quantity.h"
#include "io/child.h"
#include "run/attack-names.h"
#include "run/runner-state.h"

#define LOOK_UP_NS (2 * NS_PER_S) /* between an answer and the next question */

struct name_watch {
	struct attack *attack;
	struct timer *timer;
	struct child *child; /* that looks up; NULL: none */
	bool failed;         /* the last time, and said so */
};

int names_arm(struct attack *a, struct err *err)
{
	struct runner *r = a->r;
	int ret = attack_names(r->x, r->x->attacks[a->i], &r->arena, &a->names, err);

	return ret < 0 ? ret : names_resolve(r->o->world, a->names, err);
}

static int look_up_there(void *ctx)
{
	const struct name_watch *w = ctx;
	struct names_answer answer = {.err = ERR_INIT, .names = *w->attack->names};

	answer.code = names_look_up(w->attack->r->o->world, &answer.names, &answer.err);
	return write_all(STDOUT_FILENO, &answer, sizeof(answer)) < 0;
}

static void note(struct attack *a, const char *text)
{
	runner_tell(a->r, json_pack("{s:s, s:s}", "type", "note", "text", text));
}

/* "db.test" is 10.0.0.8 now */
static void change_tell(struct attack *a, const struct host_name *name)
{
	BUF(text, 2048);

	buf_addf(&text, "\"%s\" is ", name->text);
	for (size_t i = 0; i < name->n; i++) {
		char one[INET6_ADDRSTRLEN] = "";

		(void)inet_ntop(name->v[i].family, name->v[i].bytes, one, sizeof(one));
		buf_addf(&text, "%s%s", i ? ", " : "", one);
	}
	buf_add(&text, " now");
	note(a, text.data);
}

static bool same(const struct host_name *a, const struct host_name *b)
{
	return a->n == b->n && memcmp(a->v, b->v, a->n * sizeof(a->v[0])) == 0;
}

/* Old addresses leave, new ones come: by a plan made again. */
static void answer_take(struct name_watch *w, const struct names *now)
{
	struct attack *a = w->attack;
	bool changed = false;

	for (size_t i = 0; i < a->names->n; i++) {
		if (same(&a->names->v[i], &now->v[i]))
			continue;
		change_tell(a, &now->v[i]);
		changed = true;
	}
	w->failed = false;
	if (!changed)
		return;
	*a->names = *now;
	attack_again(a);
}

/* The last addresses stay. */
static void failure_tell(struct name_watch *w, const char *why)
{
	BUF(text, 640);

	if (w->failed)
		return;
	w->failed = true;
	buf_addf(&text, "%.500s; the addresses that were known stay", why);
	note(w->attack, text.data);
}

static void looked_up(void *ctx, const struct child_result *result, const struct err *failed)
{
	struct name_watch *w = ctx;
	struct names_answer answer;

	w->child = NULL;
	if (!result || result->out.n != sizeof(answer)) {
		failure_tell(w, failed ? failed->what : "could not resolve names in time");
	} else {
		memcpy(&answer, result->out.data, sizeof(answer)); /* aligned */
		if (answer.code < 0)
			failure_tell(w, answer.err.what);
		else
			answer_take(w, &answer.names);
	}
	timer_set(w->timer, loop_now_ns(w->attack->r->loop) + LOOK_UP_NS);
}

static void look_up_due(void *ctx)
{
	struct name_watch *w = ctx;
	struct child_spec spec = {.run = look_up_there,
	                          .run_ctx = w,
	                          .limit_ns = NAMES_LIMIT_NS,
	                          .out_max = sizeof(struct names_answer)};
	struct err err = ERR_INIT;

	if (child_start(w->attack->r->loop, &spec, looked_up, w, &w->child, &err) == 0)
		return;
	failure_tell(w, err.what);
	timer_set(w->timer, loop_now_ns(w->attack->r->loop) + LOOK_UP_NS);
}

void names_watch(struct attack *a)
{
	struct name_watch *w;

	if (!a->names || a->name_watch || a->r->x->attacks[a->i]->call.kind->instant)
		return;
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	w->attack = a;
	w->timer = timer_new(a->r->loop, look_up_due, w);
	a->name_watch = w;
	if (w->timer) /* the attack may have been armed long ago */
		timer_set(w->timer, loop_now_ns(a->r->loop));
}

void names_unwatch(struct attack *a)
{
	struct name_watch *w = a->name_watch;

	a->name_watch = NULL;
	if (!w)
		return;
	child_cancel(w->child);
	timer_free(w->timer);
	free(w);
}
