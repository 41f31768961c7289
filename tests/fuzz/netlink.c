/* Answers of the kernel. The first byte says what was asked; then each datagram with its length
 * (16 bits, least first). The socket is replaced: base/netlink.c is built in with calls that hand
 * out the input. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "fuzz.h"
#include "machine/sock-diag.h"
#include "step/nft-encode.h"

static const char *given;
static size_t given_n;

static ssize_t fuzz_recvmsg(int fd, struct msghdr *m, int flags)
{
	size_t n = given_n < 2 ? 0 : (uint8_t)given[0] + 256u * (uint8_t)given[1];
	size_t cap = m->msg_iov->iov_len;

	if (given_n < 2) {
		errno = EAGAIN;
		return -1;
	}
	given += 2;
	given_n -= 2;
	if (n > given_n)
		n = given_n;
	m->msg_flags = n > cap ? MSG_TRUNC : 0;
	memcpy(m->msg_iov->iov_base, given, n > cap ? cap : n);
	given += n;
	given_n -= n;
	return (ssize_t)(n > cap ? cap : n);
}

static ssize_t fuzz_sendto(int fd, const void *data, size_t n, int flags, const void *to,
                           socklen_t to_n)
{
	return (ssize_t)n;
}

static ssize_t fuzz_recv(int fd, void *data, size_t n, int flags)
{
	return -1;
}

#define recvmsg fuzz_recvmsg
#define sendto fuzz_sendto
#define recv fuzz_recv
#include "base/netlink.c" /* NOLINT(bugprone-suspicious-include): its socket is replaced */
#undef recvmsg
#undef sendto
#undef recv

static int socket_add(const struct nlmsghdr *h, void *n)
{
	for (int udp = 0; udp < 2; udp++) {
		struct sock_facts f;

		if (sock_diag_read(h, udp, &f)) {
			assert(f.state < SOCK_STATES && !(udp && f.has_info));
			++*(size_t *)n;
		}
	}
	return 0;
}

void fuzz_begin(void)
{
}

void fuzz_one(const char *text, size_t n)
{
	struct nft_seen seen = {.table = "squall_test_1"};
	struct nft_count count = {0};
	struct err err = ERR_INIT;
	size_t sockets = 0;
	int code = 0;
	BUF(names, 256);

	if (!n)
		return;
	given = text + 1;
	given_n = n - 1;
	switch (text[0]) {
	case 'l':
		code = nl_dump(-1, "", 0, link_add, &names, &err);
		break;
	case 't':
		code = nl_dump(-1, "", 0, nft_seen_take, &seen, &err);
		assert(memchr(seen.comment, 0, sizeof(seen.comment)));
		break;
	case 'c':
		code = nl_dump(-1, "", 0, nft_count_take, &count, &err);
		break;
	case 's':
		code = nl_dump(-1, "", 0, socket_add, &sockets, &err);
		break;
	case 'a':
		code = nl_ask(-1, "", 0, 2, NULL, NULL, &err);
		break;
	default:
		break;
	}
	assert(code == 0 || (err.code == code && err.what[0]));
}
