/* can.c - what this machine can do, found by trying. */
#include "machine/can.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ident.h"
#include "base/netlink.h"
#include "base/paths.h"
#include "base/sockmark-bpf.h"
#include "base/sockmark.h"
#include "machine/cgroup.h"
#include "step/nft-encode.h"

#define TRY_TABLE "squall_try"

static int root_try(const struct world *w, struct err *err)
{
	return user_is_root() ? 0 : err_set(err, -EPERM, "not run by root");
}

static int pidfd_try(const struct world *w, struct err *err)
{
	_cleanup_fd_ int fd = pidfd_open_raw(getpid());
	if (fd < 0)
		return err_sys(err, errno, "could not open a process by pidfd");
	int code = pidfd_signal(fd, 0);
	return code < 0 ? err_sys(err, -code, "could not signal a process by pidfd") : 0;
}

static int table_look(int fd, struct nft_seen *seen, struct err *err)
{
	_Alignas(struct nlmsghdr) char request[NFT_REQUEST_MAX];
	*seen = (struct nft_seen){.table = TRY_TABLE};
	size_t n = nft_encode_list_tables(request);
	return nl_dump(fd, request, n, nft_seen_take, seen, err);
}

static int put_try(int owner, const struct nft_rules *rules, const char *state,
                   const struct nft_queue *queue, struct err *err)
{
	_Alignas(struct nlmsghdr) char batch[16384];
	size_t n;
	int code = nft_encode_put(TRY_TABLE, rules, state, NULL, NULL, queue, batch, sizeof(batch),
	                          &n, err);
	return code < 0 ? code : nl_ask(owner, batch, n, 1, NULL, NULL, err);
}

static int reader_try(int *reader, uint16_t number, struct err *err)
{
	int code = nl_open(NETLINK_NETFILTER, reader, err);
	return code < 0 ? code : nl_queue_bind(*reader, number, err);
}

/* state "": only lists. Runs in a namespace of its own that ends with the process. */
static int table_try(const char *state, struct err *err)
{
	struct nft_rules rules;
	struct nft_seen seen = {0};
	_cleanup_fd_ int look = -1, owner = -1, reader = -1;
	struct nft_queue queue = {.number = 1, .turn = 1};
	/* who is not root may have one in a user namespace of his own */
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return err_sys(err, errno, "could not make a network namespace");
	int code = nl_open(NETLINK_NETFILTER, &look, err);
	if (code == 0)
		code = table_look(look, &seen, err);
	if (code < 0 || !*state)
		return code;
	code = nft_rules_parse(state, &rules, err);
	if (code == 0)
		code = nl_open(NETLINK_NETFILTER, &owner, err);
	if (code == 0 && rules.mode == NFT_SHAPE)
		code = reader_try(&reader, queue.number, err);
	if (code == 0)
		code = put_try(owner, &rules, state, &queue, err);
	if (code == -ENOENT && rules.mode == NFT_SHAPE) {
		queue.xt = true;
		code = put_try(owner, &rules, state, &queue, err);
	}
	if (code == 0)
		code = table_look(look, &seen, err);
	if (code < 0)
		return code;
	if (!seen.inet)
		return err_set(err, -EOPNOTSUPP, "the table is not there after it was made");
	fd_close(&owner);
	code = table_look(look, &seen, err);
	if (code == 0 && (seen.inet || seen.netdev))
		return err_set(err, -EOPNOTSUPP, "the table outlives its owner");
	return code;
}

/* In a child, because a process does not come back from a namespace that is to vanish. */
static int nft_try(const char *what, const char *state, struct err *err)
{
	struct err why = ERR_INIT;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "could not make a pipe");
	_cleanup_fd_ int in = ends[0], out = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "could not start a process to try nftables");
	if (pid == 0) {
		why.code = table_try(state, &why);
		_exit(write(out, &why, sizeof(why)) == sizeof(why) ? 0 : 1);
	}
	fd_close(&out);
	ssize_t n;
	do
		n = read(in, &why, sizeof(why));
	while (n < 0 && errno == EINTR);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(why))
		return err_set(err, -EIO, "the process that tried %s was lost", what);
	return why.code < 0 ? err_set(err, why.code, "cannot %s: %.300s", what, why.what) : 0;
}

