/* link.down: sets network devices down. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fault/cut-reach.h"
#include "fault/net-scope.h"
#include "machine/netns.h"
#include "step/link.h"

struct down_args {
	struct text_list interface;
};

static int link_add(const char *name, const struct target *t, const struct world *w,
                    struct plan *out, struct err *err)
{
	struct link_object o = {.netns_ino = t->netns_ino};
	bool up;
	BUF(object, OBJECT_MAX);
	int ret = text_copy(o.netns, sizeof(o.netns), t->netns);

	if (ret == 0)
		ret = text_copy(o.name, sizeof(o.name), name);
	if (ret < 0)
		return err_set(err, -EINVAL, "\"%s\" is no name of a network device", name);
	ret = link_find(w, o.netns, o.netns_ino, name, &o.index, &up, err);
	if (ret == 0)
		ret = link_object_format(&o, &object, err);
	return ret < 0 ? ret
	               : plan_add(
	                         out, "link", object.data, "down",
	                         up ? "sets it down: no carrier, its IPv6 addresses and its routes "
	                              "go"
	                            : "is down already: no effect",
	                         err);
}

static int plan_down(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct down_args *a = args;
	struct nft_rules reach = {.mode = NFT_REJECT, .direction = NFT_BOTH, .confined = true};
	uint64_t own = 0;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < a->interface.n; i++)
		ret = link_add(a->interface.v[i], t, w, out, err);
	for (size_t i = 0; ret == 0 && i < a->interface.n; i++)
		ret = nft_rules_add_dev(&reach, a->interface.v[i], err);
	if (ret < 0)
		return ret;
	bool here = netns_of_process(w, 0, &own, NULL) < 0 || own == t->netns_ino;

	out->control_path |= here && cut_reaches_caller(&reach, t, w);
	*again_ns = 0;
	return 0;
}

static int dose_down(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	const struct down_args *a = args;
	uint64_t was = counters_get(before, "down"), now = counters_get(after, "down");
	struct dose d = {.no_effect = now <= was};

	snprintf(d.asked, sizeof(d.asked), "%zu device%s down", a->interface.n,
	         a->interface.n == 1 ? "" : "s");
	snprintf(d.achieved, sizeof(d.achieved),
	         "%llu set down; %llu addresses, routes and neighbours to bring back",
	         (unsigned long long)(now > was ? now - was : 0),
	         (unsigned long long)counters_get(after, "kept"));
	if (d.no_effect)
		snprintf(d.why, sizeof(d.why), "%s",
		         was ? "down before" : "set up again by somebody else");
	*dose = d;
	return 0;
}

static int check_down(const void *args, struct err *err)
{
	const struct down_args *a = args;
	struct nft_rules rules = {0};
	int ret =
	        a->interface.n ? 0 : err_set(err, -EINVAL, "\"interface\" must say which devices");

	for (size_t i = 0; ret == 0 && i < a->interface.n; i++)
		ret = nft_rules_add_dev(&rules, a->interface.v[i], err);
	return ret;
}

static const struct param params[] = {
        {.name = "interface",
         .kind = PARAM_LIST,
         .offset = offsetof(struct down_args, interface),
         .help = "the network devices",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        {NULL},
};

static const char *const needs[] = {"net-admin", NULL};
static const char *const steps[] = {"link", NULL};

static const char *const examples[] = {
        "squall attack link.down eth1 --target netns=blue --for 1m",
        "squall attack link.down eth1 --target host --for 30s --allow control-path",
        "squall attack link.down eth1 eth2 --target container.name=shop --for 30s --dry-run",
        NULL,
};

const struct fault fault_link_down = {
        .kind =
                {
                        .name = "link.down",
                        .summary = "sets network devices down",
                        .man = "What a driver that fails does, or somebody who sets the wrong "
                               "interface down: the device is there, and is down. Its peer loses "
                               "the carrier. The kernel takes its routes away, of all tables, its "
                               "IPv6 addresses and its neighbours; programs are told that the "
                               "network is unreachable, or reach it another way. net.cut is the "
                               "pulled cable of which nobody is told.\n\n"
                               "All that goes is kept in the run's folder first, as the kernel "
                               "lists it, and comes back with the device: what the kernel does "
                               "not make itself is made again, until all is as it was. A device "
                               "is refused of which that cannot be promised: with routes by "
                               "nexthop objects, IPv6 routes over several devices, or VLANs on "
                               "it. A real device needs a moment for its carrier, and an IPv6 "
                               "address for the detection of duplicates. If all of squall is "
                               "killed the device stays down until squall undo.\n\n"
                               "A device of the machine's own network namespace may be the one "
                               "that you are logged in by, so it needs --allow control-path.\n\n"
                               "The dose is how many devices were set down that were up, and how "
                               "much was kept of them.",
                        .params = params,
                        .args_size = sizeof(struct down_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = "host|netns",
                        .check = check_down,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_down,
        .dose = dose_down,
};
