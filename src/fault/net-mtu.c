/* net.mtu: a path that swallows large packets. */
#include "base/quantity.h"
#include "fault/net-shape.h"

struct mtu_args {
	uint64_t bytes;
	bool tell;
	struct scope_args scope;
};

/* A path has both directions, unless told otherwise. */
static struct scope_args scope_of(const struct mtu_args *a)
{
	struct scope_args scope = a->scope;

	if (!scope.direction && !scope.to.n && !scope.from.n)
		scope.direction = "both";
	return scope;
}

static void shape_of(const struct mtu_args *a, struct shape *to)
{
	*to = (struct shape){.mtu = (uint32_t)a->bytes, .tell = a->tell};
}

static int plan_mtu(const void *args, const struct target *t, const struct moment *moment,
                    const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                    struct err *err)
{
	const struct mtu_args *a = args;
	struct scope_args scope = scope_of(a);
	struct shape shape;
	BUF(says, 80);

	shape_of(a, &shape);
	buf_addf(&says, "swallows packets over %llu bytes of ", (unsigned long long)a->bytes);
	return shape_add("net.mtu", &scope, &shape, says.data, "", t, moment, w, run, out, again_ns,
	                 err);
}

static int dose_mtu(const void *args, const struct counters *before, const struct counters *after,
                    struct dose *dose, struct err *err)
{
	const struct mtu_args *a = args;
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	buf_addf(&text, "no packet over %llu bytes", (unsigned long long)a->bytes);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	buf_addf(&text, "%llu of %llu packets were too large", (unsigned long long)s.lost,
	         (unsigned long long)s.seen);
	if (a->tell)
		buf_addf(&text, ", of %llu the sender was told", (unsigned long long)s.told);
	shaped_end(&s, after, s.lost, "too large", 0, &d);
	*dose = d;
	return 0;
}

static int check_mtu(const void *args, struct err *err)
{
	const struct mtu_args *a = args;
	struct scope_args scope = scope_of(a);
	struct shape shape;

	shape_of(a, &shape);
	return shape_allowed(&scope, &shape, err);
}

static const struct param params[] = {
        {.name = "bytes",
         .kind = PARAM_SIZE,
         .offset = offsetof(struct mtu_args, bytes),
         .min = "68B",
         .max = "65535B",
         .help = "the largest packet that passes, its IP header included",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "tell",
         .kind = PARAM_BOOL,
         .offset = offsetof(struct mtu_args, tell),
         .help = "senders are told by ICMP, as a router should do; else in silence"},
        SCOPE_PARAMS(struct mtu_args, "both", "both|in|out"),
};

static const char *const examples[] = {
        "squall attack net.mtu 1400B --target netns=blue --for 1m",
        "squall attack net.mtu 1280B --tell --direction out --target netns=blue --for 1m",
        "squall attack net.mtu --bytes 576B --port 443 --target container.name=shop --for 30s",
        NULL,
};

const struct fault fault_net_mtu = {
        .kind =
                {
                        .name = "net.mtu",
                        .summary = "a path that swallows large packets",
                        .man = "Packets that are larger than so many bytes vanish; smaller ones "
                               "pass. In silence that is a black hole of path MTU discovery: a "
                               "tunnel or VPN on the way, and a firewall that drops ICMP. A "
                               "connection is made, small questions are answered, and the first "
                               "large answer never comes.\n\n"
                               "With tell the sender hears of it, as from a router that works: "
                               "ICMP \"fragmentation needed\", or ICMPv6 \"packet too big\", and "
                               "TCP goes on in smaller segments. IPv4 packets that may be "
                               "fragmented pass then, for a router would send them in parts. The "
                               "kernel does not believe sizes below 552 (net.ipv4.route.min_pmtu), "
                               "nor below 1280 over IPv6. What it has learned it remembers for ten "
                               "minutes (ip route get ADDRESS shows it).\n\n"
                               "What counts is the packet as it would be on a wire: what the "
                               "kernel has put together for its own ease (GSO, GRO) is looked at "
                               "in its parts. A datagram that the target sends and that is larger "
                               "than its own interface takes is seen before it is cut into "
                               "fragments; one that comes in is seen fragment by fragment. Filters "
                               "and targets are those of net.cut; both directions unless told "
                               "otherwise.\n\n"
                               "The dose is how many packets were too large, of those that "
                               "matched.",
                        .params = params,
                        .args_size = sizeof(struct mtu_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_mtu,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_mtu,
        .dose = dose_mtu,
};
