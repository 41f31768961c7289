/* net.delay: holds packets back. */
#include <errno.h>
#include <string.h>

#include "base/quantity.h"
#include "fault/net-shape.h"

struct delay_args {
	uint64_t delay_ns, jitter_ns, correlation_ppm;
	const char *distribution, *order;
	struct scope_args scope;
};

static void shape_of(const struct delay_args *a, struct shape *to)
{
	*to = (struct shape){
	        .delay_ns = a->delay_ns,
	        .jitter_ns = a->jitter_ns,
	        .delay_corr_ppm = (uint32_t)a->correlation_ppm,
	        .order_free = strcmp(a->order, "free") == 0,
	        .dist = strcmp(a->distribution, "normal") == 0   ? SHAPE_NORMAL
	                : strcmp(a->distribution, "pareto") == 0 ? SHAPE_PARETO
	                                                         : SHAPE_UNIFORM,
	};
}

/* "50ms +- 10ms (normal)" */
static void delay_say(const struct delay_args *a, struct buf *to)
{
	duration_format(to, a->delay_ns);
	if (!a->jitter_ns)
		return;
	buf_add(to, " +- ");
	duration_format(to, a->jitter_ns);
	buf_addf(to, " (%s)", a->distribution);
}

static int plan_delay(const void *args, const struct target *t, const struct moment *moment,
                      const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                      struct err *err)
{
	const struct delay_args *a = args;
	struct shape shape;
	BUF(says, 80);

	shape_of(a, &shape);
	buf_add(&says, " by ");
	delay_say(a, &says);
	return shape_add("net.delay", &a->scope, &shape, "delays ", says.data, t, moment, w, run,
	                 out, again_ns, err);
}

static int dose_delay(const void *args, const struct counters *before, const struct counters *after,
                      struct dose *dose, struct err *err)
{
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	delay_say(args, &text);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	shaped_add_delay(&s, &text);
	shaped_end(&s, after, s.delayed, "held back", 0, &d);
	*dose = d;
	return 0;
}

static int check_delay(const void *args, struct err *err)
{
	const struct delay_args *a = args;
	struct shape shape;

	shape_of(a, &shape);
	if (!a->jitter_ns && (shape.dist || shape.delay_corr_ppm || shape.order_free)) {
		err_set(err, -EINVAL, "without \"jitter\" every packet is delayed alike");
		return err_hint(err, -EINVAL,
		                "Give a jitter, or leave out \"distribution\", \"correlation\" and "
		                "\"order\".");
	}
	return shape_allowed(&a->scope, &shape, err);
}

static const struct param params[] = {
        {.name = "delay",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct delay_args, delay_ns),
         .min = "1us",
         .max = "10m",
         .help = "how long each packet is held back",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "jitter",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct delay_args, jitter_ns),
         .max = "10m",
         .help = "how far the delay of a packet may be from that"},
        {.name = "distribution",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct delay_args, distribution),
         .dflt = "uniform",
         .choices = "uniform|normal|pareto",
         .help = "of the jitter: within it, or with it for standard deviation"},
        {.name = "correlation",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct delay_args, correlation_ppm),
         .max = "99%",
         .help = "how like the delay of the packet before it a delay is"},
        {.name = "order",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct delay_args, order),
         .dflt = "keep",
         .choices = "keep|free",
         .help = "free: packets overtake each other when their delays say so"},
        SHAPE_SCOPE(struct delay_args),
};

static const char *const examples[] = {
        "squall attack net.delay 50ms --port 5432 --target netns=blue --for 1m",
        "squall attack net.delay 100ms --jitter 30ms --distribution normal --target "
        "container.name=shop --for 1m",
        "squall attack net.delay 200ms --interface lo --port 6379 --target host --for 30s",
        NULL,
};

const struct fault fault_net_delay = {
        .kind =
                {
                        .name = "net.delay",
                        .summary = "holds packets back",
                        .man = "Each packet is held back for the delay, as on a longer way: once "
                               "in a round trip, because what comes in is delayed unless told "
                               "otherwise. Filters and targets are those of net.cut.\n\n"
                               "With a jitter the delays differ. uniform: evenly within delay +- "
                               "jitter; normal: a bell curve, the jitter its standard deviation; "
                               "pareto: mostly short, some very long. Never below zero. Packets "
                               "keep their order, so one that is late holds up those behind it, "
                               "as a queue does; with order free they overtake each other, which "
                               "TCP takes for loss. A correlation makes neighbours alike "
                               "and leaves the distribution as it is.\n\n"
                               "What goes out (direction out, both) the shaper sends itself "
                               "when it is due. "
                               "The dose is the time by which packets were held back, median and "
                               "99th percentile, by the shaper's own clock. When squall ends, "
                               "however it ends, traffic is as before; docs/network-faults.md "
                               "has the rest.",
                        .params = params,
                        .args_size = sizeof(struct delay_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_delay,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_delay,
        .dose = dose_delay,
};
