/* net.duplicate: packets arrive twice. */
#include "base/quantity.h"
#include "fault/net-shape.h"

struct duplicate_args {
	uint64_t share_ppm, correlation_ppm;
	struct scope_args scope;
};

static void shape_of(const struct duplicate_args *a, struct shape *to)
{
	*to = (struct shape){.duplicate_ppm = (uint32_t)a->share_ppm,
	                     .duplicate_corr_ppm = (uint32_t)a->correlation_ppm};
}

static int plan_duplicate(const void *args, const struct target *t, const struct moment *moment,
                          const struct world *w, const char *run, struct plan *out,
                          uint64_t *again_ns, struct err *err)
{
	const struct duplicate_args *a = args;
	struct shape shape;
	BUF(says, 80);

	shape_of(a, &shape);
	buf_add(&says, "doubles ");
	share_format(&says, a->share_ppm);
	buf_add(&says, " of ");
	return shape_add("net.duplicate", &a->scope, &shape, says.data, "", t, moment, w, run, out,
	                 again_ns, err);
}

static int dose_duplicate(const void *args, const struct counters *before,
                          const struct counters *after, struct dose *dose, struct err *err)
{
	const struct duplicate_args *a = args;
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	share_format(&text, a->share_ppm);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	shaped_add_share(&s, s.duplicated, &text);
	shaped_end(&s, after, s.duplicated, "doubled", a->share_ppm, &d);
	*dose = d;
	return 0;
}

static int check_duplicate(const void *args, struct err *err)
{
	const struct duplicate_args *a = args;
	struct shape shape;

	shape_of(a, &shape);
	return shape_allowed(&a->scope, &shape, err);
}

static const struct param params[] = {
        {.name = "share",
         .kind = PARAM_SHARE,
         .offset = offsetof(struct duplicate_args, share_ppm),
         .min = "0.0001%",
         .max = "100%",
         .help = "share of packets that arrive twice",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        SHAPE_CORRELATION(struct duplicate_args),
        SHAPE_SCOPE(struct duplicate_args),
};

static const char *const examples[] = {
        "squall attack net.duplicate 10% --protocol udp --port 5000 --target netns=blue --for 1m",
        "squall attack net.duplicate 100% --port 53 --target container.name=shop --for 30s",
        "squall attack net.duplicate 1% --interface lo --target host --for 1m --dry-run",
        NULL,
};

const struct fault fault_net_duplicate = {
        .kind =
                {
                        .name = "net.duplicate",
                        .summary = "packets arrive twice",
                        .man = "A copy of a packet comes along with it, as when a path "
                               "changes or a link sends again what had arrived. TCP drops the "
                               "copy; a protocol over UDP that does not number its messages acts "
                               "twice, and that is what this finds.\n\n"
                               "A copy is not copied again. Filters and "
                               "targets are those of net.cut; what comes in is doubled unless "
                               "told otherwise. The dose is the number of copies that were sent, "
                               "of the packets that matched.",
                        .params = params,
                        .args_size = sizeof(struct duplicate_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_duplicate,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_duplicate,
        .dose = dose_duplicate,
};
