/* The ping probe, in a network namespace of its own whose kernel is silent: who answers is the
 * test, well or badly. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ipv6.h>
#include <linux/if.h>
#include <netinet/ip.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/echo.h"
#include "look.h"

#include "../skip.h"

/* What the answering process does: the size of the request says it. */
enum {
	WELL = 100,
	TWICE,
	SWAPPED, /* the first is answered after the second */
	ALTERED, /* with a checksum that is right */
	DAMAGED, /* and one that is not */
	SHORTER,
	FOREIGN, /* all but what was asked */
	REFUSED,
	REFUSED_FOREIGN,
	SILENT,
};

static bool has_net, has_user_ns;

static uint16_t sum(const uint8_t *data, size_t n)
{
	uint32_t s = 0;
	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)(data[i] << 8 | data[i + 1]);
	if (n & 1)
		s += (uint32_t)data[n - 1] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return htons((uint16_t)~s);
}

static void say(int fd, uint8_t *packet, size_t n, bool v6)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	if (!v6) {
		memset(packet + 2, 0, 2);
		uint16_t s = sum(packet, n);
		memcpy(packet + 2, &s, 2);
	}
	(void)sendto(fd, packet, n, 0, v6 ? (struct sockaddr *)&to6 : (struct sockaddr *)&to,
	             v6 ? sizeof(to6) : sizeof(to));
}

/* "Host unreachable", with the request in it; foreign: with somebody else's. */
static void refuse(int fd, const uint8_t *ip, const uint8_t *asked, size_t n, bool v6, bool foreign)
{
	uint8_t packet[1600] = {v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH,
	                        v6 ? ICMPV6_ADDR_UNREACH : ICMP_HOST_UNREACH};
	size_t head = v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if (v6) {
		struct ipv6hdr h = {.version = 6,
		                    .payload_len = htons((uint16_t)n),
		                    .nexthdr = IPPROTO_ICMPV6,
		                    .hop_limit = 64,
		                    .saddr = IN6ADDR_LOOPBACK_INIT,
		                    .daddr = IN6ADDR_LOOPBACK_INIT};
		memcpy(packet + 8, &h, sizeof(h));
	} else {
		memcpy(packet + 8, ip, head);
	}
	memcpy(packet + 8 + head, asked, n);
	packet[8 + head + 5] ^= foreign; /* its number */
	say(fd, packet, 8 + head + n, v6);
}

static void foreign_say(int fd, const uint8_t *answer, size_t n, bool v6)
{
	for (int i = 0; i < 4; i++) {
		uint8_t packet[1600];
		memcpy(packet, answer, n);
		packet[i < 2 ? 1 : i == 2 ? 4 : 6] ^= 0x40; /* code, code, number, seq */
		say(fd, packet, i == 0 ? 6 : n, v6);
	}
	uint8_t other[64] = {v6 ? ICMPV6_TIME_EXCEED : ICMP_TIME_EXCEEDED};
	say(fd, other, sizeof(other), v6);
}

static void answer(int fd, const uint8_t *ip, uint8_t *asked, size_t n, bool v6)
{
	static uint8_t held[1600];
	static size_t held_n;
	uint8_t packet[1600];
	size_t size = n - 8;
	memcpy(packet, asked, n);
	packet[0] = v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY;
	switch (size) {
	case SILENT:
		return;
	case FOREIGN:
		foreign_say(fd, packet, n, v6);
		return;
	case REFUSED:
	case REFUSED_FOREIGN:
		refuse(fd, ip, asked, n, v6, size == REFUSED_FOREIGN);
		return;
	case SWAPPED:
		if (!held_n) {
			memcpy(held, packet, n);
			held_n = n;
			return;
		}
		say(fd, packet, n, v6);
		say(fd, held, held_n, v6);
		held_n = 0;
		return;
	case ALTERED:
		packet[50] ^= 1;
		break;
	case DAMAGED: { /* after the checksum was made */
		struct sockaddr_in to = {.sin_family = AF_INET,
		                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		packet[50] ^= 1;
		(void)sendto(fd, packet, n, 0, (struct sockaddr *)&to, sizeof(to));
		return;
	}
	case SHORTER:
		n -= 20;
		break;
	case TWICE:
		say(fd, packet, n, v6);
		break;
	default:
		break;
	}
	say(fd, packet, n, v6);
}

static void serve(int fd, bool v6)
{
	for (;;) {
		uint8_t room[2000], *asked = room;
		ssize_t n = recv(fd, room, sizeof(room), 0);
		if (!v6 && n >= 20) {
			asked += (room[0] & 15) * 4;
			n -= (room[0] & 15) * 4;
		}
		if (n >= 8 && n < 1500 && asked[0] == (v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO))
			answer(fd, room, asked, (size_t)n, v6);
	}
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool well = fd >= 0 && write(fd, text, strlen(text)) > 0;
	(void)close(fd);
	return well;
}

static pid_t answerers[2];

/* A namespace with a loopback that nobody answers on, and two processes that do. */
static int setup(void **state)
{
	has_user_ns = unshare(CLONE_NEWNET) < 0;
	has_net = !has_user_ns || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	if (!has_net)
		return 0;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &lo), 0);
	lo.ifr_mtu = 1500;
	assert_int_equal(ioctl(fd, SIOCSIFMTU, &lo), 0);
	(void)close(fd);
	assert_true(put("/proc/sys/net/ipv4/icmp_echo_ignore_all", "1"));
	bool quiet6 = put("/proc/sys/net/ipv6/icmp/echo_ignore_all", "1");
	for (int v6 = 0; v6 < (quiet6 ? 2 : 1); v6++) {
		fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		assert_true(fd >= 0);
		answerers[v6] = fork();
		if (answerers[v6] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(fd, v6);
		}
		(void)close(fd);
	}
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++)
		if (answerers[i] > 0) {
			(void)kill(answerers[i], SIGKILL);
			(void)waitpid(answerers[i], NULL, 0);
		}
	return 0;
}

