/*
 * bind-args.h - parameters of a fault from "name=value" texts, by its own table, without the model.
 *
 * Lists are separated by blanks. Anything that cannot be bound fails the test.
 */
#ifndef SQUALL_TEST_BIND_ARGS_H
#define SQUALL_TEST_BIND_ARGS_H

#include "base/arena.h"
#include "model/param.h"

/* texts: "quota=30% ", …, NULL-terminated array. */
void *bind_args(const struct kind *kind, const char *const *texts, struct arena *arena);

#endif
