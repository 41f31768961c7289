/*
 * cpus.h - sets of CPUs as the kernel writes them: "0-3,8" (cpuset(7), list format).
 */
#ifndef SQUALL_BASE_CPUS_H
#define SQUALL_BASE_CPUS_H

#include "base/buf.h"
#include "base/err.h"

enum { CPUS_MAX = 1024 };
struct cpus {
	uint64_t bits[CPUS_MAX / 64];
};

/* -EINVAL: not such a list; -ERANGE: a number of CPUS_MAX or more. "" is the empty set. */
int cpus_parse(const char *text, struct cpus *, struct err *) must_use;
/* Shortest form, ascending. */
void cpus_format(const struct cpus *, struct buf *to);
bool cpus_has(const struct cpus *, size_t cpu);
void cpus_add(struct cpus *, size_t cpu);
size_t cpus_count(const struct cpus *);

#endif
