/* net.profile: a link as it is elsewhere: late, lossy and narrow at once. */
#include <string.h>

#include "base/quantity.h"
#include "fault/net-shape.h"

struct profile_args {
	const char *profile;
	struct scope_args scope;
};

/*
 * The delay is that of a whole round trip. Where the figures are from stands in
 * docs/network-faults.md.
 */
static const struct profile {
	const char *name;
	uint64_t delay_ns, jitter_ns;
	enum shape_dist dist;
	uint32_t loss_ppm, burst_begin_ppm, burst_end_ppm;
	uint64_t down_bits, up_bits; /* 0: not limited */
} profiles[] = {
        {.name = "3g",
         .delay_ns = 300 * NS_PER_MS,
         .jitter_ns = 30 * NS_PER_MS,
         .dist = SHAPE_NORMAL,
         .loss_ppm = 2000,
         .down_bits = 1600000,
         .up_bits = 768000},
        {.name = "dsl",
         .delay_ns = 50 * NS_PER_MS,
         .jitter_ns = 5 * NS_PER_MS,
         .dist = SHAPE_NORMAL,
         .loss_ppm = 500,
         .down_bits = 1500000,
         .up_bits = 384000},
        {.name = "satellite",
         .delay_ns = 600 * NS_PER_MS,
         .jitter_ns = 20 * NS_PER_MS,
         .dist = SHAPE_NORMAL,
         .loss_ppm = 5000,
         .down_bits = 25000000,
         .up_bits = 3000000},
        {.name = "wifi-bad",
         .delay_ns = 30 * NS_PER_MS,
         .jitter_ns = 30 * NS_PER_MS,
         .dist = SHAPE_PARETO,
         .burst_begin_ppm = 10000,
         .burst_end_ppm = 200000,
         .down_bits = 4000000,
         .up_bits = 2000000},
        {.name = "intercontinental",
         .delay_ns = 250 * NS_PER_MS,
         .jitter_ns = 2 * NS_PER_MS,
         .dist = SHAPE_NORMAL,
         .loss_ppm = 100},
};

static const struct profile *profile_of(const struct profile_args *a)
{
	const struct profile *p = profiles;

	while (strcmp(p->name, a->profile) != 0)
		p++; /* the choices of the parameter are these */
	return p;
}

static uint64_t rate_of(const struct profile_args *a, const struct profile *p)
{
	return scope_way(&a->scope, NFT_SHAPE) == NFT_OUT ? p->up_bits : p->down_bits;
}

static void shape_of(const struct profile_args *a, struct shape *to)
{
	const struct profile *p = profile_of(a);
	uint64_t rate = rate_of(a, p);

	*to = (struct shape){.delay_ns = p->delay_ns,
	                     .jitter_ns = p->jitter_ns,
	                     .dist = p->dist,
	                     .loss_ppm = p->loss_ppm,
	                     .burst = p->burst_begin_ppm > 0,
	                     .burst_p_ppm = p->burst_begin_ppm,
	                     .burst_r_ppm = p->burst_end_ppm,
	                     .burst_k_ppm = p->burst_begin_ppm ? PPM_ALL : 0,
	                     .rate_bits = rate,
	                     .queue_bytes = rate / 8 / 5}; /* 200ms */
}

/* "300ms +- 30ms, 0.2% lost, 1.6Mbit/s" */
static void profile_say(const struct profile_args *a, struct buf *to)
{
	const struct profile *p = profile_of(a);
	uint64_t rate = rate_of(a, p);

	duration_format(to, p->delay_ns);
	buf_add(to, " +- ");
	duration_format(to, p->jitter_ns);
	buf_add(to, ", ");
	if (p->burst_begin_ppm)
		buf_add(to, "bursts of loss");
	else {
		share_format(to, p->loss_ppm);
		buf_add(to, " lost");
	}
	if (rate) {
		buf_add(to, ", ");
		rate_format(to, rate);
	}
}

static int plan_profile(const void *args, const struct target *t, const struct moment *moment,
                        const struct world *w, const char *run, struct plan *out,
                        uint64_t *again_ns, struct err *err)
{
	const struct profile_args *a = args;
	struct shape shape;
	BUF(says, 80);

	shape_of(a, &shape);
	buf_add(&says, ": ");
	profile_say(a, &says);
	return shape_add("net.profile", &a->scope, &shape, "", says.data, t, moment, w, run, out,
	                 again_ns, err);
}

static int dose_profile(const void *args, const struct counters *before,
                        const struct counters *after, struct dose *dose, struct err *err)
{
	const struct profile_args *a = args;
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	buf_addf(&text, "%s: ", a->profile);
	profile_say(a, &text);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	shaped_add_delay(&s, &text);
	buf_addf(&text, ", %llu lost", (unsigned long long)s.lost);
	if (s.lost_in_queue)
		buf_addf(&text, ", %llu more to the full queue",
		         (unsigned long long)s.lost_in_queue);
	buf_add(&text, ", ");
	rate_format_short(&text, shaped_rate(&s));
	buf_add(&text, " on average");
	shaped_end(&s, after, s.delayed + s.lost + s.lost_in_queue, "held back or lost", 0, &d);
	*dose = d;
	return 0;
}

static int check_profile(const void *args, struct err *err)
{
	const struct profile_args *a = args;
	struct shape shape;

	shape_of(a, &shape);
	return shape_allowed(&a->scope, &shape, err);
}

static const struct param params[] = {
        {.name = "profile",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct profile_args, profile),
         .choices = "3g|dsl|satellite|wifi-bad|intercontinental",
         .help = "which link",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        SHAPE_SCOPE(struct profile_args),
};

static const char *const examples[] = {
        "squall attack net.profile 3g --target netns=blue --for 2m",
        "squall attack net.profile satellite --port 443 --target container.name=shop --for 2m",
        "squall attack net.profile wifi-bad --target netns=blue --for 1m --dry-run",
        NULL,
};

const struct fault fault_net_profile = {
        .kind =
                {
                        .name = "net.profile",
                        .summary = "a link as it is elsewhere: late, lossy and narrow",
                        .man = "Delay, jitter, loss and rate of a kind of link at once, on top "
                               "of what the network does anyway:\n\n"
                               "3g: 300ms +- 30ms, 0.2% lost, 1.6Mbit/s down and 768kbit/s up. "
                               "dsl: 50ms +- 5ms, 0.05% lost, 1.5Mbit/s and 384kbit/s. "
                               "satellite: 600ms +- 20ms, 0.5% lost, 25Mbit/s and 3Mbit/s. "
                               "wifi-bad: 30ms +- 30ms with a long tail, one packet of 100 begins "
                               "a burst in which 5 are lost, 4Mbit/s and 2Mbit/s. "
                               "intercontinental: 250ms +- 2ms, 0.01% lost, no limit.\n\n"
                               "The delay is that of a round trip, all of it in the direction "
                               "that is shaped: what comes in, with the rate downwards. With "
                               "direction out the rate is that upwards. Queues hold "
                               "200ms. For other figures use net.delay, net.loss and net.rate: "
                               "attacks on one target work together. docs/network-faults.md says "
                               "where the figures come from.",
                        .params = params,
                        .args_size = sizeof(struct profile_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_profile,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_profile,
        .dose = dose_profile,
};
