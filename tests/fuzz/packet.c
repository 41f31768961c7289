/* IP packets, of which the shaper changes a bit: eight bytes of the draw, then the packet. */
#include "fuzz.h"
#include "helper/shape-bytes.h"

void fuzz_begin(void)
{
}

/* In memory of its own size, so that a byte too far is seen. */
static uint8_t *copy(const void *data, size_t n)
{
	uint8_t *p = malloc(n ? n : 1);

	assert(p);
	memcpy(p, data, n);
	return p;
}

/* How many bytes differ; the first and the last of them. */
static size_t changed(const uint8_t *a, const uint8_t *b, size_t n, size_t *first, size_t *last)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (a[i] == b[i])
			continue;
		*first = count ? *first : i;
		*last = i;
		count++;
	}
	return count;
}

void fuzz_one(const char *text, size_t n)
{
	uint64_t draw;
	size_t first = 0, last = 0, at = 0;

	if (n < sizeof(draw))
		return;
	memcpy(&draw, text, sizeof(draw));
	n -= sizeof(draw);
	_cleanup_free_ uint8_t *is = copy(text + sizeof(draw), n), *summed = copy(is, n);
	bool sums = shape_bytes_sum(summed, n);

	/* what has a checksum has it in two bytes; none, and nothing changed */
	assert(changed(is, summed, n, &first, &last) <= (sums ? 2 : 0) && last - first < 2);
	_cleanup_free_ uint8_t *again = copy(summed, n), *flipped = copy(summed, n);
	bool flips = shape_bytes_flip(flipped, n, draw, false);

	assert(shape_bytes_sum(again, n) == sums && memcmp(again, summed, n) == 0);
	assert(flips || !sums);
	assert(changed(summed, flipped, n, &at, &last) == flips);
	assert(!flips || __builtin_popcount(summed[at] ^ flipped[at]) == 1);
	_cleanup_free_ uint8_t *mended = copy(summed, n);

	assert(shape_bytes_flip(mended, n, draw, true) == flips);
	/* besides that bit, a checksum at most; when it was right it is, unless the bit is in what
	 * says how long things are, which stands before it */
	first = last = at;
	assert(changed(flipped, mended, n, &first, &last) <= 2 && last - first < 2);
	if (!sums || at < last)
		return;
	memcpy(again, mended, n);
	assert(shape_bytes_sum(again, n));
	for (size_t i = 0; i < n; i++)
		assert(again[i] == mended[i] || (mended[i] == 0 && again[i] == 0xff));
}
