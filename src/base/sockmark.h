/*
 * sockmark.h - the sockets of one process, told from those of its neighbours by a mark.
 *
 * A socket's mark (SO_MARK, socket(7)) is 32 bits that the kernel gives to every packet that the
 * socket sends, that an accepted socket has from its listener, and that nftables can ask for by the
 * socket that a packet is for. SOCKMARK_MASK are the bits that squall uses; all others are left as
 * they are. The value within them is that of the process (sockmark_of), so that two runs that
 * attack it share one. 0 is: not marked. The mask leaves out what kube-proxy knows packets by
 * (0x4000 and 0x8000), and what squall's own tables mark packets with (0x00ff0000 and above).
 *
 * Sockets of another process are had by pidfd_getfd(2), as duplicates that are closed at once: that
 * needs the right to trace it; to mark one needs CAP_NET_ADMIN (or CAP_NET_RAW, Linux 5.17) in the
 * owner of its network namespace. Invariants: nothing is allocated; a socket whose bits in the mask
 * are another value than 0 and the process's own is never changed. Not to be assumed: that a socket
 * belongs to one process only. One that several share (inherited by a fork, passed on) is marked
 * for all of them.
 */
#ifndef SQUALL_BASE_SOCKMARK_H
#define SQUALL_BASE_SOCKMARK_H

#include "base/err.h"
#include "base/ident.h"
#include "base/world.h"

enum { SOCKMARK_MASK = 0x3fff };

/* 1 to SOCKMARK_MASK; two processes have the same one when their numbers differ by a multiple of
 * SOCKMARK_MASK. */
uint32_t sockmark_of(pid_t pid);

struct sockmark_process {
	int pidfd, fds; /* the process, and its folder /proc/PID/fd; -1: not open */
};
/* -ESRCH: it is gone; -EPERM or -EACCES: it may not be traced. */
int sockmark_open(const struct world *, struct proc_id, struct sockmark_process *,
                  struct err *) must_use;
void sockmark_close(struct sockmark_process *);

enum sockmark_deed { SOCKMARK_LOOK, SOCKMARK_PUT, SOCKMARK_CLEAR };

/* Of the IPv4 and IPv6 sockets of a process. */
struct sockmark_seen {
	uint64_t sockets;
	uint64_t marked;  /* that carry the value when it is done */
	uint64_t foreign; /* that carry another value under the mask */
	uint64_t refused; /* that could not be had or changed */
};
/* Looks at each socket that the process has open, and puts the value on those that have none, or
 * takes it from those that have this one. A process that has ended has no sockets. */
void sockmark_walk(const struct sockmark_process *, uint32_t mark, enum sockmark_deed,
                   struct sockmark_seen *);

/* What carries a value in a network namespace, whoever has it (TCP and UDP, by socket diagnostics,
 * sock_diag(7)). */
struct sockmark_left {
	uint64_t owned;  /* somebody has it open */
	uint64_t queued; /* a connection that its listener has not accepted yet: nobody can change
	                    it */
};
/* diag: a socket of NETLINK_SOCK_DIAG in that namespace. A kernel that cannot list a protocol has
 * none of it to show. -EPERM. */
int sockmark_left(int diag, uint32_t mark, struct sockmark_left *, struct err *) must_use;
/* Takes the value from the sockets of every process that may be traced. */
void sockmark_clear_all(const struct world *, uint32_t mark);

#endif
