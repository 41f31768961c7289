/* cpu.quota: limits how much of a CPU a cgroup gets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "fault/fault.h"
#include "machine/cgroup.h"
#include "machine/proc.h"

enum {
	QUOTA_LEAST_US = 1000, /* min_cfs_quota_period, kernel/sched/core.c */
	OTHERS_MAX = 64,
	OTHERS_SHOWN = 3,
};

struct quota_args {
	uint64_t quota_ppm; /* of one CPU */
};

/* What is set now, in microseconds. quota -1: none. */
struct limit {
	int64_t quota_us;
	uint64_t period_us;
};

static int limit_read(const struct world *w, const struct target *t, struct limit *l,
                      struct err *err)
{
	char *end;
	int ret;
	BUF(quota, 64);
	BUF(period, 64);

	ret = t->cgroup_cpu_is_v2
	              ? world_readf(w, &quota, err, "%s/cpu.max", t->cgroup_cpu)
	              : world_readf(w, &quota, err, "%s/cpu.cfs_quota_us", t->cgroup_cpu);
	if (ret == -ENOENT && !world_exists(w, t->cgroup_cpu))
		return err_set(err, -ESTALE, "cgroup \"%s\" is gone", t->cgroup_cpu);
	if (ret == -ENOENT)
		return err_hint(err, ret,
		                "The root cgroup has no quota; others have one when the controller "
		                "is enabled for them: echo +cpu > cgroup.subtree_control in the "
		                "cgroup above.");
	if (ret == 0 && !t->cgroup_cpu_is_v2)
		ret = world_readf(w, &period, err, "%s/cpu.cfs_period_us", t->cgroup_cpu);
	if (ret < 0)
		return ret;
	/* cpu.max: "max 100000" or "30000 100000". */
	if (strncmp(quota.data, "max", 3) == 0) {
		l->quota_us = -1;
		end = quota.data + 3;
	} else {
		l->quota_us = strtoll(quota.data, &end, 10);
	}
	l->period_us = strtoull(t->cgroup_cpu_is_v2 ? end : period.data, NULL, 10);
	if (!l->period_us)
		return err_set(err, -EINVAL, "cannot read the period of cgroup \"%s\"",
		               t->cgroup_cpu);
	return 0;
}

/* A quota reaches all of a cgroup: a process may be meant only when it is alone there. */
static int check_alone(const struct world *w, const struct target *t, struct err *err)
{
	pid_t pids[OTHERS_MAX];
	size_t n = cgroup_processes_below(w, t->cgroup_cpu, pids, OTHERS_MAX), others = 0;
	BUF(names, 160);

	for (size_t i = 0; i < n && i < OTHERS_MAX; i++) {
		struct proc p;

		if (pids[i] != t->proc.pid && others++ < OTHERS_SHOWN &&
		    proc_read(w, pids[i], 0, &p, NULL) == 0)
			buf_addf(&names, "%s%d (%s)", names.len ? ", " : "", p.id.pid, p.comm);
	}
	if (others == 0)
		return 0;
	if (others > OTHERS_SHOWN)
		buf_addf(&names, " and %zu more", others - OTHERS_SHOWN);
	err_set(err, -EINVAL, "cannot limit %s alone: its cgroup \"%s\" also holds %s", t->name,
	        t->cgroup, names.data);
	return err_hint(err, -EINVAL,
	                "Aim at all of them with \"cgroup: %s\", or give the process a cgroup of "
	                "its own.",
	                t->cgroup);
}

static bool path_is_in(const char *path, const char *group)
{
	size_t n = strlen(group);

	return *group && strncmp(path, group, n) == 0 && (!path[n] || path[n] == '/');
}

