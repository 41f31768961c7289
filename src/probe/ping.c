/* ping: ICMP echo requests, and what becomes of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "io/echo.h"
#include "io/loop.h"
#include "probe/doc.h"
#include "probe/probe.h"

/* Of what lies in the socket, how much is taken in one turn of the loop: others want theirs. */
enum { TURN_MAX = 256 };

struct ping_args {
	const char *host, *family;
	uint64_t count, interval_ns, size, timeout_ns;
	bool fragment;
};

/* One request. */
struct fate {
	uint64_t sent_ns; /* 0: not yet */
	uint64_t rtt_ns;
	bool answered, refused;
};

struct look {
	struct loop *loop;
	look_done *done;
	void *ctx;
	const struct ping_args *args;
	uint64_t due_ns, start_ns, until_ns;
	struct timer *timer;
	bool begun;
	struct addresses *asking;
	struct address v[ADDRESSES_MAX];
	size_t n, at;
	struct echo echo;
	struct watch *watch;
	uint8_t *packet, *room; /* what goes out; what comes in */
	struct fate *fates;
	uint64_t sent, settled, received, duplicates, reordered, corrupted;
	uint16_t highest; /* seq that has been answered */
	unsigned ttl;
	char error[160], error_from[INET6_ADDRSTRLEN];
};

static void look_free(struct look *l)
{
	addresses_cancel(l->asking);
	watch_free(l->watch);
	echo_close(&l->echo);
	timer_free(l->timer);
	free(l->packet);
	free(l->room);
	free(l->fates);
	free(l);
}

/* Round trips, in the order in which they were sent. */
static void trips_add(const struct look *l, json_t *doc)
{
	uint64_t least = UINT64_MAX, most = 0, sum = 0, steps = 0, before = 0;
	for (uint64_t i = 0, seen = 0; i < l->args->count; i++) {
		uint64_t rtt = l->fates[i].rtt_ns;
		if (!l->fates[i].answered)
			continue;
		least = rtt < least ? rtt : least;
		most = rtt > most ? rtt : most;
		sum += rtt;
		if (seen++)
			steps += rtt > before ? rtt - before : before - rtt;
		before = rtt;
	}
	doc_seconds(doc, "rtt", sum / l->received);
	doc_seconds(doc, "rtt-min", least);
	doc_seconds(doc, "rtt-max", most);
	if (l->received > 1)
		doc_seconds(doc, "jitter", steps / (l->received - 1));
}

static void error_add(const struct look *l, json_t *doc, bool timed_out)
{
	const char *error = l->error[0] ? l->error
	                    : l->asking ? "the name was not resolved in time"
	                    : timed_out ? "no answer in time"
	                                : NULL;
	if (error)
		doc_set(doc, "error", json_string(error));
	if (l->error_from[0])
		doc_set(doc, "error-from", json_string(l->error_from));
}

static void look_end(struct look *l, bool timed_out)
{
	json_t *doc = json_object();
	struct err err = ERR_INIT;
	uint64_t lost = l->args->count - l->received;
	if (!doc) {
		(void)err_sys(&err, ENOMEM, "could not keep the answer of \"%s\"", l->args->host);
		l->done(l->ctx, NULL, &err);
		look_free(l);
		return;
	}
	doc_count(doc, "sent", l->sent);
	doc_count(doc, "received", l->received);
	doc_count(doc, "lost", lost);
	doc_share(doc, "loss", (double)lost / (double)l->args->count);
	if (l->received)
		trips_add(l, doc);
	doc_count(doc, "duplicates", l->duplicates);
	doc_count(doc, "reordered", l->reordered);
	doc_count(doc, "corrupted", l->corrupted);
	if (l->ttl)
		doc_count(doc, "ttl", l->ttl);
	if (l->at < l->n) {
		char name[INET6_ADDRSTRLEN];
		echo_address(&l->v[l->at], name);
		doc_set(doc, "address", json_string(name));
	}
	doc_set(doc, "timed-out", json_boolean(timed_out));
	if (lost)
		error_add(l, doc, timed_out);
	doc_seconds(doc, "seconds", clock_boot_ns() - l->due_ns);
	l->done(l->ctx, doc, NULL);
	look_free(l);
}

