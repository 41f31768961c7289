/* sockets: how many there are, in which states, and how full their queues are. */
#include "machine/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "machine/netns.h"
#include "machine/proc.h"
#include "machine/sock-diag.h"
#include "probe/aside.h"
#include "probe/doc.h"
#include "probe/probe.h"

enum { NAMESPACES_MAX = 64, TURNS = 8 };

struct sockets_args {
	const char *port, *remote_port, *name, *pid, *netns;
	uint64_t timeout_ns;
};

/* Which sockets are meant, and what they come to. */
struct tally {
	const struct socket_set *held; /* sorted; NULL: whoever holds them */
	uint64_t states[SOCK_STATES], tcp, udp;
	uint64_t backlog, backlog_limit;
	double backlog_share; /* of the fullest listener */
	uint64_t receive_queue, send_queue, drops, retransmits, rtt_us;
	bool rtt_known;
};

static int ino_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static int tally_add(void *ctx, const struct sock_facts *f)
{
	struct tally *t = ctx;
	if (t->held && (!f->ino || !t->held->n ||
	                !bsearch(&f->ino, t->held->ino, t->held->n, sizeof(f->ino), ino_compare)))
		return 0;
	t->drops += f->drops;
	if (f->udp) {
		t->udp++;
		t->receive_queue += f->receive_queue;
		t->send_queue += f->send_queue;
		return 0;
	}
	t->tcp++;
	t->states[f->state]++;
	if (f->state == SOCK_LISTEN) {
		double share = f->send_queue ? (double)f->receive_queue / (double)f->send_queue : 0;
		t->backlog += f->receive_queue;
		t->backlog_limit += f->send_queue;
		t->backlog_share = share > t->backlog_share ? share : t->backlog_share;
		return 0;
	}
	t->receive_queue += f->receive_queue;
	t->send_queue += f->send_queue;
	if (f->has_info) {
		t->retransmits += f->retransmits;
		t->rtt_us = f->rtt_us > t->rtt_us ? f->rtt_us : t->rtt_us;
		t->rtt_known = true;
	}
	return 0;
}

/* The ports of the question; false: this protocol is not meant. */
static bool ports_of(const struct sockets_args *a, bool udp, uint16_t *local, uint16_t *remote)
{
	struct port p = {0}, r = {0};
	bool good = true;
	if (a->port)
		good = port_parse(a->port, &p, NULL) == 0 && (udp ? p.udp : p.tcp);
	if (a->remote_port)
		good = good && port_parse(a->remote_port, &r, NULL) == 0 && (udp ? r.udp : r.tcp);
	*local = p.number;
	*remote = r.number;
	return good;
}

/* One namespace. What changed while it was listed is listed again. */
static int namespace_add(int nsfd, const struct sockets_args *a, struct tally *t, struct err *err)
{
	struct tally before = *t;
	int rc = 0;
	for (int turn = 0; turn < TURNS; turn++) {
		*t = before;
		for (int udp = 0; rc == 0 && udp < 2; udp++) {
			uint16_t local, remote;
			if (ports_of(a, udp, &local, &remote))
				rc = sock_diag_each(nsfd, udp, local, remote, tally_add, t, err);
		}
		if (rc != -EINTR)
			return rc;
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

static int namespace_open_add(const struct world *w, const char *path, const struct sockets_args *a,
                              struct tally *t, struct err *err)
{
	_cleanup_fd_ int ns = world_openat(w, path, O_RDONLY);
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", path);
	return namespace_add(ns, a, t, err);
}

/* In the namespaces of the processes that are meant, or in the one that is named. */
static int processes_add(const struct world *w, const struct sockets_args *a, const char *netns,
                         struct holders *h, struct tally *t, struct err *err)
{
	struct proc_match match = {.name = a->name, .pid = a->pid};
	int rc = proc_find(w, &match, holder_add, h, err);
	if (rc < 0 || !h->count)
		return rc;
	if (h->set.n)
		qsort(h->set.ino, h->set.n, sizeof(*h->set.ino), ino_compare);
	t->held = &h->set;
	if (netns)
		return namespace_open_add(w, netns, a, t, err);
	for (size_t i = 0; rc == 0 && i < h->ns_n; i++) {
		char path[40];
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)h->ns[i].pid);
		rc = namespace_open_add(w, path, a, t, err);
	}
	return rc;
}

