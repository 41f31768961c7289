/*
 * shape-queue.c - the packets that are held.
 *
 * Two stores: a ring for those that are due after all that it holds (all of them, as long as none
 * may overtake), and a heap for the rest. The next is the earlier of their firsts. The ring uses
 * only as much of its room as it needed at most, so that few pages and cache lines are touched.
 */
#include "helper/shape-queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 24, RING_LEAST = 256, CHILDREN = 4 };

struct node {
	struct shape_item item;
	uint64_t seq;
};

struct shape_queue {
	size_t max;
	uint64_t seq;
	struct node *ring;
	size_t ring_at, ring_n, ring_room;
	uint64_t ring_last_ns; /* the due of its last */
	struct node *heap;
	size_t heap_n;
};

static bool before(const struct node *a, const struct node *b)
{
	return a->item.due_ns != b->item.due_ns ? a->item.due_ns < b->item.due_ns : a->seq < b->seq;
}

/* What was at the end of the room is at its end again. */
static void ring_grow(struct shape_queue *q)
{
	size_t room = q->ring_room * 2 < q->max ? q->ring_room * 2 : q->max;
	size_t behind = q->ring_room - q->ring_at;

	memmove(q->ring + room - behind, q->ring + q->ring_at, behind * sizeof(*q->ring));
	q->ring_at = room - behind;
	q->ring_room = room;
}

static void ring_put(struct shape_queue *q, const struct node *n)
{
	size_t at;

	if (q->ring_n == q->ring_room)
		ring_grow(q);
	at = q->ring_at + q->ring_n++;
	q->ring[at < q->ring_room ? at : at - q->ring_room] = *n;
	q->ring_last_ns = n->item.due_ns;
}

static void ring_drop(struct shape_queue *q)
{
	q->ring_at = q->ring_at + 1 < q->ring_room ? q->ring_at + 1 : 0;
	q->ring_n--;
}

static void heap_put(struct shape_queue *q, const struct node *n)
{
	size_t at = q->heap_n++;

	for (size_t up; at && before(n, &q->heap[up = (at - 1) / CHILDREN]); at = up)
		q->heap[at] = q->heap[up];
	q->heap[at] = *n;
}

static size_t heap_least(const struct shape_queue *q, size_t from)
{
	size_t end = from + CHILDREN < q->heap_n ? from + CHILDREN : q->heap_n, least = from;

	for (size_t i = from + 1; i < end; i++)
		if (before(&q->heap[i], &q->heap[least]))
			least = i;
	return least;
}

static void heap_drop(struct shape_queue *q)
{
	const struct node *last = &q->heap[--q->heap_n];
	size_t at = 0;

	for (size_t down; (down = at * CHILDREN + 1) < q->heap_n; at = down) {
		down = heap_least(q, down);
		if (!before(&q->heap[down], last))
			break;
		q->heap[at] = q->heap[down];
	}
	q->heap[at] = *last;
}

static const struct node *first(const struct shape_queue *q)
{
	const struct node *r = q->ring_n ? &q->ring[q->ring_at] : NULL;

	return q->heap_n && (!r || before(q->heap, r)) ? q->heap : r;
}

int shape_queue_new(size_t max, struct shape_queue **to, struct err *err)
{
	struct shape_queue *q = max && max <= MOST ? calloc(1, sizeof(*q)) : NULL;

	if (q) {
		q->max = max;
		q->ring_room = max < RING_LEAST ? max : RING_LEAST;
		q->ring = calloc(max, sizeof(*q->ring));
		q->heap = calloc(max, sizeof(*q->heap));
	}
	if (!q || !q->ring || !q->heap) {
		shape_queue_free(q);
		return err_set(err, -ENOMEM, "no memory to hold %zu packets", max);
	}
	*to = q;
	return 0;
}

void shape_queue_free(struct shape_queue *q)
{
	if (!q)
		return;
	free(q->ring);
	free(q->heap);
	free(q);
}

size_t shape_queue_held(const struct shape_queue *q)
{
	return q->ring_n + q->heap_n;
}

bool shape_queue_put(struct shape_queue *q, const struct shape_item *item)
{
	struct node n = {*item, q->seq};

	if (shape_queue_held(q) == q->max)
		return false;
	q->seq++;
	if (!q->ring_n || n.item.due_ns >= q->ring_last_ns)
		ring_put(q, &n);
	else
		heap_put(q, &n);
	return true;
}

bool shape_queue_next(const struct shape_queue *q, uint64_t *due_ns)
{
	const struct node *n = first(q);

	if (n)
		*due_ns = n->item.due_ns;
	return n;
}

bool shape_queue_take(struct shape_queue *q, uint64_t now_ns, struct shape_item *to)
{
	const struct node *n = first(q);

	if (!n || n->item.due_ns > now_ns)
		return false;
	*to = n->item;
	if (n == q->heap)
		heap_drop(q);
	else
		ring_drop(q);
	return true;
}
