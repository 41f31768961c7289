/* shaper-send.c - packets that the shaper sends itself. */
#include "helper/shaper-send.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"

/* In every network namespace (include/net/flow.h: LOOPBACK_IFINDEX). */
enum { LOOPBACK_INDEX = 1 };
static const uint64_t mtu_ns = 1000000000ull; /* for so long it is taken to stay */

static int raw_open(int family, int *to, struct err *err)
{
	_cleanup_fd_ int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	int on = 1;

	if (fd < 0)
		return err_sys(err, errno, "could not open a raw socket to send from");
	(void)setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	*to = fd_take(&fd);
	return 0;
}

/* The mark of the socket itself shows at once whether it may be set. */
int shaper_send_open(struct shaper_send *s, uint32_t mark, uint32_t bits, struct err *err)
{
	int code = s->v4 >= 0 ? 0 : raw_open(AF_INET, &s->v4, err);

	s->mark = mark;
	s->bits = bits;
	if (code == 0 && setsockopt(s->v4, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return err_sys(err, errno, "could not mark what the shaper sends");
	if (code < 0 || s->v6 >= 0)
		return code;
	/* a kernel may be without version 6 */
	code = raw_open(AF_INET6, &s->v6, err);
	return code == -EAFNOSUPPORT ? 0 : code;
}

static uint32_t mtu_of(struct shaper_send *s, uint32_t device)
{
	uint64_t now = clock_boot_ns();
	struct ifreq r = {.ifr_mtu = 0};

	if (device == s->device && now < s->mtu_until_ns)
		return s->mtu;
	s->device = device;
	s->mtu_until_ns = now + mtu_ns;
	s->mtu = if_indextoname(device, r.ifr_name) && ioctl(s->v4, SIOCGIFMTU, &r) == 0
	                 ? (uint32_t)r.ifr_mtu
	                 : 0;
	return s->mtu;
}

static unsigned version_of(const void *packet, size_t n)
{
	unsigned version = n ? *(const uint8_t *)packet >> 4 : 0;

	if (version == 4)
		return n >= sizeof(struct iphdr) ? 4 : 0;
	return version == 6 && n >= sizeof(struct ip6_hdr) ? 6 : 0;
}

bool shaper_send_can(struct shaper_send *s, const void *packet, size_t n, uint32_t device)
{
	const uint8_t *bytes = packet;
	bool many;

	switch (version_of(packet, n)) {
	case 4:
		many = bytes[offsetof(struct iphdr, daddr)] >= 224;
		break;
	case 6:
		many = bytes[offsetof(struct ip6_hdr, ip6_dst)] == 0xff;
		break;
	default:
		return false;
	}
	return !many && device && n <= mtu_of(s, device);
}

struct control {
	_Alignas(struct cmsghdr) char data[CMSG_SPACE(sizeof(uint32_t)) +
	                                   CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

static void control_add(struct msghdr *m, int level, int type, const void *data, size_t n)
{
	struct cmsghdr *c = (struct cmsghdr *)((char *)m->msg_control + m->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), data, n);
	m->msg_controllen += CMSG_SPACE(n);
}

/* By loopback all that is for this machine goes anyway. */
static uint32_t bound_to(const struct send_way *w)
{
	return w->out && w->device != LOOPBACK_INDEX ? w->device : 0;
}

bool shaper_send(const struct shaper_send *s, const void *packet, size_t n,
                 const struct send_way *w)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	struct in_pktinfo by4 = {.ipi_ifindex = (int)bound_to(w)};
	struct in6_pktinfo by6 = {.ipi6_ifindex = bound_to(w)};
	struct control control = {{0}};
	struct iovec v = {(void *)(uintptr_t)packet, n};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.data};
	uint32_t mark = (w->mark & ~s->bits) | s->mark;

	control_add(&m, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	switch (version_of(packet, n)) {
	case 4:
		memcpy(&v4.sin_addr, (const char *)packet + offsetof(struct iphdr, daddr), 4);
		m.msg_name = &v4;
		m.msg_namelen = sizeof(v4);
		if (by4.ipi_ifindex)
			control_add(&m, IPPROTO_IP, IP_PKTINFO, &by4, sizeof(by4));
		return sendmsg(s->v4, &m, 0) >= 0;
	case 6:
		memcpy(&v6.sin6_addr, (const char *)packet + offsetof(struct ip6_hdr, ip6_dst), 16);
		m.msg_name = &v6;
		m.msg_namelen = sizeof(v6);
		if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) || IN6_IS_ADDR_MULTICAST(&v6.sin6_addr))
			v6.sin6_scope_id = w->device;
		else if (by6.ipi6_ifindex)
			control_add(&m, IPPROTO_IPV6, IPV6_PKTINFO, &by6, sizeof(by6));
		return sendmsg(s->v6, &m, 0) >= 0;
	default:
		return false;
	}
}
