/*
 * sockets.h - which sockets listen on a port, and which process holds one.
 *
 * Reads /proc/PID/net/{tcp,tcp6,udp,udp6} (proc_pid_net(5): the tables of that process's network
 * namespace) and the links in /proc/PID/fd. A TCP socket listens in state LISTEN; a UDP socket when
 * it is bound and connected to nobody. Not to be assumed: that every holder can be seen; without
 * root only the caller's own processes show their descriptors.
 */
#ifndef SQUALL_MACHINE_SOCKETS_H
#define SQUALL_MACHINE_SOCKETS_H

#include <sys/types.h>

#include "base/err.h"
#include "base/world.h"

struct port {
	uint16_t number;
	bool tcp, udp;
};

/* "6379" (TCP or UDP), "6379/tcp", "53/udp". -EINVAL. */
int port_parse(const char *text, struct port *port, struct err *err) must_use;

/* One listening socket. */
struct listening {
	uint16_t port;
	bool udp;
	uint64_t ino;
};
/* Calls `each` for every socket that listens in the network namespace of process `pid` (0: the
 * caller's own), until it returns non-zero; returns that. A table that is absent holds nothing. */
int sockets_listening(const struct world *w, pid_t pid,
                      int (*each)(void *ctx, const struct listening *), void *ctx,
                      struct err *err) must_use;

/* One established TCP connection. */
struct connection {
	uint8_t family;     /* AF_INET (also when the socket is IPv6) or AF_INET6 */
	uint8_t remote[16]; /* network order */
	uint16_t local_port, remote_port;
};
/* The same for the established TCP connections of a local port. */
int sockets_connected(const struct world *w, pid_t pid, uint16_t port,
                      int (*each)(void *ctx, const struct connection *), void *ctx,
                      struct err *err) must_use;

/* Inodes of sockets; the memory is its own. */
struct socket_set {
	uint64_t *ino;
	size_t n, cap;
};
/* Adds the sockets that listen on `port` in the namespace of `pid`. -ENOMEM. */
int socket_set_add(struct socket_set *set, const struct world *w, pid_t pid,
                   const struct port *port, struct err *err) must_use;
bool socket_set_has(const struct socket_set *set, uint64_t ino);
void socket_set_release(struct socket_set *set);

/* Adds all sockets that process `pid` holds. -EACCES: its descriptors cannot be seen; -ESRCH: it is
 * gone; -ENOMEM. */
int proc_sockets(const struct world *w, pid_t pid, struct socket_set *set) must_use;
/* 1: process `pid` holds one of these sockets; 0: it does not; -EACCES: its descriptors cannot be
 * seen; -ESRCH: it is gone. */
int proc_holds_socket(const struct world *w, pid_t pid, const struct socket_set *set);

#endif
