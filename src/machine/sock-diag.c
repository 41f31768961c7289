/* Sockets through NETLINK_SOCK_DIAG. */
#include "machine/sock-diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <netinet/in.h>
#include <string.h>

#include "base/netlink.h"

/* The kernel may send less of a struct than this one has, or more. */
static size_t payload_copy(void *to, size_t size, const struct nlattr *a)
{
	size_t n = mnl_attr_get_payload_len(a);

	memcpy(to, mnl_attr_get_payload(a), n < size ? n : size);
	return n;
}

bool sock_diag_read(const struct nlmsghdr *h, bool udp, struct sock_facts *facts)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;
	struct sock_facts f = {.udp = udp};

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(h) < sizeof(*m) ||
	    m->idiag_state >= SOCK_STATES)
		return false;
	f.state = m->idiag_state == SOCK_NEW_SYN_RECV ? SOCK_SYN_RECV : m->idiag_state;
	f.ino = m->idiag_inode;
	f.receive_queue = m->idiag_rqueue;
	f.send_queue = m->idiag_wqueue;
	mnl_attr_for_each (a, h, sizeof(*m)) {
		struct tcp_info info = {0};
		uint32_t memory[SK_MEMINFO_VARS] = {0};

		switch (mnl_attr_get_type(a)) {
		case INET_DIAG_INFO:
			if (udp || f.state != SOCK_ESTABLISHED)
				break;
			f.has_info = payload_copy(&info, sizeof(info), a) >=
			             offsetof(struct tcp_info, tcpi_total_retrans) +
			                     sizeof(info.tcpi_total_retrans);
			f.retransmits = info.tcpi_total_retrans;
			f.rtt_us = info.tcpi_rtt;
			break;
		case INET_DIAG_SKMEMINFO:
			(void)payload_copy(memory, sizeof(memory), a);
			f.drops = memory[SK_MEMINFO_DROPS];
			break;
		default:
			break;
		}
	}
	*facts = f;
	return true;
}

struct walk {
	bool udp;
	int (*each)(void *, const struct sock_facts *);
	void *ctx;
};

static int message_each(const struct nlmsghdr *h, void *ctx)
{
	struct walk *walk = ctx;
	struct sock_facts f;

	return sock_diag_read(h, walk->udp, &f) ? walk->each(walk->ctx, &f) : 0;
}

int sock_diag_each(int nsfd, bool udp, uint16_t local_port, uint16_t remote_port,
                   int (*each)(void *ctx, const struct sock_facts *), void *ctx, struct err *err)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct walk walk = {.udp = udp, .each = each, .ctx = ctx};
	_cleanup_fd_ int fd = -1;
	int rc = nl_open_in(nsfd, NETLINK_SOCK_DIAG, &fd, err);

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(families); i++) {
		struct {
			struct nlmsghdr head;
			struct inet_diag_req_v2 body;
		} request = {
		        .head = {.nlmsg_len = sizeof(request),
		                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		        .body = {.sdiag_family = families[i],
		                 .sdiag_protocol = udp ? IPPROTO_UDP : IPPROTO_TCP,
		                 .idiag_ext =
		                         1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1),
		                 .idiag_states = ~0u,
		                 .id = {.idiag_sport = htons(local_port),
		                        .idiag_dport = htons(remote_port)}},
		};

		rc = nl_dump(fd, &request, sizeof(request), message_each, &walk, err);
	}
	return rc < 0 ? err_wrap(err, rc, "could not list the %s sockets", udp ? "UDP" : "TCP") : 0;
}
