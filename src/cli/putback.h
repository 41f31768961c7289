/*
 * putback.h - what every command that may act does first: put back what dead runs left, and finish
 * their records.
 */
#ifndef SQUALL_CLI_PUTBACK_H
#define SQUALL_CLI_PUTBACK_H

#include "cli/command.h"
#include "run/halt.h"
#include "run/policies.h"
#include "undo/undo.h"

/* Says on standard error what it put back, and how a person puts back what it could not. *result
 * may be NULL. EXIT_HELD, EXIT_RESIDUE, or EXIT_BROKEN. */
enum exit_code putback(struct cli *, struct undo_result *result);
/* Says that an undo log could not be read, with what a person can do about it. */
void unreadable_show(const struct cli *, struct err *);
/* Refuses while runs are halted: EXIT_REFUSED, said on standard error; else EXIT_HELD. */
enum exit_code halted_refuse(struct cli *, const struct policies *);
/* "SINCE by WHO: REASON" of a halt, and what lifts it. */
void halt_say(const struct halt *, struct err *);
/* "left behind: TYPE OBJECT", why, and the command that puts it back. */
void residue_show(const char *type, const char *object, const char *note, const char *by_hand);
/* The residue of a finished run's document, in that form. */
void residue_show_doc(const json_t *doc);

#endif
