/* net.cut: lets no traffic through. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/quantity.h"
#include "fault/held-plan.h"
#include "fault/net-scope.h"

struct cut_args {
	const char *mode;
	struct scope_args scope;
};

static bool is_reject(const struct cut_args *a)
{
	return strcmp(a->mode, "reject") == 0;
}

static void describe(const struct nft_rules *r, struct buf *says)
{
	const char *seen = nft_rules_seen_by_sender(r);

	buf_addf(says, "cuts %s%s", scope_direction(r), scope_is_narrow(r) ? "" : " of everything");
	buf_addf(says, "; %s%s", strncmp(seen, "nothing", 7) == 0 ? "the sender sees " : "", seen);
}

static int plan_cut(const void *args, const struct target *t, const struct moment *moment,
                    const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                    struct err *err)
{
	const struct cut_args *a = args;
	struct nft_rules rules;
	int ret;
	BUF(says, SAYS_MAX);

	if (t->kind == TARGET_PROCESS)
		return err_set(err, -EINVAL, "net.cut cannot be aimed at %s", t->name);
	ret = scope_rules(&a->scope, is_reject(a) ? NFT_REJECT : NFT_SILENCE, t, w, &rules, err);
	if (ret < 0)
		return ret;
	describe(&rules, &says);
	return scope_add(&rules, t, moment, w, run, says.data, out, again_ns, err);
}

static int dose_cut(const void *args, const struct counters *before, const struct counters *after,
                    struct dose *dose, struct err *err)
{
	const struct cut_args *a = args;
	uint64_t in = counters_grown(before, after, "packets_in"),
	         out = counters_grown(before, after, "packets_out");
	struct dose d = {0};
	struct buf why, achieved;

	buf_init(&why, d.why, sizeof(d.why));
	snprintf(d.asked, sizeof(d.asked), "%s, %s", a->mode,
	         strcmp(a->scope.direction, "both") == 0 ? "both directions" : a->scope.direction);
	buf_init(&achieved, d.achieved, sizeof(d.achieved));
	buf_addf(&achieved, "%llu packets out and %llu in were cut", (unsigned long long)out,
	         (unsigned long long)in);
	held_lost(after, &achieved);
	if (in + out == 0) {
		d.no_effect = true;
		buf_add(&why, "nothing matched: no packet in ");
		duration_format_short(&why, counters_grown(before, after, "elapsed_ns"));
	}
	*dose = d;
	return 0;
}

static int check_cut(const void *args, struct err *err)
{
	return scope_check(&((const struct cut_args *)args)->scope, err);
}

static const struct param params[] = {
        {.name = "mode",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct cut_args, mode),
         .dflt = "silence",
         .choices = "silence|reject",
         .help = "silence: packets vanish; reject: they are answered with a reset or ICMP"},
        SCOPE_PARAMS(struct cut_args, "both", "both|in|out"),
};

static const char *const needs[] = {"net-admin", "nft-swallow", NULL};
/* Where nothing has to vanish on its way out, no egress hook is needed. */
static const char *const needs_table[] = {"net-admin", "nft-owner", NULL};
static const char *const steps[] = {"nft", NULL};

static const char *const *needs_of(const void *args)
{
	const struct cut_args *a = args;

	return is_reject(a) || strcmp(a->scope.direction, "in") == 0 ? needs_table : needs;
}

static const char *const examples[] = {
        "squall attack net.cut --port 6379 --target host --for 30s",
        "squall attack net.cut --mode reject --address 10.0.0.7 --direction out --target "
        "netns=blue "
        "--for 1m",
        "squall attack net.cut --target cgroup=/shop --for 10s --dry-run",
        NULL,
};

const struct fault fault_net_cut = {
        .kind =
                {
                        .name = "net.cut",
                        .summary = "lets no traffic through",
                        .man = "Cuts IPv4 and IPv6 traffic of the target, of new and of "
                               "established "
                               "connections, in both directions unless told otherwise. All filters "
                               "that are "
                               "given must match: addresses are the remote side; a port matches at "
                               "either "
                               "end, so --port 6379 cuts a local Redis as well as a remote one.\n\n"
                               "Silence is what a pulled cable or a firewall that drops looks "
                               "like: nobody is "
                               "told, the sender retransmits until it gives up. Outgoing packets "
                               "are "
                               "swallowed behind the point where the sender could notice; the plan "
                               "says what "
                               "it sees. Reject is what a machine without the service looks like: "
                               "TCP is "
                               "reset, a datagram answered with ICMP port unreachable. ARP and "
                               "neighbour "
                               "discovery always pass.\n\n"
                               "A cgroup is matched by the version 2 cgroup that a socket was made "
                               "in. With "
                               "user or a cgroup, a packet that comes in to a listening socket "
                               "passes, and "
                               "the answer is cut. Everything of the host, without a filter, needs "
                               "--allow "
                               "host-wide; what may cut the connection that you are logged in by "
                               "needs "
                               "--allow control-path.\n\n"
                               "All of it is one nftables table that belongs to one process: when "
                               "that ends, "
                               "however it ends, the kernel removes the table. The dose is the "
                               "number of "
                               "packets that were cut, by the kernel's count; none is no-effect.",
                        .params = params,
                        .args_size = sizeof(struct cut_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_cut,
                },
        .needs = needs,
        .needs_of = needs_of,
        .steps = steps,
        .plan = plan_cut,
        .dose = dose_cut,
};
