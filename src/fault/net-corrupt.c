/* net.corrupt: flips a bit in packets. */
#include "base/quantity.h"
#include "fault/net-shape.h"

struct corrupt_args {
	uint64_t share_ppm, correlation_ppm;
	bool mend;
	struct scope_args scope;
};

static void shape_of(const struct corrupt_args *a, struct shape *to)
{
	*to = (struct shape){.corrupt_ppm = (uint32_t)a->share_ppm,
	                     .corrupt_corr_ppm = (uint32_t)a->correlation_ppm,
	                     .mend = a->mend};
}

static int plan_corrupt(const void *args, const struct target *t, const struct moment *moment,
                        const struct world *w, const char *run, struct plan *out,
                        uint64_t *again_ns, struct err *err)
{
	const struct corrupt_args *a = args;
	struct shape shape;
	BUF(says, 80);

	shape_of(a, &shape);
	buf_add(&says, "flips a bit in ");
	share_format(&says, a->share_ppm);
	buf_add(&says, " of ");
	return shape_add("net.corrupt", &a->scope, &shape, says.data,
	                 a->mend ? ", its checksum mended" : "", t, moment, w, run, out, again_ns,
	                 err);
}

static int dose_corrupt(const void *args, const struct counters *before,
                        const struct counters *after, struct dose *dose, struct err *err)
{
	const struct corrupt_args *a = args;
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	share_format(&text, a->share_ppm);
	buf_add(&text, a->mend ? ", checksum mended" : "");
	buf_init(&text, d.achieved, sizeof(d.achieved));
	shaped_add_share(&s, s.corrupted, &text);
	shaped_end(&s, after, s.corrupted, "changed", a->share_ppm, &d);
	*dose = d;
	return 0;
}

static int check_corrupt(const void *args, struct err *err)
{
	const struct corrupt_args *a = args;
	struct shape shape;

	shape_of(a, &shape);
	return shape_allowed(&a->scope, &shape, err);
}

static const struct param params[] = {
        {.name = "share",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct corrupt_args, share_ppm),
         .min = "0.0001%",
         .max = "100%",
         .help = "share of packets in which a bit is flipped",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        SHAPE_CORRELATION(struct corrupt_args),
        {.name = "mend",
         .kind = PARAM_BOOL,
         .offset = offsetof(struct corrupt_args, mend),
         .help = "put the checksum right, so that the application gets the wrong data"},
        SHAPE_SCOPE(struct corrupt_args),
};

static const char *const examples[] = {
        "squall attack net.corrupt 1% --protocol tcp --target netns=blue --for 1m",
        "squall attack net.corrupt 5% --mend --protocol udp --port 5000 --target netns=blue "
        "--for 30s",
        "squall attack net.corrupt 0.1% --port 5432 --target container.name=shop --for 1m",
        NULL,
};

const struct fault fault_net_corrupt = {
        .kind =
                {
                        .name = "net.corrupt",
                        .summary = "flips a bit in packets",
                        .man = "One bit is flipped in what the transport carries. The receiver's "
                               "checksum no longer fits, so the kernel drops the packet and "
                               "counts an error: to the application it is loss, to whoever "
                               "watches the machine it is a bad cable or a bad card.\n\n"
                               "With mend the checksum is put right, and the application gets "
                               "the changed data, as from a faulty memory or a switch that "
                               "computes checksums anew: does anybody above notice? TLS and "
                               "checksums of the application's own do.\n\n"
                               "A packet that carries no data is left as it is. Filters and "
                               "targets are those of net.cut; what comes in is changed unless "
                               "told otherwise. The dose is what was changed of the packets that "
                               "matched.",
                        .params = params,
                        .args_size = sizeof(struct corrupt_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_corrupt,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_corrupt,
        .dose = dose_corrupt,
};
