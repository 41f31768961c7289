/*
 * plan-text.h - a plan as people and programs read it: `squall plan`, `--dry-run` and the run
 * document show the same words.
 *
 * For each step: type and object; from: what the machine says now (or why that cannot be seen); to:
 * what is wanted; what it dies with: kernel (with its holder, by itself), boot, log (squall undo)
 * or never; how it is reverted: prepared, assisted, or irreversible; what it does. Reads the
 * machine, changes nothing.
 */
#ifndef SQUALL_RUN_PLAN_TEXT_H
#define SQUALL_RUN_PLAN_TEXT_H

#include <jansson.h>

#include "model/experiment.h"
#include "run/resolve.h"
#include "step/plan.h"

/* [{type, object, from, to, says, dies-with, revert, irreversible}]; from is left out when it
 * cannot be seen, and "unseen" says why. A new reference; NULL: no memory. */
json_t *plan_steps_json(const struct world *w, const struct plan *plan) must_use;
/* {attack, fault, target, matched, asked, targets, steps, needs-allow}. */
json_t *plan_json(const struct world *w, const struct method *attack, const struct targets *targets,
                  const struct plan *plan) must_use;
/* Lines that end with a newline, at most 100 columns where words allow it, no colour. The memory is
 * the caller's (free); NULL: none left. */
char *plan_text(const struct world *w, const struct method *attack, const struct targets *targets,
                const struct plan *plan) must_use;

#endif
