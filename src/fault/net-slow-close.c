/* net.slow-close: the end of a connection takes long to arrive. */
#include <errno.h>
#include <string.h>

#include "base/quantity.h"
#include "fault/net-shape.h"

struct close_args {
	uint64_t delay_ns;
	bool resets;
	struct scope_args scope;
};

/* Nothing else has these flags. */
static struct scope_args scope_of(const struct close_args *a)
{
	struct scope_args scope = a->scope;

	scope.protocol = "tcp";
	return scope;
}

static int plan_close(const void *args, const struct target *t, const struct moment *moment,
                      const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                      struct err *err)
{
	const struct close_args *a = args;
	struct shape shape = {.delay_ns = a->delay_ns};
	struct scope_args scope = scope_of(a);
	BUF(says, 80);

	buf_add(&says, " by ");
	duration_format(&says, a->delay_ns);
	return shape_add_flags("net.slow-close", &scope, a->resets ? NFT_FIN | NFT_RST : NFT_FIN,
	                       &shape, a->resets ? "delays FIN and RST of " : "delays FIN of ",
	                       says.data, t, moment, w, run, out, again_ns, err);
}

static int dose_close(const void *args, const struct counters *before, const struct counters *after,
                      struct dose *dose, struct err *err)
{
	const struct close_args *a = args;
	struct dose d = {0};
	struct shaped s;
	struct buf text;

	shaped_read(before, after, &s);
	buf_init(&text, d.asked, sizeof(d.asked));
	duration_format(&text, a->delay_ns);
	buf_add(&text, a->resets ? " for each FIN and RST" : " for each FIN");
	buf_init(&text, d.achieved, sizeof(d.achieved));
	shaped_add_delay(&s, &text);
	shaped_end(&s, after, s.delayed, "held back", 0, &d);
	*dose = d;
	return 0;
}

static int check_close(const void *args, struct err *err)
{
	const struct close_args *a = args;
	struct shape shape = {.delay_ns = a->delay_ns};
	struct scope_args scope = scope_of(a);

	if (strcmp(a->scope.protocol, "any") != 0 && strcmp(a->scope.protocol, "tcp") != 0)
		return err_set(err, -EINVAL, "only TCP closes connections");
	return shape_allowed(&scope, &shape, err);
}

static const struct param params[] = {
        {.name = "delay",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct close_args, delay_ns),
         .min = "1ms",
         .max = "10m",
         .help = "how long the end of a connection takes to arrive",
         .flags = PARAM_REQUIRED | PARAM_RAMP | PARAM_POSITIONAL},
        {.name = "resets",
         .kind = PARAM_BOOL,
         .offset = offsetof(struct close_args, resets),
         .help = "connections that are reset, too"},
        SHAPE_SCOPE(struct close_args),
};

static const char *const examples[] = {
        "squall attack net.slow-close 10s --port 5432 --target netns=blue --for 1m",
        "squall attack net.slow-close 5s --resets --target container.name=shop --for 1m",
        "squall attack net.slow-close 3s --address 10.0.0.7 --target host --for 30s",
        NULL,
};

const struct fault fault_net_slow_close = {
        .kind =
                {
                        .name = "net.slow-close",
                        .summary = "the end of a connection takes long to arrive",
                        .man = "TCP segments with the FIN flag are held back, with resets those "
                               "with RST too; all others pass at once. Connections are made and "
                               "used as before, and linger when they are closed: who closes "
                               "stands in FIN-WAIT, its peer believes that the connection is "
                               "alive. What is limited in number (a pool, the descriptors of a "
                               "process, the ports of a client, the table of a NAT) runs full "
                               "of connections that nobody uses.\n\n"
                               "Filters and targets are those of net.cut; what comes in is held "
                               "back unless told otherwise. A FIN that is held back for longer "
                               "than its sender waits is sent again, and held back again. "
                               "Data in the same segment waits with it.\n\n"
                               "The dose is how long they were held back, and how many.",
                        .params = params,
                        .args_size = sizeof(struct close_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_close,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_close,
        .dose = dose_close,
};