static struct seen ping(const char *host, int what, const char *count, const char *timeout)
{
	char size[16];
	(void)snprintf(size, sizeof(size), "%d", what);
	return LOOK("ping", "host", host, "size", size, "count", count, "interval", "10ms",
	            "timeout", timeout);
}

static void counts_are(struct seen *s, int received, int duplicates, int reordered, int corrupted)
{
	assert_int_equal(number_of(s, "received"), received);
	assert_int_equal(number_of(s, "lost"), number_of(s, "sent") - received);
	assert_int_equal(number_of(s, "duplicates"), duplicates);
	assert_int_equal(number_of(s, "reordered"), reordered);
	assert_int_equal(number_of(s, "corrupted"), corrupted);
	seen_release(s);
}

static void answers_are_told_apart(const char *host, bool v6)
{
	struct seen s = ping(host, WELL, "3", "20s");
	assert_true(number_of(&s, "rtt-min") > 0);
	assert_true(number_of(&s, "rtt-min") <= number_of(&s, "rtt"));
	assert_true(number_of(&s, "rtt") <= number_of(&s, "rtt-max"));
	assert_true(number_of(&s, "jitter") <= number_of(&s, "rtt-max"));
	assert_true(number_of(&s, "seconds") >= 0.02); /* two intervals */
	assert_true(number_of(&s, "loss") == 0);
	assert_int_equal(number_of(&s, "ttl"), 64);
	assert_string_equal(text_of(&s, "address"), host);
	assert_true(!is_true(&s, "timed-out") && is_absent(&s, "error"));
	counts_are(&s, 3, 0, 0, 0);
	s = ping(host, TWICE, "3", "20s");
	double copies = number_of(&s, "duplicates"); /* that of the last one may come too late */
	assert_true(copies == 2 || copies == 3);
	counts_are(&s, 3, (int)copies, 0, 0);
	s = ping(host, SWAPPED, "4", "20s");
	counts_are(&s, 4, 0, 2, 0);
	s = ping(host, ALTERED, "2", "20s");
	counts_are(&s, 2, 0, 0, 2);
	s = ping(host, SHORTER, "2", "20s");
	counts_are(&s, 2, 0, 0, 2);
	s = ping(host, FOREIGN, "2", "100ms");
	assert_true(is_true(&s, "timed-out"));
	assert_true(is_absent(&s, "rtt") && is_absent(&s, "ttl"));
	assert_true(number_of(&s, "loss") == 1);
	counts_are(&s, 0, 0, 0, 0);
	s = ping(host, REFUSED, "2", "20s");
	assert_string_equal(text_of(&s, "error"), "No route to host");
	assert_string_equal(text_of(&s, "error-from"), host);
	assert_false(is_true(&s, "timed-out")); /* all is known: nothing is waited for */
	counts_are(&s, 0, 0, 0, 0);
	s = ping(host, REFUSED_FOREIGN, "2", "100ms");
	assert_string_equal(text_of(&s, "error"), "no answer in time");
	counts_are(&s, 0, 0, 0, 0);
	if (v6)
		return;
	s = ping(host, DAMAGED, "2", "100ms");
	counts_are(&s, 0, 0, 0, 0);
}

static void both_families(void)
{
	answers_are_told_apart("127.0.0.1", false);
	if (answerers[1])
		answers_are_told_apart("::1", true);
}

static void raw_sockets(void **state)
{
	if (!has_net)
		lacks("netns", "no network namespace could be made");
	both_families();
}

static void datagram_sockets(void **state)
{
	if (!has_net)
		lacks("netns", "no network namespace could be made");
	/* In a user namespace that maps no group there is none to let. */
	if (!put("/proc/sys/net/ipv4/ping_group_range", "0 2147483647"))
		lacks("root", "the range of groups is root's");
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	assert_true(fd >= 0);
	(void)close(fd);
	both_families();
	assert_true(put("/proc/sys/net/ipv4/ping_group_range", "1 0"));
}

