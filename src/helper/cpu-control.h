/*
 * cpu-control.h - how long to burn in the next window, so that a share of a CPU comes out. Pure.
 *
 * Time is cut into windows. What a window burnt too much or too little is made good in the next
 * ones, but what others took away is forgotten after a few windows: a burner that was kept waiting
 * for a second does not then burn a second long.
 */
#ifndef SQUALL_HELPER_CPU_CONTROL_H
#define SQUALL_HELPER_CPU_CONTROL_H

#include "base/base.h"

#define CPU_WINDOW_NS 10000000ull

struct cpu_control {
	int64_t debt_ns; /* asked for, not burnt yet */
};

/* A window of so long passed, with so much burnt of the share that was asked for. */
void cpu_control_note(struct cpu_control *, uint64_t window_ns, uint64_t burnt_ns,
                      uint32_t asked_ppm);
/* How long to burn in the next one: 0 to CPU_WINDOW_NS. */
uint64_t cpu_control_next(const struct cpu_control *, uint32_t asked_ppm);

/*
 * The other loop, for a share of all use of a CPU: what is left for the burner when others use
 * some. Readings of the kernel are coarse (10 ms), so it looks at sums over about a second.
 */
enum { CPU_READINGS = 10 };

struct cpu_total {
	size_t n, at;
	struct cpu_reading {
		uint64_t ns, busy_ns, own_ns; /* sums since some instant */
	} ring[CPU_READINGS];
	double own_ppm; /* the share to burn, as found so far */
};

/* The share to burn until the next reading, in ppm. */
uint32_t cpu_total_next(struct cpu_total *, const struct cpu_reading *now, uint32_t asked_ppm);

#endif
