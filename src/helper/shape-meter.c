/* shape-meter.c - a histogram of times: linear within each power of two. */
#include "helper/shape-meter.h"

#include "base/quantity.h"

enum { STEPS = 1 << METER_BITS }; /* of a power of two */

/* The power's cells follow each other: the top bit says which power, the next ones which cell. */
static size_t cell_of(uint64_t ns)
{
	unsigned shift;

	if (ns < STEPS)
		return ns;
	if (ns >> METER_TOP)
		return METER_CELLS - 1;
	shift = 63 - METER_BITS - (unsigned)__builtin_clzll(ns);
	return ((size_t)shift << METER_BITS) + (size_t)(ns >> shift);
}

/* The middle of a cell: at most 1/128 from any value in it. */
static uint64_t cell_ns(size_t cell)
{
	size_t shift = cell < 2 * STEPS ? 0 : (cell >> METER_BITS) - 1;
	uint64_t low = (uint64_t)(cell - (shift << METER_BITS)) << shift;

	return low + ((1ull << shift) - 1) / 2;
}

void shape_meter_note(struct shape_meter *m, uint64_t ns)
{
	m->n++;
	m->cells[cell_of(ns)]++;
	if (ns > m->most_ns)
		m->most_ns = ns;
}

uint64_t shape_meter_at(const struct shape_meter *m, uint32_t ppm)
{
	uint64_t rank = (m->n * ppm + PPM_ALL - 1) / PPM_ALL, seen = m->cells[0];
	size_t at = 0;

	while (seen < rank && at + 1 < METER_CELLS)
		seen += m->cells[++at];
	return cell_ns(at) < m->most_ns && at + 1 < METER_CELLS ? cell_ns(at) : m->most_ns;
}
