/* buf.c - text of bounded length over the caller's storage. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *b, char *storage, size_t cap)
{
	b->data = storage;
	b->cap = cap;
	buf_reset(b);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->cap)
		b->data[0] = '\0';
}

void buf_add_n(struct buf *b, const void *data, size_t n)
{
	size_t room = b->cap - b->len - 1;

	if (n > room) {
		n = room;
		b->over = true;
	}
	memcpy(b->data + b->len, data, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_add(struct buf *b, const char *text)
{
	buf_add_n(b, text, strlen(text));
}

void buf_addc(struct buf *b, char c)
{
	buf_add_n(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->cap - b->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(b->data + b->len, room, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		b->over = true;
		b->len = b->cap - 1;
		return;
	}
	b->len += (size_t)n;
}

void buf_add_shown(struct buf *b, const char *text, size_t max)
{
	size_t n = 0;

	for (; n < max && text[n]; n++)
		;
	bool cut = text[n] != '\0';
	while (cut && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++)
		buf_addc(b, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i]);
	if (cut)
		buf_add(b, "...");
}

int text_copy(char *to, size_t cap, const char *from)
{
	size_t n = strnlen(from, cap);

	if (n == cap) {
		memcpy(to, from, cap - 1);
		to[cap - 1] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(to, from, n + 1);
	return 0;
}