static void no_way_is_an_answer(void **state)
{
	if (!has_net)
		lacks("netns", "no network namespace could be made");
	struct seen s = ping("198.51.100.7", WELL, "3", "20s");
	assert_string_equal(text_of(&s, "error"),
	                    "could not reach \"198.51.100.7\": Network is unreachable");
	assert_int_equal(number_of(&s, "sent"), 0);
	assert_int_equal(number_of(&s, "lost"), 3);
	assert_true(number_of(&s, "loss") == 1);
	assert_true(is_absent(&s, "address"));
	seen_release(&s);
	const char *groups[] = {"224.0.0.1", "ff02::1", "0.0.0.0", "::"};
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		s = ping(groups[i], WELL, "1", "20s");
		assert_non_null(strstr(text_of(&s, "error"), "not the address of a host"));
		assert_int_equal(number_of(&s, "received"), 0);
		seen_release(&s);
	}
	s = LOOK("ping", "host", "127.0.0.1", "size", "3000", "fragment", "false", "timeout",
	         "20s");
	assert_string_equal(text_of(&s, "error"), "Message too long");
	assert_int_equal(number_of(&s, "lost"), 1);
	seen_release(&s);
}

static void it_is_open_loop(void **state)
{
	if (!has_net)
		lacks("netns", "no network namespace could be made");
	/* One that is late is sent all the same; its round trip counts from sending. */
	struct seen s = look_due(
	        "ping", NULL, clock_boot_ns() - 3000 * MS,
	        (const char *const[]){"host", "127.0.0.1", "size", "100", "timeout", "60s", NULL});
	assert_true(number_of(&s, "seconds") >= 3 && number_of(&s, "rtt") < 3);
	seen_release(&s);
	s = look_due(
	        "ping", NULL, clock_boot_ns() - 3000 * MS,
	        (const char *const[]){"host", "127.0.0.1", "size", "109", "timeout", "1s", NULL});
	assert_int_equal(number_of(&s, "sent"), 1);
	assert_true(is_true(&s, "timed-out"));
	seen_release(&s);
	look_cancelled("ping", NULL,
	               (const char *const[]){"host", "127.0.0.1", "size", "109", NULL});
	look_cancelled("ping", NULL,
	               (const char *const[]){"host", "localhost", "size", "109", NULL});
}

static void what_cannot_be_is_refused(void **state)
{
	struct seen s;
	const char *wrong[] = {"", "/run/x", "[::1]", "a b"};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		s = LOOK("ping", "host", wrong[i]);
		assert_int_equal(s.err.code, -EINVAL);
	}
	s = LOOK("ping", "host", "::1", "family", "ipv4");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK("ping", "host", "127.0.0.1", "count", "21", "interval", "100ms");
	assert_int_equal(s.err.code, -EINVAL);
	assert_non_null(strstr(s.err.hint, "timeout"));
}

/* As somebody who may do nothing. */
static void without_rights_it_says_what_to_do(void **state)
{
	if (geteuid() != 0 || has_user_ns)
		lacks("root", "another user is played");
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		struct seen s = LOOK("ping", "host", "127.0.0.1");
		_exit(s.doc || s.err.code != -EPERM || !strstr(s.err.hint, "ping_group_range"));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void packets_are_not_trusted(void **state)
{
	struct echo e = {.raw = true, .id = 0x1234, .first = 0xfffe};
	struct echo_news news;
	uint8_t packet[128];
	uint32_t r = 1;
	for (int turn = 0; turn < 20000; turn++) {
		size_t n = r % sizeof(packet);
		for (size_t i = 0; i < n; i++)
			packet[i] = (uint8_t)((r = r * 1664525 + 1013904223) >> 24);
		e.raw = r >> 30 & 1;
		e.peer.sa.ss_family = r >> 29 & 1 ? AF_INET6 : AF_INET;
		if (n && r >> 28 & 1)
			packet[0] = 0x45;
		if (echo_read(&e, packet, n, r >> 27 & 1, &news)) /* no more than there is */
			assert_true(news.n <= n && news.payload + news.n == packet + n);
		r = r * 1664525 + 1013904223;
	}
	const uint8_t good[] = {0, 0, 0, 0, 0x12, 0x34, 0, 1, 'x'};
	e.raw = false;
	e.peer.sa.ss_family = AF_INET;
	assert_true(echo_read(&e, good, sizeof(good), false, &news));
	assert_int_equal(news.seq, 3); /* the numbers go round */
	assert_int_equal(news.n, 1);
	for (size_t n = 0; n < 8; n++)
		assert_false(echo_read(&e, good, n, false, &news));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(raw_sockets),
	        cmocka_unit_test(datagram_sockets),
	        cmocka_unit_test(no_way_is_an_answer),
	        cmocka_unit_test(it_is_open_loop),
	        cmocka_unit_test(what_cannot_be_is_refused),
	        cmocka_unit_test(without_rights_it_says_what_to_do),
	        cmocka_unit_test(packets_are_not_trusted),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
