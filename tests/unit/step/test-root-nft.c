/* test-root-nft.c - cuts made for real, seen from both ends of a cable and on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "../skip.h"
#include "base/clock.h"
#include "helper/helpers.h"
#include "netbed.h"
#include "step/nft.h"
#include "step/step.h"
#include "undo/revert.h"
#include "undo/spawn.h"

enum { PORT = 7777, A = 0, B = 1 };

struct bed {
	struct world w;
	struct netbed net;
	struct hold h;
	char object[OBJECT_MAX];
	char now[STATE_MAX];
	bool ok;
};

static const struct step_type *nft(void)
{
	return step_type_find("nft");
}

static int spawn(struct hold *h, const char *kind, const char *const *args, struct err *err)
{
	return helper_spawn(h, helpers, kind, args, err);
}

static int group_setup(void **state)
{
	static struct bed b;
	struct err e = ERR_INIT;
	if (geteuid() != 0 || shell("ip -V >/dev/null 2>&1"))
		return 0;
	if (world_open_real(&b.w, &e) < 0 || netbed_init(&b.net) < 0)
		return -1;
	b.ok = true;
	*state = &b;
	return 0;
}

static int group_teardown(void **state)
{
	struct bed *b = *state;
	if (b) {
		netbed_release(&b->net);
		world_close(&b->w);
	}
	return 0;
}

/* The test's bed; leaves the test when there is none. */
static struct bed *bed_of(void **state)
{
	if (!*state)
		lacks("root", "it and ip(8) make two namespaces with a cable between them");
	return *state;
}

static int setup(void **state)
{
	struct bed *b = *state;
	struct err e = ERR_INIT;
	struct nft_object o = {0};
	struct buf text;
	if (!b)
		return 0;
	hold_init(&b->h);
	b->h.world = &b->w;
	b->h.spawn = spawn;
	b->h.deadline_ns = clock_boot_ns() + 60000000000ull;
	o.netns_ino = b->net.ino[A];
	strcpy(o.netns, b->net.path[A]);
	nft_table_name("test", 1, o.table);
	buf_init(&text, b->object, sizeof(b->object));
	strcpy(b->now, "absent");
	return nft_object_format(&o, &text, &e) || nft()->open(&b->h, b->object, &e);
}

static int set(struct bed *b, const char *to, struct err *e)
{
	BUF(landed, STATE_MAX);
	int code = nft()->set(&b->h, b->object, b->now, to, &landed, e);
	if (code == 0)
		strcpy(b->now, landed.data);
	return code;
}

static void put(struct bed *b, const char *to)
{
	struct err e = ERR_INIT;
	if (set(b, to, &e) != 0)
		fail_msg("%s: %s", to, e.what);
	assert_true(step_same(nft(), to, b->now));
}

static void is_absent(struct bed *b)
{
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	assert_int_equal(nft()->get(&b->w, b->object, &s, &e), 0);
	assert_string_equal(s.data, "absent");
}

static int teardown(void **state)
{
	struct bed *b = *state;
	if (!b)
		return 0;
	put(b, "absent");
	is_absent(b);
	hold_release(&b->h);
	return 0;
}

static uint64_t counted(struct bed *b, const char *name)
{
	struct counters c = {0};
	struct err e = ERR_INIT;
	assert_int_equal(
	        nft()->meter(&(struct hold){.world = &b->w, .page = -1}, b->object, &c, &e), 0);
	return counters_get(&c, name);
}

static socklen_t address(struct sockaddr_storage *s, const char *ip, int port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)s;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)s;
	memset(s, 0, sizeof(*s));
	if (inet_pton(AF_INET, ip, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		return sizeof(*v4);
	}
	assert_int_equal(inet_pton(AF_INET6, ip, &v6->sin6_addr), 1);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((uint16_t)port);
	return sizeof(*v6);
}

static int socket_in(struct bed *b, int where, const char *ip, int type, int proto)
{
	struct sockaddr_storage s;
	address(&s, ip, PORT);
	netbed_enter(&b->net, where);
	int fd = socket(s.ss_family, type | SOCK_CLOEXEC, proto);
	netbed_leave(&b->net);
	assert_true(fd >= 0);
	return fd;
}

static int server_in(struct bed *b, int where, const char *ip, int type)
{
	struct sockaddr_storage s;
	socklen_t n = address(&s, ip, PORT);
	int on = 1, fd = socket_in(b, where, ip, type, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (struct sockaddr *)&s, n), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, ms) == 1;
}

