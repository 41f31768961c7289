/* pressure: how long work has to wait for the processor, for memory or for disks. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/quantity.h"
#include "machine/cgroup.h"
#include "probe/doc.h"
#include "probe/kept.h"
#include "probe/probe.h"

struct pressure_args {
	const char *resource, *cgroup;
	uint64_t over_ns;
};

/* One line, "some avg10=0.12 avg60=0.05 avg300=0.01 total=8716251" (kernel, accounting/psi.rst). */
static bool line_add(const char *line, json_t *doc, json_t *kept, const json_t *before,
                     double elapsed)
{
	char word[8], name[32];
	double avg[3];
	unsigned long long total_us;
	if (sscanf(line, "%7s avg10=%lf avg60=%lf avg300=%lf total=%llu", word, &avg[0], &avg[1],
	           &avg[2], &total_us) != 5 ||
	    (strcmp(word, "some") != 0 && strcmp(word, "full") != 0))
		return false;
	static const char *const spans[] = {"avg10", "avg60", "avg300"};
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		(void)snprintf(name, sizeof(name), "%s-%s", word, spans[i]);
		doc_set(doc, name, json_real(avg[i]));
	}
	double total = (double)total_us / 1e6;
	(void)snprintf(name, sizeof(name), "%s-total", word);
	doc_set(doc, name, json_real(total));
	doc_set(kept, word, json_real(total));
	/* The clock is read a moment after the counter: a little more than all is all. */
	double share = elapsed > 0 ? kept_grown(before, word, total) / elapsed : 0;
	if (elapsed > 0)
		doc_share(doc, word, share < 1 ? share : 1);
	return true;
}

static void psi_add(const char *text, json_t *doc, const json_t *before)
{
	uint64_t now = clock_boot_ns();
	json_t *kept = json_pack("{s:I}", "t", (json_int_t)now);
	double elapsed = kept_elapsed(before, now);
	bool any = false;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		any |= line_add(line, doc, kept, before, elapsed);
	}
	if (any)
		doc_set(doc, "kept", kept);
	else
		json_decref(kept);
}

static void loadavg_add(const struct world *w, json_t *doc)
{
	double load[3];
	BUF(text, 128);
	if (world_read(w, "/proc/loadavg", &text, NULL) < 0 ||
	    sscanf(text.data, "%lf %lf %lf", &load[0], &load[1], &load[2]) != 3)
		return;
	doc_set(doc, "load1", json_real(load[0]));
	doc_set(doc, "load5", json_real(load[1]));
	doc_set(doc, "load15", json_real(load[2]));
}

/* A line of "NAME NUMBER"; -1: there is none. */
static int64_t number_after(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = text; line && *line; line += *line == '\n') {
		if (!strncmp(line, name, n) && strchr(" \t:", line[n]))
			return strtoll(line + n + 1, NULL, 10);
		line += strcspn(line, "\n");
	}
	return -1;
}

/* The line of interrupts can be very long, but procs_running comes late. */
static void stat_add(const struct world *w, json_t *doc)
{
	enum { STAT_MAX = 1 << 20 };
	_cleanup_free_ char *room = malloc(STAT_MAX);
	struct buf text;
	if (!room)
		return;
	buf_init(&text, room, STAT_MAX);
	if (world_read(w, "/proc/stat", &text, NULL) < 0)
		return;
	int64_t running = number_after(text.data, "procs_running");
	int64_t blocked = number_after(text.data, "procs_blocked"), cpus = 0;
	for (const char *c = text.data; (c = strstr(c, "\ncpu")); c++)
		cpus++;
	if (running >= 0)
		doc_set(doc, "running", json_integer(running));
	if (blocked >= 0)
		doc_set(doc, "blocked", json_integer(blocked));
	if (cpus > 0)
		doc_set(doc, "cpus", json_integer(cpus));
}

/* The eighth figure of a "cpuN" line: nanoseconds that tasks have waited (scheduler/sched-stats).
 */
