/* One look of a probe, or one deed of an action, with parameters as texts: what the tests of probes
 * share. */
#ifndef TESTS_UNIT_PROBE_LOOK_H
#define TESTS_UNIT_PROBE_LOOK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "io/loop.h"
#include "probe/probe.h"

#define MS 1000000ull

/* Sets one parameter from a text, as far as the tests need it. List: split at "|"; map: one pair
 * "k=v". */
static void look_set(const struct kind *k, char *args, const char *name, const char *text)
{
	const struct param *p = k->params;
	while (p->name && strcmp(p->name, name) != 0)
		p++;
	assert_non_null(p->name);
	void *at = args + p->offset;
	struct err err = ERR_INIT;
	int rc = 0;
	switch (p->kind) {
	case PARAM_DURATION:
		rc = duration_parse(text, at, &err);
		break;
	case PARAM_SIZE:
		rc = size_parse(text, at, &err);
		break;
	case PARAM_COUNT:
		rc = count_parse(text, at, &err);
		break;
	case PARAM_BOOL:
		*(bool *)at = !strcmp(text, "true");
		break;
	case PARAM_TEXT:
	case PARAM_ENUM:
		*(const char **)at = text;
		break;
	case PARAM_DOC:
		*(json_t **)at = text[0] == '{' ? json_loads(text, 0, NULL) : json_string(text);
		break;
	case PARAM_LIST: {
		struct text_list *list = at;
		char **v = calloc(strlen(text) + 2, sizeof(*v)), *copy = strdup(text);
		for (char *word = strtok(copy, "|"); word; word = strtok(NULL, "|"))
			v[list->n++] = word;
		v[strlen(text) + 1] = copy; /* for look_release */
		list->v = (const char *const *)v;
		break;
	}
	case PARAM_MAP: {
		struct text_map *map = at;
		struct text_pair *pair = calloc(1, sizeof(*pair));
		char *copy = strdup(text);
		pair->key = copy;
		pair->value = strchr(copy, '=') + 1;
		*strchr(copy, '=') = '\0';
		map->v = pair;
		map->n = 1;
		break;
	}
	default:
		fail();
	}
	if (rc < 0)
		fail_msg("%s %s: %s", name, text, err.what);
}

static void look_release(const struct kind *k, char *args)
{
	for (const struct param *p = k->params; p->name; p++) {
		void *at = args + p->offset;
		if (p->kind == PARAM_DOC)
			json_decref(*(json_t **)at);
		if (p->kind == PARAM_LIST && ((struct text_list *)at)->v) {
			char **v = (char **)(uintptr_t)((struct text_list *)at)->v;
			size_t i = ((struct text_list *)at)->n;
			while (!v[i])
				i++;
			free(v[i]);
			free(v);
		}
		if (p->kind == PARAM_MAP && ((struct text_map *)at)->v) {
			free((char *)(uintptr_t)((struct text_map *)at)->v->key);
			free((void *)(uintptr_t)((struct text_map *)at)->v);
		}
	}
	free(args);
}

/* texts: name, value, …, NULL. */
static char *look_args(const struct kind *k, const char *const *texts)
{
	char *args = calloc(1, k->args_size);
	for (const struct param *p = k->params; p->name; p++)
		if (p->dflt)
			look_set(k, args, p->name, p->dflt);
	for (size_t i = 0; texts[i]; i += 2)
		look_set(k, args, texts[i], texts[i + 1]);
	return args;
}

struct seen {
	struct loop *loop;
	unsigned calls;
	json_t *doc;
	struct err err;
};

static void look_seen(void *ctx, json_t *doc, const struct err *err)
{
	struct seen *s = ctx;
	assert_true(!doc != !err);
	assert_int_equal(s->calls++, 0);
	s->doc = doc;
	if (err) {
		s->err = *err;
		assert_true(err->code < 0);
		assert_true(err->what[0]);
	}
	loop_stop(s->loop);
}

