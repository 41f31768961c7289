/* One question to a name server: a c-ares channel, its sockets and its clock on the loop. */
#include "io/dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/clock.h"
#include "io/address.h"
#include "io/loop.h"

enum { SOCKS_MAX = 16, DNS_PORT = 53, SERVERS_TEXT = 256 };

struct dns {
	struct loop *loop;
	dns_done *done;
	void *ctx;
	ares_channel channel; /* NULL: none yet */
	struct timer *timer;  /* the first turn, c-ares' own times, the limit, the end */
	uint64_t until_ns;
	bool begun, ended, late;
	unsigned char *query;
	int query_n;
	struct sock {
		struct dns *dns;
		int fd;
		struct watch *watch; /* NULL: free */
	} socks[SOCKS_MAX];
	char servers[SERVERS_TEXT];
	/* the end */
	int status;
	uint8_t *answer;
	size_t answer_n;
};

static void dns_free(struct dns *d)
{
	if (d->channel)
		ares_destroy(d->channel); /* the query is called back, with ended set */
	for (size_t i = 0; i < SOCKS_MAX; i++)
		watch_free(d->socks[i].watch);
	timer_free(d->timer);
	ares_free_string(d->query);
	free(d->answer);
	free(d);
}

static void timer_next(struct dns *d)
{
	struct timeval tv, *next = d->channel ? ares_timeout(d->channel, NULL, &tv) : NULL;
	uint64_t at = d->until_ns, now = clock_boot_ns();
	if (next) {
		uint64_t ns = (uint64_t)next->tv_sec * 1000000000 + (uint64_t)next->tv_usec * 1000;
		at = now + ns < at ? now + ns : at;
	}
	timer_set(d->timer, d->ended ? now : at);
}

static void sock_ready(void *ctx, unsigned events)
{
	struct sock *s = ctx;
	struct dns *d = s->dns;
	int fd = s->fd;
	ares_process_fd(d->channel, events & WATCH_READ ? fd : ARES_SOCKET_BAD,
	                events & WATCH_WRITE ? fd : ARES_SOCKET_BAD);
	timer_next(d);
}

static void sock_changed(void *ctx, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = ctx;
	struct sock *s = NULL, *free_one = NULL;
	unsigned events = (readable ? WATCH_READ : 0u) | (writable ? WATCH_WRITE : 0u);
	for (size_t i = 0; i < SOCKS_MAX; i++) {
		if (d->socks[i].watch && d->socks[i].fd == fd)
			s = &d->socks[i];
		else if (!d->socks[i].watch)
			free_one = &d->socks[i];
	}
	if (!events && s) {
		watch_free(s->watch);
		s->watch = NULL;
	} else if (s) {
		(void)!watch_change(s->watch, events, NULL); /* the limit ends what is not seen */
	} else if (events && free_one) {
		*free_one = (struct sock){.dns = d, .fd = fd};
		free_one->watch = watch_new(d->loop, fd, events, sock_ready, free_one, NULL);
	}
}

/* Within c-ares: only noted, told at the next turn. */
static void answer_came(void *ctx, int status, int timeouts, unsigned char *data, int n)
{
	struct dns *d = ctx;
	if (d->ended)
		return;
	d->ended = true;
	d->status = status;
	d->answer = data && n > 0 ? malloc((size_t)n) : NULL;
	if (d->answer) {
		memcpy(d->answer, data, (size_t)n);
		d->answer_n = (size_t)n;
	}
}

static int fail(const struct dns *d, struct err *err)
{
	switch (d->late ? ARES_ETIMEOUT : d->status) {
	case ARES_ETIMEOUT:
		return err_set(err, -ETIMEDOUT, "no answer in time from %s", d->servers);
	case ARES_ECONNREFUSED:
		return err_set(err, -ECONNREFUSED, "%s did not take the question", d->servers);
	case ARES_ENOMEM:
		return err_sys(err, ENOMEM, "could not ask %s", d->servers);
	default:
		return err_set(err, -EIO, "no answer from %s: %s", d->servers,
		               ares_strerror(d->status));
	}
}

static void dns_end(struct dns *d)
{
	struct err err = ERR_INIT;
	bool well = !d->late && d->status == ARES_SUCCESS && d->answer;
	d->ended = true;
	if (!well)
		(void)fail(d, &err);
	d->done(d->ctx, well ? d->answer : NULL, well ? d->answer_n : 0, d->servers,
	        well ? NULL : &err);
	dns_free(d);
}