/* What a caller may is a matter of the namespace: here, in his own. */
static int net_admin_try(const struct world *w, struct err *err)
{
	struct err why = ERR_INIT;
	struct nft_seen seen;
	_cleanup_fd_ int fd = -1;
	int code = nl_open(NETLINK_NETFILTER, &fd, &why);
	if (code == 0)
		code = table_look(fd, &seen, &why);
	if (code != -EPERM)
		return 0;
	(void)err_set(err, -EPERM, "may not change this network namespace (CAP_NET_ADMIN)");
	return err_hint(err, -EPERM,
	                "A namespace of your own can be changed: \"unshare -Urn\" makes one.");
}

static int nft_list_try(const struct world *w, struct err *err)
{
	return nft_try("use nftables", "", err);
}

static int nft_owner_try(const struct world *w, struct err *err)
{
	return nft_try("make an nftables table that ends with its owner",
	               "cut silence in egress=output", err);
}

static int nft_egress_try(const struct world *w, struct err *err)
{
	return nft_try("cut in the egress hook of a device", "cut silence out egress=drop hooks=lo",
	               err);
}

static int nft_swallow_try(const struct world *w, struct err *err)
{
	return nft_try("swallow in the egress hook of a device",
	               "cut silence out egress=swallow hooks=lo", err);
}

static int nft_cgroup_try(const struct world *w, struct err *err)
{
	return nft_try("match sockets by cgroup", "cut silence in egress=output cgroup=1:0", err);
}

static int nft_share_try(const struct world *w, struct err *err)
{
	return nft_try("match a share of flows or packets",
	               "cut silence in egress=output flows=500000:1 packets=500000", err);
}

static int nft_queue_try(const struct world *w, struct err *err)
{
	return nft_try("lead packets to a queue", "shape in : seed=0 delay=1", err);
}

