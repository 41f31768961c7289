/* The path probe, on connections of the test's own: on loopback, and in a namespace of their own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../skip.h"
#include "machine.h"
#include "machine/sock-diag.h"

static struct world world;

/* A listener on loopback, and both ends of a connection to it. */
struct pair {
	uint16_t port;
	int listener, near, far;
	char text[16], address[64];
};

static struct pair pair_make(int family, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                         .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6,
	                           .sin6_addr = IN6ADDR_LOOPBACK_INIT,
	                           .sin6_port = htons(port)};
	bool v6 = family == AF_INET6;
	struct sockaddr *a = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t n = v6 ? sizeof(in6) : sizeof(in);
	struct pair p = {.listener = socket(family, SOCK_STREAM, 0), .near = -1, .far = -1};
	if (bind(p.listener, a, n) < 0 || listen(p.listener, 8) < 0 ||
	    getsockname(p.listener, a, &n) < 0)
		return p;
	p.port = ntohs(v6 ? in6.sin6_port : in.sin_port);
	(void)snprintf(p.text, sizeof(p.text), "%u", p.port);
	(void)snprintf(p.address, sizeof(p.address), v6 ? "[::1]:%u" : "127.0.0.1:%u", p.port);
	p.near = socket(family, SOCK_STREAM, 0);
	if (connect(p.near, a, n) == 0)
		p.far = accept(p.listener, NULL, NULL);
	return p;
}

static void pair_close(struct pair *p)
{
	(void)close(p->near);
	(void)close(p->far);
	(void)close(p->listener);
}

static void connections_are_measured(void **state)
{
	struct pair p = pair_make(AF_INET, 0);
	char pid[16];
	assert_true(p.far >= 0);
	assert_int_equal(write(p.near, "12345", 5), 5);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	struct seen s = LOOK_IN(&world, "path", "remote-port", p.text, "over", "10ms");
	assert_int_equal(number_of(&s, "connections"), 1);
	assert_int_equal(number_of(&s, "connecting"), 0);
	assert_true(number_of(&s, "rtt") > 0 && number_of(&s, "rtt") < 1);
	assert_true(number_of(&s, "rtt-min") == number_of(&s, "rtt-max"));
	assert_true(number_of(&s, "rtt-variation") >= 0);
	assert_true(number_of(&s, "congestion-window") >= 1);
	assert_int_equal(number_of(&s, "retransmits"), 0);
	assert_true(number_of(&s, "retransmitted") == 0 && number_of(&s, "retransmit-share") == 0);
	assert_true(number_of(&s, "sent") == 0);
	assert_true(is_absent(&s, "processes") && is_absent(&s, "connected"));
	seen_release(&s);
	s = LOOK_IN(&world, "path", "port", p.text, "pid", pid, "over", "10ms"); /* the other end */
	assert_int_equal(number_of(&s, "connections"), 1);
	assert_int_equal(number_of(&s, "processes"), 1);
	seen_release(&s);
	s = LOOK_IN(&world, "path", "port", p.text, "peer", "127.0.0.2", "over", "10ms");
	assert_int_equal(number_of(&s, "connections"), 0);
	assert_true(is_absent(&s, "rtt") && is_absent(&s, "retransmit-share"));
	seen_release(&s);
	const char *of_it[] = {"127.0.0.1", "127.0.0.0/8",      "127.0.0.0/31",
	                       "0.0.0.0/0", "::ffff:127.0.0.1", "::ffff:127.0.0.0/104"};
	for (size_t i = 0; i < ARRAY_SIZE(of_it); i++) {
		s = LOOK_IN(&world, "path", "port", p.text, "peer", of_it[i], "over", "10ms");
		assert_int_equal(number_of(&s, "connections"), 1);
		seen_release(&s);
	}
	pair_close(&p);
	p = pair_make(AF_INET6, 0);
	if (p.far < 0) {
		pair_close(&p);
		lacks("ipv6", "no address ::1");
	}
	s = LOOK_IN(&world, "path", "address", p.address, "over", "10ms");
	assert_int_equal(number_of(&s, "connections"), 1);
	assert_true(is_true(&s, "connected"));
	seen_release(&s);
	s = LOOK_IN(&world, "path", "port", p.text, "peer", "::2/126", "over", "10ms");
	assert_int_equal(number_of(&s, "connections"), 1); /* the first of these is ::0 */
	seen_release(&s);
	s = LOOK_IN(&world, "path", "port", p.text, "peer", "::2/127", "over", "10ms");
	assert_int_equal(number_of(&s, "connections"), 0);
	seen_release(&s);
	pair_close(&p);
}

