/*
 * wire.h - messages between processes: a list of NUL-terminated strings in one datagram
 * (SOCK_SEQPACKET).
 *
 * Invariants: the first string is the verb. Bounded by WIRE_MAX; a message that does not fit is
 * refused, never cut. Readable with strace. Not to be assumed: that the other side is honest about
 * the number of strings; check.
 */
#ifndef SQUALL_BASE_WIRE_H
#define SQUALL_BASE_WIRE_H

#include "base/base.h"
#include "base/err.h"

enum { WIRE_MAX = 8192, WIRE_ARGS = 64 };

struct wire {
	size_t len;
	char data[WIRE_MAX];
};

void wire_start(struct wire *m, const char *verb);
int wire_add(struct wire *m, const char *text) must_use; /* -EMSGSIZE */
int wire_addf(struct wire *m, const char *fmt, ...) printf_like(2, 3) must_use;
/* Splits m->data into argv (pointers into the message); returns the number, or -EPROTO. */
int wire_split(struct wire *m, const char *argv[WIRE_ARGS]) must_use;
int wire_send(int fd, const struct wire *m) must_use; /* 0 or negative errno; MSG_NOSIGNAL */
int wire_recv(int fd, struct wire *m,
              bool wait) must_use; /* 0; -EAGAIN; -EPIPE when the other end is gone */
/* For the receiving side of queries: argument i or "" when absent. */
const char *wire_arg(const char *const *argv, int argc, int i);

#endif
