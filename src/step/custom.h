/*
 * custom.h - the texts of a custom state.
 *
 * OBJECT is its name: [a-z0-9] and "._-" within, at most CUSTOM_NAME bytes. What a run wants of it
 * is its three commands as one text (base/commands.h), or "@HEX" when they lie in the run's stash.
 * What is seen is "in effect", "not in effect", or that it cannot be told; ": " and a line that
 * check printed may follow.
 */
#ifndef SQUALL_STEP_CUSTOM_H
#define SQUALL_STEP_CUSTOM_H

#include "base/base.h"

/* The longest time limit of one command. */
#define CUSTOM_LIMIT_MAX_NS 180000000000ull
enum { CUSTOM_NAME = 64 };

bool custom_name_is(const char *name);

#endif