static void timer_fired(void *ctx)
{
	struct dns *d = ctx;
	if (!d->begun) {
		d->begun = true;
		ares_send(d->channel, d->query, d->query_n, answer_came, d);
	} else if (!d->ended && clock_boot_ns() >= d->until_ns) {
		d->late = true;
		dns_end(d);
		return;
	} else if (!d->ended) {
		ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	if (d->ended)
		dns_end(d);
	else
		timer_next(d);
}

/* "ADDRESS" or "ADDRESS:PORT"; numbers only, so that asking needs no other name server. */
static int server_parse(const char *server, struct address *to, struct err *err)
{
	char host[HOST_MAX];
	uint16_t port = DNS_PORT;
	if (server[0] != '/' && address_literal(server, DNS_PORT, to))
		return 0;
	int rc = address_split(server, host, &port, NULL);
	if (rc == 0 && host[0] != '/' && address_literal(host, port, to))
		return 0;
	(void)err_set(err, -EINVAL, "\"%.200s\" is not the address of a name server", server);
	return err_hint(err, -EINVAL, "Write 192.0.2.53, 127.0.0.1:5353 or [2001:db8::53]:53.");
}

static int channel_open(struct dns *d, const struct dns_question *q, uint64_t each_ns,
                        struct err *err)
{
	struct ares_options o = {
	        /* Any response code is an answer; whether to ask again is the caller's affair. */
	        .flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC | ARES_FLAG_NOSEARCH |
	                 (q->tcp ? ARES_FLAG_USEVC : 0),
	        .timeout = each_ns / 1000000 > 1 ? (int)(each_ns / 1000000) : 1,
	        .tries = 1,
	        .sock_state_cb = sock_changed,
	        .sock_state_cb_data = d,
	};
	int rc = ares_init_options(&d->channel, &o,
	                           ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
	                                   ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE);
	if (rc != ARES_SUCCESS) {
		d->channel = NULL;
		return err_set(err, -ENOMEM, "could not ask a name server: %s", ares_strerror(rc));
	}
	return 0;
}

static int server_set(struct dns *d, const char *server, struct err *err)
{
	struct address a;
	struct ares_addr_port_node node = {0};
	int rc = server_parse(server, &a, err);
	if (rc < 0)
		return rc;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a.sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a.sa;
	node.family = a.sa.ss_family;
	if (node.family == AF_INET)
		node.addr.addr4 = in->sin_addr;
	else
		memcpy(&node.addr.addr6, &in6->sin6_addr, sizeof(in6->sin6_addr));
	node.udp_port = node.tcp_port =
	        ntohs(node.family == AF_INET ? in->sin_port : in6->sin6_port);
	rc = ares_set_servers_ports(d->channel, &node);
	return rc == ARES_SUCCESS ? 0
	                          : err_set(err, -EINVAL, "cannot ask \"%.200s\": %s", server,
	                                    ares_strerror(rc));
}

/* Whom the channel asks, for people; returns how many there are. */
static size_t servers_tell(struct dns *d)
{
	struct ares_addr_port_node *list = NULL;
	struct buf to;
	size_t n = 0;
	buf_init(&to, d->servers, sizeof(d->servers));
	(void)ares_get_servers_ports(d->channel, &list);
	for (struct ares_addr_port_node *s = list; s; s = s->next, n++) {
		char text[64];
		bool six = s->family == AF_INET6;
		(void)ares_inet_ntop(s->family, &s->addr, text, sizeof(text));
		buf_addf(&to, "%s%s%s%s:%d", n ? ", " : "", six ? "[" : "", text, six ? "]" : "",
		         s->udp_port ? s->udp_port : DNS_PORT);
	}
	ares_free_data(list);
	return n ? n : 1;
}

static int query_make(struct dns *d, const struct dns_question *q, struct err *err)
{
	unsigned short id = 0;
	(void)!getrandom(&id, sizeof(id), 0);
	int rc =
	        ares_create_query(q->name, ns_c_in, (int)q->type, id, 1, &d->query, &d->query_n, 0);
	return rc == ARES_SUCCESS ? 0
	                          : err_set(err, -EINVAL, "\"%.200s\" cannot be a name: %s",
	                                    q->name, ares_strerror(rc));
}

static int dns_prepare(struct dns *d, const struct dns_question *q, struct err *err)
{
	uint64_t now = clock_boot_ns(), left = q->until_ns > now ? q->until_ns - now : 0;
	int rc = channel_open(d, q, left, err);
	if (rc == 0 && q->server)
		rc = server_set(d, q->server, err);
	size_t servers = rc == 0 ? servers_tell(d) : 0;
	if (rc == 0 && !q->server && servers > 1) { /* each its part of the time */
		ares_destroy(d->channel);
		rc = channel_open(d, q, left / servers, err);
	}
	return rc == 0 ? query_make(d, q, err) : rc;
}

const char *dns_library(void)
{
	return ares_version(NULL);
}

int dns_server_check(const char *server, struct err *err)
{
	struct address a;
	return server_parse(server, &a, err);
}

int dns_start(struct loop *loop, const struct dns_question *q, dns_done *done, void *ctx,
              struct dns **out, struct err *err)
{
	struct dns *d = calloc(1, sizeof(*d));
	if (!d)
		return err_sys(err, ENOMEM, "could not ask a name server");
	*d = (struct dns){.loop = loop, .done = done, .ctx = ctx, .until_ns = q->until_ns};
	d->timer = timer_new(loop, timer_fired, d);
	int rc = d->timer ? dns_prepare(d, q, err)
	                  : err_sys(err, ENOMEM, "could not ask a name server");
	if (rc < 0) {
		d->ended = true;
		dns_free(d);
		return rc;
	}
	timer_set(d->timer, clock_boot_ns()); /* at the next turn: a refusal may come at once */
	*out = d;
	return 0;
}

void dns_cancel(struct dns *d)
{
	if (!d)
		return;
	d->ended = true;
	dns_free(d);
}
