/* The event loop: libuv for descriptors and signals, one timerfd and a heap for exact timers. */
#include <uv.h> /* first: it has a member named as an attribute of base.h */

#include "io/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* Where a timer is. DUE ones wait in a list for their turn, so that one that sets itself again in
 * the past cannot starve the others. */
enum timer_place { TIMER_IDLE, TIMER_HEAP, TIMER_DUE };

struct timer {
	struct loop *loop;
	void (*fired)(void *ctx);
	void *ctx;
	uint64_t at_ns;
	enum timer_place place;
	size_t index;                       /* in the heap */
	struct timer *next, **link;         /* in the list of due ones */
	struct timer *all_next, **all_link; /* in the loop's */
};

struct watch {
	union {
		uv_handle_t handle;
		uv_poll_t poll;
		uv_signal_t signal;
	} uv;
	struct loop *loop;
	int fd;
	unsigned events; /* asked; 0 for signals */
	void (*ready)(void *ctx, unsigned events);
	void (*got)(void *ctx, int signum);
	void *ctx;
	struct watch *next, **link;
};

struct loop {
	uv_loop_t uv;
	uv_poll_t clock; /* the timerfd; referenced only while a timer is set */
	int clock_fd;
	uint64_t armed_ns; /* what the timerfd is set to, 0: nothing */
	bool firing;       /* arming waits until the due timers had their turn */
	struct timer **heap;
	size_t heap_n, heap_cap, timers_n;
	struct timer *timers, *due, **due_end;
	struct watch *watches;
	struct loop_local *locals;
};

/* uv_poll takes milliseconds and its own clock; CLOCK_BOOTTIME in nanoseconds is timerfd's
 * (timerfd_create(2)). */
static void clock_arm(struct loop *l)
{
	uint64_t at = l->heap_n ? l->heap[0]->at_ns : 0;
	if (l->firing || at == l->armed_ns)
		return;
	struct itimerspec when = {
	        .it_value = {.tv_sec = (time_t)(at / 1000000000),
	                     .tv_nsec = (long)(at % 1000000000)},
	};
	/* Setting it also takes back an expiry that was not read. Cannot fail with these values. */
	(void)timerfd_settime(l->clock_fd, TFD_TIMER_ABSTIME, &when, NULL);
	if (at && !l->armed_ns)
		uv_ref((uv_handle_t *)&l->clock);
	if (!at && l->armed_ns)
		uv_unref((uv_handle_t *)&l->clock);
	l->armed_ns = at;
}

static void heap_place(struct loop *l, size_t i, struct timer *t)
{
	l->heap[i] = t;
	t->index = i;
}

static void heap_up(struct loop *l, size_t i, struct timer *t)
{
	for (; i && l->heap[(i - 1) / 2]->at_ns > t->at_ns; i = (i - 1) / 2)
		heap_place(l, i, l->heap[(i - 1) / 2]);
	heap_place(l, i, t);
}

static void heap_down(struct loop *l, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;
		if (child >= l->heap_n)
			break;
		if (child + 1 < l->heap_n && l->heap[child + 1]->at_ns < l->heap[child]->at_ns)
			child++;
		if (l->heap[child]->at_ns >= t->at_ns)
			break;
		heap_place(l, i, l->heap[child]);
		i = child;
	}
	heap_place(l, i, t);
}

static void heap_remove(struct loop *l, struct timer *t)
{
	struct timer *last = l->heap[--l->heap_n];
	if (last == t)
		return;
	size_t i = t->index;
	if (i && l->heap[(i - 1) / 2]->at_ns > last->at_ns)
		heap_up(l, i, last);
	else
		heap_down(l, i, last);
}

static void due_append(struct loop *l, struct timer *t)
{
	t->place = TIMER_DUE;
	t->next = NULL;
	t->link = l->due_end;
	*l->due_end = t;
	l->due_end = &t->next;
}

static void due_remove(struct loop *l, struct timer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	else
		l->due_end = t->link;
}

