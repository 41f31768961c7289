/*
 * shape-queue.c - the packets that are held.
 *
 * Two stores: a ring for those that are due after all that it holds (all of them, as long as none
 * may overtake), and a heap for the rest. The next is the earlier of their firsts.
 */
#include "helper/shape-queue.h"

#include <errno.h>
#include <stdlib.h>

enum { MOST = 1 << 24, CHILDREN = 4 };

struct node {
	struct shape_item item;
	uint64_t seq;
};

struct shape_queue {
	size_t max, ring_at, ring_n, heap_n;
	uint64_t seq, last_ns; /* due of the ring's last */
	struct node *ring, *heap;
};

static bool before(const struct node *a, const struct node *b)
{
	return a->item.due_ns != b->item.due_ns ? a->item.due_ns < b->item.due_ns : a->seq < b->seq;
}

static void ring_put(struct shape_queue *q, const struct node *n)
{
	size_t at = q->ring_at + q->ring_n++;

	q->ring[at < q->max ? at : at - q->max] = *n;
	q->last_ns = n->item.due_ns;
}

static void ring_drop(struct shape_queue *q)
{
	q->ring_n--;
	/* an empty one begins again: memory that was never touched is not needed */
	q->ring_at = !q->ring_n || q->ring_at + 1 == q->max ? 0 : q->ring_at + 1;
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
	struct shape_queue *q = calloc(1, sizeof(*q));
	bool fits = q && max && max <= MOST;

	if (fits) {
		q->max = max;
		q->ring = calloc(max, sizeof(*q->ring));
		q->heap = calloc(max, sizeof(*q->heap));
	}
	if (!fits || !q->ring || !q->heap) {
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
	if (!q->ring_n || n.item.due_ns >= q->last_ns)
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
