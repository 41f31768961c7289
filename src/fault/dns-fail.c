/* dns.fail: name servers answer with an error, or not at all. */
#include <string.h>

#include "fault/dns-plan.h"

struct fail_args {
	const char *how;
	struct dns_args dns;
};

static int shape_of(const struct fail_args *a, struct shape *to, struct err *err)
{
	*to = (struct shape){.dns.how = dns_how_find(a->how)};
	return dns_shape(&a->dns, to, err);
}

static int plan_fail(const void *args, const struct target *t, const struct moment *moment,
                     const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                     struct err *err)
{
	const struct fail_args *a = args;
	struct shape shape;
	BUF(says, 80);
	int ret = shape_of(a, &shape, err);

	if (ret < 0)
		return ret;
	if (shape.dns.how == DNS_TIMEOUT)
		return dns_add("dns.fail", &a->dns, &shape, "loses", "", t, moment, w, run, out,
		               again_ns, err);
	buf_addf(&says, " into \"%s\"%s", a->how,
	         shape.dns.how == DNS_TRUNCATED ? "; TCP is let be" : "; TCP is reset");
	return dns_add("dns.fail", &a->dns, &shape, "turns", says.data, t, moment, w, run, out,
	               again_ns, err);
}

static int dose_fail(const void *args, const struct counters *before, const struct counters *after,
                     struct dose *dose, struct err *err)
{
	const struct fail_args *a = args;
	struct dose d = {0};
	struct buf text;

	buf_init(&text, d.asked, sizeof(d.asked));
	buf_add(&text, a->how);
	dns_say_share(&a->dns, &text);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	dns_say_done(before, after, &text);
	dns_end(&a->dns, before, after, counters_grown(before, after, "dns_done"), &d);
	*dose = d;
	return 0;
}

static int check_fail(const void *args, struct err *err)
{
	struct shape shape;

	return shape_of(args, &shape, err);
}

static const struct param params[] = {
        {.name = "how",
         .kind = PARAM_ENUM,
         .offset = offsetof(struct fail_args, how),
         .choices = "nxdomain|servfail|refused|timeout|truncated|empty",
         .help = "nxdomain: there is no such name; timeout: no answer; empty: no such record; "
                 "truncated: ask again over TCP",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        DNS_TYPES(struct fail_args),
        DNS_PARAMS(struct fail_args),
};

static const char *const examples[] = {
        "squall attack dns.fail nxdomain --names '*.payments.test' --share 50% --target "
        "container.name=shop --for 1m",
        "squall attack dns.fail timeout --server 10.0.0.2 --target host --for 30s",
        "squall attack dns.fail empty --types AAAA --names '^*.internal' --target netns=blue "
        "--for 1m",
        NULL,
};

const struct fault fault_dns_fail = {
        .kind =
                {
                        .name = "dns.fail",
                        .summary = "names cannot be resolved",
                        .man = "What a name server answers is turned into an error as it comes "
                               "in, or does not arrive. Answers about other names, and what "
                               "cannot be read, pass untouched. A name is that which was asked "
                               "for, not one that it is an alias of.\n\n"
                               "In a glob * is any number of characters, dots too, so *.shop.test "
                               "is all below shop.test, but not shop.test itself. A name with ^ in "
                               "front is left out, whatever else matches. The share is drawn for "
                               "each answer: a resolver that asks again may be lucky.\n\n"
                               "The error has the question, the flags and the EDNS record of the "
                               "answer, and nothing that a cache would keep. It comes when the "
                               "answer would have come; where no server answers there is none to "
                               "change. Over TCP the connection is reset; with truncated it is let "
                               "be, so that who asks again over TCP has an answer.\n\n"
                               "Not reached are answers from a cache of the asker (nscd, or "
                               "within a program), DNS over TLS or HTTPS, and other ports than "
                               "\"port\". On a host with a resolver of its own (systemd-resolved) "
                               "a question meets the share twice: once from program to resolver, "
                               "once from there on; name one of them with \"server\". The host "
                               "without names or servers needs --allow host-wide. The dose counts "
                               "answers. When squall ends, however it ends, answers are as before; "
                               "docs/network-faults.md has the rest.",
                        .params = params,
                        .args_size = sizeof(struct fail_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_fail,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_fail,
        .dose = dose_fail,
};