/* What is meant to revert must not be slowed down itself. */
static int check_not_self(const struct world *w, const struct target *t, struct err *err)
{
	struct cgroups groups;
	struct cgroup_of of;
	struct cgroup_carrier own;
	int ret = cgroups_read(w, &groups, err);

	if (ret == 0)
		ret = cgroup_of_process(w, &groups, 0, &of, err);
	if (ret < 0)
		return ret;
	if (!cgroup_carries(w, &groups, &of, "cpu", "cpu.max", &own) ||
	    !path_is_in(own.dir, t->cgroup_cpu))
		return 0;
	err_set(err, -EPERM, "cannot limit cgroup \"%s\": squall runs in it", t->cgroup);
	return err_hint(
	        err, -EPERM,
	        "Start squall in another cgroup, for example with \"systemd-run --scope\".");
}

/* Nothing to limit it by. */
static int no_group(const struct world *w, const struct target *t, struct err *err)
{
	struct cgroups groups;
	bool v1 = cgroups_read(w, &groups, NULL) == 0 && cgroup_v1(&groups, "cpu");

	err_set(err, -EINVAL, "no cgroup of %s can be limited", t->name);
	if (strcmp(t->cgroup, "/") == 0)
		return err_hint(err, -EINVAL, "It is in the root cgroup, which has no quota.");
	if (v1)
		return err_hint(err, -EINVAL,
		                "It has none in the hierarchy of the cpu controller; of a unit, "
		                "systemd makes one with CPUAccounting=yes.");
	return err_hint(err, -EINVAL,
	                "In version 2, enable the cpu controller: echo +cpu > "
	                "cgroup.subtree_control in the cgroup above.");
}

static int plan_quota(const void *args, const struct target *t, const struct moment *moment,
                      const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                      struct err *err)
{
	const struct quota_args *a = args;
	struct limit now = {0};
	uint64_t quota_us, ino;
	int ret;
	BUF(object, OBJECT_MAX);
	BUF(to, STATE_MAX);
	BUF(says, SAYS_MAX);

	if (t->kind != TARGET_CGROUP && t->kind != TARGET_PROCESS)
		return err_set(err, -EINVAL, "cpu.quota cannot be aimed at %s", t->name);
	if (!t->cgroup_cpu[0])
		return no_group(w, t, err);
	ret = limit_read(w, t, &now, err);
	if (ret == 0 && t->kind == TARGET_PROCESS)
		ret = check_alone(w, t, err);
	if (ret == 0)
		ret = check_not_self(w, t, err);
	if (ret == 0)
		ret = world_inode(w, t->cgroup_cpu, &ino, NULL, err);
	if (ret < 0)
		return ret;
	quota_us = (a->quota_ppm * now.period_us + PPM_ALL / 2) / PPM_ALL;
	if (quota_us < QUOTA_LEAST_US) {
		BUF(least, 32);

		share_format(&least,
		             (QUOTA_LEAST_US * PPM_ALL + now.period_us - 1) / now.period_us);
		err_set(err, -ERANGE, "quota of %s is %lluus in each period of %lluus, below 1ms",
		        t->name, (unsigned long long)quota_us, (unsigned long long)now.period_us);
		return err_hint(err, -ERANGE, "The least that the kernel takes here is %s.",
		                least.data);
	}
	if (t->cgroup_cpu_is_v2) {
		buf_addf(&object, "%s/cpu.max@%llu", t->cgroup_cpu, (unsigned long long)ino);
		buf_addf(&to, "%llu %llu", (unsigned long long)quota_us,
		         (unsigned long long)now.period_us);
	} else {
		buf_addf(&object, "%s/cpu.cfs_quota_us@%llu", t->cgroup_cpu,
		         (unsigned long long)ino);
		buf_addf(&to, "%llu", (unsigned long long)quota_us);
	}
	if (moment->turn == 0 && now.quota_us >= 0 && (uint64_t)now.quota_us <= quota_us) {
		buf_add(&says, "already limited to ");
		share_format(&says, (uint64_t)now.quota_us * PPM_ALL / now.period_us);
		buf_add(&says, " of one CPU, which is no more: no effect");
	} else {
		buf_add(&says, "gets at most ");
		share_format(&says, a->quota_ppm);
		buf_add(&says, " of one CPU, then waits for the next period");
	}
	*again_ns = 0;
	return plan_add(out, "control", object.data, to.data, says.data, err);
}

