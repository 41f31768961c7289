/* shaper-packet.c - one packet after another: what its fate is, and when it goes on. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "helper/shape-bytes.h"
#include "helper/shape-tell.h"
#include "helper/shaper-state.h"

/* What the kernel holds for a packet besides its bytes. */
enum { PACKET_BYTES = 768 };

struct body {
	uint32_t n;
	struct send_way way;
	bool changed, sum_missing, copy;
	uint8_t bytes[];
};

uint64_t shaper_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void shaper_reshape(struct shaper *s, const struct shape *shape)
{
	bool flaps = shape->down_ns != s->shape.down_ns || shape->up_ns != s->shape.up_ns;
	uint64_t now = shaper_now_ns();

	for (unsigned i = 0; i < NF_INET_NUMHOOKS; i++) {
		if (s->ordered)
			shape_fate_change(&s->fates[i], shape);
		else
			shape_fate_init(&s->fates[i], shape, i);
		if (flaps)
			shape_fate_flap(&s->fates[i], now);
	}
	s->outage = flaps ? 0 : s->outage;
	if (!s->ordered || s->shape.seed != shape->seed)
		shape_dns_init(&s->dns, shape->seed);
	s->shape = *shape;
	s->ordered = true;
}

/* NULL: not all of it is here, or there is no memory. */
static struct body *body_make(const struct shaper_packet *p)
{
	struct body *b = p->data_n == p->bytes ? malloc(sizeof(*b) + p->data_n) : NULL;

	if (!b)
		return NULL;
	*b = (struct body){
	        .n = (uint32_t)p->data_n,
	        .way = {.device = p->device,
	                .mark = p->mark,
	                .out = p->hook == NF_INET_LOCAL_OUT || p->hook == NF_INET_POST_ROUTING},
	        .sum_missing = p->sum_missing};
	memcpy(b->bytes, p->data, p->data_n);
	return b;
}

static void sum(struct body *b)
{
	if (b->sum_missing)
		(void)shape_bytes_sum(b->bytes, b->n);
	b->sum_missing = false;
}

static bool send_body(struct shaper *s, struct body *b)
{
	sum(b);
	return shaper_send(&s->send, b->bytes, b->n, &b->way);
}

static struct shaper_gone *gone_first(struct shaper *s)
{
	return s->gone_n ? &s->gone[s->gone_first] : NULL;
}

static struct body *gone_pop(struct shaper *s)
{
	struct body *b = gone_first(s)->body;

	s->gone_first = (s->gone_first + 1) % SHAPER_GONE_MOST;
	s->gone_n--;
	s->gone_bytes -= b->n;
	return b;
}

/* Its bytes are kept until the kernel says that it was there. */
static void gone_push(struct shaper *s, uint32_t serial, struct body *b)
{
	while (s->gone_n && (s->gone_n == SHAPER_GONE_MOST || s->gone_bytes > SHAPER_GONE_BYTES))
		free(gone_pop(s));
	s->gone[(s->gone_first + s->gone_n++) % SHAPER_GONE_MOST] =
	        (struct shaper_gone){.serial = serial, .body = b};
	s->gone_bytes += b->n;
}

void shaper_told(struct shaper *s, const struct link_told *told)
{
	struct shaper_gone *first;
	struct body *b = NULL;

	/* serials go round */
	while ((first = gone_first(s)) && (int32_t)(told->serial - first->serial) >= 0) {
		free(b);
		b = first->serial == told->serial ? gone_pop(s) : NULL;
		if (!b)
			free(gone_pop(s));
	}
	if (told->gone)
		count(b && send_body(s, b) ? s->counts.restored : s->counts.vanished, 1);
	free(b);
}

static void go(struct shaper *s, const struct shape_item *i, bool held)
{
	struct body *b = i->data;

	if (i->id) {
		uint32_t serial = shaper_link_accept(
		        &s->link, i->id, b && b->changed ? b->bytes : NULL, b ? b->n : 0);

		if (b && held) {
			gone_push(s, serial, b);
			return;
		}
	} else if (b) {
		bool sent = send_body(s, b);

		if (b->copy)
			count(s->counts.duplicated, sent);
		else
			count(s->counts.vanished, !sent);
	}
	free(b);
}

/* A packet that waits on its way out stays on its socket's account, and TCP would stall rather than
 * be slow (tcp_limit_output_bytes, ip-sysctl). So the kernel lets go of it, and it is sent from
 * here when it is due: where that is the same packet then. */
static bool sends_itself(struct shaper *s, const struct body *b)
{
	return b && b->way.out && shaper_send_can(&s->send, b->bytes, b->n, b->way.device);
}

/* Holds it, or passes it on where it is due or there is no room. */
static void hold(struct shaper *s, struct shape_item *i, const struct shaper_packet *p,
                 uint64_t now_ns)
{
	uint64_t bytes = i->bytes + PACKET_BYTES;
	bool due = i->due_ns <= now_ns, itself;
	uint32_t id = i->id;

	if (!due && !i->data)
		i->data = body_make(p);
	itself = !due && id && sends_itself(s, i->data);
	if (itself)
		i->id = 0;
	if (due || s->held_bytes + bytes > s->bytes_most || !shape_queue_put(s->queue, i)) {
		i->id = id;
		count(s->counts.passed, !due);
		go(s, i, false);
		return;
	}
	s->held_bytes += bytes;
	if (itself)
		shaper_link_drop(&s->link, id);
	if (id)
		count(s->counts.delayed, 1);
}