/* Since the look before, and not since the beginning; of a new connection all. */
static void what_grows_is_told_once(void **state)
{
	static char block[10000];
	struct pair p = pair_make(AF_INET, 0);
	struct looker k = LOOKER("path", &world, "remote-port", p.text, "over", "10ms");
	assert_int_equal(write(p.near, block, sizeof(block)), sizeof(block));
	assert_int_equal(recv(p.far, block, sizeof(block), MSG_WAITALL), sizeof(block));
	struct seen s = looker_look(&k);
	assert_true(number_of(&s, "sent") == 0);
	seen_release(&s);
	uint64_t began = clock_boot_ns();
	assert_int_equal(write(p.near, block, sizeof(block)), sizeof(block));
	assert_int_equal(recv(p.far, block, sizeof(block), MSG_WAITALL), sizeof(block));
	assert_int_equal(write(p.far, block, 1000), 1000);
	assert_int_equal(recv(p.near, block, 1000, MSG_WAITALL), 1000);
	s = looker_look(&k);
	double most_s = (double)(clock_boot_ns() - began) / 1e9;
	assert_true(number_of(&s, "sent") > 8 * sizeof(block) / (most_s + 1));
	/* Ten times as much went out as came in. */
	assert_true(number_of(&s, "sent") / number_of(&s, "received") > 9.9);
	assert_true(number_of(&s, "sent") / number_of(&s, "received") < 10.1);
	assert_true(number_of(&s, "delivery-rate") > 0);
	assert_true(number_of(&s, "delivery-rate-min") <= number_of(&s, "delivery-rate-max"));
	seen_release(&s);
	s = looker_look(&k);
	assert_true(number_of(&s, "sent") == 0 && number_of(&s, "received") == 0);
	seen_release(&s);
	looker_close(&k);
	pair_close(&p);
}

static void the_handshake_is_timed(void **state)
{
	struct pair p = pair_make(AF_INET, 0);
	struct seen s = LOOK_IN(&world, "path", "address", p.address, "over", "10ms");
	assert_true(is_true(&s, "connected") && is_absent(&s, "error"));
	assert_true(number_of(&s, "connect-seconds") > 0 && number_of(&s, "connect-seconds") < 1);
	assert_int_equal(number_of(&s, "connect-retransmits"), 0);
	assert_int_equal(number_of(&s, "connections"), 1); /* not the one that it made */
	seen_release(&s);
	/* What is chosen by other words has nothing to do with the address. */
	s = LOOK_IN(&world, "path", "address", p.address, "peer", "192.0.2.1", "over", "10ms");
	assert_true(is_true(&s, "connected"));
	assert_int_equal(number_of(&s, "connections"), 0);
	seen_release(&s);
	s = LOOK_IN(&world, "path", "address", "127.0.0.1:1", "over", "10ms");
	assert_string_equal(text_of(&s, "error"), "Connection refused");
	assert_true(!is_true(&s, "connected") && is_absent(&s, "connect-seconds"));
	seen_release(&s);
	/* A listener whose queue is full answers no SYN. */
	int filler[8];
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons(p.port),
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	assert_int_equal(listen(p.listener, 0), 0);
	for (int i = 0; i < 8; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(filler[i], (struct sockaddr *)&a, sizeof(a));
	}
	s = LOOK_IN(&world, "path", "address", p.address, "over", "10ms", "connect-timeout",
	            "100ms");
	assert_string_equal(text_of(&s, "error"), "Connection timed out");
	assert_true(number_of(&s, "connecting") > 0);
	seen_release(&s);
	for (int i = 0; i < 8; i++)
		(void)close(filler[i]);
	pair_close(&p);
}

