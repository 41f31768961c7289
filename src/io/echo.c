/* ICMP echo. */
#include "io/echo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/quantity.h"

enum { IPV4_HEAD_BYTES = 20, IPV6_HEAD_BYTES = 40 };

static uint16_t checksum(const uint8_t *data, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	if (n & 1)
		sum += (uint32_t)data[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void number_put(uint8_t *at, uint16_t n)
{
	at[0] = (uint8_t)(n >> 8);
	at[1] = (uint8_t)n;
}

static uint16_t number_get(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool is_v6(const struct echo *e)
{
	return e->peer.sa.ss_family == AF_INET6;
}

static const void *bytes_of(const struct sockaddr_storage *sa, size_t *n)
{
	if (sa->ss_family == AF_INET6) {
		*n = sizeof(struct in6_addr);
		return &((const struct sockaddr_in6 *)sa)->sin6_addr;
	}
	*n = sa->ss_family == AF_INET ? sizeof(struct in_addr) : 0;
	return &((const struct sockaddr_in *)sa)->sin_addr;
}

static bool is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	size_t an, bn;
	const void *x = bytes_of(a, &an), *y = bytes_of(b, &bn);
	return a->ss_family == b->ss_family && an && memcmp(x, y, an) == 0;
}

/* Of one host: not of a group of them, nor of any. */
static bool is_host(const struct address *a)
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)&a->sa)->sin6_addr;
	in_addr_t v4 = ntohl(((const struct sockaddr_in *)&a->sa)->sin_addr.s_addr);
	return a->sa.ss_family == AF_INET6
	               ? !IN6_IS_ADDR_MULTICAST(v6) && !IN6_IS_ADDR_UNSPECIFIED(v6)
	               : a->sa.ss_family == AF_INET && !IN_MULTICAST(v4) && v4 != INADDR_ANY;
}

static int socket_open(const struct address *a, bool *raw, struct err *err)
{
	int family = a->sa.ss_family, protocol = family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	*raw = fd < 0 && (errno == EACCES || errno == EPERM || errno == EPROTONOSUPPORT);
	if (*raw)
		fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	if (fd >= 0)
		return fd;
	if (*raw && (errno == EACCES || errno == EPERM)) {
		(void)err_set(err, -EPERM,
		              "cannot send echo requests: neither a datagram nor a raw socket of "
		              "ICMP is allowed");
		return err_hint(err, -EPERM,
		                "Be root, have the capability NET_RAW, or have root set "
		                "net.ipv4.ping_group_range so that it holds your group.");
	}
	return err_sys(err, errno, "could not open a socket of ICMP");
}

