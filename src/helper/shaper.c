/* shaper.c - squall's packet engine: reads packets from a queue of the kernel, and says of each
 * what becomes of it, and when. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/helper.h"
#include "base/netlink.h"
#include "base/wire.h"
#include "helper/answer.h"
#include "helper/batch.h"
#include "helper/enter.h"
#include "helper/shaper-state.h"
#include "helper/shaper-watch.h"

/*
 * Arguments: path of the network namespace, its inode, the name of the table. Answers "ok", or "err
 * CODE TEXT HINT": once when started, then once for each order. Its page has its counters, and the
 * number of its packet queue ("queue"). Orders:
 *
 *   shape TEXT MARK/BITS  what to do from now on (base/shape.h), and how what it sends is marked,
 * in those bits; MARK/BITS followed by " out": what goes out it sends itself batch LENGTH ACKS as
 * helper nft has it end LENGTH ACKS       the same, which leads nothing to it any more; then what
 * it holds passes, and all that still comes
 *
 * It has no priority above nice: who reads packets as fast as they come must not take a CPU from
 * everybody.
 */
#define IDLE_NS 100000000ull
/* What a packet loses on its way here and back, on the machines that were measured: it goes so much
 * before it is due. */
#define EARLY_NS 40000ull
#define LEAD_MOST_NS 150000ull
#define COUNT_NS 50000000ull
#define HEAR_NS 2000000ull
#define PASS_NS 50000000ull /* at the end */
#define HELD_BYTES_MOST (512ull << 20)
enum { NICE = -15, HEADERS = 64, QUOTED = 128, PACKET_MOST = 65535, KEEP_BYTES = 32 << 20 };

struct shaper_process {
	struct shaper s;
	struct shaper_watch watch;
	int sock, owner;
	char *batch;
	uint64_t counted_ns, heard_ns;
	uint64_t lead_ns; /* how much later than asked a sleep ends, in the mean */
};

static uint64_t *counter(struct counters *page, const char *name)
{
	counters_add(page, name, 0);
	for (size_t i = 0; i < page->n; i++)
		if (strcmp(page->v[i].name, name) == 0)
			return &page->v[i].value;
	abort(); /* more names than COUNTERS_MAX: a mistake of this program */
}

static int page_map(struct shaper_counts *c, struct err *err)
{
	struct counters *p =
	        mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED, HELPER_PAGE, 0);

	if (p == MAP_FAILED)
		return err_sys(err, errno, "could not map the page of counters");
	memset(p, 0, sizeof(*p)); /* of an earlier helper for the same object */
	*c = (struct shaper_counts){
	        .queue = counter(p, "queue"),
	        .raised = counter(p, "raised"),
	        .seen_packets = counter(p, "seen_packets"),
	        .seen_bytes = counter(p, "seen_bytes"),
	        .delayed = counter(p, "delayed"),
	        .lost = counter(p, "lost_packets"),
	        .lost_in_queue = counter(p, "lost_in_queue"),
	        .duplicated = counter(p, "duplicated"),
	        .corrupted = counter(p, "corrupted"),
	        .reordered = counter(p, "reordered"),
	        .passed = counter(p, "passed_full"),
	        .dns_seen = counter(p, "dns_seen"),
	        .dns_matched = counter(p, "dns_matched"),
	        .dns_done = counter(p, "dns_done"),
	        .vanished = counter(p, "vanished"),
	        .restored = counter(p, "restored"),
	        .outages = counter(p, "outages"),
	        .told = counter(p, "told"),
	        .p50_ns = counter(p, "added_p50_ns"),
	        .p99_ns = counter(p, "added_p99_ns"),
	        .late_ns = counter(p, "late_p99_ns"),
	};
	return 0;
}

/* At most an eighth of the machine's memory. */
static uint64_t bytes_most(void)
{
	struct sysinfo i;
	uint64_t all = sysinfo(&i) < 0 ? HELD_BYTES_MOST : (uint64_t)i.totalram * i.mem_unit / 8;

	return all < HELD_BYTES_MOST ? all : HELD_BYTES_MOST;
}

/* Packets come and go: memory that is given back at once is had again at the cost of a page fault
 * for each 4 KiB. */
