/* Which sockets a look is about. */
#include "probe/socket-choice.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "machine/proc.h"
#include "machine/sockets.h"

enum { NAMESPACES_MAX = 64, TURNS = 8 };

static int ino_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* One walk. */
struct walking {
	const struct socket_choice *choice;
	const struct socket_walk *walk;
	const struct socket_set *held; /* sorted; NULL: whoever holds them */
};

static int socket_each(void *ctx, const struct sock_facts *f)
{
	const struct walking *w = ctx;
	if (w->held && (!f->ino || !w->held->n ||
	                !bsearch(&f->ino, w->held->ino, w->held->n, sizeof(f->ino), ino_compare)))
		return 0;
	return w->walk->each(w->walk->ctx, f);
}

/* The ports of the question; false: this protocol is not meant. */
static bool query_make(const struct walking *w, bool udp, struct sock_query *q)
{
	const struct socket_choice *a = w->choice;
	struct port p = {0}, r = {0};
	bool good = true;
	if (a->port)
		good = port_parse(a->port, &p, NULL) == 0 && (udp ? p.udp : p.tcp);
	if (a->remote_port)
		good = good && port_parse(a->remote_port, &r, NULL) == 0 && (udp ? r.udp : r.tcp);
	*q = (struct sock_query){.udp = udp,
	                         .local_port = p.number,
	                         .remote_port = r.number,
	                         .states = w->walk->states};
	return good && (udp ? w->walk->udp : w->walk->tcp);
}

/* One namespace. What changed while it was listed is listed again. */
static int namespace_walk(int nsfd, struct walking *w, struct err *err)
{
	int rc = 0;
	w->walk->mark(w->walk->ctx);
	for (int turn = 0; turn < TURNS; turn++) {
		for (int udp = 0; rc == 0 && udp < 2; udp++) {
			struct sock_query q;
			if (query_make(w, udp, &q))
				rc = sock_diag_each(nsfd, &q, socket_each, w, err);
		}
		if (rc != -EINTR)
			return rc;
		w->walk->back(w->walk->ctx);
		rc = 0;
	}
	return err_set(err, -EAGAIN, "could not list the sockets: they change too fast");
}

struct holders {
	const struct world *w;
	struct socket_set set;
	struct holder_ns {
		uint64_t ino;
		pid_t pid;
	} ns[NAMESPACES_MAX];
	size_t ns_n;
	uint64_t count;
	struct err *err;
};

static int holder_add(void *ctx, const struct proc *p)
{
	struct holders *h = ctx;
	uint64_t ino;
	int rc = netns_of_process(h->w, p->id.pid, &ino, h->err);
	if (rc == 0)
		rc = proc_sockets(h->w, p->id.pid, &h->set);
	if (rc == -ESRCH)
		return 0;
	if (rc == -EACCES || rc == -EPERM) {
		(void)err_set(h->err, -EACCES, "cannot see the sockets of process %d (%s)",
		              (int)p->id.pid, p->comm);
		return err_hint(h->err, -EACCES, "Of other users' processes only root can.");
	}
	if (rc < 0)
		return err_sys(h->err, -rc, "could not list the sockets of process %d",
		               (int)p->id.pid);
	h->count++;
	for (size_t i = 0; i < h->ns_n; i++)
		if (h->ns[i].ino == ino)
			return 0;
	if (h->ns_n == NAMESPACES_MAX)
		return err_set(h->err, -E2BIG,
		               "the processes are in more than %d network namespaces",
		               NAMESPACES_MAX);
	h->ns[h->ns_n++] = (struct holder_ns){ino, p->id.pid};
	return 0;
}

static int namespace_open_walk(const struct world *w, const char *path, struct walking *walking,
                               struct err *err)
{
	_cleanup_fd_ int ns = world_openat(w, path, O_RDONLY);
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", path);
	return namespace_walk(ns, walking, err);
}

