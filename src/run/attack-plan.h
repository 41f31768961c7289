/*
 * attack-plan.h - the one plan of an attack: its fault asked for every target, for a ramp level and
 * a moment; and what must be said or able before it may be put. Reads only.
 *
 * Used by the runner, and by `plan`, `check` and `--dry-run`, so that what is shown is what is
 * done. Everything lives in the caller's arena.
 */
#ifndef SQUALL_RUN_ATTACK_PLAN_H
#define SQUALL_RUN_ATTACK_PLAN_H

#include "fault/fault.h"
#include "model/experiment.h"
#include "run/resolve.h"
#include "step/plan.h"

/* The seed of attack i, drawn from the run's seed: the same for choosing targets and for planning.
 */
uint64_t attack_seed(uint64_t run_seed, size_t i);
/* Plans `attack` at ramp `level` for all targets into *out (initialised here, in `arena`). Targets
 * that are gone (-ESTALE, -ESRCH) are left out as long as one is left, and their number is put into
 * *gone (may be NULL). *again_ns: the least that any target asked for, 0: never. run: the run's
 * id. */
int attack_plan(const struct experiment *, const struct method *attack, size_t level,
                const struct targets *, const struct moment *, const struct world *,
                const char *run, struct arena *, struct plan *out, uint64_t *again_ns, size_t *gone,
                struct err *) must_use;
/* The attack's parameters, bound at a ramp level; NULL with err. */
void *attack_args(const struct experiment *, const struct method *attack, size_t level,
                  struct arena *, struct err *);
/* What this machine lacks for the attack: tries the fault's facts. Negative: cannot, err names the
 * fact and why. */
int attack_can(const struct method *attack, const struct world *, struct err *) must_use;
/* Bits of enum allow that the plan needs; and their words (of several, the first). */
unsigned attack_needs(const struct method *attack, const struct plan *);
const char *allow_word(unsigned allow);
/* -EPERM: the plan does what the experiment does not allow; the hint says what to write. */
int attack_allowed(const struct experiment *, const struct method *attack, const struct plan *,
                   struct err *) must_use;

#endif
