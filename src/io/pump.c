/* Bytes over one TCP connection. */
#include "io/pump.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "io/loop.h"

enum {
	BLOCK_BYTES = 64 << 10,
	TURN_OUT_BYTES = 256 << 10,
	TURN_IN_BYTES = 4 << 20,
	TAIL_SEGMENTS = 2,
};
/* Of what was written it is asked this often how much has arrived. */
#define ASK_EVERY_NS NS_PER_MS

struct pump {
	struct loop *loop;
	struct pump_spec spec;
	pump_done *done;
	void *ctx;
	int fd;
	struct watch *watch;
	struct timer *timer;
	uint64_t begun_ns, written, acked_before, said;
	bool closed; /* by the peer: nothing comes any more */
	struct pump_result r;
	uint8_t block[BLOCK_BYTES];
};

static void pump_free(struct pump *p)
{
	watch_free(p->watch);
	timer_free(p->timer);
	fd_close(&p->fd);
	free(p);
}

/* Nothing goes on flowing behind a measurement that has ended. */
static void rest_drop(const struct pump *p)
{
	struct linger now = {.l_onoff = 1};
	(void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static bool info_read(const struct pump *p, struct tcp_info *info)
{
	socklen_t n = sizeof(*info);
	memset(info, 0, sizeof(*info));
	return getsockopt(p->fd, IPPROTO_TCP, TCP_INFO, info, &n) == 0;
}

static void result_count(struct pump *p, uint64_t bytes)
{
	p->r.bytes = bytes;
	p->r.counted = bytes;
	p->r.took_ns = clock_boot_ns() - p->begun_ns;
}

/* Notes how much has arrived at the other end. */
static void arrival_count(struct pump *p)
{
	struct tcp_info info;
	if (!info_read(p, &info))
		return;
	uint64_t acked = info.tcpi_bytes_acked - p->acked_before;
	uint64_t tail = (uint64_t)info.tcpi_snd_mss * TAIL_SEGMENTS;
	if (acked > p->spec.bytes)
		acked = p->spec.bytes; /* with the end of the stream, which counts as one */
	bool was_tail = p->r.counted + tail >= p->spec.bytes && p->r.counted;
	if (was_tail)
		p->r.bytes = acked;
	else
		result_count(p, acked);
}

static void pump_end(struct pump *p, const char *error, bool timed_out)
{
	struct tcp_info info;
	if (p->spec.out)
		arrival_count(p);
	if (info_read(p, &info)) {
		p->r.retransmits = info.tcpi_total_retrans;
		p->r.rtt_ns = (uint64_t)info.tcpi_rtt * NS_PER_US;
	}
	p->r.complete = p->r.bytes == p->spec.bytes;
	p->r.timed_out = timed_out && !p->r.complete;
	p->r.error = p->r.complete ? NULL : error;
	/* A stop is a part of what was measured. */
	if (p->r.timed_out)
		result_count(p, p->r.bytes);
	if (!p->r.complete)
		rest_drop(p);
	p->done(p->ctx, &p->r);
	pump_free(p);
}

/* What comes, up to so many bytes, and away with it. False: the pump has ended. */
static bool bytes_drop(struct pump *p, uint64_t most, uint64_t *got)
{
	*got = 0;
	while (*got < most) {
		/* tcp(7): MSG_TRUNC drops without a copy. */
		ssize_t n = recv(p->fd, NULL, most - *got, MSG_TRUNC);
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			pump_end(p, err_text(errno), false);
			return false;
		}
		if (n == 0) {
			p->closed = true;
			return true;
		}
		*got += (uint64_t)n;
	}
	return true;
}

static bool events_want(struct pump *p, unsigned events)
{
	if (watch_change(p->watch, events, NULL) == 0)
		return true;
	pump_end(p, "could not watch the connection", false);
	return false;
}

static void in_go_on(struct pump *p)
{
	size_t n = p->spec.send ? strlen(p->spec.send) : 0;
	while (p->said < n) {
		ssize_t wrote = send(p->fd, p->spec.send + p->said, n - p->said, MSG_NOSIGNAL);
		if (wrote < 0 && errno != EAGAIN) {
			pump_end(p, err_text(errno), false);
			return;
		}
		if (wrote < 0)
			break;
		p->said += (uint64_t)wrote;
	}
	uint64_t left = p->spec.bytes - p->r.bytes, got;
	if (!bytes_drop(p, left < TURN_IN_BYTES ? left : TURN_IN_BYTES, &got))
		return;
	if (got) {
		result_count(p, p->r.bytes + got);
		if (!p->r.first_ns)
			p->r.first_ns = p->r.took_ns;
	}
	if (p->r.bytes == p->spec.bytes || p->closed)
		pump_end(p, "closed before that much came", false);
	else if (events_want(p, WATCH_READ | (p->said < n ? WATCH_WRITE : 0)))
		timer_set(p->timer, p->spec.until_ns);
}

static void out_go_on(struct pump *p)
{
	uint64_t got, turn = 0;
	/* An echo, or any other answer: unread it would stop the other end. */
	if (!p->closed && !bytes_drop(p, TURN_IN_BYTES, &got))
		return;
	while (p->written < p->spec.bytes && turn < TURN_OUT_BYTES) {
		uint64_t left = p->spec.bytes - p->written;
		ssize_t n = send(p->fd, p->block, left < BLOCK_BYTES ? left : BLOCK_BYTES,
		                 MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			pump_end(p, err_text(errno), false);
			return;
		}
		p->written += (uint64_t)n;
		turn += (uint64_t)n;
	}
	bool all = p->written == p->spec.bytes;
	if (!events_want(p, (p->closed ? 0 : WATCH_READ) | (all ? 0 : WATCH_WRITE)))
		return;
	if (all)
		arrival_count(p);
	if (p->r.bytes == p->spec.bytes) {
		pump_end(p, NULL, false);
		return;
	}
	uint64_t next = all ? clock_boot_ns() + ASK_EVERY_NS : p->spec.until_ns;
	timer_set(p->timer, next < p->spec.until_ns ? next : p->spec.until_ns);
}

static void pump_go_on(struct pump *p)
{
	if (p->spec.out)
		out_go_on(p);
	else
		in_go_on(p);
}

static void socket_ready(void *ctx, unsigned events)
{
	pump_go_on(ctx);
}

/* An error of a socket that nobody reads any more. */
static const char *socket_error(const struct pump *p)
{
	int e = 0;
	socklen_t n = sizeof(e);
	return getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &e, &n) == 0 && e ? err_text(e) : NULL;
}

