/* net.reset: destroys established TCP connections. */
#include "fault/sweep-plan.h"

struct reset_args {
	struct sweep_args sweep;
};

static const char what[] = "connections";

static int plan_reset(const void *args, const struct target *t, const struct moment *moment,
                      const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                      struct err *err)
{
	const struct reset_args *a = args;

	return sweep_plan("reset", &a->sweep, what, t, moment, w, run, out, again_ns, err);
}

static int dose_reset(const void *args, const struct counters *before, const struct counters *after,
                      struct dose *dose, struct err *err)
{
	const struct reset_args *a = args;

	sweep_dose(&a->sweep, before, after, what, "destroyed", dose);
	return 0;
}

static int check_reset(const void *args, struct err *err)
{
	return sweep_check(&((const struct reset_args *)args)->sweep, err);
}

static const struct param params[] = {
        SWEEP_EVERY(struct reset_args),
        SWEEP_ADDRESS(struct reset_args),
        SWEEP_PORT(struct reset_args),
        {.name = "user",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct reset_args, sweep.user),
         .help = "only sockets of this user, by name or number"},
        {NULL},
};

static const char *const needs[] = {"net-admin", "sock-destroy", NULL};
static const char *const steps[] = {"reset", NULL};

static const char *const examples[] = {
        "squall attack net.reset --port 5432 --target netns=blue --allow irreversible",
        "squall attack net.reset --target process.name=nginx --allow irreversible",
        "squall attack net.reset --every 10s --address 10.0.0.7 --target host --for 1m --allow "
        "irreversible",
        NULL,
};

const struct fault fault_net_reset = {
        .kind =
                {
                        .name = "net.reset",
                        .summary = "destroys established TCP connections",
                        .man = "What a firewall, a load balancer or a NAT that was restarted does: "
                               "connections that stood are gone. The kernel closes each socket: "
                               "who holds it reads ECONNABORTED, and its peer gets a RST, so it "
                               "reads ECONNRESET. New connections are let through.\n\n"
                               "Once, or with every, and a time to last, again and again: a "
                               "client that connects anew is hit the next time. A process is told "
                               "by the sockets that it holds; of a unit all processes are meant. "
                               "An address is the remote side, a port matches at either end. On "
                               "loopback both ends are sockets of this machine, and each counts. "
                               "Listening sockets, UDP, and connections that are being opened or "
                               "closed are left alone.\n\n"
                               "There is no way back, so the file must say allow: [irreversible] "
                               "or the command line --allow irreversible: connections come back "
                               "when the clients make new ones, and whether they do is what the "
                               "experiment is about. What may cut the connection that you are "
                               "logged in by needs --allow control-path.\n\n"
                               "The dose is the number of connections that were destroyed, of "
                               "those that were found; none is no-effect.",
                        .params = params,
                        .args_size = sizeof(struct reset_args),
                        .examples = examples,
                        .class_ = "network",
                        .instant = true,
                        .irreversible = true,
                        .targets = "host|netns|process",
                        .whole = true,
                        .check = check_reset,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_reset,
        .dose = dose_reset,
};