/* Where only the target can go. */
static void another_namespace_has_its_own_way(void **state)
{
	int ready[2];
	char c, pid_text[16];
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
		bool well = unshare(CLONE_NEWNET) == 0 &&
		            ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &lo) == 0;
		(void)!write(ready[1], well && pair_make(AF_INET, 7).far >= 0 ? "y" : "n", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	if (c == 'y') {
		(void)snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
		struct seen s = LOOK_IN(&world, "path", "address", "127.0.0.1:7", "pid", pid_text,
		                        "over", "10ms");
		assert_int_equal(number_of(&s, "connections"), 1);
		assert_true(is_true(&s, "connected"));
		seen_release(&s);
		s = LOOK_IN(&world, "path", "address", "127.0.0.1:7", "over", "10ms");
		assert_int_equal(number_of(&s, "connections"), 0);
		assert_false(is_true(&s, "connected"));
		seen_release(&s);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
	if (c != 'y')
		lacks("netns", "no network namespace could be made");
}

static void what_cannot_be_is_refused(void **state)
{
	const char *const wrong[][7] = {
	        {"address", "localhost:80", NULL},
	        {"address", "127.0.0.1", NULL},
	        {"address", "/run/socket", NULL},
	        {"address", "127.0.0.1:80", "timeout", "1s", NULL},
	        {"over", "2s", NULL},
	        {"port", "53/udp", NULL},
	        {"remote-port", "http", NULL},
	        {"peer", "localhost", NULL},
	        {"peer", "10.0.0.0/33", NULL},
	        {"peer", "10.0.0.0/", NULL},
	        {"peer", "", NULL},
	        {"pid", "0", NULL},
	};
	struct seen s;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		s = look_due("path", &world, clock_boot_ns(), wrong[i]);
		assert_int_equal(s.err.code, -EINVAL);
	}
	s = LOOK_IN(&world, "path", "name", "no-such-program-here", "over", "10ms");
	assert_int_equal(number_of(&s, "processes"), 0);
	assert_true(is_absent(&s, "connections"));
	seen_release(&s);
	struct recorded r;
	machine_make(&r, "dir /proc\n");
	s = LOOK_IN(&r.world, "path", "port", "80");
	assert_int_equal(s.err.code, -ENOSYS);
	recorded_close(&r);
}

/* An older kernel sends less; nobody sends more than it says. */
static void facts_are_as_long_as_they_are(void **state)
{
	_Alignas(struct nlmsghdr) char raw[1024];
	struct tcp_info info = {.tcpi_total_retrans = 7, .tcpi_delivery_rate = 9, .tcpi_rtt = 5};
	for (size_t n = 0; n <= sizeof(info); n++) {
		memset(raw, 0, sizeof(raw));
		struct nlmsghdr *h = mnl_nlmsg_put_header(raw);
		h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
		struct inet_diag_msg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
		m->idiag_family = AF_INET6;
		m->idiag_state = SOCK_ESTABLISHED;
		m->id.idiag_dst[2] = htonl(0xffff);
		m->id.idiag_dst[3] = htonl(0x7f000001);
		m->id.idiag_sport = htons(80);
		m->id.idiag_cookie[1] = 1;
		mnl_attr_put(h, INET_DIAG_INFO, n, &info);
		struct sock_facts f;
		assert_true(sock_diag_read(h, false, &f));
		assert_int_equal(f.has_info,
		                 n >= offsetof(struct tcp_info, tcpi_total_retrans) + 4);
		assert_int_equal(f.has_more,
		                 n >= offsetof(struct tcp_info, tcpi_delivery_rate) + 8);
		assert_true(!f.has_info || (f.retransmits == 7 && f.rtt_us == 5));
		assert_true(!f.has_more || f.delivery_rate == 9);
		assert_int_equal(f.family, AF_INET);
		assert_memory_equal(f.remote, "\x7f\0\0\1", 4);
		assert_int_equal(f.local_port, 80);
		assert_true(f.cookie == 1ull << 32);
	}
}

static int setup(void **state)
{
	return world_open_real(&world, NULL);
}

static int teardown(void **state)
{
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(connections_are_measured),
	        cmocka_unit_test(what_grows_is_told_once),
	        cmocka_unit_test(the_handshake_is_timed),
	        cmocka_unit_test(another_namespace_has_its_own_way),
	        cmocka_unit_test(what_cannot_be_is_refused),
	        cmocka_unit_test(facts_are_as_long_as_they_are),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
