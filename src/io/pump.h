/*
 * pump.h - a bounded amount of bytes over one TCP connection, as fast as it goes.
 *
 * Owns: the connection, from pump_start on. Invariants: no more than spec.bytes go out or are
 * taken in; it ends at spec.until_ns whatever came; done() is called exactly once, never from
 * within pump_start, and not after pump_cancel; a turn of the loop is short. What goes out counts
 * when the peer's kernel has acknowledged it (tcp(7), TCP_INFO), not when it lies in a buffer here;
 * what is left there at the end is thrown away with a reset. Bytes from the peer are dropped.
 */
#ifndef SQUALL_IO_PUMP_H
#define SQUALL_IO_PUMP_H

#include "base/base.h"
#include "base/err.h"

struct loop;
struct pump;

struct pump_spec {
	int fd;           /* connected; taken over by a call that succeeds */
	bool out;         /* what flows: out, random bytes; in, what comes */
	const char *send; /* in: said first; NULL: nothing. Borrowed until done */
	uint64_t bytes;   /* how much */
	uint64_t until_ns;
};

struct pump_result {
	uint64_t bytes;
	/* For so many of them, and so long: without the last two segments on the way out, which a
	 * peer may acknowledge late. */
	uint64_t counted, took_ns;
	uint64_t first_ns; /* in: to the first byte; 0: none came */
	uint64_t retransmits, rtt_ns;
	bool complete, timed_out;
	const char *error; /* NULL: none */
};

typedef void pump_done(void *ctx, const struct pump_result *);
int pump_start(struct loop *, const struct pump_spec *, pump_done *, void *ctx, struct pump **,
               struct err *) must_use;
void pump_cancel(struct pump *); /* NULL is allowed */

#endif
