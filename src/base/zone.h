/*
 * zone.h - local time in a named zone.
 *
 * Owns nothing. Zones are the machine's (tzfile(5)): "Europe/Berlin" is a file below
 * /usr/share/zoneinfo, whatever TZ and TZDIR in the environment say. Not to be assumed: that other
 * threads may run meanwhile; the C library knows one zone at a time, so TZ is set, used and put
 * back here.
 */
#ifndef SQUALL_BASE_ZONE_H
#define SQUALL_BASE_ZONE_H

#include "base/base.h"

/* A name without "..", of a file that is there. "UTC" always is. */
bool zone_is_known(const char *name);
/* Calls `each` with the day of the week (0 is Sunday) and the minute of the day for the minutes
 * from `from_s` (seconds since 1970, UTC) on, every 60 s, until it returns true or `n` were given;
 * returns how many were given before that. zone NULL: the machine's own (/etc/localtime). */
size_t zone_minutes(const char *zone, int64_t from_s, size_t n,
                    bool (*each)(void *ctx, unsigned wday, unsigned minute), void *ctx);

#endif
