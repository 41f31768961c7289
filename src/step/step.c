/* step.c - the registry of step types, and what they have in common. */
#include "step/step.h"

#include <string.h>

#define STEP(name) extern const struct step_type step_type_##name;
#include "step/steps.def"
#undef STEP

const struct step_type *step_type_find(const char *name)
{
	for (size_t i = 0; step_types[i]; i++)
		if (strcmp(step_types[i]->name, name) == 0)
			return step_types[i];
	return NULL;
}

bool step_same(const struct step_type *t, const char *want, const char *seen)
{
	return strcmp(want, seen) == 0 || (t->same && t->same(want, seen));
}

const char *step_dies_with(const struct step_type *t)
{
	if (t->flags & STEP_IRREVERSIBLE)
		return "never";
	if (t->flags & STEP_DIES_WITH_HOLDER)
		return "kernel";
	return t->flags & STEP_DIES_WITH_BOOT ? "boot" : "log";
}

void hold_init(struct hold *h)
{
	memset(h, 0, sizeof(*h));
	h->stash = -1;
	for (size_t i = 0; i < ARRAY_SIZE(h->fd); i++)
		h->fd[i] = -1;
	h->holder.pidfd = -1;
	h->holder.sock = -1;
}

void hold_release(struct hold *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(h->fd); i++)
		fd_close(&h->fd[i]);
	fd_close(&h->holder.pidfd);
	fd_close(&h->holder.sock);
}

const struct step_type *const step_types[] = {
#define STEP(name) &step_type_##name,
#include "step/steps.def"
#undef STEP
        NULL,
};
