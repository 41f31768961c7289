/* netlink.c - netlink through libmnl: one socket, request and answer. */
#include "base/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	ANSWER_MAX = 32768, /* the kernel never sends more in one datagram of a dump */
	ANSWER_TIMEOUT_S = 2,
};

int nl_open(int protocol, int *fd, struct err *err)
{
	struct sockaddr_nl self = {.nl_family = AF_NETLINK};
	struct timeval patience = {.tv_sec = ANSWER_TIMEOUT_S};
	int on = 1, big = 1 << 20;
	_cleanup_fd_ int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (s < 0)
		return err_sys(err, errno, "could not open a netlink socket");
	if (bind(s, (struct sockaddr *)&self, sizeof(self)) < 0 ||
	    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return err_sys(err, errno, "could not set up a netlink socket");
	/* Kernels before 4.12 give no text; an answer that leaves the request out is shorter. */
	(void)setsockopt(s, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	/* A large transaction is one message; without privilege the default bound stays. */
	(void)setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
	*fd = fd_take(&s);
	return 0;
}

/* Enters the user namespace that owns the network namespace first, as whoever made it may; there is
 * no way back from that, so a child does it. */
static int open_there(int nsfd, int protocol, struct err *err)
{
	_cleanup_fd_ int user = ioctl(nsfd, NS_GET_USERNS), s = -1;
	if (user < 0 || setns(user, CLONE_NEWUSER) < 0 || setns(nsfd, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "could not enter the network namespace");
	int code = nl_open(protocol, &s, err);
	return code < 0 ? code : fd_take(&s);
}

static int fd_send(int sock, int fd)
{
	char byte = 0;
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = room,
	                   .msg_controllen = sizeof(room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(sock, &m, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* The descriptor, or -1 when none came. */
static int fd_receive(int sock)
{
	char byte;
	int fd = -1;
	_Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(fd))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = room,
	                   .msg_controllen = sizeof(room)};
	ssize_t n;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	const struct cmsghdr *c = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static int open_by_child(int nsfd, int protocol, int *fd, struct err *err)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, errno, "could not make a channel");
	_cleanup_fd_ int ours = ends[0], theirs = ends[1];
	pid_t pid = fork();
	if (pid == 0) {
		int s = open_there(nsfd, protocol, NULL);
		_exit(s < 0 || fd_send(theirs, s) < 0);
	}
	if (pid < 0)
		return err_sys(err, errno, "could not make a process");
	fd_close(&theirs);
	int got = fd_receive(ours);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (got < 0) {
		(void)err_set(err, -EPERM, "not allowed in this network namespace");
		return err_hint(err, -EPERM,
		                "Be root, or whoever made its user namespace (\"unshare -Urn\").");
	}
	*fd = got;
	return 0;
}

int nl_open_in(int nsfd, int protocol, int *fd, struct err *err)
{
	struct stat want, here;
	if (nsfd < 0)
		return nl_open(protocol, fd, err);
	_cleanup_fd_ int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0 || fstat(home, &here) < 0 || fstat(nsfd, &want) < 0)
		return err_sys(err, errno, "could not look at the network namespace");
	if (here.st_ino == want.st_ino && here.st_dev == want.st_dev)
		return nl_open(protocol, fd, err);
	if (setns(nsfd, CLONE_NEWNET) < 0)
		return errno == EPERM
		               ? open_by_child(nsfd, protocol, fd, err)
		               : err_sys(err, errno, "could not enter the network namespace");
	_cleanup_fd_ int s = -1;
	int code = nl_open(protocol, &s, err);
	if (setns(home, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "could not return to the own network namespace");
	if (code == 0)
		*fd = fd_take(&s);
	return code;
}

/* What an answer that came too late would spoil: the next request's. */
static void stale_drop(int fd)
{
	char junk[64];
	while (recv(fd, junk, sizeof(junk), MSG_DONTWAIT | MSG_TRUNC) >= 0)
		;
}

static int request_send(int fd, const void *data, size_t len, struct err *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n;
	stale_drop(fd);
	do
		n = sendto(fd, data, len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(err, errno, "could not send a netlink request") : 0;
}

/* One datagram from the kernel; what other processes send is not heard. */
static int answer_recv(int fd, void *data, size_t cap, uint64_t until_ns, size_t *len,
                       struct err *err)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {data, cap};
		struct msghdr m = {.msg_name = &from,
		                   .msg_namelen = sizeof(from),
		                   .msg_iov = &iov,
		                   .msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &m, 0);
		bool late = clock_boot_ns() >= until_ns;
		if (n < 0 && errno == EINTR && !late)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return err_set(err, -ETIMEDOUT, "the kernel did not answer within %d s",
			               ANSWER_TIMEOUT_S);
		if (n < 0)
			return err_sys(err, errno, "could not read a netlink answer");
		if (m.msg_flags & MSG_TRUNC)
			return err_set(err, -EMSGSIZE, "cannot read a netlink answer of that size");
		if (m.msg_namelen == sizeof(from) && from.nl_pid == 0) {
			*len = (size_t)n;
			return 0;
		}
		if (late)
			return err_set(err, -ETIMEDOUT, "the kernel did not answer within %d s",
			               ANSWER_TIMEOUT_S);
	}
}

const struct nlmsghdr *nl_next(const char **at, size_t *left)
{
	const struct nlmsghdr *h = (const void *)*at;
	if (*left < sizeof(*h) || h->nlmsg_len < sizeof(*h) || h->nlmsg_len > *left)
		return NULL;
	size_t n = NLMSG_ALIGN((size_t)h->nlmsg_len);
	if (n > *left)
		n = *left;
	*at += n;
	*left -= n;
	return h;
}

/* The text that the kernel gave with an error, or NULL. */
static const char *kernel_text(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
	size_t at = sizeof(*e), end = mnl_nlmsg_get_payload_len(h);
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED)) {
		if (e->msg.nlmsg_len < sizeof(e->msg))
			return NULL;
		at += MNL_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	}
	while (at + MNL_ATTR_HDRLEN <= end) {
		const struct nlattr *a = mnl_nlmsg_get_payload_offset(h, at);
		if (!mnl_attr_ok(a, (int)(end - at)))
			return NULL;
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(a);
		at += MNL_ALIGN(a->nla_len);
	}
	return NULL;
}

