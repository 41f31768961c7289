/* counters.c - named numbers read from the kernel. */
#include "base/counters.h"

#include <stdio.h>
#include <string.h>

static const struct counter *counters_find(const struct counters *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return &c->v[i];
	return NULL;
}

void counters_add(struct counters *c, const char *name, uint64_t value)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0) {
			c->v[i].value += value;
			return;
		}
	if (c->n == COUNTERS_MAX)
		return;
	snprintf(c->v[c->n].name, sizeof(c->v[0].name), "%s", name);
	c->v[c->n++].value = value;
}

uint64_t counters_get(const struct counters *c, const char *name)
{
	const struct counter *v = counters_find(c, name);

	return v ? v->value : 0;
}

uint64_t counters_grown(const struct counters *before, const struct counters *after,
                        const char *name)
{
	uint64_t was = counters_get(before, name), now = counters_get(after, name);

	return now > was ? now - was : 0;
}

bool counters_has(const struct counters *c, const char *name)
{
	return counters_find(c, name);
}
