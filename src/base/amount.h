/*
 * amount.h - how much is to be held of what runs out: memory, disk space.
 *
 * Written "bytes=N floor=N", "share=PPM floor=N" or "leave=N floor=N". A share is of what there was
 * to have before anything was held; leave is what is to stay free. The floor stays free whatever
 * was asked. Pure.
 */
#ifndef SQUALL_BASE_AMOUNT_H
#define SQUALL_BASE_AMOUNT_H

#include "base/buf.h"
#include "base/err.h"

enum amount_kind { AMOUNT_BYTES, AMOUNT_SHARE, AMOUNT_LEAVE };

struct amount {
	enum amount_kind kind;
	uint64_t value; /* bytes, or ppm */
	uint64_t floor_bytes;
};

void amount_format(const struct amount *, struct buf *to);
/* Reads what amount_format wrote; *rest is what follows it. -EINVAL. */
int amount_parse(const char *text, struct amount *, const char **rest, struct err *) must_use;
/* What would be held without the floor. */
uint64_t amount_asked(const struct amount *, uint64_t held_bytes, uint64_t free_bytes);
/* What is to be held now, with so much held and so much free beside it. */
uint64_t amount_goal(const struct amount *, uint64_t held_bytes, uint64_t free_bytes);

#endif