/* It has no error that is an answer: squall may not, or cannot. */
static void look_fail(struct look *l, const struct err *err)
{
	l->done(l->ctx, NULL, err);
	look_free(l);
}

static void answer_take(struct look *l, const struct echo_news *news)
{
	struct fate *f = &l->fates[news->seq];
	if (f->answered) {
		l->duplicates++;
		return;
	}
	/* A clock that was moved puts it before its question. */
	uint64_t now = clock_boot_ns(), at = news->at_ns > f->sent_ns ? news->at_ns : now;
	f->rtt_ns = at - f->sent_ns;
	f->answered = true;
	l->settled += !f->refused;
	if (l->received++ && news->seq < l->highest)
		l->reordered++;
	if (news->seq > l->highest)
		l->highest = news->seq;
	if (news->n != l->args->size ||
	    memcmp(news->payload, l->packet + ECHO_HEAD_BYTES, news->n) != 0)
		l->corrupted++;
	l->ttl = news->ttl;
}

static void refusal_take(struct look *l, int error, const char *from)
{
	(void)text_copy(l->error, sizeof(l->error), err_text(error));
	(void)text_copy(l->error_from, sizeof(l->error_from), from);
}

static void news_take(struct look *l, const struct echo_news *news)
{
	if (news->kind == ECHO_FOREIGN || (news->numbered && news->seq >= l->sent))
		return;
	if (news->kind == ECHO_ANSWER) {
		answer_take(l, news);
		return;
	}
	refusal_take(l, news->error, news->from);
	if (news->numbered && !l->fates[news->seq].answered && !l->fates[news->seq].refused) {
		l->fates[news->seq].refused = true;
		l->settled++;
	}
}

static void socket_drain(struct look *l)
{
	struct echo_news news;
	for (int i = 0; i < TURN_MAX && echo_hear(&l->echo, l->room, &news); i++)
		news_take(l, &news);
}

/* All that is due. */
static void requests_send(struct look *l)
{
	uint64_t now = clock_boot_ns();
	while (l->sent < l->args->count && now >= l->start_ns + l->sent * l->args->interval_ns) {
		struct fate *f = &l->fates[l->sent];
		f->sent_ns = clock_boot_ns();
		int rc = echo_send(&l->echo, l->packet, ECHO_HEAD_BYTES + l->args->size,
		                   (uint16_t)l->sent);
		l->sent++;
		if (rc < 0) {
			refusal_take(l, -rc, "");
			f->refused = true;
			l->settled++;
		}
	}
}

static void look_go_on(struct look *l)
{
	socket_drain(l);
	requests_send(l);
	uint64_t next = l->start_ns + l->sent * l->args->interval_ns;
	if (l->settled < l->args->count && clock_boot_ns() < l->until_ns) {
		timer_set(l->timer,
		          l->sent < l->args->count && next < l->until_ns ? next : l->until_ns);
		return;
	}
	socket_drain(l); /* what has come at once, on this machine; copies of the last one */
	look_end(l, l->settled < l->args->count);
}

static void socket_ready(void *ctx, unsigned events)
{
	struct look *l = ctx;
	socket_drain(l);
	if (l->settled == l->args->count) {
		look_end(l, false);
		return;
	}
	struct err err = ERR_INIT;
	if (watch_change(l->watch, WATCH_READ, &err) < 0) /* an error has made it quiet */
		look_fail(l, &err);
}

static bool is_wanted(const struct ping_args *a, const struct address *to)
{
	return !strcmp(a->family, "any") ||
	       to->sa.ss_family == (!strcmp(a->family, "ipv6") ? AF_INET6 : AF_INET);
}

