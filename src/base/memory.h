/*
 * memory.h - how much memory there is to have, on the machine and within a cgroup.
 *
 * From /proc/meminfo (MemAvailable, proc_meminfo(5)) and the memory controller: in version 1
 * memory.limit_in_bytes, in version 2 memory.max, of the group and of all those above it; file
 * pages that the kernel would give up first (inactive_file) count as available. Bytes.
 */
#ifndef SQUALL_BASE_MEMORY_H
#define SQUALL_BASE_MEMORY_H

#include "base/err.h"
#include "base/world.h"

struct memory_room {
	uint64_t total_bytes, available_bytes; /* of the group; of the machine without one */
	uint64_t host_total_bytes, host_available_bytes; /* of the machine */
};

/* group: absolute folder with the memory controller, "" for none. -ESTALE: it is gone. */
int memory_room_read(const struct world *, const char *group, struct memory_room *,
                     struct err *) must_use;

#endif
