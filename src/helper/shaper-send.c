/* shaper-send.c - packets that the shaper sends itself. */
#include "helper/shaper-send.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>
#include <sys/socket.h>

static int raw_open(int family, uint32_t mark, int *to, struct err *err)
{
	_cleanup_fd_ int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	int on = 1;

	if (fd < 0)
		return err_sys(err, errno, "could not open a raw socket for copies");
	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)
		return err_sys(err, errno, "could not mark what the shaper sends");
	(void)setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	*to = fd_take(&fd);
	return 0;
}

int shaper_send_open(struct shaper_send *s, uint32_t mark, struct err *err)
{
	int code = s->v4 >= 0 ? 0 : raw_open(AF_INET, mark, &s->v4, err);

	if (code < 0 || s->v6 >= 0)
		return code;
	/* a kernel may be without version 6 */
	code = raw_open(AF_INET6, mark, &s->v6, err);
	return code == -EAFNOSUPPORT ? 0 : code;
}

bool shaper_send(const struct shaper_send *s, const void *packet, size_t n, uint32_t device)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	unsigned version = n ? *(const uint8_t *)packet >> 4 : 0;

	if (version == 4 && n >= sizeof(struct iphdr)) {
		memcpy(&v4.sin_addr, (const char *)packet + offsetof(struct iphdr, daddr), 4);
		return sendto(s->v4, packet, n, 0, (struct sockaddr *)&v4, sizeof(v4)) >= 0;
	}
	if (version == 6 && n >= sizeof(struct ip6_hdr)) {
		memcpy(&v6.sin6_addr, (const char *)packet + offsetof(struct ip6_hdr, ip6_dst), 16);
		if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) || IN6_IS_ADDR_MULTICAST(&v6.sin6_addr))
			v6.sin6_scope_id = device;
		return sendto(s->v6, packet, n, 0, (struct sockaddr *)&v6, sizeof(v6)) >= 0;
	}
	return false;
}
