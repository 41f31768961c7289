/*
 * arena.h - memory that is released all at once.
 *
 * Owns: every block handed out. Invariants: blocks are zeroed and aligned for any type; the sum
 * never exceeds the bound given at birth. Not to be assumed: that an allocation succeeds; NULL
 * means the bound (or the machine) is reached, and the caller reports -ENOMEM.
 */
#ifndef SQUALL_BASE_ARENA_H
#define SQUALL_BASE_ARENA_H

#include "base/base.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *head;
	size_t used, bound;
};

void arena_init(struct arena *a, size_t bound);
void arena_release(struct arena *a);
void *arena_alloc(struct arena *a, size_t n) must_use;
char *arena_strdup(struct arena *a, const char *s) must_use;
char *arena_strndup(struct arena *a, const char *s, size_t n) must_use;
char *arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3) must_use;
/* Grows an array in the arena: returns a block of at least (n+1) elements with the old n copied,
 * doubling as needed.
 * `*cap` is the capacity in elements (0 at first). */
void *arena_grow(struct arena *a, void *old, size_t n, size_t *cap, size_t element) must_use;

#endif
