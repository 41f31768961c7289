/*
 * buf.h - text of bounded length over the caller's storage.
 *
 * Owns nothing: the storage is the caller's. Invariants: data is always NUL-terminated, len < cap;
 * what does not fit is cut and `over` is set, and stays set until buf_reset. Not to be assumed:
 * that a buf without `over` checked is whole. The one way out of a bound is more storage.
 */
#ifndef SQUALL_BASE_BUF_H
#define SQUALL_BASE_BUF_H

#include "base/base.h"

struct buf {
	char *data;
	size_t len, cap;
	bool over;
};

/* Declares a buf `name` over `size` bytes of stack. */
#define BUF(name, size)            \
	char name##_storage[size]; \
	struct buf name;           \
	buf_init(&name, name##_storage, sizeof(name##_storage))

void buf_init(struct buf *b, char *storage, size_t cap);
void buf_reset(struct buf *b);
void buf_add(struct buf *b, const char *text);
void buf_add_n(struct buf *b, const void *data, size_t n);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
/* Text from anywhere, for people to read: control characters as "?", at most `max` bytes of it, cut
 * between characters with "..." behind. */
void buf_add_shown(struct buf *b, const char *text, size_t max);
/* Copies text into a fixed array; returns 0, or -ENAMETOOLONG when it was cut. */
int text_copy(char *to, size_t cap, const char *from);

#endif
