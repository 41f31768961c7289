/* path: how the network treats the connections of a target, as their own kernel measures it. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/quantity.h"
#include "io/address.h"
#include "probe/doc.h"
#include "probe/kept.h"
#include "probe/probe.h"
#include "probe/socket-choice.h"

/* What is kept of each is about 60 bytes: enough for a busy proxy, and a bound. */
enum { CONNECTIONS_MAX = 50000 };

struct path_args {
	struct socket_choice choice;
	const char *address, *peer;
	uint64_t over_ns, connect_timeout_ns, timeout_ns;
};

/* The other end that is meant. */
struct peer {
	uint8_t family; /* 0: any */
	_Alignas(struct in6_addr) uint8_t bytes[16];
	unsigned bits;
};

struct connection {
	uint64_t cookie, ino;
	struct sock_facts f;
};

struct connections {
	struct peer peer;
	struct connection *v;
	size_t n, cap, marked_n;
	uint64_t connecting, marked_connecting;
};

/* "ADDRESS" or "ADDRESS/BITS". */
static bool peer_parse(const char *text, struct peer *peer)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t bits;
	struct peer p = {0};
	if (n >= sizeof(address))
		return false;
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, p.bytes) == 1)
		p.family = AF_INET;
	else if (inet_pton(AF_INET6, address, p.bytes) == 1)
		p.family = AF_INET6;
	else
		return false;
	p.bits = p.family == AF_INET6 ? 128 : 32;
	if (slash && (count_parse(slash + 1, &bits, NULL) < 0 || bits > p.bits))
		return false;
	if (slash)
		p.bits = (unsigned)bits;
	if (p.family == AF_INET6 && p.bits >= 96 &&
	    IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)p.bytes)) {
		p.family = AF_INET; /* as the facts of a socket have it */
		p.bits -= 96;
		memmove(p.bytes, p.bytes + 12, 4);
	}
	*peer = p;
	return true;
}

static bool peer_matches(const struct peer *p, const struct sock_facts *f)
{
	unsigned whole = p->bits / 8, rest = p->bits % 8;
	if (!p->family)
		return true;
	return p->family == f->family && memcmp(p->bytes, f->remote, whole) == 0 &&
	       (!rest || (p->bytes[whole] ^ f->remote[whole]) >> (8 - rest) == 0);
}

static int connection_add(void *ctx, const struct sock_facts *f)
{
	struct connections *c = ctx;
	if (!peer_matches(&c->peer, f))
		return 0;
	if (f->state == SOCK_SYN_SENT)
		c->connecting++;
	if (!f->has_info)
		return 0;
	if (c->n == CONNECTIONS_MAX)
		return -E2BIG;
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct connection *v = realloc(c->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = (struct connection){.cookie = f->cookie, .ino = f->ino, .f = *f};
	return 0;
}

static void connections_mark(void *ctx)
{
	struct connections *c = ctx;
	c->marked_n = c->n;
	c->marked_connecting = c->connecting;
}

static void connections_back(void *ctx)
{
	struct connections *c = ctx;
	c->n = c->marked_n;
	c->connecting = c->marked_connecting;
}

/* Least, mean and greatest of a figure of each. */
struct spread {
	uint64_t n, min, max;
	double sum;
};

static void spread_add(struct spread *s, uint64_t x)
{
	s->min = !s->n || x < s->min ? x : s->min;
	s->max = !s->n || x > s->max ? x : s->max;
	s->sum += (double)x;
	s->n++;
}

static double spread_mean(const struct spread *s)
{
	return s->sum / (double)s->n;
}

static void spread_seconds(const struct spread *s, json_t *doc, const char *name)
{
	char field[40];
	doc_seconds(doc, name, (uint64_t)(spread_mean(s) * 1e3));
	(void)snprintf(field, sizeof(field), "%s-min", name);
	doc_seconds(doc, field, s->min * NS_PER_US);
	(void)snprintf(field, sizeof(field), "%s-max", name);
	doc_seconds(doc, field, s->max * NS_PER_US);
}

static void state_add(const struct connections *c, json_t *doc)
{
	struct spread rtt = {0}, variation = {0}, floor = {0}, window = {0}, delivery = {0};
	uint64_t retransmits = 0, lost = 0, unacked = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct sock_facts *f = &c->v[i].f;
		spread_add(&rtt, f->rtt_us);
		spread_add(&variation, f->rtt_variation_us);
		spread_add(&window, f->congestion_window);
		if (f->has_more && f->rtt_floor_us != UINT32_MAX)
			spread_add(&floor, f->rtt_floor_us);
		if (f->has_more && f->delivery_rate)
			spread_add(&delivery, f->delivery_rate * 8);
		retransmits += f->retransmits;
		lost += f->lost;
		unacked += f->unacked;
	}
	doc_count(doc, "connections", c->n);
	doc_count(doc, "connecting", c->connecting);
	if (!c->n)
		return;
	spread_seconds(&rtt, doc, "rtt");
	spread_seconds(&variation, doc, "rtt-variation");
	if (floor.n)
		doc_seconds(doc, "rtt-floor", floor.min * NS_PER_US);
	doc_count(doc, "retransmits", retransmits);
	doc_count(doc, "lost", lost);
	doc_count(doc, "unacked", unacked);
	doc_set(doc, "congestion-window", json_real(spread_mean(&window)));
	doc_count(doc, "congestion-window-min", window.min);
	if (delivery.n) {
		doc_count(doc, "delivery-rate", (uint64_t)spread_mean(&delivery));
		doc_count(doc, "delivery-rate-min", delivery.min);
		doc_count(doc, "delivery-rate-max", delivery.max);
	}
}

