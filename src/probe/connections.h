/*
 * connections.h - TCP connections as their kernel measures them, gathered and told.
 *
 * Owns: the list. A walk over sockets (socket-choice.h) fills it; what grows is told by comparing
 * with what was kept of the look before (kept.h), connection by connection, so that one that has
 * ended takes nothing away from the sum.
 */
#ifndef SQUALL_PROBE_CONNECTIONS_H
#define SQUALL_PROBE_CONNECTIONS_H

#include <jansson.h>
#include <netinet/in.h>

#include "probe/socket-choice.h"

/* What is kept of each is about 60 bytes, which the loop reads: enough for a busy proxy, and a
 * bound. */
enum { CONNECTIONS_MAX = 20000 };

/* The other end that is meant. */
struct peer {
	uint8_t family; /* 0: any */
	_Alignas(struct in6_addr) uint8_t bytes[16];
	unsigned bits;
};

struct connections {
	struct peer peer;
	struct sock_facts *v;
	size_t n, cap, marked_n;
	uint64_t connecting, marked_connecting;
};

/* "ADDRESS" or "ADDRESS/BITS". False: it is none. */
bool peer_parse(const char *text, struct peer *) must_use;

/* Of a socket_walk. -E2BIG: more than CONNECTIONS_MAX; -ENOMEM. */
int connections_add(void *connections, const struct sock_facts *);
void connections_mark(void *connections);
void connections_back(void *connections);
void connections_release(struct connections *);

/* How they are now. */
void connections_tell(const struct connections *, json_t *doc);
/* By how much they have grown since `before` (NULL: nothing was kept), and "kept". */
void connections_grown(const struct connections *, json_t *doc, const json_t *before);

#endif
