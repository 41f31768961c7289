/* cgroup: what a cgroup uses of its processor time, memory and processes, and where it hits a
 * limit.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "machine/cgroup-files.h"
#include "machine/proc.h"
#include "probe/doc.h"
#include "probe/kept.h"
#include "probe/probe.h"

struct cgroup_args {
	const char *cgroup, *name, *pid, *listens;
	uint64_t over_ns, timeout_ns;
};

/* One reading: into the document, and into what is kept for the next one. */
struct reading {
	const struct world *w;
	const struct cgroup_files *files;
	const json_t *before;
	double elapsed;
	json_t *doc, *kept;
};

/* A total of this reading; returns by how much it has grown. */
static double grown(struct reading *r, const char *name, double now)
{
	doc_set(r->kept, name, json_real(now));
	return kept_grown(r->before, name, now);
}

/* Used and limit of one kind: "memory", "memory-limit", "memory-share". */
static void limited_add(struct reading *r, const char *name, const struct cgroup_place *p,
                        const char *used_file, const char *limit_file)
{
	/* Version 1 says "no limit" by a number near 2^63. */
	enum { NO_LIMIT_BIT = 62 };
	uint64_t used, limit;
	char field[32];
	bool has = cgroup_number(r->w, p->dir, used_file, &used);
	if (has)
		doc_count(r->doc, name, used);
	if (!cgroup_number(r->w, p->dir, limit_file, &limit) || limit >> NO_LIMIT_BIT)
		return;
	(void)snprintf(field, sizeof(field), "%s-limit", name);
	doc_count(r->doc, field, limit);
	(void)snprintf(field, sizeof(field), "%s-share", name);
	if (has && limit)
		doc_share(r->doc, field, (double)used / (double)limit);
}

static void cpu_use_add(struct reading *r)
{
	const struct cgroup_place *p = &r->files->of[CGROUP_CPUACCT];
	uint64_t used;
	bool has = p->v1 ? cgroup_number(r->w, p->dir, "cpuacct.usage", &used)
	                 : cgroup_keyed(r->w, p->dir, "cpu.stat", "usage_usec", &used);
	if (!has)
		return;
	double seconds = (double)used / (p->v1 ? 1e9 : 1e6);
	doc_set(r->doc, "cpu-seconds", json_real(seconds));
	double more = grown(r, "cpu-seconds", seconds);
	if (r->elapsed > 0)
		doc_share(r->doc, "cpu", more / r->elapsed);
}

/* The quota as a part of one processor; false: none. */
static bool quota_read(const struct reading *r, const struct cgroup_place *p, double *share)
{
	uint64_t quota, period;
	if (p->v1) {
		if (!cgroup_number(r->w, p->dir, "cpu.cfs_quota_us", &quota) ||
		    !cgroup_number(r->w, p->dir, "cpu.cfs_period_us", &period))
			return false;
	} else {
		unsigned long long a, b;
		BUF(text, 64);
		if (world_readf(r->w, &text, NULL, "%s/cpu.max", p->dir) < 0 ||
		    sscanf(text.data, "%llu %llu", &a, &b) != 2)
			return false;
		quota = a;
		period = b;
	}
	if (!period)
		return false;
	*share = (double)quota / (double)period;
	return true;
}

static void throttle_add(struct reading *r)
{
	const struct cgroup_place *p = &r->files->of[CGROUP_CPU];
	uint64_t periods, throttled, time;
	double share;
	if (!p->dir[0])
		return;
	if (quota_read(r, p, &share))
		doc_share(r->doc, "cpu-limit", share);
	if (!cgroup_keyed(r->w, p->dir, "cpu.stat", "nr_periods", &periods) ||
	    !cgroup_keyed(r->w, p->dir, "cpu.stat", "nr_throttled", &throttled) ||
	    !cgroup_keyed(r->w, p->dir, "cpu.stat", p->v1 ? "throttled_time" : "throttled_usec",
	                  &time))
		return;
	double seconds = (double)time / (p->v1 ? 1e9 : 1e6);
	doc_count(r->doc, "periods", periods);
	doc_count(r->doc, "throttled", throttled);
	doc_set(r->doc, "throttled-seconds", json_real(seconds));
	double more = grown(r, "throttled", (double)throttled);
	double of = grown(r, "periods", (double)periods);
	if (r->elapsed > 0)
		doc_share(r->doc, "throttled-share", of > 0 ? more / of : 0);
}

