/* How late looks start, and what they cost: N http probes, each so many times a second, on fixed
 * due times, through the same code as a run. Prints its figures as "name value" lines.
 *
 *   bench-looks URL PROBES PER-SECOND SECONDS [keep-alive] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "io/loop.h"
#include "probe/probe.h"

struct bench {
	struct loop *loop;
	const struct probe *probe;
	void *args;
	uint16_t bare_port;
	uint64_t every_ns, end_ns;
	size_t in_flight, probing, failed, n, cap;
	double *late_ms, *seconds;
	char why[448];
};

struct one {
	struct bench *b;
	struct timer *timer;
	uint64_t due_ns;
};

static void maybe_over(struct bench *b)
{
	if (!b->in_flight && !b->probing)
		loop_stop(b->loop);
}

static void heard(void *ctx, json_t *doc, const struct err *err)
{
	struct bench *b = ctx;
	b->in_flight--;
	if (doc && json_integer_value(json_object_get(doc, "status")) == 200) {
		double s = json_number_value(json_object_get(doc, "seconds"));
		b->seconds[b->n++ % b->cap] = s * 1e3;
	} else {
		b->failed++;
		(void)snprintf(b->why, sizeof(b->why), "%s", err ? err->what : "not status 200");
	}
	json_decref(doc);
	maybe_over(b);
}

/* One look with bare system calls. */
struct bare {
	struct bench *b;
	int fd;
	bool sent;
	struct watch *watch;
	uint64_t due_ns;
};

static void bare_ready(void *ctx, unsigned events)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	struct bare *l = ctx;
	char answer[16384];
	if (!l->sent) {
		l->sent = true;
		if (send(l->fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
		    watch_change(l->watch, WATCH_READ, NULL) == 0)
			return;
	}
	ssize_t n = recv(l->fd, answer, sizeof(answer), 0);
	struct bench *b = l->b;
	if (n > 0)
		b->seconds[b->n++ % b->cap] = (double)(clock_boot_ns() - l->due_ns) / 1e6;
	else
		b->failed++;
	watch_free(l->watch);
	(void)close(l->fd);
	free(l);
	b->in_flight--;
	maybe_over(b);
}

static int bare_start(struct bench *b, uint64_t due_ns)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons(b->bare_port),
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct bare *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct bare){.b = b, .due_ns = due_ns};
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	(void)connect(l->fd, (struct sockaddr *)&a, sizeof(a));
	l->watch = watch_new(b->loop, l->fd, WATCH_WRITE, bare_ready, l, NULL);
	return l->watch ? 0 : -EIO;
}

static void due(void *ctx)
{
	struct one *o = ctx;
	struct bench *b = o->b;
	static size_t started;
	struct look *look;
	struct err err = ERR_INIT;
	b->late_ms[started++ % b->cap] = (double)(clock_boot_ns() - o->due_ns) / 1e6;
	int rc = b->bare_port ? bare_start(b, o->due_ns)
	                      : b->probe->start(b->loop, NULL, b->args,
	                                        (struct span){o->due_ns, o->due_ns}, heard, b,
	                                        &look, &err);
	if (rc == 0) {
		b->in_flight++;
	} else {
		b->failed++;
		(void)snprintf(b->why, sizeof(b->why), "%s", err.what);
	}
	o->due_ns += b->every_ns;
	if (o->due_ns < b->end_ns) {
		timer_set(o->timer, o->due_ns);
	} else {
		b->probing--;
		maybe_over(b);
	}
}

static void *args_of(const struct kind *k, const char *url, bool keep)
{
	char *args = calloc(1, k->args_size);
	for (const struct param *p = k->params; args && p->name; p++) {
		void *at = args + p->offset;
		const char *text = strcmp(p->name, "url") != 0 ? p->dflt : url;
		int rc = 0;
		if (!strcmp(p->name, "keep-alive"))
			*(bool *)at = keep;
		if (!text)
			continue;
		if (p->kind == PARAM_DURATION)
			rc = duration_parse(text, at, NULL);
		else if (p->kind == PARAM_SIZE)
			rc = size_parse(text, at, NULL);
		else if (p->kind == PARAM_COUNT)
			rc = count_parse(text, at, NULL);
		else if (p->kind == PARAM_TEXT || p->kind == PARAM_ENUM)
			*(const char **)at = text;
		if (rc < 0)
			abort();
	}
	return args;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void figures(const char *name, double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	if (n)
		printf("%s_p50_ms %.3f\n%s_p99_ms %.3f\n%s_max_ms %.3f\n", name, v[n / 2], name,
		       v[n * 99 / 100], name, v[n - 1]);
}

static double cpu_seconds(void)
{
	struct rusage u;
	(void)getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int main(int argc, char **argv)
{
	if (argc < 5 || argc > 7) {
		fprintf(stderr, "usage: bench-looks URL PROBES PER-SECOND SECONDS [keep-alive | "
		                "bare PORT]\n");
		return 2;
	}
	size_t n = strtoul(argv[2], NULL, 10), rate = strtoul(argv[3], NULL, 10);
	size_t seconds = strtoul(argv[4], NULL, 10);
	struct bench b = {.loop = loop_new(NULL), .probe = probe_find("http"), .probing = n};
	b.args = args_of(&b.probe->kind, argv[1], argc == 6);
	b.bare_port = argc == 7 ? (uint16_t)strtoul(argv[6], NULL, 10) : 0;
	b.every_ns = NS_PER_S / rate;
	b.cap = n * rate * seconds + n;
	b.late_ms = calloc(b.cap, sizeof(double));
	b.seconds = calloc(b.cap, sizeof(double));
	struct one *ones = calloc(n, sizeof(*ones));
	uint64_t start = clock_boot_ns() + 100 * NS_PER_MS;
	b.end_ns = start + seconds * NS_PER_S;
	for (size_t i = 0; i < n; i++) {
		ones[i] = (struct one){.b = &b, .timer = timer_new(b.loop, due, &ones[i])};
		ones[i].due_ns = start + b.every_ns * i / n;
		timer_set(ones[i].timer, ones[i].due_ns);
	}
	double cpu = cpu_seconds();
	uint64_t from = clock_boot_ns();
	loop_run(b.loop);
	double wall = (double)(clock_boot_ns() - from) / 1e9;
	cpu = cpu_seconds() - cpu;
	printf("looks %zu\nfailed %zu\n", b.n + b.failed, b.failed);
	if (b.failed)
		printf("failed_last %s\n", b.why);
	size_t late_n = b.n + b.failed;
	figures("late", b.late_ms, late_n < b.cap ? late_n : b.cap);
	figures("answer", b.seconds, b.n);
	printf("cpu_percent %.1f\ncpu_us_per_look %.1f\n", 100 * cpu / wall,
	       1e6 * cpu / (double)(late_n ? late_n : 1));
	loop_free(b.loop);
	free(ones);
	free(b.args);
	free(b.late_ms);
	free(b.seconds);
	return 0;
}