/* By how much a counter of a connection has grown; one that was not there before has begun at 0. */
static double grown(const json_t *was, size_t i, uint64_t now)
{
	double then = json_number_value(json_array_get(was, i));
	return (double)now > then ? (double)now - then : 0;
}

/* Since the look before, of the connections that there are now. */
static void growth_add(const struct connections *c, json_t *doc, const json_t *before)
{
	uint64_t now = clock_boot_ns();
	double elapsed = kept_elapsed(before, now), again = 0, sent = 0, acked = 0, received = 0;
	const json_t *then = json_object_get(before, "of");
	json_t *all = json_object();
	bool more = c->n > 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct sock_facts *f = &c->v[i].f;
		char key[48];
		(void)snprintf(key, sizeof(key), "%" PRIx64 ".%" PRIx64, c->v[i].cookie,
		               c->v[i].ino);
		const json_t *was = json_object_get(then, key);
		again += grown(was, 0, f->retransmits);
		sent += grown(was, 1, f->data_segments);
		acked += grown(was, 2, f->bytes_acked);
		received += grown(was, 3, f->bytes_received);
		more = more && f->has_more;
		doc_set(all, key,
		        json_pack("[I, I, I, I]", (json_int_t)f->retransmits,
		                  (json_int_t)f->data_segments, (json_int_t)f->bytes_acked,
		                  (json_int_t)f->bytes_received));
	}
	if (elapsed > 0 && c->n)
		doc_set(doc, "retransmitted", json_real(again / elapsed));
	if (elapsed > 0 && more) {
		doc_share(doc, "retransmit-share", sent > 0 ? again / sent : 0);
		doc_count(doc, "sent", (uint64_t)(acked * 8 / elapsed));
		doc_count(doc, "received", (uint64_t)(received * 8 / elapsed));
	}
	doc_set(doc, "kept", json_pack("{s:I, s:o}", "t", (json_int_t)now, "of", all));
}