static json_t *tally_doc(const struct tally *t)
{
	static const char *const names[SOCK_STATES] = {
	        NULL,        "established", "syn-sent",   "syn-recv", "fin-wait-1", "fin-wait-2",
	        "time-wait", "closed",      "close-wait", "last-ack", "listen",     "closing"};
	json_t *doc = json_object();
	doc_count(doc, "count", t->tcp + t->udp);
	doc_count(doc, "tcp", t->tcp);
	doc_count(doc, "udp", t->udp);
	for (size_t i = 0; i < SOCK_STATES; i++)
		if (names[i])
			doc_count(doc, names[i], t->states[i]);
	if (t->states[SOCK_LISTEN]) {
		doc_count(doc, "backlog", t->backlog);
		doc_count(doc, "backlog-limit", t->backlog_limit);
		doc_share(doc, "backlog-share", t->backlog_share);
	}
	doc_count(doc, "receive-queue", t->receive_queue);
	doc_count(doc, "send-queue", t->send_queue);
	doc_count(doc, "drops", t->drops);
	doc_count(doc, "retransmits", t->retransmits);
	if (t->rtt_known)
		doc_seconds(doc, "rtt", t->rtt_us * 1000);
	return doc;
}

/* In the forked process: it has one thread, so it may look into another namespace. */
static json_t *sockets_read(const struct world *w, const void *args, struct err *err)
{
	const struct sockets_args *a = args;
	struct holders h = {.w = w, .err = err};
	struct tally t = {0};
	char netns[NETNS_PATH_MAX];
	uint64_t ino;
	int rc = 0;
	if (!world_is_real(w)) {
		(void)err_set(err, -ENOSYS, "cannot list the sockets of a recorded machine");
		return NULL;
	}
	if (a->netns)
		rc = netns_find(w, a->netns, netns, &ino, err);
	if (rc == 0 && (a->name || a->pid))
		rc = processes_add(w, a, a->netns ? netns : NULL, &h, &t, err);
	else if (rc == 0)
		rc = a->netns ? namespace_open_add(w, netns, a, &t, err)
		              : namespace_add(-1, a, &t, err);
	socket_set_release(&h.set);
	if (rc < 0)
		return NULL;
	if (!a->name && !a->pid)
		return tally_doc(&t);
	json_t *doc = h.count ? tally_doc(&t) : json_object();
	doc_count(doc, "processes", h.count);
	return doc;
}

static int sockets_look(struct loop *loop, const struct world *w, const void *args,
                        struct span when, look_done *done, void *ctx, struct look **out,
                        struct err *err)
{
	const struct sockets_args *a = args;
	struct aside *aside = NULL;
	int rc = aside_start(loop, w, sockets_read, args, "the list of sockets", when.to_ns,
	                     a->timeout_ns, done, ctx, &aside, err);
	if (rc == 0)
		*out = (struct look *)aside;
	return rc;
}

static void sockets_leave(struct look *l)
{
	aside_cancel((struct aside *)l);
}

