/* net.conntrack-drop: deletes entries of the table of connection tracking. */
#include "fault/sweep-plan.h"

struct drop_args {
	struct sweep_args sweep;
};

static const char what[] = "entries";

static int plan_drop(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct drop_args *a = args;

	return sweep_plan("conntrack", &a->sweep, what, t, moment, w, run, out, again_ns, err);
}

static int dose_drop(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	const struct drop_args *a = args;

	sweep_dose(&a->sweep, before, after, what, "deleted", dose);
	return 0;
}

static int check_drop(const void *args, struct err *err)
{
	return sweep_check(&((const struct drop_args *)args)->sweep, err);
}

static const struct param params[] = {
        SWEEP_EVERY(struct drop_args),
        {.name = "address",
         .kind = PARAM_LIST,
         .offset = offsetof(struct drop_args, sweep.address),
         .help = "only with these addresses, at either end: 10.0.0.7, 10.1.0.0/16, fd00::/8"},
        SWEEP_PORT(struct drop_args),
        {.name = "protocol",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct drop_args, sweep.protocol),
         .dflt = "any",
         .choices = "any|tcp|udp|icmp",
         .help = "only this protocol"},
        {NULL},
};

static const char *const needs[] = {"net-admin", "conntrack", NULL};
static const char *const steps[] = {"conntrack", NULL};

static const char *const examples[] = {
        "squall attack net.conntrack-drop --target netns=router --allow irreversible",
        "squall attack net.conntrack-drop --protocol udp --port 53 --target host --allow "
        "irreversible",
        "squall attack net.conntrack-drop --every 10s --address 10.0.0.0/8 --target netns=router "
        "--for 1m --allow irreversible",
        NULL,
};

const struct fault fault_net_conntrack_drop = {
        .kind =
                {
                        .name = "net.conntrack-drop",
                        .summary = "deletes entries of connection tracking",
                        .man = "What the kernel knows of connections that pass a firewall or a "
                               "NAT is forgotten, as after a failover to a router that did not "
                               "know them. The sockets at both ends stay as they are. What comes "
                               "next of such a connection is new to the firewall: a stateful one "
                               "drops it, a NAT may give it another port or send it to another "
                               "server, and without either nothing is seen of it.\n\n"
                               "Once, or with every, and a time to last, again and again. "
                               "Addresses and ports are those of the connection as it began, "
                               "before any translation; they match at either end. The target is "
                               "the host or a network namespace: it is there that the table is, "
                               "and it fills only where a rule or a NAT uses it.\n\n"
                               "There is no way back, so the file must say allow: [irreversible] "
                               "or the command line --allow irreversible: entries come back with "
                               "the packets, if at all. What may cut the connection that you are "
                               "logged in by needs --allow control-path.\n\n"
                               "The dose is the number of entries that were deleted, of those "
                               "that were found; none is no-effect.",
                        .params = params,
                        .args_size = sizeof(struct drop_args),
                        .examples = examples,
                        .class_ = "network",
                        .instant = true,
                        .irreversible = true,
                        .targets = "host|netns",
                        .check = check_drop,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_drop,
        .dose = dose_drop,
};
