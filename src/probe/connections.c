/* TCP connections, gathered and told. */
#include "probe/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "probe/doc.h"
#include "probe/kept.h"

bool peer_parse(const char *text, struct peer *peer)
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

int connections_add(void *ctx, const struct sock_facts *f)
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
		struct sock_facts *v = realloc(c->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = *f;
	return 0;
}

void connections_mark(void *ctx)
{
	struct connections *c = ctx;
	c->marked_n = c->n;
	c->marked_connecting = c->connecting;
}

void connections_back(void *ctx)
{
	struct connections *c = ctx;
	c->n = c->marked_n;
	c->connecting = c->marked_connecting;
}

void connections_release(struct connections *c)
{
	free(c->v);
	*c = (struct connections){.n = 0};
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

void connections_tell(const struct connections *c, json_t *doc)
{
	struct spread rtt = {0}, variation = {0}, floor = {0}, window = {0}, delivery = {0};
	uint64_t retransmits = 0, lost = 0, unacked = 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct sock_facts *f = &c->v[i];
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

void connections_grown(const struct connections *c, json_t *doc, const json_t *before)
{
	uint64_t now = clock_boot_ns();
	double elapsed = kept_elapsed(before, now), again = 0, sent = 0, acked = 0, received = 0;
	const json_t *then = json_object_get(before, "of");
	json_t *all = json_object();
	bool more = c->n > 0;
	for (size_t i = 0; i < c->n; i++) {
		const struct sock_facts *f = &c->v[i];
		char key[48];
		(void)snprintf(key, sizeof(key), "%" PRIx64 ".%" PRIx64, f->cookie, f->ino);
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