static void memory_add(struct reading *r)
{
	const struct cgroup_place *p = &r->files->of[CGROUP_MEMORY];
	uint64_t n;
	limited_add(r, "memory", p, p->v1 ? "memory.usage_in_bytes" : "memory.current",
	            p->v1 ? "memory.limit_in_bytes" : "memory.max");
	if (cgroup_number(r->w, p->dir, p->v1 ? "memory.max_usage_in_bytes" : "memory.peak", &n))
		doc_count(r->doc, "memory-peak", n);
	if (p->v1 ? cgroup_number(r->w, p->dir, "memory.failcnt", &n)
	          : cgroup_keyed(r->w, p->dir, "memory.events", "max", &n))
		doc_count(r->doc, "memory-limit-hits", n);
	if (!cgroup_keyed(r->w, p->dir, p->v1 ? "memory.oom_control" : "memory.events", "oom_kill",
	                  &n))
		return;
	const json_t *first = json_object_get(r->before, "oom-kills");
	uint64_t had = json_is_integer(first) ? (uint64_t)json_integer_value(first) : n;
	doc_count(r->kept, "oom-kills", had);
	doc_count(r->doc, "oom-kills", n);
	doc_count(r->doc, "new-oom-kills", n > had ? n - had : 0);
}

static void tasks_add(struct reading *r)
{
	const struct cgroup_place *p = &r->files->of[CGROUP_PIDS];
	uint64_t n;
	limited_add(r, "tasks", p, "pids.current", "pids.max");
	if (cgroup_keyed(r->w, p->dir, "pids.events", "max", &n))
		doc_count(r->doc, "tasks-refused", n);
}

static void processes_add(struct reading *r)
{
	const struct cgroup_files *f = r->files;
	const char *dir = f->v2;
	for (size_t i = 0; !dir[0] && i < CGROUP_CONTROLLERS; i++)
		dir = f->of[i].dir;
	pid_t none[1];
	int n = cgroup_processes(r->w, dir, none, 0, NULL);
	if (n >= 0)
		doc_count(r->doc, "processes", (uint64_t)n);
}

static json_t *files_read(const struct world *w, const struct cgroup_files *f, const json_t *before)
{
	uint64_t now = clock_boot_ns();
	struct reading r = {.w = w,
	                    .files = f,
	                    .before = before,
	                    .elapsed = kept_elapsed(before, now),
	                    .doc = json_object(),
	                    .kept = json_pack("{s:I, s:s}", "t", (json_int_t)now, "path", f->path)};
	bool v1 = false;
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		v1 |= f->of[i].v1;
	doc_set(r.doc, "exists", json_true());
	doc_set(r.doc, "path", json_string(f->path));
	doc_set(r.doc, "version", json_string(!v1 ? "2" : f->v2[0] ? "hybrid" : "1"));
	processes_add(&r);
	cpu_use_add(&r);
	throttle_add(&r);
	memory_add(&r);
	tasks_add(&r);
	doc_set(r.doc, "kept", r.kept);
	return r.doc;
}

/* All processes that are meant must be in one cgroup. */
struct search {
	const struct world *w;
	struct cgroup_files files;
	pid_t first;
	struct err *err;
};

static bool same_places(const struct cgroup_files *a, const struct cgroup_files *b)
{
	bool same = !strcmp(a->v2, b->v2);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		same = same && !strcmp(a->of[i].dir, b->of[i].dir);
	return same;
}

