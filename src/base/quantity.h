/*
 * quantity.h - the quantities people write: "250ms", "30%", "64MiB", "3".
 *
 * Units: durations in nanoseconds, sizes in bytes, shares in parts per million (so 100% is
 * 1000000), rates in bits a second, counts plain, numbers as double. Durations: ns us ms s m h d,
 * sums allowed from large to small ("1m30s"), a bare 0 is allowed, other bare numbers are not.
 * Sizes: B, kB MB GB TB (powers of 1000), KiB MiB GiB TiB (powers of 1024), a bare number is bytes.
 * Shares: "30%", "0.5%"; a bare number is not a share. Rates: bit kbit Mbit Gbit (powers of 1000;
 * also in small letters, or Kbit), with or without "/s"; a bare number is not a rate, nor is
 * "10Mbps", which means bits to some and bytes to others. Decimals ("1.5s") are allowed where the
 * value comes out whole. Nothing negative, nothing over 2^63-1: -ERANGE when too large, else
 * -EINVAL.
 */
#ifndef SQUALL_BASE_QUANTITY_H
#define SQUALL_BASE_QUANTITY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define PPM_ALL 1000000ull

enum quantity_kind {
	QUANTITY_DURATION,
	QUANTITY_SIZE,
	QUANTITY_SHARE,
	QUANTITY_RATE,
	QUANTITY_COUNT,
	QUANTITY_NUMBER,
};

int duration_parse(const char *text, uint64_t *ns, struct err *err) must_use;
int size_parse(const char *text, uint64_t *bytes, struct err *err) must_use;
int share_parse(const char *text, uint64_t *ppm, struct err *err) must_use;
int rate_parse(const char *text, uint64_t *bits, struct err *err) must_use;
int count_parse(const char *text, uint64_t *n, struct err *err) must_use;
int number_parse(const char *text, double *x, struct err *err) must_use;

/* A quantity of any kind: tries duration, size (only with a unit), share, then number; says which
 * it was. The value is in the kind's unit, as double (exact to 2^53). -EINVAL when it is none of
 * them. */
int quantity_parse_any(const char *text, enum quantity_kind *kind, double *value,
                       struct err *err) must_use;

/* Shortest exact form that parses back to the same value: "250ms", "1m30s", "30%", "64MiB",
 * "10Mbit/s". */
void duration_format(struct buf *to, uint64_t ns);
void size_format(struct buf *to, uint64_t bytes);
void share_format(struct buf *to, uint64_t ppm);
void rate_format(struct buf *to, uint64_t bits);
/* For people: three significant digits: "1.24s", "312ms", "18us". */
void duration_format_short(struct buf *to, uint64_t ns);
/* The same for seconds that a document says, which may be anything: what is not above 0 is "0s",
 * what is too large is the greatest duration. */
void seconds_format_short(struct buf *to, double seconds);
/* For people, in units of 1024: "1.5GiB", "512MiB", "0B". */
void size_format_short(struct buf *to, uint64_t bytes);
/* "9.87Mbit/s", "512kbit/s", "0bit/s". */
void rate_format_short(struct buf *to, uint64_t bits);

#endif