/* Every field of a document must be in the probe's table. */
static inline void look_documented(const struct kind *k, const json_t *doc)
{
	const char *name;
	json_t *value;
	assert_non_null(json_object_get(doc, "seconds"));
	json_object_foreach ((json_t *)(uintptr_t)doc, name, value) {
		const struct field *f = k->fields;
		while (f->name && strcmp(f->name, name) != 0)
			f++;
		if (!f->name)
			fail_msg("%s is not documented", name);
		bool number = f->kind == FIELD_NUMBER || f->kind == FIELD_SECONDS ||
		              f->kind == FIELD_BYTES || f->kind == FIELD_RATE ||
		              f->kind == FIELD_SHARE;
		assert_true(!number || json_is_number(value));
		assert_true(f->kind != FIELD_TEXT || json_is_string(value));
		assert_true(f->kind != FIELD_BOOL || json_is_boolean(value));
		assert_true(f->kind != FIELD_LIST || json_is_array(value));
	}
}

static inline struct seen look_due(const char *probe, const struct world *w, uint64_t due_ns,
                                   const char *const *texts)
{
	const struct probe *p = probe_find(probe);
	assert_non_null(p);
	struct seen s = {.loop = loop_new(NULL)};
	char *args = look_args(&p->kind, texts);
	struct look *look = NULL;
	int rc = p->kind.check(args, &s.err);
	if (rc == 0) {
		rc = p->start(s.loop, w, args, (struct span){due_ns, due_ns}, look_seen, &s, &look,
		              &s.err);
		assert_int_equal(s.calls, 0); /* never from within start */
		if (rc == 0) {
			loop_run(s.loop);
			assert_int_equal(s.calls, 1);
		}
	}
	if (s.doc)
		look_documented(&p->kind, s.doc);
	else
		assert_true(s.err.code < 0);
	loop_free(s.loop);
	look_release(&p->kind, args);
	return s;
}

static inline struct seen act(const char *action, const char *const *texts)
{
	const struct action *a = action_find(action);
	assert_non_null(a);
	struct seen s = {.loop = loop_new(NULL)};
	char *args = look_args(&a->kind, texts);
	struct deed *deed = NULL;
	assert_int_equal(a->kind.check(args, &s.err), 0);
	assert_int_equal(a->start(s.loop, NULL, args, look_seen, &s, &deed, &s.err), 0);
	assert_int_equal(s.calls, 0);
	loop_run(s.loop);
	if (s.doc)
		look_documented(&a->kind, s.doc);
	loop_free(s.loop);
	look_release(&a->kind, args);
	return s;
}

#define LOOK(probe, ...) \
	look_due(probe, NULL, clock_boot_ns(), (const char *const[]){__VA_ARGS__, NULL})
#define LOOK_IN(world, probe, ...) \
	look_due(probe, world, clock_boot_ns(), (const char *const[]){__VA_ARGS__, NULL})
#define ACT(action, ...) act(action, (const char *const[]){__VA_ARGS__, NULL})

static inline void seen_release(struct seen *s)
{
	json_decref(s->doc);
	s->doc = NULL;
}

static inline const char *text_of(const struct seen *s, const char *field)
{
	const char *text = json_string_value(json_object_get(s->doc, field));
	return text ? text : "(absent)";
}

static inline double number_of(const struct seen *s, const char *field)
{
	const json_t *v = json_object_get(s->doc, field);
	return json_is_number(v) ? json_number_value(v) : -999;
}

static inline bool is_true(const struct seen *s, const char *field)
{
	return json_is_true(json_object_get(s->doc, field));
}

static inline bool is_absent(const struct seen *s, const char *field)
{
	return !json_object_get(s->doc, field);
}

static void look_never(void *ctx, json_t *doc, const struct err *err)
{
	fail();
}

static void look_stop(void *ctx)
{
	loop_stop(ctx);
}

/* Starts a look that would not end, cancels it at once, after a turn, and after a while; and leaves
 * one to the loop's end after the cancel. */
static inline void look_cancelled(const char *probe, const struct world *w,
                                  const char *const *texts)
{
	const struct probe *p = probe_find(probe);
	for (int late = 0; late < 4; late++) {
		struct loop *l = loop_new(NULL);
		char *args = look_args(&p->kind, texts);
		struct look *look = NULL;
		uint64_t now = clock_boot_ns();
		assert_int_equal(p->start(l, w, args, (struct span){now, now}, look_never, NULL,
		                          &look, NULL),
		                 0);
		struct timer *t = timer_new(l, look_stop, l);
		if (late) {
			timer_set(t, now + (late == 1 ? 1 : 40 * MS));
			loop_run(l);
		}
		p->cancel(look);
		if (late == 3) {
			timer_set(t, clock_boot_ns() + 20 * MS);
			loop_run(l);
		}
		loop_free(l);
		look_release(&p->kind, args);
	}
}

#endif
