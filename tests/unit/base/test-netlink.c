/* test-netlink.c - requests to the real kernel (no privilege needed), and answers of any kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../skip.h"
#include "base/hash.h"
/* For what is static in it: what comes from the kernel cannot be made up from outside. */
#include "../../../src/base/netlink.c"

static void devices_are_listed(void **state)
{
	struct world w;
	struct err e = ERR_INIT;
	BUF(links, 4096);
	BUF(small, 2);
	(void)state;
	assert_int_equal(world_open_real(&w, &e), 0);
	assert_int_equal(netns_links(&w, "/proc/self/ns/net", &links, &e), 0);
	assert_true(strcmp(links.data, "lo") == 0 || strncmp(links.data, "lo ", 3) == 0);
	assert_int_equal(netns_links(&w, "/proc/self/ns/net", &small, &e), -E2BIG);
	assert_int_equal(netns_links(&w, "/proc/self/ns/nothing", &links, &e), -ENOENT);
	world_close(&w);
}

static void a_recorded_machine_has_devices(void **state)
{
	struct answer v[] = {{"links /run/netns/blue", "lo eth7"}};
	struct answers a = {.n = 1, .v = v};
	struct world w = {.root = -1, .fake = &a};
	struct err e = ERR_INIT;
	BUF(links, 64);
	(void)state;
	assert_int_equal(netns_links(&w, "/run/netns/blue", &links, &e), 0);
	assert_string_equal(links.data, "lo eth7");
	assert_int_equal(netns_links(&w, "/run/netns/red", &links, &e), -ENOENT);
}

static size_t link_request(char *data, int index)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(data);
	h->nlmsg_type = RTM_GETLINK;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));
	i->ifi_index = index;
	return h->nlmsg_len;
}

static int message_count(const struct nlmsghdr *h, void *ctx)
{
	++*(unsigned *)ctx;
	return 0;
}

static int message_refuse(const struct nlmsghdr *h, void *ctx)
{
	return -EXDEV;
}

