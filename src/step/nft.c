/* nft.c - a whole nftables table that cuts traffic or leads it to the shaper, owned by the socket
 * of a helper. */
#include "step/nft.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "base/held.h"
#include "base/netlink.h"
#include "base/wire.h"
#include "step/holder.h"
#include "step/netns.h"
#include "step/nft-shape.h"

static const char held[] = "the nft table";
static const char page_queue[] = "queue"; /* of the shaper's page: the number of its queue */

/* hold->fd[]: a netlink socket in the namespace, made at arming, so that a revert can be checked
 * without opening anything. */
#define BUSY_NS 50000000ull   /* between two words to whoever waits for the keeper */
#define DISMISS_NS 200000000l /* for a shaper to pass on what it holds */
enum { FD_LOOK = 0 };

static int namespace_open(const struct world *w, const struct nft_object *o, int *fd,
                          struct err *err)
{
	return step_netns_open(w, o->netns, o->netns_ino, NETLINK_NETFILTER, fd, err);
}

/* A list that changed meanwhile (other people's tables) is asked for again. */
static int list(int fd, const void *request, size_t n, int (*take)(const struct nlmsghdr *, void *),
                void *ctx, void *blank, size_t size, struct err *err)
{
	int code = -EINTR;
	for (int turn = 0; turn < 16 && code == -EINTR; turn++) {
		memcpy(ctx, blank, size);
		code = nl_dump(fd, request, n, take, ctx, err);
	}
	return code;
}

/* Other people's shapers too, and what is ours in detail. */
static int chains_look(int fd, struct nft_seen *seen, struct err *err)
{
	_Alignas(struct nlmsghdr) char request[NFT_REQUEST_MAX];
	struct nft_seen blank = {.table = seen->table, .inet = seen->inet, .netdev = seen->netdev};
	size_t n = nft_encode_list_chains(request);
	return list(fd, request, n, nft_seen_take, seen, &blank, sizeof(blank), err);
}

static int table_look(int fd, const char *table, struct nft_seen *seen, struct err *err)
{
	_Alignas(struct nlmsghdr) char request[NFT_REQUEST_MAX];
	struct nft_seen blank = {.table = table};
	size_t n = nft_encode_list_tables(request);
	int code = list(fd, request, n, nft_seen_take, seen, &blank, sizeof(blank), err);
	/* a shaper's table says in a chain what it is */
	return code == 0 && seen->inet && !seen->comment[0] ? chains_look(fd, seen, err) : code;
}

static int table_count(int fd, const char *table, const struct nft_seen *seen, struct nft_count *to,
                       struct err *err)
{
	_Alignas(struct nlmsghdr) char request[NFT_REQUEST_MAX];
	struct nft_count sum = {0};
	for (int k = 0; k < 2; k++) {
		struct nft_count one = {0}, blank = {0};
		if (!(k ? seen->netdev : seen->inet))
			continue;
		size_t n = nft_encode_list_rules(request, k ? NFPROTO_NETDEV : NFPROTO_INET, table);
		int code = list(fd, request, n, nft_count_take, &one, &blank, sizeof(blank), err);
		if (code < 0)
			return code;
		sum.packets_in += one.packets_in;
		sum.bytes_in += one.bytes_in;
		sum.packets_out += one.packets_out;
		sum.bytes_out += one.bytes_out;
	}
	*to = sum;
	return 0;
}

/* "absent", or what the table's comment says. */
static void state_format(const struct nft_seen *seen, struct buf *to)
{
	buf_reset(to);
	if (!seen->inet && !seen->netdev)
		buf_add(to, "absent");
	else
		buf_add(to, seen->comment[0] ? seen->comment : "cut of unknown content");
}

static int nft_open(struct hold *h, const char *object, struct err *err)
{
	struct nft_object o = {0};
	struct nft_seen seen = {0};
	int code = nft_object_parse(object, &o, err);
	if (code == 0)
		code = namespace_open(h->world, &o, &h->fd[FD_LOOK], err);
	/* whether one may is known before anything is logged: to list needs what to change needs */
	if (code == 0)
		code = table_look(h->fd[FD_LOOK], o.table, &seen, err);
	if (code == -EPERM)
		return err_hint(err,
		                err_set(err, -EPERM,
		                        "may not change network namespace \"%s\" (CAP_NET_ADMIN)",
		                        o.netns),
		                "Be root, or whoever made its user namespace (\"unshare -Urn\").");
	return code;
}