static int search_add(void *ctx, const struct proc *p)
{
	struct search *s = ctx;
	struct cgroup_files f;
	int rc = cgroup_files_find(s->w, NULL, p->id.pid, &f, s->err);
	if (rc == -ESRCH)
		return 0;
	if (rc < 0)
		return rc;
	if (s->first && !same_places(&f, &s->files)) {
		(void)err_set(s->err, -EINVAL,
		              "processes %d and %d match, and are in different cgroups",
		              (int)s->first, (int)p->id.pid);
		return err_hint(s->err, -EINVAL, "Name one by `pid`, or the group by `cgroup`.");
	}
	s->first = s->first ? s->first : p->id.pid;
	s->files = f;
	return 0;
}

/* 0, -ENOENT when there is none now, or what else failed. */
static int group_find(const struct world *w, const struct cgroup_args *a, struct cgroup_files *f,
                      struct err *err)
{
	if (a->cgroup)
		return cgroup_files_find(w, a->cgroup, 0, f, err);
	struct proc_match match = {.name = a->name, .pid = a->pid, .listens = a->listens};
	struct search s = {.w = w, .err = err};
	int rc = proc_find(w, &match, search_add, &s, err);
	if (rc == 0 && !s.first)
		return err_set(err, -ENOENT, "no process matches");
	if (rc == 0)
		*f = s.files;
	return rc;
}

static json_t *cgroup_read(const struct world *w, const void *args, const json_t *before,
                           struct err *err)
{
	const struct cgroup_args *a = args;
	struct cgroup_files f = {0};
	int rc = group_find(w, a, &f, err);
	if (rc == -ENOENT || rc == -ESRCH)
		return json_pack("{s:b}", "exists", 0);
	if (rc < 0)
		return NULL;
	/* Another group's counters are no measure for this one's. */
	const char *path = json_string_value(json_object_get(before, "path"));
	return files_read(w, &f, path && !strcmp(path, f.path) ? before : NULL);
}

static int cgroup_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                       look_done *done, void *ctx, struct look **out, struct err *err)
{
	const struct cgroup_args *a = args;
	BUF(what, 240);
	if (a->cgroup)
		buf_addf(&what, "cgroup \"%.200s\"", a->cgroup);
	else
		buf_add(&what, "the cgroup of a process");
	struct kept_spec spec = {.read = cgroup_read,
	                         .what = what.data,
	                         .over_ns = a->over_ns,
	                         .timeout_ns = a->timeout_ns};
	return kept_start(loop, w, &spec, args, when, done, ctx, out, err);
}