/* 0 or the errno that a sender of one datagram gets; errors asked for (IP_RECVERR) or not. */
static int udp_error(struct bed *b, const char *ip, bool ask)
{
	struct sockaddr_storage s;
	socklen_t n = address(&s, ip, PORT);
	bool v4 = s.ss_family == AF_INET;
	int on = 1, fd = socket_in(b, A, ip, SOCK_DGRAM, 0);
	if (ask)
		setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &on,
		           sizeof(on));
	int e = sendto(fd, "x", 1, 0, (struct sockaddr *)&s, n) < 0 ? errno : 0;
	close(fd);
	return e;
}

/* As ping(8) sends, which asks for errors. */
static int ping_error(struct bed *b, const char *ip)
{
	struct sockaddr_storage s;
	socklen_t n = address(&s, ip, 0);
	bool v4 = s.ss_family == AF_INET;
	uint8_t echo[8] = {128};
	int on = 1;
	int fd = socket_in(b, A, ip, SOCK_RAW, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (v4) {
		echo[0] = 8;
		echo[2] = 0xf7;
		echo[3] = 0xff;
	}
	setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on));
	int e = sendto(fd, echo, sizeof(echo), 0, (struct sockaddr *)&s, n) < 0 ? errno : 0;
	close(fd);
	return e;
}

/* What connect() came to within 150 ms: 0, an errno, or ETIMEDOUT while it is still trying. */
static int tcp_error(struct bed *b, const char *ip)
{
	struct sockaddr_storage s;
	socklen_t n = address(&s, ip, PORT);
	int e = 0, fd = socket_in(b, A, ip, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t en = sizeof(e);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	if (connect(fd, (struct sockaddr *)&s, n) < 0 && errno != EINPROGRESS)
		e = errno;
	else if (poll(&p, 1, 150) == 0)
		e = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &en);
	close(fd);
	return e;
}

static const char *const everywhere[] = {"10.98.0.2", "fd98::2", "127.0.0.1", "::1"};

static void sender_sees(struct bed *b, const char *cut, int udp, int udp_asking, int ping, int tcp)
{
	put(b, cut);
	for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++) {
		const char *ip = everywhere[i];
		print_message("%s: %s\n", ip, cut);
		assert_int_equal(udp_error(b, ip, false), udp);
		assert_int_equal(udp_error(b, ip, true), udp_asking);
		assert_int_equal(ping_error(b, ip), ping);
		assert_int_equal(tcp_error(b, ip), tcp);
	}
}

static void uncut_is_uncut(void **state)
{
	struct bed *b = bed_of(state);
	for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++) {
		assert_int_equal(udp_error(b, everywhere[i], false), 0);
		assert_int_equal(ping_error(b, everywhere[i]), 0);
		assert_int_equal(tcp_error(b, everywhere[i]), ECONNREFUSED);
	}
}

static void swallowed_is_silent(void **state)
{
	struct bed *b = bed_of(state);
	sender_sees(b, "cut silence both egress=swallow hooks=cable,lo", 0, 0, 0, ETIMEDOUT);
	assert_true(counted(b, "packets_out") >= 16);
	assert_true(counted(b, "bytes_out") > 16 * 20);
}

static void dropped_is_silent_but_for_who_asks(void **state)
{
	struct bed *b = bed_of(state);
	sender_sees(b, "cut silence out egress=drop hooks=cable,lo", 0, ENOBUFS, ENOBUFS,
	            ETIMEDOUT);
	assert_true(counted(b, "packets_out") >= 16);
}

static void without_egress_hook_the_sender_is_told(void **state)
{
	struct bed *b = bed_of(state);
	sender_sees(b, "cut silence out egress=output", EPERM, EPERM, EPERM, ETIMEDOUT);
	assert_true(counted(b, "packets_out") >= 16);
}

static void rejected_is_told(void **state)
{
	struct bed *b = bed_of(state);
	sender_sees(b, "cut reject both egress=swallow", EPERM, EPERM, EPERM, ECONNREFUSED);
}

static void rejected_by_port_too(void **state)
{
	struct bed *b = bed_of(state);
	sender_sees(b, "cut reject both egress=swallow port=7777", EPERM, EPERM, 0, ECONNREFUSED);
}