static int error_read(const struct nlmsghdr *h, struct err *err)
{
	if (mnl_nlmsg_get_payload_len(h) < sizeof(struct nlmsgerr))
		return err_set(err, -EBADMSG, "cannot read a netlink answer");
	int code = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error;
	if (code == 0)
		return 0;
	if (code > 0 || code < -4095)
		return err_set(err, -EBADMSG, "cannot read a netlink answer");
	const char *text = kernel_text(h);
	return text ? err_set(err, code, "%.200s: %s", text, err_text(-code))
	            : err_set(err, code, "%s", err_text(-code));
}

/* The end of a dump carries an error in its first four bytes. */
static int done_read(const struct nlmsghdr *h, struct err *err)
{
	int code = 0;
	if (mnl_nlmsg_get_payload_len(h) >= sizeof(code))
		memcpy(&code, mnl_nlmsg_get_payload(h), sizeof(code));
	return code < 0 && code >= -4095 ? err_sys(err, -code, "the kernel broke off a list") : 0;
}

struct talk {
	int (*each)(const struct nlmsghdr *, void *);
	void *ctx;
	unsigned acks; /* still to come */
	bool dump, torn, ended;
};

static int answer_take(struct talk *t, const char *data, size_t left, struct err *err)
{
	const struct nlmsghdr *h;
	int code = 0;
	while (code == 0 && !t->ended && (h = nl_next(&data, &left))) {
		t->torn = t->torn || (h->nlmsg_flags & NLM_F_DUMP_INTR);
		if (h->nlmsg_type == NLMSG_ERROR) {
			code = error_read(h, err);
			if (code == 0 && t->acks > 0)
				t->acks--;
			t->ended = !t->dump && t->acks == 0;
		} else if (h->nlmsg_type == NLMSG_DONE) {
			code = done_read(h, err);
			t->ended = t->dump;
		} else if (h->nlmsg_type >= NLMSG_MIN_TYPE && t->each) {
			code = t->each(h, t->ctx);
			if (code < 0 && err && !err->code)
				err_sys(err, -code, "could not use a netlink answer");
		}
	}
	return code;
}

