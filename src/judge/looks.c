/*
 * Looks by due time: windows, tolerance, conditions that hold, steady again.
 */
#include "judge/looks.h"

#include <errno.h>

#include "base/err.h"
#include "base/quantity.h"

enum { IN_FLIGHT_ROOM = 64 };

static struct look_due *at(const struct looks *l, size_t i)
{
	return &l->v[(l->first + i) % l->cap];
}

int looks_init(struct looks *l, struct arena *a, size_t keep, struct err *err)
{
	size_t cap = keep + IN_FLIGHT_ROOM;
	struct look_due *v = arena_alloc(a, cap * sizeof(*v));

	if (!v)
		return err_set(err, -ENOMEM, "could not keep the looks: out of memory");
	*l = (struct looks){.v = v, .cap = cap};
	return 0;
}

void looks_add(struct looks *l, uint64_t due_ns)
{
	if (l->n == l->cap) {
		l->pending -= at(l, 0)->state == LOOK_PENDING;
		l->first = (l->first + 1) % l->cap;
		l->n--;
	}
	*at(l, l->n++) = (struct look_due){.due_ns = due_ns, .state = LOOK_PENDING};
	l->pending++;
}

bool looks_answer(struct looks *l, uint64_t due_ns, bool hit)
{
	for (size_t i = l->n; i--;) {
		struct look_due *d = at(l, i);

		if (d->due_ns < due_ns)
			return false;
		if (d->due_ns > due_ns || d->state != LOOK_PENDING)
			continue;
		d->state = hit ? LOOK_HIT : LOOK_MISS;
		l->pending--;
		return true;
	}
	return false;
}

bool looks_oldest_pending(const struct looks *l, uint64_t *due_ns)
{
	for (size_t i = 0; l->pending && i < l->n; i++) {
		if (at(l, i)->state == LOOK_PENDING) {
			*due_ns = at(l, i)->due_ns;
			return true;
		}
	}
	return false;
}

size_t looks_pending(const struct looks *l, uint64_t from_ns, uint64_t to_ns)
{
	size_t n = 0;

	for (size_t i = 0; l->pending && i < l->n; i++)
		n += at(l, i)->state == LOOK_PENDING && at(l, i)->due_ns >= from_ns &&
		     at(l, i)->due_ns < to_ns;
	return n;
}

void looks_drop_pending(struct looks *l)
{
	for (size_t i = 0; l->pending && i < l->n; i++) {
		if (at(l, i)->state == LOOK_PENDING) {
			at(l, i)->state = LOOK_DROPPED;
			l->pending--;
		}
	}
}

size_t window_looks(uint64_t every_ns, uint64_t over_ns)
{
	uint64_t n = every_ns ? over_ns / every_ns : WINDOW_LOOKS_MAX;

	if (n < WINDOW_LOOKS_MIN)
		return WINDOW_LOOKS_MIN;
	return n > WINDOW_LOOKS_MAX ? WINDOW_LOOKS_MAX : (size_t)n;
}

struct window_share window_share(const struct looks *l, uint64_t every_ns, uint64_t over_ns,
                                 uint64_t from_ns)
{
	struct window_share w = {.looks = window_looks(every_ns, over_ns)};
	uint64_t length_ns = w.looks * every_ns;
	uint64_t newest = l->n ? at(l, l->n - 1)->due_ns : 0;

	for (size_t i = l->n; i--;) {
		const struct look_due *d = at(l, i);

		if (d->due_ns < from_ns || newest - d->due_ns >= length_ns)
			break;
		w.misses += d->state == LOOK_MISS;
	}
	return w;
}

bool window_crossed(struct window_share w, uint64_t misses_ppm)
{
	return w.misses && w.misses * PPM_ALL >= misses_ppm * w.looks;
}

bool tolerance_exceeded(uint64_t looks, uint64_t misses, uint64_t tolerate_ppm)
{
	return misses && misses * PPM_ALL > tolerate_ppm * looks;
}

bool looks_hold(const struct looks *l, uint64_t for_ns, uint64_t from_ns)
{
	uint64_t newest = 0, oldest = 0;
	bool any = false;

	for (size_t i = l->n; i--;) {
		const struct look_due *d = at(l, i);

		if (d->due_ns < from_ns || d->state == LOOK_HIT)
			break;
		if (d->state != LOOK_MISS)
			continue;
		if (!any)
			newest = d->due_ns;
		oldest = d->due_ns;
		any = true;
	}
	return any && newest - oldest >= for_ns;
}

bool looks_steady(const struct looks *l, uint64_t from_ns, size_t need, uint64_t *since_ns)
{
	size_t start = l->n, hits = 0;

	while (start && at(l, start - 1)->due_ns >= from_ns && at(l, start - 1)->state != LOOK_MISS)
		start--;
	for (size_t i = start; i < l->n && hits < need; i++) {
		if (at(l, i)->state == LOOK_DROPPED)
			continue;
		if (at(l, i)->state != LOOK_HIT)
			return false;
		if (!hits++)
			start = i;
	}
	if (hits < need || !need)
		return false;
	*since_ns = at(l, start)->due_ns;
	return true;
}
