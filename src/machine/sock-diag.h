/*
 * sock-diag.h - the sockets of a network namespace, as the kernel lists them (sock_diag(7)).
 *
 * Faster and fuller than /proc/net: queues, the backlog of listeners, retransmissions. Not to be
 * assumed: that a list is of one moment; sockets come and go while it is made.
 */
#ifndef SQUALL_MACHINE_SOCK_DIAG_H
#define SQUALL_MACHINE_SOCK_DIAG_H

#include "base/err.h"
#include "base/world.h"

struct nlmsghdr;

/* States of net/tcp_states.h; UDP has ESTABLISHED (connected to somebody) and CLOSE only. */
enum {
	SOCK_ESTABLISHED = 1,
	SOCK_SYN_SENT = 2,
	SOCK_SYN_RECV = 3,
	SOCK_LISTEN = 10,
	SOCK_NEW_SYN_RECV = 12
};
enum { SOCK_STATES = 13 };

struct sock_facts {
	bool udp;
	unsigned state; /* < SOCK_STATES */
	uint64_t ino;   /* 0: no process holds it (any more, or yet) */
	/* Bytes; of a listener: connections that wait to be accepted, and how many may. */
	uint32_t receive_queue, send_queue;
	uint32_t drops;  /* what came and was thrown away for want of room */
	uint64_t cookie; /* what tells it from all others of its namespace, now and later */
	uint16_t local_port, remote_port;
	uint8_t family;     /* AF_INET (also when the socket is IPv6) or AF_INET6 */
	uint8_t remote[16]; /* network order */
	bool has_info;      /* an established TCP connection: */
	uint32_t retransmits, rtt_us, rtt_variation_us;
	uint32_t unacked, lost, congestion_window; /* segments */
	bool has_more;                             /* and a kernel since 4.9: */
	uint32_t rtt_floor_us;                     /* UINT32_MAX: not known yet */
	uint64_t delivery_rate;                    /* bytes a second; 0: not known yet */
	uint64_t data_segments, bytes_acked, bytes_received;
};

/* One message of a list. False: it is none, or too short. */
bool sock_diag_read(const struct nlmsghdr *h, bool udp, struct sock_facts *facts);

/* What is listed; 0 is any. */
struct sock_query {
	bool udp; /* else TCP */
	uint16_t local_port, remote_port;
	uint32_t states; /* a bit for each, 1 << SOCK_LISTEN */
};

/* Calls `each` for every such socket, IPv4 and IPv6, until it returns a negative number. nsfd: the
 * namespace, -1: this process's own; one thread only (base/netlink.h).
 * -EPERM: the namespace may not be entered; -ENOENT: this kernel does not list them; -EINTR: what
 * it listed changed meanwhile, begin anew. */
int sock_diag_each(int nsfd, const struct sock_query *,
                   int (*each)(void *ctx, const struct sock_facts *), void *ctx,
                   struct err *err) must_use;

#endif
