/*
 * attack-names.h - the host names that an attack names, resolved within a time limit.
 *
 * Where they stand in the parameters says the table (PARAM_HOSTS). They are looked up in a process
 * of its own, because a resolver that hangs must not hold up an abort.
 */
#ifndef SQUALL_RUN_ATTACK_NAMES_H
#define SQUALL_RUN_ATTACK_NAMES_H

#include "machine/names.h"
#include "model/experiment.h"

#define NAMES_LIMIT_NS 10000000000ull /* of looking up all names of an attack */

/* What the process that looks up writes, on standard output or into a pipe. */
struct names_answer {
	int code;
	struct err err;
	struct names names;
};

/* Those of the attack, in the arena, without addresses; *out NULL: it has none. */
int attack_names(const struct experiment *, const struct method *attack, struct arena *,
                 struct names **out, struct err *) must_use;
/* Waits for the answer. -ETIMEDOUT; else as names_look_up(). NULL: nothing to do. */
int names_resolve(const struct world *, struct names *, struct err *) must_use;

#endif
