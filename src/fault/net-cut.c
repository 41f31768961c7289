/* net.cut: lets no traffic through. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/netlink.h"
#include "base/quantity.h"
#include "fault/cut-reach.h"
#include "fault/fault.h"
#include "fault/held-plan.h"
#include "machine/cgroup.h"
#include "machine/netns.h"
#include "machine/user.h"
#include "step/nft.h"

/* How soon a device that appears later is covered. */
static const uint64_t look_again_ns = NS_PER_S;

struct cut_args {
	const char *mode, *direction, *protocol, *user;
	struct text_list address, port, interface;
};

static bool is_loopback(const struct nft_addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->family == AF_INET ? a->length >= 8 && a->bytes[0] == 127
	                            : a->length == 128 && memcmp(a->bytes, one, 16) == 0;
}

static bool all_loopback(const struct nft_rules *r)
{
	for (size_t i = 0; i < r->addrs_n; i++) {
		if (!is_loopback(&r->addrs[i]))
			return false;
	}
	return r->addrs_n > 0;
}

static bool has_filter(const struct nft_rules *r)
{
	return r->addrs_n || r->ports_n || r->confined || r->proto || r->has_uid || r->has_cgroup;
}

/* The filters that the parameters name. */
static int read_filters(const struct cut_args *a, const struct world *w, struct nft_rules *r,
                        struct err *err)
{
	int ret = 0;

	r->mode = strcmp(a->mode, "reject") == 0 ? NFT_REJECT : NFT_SILENCE;
	r->direction = strcmp(a->direction, "in") == 0    ? NFT_IN
	               : strcmp(a->direction, "out") == 0 ? NFT_OUT
	                                                  : NFT_BOTH;
	r->egress = NFT_EGRESS_SWALLOW;
	r->proto = strcmp(a->protocol, "tcp") == 0    ? IPPROTO_TCP
	           : strcmp(a->protocol, "udp") == 0  ? IPPROTO_UDP
	           : strcmp(a->protocol, "icmp") == 0 ? IPPROTO_ICMP
	                                              : 0;
	for (size_t i = 0; ret == 0 && i < a->address.n; i++)
		ret = nft_rules_add_addr(r, a->address.v[i], err);
	for (size_t i = 0; ret == 0 && i < a->port.n; i++)
		ret = nft_rules_add_ports(r, a->port.v[i], err);
	for (size_t i = 0; ret == 0 && i < a->interface.n; i++)
		ret = nft_rules_add_dev(r, a->interface.v[i], err);
	r->confined = a->interface.n > 0;
	if (ret == 0 && a->user && w) {
		uid_t uid;

		ret = user_find(w, a->user, &uid, err);
		if (ret == 0) {
			r->has_uid = true;
			r->uid = uid;
		}
	}
	return ret;
}

/* The cgroup by which sockets are matched: its inode, and how deep it lies. */
static int read_cgroup(const struct target *t, const struct world *w, struct nft_rules *r,
                       struct err *err)
{
	struct cgroups groups;
	int ret;

	if (!t->cgroup_v2[0]) {
		err_set(err, -EINVAL, "%s is not in the version 2 hierarchy", t->name);
		return err_hint(err, -EINVAL,
		                "The kernel knows traffic only by version 2 cgroups: make one of "
		                "that name there and start the processes in it.");
	}
	ret = cgroups_read(w, &groups, err);
	if (ret == 0)
		ret = world_inode(w, t->cgroup_v2, &r->cgroup, NULL, err);
	if (ret == -ENOENT)
		return err_set(err, -ESTALE, "%s is gone", t->name);
	if (ret < 0)
		return ret;
	r->has_cgroup = true;
	for (const char *c = t->cgroup_v2 + strlen(groups.v2.dir); *c; c++)
		r->cgroup_level += *c == '/';
	if (!r->cgroup_level)
		return err_set(err, -EINVAL, "%s is all processes: aim at the host instead",
		               t->name);
	return 0;
}

/* The devices where outgoing traffic is caught. */
static int read_devices(const struct target *t, const struct world *w, struct nft_rules *r,
                        struct err *err)
{
	char *name, *rest;
	int ret;
	BUF(links, 2048);

	if (r->confined)
		return 0;
	if (all_loopback(r)) {
		r->confined = true;
		return nft_rules_add_dev(r, "lo", err);
	}
	if (r->mode != NFT_SILENCE || r->direction == NFT_IN)
		return 0;
	ret = netns_links(w, t->netns, &links, err);
	if (ret < 0)
		return err_wrap(err, ret, "could not list the network devices of %s", t->name);
	for (name = strtok_r(links.data, " ", &rest); ret == 0 && name;
	     name = strtok_r(NULL, " ", &rest))
		ret = nft_rules_add_dev(r, name, err);
	return ret;
}

