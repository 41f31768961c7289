/* arena.c - memory that is released all at once. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 16384 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, cap;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *a, size_t bound)
{
	a->head = NULL;
	a->used = 0;
	a->bound = bound;
}

void arena_release(struct arena *a)
{
	while (a->head) {
		struct arena_chunk *next = a->head->next;

		free(a->head);
		a->head = next;
	}
	a->used = 0;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = alignof(max_align_t);
	struct arena_chunk *c = a->head;

	if (n > a->bound)
		return NULL;
	n = (n + align - 1) & ~(align - 1);
	if (!n)
		n = align;
	if (!c || c->cap - c->used < n) {
		size_t cap = n > CHUNK ? n : CHUNK;

		if (a->used + n > a->bound)
			return NULL;
		c = calloc(1, sizeof(*c) + cap);
		if (!c)
			return NULL;
		c->cap = cap;
		/* a block of its own goes behind the chunk that still has room */
		if (a->head && n > CHUNK / 4 && a->head->cap - a->head->used > CHUNK / 4) {
			c->next = a->head->next;
			a->head->next = c;
		} else {
			c->next = a->head;
			a->head = c;
		}
	}
	if (a->used + n > a->bound)
		return NULL;
	a->used += n;
	c->used += n;
	return c->data + c->used - n;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *d = arena_alloc(a, n + 1);

	if (d)
		memcpy(d, s, n);
	return d;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *d = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		d = arena_alloc(a, (size_t)n + 1);
	if (d)
		vsnprintf(d, (size_t)n + 1, fmt, again);
	va_end(again);
	return d;
}

void *arena_grow(struct arena *a, void *old, size_t n, size_t *cap, size_t element)
{
	size_t want = *cap ? *cap * 2 : 8;
	void *v;

	if (n < *cap)
		return old;
	if (__builtin_mul_overflow(want, element, &(size_t){0}))
		return NULL;
	v = arena_alloc(a, want * element);
	if (!v)
		return NULL;
	if (n)
		memcpy(v, old, n * element);
	*cap = want;
	return v;
}
