/* reset.c - established TCP connections are destroyed, as by "ss -K"; there is no way back. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/netlink.h"
#include "step/netns.h"
#include "step/sweep.h"

/* The kernel sends a RST to the peer and ECONNABORTED to who holds the socket (tcp_abort() in
 * net/ipv4/tcp.c, CONFIG_INET_DIAG_DESTROY). */

enum { AT_ONCE = 4096, PASSES = 16, SOCKETS_MAX = 16384 };
enum { FD_ASK = 0 };

struct victim {
	uint8_t family;
	struct inet_diag_sockid id;
};

/* Made at arming: nothing is allocated when it is done. */
struct own {
	uint64_t found, destroyed;
	const struct sweep *sweep;
	size_t victims_n, sockets_n;
	struct victim victims[AT_ONCE];
	uint64_t sockets[SOCKETS_MAX]; /* inodes that the process holds */
};

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

static struct request request_make(uint16_t type, uint16_t flags, uint8_t family)
{
	return (struct request){
	        .head = {.nlmsg_len = sizeof(struct request),
	                 .nlmsg_type = type,
	                 .nlmsg_flags = NLM_F_REQUEST | flags},
	        .body = {.sdiag_family = family,
	                 .sdiag_protocol = IPPROTO_TCP,
	                 .idiag_states = 1u << TCP_ESTABLISHED},
	};
}

/* "socket:[INODE]" of each descriptor; as getdents64(2) lays them out, for readdir(3) would
 * allocate. */
static int sockets_read(struct own *o, const struct world *w, struct proc_id id, struct err *err)
{
	_Alignas(8) char chunk[4096];
	char link[64];
	BUF(path, 48);

	if (!proc_id_alive(w, id))
		return err_set(err, -ESTALE, "process %d is gone", id.pid);
	buf_addf(&path, "/proc/%d/fd", id.pid);
	_cleanup_fd_ int dir = world_openat(w, path.data, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return err_sys(err, -dir, "could not look at the sockets of process %d", id.pid);
	o->sockets_n = 0;
	for (;;) {
		long n = syscall(SYS_getdents64, dir, chunk, sizeof(chunk));

		if (n <= 0)
			return 0;
		for (long at = 0; at < n;) {
			unsigned short len;
			const char *name =
			        chunk + at + 19; /* linux_dirent64: ino, off, len, type */
			ssize_t k = readlinkat(dir, name, link, sizeof(link) - 1);

			memcpy(&len, chunk + at + 16, sizeof(len));
			at += len;
			link[k > 0 ? k : 0] = 0;
			if (strncmp(link, "socket:[", 8) == 0 && o->sockets_n < SOCKETS_MAX)
				o->sockets[o->sockets_n++] = strtoull(link + 8, NULL, 10);
		}
	}
}

static bool is_held(const struct own *o, uint64_t ino)
{
	for (size_t i = 0; i < o->sockets_n; i++)
		if (o->sockets[i] == ino)
			return true;
	return false;
}

static int victim_take(const struct nlmsghdr *h, void *ctx)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
	struct own *o = ctx;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(h) < sizeof(*m) ||
	    m->idiag_state != TCP_ESTABLISHED || o->victims_n == AT_ONCE)
		return 0;
	const uint8_t *remote = (const uint8_t *)m->id.idiag_dst;
	bool within = m->idiag_family == AF_INET6 && memcmp(remote, mapped, sizeof(mapped)) == 0;
	struct sweep_seen seen = {
	        .family = within ? AF_INET : m->idiag_family,
	        .proto = IPPROTO_TCP,
	        .remote = remote + (within ? sizeof(mapped) : 0),
	        .ports = {ntohs(m->id.idiag_sport), ntohs(m->id.idiag_dport)},
	        .uid = m->idiag_uid,
	};
	if (sweep_matches(o->sweep, &seen) && (!o->sweep->proc.pid || is_held(o, m->idiag_inode)))
		o->victims[o->victims_n++] = (struct victim){m->idiag_family, m->id};
	return 0;
}

