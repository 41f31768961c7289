/*
 * shapebed.h - a shaper put for real between two network namespaces, and streams of datagrams
 * through it, timed from outside.
 *
 * Packets go from B to A, where the shapers are. Neither nice nor real time: who tests is not to
 * take the machine from others.
 */
#ifndef SQUALL_TESTS_SHAPEBED_H
#define SQUALL_TESTS_SHAPEBED_H

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "../skip.h"
#include "base/clock.h"
#include "helper/helpers.h"
#include "netbed.h"
#include "step/nft.h"
#include "step/step.h"
#include "undo/spawn.h"

enum { PORT = 7777, A = 0, B = 1 };

/* One run's shaper. */
struct shaping {
	struct hold h;
	char object[OBJECT_MAX], now[STATE_MAX];
};

enum { HOLDERS = 8 };

struct bed {
	struct world w;
	struct netbed net;
	pid_t holders[HOLDERS]; /* of this test: those that a failure left are ended after it */
	size_t holders_n;
};

static inline const struct step_type *nft(void)
{
	return step_type_find("nft");
}

static inline int spawn(struct hold *h, const char *kind, const char *const *args, struct err *err)
{
	return helper_spawn(h, helpers, kind, args, err);
}

static inline void nice_drop(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) == 0) {
		data[0].effective &= ~(1u << CAP_SYS_NICE);
		data[0].permitted &= ~(1u << CAP_SYS_NICE);
		(void)syscall(SYS_capset, &head, data);
	}
}

static inline int bed_setup(void **state)
{
	static struct bed b;
	struct err e = ERR_INIT;

	if (geteuid() != 0 || shell("ip -V >/dev/null 2>&1"))
		return 0;
	nice_drop();
	if (world_open_real(&b.w, &e) < 0 || netbed_init(&b.net) < 0)
		return -1;
	*state = &b;
	return 0;
}

static inline int bed_teardown(void **state)
{
	struct bed *b = *state;

	if (b) {
		netbed_release(&b->net);
		world_close(&b->w);
	}
	return 0;
}

static inline struct bed *bed_of(void **state)
{
	if (!*state)
		lacks("root", "it and ip(8) make two namespaces with a cable between them");
	return *state;
}

static inline void put(struct shaping *s, const char *to)
{
	struct err e = ERR_INIT;
	BUF(landed, STATE_MAX);
	int code = nft()->set(&s->h, s->object, s->now, to, &landed, &e);

	if (code == -EOPNOTSUPP)
		lacks("nft-queue", e.what);
	if (code != 0)
		fail_msg("%s: %s", to, e.what);
	assert_true(step_same(nft(), to, landed.data));
	strcpy(s->now, landed.data);
}

/* The nth shaper of this test, in A. */
static inline void shaping_begin(struct bed *b, struct shaping *s, unsigned n, const char *to)
{
	struct nft_object o = {.netns_ino = b->net.ino[A]};
	struct err e = ERR_INIT;
	struct buf text;

	hold_init(&s->h);
	s->h.world = &b->w;
	s->h.spawn = spawn;
	s->h.deadline_ns = clock_boot_ns() + 120000000000ull;
	strcpy(o.netns, b->net.path[A]);
	nft_table_name("shaper", n, o.table);
	buf_init(&text, s->object, sizeof(s->object));
	strcpy(s->now, "absent");
	assert_int_equal(nft_object_format(&o, &text, &e), 0);
	assert_int_equal(nft()->open(&s->h, s->object, &e), 0);
	put(s, to);
	b->holders[b->holders_n++ % HOLDERS] = s->h.holder.id.pid;
}

/* Children of this process: their numbers are theirs until they are waited for. */
static inline int left_end(void **state)
{
	struct bed *b = *state;

	for (size_t i = 0; b && i < HOLDERS; i++) {
		if (b->holders[i] > 0 && waitpid(b->holders[i], NULL, WNOHANG) == 0) {
			kill(b->holders[i], SIGKILL);
			waitpid(b->holders[i], NULL, 0);
		}
		b->holders[i] = 0;
	}
	return 0;
}