static void schedstat_add(const struct world *w, json_t *doc)
{
	enum { SCHEDSTAT_MAX = 1 << 20 };
	_cleanup_free_ char *room = malloc(SCHEDSTAT_MAX);
	struct buf text;
	double waited_ns = 0;
	bool any = false;
	if (!room)
		return;
	buf_init(&text, room, SCHEDSTAT_MAX);
	if (world_read(w, "/proc/schedstat", &text, NULL) < 0)
		return;
	for (const char *line = text.data; line; line = strchr(line, '\n')) {
		unsigned long long wait;
		line += *line == '\n';
		if (sscanf(line, "cpu%*u %*u %*u %*u %*u %*u %*u %*u %llu", &wait) == 1) {
			waited_ns += (double)wait;
			any = true;
		}
	}
	if (any)
		doc_set(doc, "run-wait-total", json_real(waited_ns / 1e9));
}

static void meminfo_add(const struct world *w, json_t *doc)
{
	BUF(text, 8192);
	if (world_read(w, "/proc/meminfo", &text, NULL) < 0)
		return;
	int64_t all = number_after(text.data, "MemTotal");
	int64_t available = number_after(text.data, "MemAvailable");
	if (all <= 0 || available < 0)
		return;
	doc_set(doc, "memory-available", json_integer(available * 1024));
	doc_share(doc, "memory-available-share", (double)available / (double)all);
}

static int host_psi(const struct world *w, const struct pressure_args *a, struct buf *text,
                    struct err *err)
{
	int rc = world_readf(w, text, err, "/proc/pressure/%s", a->resource);
	/* Not built into the kernel, or switched off by psi=0. */
	return rc == -ENOENT || rc == -EOPNOTSUPP ? -ENOENT : rc;
}

static int cgroup_psi(const struct world *w, const struct pressure_args *a, struct buf *text,
                      struct err *err)
{
	struct cgroups c;
	char dir[CGROUP_PATH_MAX];
	int rc = cgroups_read(w, &c, err);
	if (rc < 0)
		return rc;
	if (cgroup_dir(w, &c.v2, a->cgroup, dir) < 0) {
		(void)err_set(err, -ENOENT, "there is no cgroup \"%.200s\" of version 2",
		              a->cgroup);
		return err_hint(err, -ENOENT,
		                "Pressure of a cgroup is told by version 2 only; "
		                "\"cat /proc/PID/cgroup\" shows the path after \"0::\".");
	}
	rc = world_readf(w, text, err, "%s/%s.pressure", dir, a->resource);
	if (rc == -ENOENT || rc == -EOPNOTSUPP) {
		(void)err_set(err, rc, "cgroup \"%.200s\" does not tell its %s pressure", a->cgroup,
		              a->resource);
		return err_hint(err, rc,
		                "The kernel does not account for it, psi=0 is among its "
		                "parameters, or cgroup.pressure of this group is 0.");
	}
	return rc;
}

static json_t *pressure_read(const struct world *w, const void *args, const json_t *before,
                             struct err *err)
{
	const struct pressure_args *a = args;
	BUF(text, 1024);
	int rc = a->cgroup ? cgroup_psi(w, a, &text, err) : host_psi(w, a, &text, err);
	if (rc < 0 && (a->cgroup || rc != -ENOENT))
		return NULL;
	json_t *doc = json_object();
	if (!doc) {
		(void)err_sys(err, ENOMEM, "could not keep the pressure");
		return NULL;
	}
	doc_set(doc, "source", json_string(rc < 0 ? "load" : "psi"));
	if (rc == 0)
		psi_add(text.data, doc, before);
	if (!a->cgroup) {
		loadavg_add(w, doc);
		stat_add(w, doc);
		schedstat_add(w, doc);
		meminfo_add(w, doc);
	}
	return doc;
}

static int pressure_look(struct loop *loop, const struct world *w, const void *args,
                         struct span when, look_done *done, void *ctx, struct look **out,
                         struct err *err)
{
	const struct pressure_args *a = args;
	struct kept_spec spec = {
	        .read = pressure_read, .what = "the pressure", .here = true, .over_ns = a->over_ns};
	return kept_start(loop, w, &spec, args, when, done, ctx, out, err);
}

static int pressure_check(const void *args, struct err *err)
{
	const struct pressure_args *a = args;
	if (a->cgroup && a->cgroup[0] != '/') {
		(void)err_set(err, -EINVAL, "\"%.200s\" is not the path of a cgroup", a->cgroup);
		return err_hint(err, -EINVAL, "Start it with /, as /proc/PID/cgroup shows it.");
	}
	return 0;
}

