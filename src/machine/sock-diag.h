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
enum { SOCK_ESTABLISHED = 1, SOCK_SYN_RECV = 3, SOCK_LISTEN = 10, SOCK_NEW_SYN_RECV = 12 };
enum { SOCK_STATES = 13 };

struct sock_facts {
	bool udp;
	unsigned state; /* < SOCK_STATES */
	uint64_t ino;   /* 0: no process holds it (any more, or yet) */
	/* Bytes; of a listener: connections that wait to be accepted, and how many may. */
	uint32_t receive_queue, send_queue;
	uint32_t drops; /* what came and was thrown away for want of room */
	bool has_info;  /* an established TCP connection: */
	uint32_t retransmits, rtt_us;
};

/* One message of a list. False: it is none, or too short. */
bool sock_diag_read(const struct nlmsghdr *h, bool udp, struct sock_facts *facts);

/* Calls `each` for every TCP or UDP socket, IPv4 and IPv6, until it returns a negative number.
 * nsfd: the namespace, -1: this process's own; one thread only (base/netlink.h). Ports: 0 is any.
 * -EPERM: the namespace may not be entered; -ENOENT: this kernel does not list them; -EINTR: what
 * it listed changed meanwhile, begin anew. */
int sock_diag_each(int nsfd, bool udp, uint16_t local_port, uint16_t remote_port,
                   int (*each)(void *ctx, const struct sock_facts *), void *ctx,
                   struct err *err) must_use;

#endif