/* id 0: the copy. */
static void fate_do(struct shaper *s, const struct shaper_packet *p, const struct fate *f,
                    uint32_t id, uint64_t now_ns)
{
	struct shape_item item = {
	        .due_ns = f->due_ns, .came_ns = now_ns, .id = id, .bytes = p->bytes};
	struct body *b = f->corrupted || !id ? body_make(p) : NULL;

	if (b && f->corrupted) {
		sum(b);
		b->changed = shape_bytes_flip(b->bytes, b->n, f->flip, s->shape.mend);
		count(s->counts.corrupted, b->changed);
	}
	if (f->overtakes)
		count(s->counts.reordered, 1);
	if (b)
		b->copy = !id;
	item.data = b;
	hold(s, &item, p, now_ns);
}

static void lost_count(struct shaper *s, const struct fate *f)
{
	if (f->lost == FATE_DOWN && f->outage != s->outage) {
		s->outage = f->outage;
		count(s->counts.outages, 1);
	}
	count(f->lost == FATE_QUEUE ? s->counts.lost_in_queue : s->counts.lost, 1);
}

/* As a router: what may be fragmented passes, and who sent the rest is told. */
static void large_tell(struct shaper *s, const struct shaper_packet *p, struct fate *f,
                       uint64_t now_ns)
{
	struct send_way way = {.device = p->device};
	uint8_t told[SHAPE_TELL_MAX];
	size_t n;

	if (shape_tell_may_be_parted(p->data, p->data_n)) {
		f->lost = FATE_KEPT;
		f->due_ns = now_ns;
		return;
	}
	n = shape_tell_large(p->data, p->data_n, s->shape.mtu, told);
	if (n && shaper_send(&s->send, told, n, &way))
		count(s->counts.told, 1);
}

/* False: its fate is that of any packet which the shape is for. */
static bool dns_take(struct shaper *s, const struct shaper_packet *p)
{
	uint8_t to[SHAPE_DNS_MAX];
	size_t n = 0;
	enum dns_fate fate = shape_dns_next(&s->dns, &s->shape.dns, p->data, p->data_n, to, &n);

	count(s->counts.dns_seen, fate != DNS_STRANGE);
	count(s->counts.dns_matched, fate >= DNS_SPARED);
	count(s->counts.dns_done, fate > DNS_SPARED);
	if (fate == DNS_LOST)
		shaper_link_drop(&s->link, p->id);
	else if (fate != DNS_HELD)
		shaper_link_accept(&s->link, p->id, fate == DNS_CHANGED ? to : NULL, n);
	return fate != DNS_HELD;
}

void shaper_take(struct shaper *s, const struct shaper_packet *p, uint64_t now_ns)
{
	struct fate f[FATES];
	size_t n;

	if (s->ending || !s->ordered || p->hook >= NF_INET_NUMHOOKS) {
		shaper_link_accept(&s->link, p->id, NULL, 0);
		return;
	}
	count(s->counts.seen_packets, 1);
	count(s->counts.seen_bytes, p->bytes);
	if (s->shape.dns.how && dns_take(s, p))
		return;
	n = shape_fate_next(&s->fates[p->hook], now_ns, p->bytes, f);
	if (f[0].lost == FATE_LARGE && s->shape.tell)
		large_tell(s, p, &f[0], now_ns);
	for (size_t i = 0; i < n; i++)
		if (f[i].lost)
			lost_count(s, &f[i]);
	if (n == 2 && !f[1].lost)
		fate_do(s, p, &f[1], 0, now_ns);
	if (f[0].lost)
		shaper_link_drop(&s->link, p->id);
	else
		fate_do(s, p, &f[0], p->id, now_ns);
}

void shaper_release(struct shaper *s, uint64_t now_ns)
{
	struct shape_item i;

	while (shape_queue_take(s->queue, now_ns, &i)) {
		uint64_t went_ns = now_ns == UINT64_MAX ? shaper_now_ns() : now_ns;

		s->held_bytes -= i.bytes + PACKET_BYTES;
		shape_meter_note(&s->added, went_ns - i.came_ns);
		shape_meter_note(&s->late, went_ns > i.due_ns ? went_ns - i.due_ns : 0);
		s->noted = true;
		go(s, &i, true);
	}
}

static void set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

void shaper_count(struct shaper *s)
{
	count(s->counts.passed, s->link.gaps - s->gaps);
	s->gaps = s->link.gaps;
	if (!s->noted)
		return;
	s->noted = false;
	set(s->counts.p50_ns, shape_meter_at(&s->added, 500000));
	set(s->counts.p99_ns, shape_meter_at(&s->added, 990000));
	set(s->counts.late_ns, shape_meter_at(&s->late, 990000));
}
