/* net.reorder: packets overtake each other. */
#include <errno.h>

#include "base/quantity.h"
#include "fault/net-shape.h"

struct reorder_args {
	uint64_t share_ppm, correlation_ppm, gap, delay_ns;
	struct scope_args scope;
};

static void shape_of(const struct reorder_args *a, struct shape *to)
{
	*to = (struct shape){.delay_ns = a->delay_ns,
	                     .reorder_ppm = (uint32_t)a->share_ppm,
	                     .reorder_corr_ppm = (uint32_t)a->correlation_ppm,
	                     .gap = (uint32_t)a->gap};
}

static int plan_reorder(const void *args, const struct target *t, const struct moment *moment,
                        const struct world *w, const char *run, struct plan *out,
                        uint64_t *again_ns, struct err *err)
{
	const struct reorder_args *a = args;
	struct shape shape;
	BUF(before, 80);
	BUF(behind, 80);

	shape_of(a, &shape);
	buf_add(&before, "lets ");
	share_format(&before, a->share_ppm);
	buf_add(&before, " of ");
	buf_add(&behind, " overtake the rest, held for ");
	duration_format(&behind, a->delay_ns);
	return shape_add("net.reorder", &a->scope, &shape, before.data, behind.data, t, moment, w,
	                 run, out, again_ns, err);
}

static int dose_reorder(const void *args, const struct counters *before,
                        const struct counters *after, struct dose *dose, struct err *err)
{
	const struct reorder_args *a = args;
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	share_format(&text, a->share_ppm);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	shaped_add_share(&s, s.reordered, &text);
	buf_add(&text, " went ahead");
	/* Nothing was there to be overtaken when nothing was held. */
	shaped_end(&s, after, s.delayed ? s.reordered : 0, "sent ahead of others", a->share_ppm,
	           &d);
	*dose = d;
	return 0;
}

static int check_reorder(const void *args, struct err *err)
{
	const struct reorder_args *a = args;
	struct shape shape;

	if (a->share_ppm == PPM_ALL && !a->gap)
		return err_hint(err,
		                err_set(err, -EINVAL, "all go ahead: nobody is left to overtake"),
		                "Give a smaller share, or a \"gap\".");
	shape_of(a, &shape);
	return shape_allowed(&a->scope, &shape, err);
}

static const struct param params[] = {
        {.name = "share",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct reorder_args, share_ppm),
         .min = "0.0001%",
         .max = "100%",
         .help = "share of packets that go ahead of the others",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "delay",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct reorder_args, delay_ns),
         .dflt = "10ms",
         .min = "1us",
         .max = "10m",
         .help = "how long the others are held back, and so how many are overtaken"},
        SHAPE_CORRELATION(struct reorder_args),
        {.name = "gap",
         .kind = PARAM_COUNT,
         .offset = offsetof(struct reorder_args, gap),
         .min = "2",
         .max = "1000000",
         .help = "only every Nth packet may go ahead (left out: any)"},
        SHAPE_SCOPE(struct reorder_args),
};

static const char *const examples[] = {
        "squall attack net.reorder 25% --target netns=blue --for 1m",
        "squall attack net.reorder 100% --gap 5 --delay 20ms --protocol udp --target netns=blue "
        "--for 30s",
        "squall attack net.reorder 1% --delay 5ms --port 5432 --target container.name=shop "
        "--for 1m",
        NULL,
};

const struct fault fault_net_reorder = {
        .kind =
                {
                        .name = "net.reorder",
                        .summary = "packets overtake each other",
                        .man = "A share of packets goes at once, while the others are held back "
                               "for the delay: so they overtake what came within that time "
                               "before them, as over two paths of unlike length. A packet that "
                               "comes alone overtakes nobody. With a gap only every Nth may go "
                               "ahead: a share of 100% then is every Nth, regularly.\n\n"
                               "TCP takes what is overtaken by three or more for lost and sends "
                               "it again; protocols over UDP must sort by themselves. Filters "
                               "and targets are those of net.cut. The dose is what went ahead of "
                               "the packets that matched.",
                        .params = params,
                        .args_size = sizeof(struct reorder_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_reorder,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_reorder,
        .dose = dose_reorder,
};
