/*
 * say.h - the judgement as sentences for people: what went wrong, what was not expected. Pure.
 *
 * Sentences start with a small letter or a name and have no full stop: they stand in lists.
 */
#ifndef SQUALL_JUDGE_SAY_H
#define SQUALL_JUDGE_SAY_H

#include "base/buf.h"
#include "judge/verdict.h"

void say_exceeded(const struct steady_facts *, struct buf *to);
void say_not_recovered(const struct facts *, struct buf *to);
void say_ended(const struct facts *, struct buf *to);
void say_no_effect(const struct attack_facts *, struct buf *to);
void say_cut_short(const struct attack_facts *, struct buf *to);
/* Lists of sentences; new references. */
json_t *say_went_wrong(const struct facts *, const struct judgement *);
json_t *say_not_expected(const struct facts *);

#endif
