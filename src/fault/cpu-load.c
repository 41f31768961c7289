/* cpu.load: uses a share of CPUs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpus.h"
#include "base/quantity.h"
#include "fault/held-plan.h"
#include "machine/cgroup.h"

struct load_args {
	uint64_t load_ppm;
	const char *mode, *cpus, *cpu_list;
};

static bool is_total(const struct load_args *a)
{
	return strcmp(a->mode, "total") == 0;
}

/* The list behind a word of /proc/PID/status; -ENOENT when it is not there. */
static int allowed_read(const struct world *w, pid_t pid, struct cpus *cpus, struct err *err)
{
	static const char word[] = "\nCpus_allowed_list:\t";
	char who[16] = "self", *list;
	int ret;
	BUF(status, 8192);

	if (pid)
		snprintf(who, sizeof(who), "%d", pid);
	ret = world_readf(w, &status, NULL, "/proc/%s/status", who);
	list = ret == 0 ? strstr(status.data, word) : NULL;
	if (!list)
		return ret < 0 ? ret : -ENOENT;
	list += sizeof(word) - 1;
	list[strcspn(list, "\n")] = '\0';
	return cpus_parse(list, cpus, err);
}

/* The CPUs that there are for the target: those that are online, less what its processes may not
 * use. */
static int usable_read(const struct world *w, const struct target *t, struct cpus *cpus,
                       struct err *err)
{
	struct cpus allowed;
	pid_t pid = t->proc.pid;
	int ret;
	BUF(online, 4096);

	ret = world_read(w, "/sys/devices/system/cpu/online", &online, err);
	if (ret == 0)
		ret = cpus_parse(online.data, cpus, err);
	if (ret < 0)
		return err_wrap(err, ret, "could not find out which CPUs there are");
	if (t->kind == TARGET_CGROUP)
		(void)!cgroup_processes(w, t->cgroup_cpu, &pid, 1, NULL);
	if (allowed_read(w, pid, &allowed, NULL) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(cpus->bits); i++)
			cpus->bits[i] &= allowed.bits[i];
	return 0;
}

/* Those that are asked for. */
static int cpus_choose(const struct load_args *a, const struct world *w, const struct target *t,
                       struct cpus *to, struct err *err)
{
	const char *count = a->cpus ? a->cpus : is_total(a) ? "all" : "1";
	struct cpus usable, chosen = {{0}};
	size_t there, want;
	int ret = usable_read(w, t, &usable, err);

	if (ret < 0)
		return ret;
	there = cpus_count(&usable);
	if (a->cpu_list) {
		ret = cpus_parse(a->cpu_list, &chosen, err);
		for (size_t i = 0; ret == 0 && i < CPUS_MAX; i++)
			if (cpus_has(&chosen, i) && !cpus_has(&usable, i)) {
				BUF(list, 64);

				cpus_format(&usable, &list);
				err_set(err, -EINVAL, "CPU %zu cannot be used for %s", i, t->name);
				return err_hint(err, -EINVAL, "Those that can: %s.", list.data);
			}
		*to = chosen;
		return ret;
	}
	want = strcmp(count, "all") == 0 ? there : strtoul(count, NULL, 10);
	if (want > there)
		return err_hint(err,
		                err_set(err, -EINVAL, "%zu CPUs are asked for, %s has %zu", want,
		                        t->name, there),
		                "\"cpus: all\" takes those that there are.");
	for (size_t i = 0; i < CPUS_MAX && want; i++)
		if (cpus_has(&usable, i)) {
			cpus_add(&chosen, i);
			want--;
		}
	*to = chosen;
	return 0;
}

