/*
 * gate.h - what the machine owner's policies refuse. Reads the machine, changes nothing.
 *
 * Every function returns 0, or -EPERM with the rule that refuses, by file and line: the first one
 * there is. Nothing here grants anything: what a file or a flag must allow, it must allow besides.
 */
#ifndef SQUALL_RUN_GATE_H
#define SQUALL_RUN_GATE_H

#include "run/attack-plan.h"
#include "run/policies.h"

/* Who runs it. */
int gate_caller(const struct policies *, struct err *) must_use;
/* Whether now, and until the end of what lasts so long at most, runs may be made. */
int gate_times(const struct policies *, uint64_t wall_ns, uint64_t lasts_ns, struct err *) must_use;
/* What the file as a whole asks for: its duration, commands of its own. */
int gate_file(const struct policies *, const struct experiment *, struct err *) must_use;
/* What an attack asks for: the fault, and its magnitude at every ramp level. */
int gate_attack(const struct policies *, const struct experiment *, const struct method *attack,
                struct err *) must_use;
/* What a plan would do: how many targets, who they are, what it touches. To be asked for each plan,
 * not only for the first. level: the ramp level that it is made for. */
int gate_plan(const struct policies *, const struct world *, const struct experiment *,
              const struct method *attack, size_t level, const struct targets *,
              const struct plan *, struct err *) must_use;
/* The targets of all attacks together; NULL entries are left out. */
int gate_spread(const struct policies *, const struct targets *const *, size_t n,
                struct err *) must_use;

/* How many process ids a plan takes at most: a helper for each step, and their threads. */
size_t gate_pids(const struct plan *);
/* Whether the floor of process ids holds when a run has its keeper and takes so many besides. Once,
 * before anything is started. */
int gate_room(const struct policies *, const struct world *, size_t pids, struct err *) must_use;

/* gate.c: "policy "FILE:LINE" refuses …", and what can be done. Returns -EPERM. */
int policy_refuse(struct err *, const struct policy *, struct where, const char *fmt, ...)
        printf_like(4, 5);

#endif