static void timer_take(struct timer *t)
{
	if (t->place == TIMER_HEAP)
		heap_remove(t->loop, t);
	else if (t->place == TIMER_DUE)
		due_remove(t->loop, t);
	t->place = TIMER_IDLE;
}

static void clock_ready(uv_poll_t *handle, int status, int events)
{
	struct loop *l = handle->data;
	uint64_t now = clock_boot_ns();
	l->firing = true;
	while (l->heap_n && l->heap[0]->at_ns <= now) {
		struct timer *t = l->heap[0];
		heap_remove(l, t);
		due_append(l, t);
	}
	/* What is set from now on, even in the past, waits for the next turn: it goes to the heap.
	 */
	while (l->due) {
		struct timer *t = l->due;
		timer_take(t);
		t->fired(t->ctx);
	}
	l->firing = false;
	l->armed_ns = UINT64_MAX; /* has struck: must be set anew, or stopped */
	clock_arm(l);
}

struct loop *loop_new(struct err *err)
{
	struct loop *l = calloc(1, sizeof(*l));
	if (!l) {
		(void)err_sys(err, ENOMEM, "could not make an event loop");
		return NULL;
	}
	l->due_end = &l->due;
	l->clock_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->clock_fd < 0) {
		(void)err_sys(err, errno, "could not make a timer");
		free(l);
		return NULL;
	}
	int rc = uv_loop_init(&l->uv);
	if (rc < 0) {
		(void)err_sys(err, -rc, "could not make an event loop");
		(void)close(l->clock_fd);
		free(l);
		return NULL;
	}
	rc = uv_poll_init(&l->uv, &l->clock, l->clock_fd);
	if (rc == 0) {
		l->clock.data = l;
		rc = uv_poll_start(&l->clock, UV_READABLE, clock_ready);
	}
	if (rc < 0) {
		(void)err_sys(err, -rc, "could not watch a timer");
		(void)uv_loop_close(&l->uv);
		(void)close(l->clock_fd);
		free(l);
		return NULL;
	}
	uv_unref((uv_handle_t *)&l->clock);
	return l;
}

void loop_run(struct loop *l)
{
	(void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

uint64_t loop_now_ns(const struct loop *l)
{
	return clock_boot_ns();
}

struct uv_loop_s *loop_uv(struct loop *l)
{
	return &l->uv;
}

struct timer *timer_new(struct loop *l, void (*fired)(void *ctx), void *ctx)
{
	/* Room in the heap is made here, so that timer_set cannot fail. */
	if (l->timers_n == l->heap_cap) {
		size_t cap = l->heap_cap ? 2 * l->heap_cap : 64;
		struct timer **heap = realloc(l->heap, cap * sizeof(struct timer *));
		if (!heap)
			return NULL;
		l->heap = heap;
		l->heap_cap = cap;
	}
	struct timer *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	*t = (struct timer){.loop = l, .fired = fired, .ctx = ctx};
	l->timers_n++;
	t->all_next = l->timers;
	t->all_link = &l->timers;
	if (t->all_next)
		t->all_next->all_link = &t->all_next;
	l->timers = t;
	return t;
}

void timer_set(struct timer *t, uint64_t at_ns)
{
	timer_take(t);
	t->at_ns = at_ns ? at_ns : 1; /* zero would stop the timerfd */
	t->place = TIMER_HEAP;
	heap_up(t->loop, t->loop->heap_n++, t);
	clock_arm(t->loop);
}

void timer_stop(struct timer *t)
{
	timer_take(t);
	clock_arm(t->loop);
}

void timer_free(struct timer *t)
{
	if (!t)
		return;
	timer_stop(t);
	t->loop->timers_n--;
	*t->all_link = t->all_next;
	if (t->all_next)
		t->all_next->all_link = t->all_link;
	free(t);
}

static void watch_ready(uv_poll_t *handle, int status, int events)
{
	struct watch *w = handle->data;
	unsigned seen =
	        (events & UV_READABLE ? WATCH_READ : 0) | (events & UV_WRITABLE ? WATCH_WRITE : 0);
	if (status < 0)
		seen = w->events;
	w->ready(w->ctx, seen);
}

static void watch_got(uv_signal_t *handle, int signum)
{
	struct watch *w = handle->data;
	w->got(w->ctx, signum);
}

static void watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct watch *watch_alloc(struct loop *l, void *ctx, struct err *err)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w) {
		(void)err_sys(err, ENOMEM, "could not watch a descriptor");
		return NULL;
	}
	w->loop = l;
	w->ctx = ctx;
	return w;
}