static void both_ends_of_loopback_are_cut_by_the_local_port(void **state)
{
	struct bed *b = bed_of(state);
	int server = server_in(b, A, "127.0.0.1", SOCK_STREAM);
	assert_int_equal(tcp_error(b, "127.0.0.1"), 0);
	put(b, "cut silence both egress=swallow port=7777 hooks=cable,lo");
	assert_int_equal(tcp_error(b, "127.0.0.1"), ETIMEDOUT);
	put(b, "cut reject both egress=swallow port=7777 hooks=cable,lo");
	assert_int_equal(tcp_error(b, "127.0.0.1"), ECONNREFUSED);
	put(b, "cut silence both egress=swallow port=7778-7780 hooks=cable,lo");
	assert_int_equal(tcp_error(b, "127.0.0.1"), 0);
	close(server);
}

static int reaches(struct bed *b, const char *ip)
{
	int server = server_in(b, B, ip, SOCK_DGRAM);
	int e = udp_error(b, ip, false);
	int got = readable(server, 100);
	close(server);
	return e ? -e : got;
}

static void filters_choose(void **state)
{
	static const struct {
		const char *cut;
		int v4, v6; /* does a datagram to B's port arrive */
	} cases[] = {
	        {"cut silence out egress=swallow proto=tcp hooks=cable,lo", 1, 1},
	        {"cut silence out egress=swallow proto=udp hooks=cable,lo", 0, 0},
	        {"cut silence out egress=swallow proto=icmp hooks=cable,lo", 1, 1},
	        {"cut silence out egress=swallow ip=10.98.0.2/32 hooks=cable,lo", 0, 1},
	        {"cut silence out egress=swallow ip=10.98.0.3/32 hooks=cable,lo", 1, 1},
	        {"cut silence out egress=swallow ip=10.98.0.0/30 hooks=cable,lo", 0, 1},
	        {"cut silence out egress=swallow ip=10.98.0.4/30 hooks=cable,lo", 1, 1},
	        {"cut silence out egress=swallow ip=0.0.0.0/0 hooks=cable,lo", 0, 1},
	        {"cut silence out egress=swallow ip=::/0 hooks=cable,lo", 1, 0},
	        {"cut silence out egress=swallow ip=fd98::/15 hooks=cable,lo", 1, 0},
	        {"cut silence out egress=swallow ip=fd98::4/126 hooks=cable,lo", 1, 1},
	        {"cut silence out egress=swallow port=7776 hooks=cable,lo", 1, 1},
	        {"cut silence out egress=swallow port=7000-7777 hooks=cable,lo", 0, 0},
	        {"cut silence out egress=swallow ip=10.98.0.2/32,fd98::2/128 port=1,7777 "
	         "hooks=cable,lo",
	         0, 0},
	        {"cut silence out egress=swallow uid=0 hooks=cable,lo", 0, 0},
	        {"cut silence out egress=swallow uid=4242 hooks=cable,lo", 1, 1},
	        {"cut silence out egress=swallow dev=cable", 0, 0},
	        {"cut silence out egress=swallow dev=lo", 1, 1},
	        {"cut silence out egress=output ip=fd98::2/128 dev=cable", 1, -EPERM},
	        {"cut silence out egress=output uid=0 dev=lo", 1, 1},
	        {"cut silence in egress=swallow", 1, 1},
	};
	struct bed *b = bed_of(state);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put(b, cases[i].cut);
		print_message("%s\n", cases[i].cut);
		assert_int_equal(reaches(b, "10.98.0.2"), cases[i].v4);
		assert_int_equal(reaches(b, "fd98::2"), cases[i].v6);
	}
}

/* B sends to A; does it arrive? */
static bool arrives(struct bed *b, const char *ip)
{
	struct sockaddr_storage s;
	socklen_t n = address(&s, ip, PORT);
	int server = server_in(b, A, ip, SOCK_DGRAM), fd = socket_in(b, B, ip, SOCK_DGRAM, 0);
	assert_int_equal(sendto(fd, "x", 1, 0, (struct sockaddr *)&s, n), 1);
	bool got = readable(server, 100);
	close(fd);
	close(server);
	return got;
}

