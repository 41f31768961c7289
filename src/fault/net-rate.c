/* net.rate: lets only so many bits a second through. */
#include <errno.h>

#include "base/quantity.h"
#include "fault/net-shape.h"

/* How long packets wait at most where nothing is said, and how many always have room. */
static const uint64_t queue_dflt_ns = 100 * NS_PER_MS;
enum { QUEUE_LEAST = 10 * 1500 };

struct rate_args {
	uint64_t rate_bits, queue_bytes, queue_ns;
	struct scope_args scope;
};

static uint64_t bytes_within(const struct rate_args *a, uint64_t ns)
{
	return (uint64_t)((double)a->rate_bits / 8 * (double)ns / (double)NS_PER_S);
}

/* The queue in bytes; 0: more than there may be. */
static uint64_t queue_of(const struct rate_args *a)
{
	uint64_t bytes = a->queue_bytes
	                         ? a->queue_bytes
	                         : bytes_within(a, a->queue_ns ? a->queue_ns : queue_dflt_ns);

	if (a->queue_bytes || a->queue_ns)
		return bytes > SHAPE_QUEUE_MAX ? 0 : bytes ? bytes : 1;
	return bytes < QUEUE_LEAST       ? QUEUE_LEAST
	       : bytes > SHAPE_QUEUE_MAX ? SHAPE_QUEUE_MAX
	                                 : bytes;
}

static void shape_of(const struct rate_args *a, struct shape *to)
{
	*to = (struct shape){.rate_bits = a->rate_bits, .queue_bytes = queue_of(a)};
}

/* "10Mbit/s" */
static int plan_rate(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct rate_args *a = args;
	struct shape shape;
	BUF(says, 80);

	shape_of(a, &shape);
	buf_add(&says, " to ");
	rate_format(&says, a->rate_bits);
	buf_add(&says, ", ");
	size_format_short(&says, shape.queue_bytes);
	buf_add(&says, " may wait");
	return shape_add("net.rate", &a->scope, &shape, "limits ", says.data, t, moment, w, run,
	                 out, again_ns, err);
}

static int dose_rate(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	const struct rate_args *a = args;
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	rate_format(&text, a->rate_bits);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	rate_format_short(&text, shaped_rate(&s));
	buf_add(&text, " on average");
	if (s.delayed) {
		buf_add(&text, "; waited ");
		shaped_add_delay(&s, &text);
	}
	if (s.lost_in_queue)
		buf_addf(&text, "; %llu of %llu lost to the full queue",
		         (unsigned long long)s.lost_in_queue, (unsigned long long)s.seen);
	shaped_end(&s, after, s.delayed + s.lost_in_queue,
	           "held up: there was less traffic than that", 0, &d);
	*dose = d;
	return 0;
}

static int check_rate(const void *args, struct err *err)
{
	const struct rate_args *a = args;
	struct shape shape;

	if (a->queue_bytes && a->queue_ns)
		return err_hint(
		        err,
		        err_set(err, -EINVAL, "\"queue\" and \"queue-time\" exclude each other"),
		        "Both say how much may wait, in bytes or in time.");
	if (!queue_of(a))
		return err_hint(err,
		                err_set(err, -EINVAL, "so long a queue holds more than 256MiB"),
		                "Give a shorter \"queue-time\".");
	shape_of(a, &shape);
	return shape_allowed(&a->scope, &shape, err);
}

static const struct param params[] = {
        {.name = "rate",
         .kind = PARAM_RATE,
         .offset = offsetof(struct rate_args, rate_bits),
         .min = "1kbit/s",
         .max = "100Gbit/s",
         .help = "how many bits a second get through",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "queue",
         .kind = PARAM_SIZE,
         .offset = offsetof(struct rate_args, queue_bytes),
         .min = "1",
         .max = "256MiB",
         .help = "how much may wait; what comes beyond is lost (left out: 100ms of the rate, at "
                 "least 15kB)"},
        {.name = "queue-time",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct rate_args, queue_ns),
         .min = "1us",
         .max = "10m",
         .help = "the same as a time: how long a packet waits at most"},
        SHAPE_SCOPE(struct rate_args),
};

static const char *const examples[] = {
        "squall attack net.rate 1Mbit/s --target netns=blue --for 1m",
        "squall attack net.rate 256kbit --queue-time 2s --target container.name=shop --for 1m",
        "squall attack net.rate 10mbit --port 5432 --target netns=blue --for 1m",
        NULL,
};

const struct fault fault_net_rate = {
        .kind =
                {
                        .name = "net.rate",
                        .summary = "lets only so many bits a second through",
                        .man = "All that matches shares a link of that rate, counted in IP "
                               "packets with their headers. A packet that finds the link free "
                               "goes at once; otherwise it waits for those before it, and what "
                               "finds the queue full is lost. Idle time is not saved up: there "
                               "is no burst above the rate.\n\n"
                               "The queue makes the difference between a link that loses early "
                               "and one whose buffer makes everything late (bufferbloat: "
                               "queue-time 2s). Left out it holds what the rate sends in 100ms, "
                               "and ten full packets at least. 10mbit and 10Mbit/s are the same; "
                               "10Mbps is not accepted, for it means bytes to some.\n\n"
                               "It counts packets alone, not several in one as the kernel would "
                               "hand them over, so a fast link costs processor time. Filters and "
                               "targets are those of net.cut. The dose is the rate on average, "
                               "idle time included, and how long packets "
                               "waited; traffic that stayed below the rate is no-effect.",
                        .params = params,
                        .args_size = sizeof(struct rate_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_rate,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_rate,
        .dose = dose_rate,
};
