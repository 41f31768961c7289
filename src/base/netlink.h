/*
 * netlink.h - netlink through libmnl: one socket, request and answer.
 *
 * Owns: the descriptor. Invariants: every request is acknowledged or times out; a failed request
 * carries the kernel's own text when it gives one (NLMSGERR_ATTR_MSG, netlink(7)).
 */
#ifndef SQUALL_BASE_NETLINK_H
#define SQUALL_BASE_NETLINK_H

#include <linux/netlink.h>

#include "base/base.h"
#include "base/err.h"
#include "base/world.h"

/* A netlink socket of this protocol in this process's namespace; receive time-out 2 s, extended
 * acks on. */
int nl_open(int protocol, int *fd, struct err *err) must_use;
/* The same in another network namespace: setns there and back (single-threaded processes only);
 * where only the owner of its user namespace may, a child fetches it. nsfd -1: here. -EPERM. */
int nl_open_in(int nsfd, int protocol, int *fd, struct err *err) must_use;
/* Sends `len` bytes (one message or an nfnetlink batch) and collects answers until each of the
 * `acks` expected acknowledgements or an error came. `each` is called for every data message; NULL
 * ignores them. */
int nl_ask(int fd, const void *data, size_t len, unsigned acks,
           int (*each)(const struct nlmsghdr *, void *), void *ctx, struct err *err) must_use;
/* A dump request: collects until NLMSG_DONE. -EINTR when the kernel says that the dump was
 * inconsistent. */
int nl_dump(int fd, const void *data, size_t len, int (*each)(const struct nlmsghdr *, void *),
            void *ctx, struct err *err) must_use;

/* Binds a packet queue of the socket's namespace (nfnetlink_queue) to this netfilter socket.
 * -EBUSY: another has it. */
int nl_queue_bind(int fd, uint16_t number, struct err *err) must_use;

/* The next whole message among *left bytes at *at, both advanced past it; NULL when there is none.
 * (mnl_nlmsg_ok(3) takes a length of over 2 GiB for good.) */
const struct nlmsghdr *nl_next(const char **at, size_t *left) must_use;

/* Network devices of a namespace: opens it by path ("/proc/self/ns/net", "/run/netns/blue"), lists
 * names in index order into `to` separated by spaces. A recorded machine answers "links PATH". */
int netns_links(const struct world *w, const char *netns_path, struct buf *to,
                struct err *err) must_use;

#endif
