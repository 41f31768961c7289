/*
 * clock.h - which clock means what. All nanoseconds.
 *
 * Run time, due times and deadlines are CLOCK_BOOTTIME, so that suspend counts and a moved wall
 * clock does not (clock_gettime(2)). Wall time is for showing only and is never compared.
 */
#ifndef SQUALL_BASE_CLOCK_H
#define SQUALL_BASE_CLOCK_H

#include "base/base.h"
#include "base/buf.h"

uint64_t clock_boot_ns(void);
uint64_t clock_wall_ns(void);
/* RFC 3339 with milliseconds in UTC: "2026-11-22T21:00:00.123Z". */
void clock_format_wall(struct buf *to, uint64_t wall_ns);

#endif