/* The first address that can be asked. */
static void asking_begin(struct look *l)
{
	struct err err = ERR_INIT;
	(void)text_copy(l->error, sizeof(l->error), "it has no address of that family");
	for (l->at = 0; l->at < l->n; l->at++) {
		if (!is_wanted(l->args, &l->v[l->at]))
			continue;
		int rc = echo_open(&l->echo, &l->v[l->at], l->args->fragment, &err);
		if (rc == 0)
			break;
		if (rc == -EPERM || rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM) {
			look_fail(l, &err);
			return;
		}
		(void)text_copy(l->error, sizeof(l->error), err.what);
	}
	if (l->at == l->n) {
		look_end(l, false);
		return;
	}
	l->error[0] = '\0';
	l->watch = watch_new(l->loop, l->echo.fd, WATCH_READ, socket_ready, l, &err);
	if (!l->watch) {
		look_fail(l, &err);
		return;
	}
	l->start_ns = clock_boot_ns();
	look_go_on(l);
}

static void addresses_came(void *ctx, const struct address *v, size_t n, const struct err *err)
{
	struct look *l = ctx;
	l->asking = NULL;
	if (!v) {
		(void)text_copy(l->error, sizeof(l->error), err->what);
		look_end(l, false);
		return;
	}
	memcpy(l->v, v, n * sizeof(*v));
	l->n = n;
	asking_begin(l);
}

static void look_begin(struct look *l)
{
	struct err err = ERR_INIT;
	l->begun = true;
	timer_set(l->timer, l->until_ns);
	if (address_literal(l->args->host, 0, &l->v[0])) {
		l->n = 1;
		asking_begin(l);
	} else if (addresses_start(l->loop, l->args->host, 0, addresses_came, l, &l->asking, &err) <
	           0) {
		look_fail(l, &err);
	}
}

static void timer_fired(void *ctx)
{
	struct look *l = ctx;
	if (!l->begun)
		look_begin(l);
	else if (l->asking)
		look_end(l, true);
	else
		look_go_on(l);
}

static int ping_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                     look_done *done, void *ctx, struct look **out, struct err *err)
{
	const struct ping_args *a = args;
	struct look *l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(err, ENOMEM, "could not ping \"%.200s\"", a->host);
	*l = (struct look){.loop = loop,
	                   .done = done,
	                   .ctx = ctx,
	                   .args = a,
	                   .due_ns = when.to_ns,
	                   .until_ns = when.to_ns + a->timeout_ns,
	                   .echo.fd = -1};
	l->timer = timer_new(loop, timer_fired, l);
	l->packet = malloc(ECHO_HEAD_BYTES + a->size);
	l->room = malloc(ECHO_ROOM_BYTES);
	l->fates = calloc(a->count, sizeof(*l->fates));
	int rc = l->timer && l->packet && l->room && l->fates
	                 ? 0
	                 : err_sys(err, ENOMEM, "could not ping \"%.200s\"", a->host);
	/* Bytes that cannot be guessed nor made shorter on the way. */
	for (size_t i = 0; rc == 0 && i < a->size;) {
		ssize_t n = getrandom(l->packet + ECHO_HEAD_BYTES + i, a->size - i, 0);
		if (n < 0)
			rc = err_sys(err, errno, "could not draw the bytes of a packet");
		else
			i += (size_t)n;
	}
	if (rc < 0) {
		look_free(l);
		return rc;
	}
	timer_set(l->timer, clock_boot_ns()); /* at the next turn: a refusal may come at once */
	*out = l;
	return 0;
}

static int ping_check(const void *args, struct err *err)
{
	const struct ping_args *a = args;
	struct address to;
	if (!a->host[0] || strlen(a->host) >= HOST_MAX || strpbrk(a->host, "/[] \t"))
		return err_set(err, -EINVAL, "\"%.100s\" is not a host", a->host);
	if (address_literal(a->host, 0, &to) && !is_wanted(a, &to))
		return err_set(err, -EINVAL, "\"%s\" is not an address of %s", a->host,
		               !strcmp(a->family, "ipv6") ? "IPv6" : "IPv4");
	if ((a->count - 1) * a->interval_ns >= a->timeout_ns) {
		(void)err_set(err, -EINVAL,
		              "%" PRIu64 " requests at that interval do not fit into the timeout",
		              a->count);
		return err_hint(err, -EINVAL, "Send fewer, or faster, or raise `timeout`.");
	}
	return 0;
}