/* A socket that is not there: a kernel that destroys some says ENOENT. */
static int destroy_ask(int fd, struct err *err)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {
	        .head = {.nlmsg_len = sizeof(request),
	                 .nlmsg_type = SOCK_DESTROY,
	                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
	        .body = {.sdiag_family = AF_INET,
	                 .sdiag_protocol = IPPROTO_TCP,
	                 .id = {.idiag_sport = htons(1),
	                        .idiag_dport = htons(1),
	                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	int code = nl_ask(fd, &request, sizeof(request), 1, NULL, NULL, err);

	return code == -ENOENT ? 0 : code;
}

static int destroy_try(const struct world *w, struct err *err)
{
	_cleanup_fd_ int fd = -1;
	int code = nl_open(NETLINK_SOCK_DIAG, &fd, err);
	if (code == 0)
		code = destroy_ask(fd, err);
	if (code == -EPERM) /* about this namespace: "net-admin" */
		return 0;
	return code < 0 ? err_wrap(err, code, "cannot destroy sockets (CONFIG_INET_DIAG_DESTROY)")
	                : 0;
}

static int conntrack_try(const struct world *w, struct err *err)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg body;
	} request = {
	        .head = {.nlmsg_len = sizeof(request),
	                 .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
	                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
	        .body = {.nfgen_family = AF_INET, .version = NFNETLINK_V0},
	};
	_cleanup_fd_ int fd = -1;
	int code = nl_open(NETLINK_NETFILTER, &fd, err);
	if (code == 0)
		code = nl_dump(fd, &request, sizeof(request), NULL, NULL, err);
	if (code == -EPERM || code == -EINTR) /* about this namespace: "net-admin" */
		return 0;
	return code < 0 ? err_wrap(err, code,
	                           "cannot list connection tracking (CONFIG_NF_CT_NETLINK)")
	                : 0;
}

/* A socket of a process is had by pidfd and marked, and packets are matched by that. */
static int socket_mark_try(const struct world *w, struct err *err)
{
	struct sockmark_process p = {.pidfd = -1, .fds = -1};
	struct sockmark_seen seen;
	struct proc_id self;
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int code = fd < 0 ? err_sys(err, errno, "could not make a socket")
	                  : proc_id_read(w, getpid(), &self, err);
	if (code == 0)
		code = sockmark_open(w, self, &p, err);
	if (code < 0)
		return code;
	sockmark_walk(&p, sockmark_of(self.pid), SOCKMARK_PUT, &seen);
	if (!seen.marked)
		code = err_set(err, -EPERM, "may not take a socket by pidfd and mark it");
	sockmark_walk(&p, sockmark_of(self.pid), SOCKMARK_CLEAR, &seen);
	sockmark_close(&p);
	return code < 0 ? code
	                : nft_try("match sockets by mark",
	                          "cut silence in egress=output mark=0x0001", err);
}

static int bpf_sock_try(const struct world *w, struct err *err)
{
	_cleanup_fd_ int fd = sockmark_bpf_load(getpid(), sockmark_of(getpid()), err);
	return fd < 0 ? fd : 0;
}

static int exchange_try(const struct world *w, struct err *err)
{
	char dir[] = "/tmp/.squall-try-XXXXXX";
	struct paths p;
	char path[PATH_CAP + sizeof(dir)];
	/* Where squall keeps its own things, if that is there; this must not make it. */
	if (paths_find(&p, NULL) < 0 || access(p.state, W_OK) < 0)
		snprintf(path, sizeof(path), "%s", dir);
	else
		snprintf(path, sizeof(path), "%s/.squall-try-XXXXXX", p.state);
	if (!mkdtemp(path))
		return err_sys(err, errno, "could not make a folder \"%s\"", path);
	_cleanup_fd_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_fd_ int a = openat(fd, "a", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	_cleanup_fd_ int b = openat(fd, "b", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	int code = 0;
	if (a < 0 || b < 0)
		code = err_sys(err, errno, "could not make files in \"%s\"", path);
	else if (renameat2(fd, "a", fd, "b", RENAME_EXCHANGE) < 0)
		code = err_sys(err, errno, "cannot exchange two files");
	(void)unlinkat(fd, "a", 0);
	(void)unlinkat(fd, "b", 0);
	(void)rmdir(path);
	return code;
}

static bool word_in(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (; *list; list += strcspn(list, " "), list += strspn(list, " "))
		if (strncmp(list, word, n) == 0 && (!list[n] || list[n] == ' '))
			return true;
	return false;
}

enum { GROUPS_MAX = 4096, GROUPS_DEEP = 8 };

struct delegated {
	const struct world *w;
	const char *dir, *file;
	int deep, *left;
};

/* 1: a group at or below this one whose file the caller may write. */
static int delegated_find(void *ctx, const char *name)
{
	const struct delegated *d = ctx;
	BUF(dir, CGROUP_PATH_MAX + 32);
	BUF(file, CGROUP_PATH_MAX + 64);
	struct delegated below = {d->w, dir.data, d->file, d->deep + 1, d->left};
	buf_addf(&dir, "%s/%s", d->dir, name);
	buf_addf(&file, "%s/%s", dir.data, d->file);
	if (strchr(name, '.') && !strstr(name, ".slice") && !strstr(name, ".scope") &&
	    !strstr(name, ".service"))
		return 0; /* a control file, not a group */
	if (file.over || d->deep == GROUPS_DEEP || --*d->left < 0)
		return 0;
	_cleanup_fd_ int fd = world_openat(d->w, file.data, O_WRONLY);
	return fd >= 0 || world_list(d->w, dir.data, delegated_find, &below, NULL) == 1;
}

/* Who is not root may have had groups delegated. */
static int delegated_try(const struct world *w, const char *dir, const char *file, struct err *err)
{
	int left = GROUPS_MAX;
	struct delegated top = {w, dir, file, 0, &left};
	if (world_list(w, dir, delegated_find, &top, NULL) == 1)
		return 0;
	(void)err_set(err, -EACCES, "no cgroup with the cpu controller is this user's to change");
	return err_hint(err, -EACCES,
	                "Have one delegated (systemd: Delegate=cpu), or run it as root.");
}

/* May groups be changed, and is the controller there for those below the root? */
static int cgroup_cpu_try(const struct world *w, struct err *err)
{
	struct cgroups c;
	BUF(controllers, 512);
	BUF(path, CGROUP_PATH_MAX + 32);
	int code = cgroups_read(w, &c, err);
	if (code < 0)
		return code;
	if (cgroup_v1(&c, "cpu")) {
		buf_addf(&path, "%s/cgroup.procs", cgroup_v1(&c, "cpu")->dir);
	} else if (c.v2.dir[0]) {
		code = world_readf(w, &controllers, err, "%s/cgroup.controllers", c.v2.dir);
		if (code < 0)
			return code;
		buf_addf(&path, "%s/cgroup.subtree_control", c.v2.dir);
	}
	if (!path.len || (!cgroup_v1(&c, "cpu") && !word_in(controllers.data, "cpu")))
		return err_set(err, -EOPNOTSUPP, "no cgroup hierarchy has the cpu controller");
	_cleanup_fd_ int fd = world_openat(w, path.data, O_WRONLY);
	if (fd == -EACCES || fd == -EPERM)
		return delegated_try(w, cgroup_v1(&c, "cpu") ? cgroup_v1(&c, "cpu")->dir : c.v2.dir,
		                     cgroup_v1(&c, "cpu") ? "cpu.cfs_quota_us" : "cpu.max", err);
	return fd < 0 ? err_sys(err, -fd, "cannot change cgroups: \"%s\"", path.data) : 0;
}

static const struct {
	const char *name;
	int (*try_)(const struct world *, struct err *);
} facts[] = {
        {"root", root_try},
        {"pidfd", pidfd_try},
        {"net-admin", net_admin_try},
        {"nft", nft_list_try},
        {"nft-owner", nft_owner_try},
        {"nft-egress", nft_egress_try},
        {"nft-swallow", nft_swallow_try},
        {"nft-cgroup", nft_cgroup_try},
        {"nft-share", nft_share_try},
        {"nft-queue", nft_queue_try},
        {"sock-destroy", destroy_try},
        {"conntrack", conntrack_try},
        {"socket-mark", socket_mark_try},
        {"bpf-sock-create", bpf_sock_try},
        {"cgroup-cpu", cgroup_cpu_try},
        {"rename-exchange", exchange_try},
};

const char *const can_facts[] = {
        "root",        "pidfd",           "net-admin",    "nft",
        "nft-owner",   "nft-egress",      "nft-swallow",  "nft-cgroup",
        "nft-share",   "nft-queue",       "sock-destroy", "conntrack",
        "socket-mark", "bpf-sock-create", "cgroup-cpu",   "rename-exchange",
        NULL,
};

int can_try(const struct world *w, const char *fact, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		if (strcmp(facts[i].name, fact) != 0)
			continue;
		if (world_is_real(w))
			return facts[i].try_(w, err);
		BUF(key, 64);
		buf_addf(&key, "can.%s", fact);
		const char *said = world_answer(w, key.data);
		if (said && strcmp(said, "yes") == 0)
			return 0;
		return said ? err_set(err, -EOPNOTSUPP, "%s", said)
		            : err_set(err, -ENODATA, "not recorded");
	}
	return err_set(err, -EINVAL, "no fact is named \"%s\"", fact);
}
