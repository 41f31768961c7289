/* net.loss: loses packets. */
#include <errno.h>

#include "base/quantity.h"
#include "fault/net-shape.h"

struct loss_args {
	uint64_t share_ppm, correlation_ppm, every;
	uint64_t burst_begin_ppm, burst_end_ppm, burst_loss_ppm, calm_loss_ppm;
	struct scope_args scope;
};

/* Left out: all of a burst is lost. */
static uint64_t burst_loss(const struct loss_args *a)
{
	return a->burst_loss_ppm ? a->burst_loss_ppm : PPM_ALL;
}

static void shape_of(const struct loss_args *a, struct shape *to)
{
	*to = (struct shape){
	        .loss_ppm = (uint32_t)a->share_ppm,
	        .loss_corr_ppm = (uint32_t)a->correlation_ppm,
	        .every = (uint32_t)a->every,
	};
	if (!a->burst_begin_ppm)
		return;
	to->burst = true;
	to->burst_p_ppm = (uint32_t)a->burst_begin_ppm;
	to->burst_r_ppm = (uint32_t)a->burst_end_ppm;
	to->burst_h_ppm = (uint32_t)(PPM_ALL - burst_loss(a));
	to->burst_k_ppm = (uint32_t)(PPM_ALL - a->calm_loss_ppm);
}

/* The share that is lost in the long run. */
static uint64_t share_of(const struct loss_args *a)
{
	uint64_t both = a->burst_begin_ppm + a->burst_end_ppm;

	if (a->every)
		return PPM_ALL / a->every;
	if (!a->burst_begin_ppm)
		return a->share_ppm;
	return (a->burst_begin_ppm * burst_loss(a) + a->burst_end_ppm * a->calm_loss_ppm) / both;
}

/* "30%", "1 in 10", "4.76%, in bursts" */
static void loss_say(const struct loss_args *a, struct buf *to)
{
	if (a->every) {
		buf_addf(to, "1 in %llu", (unsigned long long)a->every);
		return;
	}
	if (a->burst_begin_ppm) {
		buf_addf(to, "%.3g%%, in bursts", (double)share_of(a) * 100 / (double)PPM_ALL);
		return;
	}
	share_format(to, a->share_ppm);
}

static int plan_loss(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct loss_args *a = args;
	struct shape shape;
	BUF(says, 80);

	shape_of(a, &shape);
	buf_add(&says, "loses ");
	loss_say(a, &says);
	buf_add(&says, a->burst_begin_ppm ? ", of " : " of ");
	return shape_add("net.loss", &a->scope, &shape, says.data, "", t, moment, w, run, out,
	                 again_ns, err);
}

static int dose_loss(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	loss_say(args, &text);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	shaped_add_share(&s, s.lost, &text);
	shaped_end(&s, after, s.lost, "lost", share_of(args), &d);
	*dose = d;
	return 0;
}

static int check_loss(const void *args, struct err *err)
{
	const struct loss_args *a = args;
	int said = (a->share_ppm > 0) + (a->every > 0) + (a->burst_begin_ppm > 0);
	bool of_burst = a->burst_end_ppm || a->burst_loss_ppm || a->calm_loss_ppm;
	struct shape shape;

	if (said != 1) {
		err_set(err, -EINVAL,
		        said ? "\"share\", \"every\" and \"burst-begin\" exclude each other"
		             : "one of \"share\", \"every\" and \"burst-begin\" must say how much");
		return err_hint(err, -EINVAL,
		                "A share is lost here and there, every Nth packet regularly, a "
		                "burst packets in a row.");
	}
	if (a->correlation_ppm && !a->share_ppm)
		return err_set(err, -EINVAL, "\"correlation\" belongs to \"share\"");
	if (of_burst && !a->burst_begin_ppm)
		return err_hint(err, err_set(err, -EINVAL, "a burst ends that never begins"),
		                "Give \"burst-begin\": at which share of packets one begins.");
	if (a->burst_begin_ppm && !a->burst_end_ppm)
		return err_hint(err, err_set(err, -EINVAL, "a burst begins that never ends"),
		                "Give \"burst-end\": 20%% for bursts of 5 packets on average.");
	shape_of(a, &shape);
	return shape_allowed(&a->scope, &shape, err);
}

static const struct param params[] = {
        {.name = "share",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct loss_args, share_ppm),
         .min = "0.0001%",
         .max = "100%",
         .help = "share of packets that vanish",
         .flags = PARAM_RAMP | PARAM_POSITIONAL},
        SHAPE_CORRELATION(struct loss_args),
        {.name = "every",
         .kind = PARAM_COUNT,
         .offset = offsetof(struct loss_args, every),
         .min = "2",
         .max = "1000000",
         .help = "instead: every Nth packet vanishes"},
        {.name = "burst-begin",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct loss_args, burst_begin_ppm),
         .min = "0.0001%",
         .max = "100%",
         .help = "instead, in bursts: share of packets at which one begins"},
        {.name = "burst-end",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct loss_args, burst_end_ppm),
         .min = "0.0001%",
         .max = "100%",
         .help = "share of packets at which a burst ends: 20% for 5 packets on average"},
        {.name = "burst-loss",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct loss_args, burst_loss_ppm),
         .min = "0.0001%",
         .max = "100%",
         .help = "share that vanishes within a burst (left out: all)"},
        {.name = "calm-loss",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct loss_args, calm_loss_ppm),
         .max = "100%",
         .help = "share that vanishes between bursts (left out: none)"},
        SHAPE_SCOPE(struct loss_args),
};

static const char *const examples[] = {
        "squall attack net.loss 5% --protocol udp --target netns=blue --for 1m",
        "squall attack net.loss --burst-begin 1% --burst-end 20% --target container.name=shop "
        "--for 1m",
        "squall attack net.loss --every 10 --direction out --port 53 --target host --for 30s",
        NULL,
};

const struct fault fault_net_loss = {
        .kind =
                {
                        .name = "net.loss",
                        .summary = "loses packets",
                        .man = "Packets vanish, and nobody is told: neither a sender on this "
                               "machine nor its peer. Filters and targets are those of net.cut; "
                               "what comes in is lost unless told otherwise.\n\n"
                               "Three ways: a share, each packet by a draw of its own; every Nth "
                               "packet, which is as regular as no network is, but can be "
                               "foreseen; or in bursts, as radio and full queues lose: between "
                               "bursts nothing (calm-loss), within them all (burst-loss), where "
                               "burst-begin and burst-end say how often they come and how long "
                               "they last (the model of Gilbert and Elliott). A correlation makes "
                               "losses "
                               "come together and leaves the share as it is.\n\n"
                               "The same seed loses the same packets of a stream. To limit it in "
                               "a policy limit share, every and burst-begin: each of them is a "
                               "way to lose much. The dose is what was lost of the packets that "
                               "matched.",
                        .params = params,
                        .args_size = sizeof(struct loss_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_loss,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_loss,
        .dose = dose_loss,
};
