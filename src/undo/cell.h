/*
 * cell.h - a record in a file that survives a torn write: two checksummed copies, written in turn.
 *
 * Owns nothing. Invariants: a write goes to the copy that is not current, so the current one stays
 * readable until the new one is whole; the sequence number tells which is newer. Not to be assumed:
 * that a write is on the disk; sync.
 */
#ifndef SQUALL_UNDO_CELL_H
#define SQUALL_UNDO_CELL_H

#include <sys/types.h>

#include "base/base.h"

/* Bytes that one copy of a payload of n bytes takes, a multiple of 512. */
size_t cell_size(size_t n);
/* Reads the newer valid copy at `at` (two copies of cell_size(n) one after the other). *seq 0:
 * neither is valid and the payload is zeroed. Returns 0 or negative errno of the read. */
int cell_read(int fd, off_t at, void *payload, size_t n, uint64_t *seq) must_use;
/* Writes the copy for sequence number `seq` (which the caller has advanced). */
int cell_write(int fd, off_t at, const void *payload, size_t n, uint64_t seq) must_use;

#endif