static void watch_link(struct watch *w)
{
	w->uv.handle.data = w;
	w->next = w->loop->watches;
	w->link = &w->loop->watches;
	if (w->next)
		w->next->link = &w->next;
	w->loop->watches = w;
}

struct watch *watch_new(struct loop *l, int fd, unsigned events,
                        void (*ready)(void *ctx, unsigned events), void *ctx, struct err *err)
{
	struct watch *w = watch_alloc(l, ctx, err);
	if (!w)
		return NULL;
	w->fd = fd;
	w->ready = ready;
	int rc = uv_poll_init(&l->uv, &w->uv.poll, fd);
	if (rc < 0) {
		(void)err_sys(err, -rc, "could not watch descriptor %d", fd);
		free(w);
		return NULL;
	}
	watch_link(w);
	if (watch_change(w, events, err) < 0) {
		watch_free(w);
		return NULL;
	}
	return w;
}

int watch_change(struct watch *w, unsigned events, struct err *err)
{
	int uv = (events & WATCH_READ ? UV_READABLE : 0) | (events & WATCH_WRITE ? UV_WRITABLE : 0);
	int rc = uv ? uv_poll_start(&w->uv.poll, uv, watch_ready) : uv_poll_stop(&w->uv.poll);
	if (rc < 0)
		return err_sys(err, -rc, "could not watch descriptor %d", w->fd);
	w->events = events;
	return 0;
}

struct watch *watch_signal(struct loop *l, int signum, void (*got)(void *ctx, int signum),
                           void *ctx, struct err *err)
{
	struct watch *w = watch_alloc(l, ctx, err);
	if (!w)
		return NULL;
	w->got = got;
	int rc = uv_signal_init(&l->uv, &w->uv.signal);
	if (rc < 0) {
		(void)err_sys(err, -rc, "could not watch signal %d", signum);
		free(w);
		return NULL;
	}
	watch_link(w);
	rc = uv_signal_start(&w->uv.signal, watch_got, signum);
	if (rc < 0) {
		(void)err_sys(err, -rc, "could not watch signal %d", signum);
		watch_free(w);
		return NULL;
	}
	return w;
}

void watch_background(struct watch *w, bool background)
{
	if (background)
		uv_unref(&w->uv.handle);
	else
		uv_ref(&w->uv.handle);
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	uv_close(&w->uv.handle, watch_closed);
}

void loop_local_add(struct loop *l, struct loop_local *local)
{
	local->next = l->locals;
	local->link = &l->locals;
	if (local->next)
		local->next->link = &local->next;
	l->locals = local;
}

void loop_local_remove(struct loop_local *local)
{
	*local->link = local->next;
	if (local->next)
		local->next->link = local->link;
}

struct loop_local *loop_local_find(const struct loop *l, const void *key)
{
	for (struct loop_local *local = l->locals; local; local = local->next)
		if (local->key == key)
			return local;
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->locals) {
		struct loop_local *local = l->locals;
		loop_local_remove(local);
		local->release(local);
	}
	while (l->watches)
		watch_free(l->watches);
	while (l->timers)
		timer_free(l->timers);
	uv_close((uv_handle_t *)&l->clock, NULL);
	while (uv_loop_close(&l->uv) == UV_EBUSY)
		(void)uv_run(&l->uv, UV_RUN_DEFAULT);
	(void)close(l->clock_fd);
	free(l->heap);
	free(l);
}