static void requests_are_answered(void **state)
{
	_Alignas(8) char request[256];
	struct err e = ERR_INIT;
	unsigned n = 0;
	int fd = -1;
	(void)state;
	assert_int_equal(nl_open(NETLINK_ROUTE, &fd, &e), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	size_t len = link_request(request, 1);
	assert_int_equal(nl_ask(fd, request, len, 1, message_count, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(nl_ask(fd, request, len, 1, message_refuse, NULL, &e), -EXDEV);
	assert_true(e.what[0] != 0);
	/* an answer that nobody read does not spoil the next one */
	assert_true(send(fd, request, len, 0) == (ssize_t)len);
	len = link_request(request, 0x7fffffff);
	assert_int_equal(nl_ask(fd, request, len, 1, message_count, &n, &e), -ENODEV);
	assert_int_equal(n, 1);
	fd_close(&fd);
	assert_int_equal(nl_ask(fd, request, len, 1, NULL, NULL, &e), -EBADF);
}

/* Another process that sends to our socket is not the kernel. */
static void only_the_kernel_is_heard(void **state)
{
	_Alignas(8) char request[256], forged[64] = {0};
	struct sockaddr_nl us = {0};
	socklen_t n = sizeof(us);
	struct err e = ERR_INIT;
	unsigned count = 0;
	int fd = -1, other = -1;
	(void)state;
	assert_int_equal(nl_open(NETLINK_ROUTE, &fd, &e), 0);
	assert_int_equal(nl_open(NETLINK_ROUTE, &other, &e), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&us, &n), 0);
	struct nlmsghdr *h = mnl_nlmsg_put_header(forged);
	struct nlmsgerr *said = mnl_nlmsg_put_extra_header(h, sizeof(*said));
	h->nlmsg_type = NLMSG_ERROR;
	said->error = -EKEYREJECTED;
	/* the kernel lets only root send to others */
	if (sendto(other, forged, h->nlmsg_len, 0, (struct sockaddr *)&us, sizeof(us)) < 0) {
		fd_close(&fd);
		fd_close(&other);
		lacks("root", "only root may send netlink messages to others");
	}
	size_t len = 0, got = link_request(request, 1);
	_Alignas(8) char answer[8192];
	/* straight at the reader, since a request first throws away what is old */
	assert_int_equal(send(fd, request, got, 0), (ssize_t)got);
	assert_int_equal(
	        answer_recv(fd, answer, sizeof(answer), clock_boot_ns() + 1000000000, &len, &e), 0);
	assert_int_equal(((struct nlmsghdr *)answer)->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(nl_ask(fd, request, got, 1, message_count, &count, &e), 0);
	fd_close(&fd);
	fd_close(&other);
}

static void the_kernels_words_are_kept(void **state)
{
	_Alignas(8) char data[256] = {0};
	struct err e = ERR_INIT;
	struct talk t = {.acks = 1};
	(void)state;
	struct nlmsghdr *h = mnl_nlmsg_put_header(data);
	struct nlmsgerr *said = mnl_nlmsg_put_extra_header(h, sizeof(*said));
	h->nlmsg_type = NLMSG_ERROR;
	h->nlmsg_flags = NLM_F_ACK_TLVS | NLM_F_CAPPED;
	said->error = -EPERM;
	mnl_attr_put_strz(h, NLMSGERR_ATTR_MSG, "not today");
	assert_int_equal(answer_take(&t, data, h->nlmsg_len, &e), -EPERM);
	assert_string_equal(e.what, "not today: Operation not permitted");
	said->error = 5;
	assert_int_equal(answer_take(&t, data, h->nlmsg_len, &e), -EBADMSG);
	said->error = INT32_MIN;
	assert_int_equal(answer_take(&t, data, h->nlmsg_len, &e), -EBADMSG);
}

static int attrs_walk(const struct nlmsghdr *h, void *ctx)
{
	BUF(to, 512);
	(void)link_add(h, &to);
	return 0;
}

/* Bytes of any kind end, and nothing is read beyond them (the sanitized build sees to that). */
static void hostile_answers(void **state)
{
	_Alignas(8) char good[512] = {0};
	struct rng rng = {5};
	size_t n = 0, read = 0;
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct nlmsghdr *h = mnl_nlmsg_put_header(good + n);
		h->nlmsg_type = i == 1 ? NLMSG_ERROR : RTM_NEWLINK;
		h->nlmsg_flags = i == 1 ? NLM_F_ACK_TLVS : 0;
		mnl_nlmsg_put_extra_header(h, i == 1 ? sizeof(struct nlmsgerr)
		                                     : sizeof(struct ifinfomsg));
		mnl_attr_put_strz(h, i == 1 ? NLMSGERR_ATTR_MSG : IFLA_IFNAME, "some text");
		n += MNL_ALIGN(h->nlmsg_len);
	}
	for (int turn = 0; turn < 20000; turn++) {
		size_t len = turn % 2 ? n : rng_below(&rng, n);
		char *bad = malloc(len ? len : 1);
		struct talk t = {.each = attrs_walk, .acks = 1000, .dump = turn % 3 == 0};
		struct err e = ERR_INIT;
		assert_non_null(bad);
		memcpy(bad, good, len);
		for (uint64_t k = rng_below(&rng, 16); k > 0 && len; k--)
			bad[rng_below(&rng, len)] = (char)rng_next(&rng);
		read += answer_take(&t, bad, len, &e) == 0;
		free(bad);
	}
	assert_true(read > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(devices_are_listed),
	        cmocka_unit_test(a_recorded_machine_has_devices),
	        cmocka_unit_test(requests_are_answered),
	        cmocka_unit_test(only_the_kernel_is_heard),
	        cmocka_unit_test(the_kernels_words_are_kept),
	        cmocka_unit_test(hostile_answers),
	};
	return cmocka_run_group_tests_name("base netlink", tests, NULL, NULL);
}