static int nft_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	struct nft_object o = {0};
	struct nft_seen seen = {0};
	_cleanup_fd_ int fd = -1;
	int code = nft_object_parse(object, &o, err);
	if (code < 0)
		return code;
	if (!world_is_real(w)) {
		BUF(key, OBJECT_MAX + 8);
		buf_addf(&key, "nft %s", object);
		const char *said = world_answer(w, key.data);
		buf_reset(state);
		buf_add(state, said ? said : "absent");
		return 0;
	}
	code = namespace_open(w, &o, &fd, err);
	if (code == 0)
		code = table_look(fd, o.table, &seen, err);
	if (code < 0)
		return code;
	state_format(&seen, state);
	return 0;
}

static int order_send(const struct holder *holder, const char *verb, const char *first,
                      const char *second, struct err *err)
{
	struct wire m;
	wire_start(&m, verb);
	if ((first && wire_add(&m, first) < 0) || (second && wire_add(&m, second) < 0))
		return err_set(err, -EMSGSIZE, "cannot put the order into a message");
	int code = wire_send(holder->sock, &m);
	return code < 0 ? holder_unsent(code, held, err) : 0;
}

static int batch_order(const struct holder *holder, const void *batch, size_t n, struct err *err)
{
	BUF(length, 24);
	buf_addf(&length, "%zu", n);
	int code = order_send(holder, "batch", length.data, "1", err);
	if (code == 0 && send(holder->sock, batch, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		code = holder_unsent(-errno, held, err);
	return code < 0 ? code : holder_answer(holder, held, err);
}

static int helper_start(struct hold *h, const char *kind, const struct nft_object *o,
                        struct err *err)
{
	BUF(ino, 24);
	int big = 2 * NFT_BATCH_MAX;
	buf_addf(&ino, "%llu", (unsigned long long)o->netns_ino);
	const char *args[] = {o->netns, ino.data, o->table, NULL};
	if (!h->spawn)
		return err_set(err, -ENOTSUP, "no helper can be started here");
	int code = h->spawn(h, kind, args, err);
	if (code < 0)
		return code;
	BOUNDARY("nft: helper started");
	/* Room for a whole transaction in one message; what is not granted shows when it is sent.
	 */
	(void)setsockopt(h->holder.sock, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
	return holder_answer(&h->holder, held, err);
}

/* What of a put does not change from try to try. */
struct put {
	struct nft_object object;
	struct nft_rules rules;
	const char *state;
	struct nft_seen seen;
	struct nft_count carry;
	void *batch;
};

static int table_put(struct hold *h, const struct put *p, const struct nft_queue *queue,
                     struct err *err)
{
	size_t n = 0;
	int code = nft_encode_put(p->object.table, &p->rules, p->state, &p->seen, &p->carry, queue,
	                          p->batch, NFT_BATCH_MAX, &n, err);
	if (code == 0 && h->holder.sock < 0)
		code = helper_start(h, "nft", &p->object, err);
	return code < 0 ? code : batch_order(&h->holder, p->batch, n, err);
}

static int shaper_start(struct hold *h, struct put *p, struct err *err)
{
	int code = 0;
	if (h->page < 0)
		h->page = held_page_make(err);
	if (h->page < 0)
		return h->page;
	if (h->holder.sock < 0)
		code = helper_start(h, "shaper", &p->object, err);
	if (code == 0 && !p->seen.inet)
		code = chains_look(h->fd[FD_LOOK], &p->seen, err);
	return code;
}

/* Its place among the shapers of the namespace. */
static unsigned turn_take(const struct nft_seen *seen)
{
	if (seen->turn)
		return seen->turn;
	return seen->last_turn < NFT_TURNS_MAX ? seen->last_turn + 1 : NFT_TURNS_MAX;
}

static int shape_order(const struct hold *h, const struct nft_rules *rules, unsigned turn,
                       struct err *err)
{
	BUF(text, SHAPE_TEXT_MAX);
	BUF(sending, 40);
	int code = shape_format(&rules->shape, &text, err);
	buf_addf(&sending, "%u/%u%s", turn << NFT_TURN_SHIFT, NFT_TURN_MASK,
	         nft_shape_sends(rules) ? " out" : "");
	if (code == 0)
		code = order_send(&h->holder, "shape", text.data, sending.data, err);
	return code < 0 ? code : holder_answer(&h->holder, held, err);
}

/* The shaper knows what to do before anything is led to it. Which way into a queue the kernel has
 * is found by trying. */
static int shape_put(struct hold *h, struct put *p, struct err *err)
{
	struct nft_queue queue = {.number = 0};
	struct counters page;
	int code = shaper_start(h, p, err);
	queue.turn = turn_take(&p->seen);
	if (code == 0)
		code = shape_order(h, &p->rules, queue.turn, err);
	BOUNDARY("nft: shaper ordered");
	if (code == 0)
		code = held_page_read(h->page, &page, err);
	if (code < 0)
		return code;
	queue.number = (uint16_t)counters_get(&page, page_queue);
	code = table_put(h, p, &queue, err);
	if (code != -ENOENT)
		return code;
	queue.xt = true;
	code = table_put(h, p, &queue, err);
	return code == -ENOENT ? err_set(err, -EOPNOTSUPP,
	                                 "cannot lead packets to a queue: this kernel has neither "
	                                 "nftables' own expression nor the target of xtables")
	                       : code;
}

static int rules_put(struct hold *h, const char *object, const char *to, struct err *err)
{
	struct put p = {.state = to};
	int code = nft_object_parse(object, &p.object, err);
	if (code == 0)
		code = nft_rules_parse(to, &p.rules, err);
	if (code == 0)
		code = table_look(h->fd[FD_LOOK], p.object.table, &p.seen, err);
	if (code == 0)
		code = table_count(h->fd[FD_LOOK], p.object.table, &p.seen, &p.carry, err);
	if (code < 0)
		return code;
	_cleanup_free_ void *batch = malloc(NFT_BATCH_MAX);
	if (!batch)
		return err_set(err, -ENOMEM, "no memory for a transaction");
	p.batch = batch;
	code = p.rules.mode == NFT_SHAPE ? shape_put(h, &p, err) : table_put(h, &p, NULL, err);
	BOUNDARY("nft: table made");
	return code;
}

/* A shaper passes on what it holds, once nothing is led to it any more; one that does not answer
 * soon loses that. */
static void shaper_dismiss(struct hold *h, const char *table)
{
	_Alignas(struct nlmsghdr) char batch[NFT_RULES_OUT_MAX];
	struct pollfd p = {.fd = h->holder.sock, .events = POLLIN};
	struct timespec patience = {.tv_nsec = DISMISS_NS};
	BUF(length, 24);
	if (h->page < 0 || h->holder.sock < 0)
		return;
	size_t n = nft_encode_rules_out(table, batch);
	buf_addf(&length, "%zu", n);
	if (order_send(&h->holder, "end", length.data, "1", NULL) < 0 ||
	    send(h->holder.sock, batch, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
	BOUNDARY("nft: shaper dismissed");
	(void)!ppoll(&p, 1, &patience, NULL);
}

/* A holder that was just started and is in no log yet dies with its parent: wait for that. */
static int absence_wait(struct hold *h, const char *table, struct nft_seen *seen, struct err *err)
{
	uint64_t until = clock_boot_ns() + HOLDER_PATIENCE_NS, waited_ns = 0;
	for (struct timespec pause = {.tv_nsec = 500000};; nanosleep(&pause, NULL)) {
		int code = table_look(h->fd[FD_LOOK], table, seen, err);
		if (code < 0)
			return code;
		if (!seen->inet && !seen->netdev)
			return 0;
		if (clock_boot_ns() >= until)
			return err_set(err, -EBUSY,
			               "nft table \"%s\" is still there, held by another process",
			               table);
		waited_ns += (uint64_t)pause.tv_nsec;
		if (waited_ns >= BUSY_NS && h->busy) {
			(void)h->busy(h);
			waited_ns = 0;
		}
		if (pause.tv_nsec < 8000000)
			pause.tv_nsec *= 2;
	}
}

static int nft_set(struct hold *h, const char *object, const char *now, const char *to,
                   struct buf *landed, struct err *err)
{
	struct nft_object o = {0};
	struct nft_seen seen = {0};
	bool absent = strcmp(to, "absent") == 0;
	int code = BOUNDARY_FAIL("set nft");
	if (code < 0)
		return err_sys(err, -code, "could not change nft table \"%s\"", object);
	code = nft_object_parse(object, &o, err);
	/* First of all: whatever may be wrong with the namespace, the holder goes. */
	if (code == 0 && absent)
		shaper_dismiss(h, o.table);
	if (code == 0 && absent)
		code = holder_end(h, held, HOLDER_PATIENCE_NS, err);
	if (code == 0 && h->fd[FD_LOOK] < 0)
		code = nft_open(h, object, err);
	if (code == 0)
		code = absent ? absence_wait(h, o.table, &seen, err)
		              : rules_put(h, object, to, err);
	if (code == 0 && !absent)
		code = table_look(h->fd[FD_LOOK], o.table, &seen, err);
	if (code < 0)
		return code;
	state_format(&seen, landed);
	return 0;
}

/* What the table counts. -ESTALE: it is gone. */
static int table_meter(const struct hold *h, const char *object, struct counters *to,
                       struct err *err)
{
	struct nft_object o = {0};
	struct nft_seen seen = {0};
	struct nft_count c = {0};
	_cleanup_fd_ int fd = -1;
	int code = nft_object_parse(object, &o, err);
	if (code == 0)
		code = namespace_open(h->world, &o, &fd, err);
	if (code == 0)
		code = table_look(fd, o.table, &seen, err);
	if (code == 0 && !seen.inet && !seen.netdev)
		code = err_set(err, -ESTALE, "table \"%s\" is gone", o.table);
	if (code == 0)
		code = table_count(fd, o.table, &seen, &c, err);
	if (code < 0)
		return code;
	counters_add(to, "packets_in", c.packets_in);
	counters_add(to, "bytes_in", c.bytes_in);
	counters_add(to, "packets_out", c.packets_out);
	counters_add(to, "bytes_out", c.bytes_out);
	return 0;
}

static int nft_meter(const struct hold *h, const char *object, struct counters *to, struct err *err)
{
	struct counters page = {.n = 0}, table = {.n = 0};
	int code = 0;
	if (!world_is_real(h->world))
		return 0;
	if (h->page >= 0)
		code = held_page_read(h->page, &page, err);
	if (code == 0)
		code = table_meter(h, object, &table, err);
	/* What the table counted went with it: the last reading stays. What the shaper counted is
	 * here, to the last packet. */
	if (code < 0 && (code != -ESTALE || !page.n))
		return code;
	for (size_t i = 0; i < table.n; i++)
		counters_add(to, table.v[i].name, table.v[i].value);
	for (size_t i = 0; i < page.n; i++)
		if (strcmp(page.v[i].name, page_queue) != 0)
			counters_add(to, page.v[i].name, page.v[i].value);
	if (page.n) /* so many have levels, which are added up over objects */
		counters_add(to, "shapers", 1);
	return 0;
}

static const char *const levels[] = {"added_p50_ns", "added_p99_ns", "late_p99_ns",
                                     "raised",       "shapers",      NULL};

/* A long cut is known in the kernel by its hash. */
static bool nft_same(const char *want, const char *seen)
{
	BUF(comment, STATE_MAX);
	nft_comment_format(want, &comment);
	return strcmp(comment.data, seen) == 0;
}

static void nft_by_hand(const char *object, const char *base, const char *claim, struct buf *to)
{
	struct nft_object o = {0};
	if (strcmp(base, "absent") == 0 && nft_object_parse(object, &o, NULL) == 0 &&
	    !strchr(o.netns, '\''))
		buf_addf(to,
		         "for f in inet netdev; do nsenter --net='%s' nft delete table $f %s; done",
		         o.netns, o.table);
}

const struct step_type step_type_nft = {
        .name = "nft",
        .summary = "an nftables table that cuts or shapes traffic, held by a helper",
        /* tidy: a holder that was stopped before it obeyed may yet make the table */
        .flags = STEP_DIES_WITH_HOLDER | STEP_DIES_WITH_BOOT | STEP_LEAN | STEP_TIDY,
        .open = nft_open,
        .get = nft_get,
        .set = nft_set,
        .meter = nft_meter,
        .levels = levels,
        .same = nft_same,
        .by_hand = nft_by_hand,
};
