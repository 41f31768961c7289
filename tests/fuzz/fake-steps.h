/*
 * fake-steps.h - the step types of the targets that undo: the real ones but for their hands.
 *
 * A program that includes it is linked with --wrap=step_type_find. Every type reads and compares as
 * it does (on a machine that has nothing); "open" and "set" are replaced, so that nothing is ever
 * changed, and a type "mem" keeps its state in memory. Not to be assumed: that a state is
 * canonical.
 */
#ifndef SQUALL_FUZZ_FAKE_STEPS_H
#define SQUALL_FUZZ_FAKE_STEPS_H

#include <errno.h>

#include "step/step.h"

const struct step_type *__wrap_step_type_find(const char *name);

static char fake_memory[STATE_MAX];

static int fake_open(struct hold *h, const char *object, struct err *err)
{
	return object[0] == '!' ? err_set(err, -ESTALE, "\"%s\" is gone", object) : 0;
}

static int fake_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	buf_reset(state);
	buf_add(state, fake_memory);
	return 0;
}

static int fake_set(struct hold *h, const char *object, const char *now, const char *to,
                    struct buf *landed, struct err *err)
{
	if (to[0] == '!')
		return err_set(err, -EIO, "could not set \"%s\"", object);
	assert(memchr(to, 0, STATE_MAX));
	strcpy(fake_memory, to);
	buf_add(landed, to);
	return 0;
}

static int fake_refuse(struct hold *h, const char *object, const char *now, const char *to,
                       struct buf *landed, struct err *err)
{
	return err_set(err, -EROFS, "a fuzz target changes nothing");
}

/* The shorter one, so that merging is seen. */
static int fake_merge(const char *object, const char *base, const char *const *claims, size_t n,
                      struct buf *to, struct err *err)
{
	size_t least = 0;

	for (size_t i = 1; i < n; i++)
		if (strlen(claims[i]) < strlen(claims[least]))
			least = i;
	buf_add(to, claims[least]);
	return 0;
}

const struct step_type *__wrap_step_type_find(const char *name)
{
	static struct step_type made[32];
	static const struct step_type memory = {
	        .name = "mem",
	        .summary = "memory of the test",
	        .flags = STEP_LEAN,
	        .open = fake_open,
	        .get = fake_get,
	        .set = fake_set,
	        .merge = fake_merge,
	};

	if (strcmp(name, "mem") == 0)
		return &memory;
	for (size_t i = 0; step_types[i] && i < ARRAY_SIZE(made); i++) {
		if (strcmp(step_types[i]->name, name) != 0)
			continue;
		made[i] = *step_types[i];
		made[i].open = fake_open;
		made[i].close = NULL;
		made[i].look = NULL;
		made[i].set = fake_refuse;
		made[i].meter = NULL;
		return &made[i];
	}
	return NULL;
}

#endif
