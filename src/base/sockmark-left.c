/* sockmark-left.c - the sockets of a network namespace that carry a value, by socket diagnostics.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>

#include "base/netlink.h"
#include "base/sockmark.h"

/* linux/inet_diag.h has had both since Linux 4.9 */
enum { STATE_ESTABLISHED = 1, STATE_CLOSE_WAIT = 8 };

static int take(const struct nlmsghdr *h, void *ctx)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
	struct sockmark_left *left = ctx;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(h) < sizeof(*m))
		return 0;
	/* One that nobody has open and that is not being closed waits to be accepted. */
	if (m->idiag_inode)
		left->owned++;
	else
		left->queued +=
		        m->idiag_state == STATE_ESTABLISHED || m->idiag_state == STATE_CLOSE_WAIT;
	return 0;
}

static int list(int diag, uint8_t family, uint8_t protocol, uint32_t mark,
                struct sockmark_left *left, struct err *err)
{
	/* A program of one comparison: what does not match jumps behind its end. */
	struct {
		struct inet_diag_bc_op op;
		struct inet_diag_markcond cond;
	} filter = {
	        .op = {.code = INET_DIAG_BC_MARK_COND,
	               .yes = sizeof(filter),
	               .no = sizeof(filter) + 4},
	        .cond = {.mark = mark, .mask = SOCKMARK_MASK},
	};
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
		struct nlattr attr;
		char filter[sizeof(filter)];
	} request = {
	        .head = {.nlmsg_len = sizeof(request),
	                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
	                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	        .body = {.sdiag_family = family, .sdiag_protocol = protocol, .idiag_states = ~0u},
	        .attr = {.nla_len = sizeof(struct nlattr) + sizeof(filter),
	                 .nla_type = INET_DIAG_REQ_BYTECODE},
	};
	int code = -EINTR;

	memcpy(request.filter, &filter, sizeof(filter));
	for (int turn = 0; turn < 16 && code == -EINTR; turn++) {
		struct sockmark_left seen = *left;

		code = nl_dump(diag, &request, sizeof(request), take, &seen, err);
		if (code == 0)
			*left = seen;
	}
	return code;
}

int sockmark_left(int diag, uint32_t mark, struct sockmark_left *to, struct err *err)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	struct sockmark_left left = {0};

	for (size_t i = 0; i < 4; i++) {
		int code = list(diag, families[i / 2], protocols[i % 2], mark, &left, err);

		if (code < 0 && code != -ENOENT)
			return err_wrap(err, code, "could not list the sockets of a namespace");
	}
	*to = left;
	return 0;
}