static void timer_fired(void *ctx)
{
	struct pump *p = ctx;
	const char *error = socket_error(p);
	if (error)
		pump_end(p, error, false);
	else if (clock_boot_ns() >= p->spec.until_ns)
		pump_end(p, "no time left", true);
	else
		pump_go_on(p);
}

int pump_start(struct loop *loop, const struct pump_spec *spec, pump_done *done, void *ctx,
               struct pump **out, struct err *err)
{
	struct pump *p = malloc(sizeof(*p));
	struct tcp_info info;
	if (!p)
		return err_sys(err, ENOMEM, "could not measure a connection");
	*p = (struct pump){.loop = loop, .spec = *spec, .done = done, .ctx = ctx, .fd = -1};
	/* What cannot be made shorter on the way; any will do when none can be drawn. */
	for (size_t i = 0; spec->out && i < sizeof(p->block); i += 256)
		if (getrandom(p->block + i, 256, 0) < 0)
			memset(p->block + i, (int)i, 256);
	p->timer = timer_new(loop, timer_fired, p);
	p->watch = p->timer ? watch_new(loop, spec->fd, spec->out ? WATCH_WRITE : WATCH_READ,
	                                socket_ready, p, err)
	                    : NULL;
	if (!p->watch) {
		pump_free(p);
		return err_sys(err, ENOMEM, "could not measure a connection");
	}
	p->fd = spec->fd;
	if (info_read(p, &info))
		p->acked_before = info.tcpi_bytes_acked;
	p->begun_ns = clock_boot_ns();
	/* At the next turn: to say what is to be said. */
	timer_set(p->timer, p->begun_ns);
	*out = p;
	return 0;
}

void pump_cancel(struct pump *p)
{
	if (!p)
		return;
	rest_drop(p);
	pump_free(p);
}
