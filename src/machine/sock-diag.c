/* Sockets through NETLINK_SOCK_DIAG. */
#include "machine/sock-diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
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

#define HOLDS(n, member) ((n) >= offsetof(struct tcp_info, member) + sizeof(info.member))

static void info_read(const struct nlattr *a, struct sock_facts *f)
{
	struct tcp_info info = {0};
	size_t n = payload_copy(&info, sizeof(info), a);

	f->has_info = HOLDS(n, tcpi_total_retrans);
	f->retransmits = info.tcpi_total_retrans;
	f->rtt_us = info.tcpi_rtt;
	f->rtt_variation_us = info.tcpi_rttvar;
	f->unacked = info.tcpi_unacked;
	f->lost = info.tcpi_lost;
	f->congestion_window = info.tcpi_snd_cwnd;
	f->has_more = HOLDS(n, tcpi_delivery_rate);
	f->rtt_floor_us = info.tcpi_min_rtt;
	f->delivery_rate = info.tcpi_delivery_rate;
	f->data_segments = info.tcpi_data_segs_out;
	f->bytes_acked = info.tcpi_bytes_acked;
	f->bytes_received = info.tcpi_bytes_received;
}

/* Whose address is IPv4 within IPv6 speaks IPv4. */
static void remote_read(const struct inet_diag_msg *m, struct sock_facts *f)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *bytes = (const uint8_t *)m->id.idiag_dst;
	bool within = m->idiag_family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0;
	bool v6 = m->idiag_family == AF_INET6 && !within;

	f->family = v6 ? AF_INET6 : AF_INET;
	memcpy(f->remote, bytes + (within ? sizeof(mapped) : 0), v6 ? 16 : 4);
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
	f.cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0];
	f.local_port = ntohs(m->id.idiag_sport);
	f.remote_port = ntohs(m->id.idiag_dport);
	remote_read(m, &f);
	mnl_attr_for_each (a, h, sizeof(*m)) {
		uint32_t memory[SK_MEMINFO_VARS] = {0};

		switch (mnl_attr_get_type(a)) {
		case INET_DIAG_INFO:
			if (!udp && f.state == SOCK_ESTABLISHED)
				info_read(a, &f);
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
	const struct sock_query *query;
	int (*each)(void *, const struct sock_facts *);
	void *ctx;
};

static int message_each(const struct nlmsghdr *h, void *ctx)
{
	struct walk *walk = ctx;
	const struct sock_query *q = walk->query;
	struct sock_facts f;

	/* The kernel lists what is bound and no more whatever its port. */
	if (!sock_diag_read(h, q->udp, &f) || (q->local_port && f.local_port != q->local_port) ||
	    (q->remote_port && f.remote_port != q->remote_port))
		return 0;
	return walk->each(walk->ctx, &f);
}

int sock_diag_each(int nsfd, const struct sock_query *query,
                   int (*each)(void *ctx, const struct sock_facts *), void *ctx, struct err *err)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct walk walk = {.query = query, .each = each, .ctx = ctx};
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
		                 .sdiag_protocol = query->udp ? IPPROTO_UDP : IPPROTO_TCP,
		                 .idiag_ext =
		                         1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1),
		                 .idiag_states = query->states ? query->states : ~0u,
		                 .id = {.idiag_sport = htons(query->local_port),
		                        .idiag_dport = htons(query->remote_port)}},
		};

		rc = nl_dump(fd, &request, sizeof(request), message_each, &walk, err);
	}
	return rc < 0 ? err_wrap(err, rc, "could not list the %s sockets",
	                         query->udp ? "UDP" : "TCP")
	              : 0;
}