static int cgroup_check(const void *args, struct err *err)
{
	const struct cgroup_args *a = args;
	struct port port;
	struct proc_id id;
	char *end = NULL;
	if (!a->cgroup == !(a->name || a->pid || a->listens)) {
		(void)err_set(err, -EINVAL,
		              a->cgroup ? "a cgroup and a process are both named"
		                        : "nothing says which cgroup is meant");
		return err_hint(err, -EINVAL,
		                "Give its path, or a process in it by name, pid or listens.");
	}
	if (a->cgroup && a->cgroup[0] != '/') {
		(void)err_set(err, -EINVAL, "\"%.200s\" is not the path of a cgroup", a->cgroup);
		return err_hint(err, -EINVAL, "Start it with /, as /proc/PID/cgroup shows it.");
	}
	if (a->over_ns >= a->timeout_ns)
		return err_set(err, -EINVAL, "`over` must be less than `timeout`");
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

#define AT(member) offsetof(struct cgroup_args, member)
static const struct param cgroup_params[] = {
        {"cgroup", PARAM_TEXT, AT(cgroup), .flags = PARAM_POSITIONAL,
         .help = "its path, as /proc/PID/cgroup shows it, or its folder"},
        {"name", PARAM_TEXT, AT(name),
         .help = "the cgroup of the program of this name; * and ? allowed"},
        {"pid", PARAM_TEXT, AT(pid), .help = "the cgroup of this process, 4711 or 4711@START"},
        {"listens", PARAM_TEXT, AT(listens),
         .help = "the cgroup of the process that listens on this port, 6379 or 53/udp"},
        {"over", PARAM_DURATION, AT(over_ns), "100ms", "10ms", "10s",
         .help = "how long the first look measures cpu and throttled-share"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for the look, counted from when it was due"},
        {NULL},
};

static const struct field cgroup_fields[] = {
        {"exists", FIELD_BOOL, "whether it is there; the fields below are absent when it is not"},
        {"path", FIELD_TEXT, "its path below its hierarchy"},
        {"version", FIELD_TEXT, "1, 2, or hybrid: some controllers in version 1"},
        {"processes", FIELD_NUMBER, "processes in it, not counting those of cgroups below it"},
        {"cpu", FIELD_SHARE,
         "processor time since the look before, as a part of one processor: 200% is two of them"},
        {"cpu-seconds", FIELD_SECONDS, "processor time since the cgroup was made"},
        {"cpu-limit", FIELD_SHARE, "its quota, as a part of one processor; absent without one"},
        {"throttled-share", FIELD_SHARE,
         "part of the periods since the look before in which it was stopped by the quota"},
        {"periods", FIELD_NUMBER, "periods with a quota in which it ran, since it was made"},
        {"throttled", FIELD_NUMBER, "periods in which the quota stopped it, since it was made"},
        {"throttled-seconds", FIELD_SECONDS,
         "time for which it was stopped, all processors together, since it was made"},
        {"memory", FIELD_BYTES, "memory in use, page cache included"},
        {"memory-limit", FIELD_BYTES, "its own limit; absent without one"},
        {"memory-share", FIELD_SHARE, "memory as a part of the limit; absent without one"},
        {"memory-peak", FIELD_BYTES, "most memory ever in use; where the kernel keeps it"},
        {"memory-limit-hits", FIELD_NUMBER,
         "how often more was wanted than the limit allows, since it was made"},
        {"new-oom-kills", FIELD_NUMBER,
         "processes killed for want of memory since the first look of this run"},
        {"oom-kills", FIELD_NUMBER, "the same since the cgroup was made"},
        {"tasks", FIELD_NUMBER, "processes and threads in it and below it"},
        {"tasks-limit", FIELD_NUMBER, "how many there may be; absent without a limit"},
        {"tasks-share", FIELD_SHARE, "tasks as a part of the limit; absent without one"},
        {"tasks-refused", FIELD_NUMBER, "how often a new one was refused, since it was made"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const cgroup_examples[] = {
        "squall probe cgroup /system.slice/nginx.service",
        "squall probe cgroup --listens 6379 --over 1s",
        "squall probe cgroup --name postgres",
        NULL,
};

const struct probe probe_cgroup = {
        .kind =
                {
                        .name = "cgroup",
                        .summary = "shows what a cgroup uses, and whether it hits its limits",
                        .man = "Reads what the kernel counts for a cgroup: processor time and "
                               "throttling, memory "
                               "and kills for want of it, tasks. Version 1, version 2 and hybrid "
                               "set-ups are "
                               "read alike; a figure whose controller is not there is absent. "
                               "Limits are the "
                               "cgroup's own; one above it may be tighter.\n"
                               "\n"
                               "cpu and throttled-share are of the time since the look before. A "
                               "first look has "
                               "none before it, so it reads twice, as far apart as over says. The "
                               "other figures "
                               "are totals.\n"
                               "\n"
                               "A cgroup that is not there, or no process that matches, is an "
                               "answer: exists is "
                               "false. Of processes in several cgroups none is chosen: the look "
                               "fails.",
                        .params = cgroup_params,
                        .args_size = sizeof(struct cgroup_args),
                        .fields = cgroup_fields,
                        .examples = cgroup_examples,
                        .check = cgroup_check,
                },
        .start = cgroup_look,
        .cancel = kept_cancel,
};
