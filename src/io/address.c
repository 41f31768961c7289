/* Names to addresses: getaddrinfo(3) in a thread that nobody waits for. */
#include "io/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/loop.h"

enum { STACK_BYTES = 1 << 20 };

/* Shared by thread and loop; the last of the two to let go frees it. */
struct question {
	atomic_int holders;
	char host[HOST_MAX];
	uint16_t port;
	int rung; /* eventfd: the answer is there */
	int code; /* of getaddrinfo */
	size_t n;
	struct address v[ADDRESSES_MAX];
};

struct addresses {
	struct question *q;
	struct watch *watch;
	addresses_done *done;
	void *ctx;
};

int address_split(const char *text, char host[HOST_MAX], uint16_t *port, struct err *err)
{
	bool path = text[0] == '/', brackets = text[0] == '[';
	const char *from = text + brackets;
	const char *to = path       ? text + strlen(text)
	                 : brackets ? strchr(text, ']')
	                            : strrchr(text, ':');
	const char *colon = to && brackets ? to + 1 : to;
	char *end = NULL;
	unsigned long number = colon && *colon == ':' && colon[1] >= '0' && colon[1] <= '9'
	                               ? strtoul(colon + 1, &end, 10)
	                               : 0;
	size_t most = path ? sizeof(((struct sockaddr_un *)0)->sun_path) : HOST_MAX;
	bool good = path ? true : number && number <= 65535 && !*end;
	if (!good || to == from || (size_t)(to - from) >= most ||
	    (!path && !brackets && memchr(from, ':', (size_t)(to - from)))) {
		(void)err_set(err, -EINVAL, "\"%.260s\" is not an address", text);
		return err_hint(err, -EINVAL,
		                "Write HOST:PORT, [IPv6]:PORT or the path of a Unix socket.");
	}
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	*port = (uint16_t)number;
	return 0;
}

bool address_literal(const char *host, uint16_t port, struct address *to)
{
	*to = (struct address){.n = 0};
	struct sockaddr_in *in = (struct sockaddr_in *)&to->sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&to->sa;
	struct sockaddr_un *un = (struct sockaddr_un *)&to->sa;
	if (host[0] == '/') {
		un->sun_family = AF_UNIX;
		(void)text_copy(un->sun_path, sizeof(un->sun_path), host);
		to->n = sizeof(*un);
	} else if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		to->n = sizeof(*in);
	} else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		to->n = sizeof(*in6);
	}
	return to->n != 0;
}

void address_format(struct buf *to, const struct address *a)
{
	char text[INET6_ADDRSTRLEN] = "";
	const struct sockaddr_in *in = (const struct sockaddr_in *)&a->sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&a->sa;
	if (a->sa.ss_family == AF_UNIX) {
		buf_add(to, ((const struct sockaddr_un *)&a->sa)->sun_path);
	} else if (a->sa.ss_family == AF_INET6) {
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text));
		buf_addf(to, "[%s]:%u", text, ntohs(in6->sin6_port));
	} else {
		(void)inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		buf_addf(to, "%s:%u", text, ntohs(in->sin_port));
	}
}

static void question_let_go(struct question *q)
{
	if (atomic_fetch_sub(&q->holders, 1) > 1)
		return;
	fd_close(&q->rung);
	free(q);
}

static void *question_ask(void *arg)
{
	struct question *q = arg;
	char port[8];
	struct buf text;
	buf_init(&text, port, sizeof(port));
	buf_addf(&text, "%u", q->port);
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV},
	                *list = NULL;
	q->code = getaddrinfo(q->host, port, &hints, &list);
	for (struct addrinfo *i = q->code ? NULL : list; i && q->n < ADDRESSES_MAX;
	     i = i->ai_next) {
		if (i->ai_addrlen > sizeof(q->v[0].sa))
			continue;
		memcpy(&q->v[q->n].sa, i->ai_addr, i->ai_addrlen);
		q->v[q->n++].n = i->ai_addrlen;
	}
	if (list)
		freeaddrinfo(list);
	uint64_t one = 1;
	ssize_t rang = write(q->rung, &one, sizeof(one)); /* an eventfd takes this */
	(void)rang;
	question_let_go(q);
	return NULL;
}

static void addresses_heard(void *ctx, unsigned events)
{
	struct addresses *a = ctx;
	struct question *q = a->q;
	struct err err = ERR_INIT;
	if (q->code || !q->n) {
		(void)err_set(&err, -EHOSTUNREACH, "could not resolve \"%s\": %s", q->host,
		              q->code ? gai_strerror(q->code) : "it has no address");
		(void)err_hint(&err, err.code, "Check the name and the resolver.");
	}
	watch_free(a->watch);
	a->done(a->ctx, err.code ? NULL : q->v, q->n, err.code ? &err : NULL);
	question_let_go(q);
	free(a);
}

static int thread_start(struct question *q)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int rc = pthread_attr_init(&attr);
	if (rc)
		return rc;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
	rc = pthread_create(&thread, &attr, question_ask, q);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	return rc;
}

int addresses_start(struct loop *loop, const char *host, uint16_t port, addresses_done *done,
                    void *ctx, struct addresses **out, struct err *err)
{
	struct addresses *a = calloc(1, sizeof(*a));
	struct question *q = calloc(1, sizeof(*q));
	if (!a || !q || text_copy(q->host, sizeof(q->host), host) < 0) {
		free(a);
		free(q);
		return err_sys(err, ENOMEM, "could not resolve \"%.200s\"", host);
	}
	q->port = port;
	atomic_init(&q->holders, 1);
	q->rung = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*a = (struct addresses){.q = q, .done = done, .ctx = ctx};
	int rc = q->rung < 0 ? err_sys(err, errno, "could not resolve \"%.200s\"", host) : 0;
	if (rc == 0) {
		a->watch = watch_new(loop, q->rung, WATCH_READ, addresses_heard, a, err);
		rc = a->watch ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		(void)atomic_fetch_add(&q->holders, 1);
		int e = thread_start(q);
		if (e) {
			(void)atomic_fetch_sub(&q->holders, 1);
			rc = err_sys(err, e, "could not resolve \"%.200s\"", host);
		}
	}
	if (rc < 0) {
		addresses_cancel(a);
		return rc;
	}
	*out = a;
	return 0;
}

void addresses_cancel(struct addresses *a)
{
	if (!a)
		return;
	watch_free(a->watch);
	question_let_go(a->q);
	free(a);
}
