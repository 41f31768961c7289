/* net.flap: a path that goes down and comes up again, in turn. */
#include "base/quantity.h"
#include "fault/net-shape.h"

struct flap_args {
	uint64_t down_ns, up_ns;
	struct scope_args scope;
};

/* A path has both directions, unless told otherwise. */
static struct scope_args scope_of(const struct flap_args *a)
{
	struct scope_args scope = a->scope;

	if (!scope.direction && !scope.to.n && !scope.from.n)
		scope.direction = "both";
	return scope;
}

static void shape_of(const struct flap_args *a, struct shape *to)
{
	*to = (struct shape){.down_ns = a->down_ns, .up_ns = a->up_ns};
}

/* "1s down, 2s up" */
static void flap_say(const struct flap_args *a, struct buf *to)
{
	duration_format(to, a->down_ns);
	buf_add(to, " down, ");
	duration_format(to, a->up_ns);
	buf_add(to, " up");
}

static int plan_flap(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct flap_args *a = args;
	struct scope_args scope = scope_of(a);
	struct shape shape;
	BUF(says, 80);

	shape_of(a, &shape);
	buf_add(&says, ": ");
	flap_say(a, &says);
	return shape_add("net.flap", &scope, &shape, "cuts now and again ", says.data, t, moment, w,
	                 run, out, again_ns, err);
}

static int dose_flap(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	flap_say(args, &text);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	buf_addf(&text, "%llu of %llu packets were lost, in %llu outage%s",
	         (unsigned long long)s.lost, (unsigned long long)s.seen,
	         (unsigned long long)s.outages, s.outages == 1 ? "" : "s");
	shaped_end(&s, after, s.lost, "lost", 0, &d);
	*dose = d;
	return 0;
}

static int check_flap(const void *args, struct err *err)
{
	const struct flap_args *a = args;
	struct scope_args scope = scope_of(a);
	struct shape shape;

	shape_of(a, &shape);
	return shape_allowed(&scope, &shape, err);
}

static const struct param params[] = {
        {.name = "down",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct flap_args, down_ns),
         .min = "10ms",
         .max = "10m",
         .help = "for how long nothing passes; it begins with that",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "up",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct flap_args, up_ns),
         .min = "10ms",
         .max = "10m",
         .help = "for how long all passes then, before it goes down again",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        SCOPE_PARAMS(struct flap_args, "both", "both|in|out"),
};

static const char *const examples[] = {
        "squall attack net.flap 1s 5s --target netns=blue --for 1m",
        "squall attack net.flap --down 200ms --up 800ms --port 5432 --target host --for 30s",
        "squall attack net.flap 5s 30s --direction out --target container.name=shop --for 5m",
        NULL,
};

const struct fault fault_net_flap = {
        .kind =
                {
                        .name = "net.flap",
                        .summary = "a path goes down and comes up, in turn",
                        .man = "All packets that match vanish for one time, and pass for another, "
                               "and so on until the end: a loose cable, a radio at the edge of its "
                               "cell, two routers that do not agree. It begins with an outage. In "
                               "an outage nobody is told anything, neither a sender on this "
                               "machine nor its peer; the interface stays as it is (link.flap sets "
                               "it down).\n\n"
                               "Filters and targets are those of net.cut, and so is the direction: "
                               "both, unless told otherwise. Short outages are what TCP gets over "
                               "by sending again, with a timer that doubles: after a second of "
                               "silence a connection may stand still for longer than the outage "
                               "was.\n\n"
                               "The shaper keeps the times, so they are exact to what it is late "
                               "by. The dose is how many packets were lost, of those that matched, "
                               "and in how many outages.",
                        .params = params,
                        .args_size = sizeof(struct flap_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_flap,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_flap,
        .dose = dose_flap,
};
