/* dns.slow: what name servers answer comes late. */
#include "base/quantity.h"
#include "fault/dns-plan.h"

struct slow_args {
	uint64_t delay_ns, jitter_ns;
	struct dns_args dns;
};

static int shape_of(const struct slow_args *a, struct shape *to, struct err *err)
{
	/* questions have nothing to do with each other: no answer waits for another */
	*to = (struct shape){.dns.how = DNS_SLOW,
	                     .delay_ns = a->delay_ns,
	                     .jitter_ns = a->jitter_ns,
	                     .order_free = a->jitter_ns > 0};
	return dns_shape(&a->dns, to, err);
}

/* "2s +- 500ms" */
static void delay_say(const struct slow_args *a, struct buf *to)
{
	duration_format(to, a->delay_ns);
	if (!a->jitter_ns)
		return;
	buf_add(to, " +- ");
	duration_format(to, a->jitter_ns);
}

static int plan_slow(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct slow_args *a = args;
	struct shape shape;
	BUF(says, 80);
	int ret = shape_of(a, &shape, err);

	if (ret < 0)
		return ret;
	buf_add(&says, " by ");
	delay_say(a, &says);
	return dns_add("dns.slow", &a->dns, &shape, "delays", says.data, t, moment, w, run, out,
	               again_ns, err);
}

static int dose_slow(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	const struct slow_args *a = args;
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	delay_say(a, &text);
	dns_say_share(&a->dns, &text);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	shaped_add_delay(&s, &text);
	buf_add(&text, "; ");
	dns_say_done(before, after, &text);
	dns_end(&a->dns, before, after, s.delayed, &d);
	*dose = d;
	return 0;
}

static int check_slow(const void *args, struct err *err)
{
	struct shape shape;

	return shape_of(args, &shape, err);
}

static const struct param params[] = {
        {.name = "delay",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct slow_args, delay_ns),
         .min = "1us",
         .max = "10m",
         .help = "how long each answer is held back",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "jitter",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct slow_args, jitter_ns),
         .max = "10m",
         .help = "how far the delay of an answer may be from that"},
        DNS_TYPES(struct slow_args),
        DNS_PARAMS(struct slow_args),
};

static const char *const examples[] = {
        "squall attack dns.slow 3s --target container.name=shop --for 1m",
        "squall attack dns.slow 500ms --jitter 300ms --names '*.payments.test' --share 20% "
        "--target host --for 1m",
        "squall attack dns.slow 6s --types AAAA --server 127.0.0.53 --target host --for 30s",
        NULL,
};

const struct fault fault_dns_slow = {
        .kind =
                {
                        .name = "dns.slow",
                        .summary = "names are resolved late",
                        .man = "What a name server answers is held back, over UDP and TCP. With a "
                               "jitter delays lie evenly within delay +- jitter, and answers "
                               "overtake each other. A resolver asks again when it has waited "
                               "long enough (5 s with the C library, where resolv.conf does not "
                               "say otherwise), and takes the late answer to its first question, "
                               "if that comes before it gives up.\n\n"
                               "Names, types, share, servers, and what is not reached are as with "
                               "dns.fail. The dose is the time by which answers were held back, "
                               "median and 99th percentile, and the share of those that matched.",
                        .params = params,
                        .args_size = sizeof(struct slow_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_slow,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_slow,
        .dose = dose_slow,
};
