/* shaper-link.c - the packet queue of the kernel. */
#include "helper/shaper-link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/netlink.h"

enum {
	QUEUES_FIRST = 4096, /* what people number by hand lies below */
	QUEUES = 32768,
	TRIES = 1000,
	BUFFER_BYTES = 64 << 20,
	HEADER_BYTES = 512, /* of a packet's message, without the packet */
	SAY_BYTES = 128 * 1024,
	SAY_HEADER = 64,
};

struct link_room {
	char *in; /* LINK_AT_ONCE messages */
	size_t in_each;
	struct mmsghdr m[LINK_AT_ONCE];
	struct iovec v[LINK_AT_ONCE];
	size_t say_n;
	struct nlmsghdr *last; /* of what is to be said */
	_Alignas(struct nlmsghdr) char say[SAY_BYTES];
};

static struct nlmsghdr *message_start(void *at, uint16_t number, int type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(at);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));

	h->nlmsg_type = (uint16_t)(NFNL_SUBSYS_QUEUE << 8 | type);
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(number);
	return h;
}

int shaper_link_open(struct shaper_link *l, const char *name, struct err *err)
{
	uint32_t hash = crc32c(name, strlen(name));
	int big = BUFFER_BYTES, on = 1, code = -EBUSY;

	*l = (struct shaper_link){.fd = -1, .room = calloc(1, sizeof(*l->room))};
	if (!l->room)
		return err_set(err, -ENOMEM, "no memory for a packet queue");
	code = nl_open(NETLINK_NETFILTER, &l->fd, err);
	if (code < 0)
		return code;
	code = -EBUSY;
	for (uint32_t i = 0; i < TRIES && code == -EBUSY; i++) {
		l->number = (uint16_t)(QUEUES_FIRST + (hash + i) % QUEUES);
		code = nl_queue_bind(l->fd, l->number, err);
	}
	if (code < 0)
		return err_wrap(err, code, "could not bind a packet queue");
	/* without privilege the default bounds stay */
	if (setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big)) < 0)
		(void)setsockopt(l->fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	(void)setsockopt(l->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	return 0;
}

void shaper_link_close(struct shaper_link *l)
{
	fd_close(&l->fd);
	if (l->room)
		free(l->room->in);
	free(l->room);
	l->room = NULL;
}

static int room_make(struct shaper_link *l, size_t bytes, struct err *err)
{
	struct link_room *r = l->room;
	size_t each = NLMSG_ALIGN(HEADER_BYTES + bytes);
	char *in = each > r->in_each ? malloc(each * LINK_AT_ONCE) : r->in;

	if (!in)
		return err_set(err, -ENOMEM, "no memory for packets");
	if (in == r->in)
		return 0;
	free(r->in);
	r->in = in;
	r->in_each = each;
	for (size_t i = 0; i < LINK_AT_ONCE; i++) {
		r->v[i] = (struct iovec){in + i * each, each};
		r->m[i].msg_hdr = (struct msghdr){.msg_iov = &r->v[i], .msg_iovlen = 1};
	}
	return 0;
}

/* Not nl_ask: packets come by the same socket, and none may be thrown away. The answer is read with
 * them. */
int shaper_link_set(struct shaper_link *l, size_t bytes, bool whole, uint32_t waiting,
                    struct err *err)
{
	_Alignas(struct nlmsghdr) char data[256];
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct nlmsghdr *h = message_start(data, l->number, NFQNL_MSG_CONFIG, 0);
	struct nfqnl_msg_config_params params = {.copy_range = htonl((uint32_t)bytes),
	                                         .copy_mode = NFQNL_COPY_PACKET};
	uint32_t flags = NFQA_CFG_F_FAIL_OPEN | (whole ? NFQA_CFG_F_GSO : 0);
	int code = room_make(l, bytes, err);

	if (code < 0)
		return code;
	mnl_attr_put(h, NFQA_CFG_PARAMS, sizeof(params), &params);
	mnl_attr_put_u32(h, NFQA_CFG_QUEUE_MAXLEN, htonl(waiting));
	mnl_attr_put_u32(h, NFQA_CFG_FLAGS, htonl(flags));
	mnl_attr_put_u32(h, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO));
	if (sendto(l->fd, data, h->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return err_sys(err, errno, "could not set up packet queue %u", l->number);
	l->bytes = bytes;
	return 0;
}

static uint32_t u32_get(const struct nlattr *a)
{
	uint32_t v = 0;

	if (mnl_attr_get_payload_len(a) == sizeof(v))
		memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return ntohl(v);
}

static bool packet_read(const struct nlmsghdr *h, struct shaper_packet *p)
{
	const struct nlattr *a;
	bool found = false;

	*p = (struct shaper_packet){.id = 0};
	if (h->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
		return false;
	mnl_attr_for_each (a, h, sizeof(struct nfgenmsg)) {
		const struct nfqnl_msg_packet_hdr *header = mnl_attr_get_payload(a);

		switch (mnl_attr_get_type(a)) {
		case NFQA_PACKET_HDR:
			found = mnl_attr_get_payload_len(a) >= sizeof(*header);
			p->id = found ? ntohl(header->packet_id) : 0;
			p->hook = found ? header->hook : 0;
			break;
		case NFQA_PAYLOAD:
			p->data = mnl_attr_get_payload(a);
			p->data_n = mnl_attr_get_payload_len(a);
			break;
		case NFQA_CAP_LEN:
			p->bytes = u32_get(a);
			break;
		case NFQA_SKB_INFO:
			p->sum_missing = u32_get(a) & NFQA_SKB_CSUMNOTREADY;
			break;
		case NFQA_MARK:
			p->mark = u32_get(a);
			break;
		case NFQA_IFINDEX_INDEV:
		case NFQA_IFINDEX_OUTDEV:
			p->device = u32_get(a);
			break;
		default:
			break;
		}
	}
	if (!p->bytes)
		p->bytes = (uint32_t)p->data_n;
	return found;
}

/* An answer names the message that it is about. */
static bool told_read(const struct nlmsghdr *h, struct link_told *told)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(h) < sizeof(*e))
		return false;
	*told = (struct link_told){.serial = h->nlmsg_seq, .gone = e->error == -ENOENT};
	return e->error == 0 || told->gone;
}

size_t shaper_link_read(struct shaper_link *l, struct shaper_packet to[LINK_AT_ONCE],
                        struct link_told told[LINK_AT_ONCE], size_t *told_n)
{
	int n = recvmmsg(l->fd, l->room->m, LINK_AT_ONCE, MSG_DONTWAIT, NULL);
	size_t found = 0;

	*told_n = 0;
	for (int i = 0; i < n; i++) {
		const char *at = l->room->v[i].iov_base;
		size_t left = l->room->m[i].msg_len;
		const struct nlmsghdr *h = nl_next(&at, &left);

		if (h && told_read(h, &told[*told_n])) {
			++*told_n;
			continue;
		}
		if (!h || !packet_read(h, &to[found]))
			continue;
		if (to[found].id - l->last > 1)
			l->gaps += to[found].id - l->last - 1;
		l->last = to[found++].id;
	}
	return found;
}

void shaper_link_flush(struct shaper_link *l)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n;

	if (!l->room->say_n)
		return;
	l->room->last->nlmsg_flags |= NLM_F_ACK;
	do
		n = sendto(l->fd, l->room->say, l->room->say_n, 0, (struct sockaddr *)&kernel,
		           sizeof(kernel));
	while (n < 0 && (errno == EINTR || errno == ENOBUFS || errno == ENOMEM));
	l->room->say_n = 0;
}