static void incoming_is_cut(void **state)
{
	struct bed *b = bed_of(state);
	assert_true(arrives(b, "10.98.0.1") && arrives(b, "fd98::1"));
	put(b, "cut silence in egress=swallow proto=udp");
	assert_false(arrives(b, "10.98.0.1") || arrives(b, "fd98::1"));
	assert_int_equal(counted(b, "packets_in"), 2);
	put(b, "cut silence in egress=swallow ip=fd98::2/128");
	assert_true(arrives(b, "10.98.0.1"));
	assert_false(arrives(b, "fd98::1"));
	put(b, "cut silence in egress=swallow dev=lo");
	assert_true(arrives(b, "10.98.0.1") && arrives(b, "fd98::1"));
	put(b, "cut silence in egress=swallow dev=cable");
	assert_false(arrives(b, "10.98.0.1") || arrives(b, "fd98::1"));
}

/* A connection from A to B, both ends. */
static void connection(struct bed *b, const char *ip, int ends[2])
{
	struct sockaddr_storage s;
	socklen_t n = address(&s, ip, PORT);
	int server = server_in(b, B, ip, SOCK_STREAM);
	ends[A] = socket_in(b, A, ip, SOCK_STREAM, 0);
	assert_int_equal(connect(ends[A], (struct sockaddr *)&s, n), 0);
	ends[B] = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(ends[B] >= 0);
	close(server);
}

static void established_connections_too(void **state)
{
	struct bed *b = bed_of(state);
	static const char *const ips[] = {"10.98.0.2", "fd98::2"};
	for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
		int c[2];
		connection(b, ips[i], c);
		put(b, "cut silence both egress=swallow hooks=cable,lo");
		assert_int_equal(send(c[A], "a", 1, MSG_NOSIGNAL), 1);
		assert_int_equal(send(c[B], "b", 1, MSG_NOSIGNAL), 1);
		assert_false(readable(c[B], 250));
		assert_false(readable(c[A], 1));
		/* healed: what was lost is sent again */
		put(b, "absent");
		assert_true(readable(c[B], 5000));
		assert_true(readable(c[A], 5000));
		close(c[A]);
		close(c[B]);
	}
}