static int plan_load(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct load_args *a = args;
	struct cpus cpus;
	int ret;
	BUF(list, STATE_MAX - 64);
	BUF(to, STATE_MAX);
	BUF(says, SAYS_MAX);

	if (t->kind == TARGET_NETNS)
		return err_set(err, -EINVAL, "cpu.load cannot be aimed at %s", t->name);
	if (t->kind != TARGET_HOST && !t->cgroup_cpu[0]) {
		err_set(err, -EINVAL, "no cgroup of %s has its CPU time counted", t->name);
		return err_hint(
		        err, -EINVAL,
		        "Aim at the host; or, in version 2, enable the cpu controller: echo "
		        "+cpu > cgroup.subtree_control in the cgroup above.");
	}
	ret = cpus_choose(a, w, t, &cpus, err);
	if (ret < 0)
		return ret;
	cpus_format(&cpus, &list);
	if (list.over)
		return err_set(err, -E2BIG, "the list of CPUs is too long: %s", list.data);
	buf_addf(&to, "load=%llu cpus=%s mode=%s", (unsigned long long)a->load_ppm, list.data,
	         a->mode);
	if (is_total(a)) {
		buf_add(&says, "brings the use of each CPU to ");
		share_format(&says, a->load_ppm);
		buf_add(&says, ", with what others use counted in");
	} else {
		buf_add(&says, "burns ");
		share_format(&says, a->load_ppm);
		buf_addf(&says, " of %s", cpus_count(&cpus) == 1 ? "one CPU" : "each CPU");
	}
	if (t->kind != TARGET_HOST)
		buf_add(&says, "; within the cgroup, and its limits");
	*again_ns = 0;
	out->threads += cpus_count(&cpus);
	return held_plan(out, "cpu", run, t, moment, t->kind == TARGET_HOST ? "" : t->cgroup_cpu, w,
	                 to.data, says.data, err);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static int dose_load(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	const struct load_args *a = args;
	uint64_t held = counters_grown(before, after, "held_ns"),
	         burnt = counters_grown(before, after, "burnt_ns");
	double asked = percent(counters_grown(before, after, "asked_ns"), held),
	       got = percent(burnt, held);
	unsigned long long cpus = counters_get(after, "cpus");
	struct dose d = {.no_effect = burnt == 0};
	struct buf text, why;

	buf_init(&text, d.asked, sizeof(d.asked));
	share_format(&text, a->load_ppm);
	buf_addf(&text, " of %s", a->cpu_list ? "CPU " : "");
	if (a->cpu_list)
		buf_add_shown(&text, a->cpu_list, 40);
	else
		buf_addf(&text, "%llu CPU%s", cpus, cpus == 1 ? "" : "s");
	buf_add(&text, is_total(a) ? ", with what others use" : "");
	buf_init(&text, d.achieved, sizeof(d.achieved));
	if (is_total(a)) {
		double use = percent(counters_grown(before, after, "busy_ns"),
		                     counters_grown(before, after, "watched_ns"));

		buf_addf(&text, "%.1f%% in use, %.2f%% of it burnt here", use, got);
		d.no_effect |= held && use - got >= asked; /* others alone use as much */
	} else {
		buf_addf(&text, "%.2f%%", got);
	}
	if (!is_total(a) && got < asked - 1) {
		buf_add(&text, ": others had the CPU for ");
		duration_format_short(&text, counters_grown(before, after, "waited_ns"));
		if (counters_get(after, "realtime"))
			buf_add(&text, " at a higher priority");
		else if (counters_get(after, "better_nice"))
			buf_add(&text, ", real-time priority was not to be had");
		else
			buf_add(&text, ", and no better priority was allowed");
	}
	held_lost(after, &text);
	buf_init(&why, d.why, sizeof(d.why));
	if (d.no_effect)
		buf_add(&why, is_total(a) && held ? "others use as much already" : "it never ran");
	*dose = d;
	return 0;
}

static int check_load(const void *args, struct err *err)
{
	const struct load_args *a = args;
	struct cpus cpus;
	uint64_t n;
	int ret;

	if (a->cpus && a->cpu_list)
		return err_set(err, -EINVAL, "\"cpus\" and \"cpu-list\" exclude each other");
	if (a->cpus && strcmp(a->cpus, "all") != 0 &&
	    (count_parse(a->cpus, &n, NULL) < 0 || n < 1 || n > CPUS_MAX))
		return err_hint(err,
		                err_set(err, -EINVAL, "cpus \"%s\" is no number of CPUs", a->cpus),
		                "Write a number, or all.");
	if (!a->cpu_list)
		return 0;
	ret = cpus_parse(a->cpu_list, &cpus, err);
	if (ret == 0 && !cpus_count(&cpus))
		return err_set(err, -EINVAL, "the list of CPUs is empty");
	return ret < 0 ? -EINVAL : 0;
}

static const struct param params[] = {
        {.name = "load",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct load_args, load_ppm),
         .min = "0.1%",
         .max = "100%",
         .help = "share of each CPU",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "mode",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct load_args, mode),
         .dflt = "own",
         .choices = "own|total",
         .help = "own: burn that share; total: burn what is missing until all use of the CPU is "
                 "it"},
        {.name = "cpus",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct load_args, cpus),
         .help = "how many CPUs, or all (left out: 1; in mode total all)"},
        {.name = "cpu-list",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct load_args, cpu_list),
         .help = "which CPUs instead: 0,2-3"},
        {NULL},
};

static const char *const needs[] = {NULL};
static const char *const steps[] = {"held", NULL};

static const char *const examples[] = {
        "squall attack cpu.load 40% --target host --for 1m",
        "squall attack cpu.load 80% --mode total --target host --for 1m",
        "squall attack cpu.load --load 100% --cpus all --target cgroup=/shop --for 30s --dry-run",
        NULL,
};

const struct fault fault_cpu_load = {
        .kind =
                {
                        .name = "cpu.load",
                        .summary = "uses a share of CPUs",
                        .man = "A thread on each CPU burns a share of it, evenly: measured by "
                               "its own CPU time and corrected each 10ms. In mode total it burns "
                               "what is missing until all use of the CPU, that of others "
                               "included, comes to the share.\n\n"
                               "So that a busy machine cannot take the share away the threads "
                               "run with real-time priority where that is allowed, for at most "
                               "four fifths of each 10ms; what is asked above that is burnt as "
                               "everybody else burns. A fifth of each CPU is left to the "
                               "machine whatever is asked, and squall can always end it. "
                               "Where real-time is refused a better nice value must do. When "
                               "less is reached than was asked the dose says so, and why.\n\n"
                               "With a cgroup as the target (or a process: its cgroup) the "
                               "threads run in there: they take part in its limits and its "
                               "statistics, and its own settings are not touched.\n\n"
                               "It ends with the process that burns, however that ends. The "
                               "dose is the share that was burnt, by the kernel's own count.",
                        .params = params,
                        .args_size = sizeof(struct load_args),
                        .examples = examples,
                        .class_ = "resource",
                        .targets = "host|cgroup|process",
                        .check = check_load,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_load,
        .dose = dose_load,
};
