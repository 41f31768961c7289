/* proc.kill: ends processes with a signal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fault/fault.h"

struct kill_args {
	const char *signal;
};

static int plan_kill(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct kill_args *a = args;
	BUF(object, OBJECT_MAX);
	BUF(says, SAYS_MAX);

	if (t->kind != TARGET_PROCESS)
		return err_set(err, -EINVAL, "proc.kill cannot be aimed at %s", t->name);
	proc_id_format(&object, t->proc);
	/* Turn 0: an attack kills a process once, however often it is planned. */
	buf_add(&object, "#0");
	buf_addf(&says, "SIG%s ends %s for good%s", a->signal, t->comm,
	         strcmp(a->signal, "KILL") == 0 ? ": it gets no chance to clean up"
	                                        : ", unless it handles the signal");
	*again_ns = 0;
	return plan_add(out, "kill", object.data, a->signal, says.data, err);
}

static int dose_kill(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	const struct kill_args *a = args;
	uint64_t was = counters_get(before, "killed"), now = counters_get(after, "killed");
	struct dose d = {0};

	snprintf(d.asked, sizeof(d.asked), "SIG%s", a->signal);
	snprintf(d.achieved, sizeof(d.achieved), "%llu ended",
	         (unsigned long long)(now > was ? now - was : 0));
	if (now <= was) {
		d.no_effect = true;
		snprintf(d.why, sizeof(d.why), "%s",
		         now ? "it had ended before" : "it still runs: the signal was handled");
	}
	*dose = d;
	return 0;
}

static const struct param params[] = {
        {.name = "signal",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct kill_args, signal),
         .dflt = "KILL",
         .choices = "KILL|TERM|INT|HUP|QUIT|ABRT|SEGV|BUS|FPE|ILL|SYS|TRAP|PIPE|ALRM|USR1|USR2|"
                    "XCPU|XFSZ",
         .help = "the signal; KILL cannot be handled, TERM asks, SEGV and ABRT look like a crash"},
        {NULL},
};

static const char *const needs[] = {"pidfd", NULL};
static const char *const steps[] = {"kill", NULL};

static const char *const examples[] = {
        "squall attack proc.kill --target process.pid=4711 --allow irreversible",
        "squall attack proc.kill --signal SEGV --target process.name=nginx,process.user=www-data "
        "--allow irreversible",
        "squall attack proc.kill --target process.listens=6379 --allow irreversible --dry-run",
        NULL,
};

const struct fault fault_proc_kill = {
        .kind =
                {
                        .name = "proc.kill",
                        .summary = "ends processes with a signal",
                        .man = "Sends the signal to each target, once, through a descriptor that "
                               "is certain "
                               "to be that very process: a process number that was given to "
                               "another in the "
                               "meantime is left alone.\n\n"
                               "There is no way back, so the file must say allow: [irreversible] "
                               "or the "
                               "command line --allow irreversible. Whether a supervisor starts it "
                               "again, and "
                               "how long that takes, is what the experiment is about: look at it "
                               "with the "
                               "process probe.\n\n"
                               "The dose is the number of processes that were alive before and are "
                               "gone "
                               "after. A process that handles the signal and lives on is "
                               "no-effect.",
                        .params = params,
                        .args_size = sizeof(struct kill_args),
                        .examples = examples,
                        .class_ = "state",
                        .instant = true,
                        .irreversible = true,
                        .targets = "process",
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_kill,
        .dose = dose_kill,
};