static void memory_keep(void)
{
	(void)mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
	(void)mallopt(M_TOP_PAD, KEEP_BYTES / 4);
}

/* The one who watches is there before anything that must end with this process. */
static int begin(struct shaper_process *p, const char *const *args, struct err *err)
{
	int code = 0;

	if (!args[0] || !args[1] || !args[2])
		return err_set(err, -EINVAL, "helper needs a network namespace and a table");
	p->batch = malloc(BATCH_MAX);
	if (!p->batch)
		return err_set(err, -ENOMEM, "no memory for a transaction");
	code = shaper_watch_start(&p->watch, err);
	code = code < 0 ? code : page_map(&p->s.counts, err);
	code = code < 0 ? code : netns_enter(args[0], args[1], err);
	code = code < 0 ? code : nl_open(NETLINK_NETFILTER, &p->owner, err);
	code = code < 0 ? code : shaper_link_open(&p->s.link, args[2], err);
	code = code < 0 ? code : shape_queue_new(SHAPER_HELD_MOST, &p->s.queue, err);
	p->s.gone = calloc(SHAPER_GONE_MOST, sizeof(*p->s.gone));
	if (code == 0 && !p->s.gone)
		code = err_set(err, -ENOMEM, "no memory for the shaper");
	if (code < 0)
		return code;
	BOUNDARY("shaper: queue bound");
	memory_keep();
	prctl(PR_SET_TIMERSLACK, 1ul); /* else a sleep may take 50 us more */
	p->s.bytes_most = bytes_most();
	*p->s.counts.queue = p->s.link.number;
	*p->s.counts.raised = setpriority(PRIO_PROCESS, 0, NICE) == 0;
	return 0;
}

/* What is held too: it may have to be sent from here. */
static bool reads_bytes(const struct shape *s)
{
	return s->duplicate_ppm || s->corrupt_ppm || s->dns.how || shape_holds(s);
}

static size_t bytes_of(const struct shape *s)
{
	return reads_bytes(s) ? PACKET_MOST : s->tell ? QUOTED : HEADERS;
}

/* Once for the shape that was, and once for the one that is to be: nothing is decided in between.
 * What is sent from here fits the device: of several packets in one the kernel makes single ones.
 */
static int reshape(struct shaper_process *p, const char *text, const char *sending, struct err *err)
{
	char *rest;
	uint32_t mark = (uint32_t)strtoul(sending, &rest, 10);
	uint32_t bits = *rest == '/' ? (uint32_t)strtoul(rest + 1, &rest, 10) : 0;
	bool out = strcmp(rest, " out") == 0;
	struct shape shape;
	int code = shape_parse(text, &shape, err);

	if (code == 0 && (reads_bytes(&shape) || shape.tell))
		code = shaper_send_open(&p->s.send, mark, bits, err);
	if (code == 0)
		code = shaper_link_set(&p->s.link, bytes_of(&shape), !shape_counts(&shape) && !out,
		                       2 * SHAPER_HELD_MOST, err);
	if (code == 0)
		shaper_reshape(&p->s, &shape);
	return code;
}

/* 1: something was read. */
static int read_some(struct shaper *s)
{
	struct shaper_packet packets[LINK_AT_ONCE];
	struct link_told told[LINK_AT_ONCE];
	size_t told_n, n = shaper_link_read(&s->link, packets, told, &told_n);
	uint64_t now = n ? shaper_now_ns() : 0;

	for (size_t i = 0; i < told_n; i++)
		shaper_told(s, &told[i]);
	/* what came due meanwhile goes before what is due at once */
	if (n)
		shaper_release(s, now + EARLY_NS);
	for (size_t i = 0; i < n; i++)
		shaper_take(s, &packets[i], now);
	return n + told_n > 0;
}

/* What was on its way to the queue when nothing was led to it any more comes for a moment; where
 * packets are still led to it, there is no last one. */
static void pass_all(struct shaper *s)
{
	struct timespec moment = {.tv_nsec = 1000000};
	uint64_t until = shaper_now_ns() + PASS_NS;

	s->ending = true;
	shaper_release(s, UINT64_MAX);
	for (int turn = 0; turn < 2; turn++) {
		while (read_some(s) && shaper_now_ns() < until)
			shaper_link_flush(&s->link);
		shaper_link_flush(&s->link);
		if (turn == 0)
			nanosleep(&moment, NULL);
	}
	shaper_count(s);
}