/* What is lost when one of these cannot be set is told by the answer: no ttl, no refusal. */
static void options_set(const struct echo *e, bool fragment)
{
	int on = 1;
	(void)setsockopt(e->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (is_v6(e)) {
		int whole = IPV6_PMTUDISC_DO;
		/* A bit for each type that is not wanted. */
		uint32_t only[8];
		memset(only, 0xff, sizeof(only));
		only[ICMPV6_ECHO_REPLY / 32] &= ~(1u << ICMPV6_ECHO_REPLY % 32);
		(void)setsockopt(e->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
		(void)setsockopt(e->fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof(on));
		if (!fragment) {
			(void)setsockopt(e->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &whole,
			                 sizeof(whole));
			(void)setsockopt(e->fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on));
		}
		if (e->raw)
			(void)setsockopt(e->fd, IPPROTO_ICMPV6, ICMPV6_FILTER, only, sizeof(only));
	} else {
		int whole = IP_PMTUDISC_DO;
		struct icmp_filter only = {~(1u << ICMP_ECHOREPLY)};
		(void)setsockopt(e->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
		(void)setsockopt(e->fd, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
		if (!fragment)
			(void)setsockopt(e->fd, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof(whole));
		if (e->raw)
			(void)setsockopt(e->fd, SOL_RAW, ICMP_FILTER, &only, sizeof(only));
	}
}

int echo_open(struct echo *out, const struct address *a, bool fragment, struct err *err)
{
	struct echo e = {.peer = *a};
	char name[INET6_ADDRSTRLEN];
	uint16_t drawn[2];
	struct sockaddr_storage self;
	socklen_t n = sizeof(self);
	echo_address(a, name);
	if (!is_host(a))
		return err_set(err, -EINVAL, "\"%s\" is not the address of a host", name);
	int fd = socket_open(a, &e.raw, err);
	if (fd < 0)
		return fd;
	_cleanup_fd_ int owned = fd;
	e.fd = fd;
	options_set(&e, fragment);
	if (connect(fd, (const struct sockaddr *)&a->sa, a->n) < 0)
		return errno == EACCES /* a broadcast */
		               ? err_set(err, -EINVAL, "\"%s\" is not the address of a host", name)
		               : err_sys(err, errno, "could not reach \"%s\"", name);
	if (getsockname(fd, (struct sockaddr *)&self, &n) < 0 ||
	    getrandom(drawn, sizeof(drawn), 0) != sizeof(drawn))
		return err_sys(err, errno, "could not set up a socket of ICMP");
	/* A datagram socket's number is its port. Of all that a raw one hears, the chance that
	 * somebody else's has both numbers is small. */
	e.id = drawn[0];
	e.first = drawn[1];
	if (!e.raw)
		e.id = ntohs(is_v6(&e) ? ((const struct sockaddr_in6 *)&self)->sin6_port
		                       : ((const struct sockaddr_in *)&self)->sin_port);
	e.fd = fd_take(&owned);
	*out = e;
	return 0;
}

void echo_close(struct echo *e)
{
	fd_close(&e->fd);
}

int echo_send(struct echo *e, uint8_t *packet, size_t n, uint16_t seq)
{
	int before = 0;
	socklen_t size = sizeof(before);
	packet[0] = is_v6(e) ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
	packet[1] = 0;
	number_put(packet + 2, 0);
	number_put(packet + 4, e->id);
	number_put(packet + 6, (uint16_t)(e->first + seq));
	if (!is_v6(e)) /* that of IPv6 has addresses in it: the kernel does it */
		number_put(packet + 2, checksum(packet, n));
	/* A refusal of an earlier packet would be told by this call, which then sends nothing. */
	(void)getsockopt(e->fd, SOL_SOCKET, SO_ERROR, &before, &size);
	return send(e->fd, packet, n, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

bool echo_read(const struct echo *e, const uint8_t *packet, size_t n, bool quoted,
               struct echo_news *news)
{
	bool v6 = is_v6(e);
	uint8_t type = quoted ? (v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO)
	                      : (v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY);
	size_t head = 0;
	if (!v6 && e->raw && !quoted) {
		head = n ? (size_t)(packet[0] & 15) * 4 : 0;
		if (head < IPV4_HEAD_BYTES || head > n || checksum(packet + head, n - head) != 0)
			return false;
	} else if (v6 && quoted && n > IPV6_HEAD_BYTES && packet[0] >> 4 == 6) {
		head = IPV6_HEAD_BYTES; /* a raw socket is given the packet from its start */
	}
	packet += head;
	n -= head;
	if (n < ECHO_HEAD_BYTES || packet[0] != type || packet[1] != 0 ||
	    number_get(packet + 4) != e->id)
		return false;
	news->numbered = true;
	news->seq = (uint16_t)(number_get(packet + 6) - e->first);
	news->payload = packet + ECHO_HEAD_BYTES;
	news->n = n - ECHO_HEAD_BYTES;
	return true;
}

/* Notes when it came: by how long it has lain in the socket, as the kernel's stamp is of a clock
 * that may be moved. */
static uint64_t time_of(const struct timespec *stamp)
{
	uint64_t wall = clock_wall_ns(), boot = clock_boot_ns();
	uint64_t came = (uint64_t)stamp->tv_sec * NS_PER_S + (uint64_t)stamp->tv_nsec;
	return wall > came && wall - came < boot ? boot - (wall - came) : boot;
}

static void refusal_read(const struct sock_extended_err *ee, struct echo_news *news)
{
	const struct sockaddr *from = SO_EE_OFFENDER(ee);
	news->kind = ECHO_REFUSAL;
	news->error = (int)ee->ee_errno;
	if (ee->ee_origin == SO_EE_ORIGIN_ICMP && from->sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, news->from,
		                sizeof(news->from));
	else if (ee->ee_origin == SO_EE_ORIGIN_ICMP6 && from->sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)from)->sin6_addr,
		                news->from, sizeof(news->from));
}

static void word_read(const struct cmsghdr *c, struct echo_news *news)
{
	size_t n = c->cmsg_len - CMSG_LEN(0);
	if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS &&
	    n >= sizeof(struct timespec)) {
		struct timespec stamp;
		memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
		news->at_ns = time_of(&stamp);
	} else if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
	            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) &&
	           n >= sizeof(int)) {
		int ttl;
		memcpy(&ttl, CMSG_DATA(c), sizeof(ttl));
		news->ttl = ttl > 0 ? (unsigned)ttl : 0;
	} else if (((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
	            (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) &&
	           n >= sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in)) {
		refusal_read((const struct sock_extended_err *)CMSG_DATA(c), news);
	}
}

/* One message of the socket, or of its queue of errors. */
static bool message_take(const struct echo *e, bool errors, uint8_t *room, struct echo_news *news)
{
	_Alignas(struct cmsghdr) char words[512];
	struct sockaddr_storage from = {0};
	struct iovec iov = {room, ECHO_ROOM_BYTES};
	struct msghdr m = {.msg_name = &from,
	                   .msg_namelen = sizeof(from),
	                   .msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = words,
	                   .msg_controllen = sizeof(words)};
	ssize_t n = recvmsg(e->fd, &m, errors ? MSG_ERRQUEUE : 0);
	if (n < 0)
		return false;
	*news = (struct echo_news){.at_ns = clock_boot_ns()};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		word_read(c, news);
	bool ours = echo_read(e, room, (size_t)n, errors, news);
	/* On the queue of errors the name is whom the packet was for. */
	if (!is_same(&from, &e->peer.sa) || (!ours && !(errors && !e->raw)))
		news->kind = ECHO_FOREIGN;
	else if (!errors)
		news->kind = ECHO_ANSWER;
	return true;
}

bool echo_hear(struct echo *e, uint8_t room[ECHO_ROOM_BYTES], struct echo_news *news)
{
	if (message_take(e, false, room, news))
		return true;
	/* EAGAIN, or the error that the queue tells more about. */
	return message_take(e, true, room, news) || message_take(e, false, room, news);
}

void echo_address(const struct address *a, char to[INET6_ADDRSTRLEN])
{
	size_t n;
	const void *bytes = bytes_of(&a->sa, &n);
	if (!n || !inet_ntop(a->sa.ss_family, bytes, to, INET6_ADDRSTRLEN))
		to[0] = '\0';
}
