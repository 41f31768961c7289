/*
 * custom-run.h - who runs the commands of a custom state, and what became of them.
 *
 * Apply, undo and check are run by the hand, a process parked at arming, so that the keeper forks
 * nothing to revert. Where there is none (in undo), or when it was ended, undo and check are run by
 * the caller itself; apply is not, for what could not be undone is not begun. Not to be assumed:
 * that a command ends in time, or that its processes end with it.
 */
#ifndef SQUALL_STEP_CUSTOM_RUN_H
#define SQUALL_STEP_CUSTOM_RUN_H

#include "base/commands.h"
#include "base/errand.h"
#include "step/step.h"

/* hold->own of step type custom. */
struct custom {
	struct commands commands;
	char claim[STATE_MAX]; /* where `commands` came from */
	char *text;            /* it, and room for its words */
	bool applied;          /* apply was begun, and no undo has ended well since */
	bool stops;            /* what runs may be called off */
};

/* Parks a hand that is ready; -EPIPE, or what it said. */
int custom_hand_start(struct hold *, const char *object, const struct custom *,
                      struct err *) must_use;
void custom_hand_end(struct hold *);
/* does: "apply", "undo" or "check". 0: it was run, and `end` says how it ended. -EPIPE: apply was
 * not begun. */
int custom_ask(struct hold *, const char *object, const char *does, struct errand_end *end,
               struct err *) must_use;
/* What a bad end means, as an error: "check of \"x\" ended with status 3: what it said". */
int custom_end_tell(const char *does, const char *object, const struct errand_end *end,
                    struct err *);
/* Ends what an apply that was cut short with its run has left: processes that go on applying. */
void custom_stragglers_end(struct hold *, const char *object);

#endif
