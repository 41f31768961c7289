/* proc.pause: stops processes for a while. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fault/fault.h"

struct pause_args {
	char none; /* a struct without members is not C */
};

static int plan_pause(const void *args, const struct target *t, const struct moment *moment,
                      const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                      struct err *err)
{
	BUF(object, OBJECT_MAX);
	BUF(says, SAYS_MAX);
	struct proc_stat st;
	int ret;

	if (t->kind != TARGET_PROCESS)
		return err_set(err, -EINVAL, "proc.pause cannot be aimed at %s", t->name);
	if (t->proc.pid == 1)
		return err_set(err, -EOPNOTSUPP,
		               "process 1 cannot be stopped: the kernel ignores SIGSTOP for it");
	proc_id_format(&object, t->proc);
	ret = proc_stat_read(w, t->proc.pid, &st, err);
	if (ret < 0)
		return ret;
	if (st.start != t->proc.start)
		return err_set(err, -ESRCH, "%s is gone", t->name);
	/* Planned again while it is in effect, the process is stopped by us. */
	if (st.state == 'T' && moment->turn == 0)
		buf_addf(&says, "%s is stopped already: no effect, and it stays stopped", t->comm);
	else
		buf_addf(&says, "%s stands still: the kernel takes its connections, nobody answers",
		         t->comm);
	*again_ns = 0;
	return plan_add(out, "signal", object.data, "stopped", says.data, err);
}

static int dose_pause(const void *args, const struct counters *before, const struct counters *after,
                      struct dose *dose, struct err *err)
{
	uint64_t was = counters_get(before, "stopped"), now = counters_get(after, "stopped");
	struct dose d = {0};

	snprintf(d.asked, sizeof(d.asked), "stopped");
	snprintf(d.achieved, sizeof(d.achieved), "%llu stopped",
	         (unsigned long long)(now > was ? now - was : 0));
	if (now <= was) {
		d.no_effect = true;
		snprintf(d.why, sizeof(d.why), "%s",
		         now ? "it was stopped before" : "somebody else continued or ended it");
	}
	*dose = d;
	return 0;
}

static const struct param params[] = {{NULL}};

static const char *const needs[] = {"pidfd", NULL};
static const char *const steps[] = {"signal", NULL};

static const char *const examples[] = {
        "squall attack proc.pause --target process.pid=4711 --for 10s",
        "squall attack proc.pause --target process.listens=6379 --for 30s",
        "squall attack proc.pause --target process.name=nginx,process.parent=1 --for 5s --dry-run",
        NULL,
};

const struct fault fault_proc_pause = {
        .kind =
                {
                        .name = "proc.pause",
                        .summary = "stops processes, and lets them go on",
                        .man = "Stops each target with SIGSTOP and continues it with SIGCONT. To "
                               "its clients "
                               "a stopped server is the hardest kind of failure: the port is open, "
                               "the kernel "
                               "completes connections and takes data until its buffers are full, "
                               "and no answer "
                               "ever comes. Time-outs, not refused connections, must find it.\n\n"
                               "Only the process itself is stopped, not its children. A process "
                               "that is "
                               "stopped already is left as it is, also afterwards, and the dose "
                               "says "
                               "no-effect. A parent that waits for stopped children (a shell with "
                               "job "
                               "control) notices.\n\n"
                               "A stopped process stays stopped when all of squall is killed; "
                               "squall undo, "
                               "or a reboot, ends that.",
                        .params = params,
                        .args_size = sizeof(struct pause_args),
                        .examples = examples,
                        .class_ = "state",
                        .targets = "process",
                        .whole = true,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_pause,
        .dose = dose_pause,
};
