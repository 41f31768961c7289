/* mem.fill: takes memory away. */
#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/quantity.h"
#include "fault/held-plan.h"

static int plan_fill(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct fill_args *a = args;
	const char *group = t->kind == TARGET_HOST ? "" : t->cgroup_memory;
	struct fill_floor owner = {.bytes = 0};
	struct memory_room room = {.total_bytes = 0};
	struct amount amount, host = {.kind = AMOUNT_BYTES};
	int ret;
	BUF(to, STATE_MAX);
	BUF(says, SAYS_MAX);

	if (t->kind == TARGET_NETNS)
		return err_set(err, -EINVAL, "mem.fill cannot be aimed at %s", t->name);
	if (t->kind != TARGET_HOST && !*group) {
		err_set(err, -EINVAL, "no cgroup of %s has its memory counted", t->name);
		return err_hint(err, -EINVAL,
		                "Aim at the host; or, in version 2, enable the memory controller: "
		                "echo +memory > cgroup.subtree_control in the cgroup above.");
	}
	if (moment->floors)
		owner = (struct fill_floor){moment->floors->mem_bytes, moment->floors->mem_by};
	ret = memory_room_read(w, group, &room, err);
	if (ret == 0)
		ret = fill_amount(a, room.total_bytes, room.available_bytes,
		                  *group ? (struct fill_floor){.bytes = 0} : owner, "memory",
		                  moment, &amount, err);
	/* What a cgroup takes the machine must have, too. */
	if (ret == 0)
		ret = fill_amount(a, room.host_total_bytes, room.host_available_bytes, owner,
		                  "memory of this machine", moment, &host, err);
	if (ret < 0)
		return ret;
	amount_format(&amount, &to);
	buf_addf(&to, " host=%llu", (unsigned long long)host.floor_bytes);
	fill_says(&amount, room.available_bytes, &says);
	*again_ns = 0;
	return held_plan(out, "memory", run, t, moment, group, w, to.data, says.data, err);
}

static int dose_fill(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	BUF(extra, DOSE_TEXT);

	if (counters_get(after, "refused"))
		buf_add(&extra, "; the kernel refused more");
	if (counters_get(after, "unlocked"))
		buf_add(&extra, "; not locked, the kernel may swap it out");
	fill_dose(args, after, "memory", extra.data, dose);
	return 0;
}

static int check_fill(const void *args, struct err *err)
{
	return fill_check(args, err);
}

static const struct param params[] = {
        {.name = "bytes",
         .kind = PARAM_SIZE,
         .offset = offsetof(struct fill_args, bytes),
         .help = "so much",
         .flags = PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "share",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct fill_args, share_ppm),
         .max = "100%",
         .help = "this share of what is available (in a cgroup: below its limit)",
         .flags = PARAM_RAMP},
        {.name = "leave",
         .kind = PARAM_SIZE,
         .offset = offsetof(struct fill_args, leave_bytes),
         .help = "all but so much, which stays available; no other floor holds then",
         .flags = PARAM_RAMP},
        {.name = "floor",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct fill_args, floor_ppm),
         .dflt = "5%",
         .max = "100%",
         .help = "share of the memory (of the limit) that stays available whatever is asked"},
        {NULL},
};

static const char *const needs[] = {NULL};
static const char *const steps[] = {"held", NULL};

static const char *const examples[] = {
        "squall attack mem.fill 2GiB --target host --for 1m",
        "squall attack mem.fill --share 80% --target cgroup=/shop --for 30s",
        "squall attack mem.fill --leave 500MiB --target host --for 1m --dry-run",
        NULL,
};

const struct fault fault_mem_fill = {
        .kind =
                {
                        .name = "mem.fill",
                        .summary = "takes memory away",
                        .man = "A process takes memory, touches all of it and holds it without "
                               "using the CPU: what a leak or a greedy neighbour leaves to the "
                               "others. It is locked where that is allowed, else the dose says "
                               "that the kernel may swap it out; equal pages are not made one.\n\n"
                               "How much is said by bytes, by a share of what is available "
                               "(MemAvailable), or by what to leave. A share and a rest are "
                               "followed: when others give memory back more is taken, when they "
                               "need more some is given back. In a cgroup the memory is counted "
                               "there, and what is available is what its limit still allows; its "
                               "own settings are not touched.\n\n"
                               "The floor stays available whatever was asked, on the machine and "
                               "in the cgroup, also when others take more meanwhile; more bytes "
                               "than that are refused. The OOM killer takes the process that "
                               "holds the memory first: that is no error, the dose says how far "
                               "it came.\n\n"
                               "The memory goes with the process that holds it, however that "
                               "ends. The dose is how much was held, and how soon.",
                        .params = params,
                        .args_size = sizeof(struct fill_args),
                        .examples = examples,
                        .class_ = "resource",
                        .targets = "host|cgroup|process",
                        .check = check_fill,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_fill,
        .dose = dose_fill,
};