#define AT(member) offsetof(struct pressure_args, member)
static const struct param pressure_params[] = {
        {"resource", PARAM_ENUM, AT(resource), .choices = "cpu|memory|io|irq",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL, .help = "what is waited for"},
        {"cgroup", PARAM_TEXT, AT(cgroup),
         .help = "only in this cgroup (version 2), as /proc/PID/cgroup shows it; all of the "
                 "host if left out"},
        {"over", PARAM_DURATION, AT(over_ns), "100ms", "10ms", "10s",
         .help = "how long the first look measures some and full"},
        {NULL},
};

static const struct field pressure_fields[] = {
        {"source", FIELD_TEXT,
         "psi: the kernel tells pressure; load: it does not (it is not built in, or switched "
         "off), and all fields of some and full are absent"},
        {"some", FIELD_SHARE,
         "part of the time since the look before in which at least one task waited"},
        {"some-avg10", FIELD_NUMBER, "the kernel's own average over 10 s, in percent (0 to 100)"},
        {"some-avg60", FIELD_NUMBER, "the same over a minute"},
        {"some-avg300", FIELD_NUMBER, "the same over five minutes"},
        {"some-total", FIELD_SECONDS, "time with a waiting task, since boot or since the cgroup"},
        {"full", FIELD_SHARE,
         "part of the time since the look before in which every task that had work waited"},
        {"full-avg10", FIELD_NUMBER, "the kernel's own average over 10 s, in percent (0 to 100)"},
        {"full-avg60", FIELD_NUMBER, "the same over a minute"},
        {"full-avg300", FIELD_NUMBER, "the same over five minutes"},
        {"full-total", FIELD_SECONDS, "time in which every task waited"},
        {"load1", FIELD_NUMBER, "load average of a minute; this and all below for the host only"},
        {"load5", FIELD_NUMBER, "load average of five minutes"},
        {"load15", FIELD_NUMBER, "load average of fifteen minutes"},
        {"running", FIELD_NUMBER, "tasks that run or wait for a processor now"},
        {"blocked", FIELD_NUMBER, "tasks that wait for a disk now"},
        {"cpus", FIELD_NUMBER, "processors that are on"},
        {"run-wait-total", FIELD_SECONDS,
         "time that tasks have waited in the run queues, all processors together; where the "
         "kernel counts it"},
        {"memory-available", FIELD_BYTES, "memory that can be had without swapping"},
        {"memory-available-share", FIELD_SHARE, "the same as a part of all memory"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const pressure_examples[] = {
        "squall probe pressure memory",
        "squall probe pressure cpu --over 2s",
        "squall probe pressure io --cgroup /system.slice/postgresql.service",
        NULL,
};

const struct probe probe_pressure = {
        .kind =
                {
                        .name = "pressure",
                        .summary = "shows how much work waits for the processor, memory or disks",
                        .man = "Reads the kernel's pressure stall information: which part of the "
                               "time some, or "
                               "all, of the tasks that had work could not go on for want of a "
                               "resource. avg10 "
                               "moves within seconds; some and full tell of the time since the "
                               "look before, to "
                               "the microsecond. A first look has none before it, so it reads "
                               "twice, as far "
                               "apart as over says.\n"
                               "\n"
                               "Where the kernel does not tell pressure, source is load: the load "
                               "averages and "
                               "the length of the run queue are there, which are always shown for "
                               "the host, and "
                               "nothing is put in the place of the fields of some and full. An "
                               "expectation of "
                               "one of them is a miss then, and an abort condition is crossed. A "
                               "cgroup without "
                               "pressure is a failed look.\n"
                               "\n"
                               "Fit for an abort condition: nothing is started for a look, so it "
                               "works with no "
                               "process number left and with memory short.",
                        .params = pressure_params,
                        .args_size = sizeof(struct pressure_args),
                        .fields = pressure_fields,
                        .examples = pressure_examples,
                        .check = pressure_check,
                },
        .start = pressure_look,
        .cancel = kept_cancel,
};
