/* cell.c - a record in a file that survives a torn write. */
#include "undo/cell.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/hash.h"

enum { CELL_MAX = 16384, CELL_MAGIC = 0x6c717331 };

struct cell_head {
	uint32_t magic, crc; /* of all that follows */
	uint64_t seq, n;
};

struct cell {
	struct cell_head head;
	char payload[CELL_MAX - sizeof(struct cell_head)];
};

static uint32_t cell_crc(const struct cell *c, size_t n)
{
	const size_t from = offsetof(struct cell_head, seq);

	return crc32c((const char *)c + from, sizeof(c->head) - from + n);
}

static int cell_read_copy(int fd, off_t at, struct cell *c, size_t n)
{
	size_t want = sizeof(c->head) + n;
	ssize_t k;

	do
		k = pread(fd, c, want, at);
	while (k < 0 && errno == EINTR);
	if (k < 0)
		return -errno;
	if ((size_t)k != want || c->head.magic != CELL_MAGIC || c->head.n != n || !c->head.seq ||
	    c->head.crc != cell_crc(c, n))
		c->head.seq = 0;
	return 0;
}

size_t cell_size(size_t n)
{
	return (sizeof(struct cell_head) + n + 511) / 512 * 512;
}

int cell_read(int fd, off_t at, void *payload, size_t n, uint64_t *seq)
{
	struct cell c;

	if (n > sizeof(c.payload))
		return -EFBIG;
	*seq = 0;
	memset(payload, 0, n);
	for (int i = 0; i < 2; i++) {
		int r = cell_read_copy(fd, at + i * (off_t)cell_size(n), &c, n);

		if (r < 0)
			return r;
		if (c.head.seq > *seq) {
			*seq = c.head.seq;
			memcpy(payload, c.payload, n);
		}
	}
	return 0;
}

int cell_write(int fd, off_t at, const void *payload, size_t n, uint64_t seq)
{
	struct cell c;
	const char *p = (const char *)&c;
	size_t left = sizeof(c.head) + n;

	if (n > sizeof(c.payload))
		return -EFBIG;
	c.head = (struct cell_head){.magic = CELL_MAGIC, .seq = seq, .n = n};
	memcpy(c.payload, payload, n);
	c.head.crc = cell_crc(&c, n);
	at += (off_t)(seq % 2 * cell_size(n));
	while (left) {
		ssize_t k = pwrite(fd, p, BOUNDARY_PART("write cell", left), at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		p += k;
		at += k;
		left -= (size_t)k;
	}
	return 0;
}
