/* sockets: how many there are, in which states, and how full their queues are. */
#include "probe/aside.h"
#include "probe/doc.h"
#include "probe/probe.h"
#include "probe/socket-choice.h"

struct sockets_args {
	struct socket_choice choice;
	uint64_t timeout_ns;
};

/* What they come to. */
struct tally {
	uint64_t states[SOCK_STATES], tcp, udp;
	uint64_t backlog, backlog_limit;
	double backlog_share; /* of the fullest listener */
	uint64_t receive_queue, send_queue, drops, retransmits, rtt_us;
	bool rtt_known;
};

static void tally_add(struct tally *t, const struct sock_facts *f)
{
	t->drops += f->drops;
	if (f->udp) {
		t->udp++;
		t->receive_queue += f->receive_queue;
		t->send_queue += f->send_queue;
		return;
	}
	t->tcp++;
	t->states[f->state]++;
	if (f->state == SOCK_LISTEN) {
		double share = f->send_queue ? (double)f->receive_queue / (double)f->send_queue : 0;
		t->backlog += f->receive_queue;
		t->backlog_limit += f->send_queue;
		t->backlog_share = share > t->backlog_share ? share : t->backlog_share;
		return;
	}
	t->receive_queue += f->receive_queue;
	t->send_queue += f->send_queue;
	if (f->has_info) {
		t->retransmits += f->retransmits;
		t->rtt_us = f->rtt_us > t->rtt_us ? f->rtt_us : t->rtt_us;
		t->rtt_known = true;
	}
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

struct counting {
	struct tally now, marked;
};

static int counting_each(void *ctx, const struct sock_facts *f)
{
	struct counting *c = ctx;
	tally_add(&c->now, f);
	return 0;
}

static void counting_mark(void *ctx)
{
	struct counting *c = ctx;
	c->marked = c->now;
}

static void counting_back(void *ctx)
{
	struct counting *c = ctx;
	c->now = c->marked;
}

/* In the forked process: it has one thread, so it may look into another namespace. */
static json_t *sockets_read(const struct world *w, const void *args, struct err *err)
{
	const struct sockets_args *a = args;
	struct counting c = {0};
	struct socket_found found;
	const struct socket_walk walk = {.tcp = true,
	                                 .udp = true,
	                                 .each = counting_each,
	                                 .mark = counting_mark,
	                                 .back = counting_back,
	                                 .ctx = &c};
	if (socket_choice_walk(w, &a->choice, &walk, &found, err) < 0)
		return NULL;
	if (!a->choice.name && !a->choice.pid)
		return tally_doc(&c.now);
	json_t *doc = found.processes ? tally_doc(&c.now) : json_object();
	doc_count(doc, "processes", found.processes);
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
	return socket_choice_check(&a->choice, err);
}

#define AT(member) offsetof(struct sockets_args, member)
static const struct param sockets_params[] = {
        {"port", PARAM_TEXT, AT(choice.port), .flags = PARAM_POSITIONAL,
         .help = "only with this port at this end: 6379, 6379/tcp, 53/udp"},
        {"remote-port", PARAM_TEXT, AT(choice.remote_port), .help = SOCKET_CHOICE_REMOTE},
        {"name", PARAM_TEXT, AT(choice.name), .help = SOCKET_CHOICE_NAME},
        {"pid", PARAM_TEXT, AT(choice.pid), .help = SOCKET_CHOICE_PID},
        {"netns", PARAM_TEXT, AT(choice.netns), .help = SOCKET_CHOICE_NETNS},
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
