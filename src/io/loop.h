/*
 * loop.h - the event loop. Thin over libuv.
 *
 * Owns: the uv loop and every handle made here. Times are CLOCK_BOOTTIME nanoseconds
 * (base/clock.h). Callbacks run on the loop's thread, never from within the call that arranged
 * them. Closing a handle twice is a bug; closing it from its own callback is fine.
 */
#ifndef SQUALL_IO_LOOP_H
#define SQUALL_IO_LOOP_H

#include "base/err.h"
#include "base/base.h"

struct loop;
struct timer;
struct watch;
struct uv_loop_s;

struct loop *loop_new(struct err *err);
void loop_free(struct loop *); /* closes and frees what is left open; NULL is allowed */
void loop_run(struct loop *);  /* until loop_stop, or nothing is left to wait for */
void loop_stop(struct loop *);
uint64_t loop_now_ns(const struct loop *); /* fresh, not cached */
struct uv_loop_s *loop_uv(struct loop *);

/* Fires once, never before at_ns, and within about 1 ms after it. NULL: no memory. */
struct timer *timer_new(struct loop *, void (*fired)(void *ctx), void *ctx);
void timer_set(struct timer *,
               uint64_t at_ns); /* replaces; a time in the past fires at the next turn */
void timer_stop(struct timer *);
void timer_free(struct timer *); /* NULL is allowed */

enum watch_events { WATCH_READ = 1, WATCH_WRITE = 2 };
/* Does not own fd, which becomes non-blocking; one watch per descriptor, closed (watch_free) before
 * the descriptor is. An error or hang-up is given as all asked events: the read or write that
 * follows says what it is; after an error the watch is quiet until watch_change. */
struct watch *watch_new(struct loop *, int fd, unsigned events,
                        void (*ready)(void *ctx, unsigned events), void *ctx, struct err *err);
int watch_change(struct watch *, unsigned events, struct err *err) must_use; /* 0: paused */
void watch_background(struct watch *, bool); /* true: it alone does not keep loop_run going */
void watch_free(struct watch *);             /* NULL is allowed */
/* A signal of this process, as an event. */
struct watch *watch_signal(struct loop *, int signum, void (*got)(void *ctx, int signum), void *ctx,
                           struct err *err);

/* What belongs to a loop and must go with it: a connection pool, a process still to be reaped.
 * Embedded in the owner's struct; release is called once by loop_free while the loop still works,
 * unless removed before. key tells whose it is. */
struct loop_local {
	const void *key;
	void (*release)(struct loop_local *);
	struct loop_local *next, **link;
};
void loop_local_add(struct loop *, struct loop_local *);
void loop_local_remove(struct loop_local *);
struct loop_local *loop_local_find(const struct loop *, const void *key); /* the newest, or NULL */

#endif
