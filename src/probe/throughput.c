/* throughput: how fast a bounded amount of bytes comes from, or goes to, another end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/address.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/pump.h"
#include "probe/doc.h"
#include "probe/probe.h"

struct throughput_args {
	const char *address, *url, *direction, *send;
	uint64_t bytes, timeout_ns;
	bool insecure;
};

struct look {
	struct loop *loop;
	look_done *done;
	void *ctx;
	const struct throughput_args *args;
	uint64_t due_ns, start_ns, until_ns;
	struct timer *timer; /* the first turn, then the limit until there is a connection */
	bool begun;
	/* by address */
	char host[HOST_MAX];
	uint16_t port;
	struct addresses *asking;
	struct address v[ADDRESSES_MAX];
	size_t n, at;
	int fd;
	struct watch *watch;
	bool connected;
	uint64_t connected_ns;
	struct pump *pump;
	/* by URL */
	struct http *http;
};

static void look_free(struct look *l)
{
	addresses_cancel(l->asking);
	watch_free(l->watch);
	fd_close(&l->fd);
	pump_cancel(l->pump);
	http_cancel(l->http);
	timer_free(l->timer);
	free(l);
}

/* doc NULL: err says why. */
static void look_finish(struct look *l, json_t *doc, const char *error, bool timed_out,
                        const struct err *err)
{
	struct err none = ERR_INIT;
	if (!doc && !err) {
		(void)err_sys(&none, ENOMEM, "could not keep an answer");
		err = &none;
	}
	if (doc) {
		doc_set(doc, "timed-out", json_boolean(timed_out));
		if (error)
			doc_set(doc, "error", json_string(error));
		doc_seconds(doc, "seconds", clock_boot_ns() - l->due_ns);
	}
	l->done(l->ctx, doc, doc ? NULL : err);
	look_free(l);
}

static void rate_add(json_t *doc, uint64_t bytes, uint64_t took_ns)
{
	doc_seconds(doc, "transfer-seconds", took_ns);
	if (took_ns)
		doc_count(doc, "rate", (uint64_t)((double)bytes * 8e9 / (double)took_ns));
}

/* There was no connection. */
static void look_end(struct look *l, const char *error, bool timed_out)
{
	json_t *doc = json_object();
	doc_set(doc, "connected", json_false());
	doc_set(doc, "complete", json_false());
	doc_count(doc, "bytes", 0);
	look_finish(l, doc, error, timed_out, NULL);
}

static void pumped(void *ctx, const struct pump_result *r)
{
	struct look *l = ctx;
	json_t *doc = json_object();
	BUF(address, 128);
	l->pump = NULL;
	address_format(&address, &l->v[l->at]);
	doc_set(doc, "connected", json_true());
	doc_set(doc, "complete", json_boolean(r->complete));
	doc_count(doc, "bytes", r->bytes);
	rate_add(doc, r->counted, r->took_ns);
	doc_seconds(doc, "connect-seconds", l->connected_ns - l->start_ns);
	if (r->first_ns)
		doc_seconds(doc, "first-byte-seconds", r->first_ns);
	doc_count(doc, "retransmits", r->retransmits);
	doc_seconds(doc, "rtt", r->rtt_ns);
	doc_set(doc, "address", json_string(address.data));
	look_finish(l, doc, r->error, r->timed_out, NULL);
}

static void connect_next(struct look *l, const char *error);