/* At most AT_ONCE of them. What ends by itself meanwhile was found, and not destroyed. */
static int pass(struct own *o, int fd, struct err *err)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int code = 0;

	o->victims_n = 0;
	for (size_t i = 0; code == 0 && i < ARRAY_SIZE(families); i++) {
		struct request r = request_make(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, families[i]);

		code = nl_dump(fd, &r, sizeof(r), victim_take, o, err);
		/* sockets come and go while they are listed */
		code = code == -EINTR ? 0 : code;
	}
	for (size_t i = 0; code == 0 && i < o->victims_n; i++) {
		struct request r = request_make(SOCK_DESTROY, NLM_F_ACK, o->victims[i].family);

		r.body.id = o->victims[i].id;
		code = nl_ask(fd, &r, sizeof(r), 1, NULL, NULL, err);
		o->found++;
		o->destroyed += code == 0;
		code = code == -ENOENT ? 0 : code;
		BOUNDARY("reset: one is destroyed");
	}
	return code;
}

static int reset_open(struct hold *h, const char *object, struct err *err)
{
	struct nft_object o;
	int code = nft_object_parse(object, &o, err);

	if (code == 0)
		code = step_netns_open(h->world, o.netns, o.netns_ino, NETLINK_SOCK_DIAG,
		                       &h->fd[FD_ASK], err);
	if (code < 0)
		return code;
	h->own = calloc(1, sizeof(struct own));
	return h->own ? 0 : err_set(err, -ENOMEM, "no memory for a list of connections");
}

static void reset_close(struct hold *h)
{
	free(h->own);
	h->own = NULL;
}

static int reset_set(struct hold *h, const char *object, const char *now, const char *to,
                     struct buf *landed, struct err *err)
{
	struct sweep sweep;
	struct own *o = h->own;
	int code = BOUNDARY_FAIL("set reset");

	if (code < 0)
		return err_sys(err, -code, "could not destroy connections");
	if (strcmp(to, "idle") == 0)
		return err_set(err, -ENOTSUP, "cannot bring connections back");
	code = sweep_parse(to, &sweep, err);
	if (code == 0 && !o) {
		code = reset_open(h, object, err);
		o = h->own;
	}
	if (code == 0 && sweep.proc.pid)
		code = sockets_read(o, h->world, sweep.proc, err);
	if (code < 0)
		return code;
	o->sweep = &sweep;
	for (int i = 0; code == 0 && i < PASSES && (i == 0 || o->victims_n == AT_ONCE); i++) {
		if (h->busy && h->busy(h))
			return err_set(err, -ECANCELED, "it was called off");
		code = pass(o, h->fd[FD_ASK], err);
	}
	o->sweep = NULL;
	if (code == -EOPNOTSUPP)
		return err_set(err, code,
		               "this kernel cannot destroy sockets (CONFIG_INET_DIAG_DESTROY)");
	if (code == -EPERM)
		return err_hint(err, err_set(err, code, "may not destroy connections"),
		                "It needs CAP_NET_ADMIN in the network namespace.");
	if (code < 0)
		return err_wrap(err, code, "could not destroy connections");
	buf_reset(landed);
	buf_add(landed, "idle");
	return 0;
}

static int reset_meter(const struct hold *h, const char *object, struct counters *to,
                       struct err *err)
{
	const struct own *o = h->own;

	counters_add(to, "found", o ? o->found : 0);
	counters_add(to, "destroyed", o ? o->destroyed : 0);
	return 0;
}

const struct step_type step_type_reset = {
        .name = "reset",
        .summary = "established TCP connections that are destroyed",
        .flags = STEP_IRREVERSIBLE | STEP_LEAN,
        .open = reset_open,
        .close = reset_close,
        .get = sweep_get,
        .set = reset_set,
        .meter = reset_meter,
};
