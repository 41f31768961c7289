/* tcp: connects, and may say something and hear the answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/address.h"
#include "io/loop.h"
#include "io/regex.h"
#include "probe/doc.h"
#include "probe/probe.h"

enum { ANSWER_MAX = 65536 };

struct tcp_args {
	const char *address, *send, *matches;
	uint64_t timeout_ns;
};

struct look {
	struct loop *loop;
	look_done *done;
	void *ctx;
	uint64_t due_ns, start_ns, until_ns;
	struct timer *timer; /* the first turn, then the limit */
	bool begun;
	char host[HOST_MAX];
	uint16_t port;
	struct addresses *asking;
	struct address v[ADDRESSES_MAX];
	size_t n, at;
	int fd;
	struct watch *watch;
	bool connected;
	uint64_t connected_ns;
	char *send;
	size_t sent;
	struct regex *matches;
	bool matched;
	char *answer;
	size_t answer_n;
};

static void look_free(struct look *l)
{
	addresses_cancel(l->asking);
	watch_free(l->watch);
	fd_close(&l->fd);
	timer_free(l->timer);
	regex_free(l->matches);
	free(l->send);
	free(l->answer);
	free(l);
}

/* error NULL: all went well. */
static void look_end(struct look *l, const char *error, bool timed_out)
{
	json_t *doc = json_object();
	struct err err = ERR_INIT;
	if (!doc) {
		(void)err_sys(&err, ENOMEM, "could not keep the answer of \"%s\"", l->host);
		l->done(l->ctx, NULL, &err);
		look_free(l);
		return;
	}
	doc_set(doc, "connected", json_boolean(l->connected));
	doc_seconds(doc, "seconds", clock_boot_ns() - l->due_ns);
	if (l->connected)
		doc_seconds(doc, "connect-seconds", l->connected_ns - l->start_ns);
	if (l->at < l->n) {
		BUF(address, 128);
		address_format(&address, &l->v[l->at]);
		doc_set(doc, "address", json_string(address.data));
	}
	if (l->connected && (l->send || l->matches))
		doc_text(doc, "answer", l->answer ? l->answer : "", l->answer_n, true);
	if (l->matches)
		doc_set(doc, "matched", json_boolean(l->matched));
	doc_set(doc, "timed-out", json_boolean(timed_out));
	if (error)
		doc_set(doc, "error", json_string(error));
	l->done(l->ctx, doc, NULL);
	look_free(l);
}

/* More of the answer; false when the look has ended. */
static bool answer_take(struct look *l, const char *data, size_t n)
{
	if (n > ANSWER_MAX - l->answer_n)
		n = ANSWER_MAX - l->answer_n;
	char *answer = realloc(l->answer, l->answer_n + n + 1);
	if (answer) {
		l->answer = answer;
		memcpy(answer + l->answer_n, data, n);
		l->answer_n += n;
	}
	l->matched =
	        l->matches && l->answer && regex_matches(l->matches, l->answer, l->answer_n) == 1;
	if (l->matched || !l->matches) {
		look_end(l, NULL, false);
		return false;
	}
	if (!answer || l->answer_n == ANSWER_MAX) {
		look_end(l, "the answer is too long", false);
		return false;
	}
	return true;
}

static void answer_read(struct look *l)
{
	char chunk[4096];
	for (;;) {
		ssize_t n = recv(l->fd, chunk, sizeof(chunk), 0);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			look_end(l, err_text(errno), false);
			return;
		}
		if (n == 0) {
			look_end(l,
			         l->answer_n ? "closed before the answer matched"
			                     : "closed without an answer",
			         false);
			return;
		}
		if (!answer_take(l, chunk, (size_t)n))
			return;
	}
}

static void text_send(struct look *l)
{
	size_t n = l->send ? strlen(l->send) : 0;
	while (l->sent < n) {
		ssize_t wrote = send(l->fd, l->send + l->sent, n - l->sent, MSG_NOSIGNAL);
		if (wrote < 0 && errno == EAGAIN)
			return;
		if (wrote < 0) {
			look_end(l, err_text(errno), false);
			return;
		}
		l->sent += (size_t)wrote;
	}
	if (!l->send && !l->matches)
		look_end(l, NULL, false);
	else if (watch_change(l->watch, WATCH_READ, NULL) < 0)
		look_end(l, "could not watch the connection", false);
}

static void connect_next(struct look *l, const char *error);

static void socket_ready(void *ctx, unsigned events)
{
	struct look *l = ctx;
	if (!l->connected) {
		int e = 0;
		socklen_t n = sizeof(e);
		if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
			e = errno;
		if (e) {
			l->at++;
			connect_next(l, err_text(e));
			return;
		}
		l->connected = true;
		l->connected_ns = clock_boot_ns();
	}
	if (l->sent < (l->send ? strlen(l->send) : 0) || events & WATCH_WRITE)
		text_send(l);
	else
		answer_read(l);
}

/* Tries the addresses one after another; error: what the last one said. */
static void connect_next(struct look *l, const char *error)
{
	for (; l->at < l->n; l->at++) {
		const struct address *a = &l->v[l->at];
		watch_free(l->watch);
		l->watch = NULL;
		fd_close(&l->fd);
		l->fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (l->fd < 0 || (connect(l->fd, (const struct sockaddr *)&a->sa, a->n) < 0 &&
		                  errno != EINPROGRESS)) {
			error = err_text(errno);
			continue;
		}
		l->watch = watch_new(l->loop, l->fd, WATCH_WRITE, socket_ready, l, NULL);
		if (l->watch)
			return;
		error = "could not watch the connection";
	}
	look_end(l, error, false);
}