static int dose_quota(const void *args, const struct counters *before, const struct counters *after,
                      struct dose *dose, struct err *err)
{
	const struct quota_args *a = args;
	uint64_t elapsed_ns = counters_grown(before, after, "elapsed_ns");
	uint64_t used_ns = counters_grown(before, after, "usage_ns");
	uint64_t throttled = counters_grown(before, after, "throttled_count");
	struct dose d = {0};
	struct buf asked, achieved, why;
	BUF(used, 48);

	buf_init(&asked, d.asked, sizeof(d.asked));
	buf_init(&achieved, d.achieved, sizeof(d.achieved));
	buf_init(&why, d.why, sizeof(d.why));
	share_format(&asked, a->quota_ppm);
	buf_add(&asked, " of one CPU");
	if (elapsed_ns && used_ns)
		buf_addf(&used, "used %.1f%% of one CPU",
		         100.0 * (double)used_ns / (double)elapsed_ns);
	if (throttled) {
		buf_addf(&achieved, "%s%sthrottled %llu times, ", used.data, used.len ? "; " : "",
		         (unsigned long long)throttled);
		duration_format_short(&achieved, counters_grown(before, after, "throttled_ns"));
	} else {
		d.no_effect = true;
		buf_addf(&achieved, "%s%snever throttled", used.data, used.len ? "; " : "");
		buf_addf(&why, "never throttled: it did not want more than the quota");
	}
	*dose = d;
	return 0;
}

static const struct param params[] = {
        {.name = "quota",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct quota_args, quota_ppm),
         .min = "0.1%",
         .max = "100000%",
         .help = "share of one CPU that the whole cgroup may use; 200% is two CPUs",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {NULL},
};

static const char *const needs[] = {"cgroup-cpu", NULL};
static const char *const steps[] = {"control", NULL};

static const char *const examples[] = {
        "squall attack cpu.quota 30% --target cgroup=/shop --for 1m",
        "squall attack cpu.quota --quota 150% --target process.listens=6379 --for 30s",
        "squall attack cpu.quota 5% --target cgroup=/system.slice/nginx.service --for 10s "
        "--dry-run",
        NULL,
};

const struct fault fault_cpu_quota = {
        .kind =
                {
                        .name = "cpu.quota",
                        .summary = "limits how much of a CPU a cgroup gets",
                        .man = "Sets the CPU bandwidth limit of a cgroup (cpu.cfs_quota_us in "
                               "version 1, "
                               "cpu.max in version 2): when the cgroup has used its share of a "
                               "period, all of "
                               "it waits until the next one. That is what a neighbour, a small "
                               "instance or a "
                               "too tight container limit does to a service.\n\n"
                               "The share is of one CPU, so a cgroup that has used four may be "
                               "given 150%. "
                               "The period stays as it is; with the usual 100ms, 30% means 30ms of "
                               "running "
                               "and up to 70ms of waiting. The kernel takes no quota below 1ms, "
                               "which is 1% "
                               "of that period.\n\n"
                               "A process may be the target when nobody else is in its cgroup; "
                               "otherwise the "
                               "plan is refused and names the others. A cgroup that squall itself "
                               "runs in is "
                               "refused too. Limits of several runs combine: the smallest holds. A "
                               "target "
                               "under a stricter limit of its own is left as it is, and the dose "
                               "says "
                               "no-effect.\n\n"
                               "The dose is how often and how long the kernel throttled the "
                               "cgroup, and how "
                               "much CPU it used. Never throttled is no-effect.",
                        .params = params,
                        .args_size = sizeof(struct quota_args),
                        .examples = examples,
                        .class_ = "resource",
                        .targets = "cgroup|process",
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_quota,
        .dose = dose_quota,
};