/* Connects and closes again; how long that took, and how often the first packet went out. */
static void handshake_add(const struct address *to, uint64_t limit_ns, json_t *doc)
{
	_cleanup_fd_ int fd =
	        socket(to->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	uint64_t began = clock_boot_ns(), took = 0;
	int error = 0;
	socklen_t n = sizeof(error);
	if (fd < 0 ||
	    (connect(fd, (const struct sockaddr *)&to->sa, to->n) < 0 && errno != EINPROGRESS)) {
		error = errno;
	} else {
		struct pollfd p = {.fd = fd, .events = POLLOUT};
		int left_ms = (int)((limit_ns + NS_PER_MS - 1) / NS_PER_MS);
		int ready = poll(&p, 1, left_ms);
		took = clock_boot_ns() - began;
		if (ready == 0)
			error = ETIMEDOUT;
		else if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
			error = errno;
	}
	struct tcp_info info = {0};
	n = sizeof(info);
	doc_set(doc, "connected", json_boolean(!error));
	if (error)
		doc_set(doc, "error", json_string(err_text(error)));
	else
		doc_seconds(doc, "connect-seconds", took);
	if (fd >= 0 && getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0)
		doc_count(doc, "connect-retransmits", info.tcpi_total_retrans);
}

/* The address as one; its port and itself are what is meant, if nothing else is. */
static int address_read(const struct path_args *a, struct address *to, char port[12],
                        struct err *err)
{
	char host[HOST_MAX];
	uint16_t number;
	int rc = address_split(a->address, host, &number, err);
	if (rc < 0)
		return rc;
	if (!address_literal(host, number, to) || to->sa.ss_family == AF_UNIX) {
		(void)err_set(err, -EINVAL, "\"%.200s\" is not the number of a host", host);
		return err_hint(err, -EINVAL,
		                "Write ADDRESS:PORT or [IPv6]:PORT: no name is looked up here.");
	}
	(void)snprintf(port, 12, "%u/tcp", number);
	return 0;
}

static bool is_by_address(const struct path_args *a)
{
	return a->address && !a->peer && !a->choice.port && !a->choice.remote_port;
}

/* Which connections are meant: with an address and no word about ports and peers, those to it. */
static int meaning_read(const struct path_args *a, struct socket_choice *choice, struct peer *peer,
                        struct address *to, char port[12], struct err *err)
{
	char host[HOST_MAX];
	uint16_t number;
	*choice = a->choice;
	*peer = (struct peer){0};
	int rc = a->address ? address_read(a, to, port, err) : 0;
	if (rc == 0 && is_by_address(a)) {
		rc = address_split(a->address, host, &number, err);
		choice->remote_port = port;
		(void)peer_parse(host, peer);
	}
	if (rc == 0 && a->peer && !peer_parse(a->peer, peer)) {
		(void)err_set(err, -EINVAL, "\"%.100s\" is not an address", a->peer);
		return err_hint(err, -EINVAL, "Write one of IPv4 or IPv6, or 10.0.0.0/8.");
	}
	return rc;
}

/* In the forked process: it has one thread, so it may look into another namespace. */
static json_t *path_read(const struct world *w, const void *args, const json_t *before,
                         struct err *err)
{
	const struct path_args *a = args;
	struct connections c = {0};
	struct socket_choice choice;
	struct socket_found found;
	struct address to;
	char port[12];
	const struct socket_walk walk = {.tcp = true,
	                                 .states = 1u << SOCK_ESTABLISHED | 1u << SOCK_SYN_SENT,
	                                 .each = connection_add,
	                                 .mark = connections_mark,
	                                 .back = connections_back,
	                                 .ctx = &c};
	int rc = meaning_read(a, &choice, &c.peer, &to, port, err);
	if (rc == 0)
		rc = socket_choice_walk(w, &choice, &walk, &found, err);
	if (rc == -E2BIG && c.n == CONNECTIONS_MAX) {
		(void)err_set(err, rc, "more than %d connections match", CONNECTIONS_MAX);
		(void)err_hint(err, rc, "Say more of them: a process, a port, a peer.");
	}
	json_t *doc = rc == 0 ? json_object() : NULL;
	if (rc == 0 && !doc)
		(void)err_sys(err, ENOMEM, "could not keep the connections");
	bool by_process = choice.name || choice.pid;
	if (doc && by_process)
		doc_count(doc, "processes", found.processes);
	if (doc && (!by_process || found.processes))
		state_add(&c, doc);
	if (doc)
		growth_add(&c, doc, before);
	free(c.v);
	/* A first look reads twice: once is enough to knock. */
	if (!doc || !a->address || !before)
		return doc;
	rc = socket_choice_enter(w, &found, err);
	if (rc < 0) {
		json_decref(doc);
		return NULL;
	}
	handshake_add(&to, a->connect_timeout_ns, doc);
	return doc;
}

static int path_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                     look_done *done, void *ctx, struct look **out, struct err *err)
{
	const struct path_args *a = args;
	struct kept_spec spec = {.read = path_read,
	                         .what = "the connections",
	                         .over_ns = a->over_ns,
	                         .timeout_ns = a->timeout_ns};
	return kept_start(loop, w, &spec, args, when, done, ctx, out, err);
}

static int path_check(const void *args, struct err *err)
{
	const struct path_args *a = args;
	struct socket_choice choice;
	struct peer peer;
	struct address to;
	char port[12];
	int rc = meaning_read(a, &choice, &peer, &to, port, err);
	if (rc == 0)
		rc = socket_choice_check(&choice, err);
	if (rc < 0)
		return rc;
	if ((choice.port && strstr(choice.port, "/udp")) ||
	    (choice.remote_port && strstr(choice.remote_port, "/udp")))
		return err_set(err, -EINVAL, "only TCP has connections: \"%s\" is not a port of it",
		               choice.port && strstr(choice.port, "/udp") ? choice.port
		                                                          : choice.remote_port);
	if (a->over_ns + (a->address ? a->connect_timeout_ns : 0) >= a->timeout_ns)
		return err_set(err, -EINVAL,
		               a->address ? "`over` and `connect-timeout` together must be less "
		                            "than `timeout`"
		                          : "`over` must be less than `timeout`");
	return 0;
}