static inline void shaping_end(struct shaping *s)
{
	struct err e = ERR_INIT;
	BUF(seen, STATE_MAX);

	put(s, "absent");
	assert_int_equal(nft()->get(s->h.world, s->object, &seen, &e), 0);
	assert_string_equal(seen.data, "absent");
	hold_release(&s->h);
}

static inline uint64_t counted(struct shaping *s, const char *name)
{
	struct counters c = {0};
	struct err e = ERR_INIT;

	assert_int_equal(nft()->meter(&s->h, s->object, &c, &e), 0);
	if (!counters_has(&c, name))
		fail_msg("nothing counts \"%s\"", name);
	return counters_get(&c, name);
}

static inline socklen_t address(struct sockaddr_storage *s, const char *ip, int port)
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

static inline uint64_t mono_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static inline int socket_in(struct bed *b, int where, const char *ip, int type)
{
	struct sockaddr_storage s;

	address(&s, ip, 0);
	netbed_enter(&b->net, where);
	int fd = socket(s.ss_family, type | SOCK_CLOEXEC, 0);
	netbed_leave(&b->net);
	assert_true(fd >= 0);
	return fd;
}

static inline int server_in(struct bed *b, int where, const char *ip, int type)
{
	struct sockaddr_storage s;
	socklen_t n = address(&s, ip, PORT);
	int on = 1, big = 8 << 20, fd = socket_in(b, where, ip, type);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	assert_int_equal(bind(fd, (struct sockaddr *)&s, n), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* A stream of numbered datagrams to one address of A. */
struct stream {
	struct bed *b;
	const char *ip;
	int from; /* A: by loopback */
	uint32_t n;
	uint64_t every_ns;
	size_t bytes;
	/* what came of it */
	uint32_t came, twice, late_order, damaged;
	uint8_t *seen;
	uint32_t *delay_us; /* by number; 0: did not come */
	int fd, server;
};

struct datagram {
	uint32_t number;
	uint64_t sent_ns;
	uint8_t rest[1400];
};

static inline void *stream_send(void *ctx)
{
	struct stream *s = ctx;
	uint64_t due = mono_ns();
	struct datagram d = {0};

	for (uint32_t i = 0; i < s->n; i++) {
		struct timespec t = {(time_t)(due / 1000000000ull), (long)(due % 1000000000ull)};

		if (s->every_ns)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
		d.number = i;
		d.sent_ns = mono_ns();
		(void)!send(s->fd, &d, s->bytes, 0);
		due += s->every_ns;
	}
	return NULL;
}

static inline void stream_take(struct stream *s, const struct datagram *d, size_t n, uint32_t *last)
{
	uint64_t delay = mono_ns() - d->sent_ns;

	if (n != s->bytes || d->number >= s->n || delay > 60000000000ull) {
		s->damaged++;
		return;
	}
	for (size_t i = 0; i < n - offsetof(struct datagram, rest); i++)
		if (d->rest[i]) {
			s->damaged++;
			break;
		}
	s->came++;
	s->twice += s->seen[d->number] > 0;
	s->late_order += d->number < *last;
	*last = d->number > *last ? d->number : *last;
	if (!s->seen[d->number]++)
		s->delay_us[d->number] = (uint32_t)(delay / 1000) + 1;
}

/* Until nothing has come for half a second after the last was sent. */
static inline void stream_run(struct bed *b, struct stream *s)
{
	struct sockaddr_storage to;
	socklen_t n = address(&to, s->ip, PORT);
	struct datagram d;
	struct pollfd p;
	pthread_t sender;
	uint32_t last = 0;
	uint64_t until;

	s->b = b;
	s->bytes = s->bytes ? s->bytes : 64;
	s->came = s->twice = s->late_order = s->damaged = 0;
	s->seen = calloc(s->n, 1);
	s->delay_us = calloc(s->n, sizeof(*s->delay_us));
	s->server = server_in(b, A, s->ip, SOCK_DGRAM);
	s->fd = socket_in(b, s->from, s->ip, SOCK_DGRAM);
	assert_int_equal(connect(s->fd, (struct sockaddr *)&to, n), 0);
	p = (struct pollfd){.fd = s->server, .events = POLLIN};
	assert_int_equal(pthread_create(&sender, NULL, stream_send, s), 0);
	until = mono_ns() + s->n * s->every_ns + 500000000ull;
	while (poll(&p, 1, 500) > 0 || mono_ns() < until) {
		ssize_t got = recv(s->server, &d, sizeof(d), MSG_DONTWAIT);

		if (got > 0)
			stream_take(s, &d, (size_t)got, &last);
	}
	pthread_join(sender, NULL);
	close(s->fd);
	close(s->server);
}

static inline void stream_free(struct stream *s)
{
	free(s->seen);
	free(s->delay_us);
}

static inline int u32_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

struct delays {
	double mean_us;
	uint32_t least_us, p50_us, p99_us, most_us;
};

static inline struct delays stream_delays(const struct stream *s)
{
	struct delays d = {0};
	uint32_t *v = calloc(s->n, sizeof(*v));
	size_t n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->delay_us[i]) {
			v[n++] = s->delay_us[i] - 1;
			d.mean_us += s->delay_us[i] - 1;
		}
	assert_true(n > 0);
	qsort(v, n, sizeof(*v), u32_compare);
	d.mean_us /= (double)n;
	d.least_us = v[0];
	d.p50_us = v[n / 2];
	d.p99_us = v[n * 99 / 100];
	d.most_us = v[n - 1];
	free(v);
	return d;
}

/* Datagrams of which none may be lost. */
static inline struct delays measure(struct bed *b, const char *ip, int from, uint32_t n,
                                    uint64_t every_ns)
{
	struct stream s = {.ip = ip, .from = from, .n = n, .every_ns = every_ns};
	struct delays d;

	stream_run(b, &s);
	assert_int_equal(s.came, n);
	assert_int_equal(s.twice + s.late_order + s.damaged, 0);
	d = stream_delays(&s);
	print_message("%s: %u datagrams: mean %.0f us, least %u, p50 %u, p99 %u, most %u\n", ip, n,
	              d.mean_us, d.least_us, d.p50_us, d.p99_us, d.most_us);
	stream_free(&s);
	return d;
}

/* One TCP stream into A: Mbit/s of what it carries. */
static inline double bulk_mbit(struct bed *b, const char *ip, int from, double seconds)
{
	struct sockaddr_storage to;
	socklen_t n = address(&to, ip, PORT);
	int server = server_in(b, A, ip, SOCK_STREAM), fd = socket_in(b, from, ip, SOCK_STREAM);
	static char data[1 << 18];
	uint64_t got = 0, start, first = 0, last = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (connect(fd, (struct sockaddr *)&to, n) < 0)
			_exit(1);
		for (;;)
			if (send(fd, data, sizeof(data), MSG_NOSIGNAL) < 0)
				_exit(0);
	}
	close(fd);
	fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	start = mono_ns();
	/* the first fifth is for it to get going */
	while (mono_ns() - start < (uint64_t)(seconds * 1.2e9)) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t k = poll(&p, 1, 200) > 0 ? recv(fd, data, sizeof(data), MSG_DONTWAIT) : 0;
		uint64_t now = mono_ns();

		if (k <= 0 || now - start < (uint64_t)(seconds * 0.2e9))
			continue;
		if (!first)
			first = now;
		else
			got += (uint64_t)k;
		last = now;
	}
	close(fd);
	close(server);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return last > first ? (double)got * 8e3 / (double)(last - first) : 0;
}

#endif