static int obey(struct shaper_process *p, const char *const *argv, int argc, struct err *err)
{
	int code = argc == 3 ? 0 : -EPROTO;

	if (code == 0 && strcmp(argv[0], "shape") == 0)
		return reshape(p, argv[1], argv[2], err);
	if (code == 0 && strcmp(argv[0], "batch") == 0)
		return batch_take(p->sock, p->owner, p->batch, argv[1], argv[2], err);
	if (code < 0 || strcmp(argv[0], "end") != 0)
		return err_set(err, -EPROTO, "helper does not know this order");
	code = batch_take(p->sock, p->owner, p->batch, argv[1], argv[2], err);
	pass_all(&p->s);
	/* nothing waits any more; who ends this process does not wait for that one */
	if (code == 0)
		shaper_watch_end(&p->watch);
	return code;
}

/* Negative: the keeper is gone. */
static int hear(struct shaper_process *p)
{
	const char *argv[WIRE_ARGS];
	struct err err = ERR_INIT;
	struct wire m;
	int code = wire_recv(p->sock, &m, false);

	if (code == -EAGAIN)
		return 0;
	if (code < 0)
		return code;
	shaper_watch_obey(&p->watch, true);
	code = obey(p, argv, wire_split(&m, argv), &err);
	shaper_watch_beat(&p->watch);
	shaper_watch_obey(&p->watch, false);
	BOUNDARY("shaper: ordered");
	return answer(p->sock, code, &err);
}

static void lead_learn(struct shaper_process *p, uint64_t asked_ns)
{
	uint64_t now = shaper_now_ns(), over = now > asked_ns ? now - asked_ns : 0;

	over = over < LEAD_MOST_NS ? over : LEAD_MOST_NS;
	p->lead_ns = (15 * p->lead_ns + over) / 16;
}

static void wait_for(struct shaper_process *p)
{
	struct pollfd v[] = {{.fd = p->s.link.fd, .events = POLLIN},
	                     {.fd = p->sock, .events = POLLIN}};
	uint64_t now = shaper_now_ns(), until = now + IDLE_NS, due;
	bool timed = shape_queue_next(p->s.queue, &due) && due - EARLY_NS - p->lead_ns < until;
	struct timespec t;

	if (timed)
		until = due - EARLY_NS - p->lead_ns;
	t = (struct timespec){.tv_nsec = until > now ? (long)(until - now) : 0};
	if (ppoll(v, 2, &t, NULL) == 0 && timed && until > now)
		lead_learn(p, until);
}

static void serve(struct shaper_process *p)
{
	for (;;) {
		uint64_t now;

		shaper_watch_beat(&p->watch);
		int busy = read_some(&p->s);
		now = shaper_now_ns();
		shaper_release(&p->s, now + EARLY_NS);
		shaper_link_flush(&p->s.link);
		if (now - p->counted_ns > COUNT_NS) {
			shaper_count(&p->s);
			p->counted_ns = now;
			if (shaper_watch_is_gone(&p->watch) &&
			    shaper_watch_start(&p->watch, NULL) < 0)
				return;
		}
		if (!busy || now - p->heard_ns > HEAR_NS) {
			if (hear(p) < 0)
				return;
			p->heard_ns = now;
		}
		if (!busy)
			wait_for(p);
	}
}

static int shaper_main(int sock, const char *const *args)
{
	struct shaper_process *p = calloc(1, sizeof(*p));
	struct err err = ERR_INIT;
	int code = p ? 0 : err_set(&err, -ENOMEM, "no memory for the shaper");

	if (p) {
		p->sock = sock;
		p->owner = p->watch.pidfd = p->s.link.fd = p->s.send.v4 = p->s.send.v6 = -1;
		code = begin(p, args, &err);
	}
	if (answer(sock, code, &err) == 0 && code == 0) {
		serve(p);
		pass_all(&p->s); /* nobody is there to end it in order */
	}
	if (p)
		shaper_watch_end(&p->watch);
	return 1;
}

const struct helper_type helper_shaper = {.name = "shaper", .main = shaper_main};
