/* cpus.c - sets of CPUs. */
#include "base/cpus.h"

#include <errno.h>
#include <stdlib.h>

bool cpus_has(const struct cpus *c, size_t cpu)
{
	return cpu < CPUS_MAX && c->bits[cpu / 64] >> cpu % 64 & 1;
}

void cpus_add(struct cpus *c, size_t cpu)
{
	if (cpu < CPUS_MAX)
		c->bits[cpu / 64] |= 1ull << cpu % 64;
}

size_t cpus_count(const struct cpus *c)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(c->bits); i++)
		n += (size_t)__builtin_popcountll(c->bits[i]);
	return n;
}

/* A number; NULL when there is none. */
static const char *number_take(const char *text, unsigned long *n)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	*n = strtoul(text, &end, 10);
	return end;
}

int cpus_parse(const char *text, struct cpus *c, struct err *err)
{
	struct cpus found = {{0}};

	for (const char *at = text; *at;) {
		unsigned long first = 0, last;

		at = number_take(at, &first);
		last = first;
		if (at && *at == '-')
			at = number_take(at + 1, &last);
		if (!at || first > last || (*at && (*at != ',' || !at[1])))
			return err_hint(err,
			                err_set(err, -EINVAL, "\"%s\" is no list of CPUs", text),
			                "Write numbers and ranges: 0,2-3.");
		if (last >= CPUS_MAX)
			return err_set(err, -ERANGE, "there is no CPU %lu: the last is %d", last,
			               CPUS_MAX - 1);
		for (; first <= last; first++)
			cpus_add(&found, first);
		at += *at == ',';
	}
	*c = found;
	return 0;
}

void cpus_format(const struct cpus *c, struct buf *to)
{
	bool any = false;

	for (size_t i = 0; i < CPUS_MAX; i++) {
		size_t last = i;

		if (!cpus_has(c, i))
			continue;
		while (cpus_has(c, last + 1))
			last++;
		buf_addf(to, "%s%zu", any ? "," : "", i);
		if (last > i)
			buf_addf(to, "%c%zu", last == i + 1 ? ',' : '-', last);
		any = true;
		i = last;
	}
}
