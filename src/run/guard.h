/*
 * guard.h - whom and what a policy protects: processes, units, cgroups, the control path.
 */
#ifndef SQUALL_RUN_GUARD_H
#define SQUALL_RUN_GUARD_H

#include "run/gate.h"

/* -EPERM: this policy protects a target, or a process that a cgroup or namespace among the targets
 * holds, or one that a step of the plan names. Host targets hold everything and are passed. */
int guard_targets(const struct policy *, const struct world *, const struct targets *,
                  const struct plan *, struct err *) must_use;
/* -EPERM: the plan may cut what this policy calls the control path of the machine. */
int guard_ways(const struct policy *, const struct world *, const struct method *attack,
               const struct targets *, const struct plan *, struct err *) must_use;

#endif
