/*
 * complete.h - what may stand where the cursor is: candidates for a shell, from the tables.
 *
 * Reads the machine (names of processes, runs) and changes nothing; what cannot be read offers
 * nothing. Prints a candidate a line, with a tab and what it is after it where there is something
 * to say. A first line ":files" means that the shell offers files; a candidate that ends in "=" or
 * "," wants more.
 */
#ifndef SQUALL_CLI_COMPLETE_H
#define SQUALL_CLI_COMPLETE_H

#include "cli/command.h"

/* words: those after "squall", up to the cursor; the last one is begun, perhaps empty. */
void complete(struct cli *, const char *const *words, size_t n);

#endif
