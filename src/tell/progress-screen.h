/*
 * progress-screen.h - the live region of a terminal: phase and time left, faults in effect with
 * their dose so far, each probe's last value, spark line and misses.
 *
 * Owns the rows that it drew last, and clears those alone. Rows never exceed the terminal's size;
 * its size is asked at each drawing, so a resize heals at the next. For progress.c alone.
 */
#ifndef SQUALL_TELL_PROGRESS_SCREEN_H
#define SQUALL_TELL_PROGRESS_SCREEN_H

#include <stdio.h>

#include "model/experiment.h"

struct screen;

struct screen *screen_new(FILE *to, bool colour, const struct experiment *);
void screen_told(struct screen *, const json_t *entry);
/* Clears the region: the cursor is where it began. */
void screen_erase(struct screen *);
/* At most 10 times a second, unless `now` forces it. */
void screen_draw(struct screen *, const json_t *targets, uint64_t boot_ns, bool now);
void screen_free(struct screen *);

#endif
