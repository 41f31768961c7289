/*
 * status.h - what is active here: one document, and that document as text.
 */
#ifndef SQUALL_CLI_STATUS_H
#define SQUALL_CLI_STATUS_H

#include <jansson.h>

#include "cli/command.h"

/* {halted, halt*, policy, runs, left-behind, unreadable}; a new reference. Nothing in it changes by
 * the passing of time alone. NULL with err. *unreadable (may be NULL): logs that could not be read,
 * err says the first. */
json_t *status_read(struct cli *, size_t *unreadable, struct err *);
/* status-text.c: for people; times are counted to now. */
void status_write(struct cli *, FILE *, const json_t *status);
/* One line for each run, and for a halt. */
void status_lines(FILE *, const json_t *status);
/* status-watch.c: until a signal, or nobody reads. */
enum exit_code status_watch(struct cli *, bool json);

#endif
