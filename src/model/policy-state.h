/*
 * policy-state.h - what the policy reader's own files share. Not for anyone else.
 */
#ifndef SQUALL_MODEL_POLICY_STATE_H
#define SQUALL_MODEL_POLICY_STATE_H

#include "model/policy.h"
#include "model/reading.h"

/* A word of `faults:` that means at least one fault of the format; else adds a problem: a rule that
 * means nothing is a mistake, and it would forbid nothing. */
bool policy_word_known(struct reading *, const struct node *word);
/* limits: to is the member `limits` of struct policy. */
void policy_limits_read(struct reading *, const struct node *, void *to);

#endif
