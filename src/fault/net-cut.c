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

static enum nft_mode mode_of(const struct cut_args *a)
{
	return strcmp(a->mode, "reject") == 0        ? NFT_REJECT
	       : strcmp(a->mode, "unreachable") == 0 ? NFT_UNREACHABLE
	                                             : NFT_SILENCE;
}

static void describe(const struct cut_args *a, const struct nft_rules *r, struct buf *says)
{
	const char *seen = nft_rules_seen_by_sender(r);
	bool some = r->addrs_n || r->ports_n || r->confined || r->flows_ppm || r->packets_ppm;

	buf_addf(says, "cuts %s%s", scope_direction(r),
	         some || scope_is_narrow(&a->scope, r) ? "" : " of everything");
	scope_say_share(r, says);
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

	ret = scope_rules(&a->scope, mode_of(a), t, moment, w, &rules, err);
	if (ret < 0)
		return ret;
	describe(a, &rules, &says);
	return scope_add(&a->scope, &rules, t, moment, w, run, says.data, out, again_ns, err);
}

static int dose_cut(const void *args, const struct counters *before, const struct counters *after,
                    struct dose *dose, struct err *err)
{
	const struct cut_args *a = args;
	uint64_t in = counters_grown(before, after, "packets_in"),
	         out = counters_grown(before, after, "packets_out");
	enum nft_direction way = scope_way(&a->scope, mode_of(a));
	struct dose d = {0};
	struct buf why, achieved;

	buf_init(&why, d.why, sizeof(d.why));
	snprintf(d.asked, sizeof(d.asked), "%s, %s", a->mode,
	         way == NFT_BOTH ? "both directions"
	         : way == NFT_IN ? "in"
	                         : "out");
	buf_init(&achieved, d.achieved, sizeof(d.achieved));
	buf_addf(&achieved, "%llu packets out and %llu in were cut", (unsigned long long)out,
	         (unsigned long long)in);
	held_lost(after, &achieved);
	scope_lost(after, &achieved);
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
         .choices = "silence|reject|unreachable",
         .help = "silence: packets vanish; reject: they are answered with a reset or ICMP port "
                 "unreachable; unreachable: with ICMP host unreachable"},
        SCOPE_PARAMS(struct cut_args, "both", "both|in|out"),
};

static const char *const needs[] = {"net-admin", "nft-swallow", NULL};
/* Where nothing has to vanish on its way out, no egress hook is needed. */
static const char *const needs_table[] = {"net-admin", "nft-owner", NULL};

static const char *const *needs_of(const void *args)
{
	const struct cut_args *a = args;

	return nft_mode_answers(mode_of(a)) || scope_way(&a->scope, NFT_SILENCE) == NFT_IN
	               ? needs_table
	               : needs;
}

static const char *const examples[] = {
        "squall attack net.cut --port 6379 --target host --for 30s",
        "squall attack net.cut --mode reject --to 10.0.0.7 --target netns=blue --for 1m",
        "squall attack net.cut --address 10.0.0.0/8 --flows 30% --target cgroup=/shop --for 1m",
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
                               "reset, a datagram answered with ICMP port unreachable. Unreachable "
                               "is what a "
                               "router without a way looks like: all is answered with ICMP host "
                               "unreachable. With flows some flows are cut and the others live: a "
                               "partial "
                               "partition. ARP and "
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
        .steps = scope_steps,
        .plan = plan_cut,
        .dose = dose_cut,
};
