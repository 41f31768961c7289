/*
 * dns.h - one question to a name server and its answer, on the loop. Thin over c-ares.
 *
 * Owns: a channel of its own for each question, so that nothing is remembered from one to the next:
 * no cache, no server that is passed over because it failed before. Invariants: done() is called
 * exactly once, never from within dns_start, and not after dns_cancel. The question goes once to
 * each server, never again; any response code is an answer; a cut answer over UDP is given as it
 * is. The name is taken as it is: neither the hosts file nor search domains play a part. Not to be
 * assumed: that an answer is well formed (dns_answer_read).
 */
#ifndef SQUALL_IO_DNS_H
#define SQUALL_IO_DNS_H

#include "base/base.h"
#include "base/err.h"

struct loop;
struct dns;

struct dns_question {
	const char *name; /* borrowed for the call of dns_start */
	unsigned type;    /* RFC 1035 and its followers: 1 is A */
	const char
	        *server; /* "ADDRESS", "ADDRESS:PORT", "[IPv6]:PORT"; NULL: those of resolv.conf */
	bool tcp;
	uint64_t until_ns; /* CLOCK_BOOTTIME */
};

/* data NULL with err: nobody answered (-ETIMEDOUT, -ECONNREFUSED, …). servers: who was asked,
 * joined by ", ". */
typedef void dns_done(void *ctx, const uint8_t *data, size_t n, const char *servers,
                      const struct err *err);

/* The version of the library, or NULL: not built in, and dns_start says -ENOSYS. */
const char *dns_library(void);
int dns_server_check(const char *server, struct err *err) must_use;
/* -EINVAL: a name that cannot be asked for. */
int dns_start(struct loop *, const struct dns_question *, dns_done *, void *ctx, struct dns **,
              struct err *) must_use;
void dns_cancel(struct dns *); /* NULL is allowed */

#endif