static int sockets_check(const void *args, struct err *err)
{
	const struct sockets_args *a = args;
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

#define AT(member) offsetof(struct sockets_args, member)
static const struct param sockets_params[] = {
        {"port", PARAM_TEXT, AT(port), .flags = PARAM_POSITIONAL,
         .help = "only with this port at this end: 6379, 6379/tcp, 53/udp"},
        {"remote-port", PARAM_TEXT, AT(remote_port),
         .help = "only with this port at the other end"},
        {"name", PARAM_TEXT, AT(name),
         .help = "only those that programs of this name hold; * and ? allowed"},
        {"pid", PARAM_TEXT, AT(pid), .help = "only those of this process, 4711 or 4711@START"},
        {"netns", PARAM_TEXT, AT(netns),
         .help = "in this network namespace, a name or a path as /proc/4711/ns/net; left out: that "
                 "of the processes, or squall's own"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for the look, counted from when it was due"},
        {NULL},
};

static const struct field sockets_fields[] = {
        {"processes", FIELD_NUMBER,
         "how many processes match; with name or pid. All below is absent when it is 0"},
        {"count", FIELD_NUMBER, "how many sockets, TCP and UDP"},
        {"tcp", FIELD_NUMBER, "how many of them are TCP"},
        {"udp", FIELD_NUMBER, "how many of them are UDP"},
        {"established", FIELD_NUMBER, "TCP connections in use"},
        {"syn-sent", FIELD_NUMBER, "connections asked for, not answered yet"},
        {"syn-recv", FIELD_NUMBER, "connections answered, not complete yet"},
        {"fin-wait-1", FIELD_NUMBER, "closed here, not acknowledged yet"},
        {"fin-wait-2", FIELD_NUMBER, "closed here, still open at the other end"},
        {"time-wait", FIELD_NUMBER, "closed, waiting for what may still be on its way"},
        {"closed", FIELD_NUMBER, "neither connected nor listening"},
        {"close-wait", FIELD_NUMBER,
         "closed at the other end, not by the program here: if they grow, it leaks"},
        {"last-ack", FIELD_NUMBER, "closed at both ends, not acknowledged yet"},
        {"listen", FIELD_NUMBER, "sockets that listen"},
        {"closing", FIELD_NUMBER, "closed at both ends at once"},
        {"backlog", FIELD_NUMBER,
         "connections that wait to be accepted, of all that listen; absent when none does"},
        {"backlog-limit", FIELD_NUMBER, "how many may wait"},
        {"backlog-share", FIELD_SHARE, "how full the fullest of them is"},
        {"receive-queue", FIELD_BYTES, "received, not read by the programs yet"},
        {"send-queue", FIELD_BYTES, "sent, not acknowledged by the other end yet"},
        {"drops", FIELD_NUMBER,
         "packets and connections thrown away for want of room, by the sockets that are there"},
        {"retransmits", FIELD_NUMBER,
         "segments sent again, by the connections that are established now"},
        {"rtt", FIELD_SECONDS,
         "round-trip time of the slowest established connection, as the kernel smooths it"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const sockets_examples[] = {
        "squall probe sockets 6379/tcp",
        "squall probe sockets --remote-port 5432 --name shop",
        "squall probe sockets 80 --netns blue",
        NULL,
};

const struct probe probe_sockets = {
        .kind =
                {
                        .name = "sockets",
                        .summary = "counts sockets by state, and shows how full their queues are",
                        .man = "Asks the kernel for the TCP and UDP sockets that match all that is "
                               "said. For a "
                               "port they are counted whoever holds them, also those that nobody "
                               "holds: in "
                               "time-wait, or not accepted yet. For a process they are those that "
                               "it holds, in "
                               "its own network namespace. Squall must be allowed to enter it; "
                               "without root only "
                               "one's own processes show their sockets.\n"
                               "\n"
                               "A leak shows as close-wait or established that grow, a service "
                               "that is stuck as "
                               "a backlog that fills, a bad network as retransmits and a "
                               "send-queue that stays. "
                               "No process that matches is an answer: processes is 0, and there "
                               "are no counts.",
                        .params = sockets_params,
                        .args_size = sizeof(struct sockets_args),
                        .fields = sockets_fields,
                        .examples = sockets_examples,
                        .check = sockets_check,
                },
        .start = sockets_look,
        .cancel = sockets_leave,
};
