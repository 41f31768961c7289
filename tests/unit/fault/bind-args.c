/* Binds parameters of the kinds that faults use. */
#include "bind-args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "fault/fault.h"

#include <cmocka.h>

static void bind_list(struct text_list *list, const char *value, struct arena *arena)
{
	const char **v = arena_alloc(arena, 16 * sizeof(*v));
	char *word, *rest, *copy = arena_strdup(arena, value);

	assert_non_null(v);
	assert_non_null(copy);
	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		assert_true(list->n < 16);
		v[list->n++] = word;
	}
	list->v = v;
}

static void bind_one(const struct param *p, const char *value, char *args, struct arena *arena)
{
	void *at = args + p->offset;
	struct err err = ERR_INIT;

	switch (p->kind) {
	case PARAM_SHARE:
		assert_int_equal(share_parse(value, at, &err), 0);
		break;
	case PARAM_SIZE:
		assert_int_equal(size_parse(value, at, &err), 0);
		break;
	case PARAM_DURATION:
		assert_int_equal(duration_parse(value, at, &err), 0);
		break;
	case PARAM_RATE:
		assert_int_equal(rate_parse(value, at, &err), 0);
		break;
	case PARAM_COUNT:
		assert_int_equal(count_parse(value, at, &err), 0);
		break;
	case PARAM_BOOL:
		*(bool *)at = strcmp(value, "true") == 0;
		break;
	case PARAM_TEXT:
	case PARAM_ENUM:
		*(const char **)at = arena_strdup(arena, value);
		break;
	case PARAM_LIST:
		bind_list(at, value, arena);
		break;
	default:
		fail_msg("parameter \"%s\" is of a kind that is not bound here", p->name);
	}
}

void *bind_args(const struct kind *kind, const char *const *texts, struct arena *arena)
{
	char *args = arena_alloc(arena, kind->args_size);

	assert_non_null(args);
	for (const struct param *p = kind->params; p->name; p++) {
		size_t n = strlen(p->name);
		const char *value = p->dflt;

		for (const char *const *t = texts; t && *t; t++) {
			if (strncmp(*t, p->name, n) == 0 && (*t)[n] == '=')
				value = *t + n + 1;
		}
		if (value)
			bind_one(p, value, args, arena);
		else if (p->flags & PARAM_REQUIRED)
			fail_msg("parameter \"%s\" is required", p->name);
	}
	return args;
}

struct counters counters_of(const struct counter *v)
{
	struct counters c = {.n = 0};

	for (; v->name[0]; v++)
		counters_add(&c, v->name, v->value);
	return c;
}

void dose_says(struct arena *arena, const char *fault, const char *const *texts,
               struct counters before, struct counters after, const char *asked,
               const char *achieved, const char *why)
{
	const struct fault *f = fault_find(fault);
	struct dose d = {.why = "not set"};
	void *args = bind_args(&f->kind, texts, arena);
	struct err err = ERR_INIT;

	if (f->kind.check && f->kind.check(args, &err) < 0)
		fail_msg("%s: %s", fault, err.what);
	assert_int_equal(f->dose(args, &before, &after, &d, &err), 0);
	assert_string_equal(d.asked, asked);
	assert_string_equal(d.achieved, achieved);
	assert_string_equal(d.why, why ? why : "");
	assert_int_equal(d.no_effect, why != NULL);
}
