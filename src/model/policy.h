/*
 * policy.h - the machine owner's word.
 *
 * Owns: nothing yet but the floors. Invariants: a floor is what must be left to the machine
 * whatever a file or a flag says; 0: no floor. Not to be assumed: that a fault's own caution is one
 * of them; a user may tell a fault to go lower than its default, never lower than these.
 */
#ifndef SQUALL_MODEL_POLICY_H
#define SQUALL_MODEL_POLICY_H

#include <stdint.h>

struct floors {
	uint64_t mem_bytes;  /* memory that stays available (MemAvailable) */
	uint64_t disk_bytes; /* space that stays free on each file system */
	uint64_t pids;       /* process ids that stay free */
};

#endif
