/*
 * commands.h - shell words, and three commands as one text: apply, undo, check.
 *
 * The text is what the undo log keeps, what a plan shows and what undo reads in a process that
 * never saw the file: words as a shell would read them, led by "apply:", "undo:", "check:", "env:",
 * "dir:" and "limit:" (those unquoted). Owns nothing: words point into the caller's room.
 * Invariants: commands_format and commands_parse are each other's inverse. Not to be assumed: that
 * a shell reads the words; none does, so what only a shell could mean ("|", "$", "*") is refused
 * unless quoted.
 */
#ifndef SQUALL_BASE_COMMANDS_H
#define SQUALL_BASE_COMMANDS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

enum { COMMAND_WORDS = 64, COMMANDS_TEXT = 64 << 10 };

/* The next word of *at, its quotes taken away, copied to *room (which needs strlen(*at) + 1 bytes
 * in all). 1; 0 at the end; -EINVAL. quoted: some of it was; may be NULL. */
int word_next(const char **at, char **room, const char **word, bool *quoted,
              struct err *err) must_use;
/* Adds the word as a shell needs it, after a blank when there is text before it. */
void word_add(struct buf *to, const char *word);

struct commands {
	/* argv lists and "NAME=VALUE" texts, each ending with NULL; empty when there are none */
	const char *apply[COMMAND_WORDS + 1], *undo[COMMAND_WORDS + 1];
	const char *check[COMMAND_WORDS + 1], *env[COMMAND_WORDS + 1];
	const char *dir;   /* working directory; NULL: "/" */
	uint64_t limit_ns; /* for each run of each */
};

void commands_format(const struct commands *c, struct buf *to);
/* room: strlen(text) + 1 bytes that live as long as `c`. -EINVAL: not such a text. */
int commands_parse(const char *text, char *room, struct commands *c, struct err *err) must_use;

#endif
