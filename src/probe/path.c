/* path: how the network treats the connections of a target, as their own kernel measures it. */
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "io/address.h"
#include "probe/connections.h"
#include "probe/doc.h"
#include "probe/kept.h"
#include "probe/probe.h"

struct path_args {
	struct socket_choice choice;
	const char *address, *peer;
	uint64_t over_ns, connect_timeout_ns, timeout_ns;
};

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
	const char *whose = a->peer;
	int rc = a->address ? address_read(a, to, port, err) : 0;
	if (rc == 0 && is_by_address(a)) {
		rc = address_split(a->address, host, &number, err);
		choice->remote_port = port;
		whose = host;
	}
	if (rc == 0 && whose && !peer_parse(whose, peer)) {
		(void)err_set(err, -EINVAL, "\"%.100s\" is not an address", whose);
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
	                                 .each = connections_add,
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
		connections_tell(&c, doc);
	if (doc)
		connections_grown(&c, doc, before);
	connections_release(&c);
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