/* In the namespaces of the processes that are meant, or in the one that is named. */
static int processes_walk(const struct world *w, struct walking *walking, struct holders *h,
                          struct socket_found *found, struct err *err)
{
	struct proc_match match = {.name = walking->choice->name, .pid = walking->choice->pid};
	int rc = proc_find(w, &match, holder_add, h, err);
	found->processes = h->count;
	if (rc < 0 || !h->count)
		return rc;
	if (h->set.n)
		qsort(h->set.ino, h->set.n, sizeof(*h->set.ino), ino_compare);
	walking->held = &h->set;
	if (found->netns[0])
		return namespace_open_walk(w, found->netns, walking, err);
	for (size_t i = 0; rc == 0 && i < h->ns_n; i++) {
		char path[40];
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)h->ns[i].pid);
		if (i == 0)
			(void)text_copy(found->netns, sizeof(found->netns), path);
		rc = namespace_open_walk(w, path, walking, err);
	}
	return rc;
}

int socket_choice_walk(const struct world *w, const struct socket_choice *choice,
                       const struct socket_walk *walk, struct socket_found *out, struct err *err)
{
	struct holders h = {.w = w, .err = err};
	struct walking walking = {.choice = choice, .walk = walk};
	struct socket_found found = {0};
	uint64_t ino;
	if (!world_is_real(w))
		return err_set(err, -ENOSYS, "cannot list the sockets of a recorded machine");
	int rc = choice->netns ? netns_find(w, choice->netns, found.netns, &ino, err) : 0;
	if (rc == 0 && (choice->name || choice->pid))
		rc = processes_walk(w, &walking, &h, &found, err);
	else if (rc == 0)
		rc = choice->netns ? namespace_open_walk(w, found.netns, &walking, err)
		                   : namespace_walk(-1, &walking, err);
	socket_set_release(&h.set);
	if (rc < 0)
		return rc;
	*out = found;
	return 0;
}

int socket_choice_enter(const struct world *w, const struct socket_found *found, struct err *err)
{
	if (!found->netns[0])
		return 0;
	_cleanup_fd_ int ns = world_openat(w, found->netns, O_RDONLY);
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", found->netns);
	struct stat want, here;
	if (fstat(ns, &want) == 0 && stat("/proc/self/ns/net", &here) == 0 &&
	    want.st_ino == here.st_ino && want.st_dev == here.st_dev)
		return 0;
	if (setns(ns, CLONE_NEWNET) == 0)
		return 0;
	/* Whoever made the user namespace that owns it may. */
	_cleanup_fd_ int user = ioctl(ns, NS_GET_USERNS);
	if (user >= 0 && setns(user, CLONE_NEWUSER) == 0 && setns(ns, CLONE_NEWNET) == 0)
		return 0;
	(void)err_set(err, -EPERM, "cannot enter network namespace \"%s\"", found->netns);
	return err_hint(err, -EPERM, "Be root, or whoever made its user namespace.");
}

int socket_choice_check(const struct socket_choice *a, struct err *err)
{
	struct port port, remote;
	struct proc_id id;
	char *end = NULL;
	if (a->port && port_parse(a->port, &port, err) < 0)
		return -EINVAL;
	if (a->remote_port && port_parse(a->remote_port, &remote, err) < 0)
		return -EINVAL;
	if (a->port && a->remote_port && !(port.tcp && remote.tcp) && !(port.udp && remote.udp))
		return err_set(err, -EINVAL, "\"%s\" and \"%s\" are of different protocols",
		               a->port, a->remote_port);
	if (!a->pid)
		return 0;
	if (strchr(a->pid, '@'))
		return proc_id_parse(a->pid, &id, err);
	if (a->pid[0] < '1' || a->pid[0] > '9' || strtoul(a->pid, &end, 10) > INT32_MAX || *end)
		return err_set(err, -EINVAL, "\"%.60s\" is not the number of a process", a->pid);
	return 0;
}
