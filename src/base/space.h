/*
 * space.h - how much room a file system has (statfs(2)). Bytes.
 *
 * A recorded machine answers "statfs PATH" with "BLOCK TOTAL FREE AVAILABLE", the last three in
 * blocks.
 */
#ifndef SQUALL_BASE_SPACE_H
#define SQUALL_BASE_SPACE_H

#include "base/err.h"
#include "base/world.h"

struct space {
	uint64_t block_bytes, total_bytes;
	uint64_t free_bytes;      /* what root may take: with the blocks that are kept for it */
	uint64_t available_bytes; /* what others may take */
};

int space_read(const struct world *, const char *path, struct space *, struct err *) must_use;
/* The same of an open file or folder. */
int space_read_fd(int fd, struct space *, struct err *) must_use;

#endif