static void established_connections_are_reset(void **state)
{
	struct bed *b = bed_of(state);
	int c[2];
	char x;
	connection(b, "10.98.0.2", c);
	put(b, "cut reject both egress=swallow port=7777");
	assert_int_equal(send(c[A], "a", 1, MSG_NOSIGNAL), 1);
	assert_true(readable(c[A], 2000));
	assert_int_equal(recv(c[A], &x, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(send(c[B], "b", 1, MSG_NOSIGNAL), 1);
	assert_true(readable(c[B], 2000));
	assert_int_equal(recv(c[B], &x, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(c[A]);
	close(c[B]);
}

static bool neighbour_found(struct bed *b, const char *ip)
{
	return shell("nsenter --net=%s sh -c 'ip neigh; ip -6 neigh' | grep '%s ' | grep -q lladdr",
	             b->net.path[A], ip) == 0;
}

/* Also while their addresses are cut: else the sender would be told. */
static void neighbours_are_still_found(void **state)
{
	struct bed *b = bed_of(state);
	put(b, "cut silence both egress=swallow ip=10.98.0.2/32,fd98::2/128 hooks=cable,lo");
	assert_int_equal(shell("nsenter --net=%s sh -c 'ip neigh flush dev cable; ip -6 neigh "
	                       "flush dev cable'",
	                       b->net.path[A]),
	                 0);
	assert_int_equal(udp_error(b, "10.98.0.2", true), 0);
	assert_int_equal(udp_error(b, "fd98::2", true), 0);
	for (int i = 0; i < 40; i++) {
		if (neighbour_found(b, "10.98.0.2") && neighbour_found(b, "fd98::2"))
			break;
		usleep(50000);
	}
	assert_true(neighbour_found(b, "10.98.0.2"));
	assert_true(neighbour_found(b, "fd98::2"));
	assert_true(counted(b, "packets_out") >= 2);
}

/* Runs in a child of that group and user; its exit status is what sendto() said. */
static int udp_error_of(struct bed *b, const char *ip, uid_t uid, const char *procs)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		int fd = procs ? open(procs, O_WRONLY | O_CLOEXEC) : -1;
		if (procs && (fd < 0 || write(fd, "0", 1) != 1))
			_exit(255);
		struct sockaddr_storage s;
		socklen_t n = address(&s, ip, PORT);
		netbed_enter(&b->net, A);
		if (uid && setresuid(uid, uid, uid) < 0)
			_exit(255);
		fd = socket(s.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		_exit(sendto(fd, "x", 1, 0, (struct sockaddr *)&s, n) < 0 ? errno : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void only_that_user(void **state)
{
	struct bed *b = bed_of(state);
	put(b, "cut silence out egress=swallow uid=4242 hooks=cable,lo");
	for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++) {
		uint64_t before = counted(b, "packets_out");
		assert_int_equal(udp_error_of(b, everywhere[i], 4242, NULL), 0);
		assert_int_equal(counted(b, "packets_out"), before + 1);
		assert_int_equal(udp_error_of(b, everywhere[i], 4243, NULL), 0);
		assert_int_equal(counted(b, "packets_out"), before + 1);
	}
	put(b, "cut reject out egress=swallow uid=4242");
	assert_int_equal(udp_error_of(b, "10.98.0.2", 4242, NULL), EPERM);
	assert_int_equal(udp_error_of(b, "10.98.0.2", 4243, NULL), 0);
}

static void only_that_cgroup(void **state)
{
	struct bed *b = bed_of(state);
	char dir[64], procs[96];
	struct stat st;
	const char *roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	const char *root = NULL;
	for (size_t i = 0; i < 2 && !root; i++) {
		snprintf(procs, sizeof(procs), "%s/cgroup.controllers", roots[i]);
		if (access(procs, F_OK) == 0)
			root = roots[i];
	}
	if (!root)
		lacks("cgroup-v2", "no such hierarchy is mounted");
	snprintf(dir, sizeof(dir), "%s/squall-test-%d", root, getpid());
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	bool made = stat(dir, &st) == 0;
	static const struct {
		const char *head, *tail;
	} texts[] = {
	        {"cut silence both egress=swallow", " hooks=cable,lo"},
	        {"cut silence out egress=drop proto=udp port=7777", " hooks=cable,lo"},
	        {"cut silence both egress=output", ""},
	        {"cut reject both egress=swallow", ""},
	};
	for (size_t k = 0; made && k < ARRAY_SIZE(texts); k++) {
		char cut[STATE_MAX];
		snprintf(cut, sizeof(cut), "%s cgroup=%llu:1%s", texts[k].head,
		         (unsigned long long)st.st_ino, texts[k].tail);
		put(b, cut);
		for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++) {
			uint64_t before = counted(b, "packets_out");
			int told = k < 2 ? 0 : EPERM;
			print_message("%s: %s\n", everywhere[i], cut);
			assert_int_equal(udp_error_of(b, everywhere[i], 0, procs), told);
			assert_int_equal(counted(b, "packets_out"), before + 1);
			assert_int_equal(udp_error_of(b, everywhere[i], 0, NULL), 0);
			assert_int_equal(counted(b, "packets_out"), before + 1);
		}
	}
	assert_int_equal(rmdir(dir), 0);
}

static void changed_in_place(void **state)
{
	struct bed *b = bed_of(state);
	put(b, "cut silence both egress=swallow hooks=cable,lo");
	pid_t holder = b->h.holder.id.pid;
	assert_int_equal(udp_error(b, "10.98.0.2", false), 0);
	uint64_t out = counted(b, "packets_out");
	assert_true(out >= 1);
	put(b, "cut silence out egress=output ip=10.98.0.9/32");
	assert_int_equal(b->h.holder.id.pid, holder);
	assert_true(counted(b, "packets_out") >= out);
	assert_int_equal(udp_error(b, "10.98.0.2", false), 0);
	put(b, "cut reject in egress=swallow");
	put(b, "cut silence both egress=drop port=7777 hooks=lo");
	assert_int_equal(b->h.holder.id.pid, holder);
}

static void gone_with_its_holder(void **state)
{
	struct bed *b = bed_of(state);
	BUF(s, STATE_MAX);
	struct err e = ERR_INIT;
	put(b, "cut silence both egress=swallow hooks=cable,lo");
	assert_int_equal(kill(b->h.holder.id.pid, SIGKILL), 0);
	assert_int_equal(pidfd_wait_gone(b->h.holder.pidfd, 1000000000), 0);
	is_absent(b);
	/* what needs the holder now says so */
	assert_int_equal(set(b, "cut silence in egress=swallow", &e), -EPIPE);
	assert_int_equal(nft()->get(&b->w, b->object, &s, &e), 0);
}

static void a_stopped_holder_is_ended_all_the_same(void **state)
{
	struct bed *b = bed_of(state);
	struct err e = ERR_INIT;
	put(b, "cut silence both egress=swallow hooks=cable,lo");
	assert_int_equal(kill(b->h.holder.id.pid, SIGSTOP), 0);
	uint64_t began = clock_boot_ns();
	assert_int_equal(set(b, "cut silence in egress=swallow", &e), -ETIMEDOUT);
	assert_true(clock_boot_ns() - began < 4000000000ull);
	began = clock_boot_ns();
	put(b, "absent");
	assert_true(clock_boot_ns() - began < 500000000ull);
	is_absent(b);
}

/* Stopped when it had said that it is there: the order waits in its channel. */
static int spawn_stopped(struct hold *h, const char *kind, const char *const *args, struct err *err)
{
	int code = spawn(h, kind, args, err);
	struct pollfd p = {.fd = h->holder.sock, .events = POLLIN};
	if (code == 0 && poll(&p, 1, 2000) == 1)
		(void)!pidfd_signal(h->holder.pidfd, SIGSTOP);
	return code;
}

static void an_order_not_obeyed_yet_is_taken_back(void **state)
{
	struct bed *b = bed_of(state);
	const struct revert rv = {&b->w, -1, "test"};
	struct slot s = {.phase = SLOT_INTENT, .base = "absent"};
	struct err e = ERR_INIT;
	strcpy(s.object, b->object);
	strcpy(s.claim, "cut silence in egress=swallow");
	b->h.spawn = spawn_stopped;
	assert_int_equal(set(b, s.claim, &e), -ETIMEDOUT);
	is_absent(b);
	pid_t helper = b->h.holder.id.pid;
	assert_true(helper > 0);
	revert_slot(&rv, nft(), &b->h, &s);
	assert_int_equal(s.phase, SLOT_BACK);
	assert_true(kill(helper, SIGCONT) < 0);
	is_absent(b);
}

static void undone_by_a_process_that_did_not_start_it(void **state)
{
	struct bed *b = bed_of(state);
	struct hold other;
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	put(b, "cut silence both egress=swallow hooks=cable,lo");
	hold_init(&other);
	other.world = &b->w;
	other.holder.id = b->h.holder.id;
	assert_int_equal(nft()->set(&other, b->object, b->now, "absent", &s, &e), 0);
	assert_string_equal(s.data, "absent");
	is_absent(b);
	/* not knowing the holder it can only wait, and says so */
	put(b, "absent");
	put(b, "cut silence in egress=swallow");
	other.holder.id = (struct proc_id){0};
	assert_int_equal(nft()->set(&other, b->object, b->now, "absent", &s, &e), -EBUSY);
	/* and cannot start one */
	assert_int_equal(nft()->set(&other, b->object, "absent", b->now, &s, &e), -ENOTSUP);
	hold_release(&other);
}

static void two_tables_do_not_meet(void **state)
{
	struct bed *b = bed_of(state);
	struct bed second = *b;
	struct err e = ERR_INIT;
	struct nft_object o;
	struct buf text;
	hold_init(&second.h);
	second.h.world = &b->w;
	second.h.spawn = spawn;
	second.h.deadline_ns = b->h.deadline_ns;
	assert_int_equal(nft_object_parse(b->object, &o, &e), 0);
	nft_table_name("test", 2, o.table);
	buf_init(&text, second.object, sizeof(second.object));
	assert_int_equal(nft_object_format(&o, &text, &e), 0);
	put(b, "cut silence out egress=swallow ip=10.98.0.2/32 hooks=cable,lo");
	put(&second, "cut silence out egress=swallow ip=fd98::2/128 hooks=cable,lo");
	assert_int_equal(reaches(b, "10.98.0.2"), 0);
	assert_int_equal(reaches(b, "fd98::2"), 0);
	put(b, "absent");
	assert_int_equal(reaches(b, "10.98.0.2"), 1);
	assert_int_equal(reaches(b, "fd98::2"), 0);
	put(&second, "absent");
	assert_int_equal(reaches(b, "fd98::2"), 1);
	hold_release(&second.h);
}

static void the_largest_cut_is_taken(void **state)
{
	struct bed *b = bed_of(state);
	struct nft_rules r = {.mode = NFT_REJECT, .direction = NFT_BOTH};
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	BUF(seen, STATE_MAX);
	for (int i = 0; i < 20; i++) {
		BUF(one, 32);
		buf_addf(&one, "10.%d.0.0/16", i);
		assert_int_equal(nft_rules_add_addr(&r, one.data, &e), 0);
	}
	for (int i = 0; i < NFT_PORTS_MAX; i++) {
		BUF(one, 32);
		buf_addf(&one, "%d", i + 1);
		assert_int_equal(nft_rules_add_ports(&r, one.data, &e), 0);
	}
	assert_int_equal(nft_rules_format(&r, &s, &e), 0);
	assert_true(s.len > 400);
	put(b, s.data);
	/* too long for the table's comment: its hash stands for it */
	assert_int_equal(nft()->get(&b->w, b->object, &seen, &e), 0);
	assert_int_equal(strncmp(seen.data, "cut sha256=", 11), 0);
	assert_true(step_same(nft(), s.data, seen.data));
	assert_false(step_same(nft(), "cut silence in egress=swallow", seen.data));
}

static void what_cannot_be_done_changes_nothing(void **state)
{
	struct bed *b = bed_of(state);
	struct bed thief = *b;
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	assert_int_equal(set(b, "cut nonsense", &e), -EINVAL);
	is_absent(b);
	/* a table belongs to its owner alone */
	hold_init(&thief.h);
	thief.h.world = &b->w;
	thief.h.spawn = spawn;
	thief.h.deadline_ns = b->h.deadline_ns;
	assert_int_equal(nft()->open(&thief.h, b->object, &e), 0);
	put(b, "cut silence out egress=swallow hooks=lo");
	assert_int_equal(set(&thief, "cut silence in egress=swallow", &e), -EPERM);
	assert_int_equal(nft()->get(&b->w, b->object, &s, &e), 0);
	assert_string_equal(s.data, "cut silence out egress=swallow hooks=lo");
	assert_int_equal(set(&thief, "absent", &e), -EBUSY);
	assert_int_equal(nft()->get(&b->w, b->object, &s, &e), 0);
	assert_string_equal(s.data, "cut silence out egress=swallow hooks=lo");
	hold_release(&thief.h);
	/* another namespace of that path */
	struct nft_object o;
	BUF(object, OBJECT_MAX);
	assert_int_equal(nft_object_parse(b->object, &o, &e), 0);
	o.netns_ino++;
	assert_int_equal(nft_object_format(&o, &object, &e), 0);
	assert_int_equal(nft()->get(&b->w, object.data, &s, &e), -ESTALE);
	strcpy(o.netns, "/proc/4194305/ns/net");
	assert_int_equal(nft_object_format(&o, &object, &e), 0);
	assert_int_equal(nft()->get(&b->w, object.data, &s, &e), -ESTALE);
}

#define ROOT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        ROOT_TEST(uncut_is_uncut),
	        ROOT_TEST(swallowed_is_silent),
	        ROOT_TEST(dropped_is_silent_but_for_who_asks),
	        ROOT_TEST(without_egress_hook_the_sender_is_told),
	        ROOT_TEST(rejected_is_told),
	        ROOT_TEST(rejected_by_port_too),
	        ROOT_TEST(both_ends_of_loopback_are_cut_by_the_local_port),
	        ROOT_TEST(filters_choose),
	        ROOT_TEST(incoming_is_cut),
	        ROOT_TEST(established_connections_too),
	        ROOT_TEST(established_connections_are_reset),
	        ROOT_TEST(neighbours_are_still_found),
	        ROOT_TEST(only_that_user),
	        ROOT_TEST(only_that_cgroup),
	        ROOT_TEST(changed_in_place),
	        ROOT_TEST(gone_with_its_holder),
	        ROOT_TEST(a_stopped_holder_is_ended_all_the_same),
	        ROOT_TEST(an_order_not_obeyed_yet_is_taken_back),
	        ROOT_TEST(undone_by_a_process_that_did_not_start_it),
	        ROOT_TEST(two_tables_do_not_meet),
	        ROOT_TEST(the_largest_cut_is_taken),
	        ROOT_TEST(what_cannot_be_done_changes_nothing),
	};
	return cmocka_run_group_tests_name("root step nft", tests, group_setup, group_teardown);
}