static struct nlmsghdr *verdict_put(struct shaper_link *l, uint32_t id, int verdict, size_t room)
{
	struct nfqnl_msg_verdict_hdr v = {.verdict = htonl((uint32_t)verdict), .id = htonl(id)};
	struct nlmsghdr *h;

	if (l->room->say_n + SAY_HEADER + room > SAY_BYTES)
		shaper_link_flush(l);
	h = message_start(l->room->say + l->room->say_n, l->number, NFQNL_MSG_VERDICT, 0);
	h->nlmsg_seq = l->serial++;
	l->room->last = h;
	mnl_attr_put(h, NFQA_VERDICT_HDR, sizeof(v), &v);
	return h;
}

uint32_t shaper_link_accept(struct shaper_link *l, uint32_t id, const void *data, size_t n)
{
	struct nlmsghdr *h = verdict_put(l, id, NF_ACCEPT, data ? n : 0);

	if (data)
		mnl_attr_put(h, NFQA_PAYLOAD, n, data);
	l->room->say_n += MNL_ALIGN(h->nlmsg_len);
	return h->nlmsg_seq;
}

void shaper_link_drop(struct shaper_link *l, uint32_t id)
{
	struct nlmsghdr *h = verdict_put(l, id, NF_DROP, 0);

	l->room->say_n += MNL_ALIGN(h->nlmsg_len);
}
