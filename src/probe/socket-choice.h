/*
 * socket-choice.h - the sockets that a look is about: by port, by process, in which network
 * namespace.
 *
 * To be called in a process of one thread (aside.h): it enters namespaces. A list that changed
 * while it was made is made anew.
 */
#ifndef SQUALL_PROBE_SOCKET_CHOICE_H
#define SQUALL_PROBE_SOCKET_CHOICE_H

#include "base/err.h"
#include "base/world.h"
#include "machine/netns.h"
#include "machine/sock-diag.h"

/* What the user said; all of it must hold. NULL: any. */
struct socket_choice {
	const char *port, *remote_port; /* port_parse */
	const char *name, *pid;         /* of the processes that hold them: proc_match */
	const char *netns;              /* NULL: that of the processes, or the caller's own */
};

struct socket_walk {
	bool tcp, udp;
	uint32_t states; /* of sock_query */
	int (*each)(void *ctx, const struct sock_facts *);
	void (*mark)(void *ctx); /* a list begins */
	void (*back)(void *ctx); /* it will be made anew: what came since mark is void */
	void *ctx;
};

struct socket_found {
	uint64_t processes; /* that match, when the choice has a name or pid */
	/* Path of the namespace, of the first if there are several; "": the caller's own. */
	char netns[NETNS_PATH_MAX];
};

/* The help of the parameters that make a choice. */
#define SOCKET_CHOICE_PID "only those of this process, 4711 or 4711@START"
#define SOCKET_CHOICE_NAME "only those that programs of this name hold; * and ? allowed"
#define SOCKET_CHOICE_REMOTE "only with this port at the other end"
#define SOCKET_CHOICE_NETNS                                                                        \
	"in this network namespace, a name or a path as /proc/4711/ns/net; left out: that of the " \
	"processes, or squall's own"

/* -EINVAL: what cannot be read, or contradicts itself. */
int socket_choice_check(const struct socket_choice *, struct err *err) must_use;
/* -ENOSYS: a recorded machine has none; -EACCES: a process does not show its sockets; -EPERM: a
 * namespace may not be entered; -EAGAIN: they change too fast. */
int socket_choice_walk(const struct world *, const struct socket_choice *,
                       const struct socket_walk *, struct socket_found *, struct err *err) must_use;
/* Moves the caller into the namespace that was found, for good. */
int socket_choice_enter(const struct world *, const struct socket_found *,
                        struct err *err) must_use;

#endif
