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
void loop_free(struct loop *); /* closes what is left open */
void loop_run(struct loop *);  /* until loop_stop, or nothing is left to wait for */
void loop_stop(struct loop *);
uint64_t loop_now_ns(const struct loop *); /* fresh, not cached */
struct uv_loop_s *loop_uv(struct loop *);

/* Fires once, never before at_ns, and within about 1 ms after it. */
struct timer *timer_new(struct loop *, void (*fired)(void *ctx), void *ctx);
void timer_set(struct timer *,
               uint64_t at_ns); /* replaces; a time in the past fires at the next turn */
void timer_stop(struct timer *);
void timer_free(struct timer *); /* NULL is allowed */

enum watch_events { WATCH_READ = 1, WATCH_WRITE = 2 };
/* Does not own fd. */
struct watch *watch_new(struct loop *, int fd, unsigned events,
                        void (*ready)(void *ctx, unsigned events), void *ctx, struct err *err);
void watch_free(struct watch *);
/* A signal of this process, as an event. */
struct watch *watch_signal(struct loop *, int signum, void (*got)(void *ctx, int signum), void *ctx,
                           struct err *err);

#endif
