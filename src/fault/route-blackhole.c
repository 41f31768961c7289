/* route.blackhole: destinations that the kernel refuses to route to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fault/cut-reach.h"
#include "fault/net-scope.h"
#include "machine/netns.h"
#include "machine/user.h"
#include "step/route.h"

struct route_args {
	struct text_list address;
	const char *mode, *user;
};

/* What a program is told that sends there. */
static const char *seen(const char *mode)
{
	if (strcmp(mode, "blackhole") == 0)
		return "EINVAL";
	return strcmp(mode, "prohibit") == 0 ? "EACCES" : "ENETUNREACH";
}

static int destinations(const struct route_args *a, struct nft_rules *to, struct err *err)
{
	int ret = 0;

	*to = (struct nft_rules){.mode = NFT_REJECT, .direction = NFT_BOTH};
	for (size_t i = 0; ret == 0 && i < a->address.n; i++)
		ret = nft_rules_add_addr(to, a->address.v[i], err);
	for (size_t i = 0; ret == 0 && i < to->addrs_n; i++)
		if (to->addrs[i].except)
			ret = err_set(err, -EINVAL, "a route excludes nothing: \"%s\"",
			              a->address.v[0]);
	return ret;
}

static int route_add(const struct route_args *a, const struct nft_addr *to, const struct target *t,
                     const struct route_state *s, struct plan *out, struct err *err)
{
	struct route_object o = {.netns_ino = t->netns_ino, .to = *to};
	BUF(object, OBJECT_MAX);
	BUF(state, STATE_MAX);
	BUF(says, SAYS_MAX);
	int ret = text_copy(o.netns, sizeof(o.netns), t->netns);

	if (ret < 0)
		return err_sys(err, ENAMETOOLONG, "cannot use \"%s\"", t->netns);
	ret = route_object_format(&o, &object, err);
	if (ret == 0)
		ret = route_state_format(s, &state, err);
	buf_addf(&says, "refuses to route there%s%s; who sends sees %s", a->user ? " for " : "",
	         a->user ? a->user : "", seen(a->mode));
	return ret < 0 ? ret : plan_add(out, "route", object.data, state.data, says.data, err);
}

static int plan_route(const void *args, const struct target *t, const struct moment *moment,
                      const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                      struct err *err)
{
	const struct route_args *a = args;
	struct route_state s = {.action = a->mode};
	struct nft_rules to;
	uint64_t own = 0;
	uid_t uid = 0;
	int ret = destinations(a, &to, err);

	if (ret == 0 && a->user)
		ret = user_find(w, a->user, &uid, err);
	s.has_uid = to.has_uid = a->user != NULL;
	s.uid = to.uid = uid;
	for (size_t i = 0; ret == 0 && i < to.addrs_n; i++)
		ret = route_add(a, &to.addrs[i], t, &s, out, err);
	if (ret < 0)
		return ret;
	bool here = netns_of_process(w, 0, &own, NULL) < 0 || own == t->netns_ino;

	for (size_t i = 0; i < to.addrs_n; i++)
		out->host_wide |= here && to.addrs[i].length == 0 && !a->user;
	out->control_path |= here && cut_reaches_caller(&to, t, w);
	*again_ns = 0;
	return 0;
}

static int dose_route(const void *args, const struct counters *before, const struct counters *after,
                      struct dose *dose, struct err *err)
{
	const struct route_args *a = args;
	uint64_t was = counters_get(before, "refused"), now = counters_get(after, "refused");
	struct dose d = {.no_effect = now <= was};

	snprintf(d.asked, sizeof(d.asked), "%s of %zu destination%s", a->mode, a->address.n,
	         a->address.n == 1 ? "" : "s");
	snprintf(d.achieved, sizeof(d.achieved), "%llu that could be reached before cannot",
	         (unsigned long long)(now > was ? now - was : 0));
	if (d.no_effect)
		snprintf(d.why, sizeof(d.why), "%s",
		         now ? "they could not be reached before"
		             : "they still can be reached: they are addresses of this machine");
	*dose = d;
	return 0;
}

static int check_route(const void *args, struct err *err)
{
	const struct route_args *a = args;
	struct nft_rules to;

	if (!a->address.n)
		return err_set(err, -EINVAL, "\"address\" must say which destinations");
	return destinations(a, &to, err);
}

static const struct param params[] = {
        {.name = "address",
         .kind = PARAM_LIST,
         .offset = offsetof(struct route_args, address),
         .help = "the destinations: 10.0.0.7, 10.1.0.0/16, fd00::/8",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        {.name = "mode",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct route_args, mode),
         .dflt = "blackhole",
         .choices = "blackhole|unreachable|prohibit",
         .help = "what is said to who sends there: nothing, unreachable, or prohibited"},
        {.name = "user",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct route_args, user),
         .help = "only what this user sends, by name or number"},
        {NULL},
};

static const char *const needs[] = {"net-admin", NULL};
static const char *const steps[] = {"route", NULL};

static const char *const examples[] = {
        "squall attack route.blackhole 10.0.0.7 --target netns=blue --for 1m",
        "squall attack route.blackhole 10.1.0.0/16 fd00::/8 --mode unreachable --target host "
        "--for 30s",
        "squall attack route.blackhole 10.0.0.7 --user www-data --target host --for 30s --dry-run",
        NULL,
};

const struct fault fault_route_blackhole = {
        .kind =
                {
                        .name = "route.blackhole",
                        .summary = "refuses to route to destinations",
                        .man = "What a wrong route, a withdrawn announcement or a null route of "
                               "the operator's does: the kernel has no way to a destination any "
                               "more. Unlike net.cut it is told at once to programs on this "
                               "machine: a blackhole to a program is EINVAL, unreachable "
                               "ENETUNREACH, prohibit EACCES. What is "
                               "forwarded vanishes, or is answered with ICMP. Answers to who "
                               "connects from there are not sent either, and established "
                               "connections stall.\n\n"
                               "Each destination is a rule of the routing policy, behind the "
                               "table of local addresses: the machine's own addresses stay "
                               "reachable, and no route and no rule of anybody else is touched. "
                               "The rule is the kernel's, so it stays if all of squall is killed, "
                               "until squall undo or a reboot; it is known by its protocol, 92 in "
                               "\"ip rule\".\n\n"
                               "A default route (0.0.0.0/0, ::/0) of the host needs --allow "
                               "host-wide; what may cut the connection that you are logged in by "
                               "needs --allow control-path.\n\n"
                               "The dose is the number of destinations that the kernel had a way "
                               "to before, and now refuses, by its own answer for the first "
                               "address of each; none is no-effect.",
                        .params = params,
                        .args_size = sizeof(struct route_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = "host|netns",
                        .check = check_route,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_route,
        .dose = dose_route,
};