#define AT(member) offsetof(struct path_args, member)
static const struct param path_params[] = {
        {"address", PARAM_TEXT, AT(address), .flags = PARAM_POSITIONAL,
         .help = "ADDRESS:PORT or [IPv6]:PORT: connects there, as the target would, to see how "
                 "long it takes; if no port and no peer is given, connections to it are meant"},
        {"port", PARAM_TEXT, AT(choice.port),
         .help = "only connections with this port at this end"},
        {"remote-port", PARAM_TEXT, AT(choice.remote_port), .help = SOCKET_CHOICE_REMOTE},
        {"peer", PARAM_TEXT, AT(peer),
         .help = "only with this address, or one of these, at the other end: 10.0.0.7, 10.0.0.0/8"},
        {"name", PARAM_TEXT, AT(choice.name), .help = SOCKET_CHOICE_NAME},
        {"pid", PARAM_TEXT, AT(choice.pid), .help = SOCKET_CHOICE_PID},
        {"netns", PARAM_TEXT, AT(choice.netns), .help = SOCKET_CHOICE_NETNS},
        {"over", PARAM_DURATION, AT(over_ns), "100ms", "10ms", "10s",
         .help = "how long the first look measures what grows"},
        {"connect-timeout", PARAM_DURATION, AT(connect_timeout_ns), "1s", "1ms", "1m",
         .help = "greatest time for the connection to address"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for the look, counted from when it was due"},
        {NULL},
};

static const struct field path_fields[] = {
        {"processes", FIELD_NUMBER,
         "how many processes match; with name or pid. What is of connections is absent when it is "
         "0"},
        {"connections", FIELD_NUMBER,
         "established TCP connections that match; all below is of them, and absent when there are "
         "none"},
        {"connecting", FIELD_NUMBER, "connections asked for and not answered yet"},
        {"rtt", FIELD_SECONDS, "mean of their round-trip times, as the kernel smooths them"},
        {"rtt-min", FIELD_SECONDS, "that of the fastest"},
        {"rtt-max", FIELD_SECONDS, "that of the slowest"},
        {"rtt-variation", FIELD_SECONDS,
         "mean of how much their round-trip times vary, as the kernel smooths it"},
        {"rtt-variation-min", FIELD_SECONDS, "that of the steadiest"},
        {"rtt-variation-max", FIELD_SECONDS, "that of the least steady"},
        {"rtt-floor", FIELD_SECONDS,
         "shortest round trip that any had in the last minutes: the way without queues"},
        {"retransmits", FIELD_NUMBER, "segments that they have sent again since they began"},
        {"retransmitted", FIELD_NUMBER,
         "segments a second sent again since the look before; what connections did that have ended "
         "meanwhile is not in it, nor below"},
        {"retransmit-share", FIELD_SHARE,
         "the same as a part of the segments with data that were sent; 0 when none was"},
        {"sent", FIELD_RATE,
         "bits a second that the peers have acknowledged since the look before"},
        {"received", FIELD_RATE, "bits a second that have come since the look before"},
        {"lost", FIELD_NUMBER, "segments that are taken for lost now"},
        {"unacked", FIELD_NUMBER, "segments that are on their way now, or lost"},
        {"congestion-window", FIELD_NUMBER, "segments that may be on their way, in the mean"},
        {"congestion-window-min", FIELD_NUMBER, "that of the one with the fewest"},
        {"delivery-rate", FIELD_RATE,
         "how fast data got through when it last did, in the mean; of those that have sent some"},
        {"delivery-rate-min", FIELD_RATE, "that of the slowest"},
        {"delivery-rate-max", FIELD_RATE, "that of the fastest"},
        {"connected", FIELD_BOOL, "whether address took the connection; this and below with it"},
        {"connect-seconds", FIELD_SECONDS,
         "time of the TCP handshake, lost packets and all; absent when it failed"},
        {"connect-retransmits", FIELD_NUMBER, "how often its first packet was sent again"},
        {"error", FIELD_TEXT, "why there was no connection to address; absent when there was"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const path_examples[] = {
        "squall probe path 127.0.0.1:6379",
        "squall probe path --name postgres --peer 10.0.0.0/8",
        "squall probe path 10.0.0.7:5432 --name shop --over 1s",
        NULL,
};

const struct probe probe_path = {
        .kind =
                {
                        .name = "path",
                        .summary = "shows round trips, losses and windows of TCP connections",
                        .man = "Asks the kernel for what it measures of each connection: round "
                               "trips, segments sent again, windows, rates. So it sees what a "
                               "target's own traffic meets, at no cost to it, where ping sees "
                               "what a packet of its own meets. Which connections: those that "
                               "match all that is said; all of the network namespace if nothing "
                               "is.\n"
                               "\n"
                               "With an address a connection is made to it and closed again, from "
                               "the network namespace of what was chosen, so that it takes the "
                               "target's way.\n"
                               "\n"
                               "What grows is told since the look before. A first look has none "
                               "before it, so it reads twice, as far apart as over says. Only "
                               "what a target sends can be lost on its way out: of what it is "
                               "sent, the other end knows. Another's namespace needs root, or to "
                               "be its owner; without root only one's own processes show their "
                               "connections.",
                        .params = path_params,
                        .args_size = sizeof(struct path_args),
                        .fields = path_fields,
                        .examples = path_examples,
                        .check = path_check,
                },
        .start = path_look,
        .cancel = kept_cancel,
};