static void addresses_came(void *ctx, const struct address *v, size_t n, const struct err *err)
{
	struct look *l = ctx;
	l->asking = NULL;
	if (!v) {
		look_end(l, err->what, false);
		return;
	}
	memcpy(l->v, v, n * sizeof(*v));
	l->n = n;
	connect_next(l, NULL);
}

static void look_begin(struct look *l)
{
	struct err err = ERR_INIT;
	l->begun = true;
	l->start_ns = clock_boot_ns();
	timer_set(l->timer, l->until_ns);
	if (address_literal(l->host, l->port, &l->v[0])) {
		l->n = 1;
		connect_next(l, NULL);
	} else if (addresses_start(l->loop, l->host, l->port, addresses_came, l, &l->asking, &err) <
	           0) {
		l->done(l->ctx, NULL, &err);
		look_free(l);
	}
}

static void timer_fired(void *ctx)
{
	struct look *l = ctx;
	if (!l->begun)
		look_begin(l);
	else
		look_end(l,
		         l->connected ? "no answer in time"
		         : l->asking  ? "the name was not resolved in time"
		                      : "no connection in time",
		         true);
}

static int tcp_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                    look_done *done, void *ctx, struct look **out, struct err *err)
{
	const struct tcp_args *a = args;
	struct look *l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(err, ENOMEM, "could not look at \"%s\"", a->address);
	*l = (struct look){.loop = loop, .done = done, .ctx = ctx, .fd = -1, .due_ns = when.to_ns};
	l->until_ns = when.to_ns + a->timeout_ns;
	l->timer = timer_new(loop, timer_fired, l);
	l->send = a->send ? strdup(a->send) : NULL;
	int rc = l->timer && !l->send == !a->send
	                 ? address_split(a->address, l->host, &l->port, err)
	                 : err_sys(err, ENOMEM, "could not look at \"%s\"", a->address);
	if (rc == 0 && a->matches) {
		l->matches = regex_new(a->matches, err);
		rc = l->matches ? 0 : -EINVAL;
	}
	if (rc < 0) {
		look_free(l);
		return rc;
	}
	timer_set(l->timer, clock_boot_ns()); /* at the next turn: a refusal may come at once */
	*out = l;
	return 0;
}

static int tcp_check(const void *args, struct err *err)
{
	const struct tcp_args *a = args;
	char host[HOST_MAX];
	uint16_t port;
	int rc = address_split(a->address, host, &port, err);
	if (rc < 0 || !a->matches)
		return rc;
	struct regex *r = regex_new(a->matches, err);
	regex_free(r);
	return r ? 0 : -EINVAL;
}

#define AT(member) offsetof(struct tcp_args, member)
static const struct param tcp_params[] = {
        {"address", PARAM_TEXT, AT(address), .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
         .help = "HOST:PORT, [IPv6]:PORT or the path of a Unix socket"},
        {"send", PARAM_TEXT, AT(send), .help = "text to send once connected"},
        {"matches", PARAM_TEXT, AT(matches),
         .help = "read until the answer matches this pattern; the first bytes will do if left out"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for it all, counted from when it was due"},
        {NULL},
};

static const struct field tcp_fields[] = {
        {"connected", FIELD_BOOL, "whether there was a connection"},
        {"seconds", FIELD_SECONDS,
         "time to the connection, or to the end of the answer if one was "
         "waited for, from when the look was due"},
        {"connect-seconds", FIELD_SECONDS, "time to the connection, from the start of the look"},
        {"address", FIELD_TEXT, "whom it was connected to: ADDRESS:PORT, or a path"},
        {"answer", FIELD_TEXT,
         "what was heard (64 KiB at most), when it is UTF-8 text; with send or matches"},
        {"matched", FIELD_BOOL, "whether the answer matched; with matches"},
        {"timed-out", FIELD_BOOL, "whether the time limit ended it"},
        {"error", FIELD_TEXT, "why there was no connection or answer; absent when all went well"},
        {NULL},
};

static const char *const tcp_examples[] = {
        "squall probe tcp 127.0.0.1:6379",
        "squall probe tcp 127.0.0.1:22 --matches ^SSH- --timeout 500ms",
        "squall probe tcp /run/postgresql/.s.PGSQL.5432",
        NULL,
};

const struct probe probe_tcp = {
        .kind =
                {
                        .name = "tcp",
                        .summary = "connects to a port or a Unix socket",
                        .man = "Connects, and closes again. With send, the text goes out and the "
                               "first bytes "
                               "of an answer are waited for; with matches, the answer is read "
                               "until it "
                               "matches. Of a name with several addresses, they are tried in the "
                               "order in "
                               "which the resolver gives them.\n"
                               "\n"
                               "No connection is an answer too: connected is false, and error says "
                               "why "
                               "(refused, unreachable, not resolved, no time left). So a look can "
                               "expect "
                               "that a port is closed.",
                        .params = tcp_params,
                        .args_size = sizeof(struct tcp_args),
                        .fields = tcp_fields,
                        .examples = tcp_examples,
                        .check = tcp_check,
                },
        .start = tcp_look,
        .cancel = look_free,
};
