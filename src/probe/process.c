/* process: which processes are there, and how they are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "machine/proc.h"
#include "probe/aside.h"
#include "probe/doc.h"
#include "probe/probe.h"

enum { PIDS_MAX = 1000 };

struct process_args {
	const char *name, *exe, *cmdline, *pid, *user, *listens, *parent;
	uint64_t timeout_ns;
};

struct tally {
	const struct world *w;
	json_t *pids, *states;
	uint64_t count, stopped, ticks, rss_bytes, youngest;
};

static const char *state_word(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "waiting"; /* for the kernel, uninterruptibly */
	case 'T':
		return "stopped";
	case 't':
		return "traced";
	case 'I':
		return "idle";
	default:
		return "dead";
	}
}

/* Resident set in bytes: the second figure of statm (proc_pid_statm(5)). */
static uint64_t rss_of(const struct world *w, pid_t pid)
{
	BUF(text, 128);
	if (world_readf(w, &text, NULL, "/proc/%d/statm", (int)pid) < 0)
		return 0;
	const char *second = strchr(text.data, ' ');
	return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int tally_add(void *ctx, const struct proc *p)
{
	struct tally *t = ctx;
	struct proc_stat st;
	/* It may have gone, or its number be another's, since it was found. */
	if (proc_stat_read(t->w, p->id.pid, &st, NULL) < 0 || st.start != p->id.start)
		return 0;
	if (t->count++ < PIDS_MAX) {
		(void)json_array_append_new(t->pids, json_integer(p->id.pid));
		(void)json_array_append_new(t->states, json_string(state_word(st.state)));
	}
	t->stopped += st.state == 'T' || st.state == 't';
	t->ticks += st.utime + st.stime;
	t->rss_bytes += rss_of(t->w, p->id.pid);
	if (st.start > t->youngest)
		t->youngest = st.start;
	return 0;
}

static json_t *process_read(const struct world *w, const void *args, struct err *err)
{
	const struct process_args *a = args;
	struct proc_match match = {
	        .name = a->name,
	        .exe = a->exe,
	        .cmdline = a->cmdline,
	        .pid = a->pid,
	        .user = a->user,
	        .listens = a->listens,
	        .parent = a->parent,
	};
	struct tally t = {.w = w, .pids = json_array(), .states = json_array()};
	int rc = proc_find(w, &match, tally_add, &t, err);
	if (rc < 0)
		return NULL;
	json_t *doc = json_object();
	double hz = (double)sysconf(_SC_CLK_TCK);
	doc_set(doc, "count", json_integer((json_int_t)t.count));
	doc_set(doc, "pids", t.pids);
	doc_set(doc, "states", t.states);
	doc_set(doc, "stopped", json_integer((json_int_t)t.stopped));
	doc_set(doc, "cpu-seconds", json_real((double)t.ticks / hz));
	doc_set(doc, "rss", json_integer((json_int_t)t.rss_bytes));
	double age = (double)clock_boot_ns() / 1e9 - (double)t.youngest / hz;
	if (t.count)
		doc_set(doc, "uptime", json_real(age > 0 ? age : 0));
	return doc;
}

static int process_look(struct loop *loop, const struct world *w, const void *args,
                        struct span when, look_done *done, void *ctx, struct look **out,
                        struct err *err)
{
	const struct process_args *a = args;
	struct aside *aside = NULL;
	int rc = aside_start(loop, w, process_read, args, "the list of processes", when.to_ns,
	                     a->timeout_ns, done, ctx, &aside, err);
	if (rc == 0)
		*out = (struct look *)aside;
	return rc;
}

static void process_leave(struct look *l)
{
	aside_cancel((struct aside *)l);
}

static int process_check(const void *args, struct err *err)
{
	const struct process_args *a = args;
	if (!a->name && !a->exe && !a->cmdline && !a->pid && !a->user && !a->listens && !a->parent)
		return err_set(err, -EINVAL, "nothing says which processes are meant");
	struct port port;
	struct proc_id id;
	char *end = NULL;
	if (a->listens && port_parse(a->listens, &port, err) < 0)
		return -EINVAL;
	if (!a->pid)
		return 0;
	if (strchr(a->pid, '@'))
		return proc_id_parse(a->pid, &id, err);
	if (a->pid[0] < '1' || a->pid[0] > '9' || strtoul(a->pid, &end, 10) > INT32_MAX || *end)
		return err_set(err, -EINVAL, "\"%.60s\" is not the number of a process", a->pid);
	return 0;
}

#define AT(member) offsetof(struct process_args, member)
static const struct param process_params[] = {
        {"name", PARAM_TEXT, AT(name), .flags = PARAM_POSITIONAL,
         .help = "name of the program, as ps shows it; * and ? allowed"},
        {"exe", PARAM_TEXT, AT(exe), .flags = PARAM_PATH,
         .help = "file that is run: its path or its name; * and ? allowed"},
        {"cmdline", PARAM_TEXT, AT(cmdline), .help = "text within the command line"},
        {"pid", PARAM_TEXT, AT(pid), .help = "its number, or NUMBER@START as squall writes it"},
        {"user", PARAM_TEXT, AT(user), .help = "who runs it: name or number"},
        {"listens", PARAM_TEXT, AT(listens), .help = "port it listens on: 6379, 6379/tcp, 53/udp"},
        {"parent", PARAM_TEXT, AT(parent), .help = "name or number of its parent"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "1m",
         .help = "greatest time for the look, counted from when it was due"},
        {NULL},
};

static const struct field process_fields[] = {
        {"count", FIELD_NUMBER, "how many there are; those that have ended (zombies) do not count"},
        {"pids", FIELD_LIST, "their numbers, in order (1000 at most)"},
        {"states", FIELD_LIST,
         "their states in that order: running, sleeping, waiting, stopped, traced, idle"},
        {"stopped", FIELD_NUMBER, "how many of them are stopped or traced"},
        {"cpu-seconds", FIELD_SECONDS, "processor time that they have used together"},
        {"rss", FIELD_BYTES,
         "memory that they have resident together; shared pages count for each"},
        {"uptime", FIELD_SECONDS,
         "time since the youngest of them started; absent when there is none"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const process_examples[] = {
        "squall probe process nginx",
        "squall probe process --listens 6379/tcp",
        "squall probe process --exe /usr/sbin/nginx --user www-data",
        NULL,
};

const struct probe probe_process = {
        .kind =
                {
                        .name = "process",
                        .summary = "shows which processes are there and how they are",
                        .man = "Finds processes as the process selector does: all that is said "
                               "must hold. "
                               "None is an answer too: count is 0. A small uptime tells that one "
                               "of them was "
                               "started again. Without root, only one's own processes show what "
                               "they listen "
                               "on.",
                        .params = process_params,
                        .args_size = sizeof(struct process_args),
                        .fields = process_fields,
                        .examples = process_examples,
                        .check = process_check,
                },
        .start = process_look,
        .cancel = process_leave,
};
