/* nft.c - a whole nftables table that cuts traffic, owned by the socket of a helper. */
#include "step/nft.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "base/netlink.h"
#include "base/wire.h"
#include "step/holder.h"
#include "step/nft-encode.h"

static const char held[] = "the nft table";

/* hold->fd[]: a netlink socket in the namespace, made at arming, so that a revert can be checked
 * without opening anything. */
#define BUSY_NS 50000000ull /* between two words to whoever waits for the keeper */
enum { FD_LOOK = 0 };

static int namespace_open(const struct world *w, const struct nft_object *o, int *fd,
                          struct err *err)
{
	struct stat st = {0};
	_cleanup_fd_ int ns = world_openat(w, o->netns, O_RDONLY);
	if (ns == -ENOENT || ns == -ESRCH)
		return err_set(err, -ESTALE, "network namespace \"%s\" is gone", o->netns);
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", o->netns);
	if (fstat(ns, &st) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", o->netns);
	if (st.st_ino != o->netns_ino)
		return err_set(err, -ESTALE,
		               "network namespace \"%s\" is gone, another has its "
		               "name",
		               o->netns);
	int code = nl_open_in(ns, NETLINK_NETFILTER, fd, err);
	return code < 0 ? err_wrap(err, code, "\"%s\"", o->netns) : 0;
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

static int table_look(int fd, const char *table, struct nft_seen *seen, struct err *err)
{
	_Alignas(struct nlmsghdr) char request[NFT_REQUEST_MAX];
	struct nft_seen blank = {.table = table};
	size_t n = nft_encode_list_tables(request);
	return list(fd, request, n, nft_seen_take, seen, &blank, sizeof(blank), err);
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

static int helper_order(const struct holder *holder, const void *batch, size_t n, struct err *err)
{
	struct wire m;
	wire_start(&m, "batch");
	if (wire_addf(&m, "%zu", n) < 0 || wire_add(&m, "1") < 0)
		return err_set(err, -EMSGSIZE, "cannot put the order into a message");
	int code = wire_send(holder->sock, &m);
	if (code == 0 && send(holder->sock, batch, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		code = -errno;
	return code < 0 ? holder_unsent(code, held, err) : holder_answer(holder, held, err);
}

static int helper_start(struct hold *h, const struct nft_object *o, struct err *err)
{
	BUF(ino, 24);
	int big = 2 * NFT_BATCH_MAX;
	buf_addf(&ino, "%llu", (unsigned long long)o->netns_ino);
	const char *args[] = {o->netns, ino.data, NULL};
	if (!h->spawn)
		return err_set(err, -ENOTSUP, "no helper can be started here");
	int code = h->spawn(h, "nft", args, err);
	if (code < 0)
		return code;
	BOUNDARY("nft: helper started");
	/* Room for a whole transaction in one message; what is not granted shows when it is sent.
	 */
	(void)setsockopt(h->holder.sock, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
	return holder_answer(&h->holder, held, err);
}

static int cut_put(struct hold *h, const char *object, const char *to, struct err *err)
{
	struct nft_object o = {0};
	struct nft_rules rules = {0};
	struct nft_seen seen = {0};
	struct nft_count carry = {0};
	size_t n = 0;
	int code = nft_object_parse(object, &o, err);
	if (code == 0)
		code = nft_rules_parse(to, &rules, err);
	if (code == 0)
		code = table_look(h->fd[FD_LOOK], o.table, &seen, err);
	if (code == 0)
		code = table_count(h->fd[FD_LOOK], o.table, &seen, &carry, err);
	if (code < 0)
		return code;
	_cleanup_free_ void *batch = malloc(NFT_BATCH_MAX);
	if (!batch)
		return err_set(err, -ENOMEM, "no memory for a transaction");
	code = nft_encode_put(o.table, &rules, to, &seen, &carry, batch, NFT_BATCH_MAX, &n, err);
	if (code == 0 && h->holder.sock < 0)
		code = helper_start(h, &o, err);
	if (code == 0)
		code = helper_order(&h->holder, batch, n, err);
	BOUNDARY("nft: table made");
	return code;
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
		code = holder_end(h, held, HOLDER_PATIENCE_NS, err);
	if (code == 0 && h->fd[FD_LOOK] < 0)
		code = nft_open(h, object, err);
	if (code == 0)
		code = absent ? absence_wait(h, o.table, &seen, err) : cut_put(h, object, to, err);
	if (code == 0 && !absent)
		code = table_look(h->fd[FD_LOOK], o.table, &seen, err);
	if (code < 0)
		return code;
	state_format(&seen, landed);
	return 0;
}

static int nft_meter(const struct hold *h, const char *object, struct counters *to, struct err *err)
{
	struct nft_object o = {0};
	struct nft_seen seen = {0};
	struct nft_count c = {0};
	_cleanup_fd_ int fd = -1;
	int code = nft_object_parse(object, &o, err);
	if (code < 0 || !world_is_real(h->world))
		return code;
	code = namespace_open(h->world, &o, &fd, err);
	if (code == 0)
		code = table_look(fd, o.table, &seen, err);
	/* what it counted went with it: the last reading stays */
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
        .summary = "an nftables table that cuts traffic, held by a helper",
        /* tidy: a holder that was stopped before it obeyed may yet make the table */
        .flags = STEP_DIES_WITH_HOLDER | STEP_DIES_WITH_BOOT | STEP_LEAN | STEP_TIDY,
        .open = nft_open,
        .get = nft_get,
        .set = nft_set,
        .meter = nft_meter,
        .same = nft_same,
        .by_hand = nft_by_hand,
};