static void socket_ready(void *ctx, unsigned events)
{
	struct look *l = ctx;
	struct err err = ERR_INIT;
	int e = 0;
	socklen_t n = sizeof(e);
	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
		e = errno;
	if (e) {
		l->at++;
		connect_next(l, err_text(e));
		return;
	}
	l->connected_ns = clock_boot_ns();
	watch_free(l->watch);
	l->watch = NULL;
	timer_stop(l->timer);
	struct pump_spec spec = {.fd = l->fd,
	                         .out = !l->args->direction || !strcmp(l->args->direction, "out"),
	                         .send = l->args->send,
	                         .bytes = l->args->bytes,
	                         .until_ns = l->until_ns};
	if (pump_start(l->loop, &spec, pumped, l, &l->pump, &err) < 0)
		look_finish(l, NULL, NULL, false, &err);
	else
		l->fd = -1;
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

static json_t *http_doc(const struct look *l, const struct http_answer *a, bool whole)
{
	json_t *doc = json_object();
	uint64_t took = clock_boot_ns() - l->start_ns;
	uint64_t ready = a->tls_ns > a->connect_ns ? a->tls_ns : a->connect_ns;
	bool good = a->status >= 200 && a->status < 300;
	doc_set(doc, "connected", json_boolean(a->connect_ns));
	doc_set(doc, "complete", json_boolean(good && whole));
	doc_count(doc, "bytes", a->bytes);
	if (a->connect_ns) {
		rate_add(doc, a->bytes, took > ready ? took - ready : 0);
		doc_seconds(doc, "connect-seconds", a->connect_ns);
	}
	if (a->first_byte_ns > ready)
		doc_seconds(doc, "first-byte-seconds", a->first_byte_ns - ready);
	if (a->status)
		doc_count(doc, "status", a->status);
	if (a->address[0])
		doc_set(doc, "address", json_string(a->address));
	return doc;
}

static void http_came(void *ctx, const struct http_answer *a, const struct err *err)
{
	struct look *l = ctx;
	if (a) {
		BUF(refused, 48);
		bool good = a->status >= 200 && a->status < 300;
		buf_addf(&refused, "the server answered with status %u", a->status);
		l->http = NULL;
		look_finish(l, http_doc(l, a, true), good ? NULL : refused.data, false, NULL);
		return;
	}
	/* It broke off; what had come until then is not nothing. */
	struct http_answer until_then;
	http_progress(l->http, &until_then);
	json_t *doc = http_doc(l, &until_then, false);
	l->http = NULL;
	look_finish(l, doc, err->what, false, NULL);
}

static void look_begin(struct look *l)
{
	const struct throughput_args *a = l->args;
	struct err err = ERR_INIT;
	int rc = 0;
	l->begun = true;
	l->start_ns = clock_boot_ns();
	timer_set(l->timer, l->until_ns);
	if (a->url) {
		struct http_request r = {.url = a->url,
		                         .since_ns = l->due_ns,
		                         .insecure = a->insecure,
		                         .body_max = a->bytes,
		                         .body_drop = true};
		rc = http_start(l->loop, &r, http_came, l, &l->http, &err);
	} else if (address_literal(l->host, l->port, &l->v[0])) {
		l->n = 1;
		connect_next(l, NULL);
	} else {
		rc = addresses_start(l->loop, l->host, l->port, addresses_came, l, &l->asking,
		                     &err);
	}
	if (rc < 0)
		look_finish(l, NULL, NULL, false, &err);
}

static void timer_fired(void *ctx)
{
	struct look *l = ctx;
	if (!l->begun) {
		look_begin(l);
	} else if (l->http) {
		struct http_answer a;
		http_progress(l->http, &a);
		json_t *doc = http_doc(l, &a, false);
		look_finish(l, doc, a.connect_ns ? "no time left" : "no connection in time", true,
		            NULL);
	} else {
		look_end(l,
		         l->asking ? "the name was not resolved in time" : "no connection in time",
		         true);
	}
}

static int throughput_look(struct loop *loop, const struct world *w, const void *args,
                           struct span when, look_done *done, void *ctx, struct look **out,
                           struct err *err)
{
	const struct throughput_args *a = args;
	struct look *l = calloc(1, sizeof(*l));
	if (!l)
		return err_sys(err, ENOMEM, "could not measure a connection");
	*l = (struct look){.loop = loop,
	                   .done = done,
	                   .ctx = ctx,
	                   .args = a,
	                   .fd = -1,
	                   .due_ns = when.to_ns,
	                   .until_ns = when.to_ns + a->timeout_ns};
	l->timer = timer_new(loop, timer_fired, l);
	int rc = l->timer ? 0 : err_sys(err, ENOMEM, "could not measure a connection");
	if (rc == 0 && a->address)
		rc = address_split(a->address, l->host, &l->port, err);
	if (rc < 0) {
		look_free(l);
		return rc;
	}
	timer_set(l->timer, clock_boot_ns()); /* at the next turn: a refusal may come at once */
	*out = l;
	return 0;
}

static int throughput_check(const void *args, struct err *err)
{
	const struct throughput_args *a = args;
	char host[HOST_MAX];
	uint16_t port;
	bool out = !a->direction || !strcmp(a->direction, "out");
	if (!a->address == !a->url) {
		(void)err_set(err, -EINVAL, "exactly one of `address` and `url` must be there");
		return err_hint(err, -EINVAL,
		                "Write an address to send to or read from, or a URL to load.");
	}
	if (a->url && a->direction && out)
		return err_set(err, -EINVAL, "a URL is loaded: its `direction` is in");
	if (a->send && (a->url || out))
		return err_set(err, -EINVAL, "`send` is for an address with `direction` in");
	if (a->url)
		return http_url_check(a->url, err);
	int rc = address_split(a->address, host, &port, err);
	if (rc == 0 && host[0] == '/')
		return err_set(err, -EINVAL, "\"%.100s\" is not HOST:PORT or [IPv6]:PORT",
		               a->address);
	return rc;
}

#define AT(member) offsetof(struct throughput_args, member)
static const struct param throughput_params[] = {
        {"address", PARAM_TEXT, AT(address), .flags = PARAM_POSITIONAL,
         .help = "HOST:PORT or [IPv6]:PORT of what takes bytes and throws them away, or of what "
                 "sends them; or url"},
        {"url", PARAM_TEXT, AT(url), .help = "what is loaded, by http or https"},
        {"direction", PARAM_ENUM, AT(direction), .choices = "out|in",
         .help = "which way the bytes go that are measured: to the address, the default, or from "
                 "it"},
        {"send", PARAM_TEXT, AT(send),
         .help = "text to say first; with direction in, to what sends only when it is asked"},
        {"bytes", PARAM_SIZE, AT(bytes), "16MiB", "1kB", "1GiB",
         .help = "how much; when so much is through, it ends"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "10s", "1ms", "1m",
         .help = "greatest time for it all, counted from when it was due; what came until then is "
                 "what is told"},
        {"insecure", PARAM_BOOL, AT(insecure), "false", .help = "with url: take any certificate"},
        {NULL},
};

static const struct field throughput_fields[] = {
        {"rate", FIELD_RATE,
         "bits a second of payload, from the connection to the last byte or the time limit; "
         "absent when there was no connection"},
        {"bytes", FIELD_BYTES,
         "what came, or went out and was acknowledged by the other end's kernel"},
        {"transfer-seconds", FIELD_SECONDS, "the time that rate is of"},
        {"complete", FIELD_BOOL,
         "whether it was as much as was asked for; a URL: or all of an answer with a status of "
         "200 to 299"},
        {"connected", FIELD_BOOL, "whether there was a connection"},
        {"connect-seconds", FIELD_SECONDS, "time to the connection, from the start of the look"},
        {"first-byte-seconds", FIELD_SECONDS,
         "time from the connection to the first byte that came; absent on the way out"},
        {"retransmits", FIELD_NUMBER, "segments that were sent again from here; with address"},
        {"rtt", FIELD_SECONDS,
         "round-trip time of the connection at its end, as the kernel smooths it; with address"},
        {"status", FIELD_NUMBER, "status code of the answer; with url"},
        {"address", FIELD_TEXT, "whom it was connected to: ADDRESS:PORT"},
        {"timed-out", FIELD_BOOL, "whether the time limit ended it"},
        {"error", FIELD_TEXT, "why it was not complete; absent when it was"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const throughput_examples[] = {
        "squall probe throughput --url http://127.0.0.1:8080/large.bin --bytes 64MiB",
        "squall probe throughput 127.0.0.1:9 --bytes 4MiB --timeout 3s",
        "squall probe throughput 127.0.0.1:19 --direction in",
        NULL,
};

const struct probe probe_throughput = {
        .kind =
                {
                        .name = "throughput",
                        .summary = "measures how fast bytes come or go, up to an amount and a time",
                        .man = "Loads a URL, or reads from a port or sends random bytes to one, "
                               "until the amount is through or the time is over. Nothing of it is "
                               "kept. What goes out counts when the other end's kernel has "
                               "acknowledged it, so that buffers on the way do not flatter. The "
                               "other end of a port must be something that reads and throws away "
                               "(the discard service, \"socat -u TCP-LISTEN:9,fork /dev/null\"), "
                               "or that sends by itself (chargen) or when asked (send).\n"
                               "\n"
                               "It is a load itself: it takes what the way gives, for as long as "
                               "bytes and timeout let it, and others have less meanwhile. So take "
                               "as little as tells enough, and look seldom: every longer than "
                               "timeout, or looks meet. A bucket of a rate "
                               "limit lets the first bytes through at once: measure more than it "
                               "holds.\n"
                               "\n"
                               "A transfer that is cut or too slow is an answer: complete is "
                               "false, rate is of what came, error says why.",
                        .params = throughput_params,
                        .args_size = sizeof(struct throughput_args),
                        .fields = throughput_fields,
                        .examples = throughput_examples,
                        .check = throughput_check,
                },
        .start = throughput_look,
        .cancel = look_free,
};