static void describe(const struct cut_args *a, const struct nft_rules *r, struct buf *says)
{
	const char *seen;

	buf_addf(says, "cuts %s%s",
	         r->direction == NFT_BOTH ? "both directions"
	         : r->direction == NFT_IN ? "what comes in"
	                                  : "what goes out",
	         has_filter(r) ? "" : " of everything");
	seen = nft_rules_seen_by_sender(r);
	buf_addf(says, "; %s%s", strncmp(seen, "nothing", 7) == 0 ? "the sender sees " : "", seen);
}

static int plan_cut(const void *args, const struct target *t, const struct moment *moment,
                    const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                    struct err *err)
{
	const struct cut_args *a = args;
	struct nft_rules rules = {0};
	struct nft_object object = {.netns_ino = t->netns_ino};
	uint64_t own = 0;
	bool here;
	int ret;
	BUF(name, OBJECT_MAX);
	BUF(to, STATE_MAX);
	BUF(says, SAYS_MAX);

	if (t->kind == TARGET_PROCESS)
		return err_set(err, -EINVAL, "net.cut cannot be aimed at %s", t->name);
	ret = read_filters(a, w, &rules, err);
	if (ret == 0 && t->kind == TARGET_CGROUP)
		ret = read_cgroup(t, w, &rules, err);
	if (ret == 0)
		ret = read_devices(t, w, &rules, err);
	if (ret == 0)
		ret = nft_rules_format(&rules, &to, err);
	if (ret == 0)
		ret = text_copy(object.netns, sizeof(object.netns), t->netns);
	if (ret < 0)
		return ret;
	/* Stable over the run, and another for each attack and each target of it. */
	nft_table_name(run, crc32c(t->name, strlen(t->name)) ^ (unsigned)moment->seed,
	               object.table);
	ret = nft_object_format(&object, &name, err);
	if (ret == 0) {
		describe(a, &rules, &says);
		ret = plan_add(out, "nft", name.data, to.data, says.data, err);
	}
	if (ret < 0)
		return ret;
	here = netns_of_process(w, 0, &own, NULL) < 0 || own == t->netns_ino;
	out->host_wide |= here && !has_filter(&rules);
	out->control_path |= here && (cut_reaches_caller(&rules, t, w));
	*again_ns = rules.devs_n && !rules.confined ? look_again_ns : 0;
	return 0;
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
	         strcmp(a->direction, "both") == 0 ? "both directions" : a->direction);
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
	const struct cut_args *a = args;
	struct nft_rules rules = {0};

	if (a->port.n && strcmp(a->protocol, "icmp") == 0) {
		err_set(err, -EINVAL, "ICMP has no ports");
		return err_hint(err, -EINVAL, "Leave out \"port\" or \"protocol\".");
	}
	return read_filters(a, NULL, &rules, err);
}

static const struct param params[] = {
        {.name = "mode",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct cut_args, mode),
         .dflt = "silence",
         .choices = "silence|reject",
         .help = "silence: packets vanish; reject: they are answered with a reset or ICMP"},
        {.name = "direction",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct cut_args, direction),
         .dflt = "both",
         .choices = "both|in|out",
         .help = "which way, as seen from the target"},
        {.name = "address",
         .kind = PARAM_LIST,
         .offset = offsetof(struct cut_args, address),
         .help = "only traffic with these remote addresses: 10.0.0.7, 10.1.0.0/16, fd00::/8"},
        {.name = "port",
         .kind = PARAM_LIST,
         .offset = offsetof(struct cut_args, port),
         .help = "only these ports, at either end: 6379, 8000-8010"},
        {.name = "protocol",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct cut_args, protocol),
         .dflt = "any",
         .choices = "any|tcp|udp|icmp",
         .help = "only this protocol"},
        {.name = "user",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct cut_args, user),
         .help = "only sockets of this user, by name or number"},
        {.name = "interface",
         .kind = PARAM_LIST,
         .offset = offsetof(struct cut_args, interface),
         .help = "only through these network devices"},
        {NULL},
};

static const char *const needs[] = {"net-admin", "nft-swallow", NULL};
/* Where nothing has to vanish on its way out, no egress hook is needed. */
static const char *const needs_table[] = {"net-admin", "nft-owner", NULL};
static const char *const steps[] = {"nft", NULL};

static const char *const *needs_of(const void *args)
{
	const struct cut_args *a = args;

	return strcmp(a->mode, "reject") == 0 || strcmp(a->direction, "in") == 0 ? needs_table
	                                                                         : needs;
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
                        .targets = "host|netns|cgroup",
                        .check = check_cut,
                },
        .needs = needs,
        .needs_of = needs_of,
        .steps = steps,
        .plan = plan_cut,
        .dose = dose_cut,
};