#define AT(member) offsetof(struct ping_args, member)
static const struct param ping_params[] = {
        {"host", PARAM_TEXT, AT(host), .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
         .help = "a name, or an address of IPv4 or IPv6"},
        {"count", PARAM_COUNT, AT(count), "1", "1", "100", .help = "how many requests are sent"},
        {"interval", PARAM_DURATION, AT(interval_ns), "100ms", "10ms", "10s",
         .help = "from one request to the next, whether it was answered or not"},
        {"size", PARAM_SIZE, AT(size), "56", "0", "65507",
         .help = "bytes in a request, besides 8 of ICMP and those of IP; an answer has as many"},
        {"fragment", PARAM_BOOL, AT(fragment), "true",
         .help = "cut up what is too large for the way; false: it is to be refused, as by a "
                 "program that finds out how much fits"},
        {"family", PARAM_ENUM, AT(family), "any", .choices = "any|ipv4|ipv6",
         .help = "which of the addresses of a name"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for it all, counted from when it was due"},
        {NULL},
};

static const struct field ping_fields[] = {
        {"sent", FIELD_NUMBER, "requests that were given to the kernel"},
        {"received", FIELD_NUMBER, "requests that were answered"},
        {"lost", FIELD_NUMBER,
         "requests that were asked for and not answered, also when none could be sent"},
        {"loss", FIELD_SHARE, "the same as a part of count"},
        {"rtt", FIELD_SECONDS,
         "mean round trip, from sending to when the kernel took the answer in; this and the next "
         "three are absent when there was none"},
        {"rtt-min", FIELD_SECONDS, "shortest round trip"},
        {"rtt-max", FIELD_SECONDS, "longest round trip"},
        {"jitter", FIELD_SECONDS,
         "mean difference of a round trip and the one before; with two answers or more"},
        {"duplicates", FIELD_NUMBER, "answers that came once more, until the last one came"},
        {"reordered", FIELD_NUMBER, "answers that came after one that was sent later"},
        {"corrupted", FIELD_NUMBER,
         "answers with other bytes than were sent and a right checksum all the same; with a wrong "
         "one they are lost, as to every program"},
        {"ttl", FIELD_NUMBER, "hop limit that the last answer had left; absent when none came"},
        {"address", FIELD_TEXT, "whom it was sent to"},
        {"timed-out", FIELD_BOOL, "whether the time limit ended it"},
        {"error", FIELD_TEXT,
         "why one was not answered: what was last said of it (no route to the host), or that no "
         "answer came in time; absent when all were answered"},
        {"error-from", FIELD_TEXT,
         "the router or host that said so; absent when nobody did, or this machine"},
        {"seconds", FIELD_SECONDS, "how long it took, from when it was due"},
        {NULL},
};

static const char *const ping_examples[] = {
        "squall probe ping 127.0.0.1",
        "squall probe ping db.example.org --count 20 --interval 50ms",
        "squall probe ping ::1 --size 1452 --fragment false --timeout 500ms",
        NULL,
};

const struct probe probe_ping = {
        .kind =
                {
                        .name = "ping",
                        .summary = "sends ICMP echo requests and counts what comes back",
                        .man = "Sends requests at fixed times, from a socket of its own, and waits "
                               "for their answers. A round trip ends when the kernel took the "
                               "answer in, by its own stamp, so that a busy squall does not show "
                               "as a slow network.\n"
                               "\n"
                               "Loss, no route and a host that is unreachable are answers: "
                               "received says how many came back, error why one did not, "
                               "error-from who said so. Of a name with several addresses the "
                               "first that there is a way to is asked. Groups and broadcasts are "
                               "not.\n"
                               "\n"
                               "A user's squall may when net.ipv4.ping_group_range holds one of "
                               "the user's groups; else it needs root or the capability NET_RAW, "
                               "and without that the look fails.",
                        .params = ping_params,
                        .args_size = sizeof(struct ping_args),
                        .fields = ping_fields,
                        .examples = ping_examples,
                        .check = ping_check,
                },
        .start = ping_look,
        .cancel = look_free,
};
