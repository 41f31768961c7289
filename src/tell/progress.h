/*
 * progress.h - a run as it happens: a live region on a terminal, plain lines elsewhere, or one JSON
 * entry a line.
 *
 * A listener of the run document (progress_told) and a tick of the runner (progress_tick). Owns:
 * the region of the screen below where the cursor was; it is redrawn at most 10 times a second and
 * replaced by its last state at the end. Not to be assumed: that the terminal stays: a write that
 * fails is dropped, and the run goes on.
 */
#ifndef SQUALL_TELL_PROGRESS_H
#define SQUALL_TELL_PROGRESS_H

#include <stdio.h>

#include "model/experiment.h"

enum progress_style { PROGRESS_LIVE, PROGRESS_PLAIN, PROGRESS_JSON };

struct progress;

/* LIVE on a terminal that can move its cursor (TERM is set and not "dumb"), else PLAIN. */
enum progress_style progress_style_of(int fd);
/* Colour: on a terminal, unless NO_COLOR is set (https://no-color.org). */
bool progress_colour_of(int fd);

/* `to` stays the caller's. NULL: out of memory. The experiment may be NULL. */
struct progress *progress_new(FILE *to, enum progress_style, bool colour,
                              const struct experiment *);
/* struct listener's told; ctx is the progress. */
void progress_told(void *ctx, const json_t *entry);
/* struct run_options' tick. */
void progress_tick(void *ctx, uint64_t now_boot_ns);
/* Draws the last state and gives the screen back. Frees; NULL is allowed. */
void progress_free(struct progress *);

#endif
