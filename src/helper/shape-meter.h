/*
 * shape-meter.h - how long packets were held: a histogram of fixed size.
 *
 * Pure. Owns nothing; all zero is an empty one. Invariants: a read-out is within 1 % of a value
 * that was noted (for 1 us to 10 min: of the value at that rank; up to 64 ns it is exact, above 18
 * min it is the greatest that was noted).
 */
#ifndef SQUALL_HELPER_SHAPE_METER_H
#define SQUALL_HELPER_SHAPE_METER_H

#include "base/base.h"

/* 64 cells for each power of two, from 64 ns to 2^40 ns; and one for each nanosecond below. */
enum { METER_BITS = 6, METER_TOP = 40, METER_CELLS = (METER_TOP - METER_BITS + 1) << METER_BITS };

struct shape_meter {
	uint64_t n, most_ns;
	uint64_t cells[METER_CELLS];
};

void shape_meter_note(struct shape_meter *, uint64_t ns);
/* The value that a share of all (in ppm: 500000 is the median) does not exceed; 0: none noted. */
uint64_t shape_meter_at(const struct shape_meter *, uint32_t ppm);

#endif
