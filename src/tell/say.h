/*
 * say.h - one entry of a run's record as one line for people.
 *
 * Shared by progress and reports. Pure. Control characters never pass: what a target or a server
 * calls itself cannot move a cursor.
 */
#ifndef SQUALL_TELL_SAY_H
#define SQUALL_TELL_SAY_H

#include <jansson.h>

#include "base/buf.h"

enum say_tone { SAY_PLAIN, SAY_GOOD, SAY_BAD, SAY_WARN, SAY_QUIET };

/* The word in front ("attack", "abort"); NULL: this entry is not worth a line (looks, intents).
 * targets: the "targets" entries seen so far, to name what an attack is on; may be NULL. */
const char *say_entry(const json_t *entry, const json_t *targets, struct buf *to,
                      enum say_tone *tone);

/* Adds text with control characters and invalid UTF-8 replaced by "?". */
void say_text(struct buf *to, const char *text);
/* The names of an attack's targets, "process 4711 (redis) and 2 more". */
void say_targets(struct buf *to, const json_t *targets, const char *attack);
/* "312ms", from seconds. */
void say_seconds(struct buf *to, double seconds);
/* ", for 2s of it no target was there"; nothing when there always was one. */
void say_away(struct buf *to, const json_t *attack);
/* Cuts the row to `width` cells, colours not counted; returns the cells that are left. */
size_t say_fit(struct buf *row, size_t width);
const char *say_member(const json_t *o, const char *key); /* a text, "" when absent */

#endif
