/*
 * shape-queue.h - the packets that are held, and which is to go next.
 *
 * Owns: room for `max` items, reserved by shape_queue_new() (memory is used as it is touched);
 * not what an item's data points to. Nothing is allocated afterwards. Pure otherwise: time is
 * passed in.
 *
 * Invariants: items come out in order of their dues, and of equal dues in the order in which they
 * were put. Putting an item that is due last of all, and taking it, costs the same however many are
 * held; others cost the logarithm of how many such are held.
 */
#ifndef SQUALL_HELPER_SHAPE_QUEUE_H
#define SQUALL_HELPER_SHAPE_QUEUE_H

#include "base/base.h"
#include "base/err.h"

struct shape_item {
	uint64_t due_ns, came_ns; /* of the caller's clock; came_ns is only carried */
	void *data;               /* the caller's, as are id and bytes */
	uint32_t id, bytes;
};

struct shape_queue;

/* max: at most 1 << 24. -ENOMEM. */
int shape_queue_new(size_t max, struct shape_queue **to, struct err *err) must_use;
void shape_queue_free(struct shape_queue *);
size_t shape_queue_held(const struct shape_queue *);
/* False: it is full, nothing was put. */
bool shape_queue_put(struct shape_queue *, const struct shape_item *) must_use;
/* When the next is due. False: none is held. */
bool shape_queue_next(const struct shape_queue *, uint64_t *due_ns) must_use;
/* Takes the next one that is due at now_ns or before; UINT64_MAX takes any. False: there is none.
 */
bool shape_queue_take(struct shape_queue *, uint64_t now_ns, struct shape_item *to) must_use;

#endif
