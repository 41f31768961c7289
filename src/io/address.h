/*
 * address.h - names to addresses without holding up the loop: the system's own resolver, in a
 * thread.
 *
 * Invariants: done() is called exactly once, never from within addresses_start, and not after
 * addresses_cancel. Not to be assumed: that the thread ends with a cancel; getaddrinfo(3) cannot be
 * stopped, so it is left to end by itself.
 */
#ifndef SQUALL_IO_ADDRESS_H
#define SQUALL_IO_ADDRESS_H

#include <sys/socket.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

struct loop;
struct addresses;

enum { ADDRESSES_MAX = 8, HOST_MAX = 256 };
struct address {
	struct sockaddr_storage sa;
	socklen_t n;
};

/* "HOST:PORT", "[IPv6]:PORT" or "/PATH" of a Unix socket (port 0, host the path). -EINVAL. */
int address_split(const char *text, char host[HOST_MAX], uint16_t *port, struct err *err) must_use;
/* A number or a path needs no resolver. False: it is a name. */
bool address_literal(const char *host, uint16_t port, struct address *to);
void address_format(struct buf *to, const struct address *);

/* v NULL with err: the name has no address, or nobody could say. */
typedef void addresses_done(void *ctx, const struct address *v, size_t n, const struct err *err);
int addresses_start(struct loop *, const char *host, uint16_t port, addresses_done *, void *ctx,
                    struct addresses **, struct err *) must_use;
void addresses_cancel(struct addresses *); /* NULL is allowed */

#endif
