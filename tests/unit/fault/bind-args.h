/*
 * bind-args.h - parameters of a fault from "name=value" texts, by its own table, without the model;
 * and what its dose says then.
 *
 * Lists are separated by blanks. Anything that cannot be bound fails the test.
 */
#ifndef SQUALL_TEST_BIND_ARGS_H
#define SQUALL_TEST_BIND_ARGS_H

#include "base/arena.h"
#include "base/counters.h"
#include "model/param.h"

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define COUNTERS(...) counters_of((const struct counter[]){__VA_ARGS__, {{0}, 0}})

/* texts: "quota=30% ", …, NULL-terminated array. */
void *bind_args(const struct kind *kind, const char *const *texts, struct arena *arena);

/* v: until a name is empty. */
struct counters counters_of(const struct counter *v);
/* What was counted before and after makes these words. why NULL: it had an effect. */
void dose_says(struct arena *, const char *fault, const char *const *texts, struct counters before,
               struct counters after, const char *asked, const char *achieved, const char *why);

#endif