static int talk_run(int fd, const void *data, size_t len, struct talk *t, struct err *err)
{
	_Alignas(struct nlmsghdr) char answer[ANSWER_MAX];
	/* Each datagram may take the socket's time-out; all of them together no more than this. */
	uint64_t until = clock_boot_ns() + 2000000000ull * ANSWER_TIMEOUT_S;
	if (err)
		err->code = 0;
	int code = request_send(fd, data, len, err);
	while (code == 0 && !t->ended) {
		size_t n = 0;
		code = answer_recv(fd, answer, sizeof(answer), until, &n, err);
		if (code == 0)
			code = answer_take(t, answer, n, err);
	}
	return code;
}

int nl_ask(int fd, const void *data, size_t len, unsigned acks,
           int (*each)(const struct nlmsghdr *, void *), void *ctx, struct err *err)
{
	struct talk t = {.each = each, .ctx = ctx, .acks = acks, .ended = acks == 0};
	return talk_run(fd, data, len, &t, err);
}

int nl_dump(int fd, const void *data, size_t len, int (*each)(const struct nlmsghdr *, void *),
            void *ctx, struct err *err)
{
	struct talk t = {.each = each, .ctx = ctx, .dump = true};
	int code = talk_run(fd, data, len, &t, err);
	if (code == 0 && t.torn)
		return err_set(err, -EINTR, "what the kernel listed changed meanwhile");
	return code;
}

int nl_queue_bind(int fd, uint16_t number, struct err *err)
{
	_Alignas(struct nlmsghdr) char request[128];
	struct nfqnl_msg_config_cmd bind = {.command = NFQNL_CFG_CMD_BIND};
	struct nlmsghdr *h = mnl_nlmsg_put_header(request);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	h->nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(number);
	mnl_attr_put(h, NFQA_CFG_CMD, sizeof(bind), &bind);
	int code = nl_ask(fd, request, h->nlmsg_len, 1, NULL, NULL, err);
	/* to whom another's is the kernel says EPERM before anything else */
	return code == -EPERM ? err_set(err, -EBUSY, "packet queue %u is another's", number) : code;
}

static int link_add(const struct nlmsghdr *h, void *ctx)
{
	struct buf *to = ctx;
	const struct nlattr *a;
	if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(struct ifinfomsg))
		return 0;
	mnl_attr_for_each (a, h, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(a) != IFLA_IFNAME ||
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0)
			continue;
		if (to->len)
			buf_addc(to, ' ');
		buf_add(to, mnl_attr_get_str(a));
	}
	return to->over ? -E2BIG : 0;
}

int netns_links(const struct world *w, const char *netns_path, struct buf *to, struct err *err)
{
	if (!world_is_real(w)) {
		BUF(key, 300);
		buf_addf(&key, "links %s", netns_path);
		const char *links = world_answer(w, key.data);
		if (!links)
			return err_set(err, -ENOENT, "no network namespace \"%s\"", netns_path);
		buf_reset(to);
		buf_add(to, links);
		return to->over ? err_set(err, -E2BIG, "no room for the list of devices") : 0;
	}
	_cleanup_fd_ int ns = world_openat(w, netns_path, O_RDONLY);
	_cleanup_fd_ int fd = -1;
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", netns_path);
	int code = nl_open_in(ns, NETLINK_ROUTE, &fd, err);
	if (code < 0)
		return err_wrap(err, code, "\"%s\"", netns_path);

	_Alignas(struct nlmsghdr) char
	        request[MNL_ALIGN(sizeof(struct nlmsghdr)) + MNL_ALIGN(sizeof(struct ifinfomsg))];
	for (int turn = 0; turn < 8; turn++) {
		struct nlmsghdr *h = mnl_nlmsg_put_header(request);
		h->nlmsg_type = RTM_GETLINK;
		h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
		buf_reset(to);
		code = nl_dump(fd, request, h->nlmsg_len, link_add, to, err);
		if (code != -EINTR)
			break;
	}
	return code < 0 ? err_wrap(err, code, "could not list the devices of \"%s\"", netns_path)
	                : 0;
}
