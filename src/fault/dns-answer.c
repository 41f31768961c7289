/* dns.answer: name servers answer with addresses that are wrong, or were right once. */
#include <errno.h>

#include "base/quantity.h"
#include "fault/dns-plan.h"

struct answer_args {
	struct text_list address;
	uint64_t ttl_ns;
	struct dns_args dns;
};

static int shape_of(const struct answer_args *a, struct shape *to, struct err *err)
{
	int ret = 0;

	*to = (struct shape){.dns.how = DNS_ANSWER, .dns.ttl_s = (uint32_t)(a->ttl_ns / NS_PER_S)};
	for (size_t i = 0; ret == 0 && i < a->address.n; i++)
		ret = dns_rule_add_address(&to->dns, a->address.v[i], err);
	return ret < 0 ? ret : dns_shape(&a->dns, to, err);
}

/* Of which addresses there are. */
static const char *types_served(const struct dns_rule *r)
{
	bool v4 = dns_rule_has_type(r, DNS_TYPE_A), v6 = dns_rule_has_type(r, DNS_TYPE_AAAA);

	return v4 && v6 ? "A and AAAA" : v4 ? "A only" : "AAAA only";
}

static int plan_answer(const void *args, const struct target *t, const struct moment *moment,
                       const struct world *w, const char *run, struct plan *out, uint64_t *again_ns,
                       struct err *err)
{
	const struct answer_args *a = args;
	struct shape shape;
	BUF(says, 100);
	BUF(addresses, 48);
	int ret = shape_of(a, &shape, err);

	if (ret < 0)
		return ret;
	dns_rule_addresses(&shape.dns, &addresses);
	buf_addf(&says, ": %s%s (%s", addresses.data, addresses.over ? "..." : "",
	         types_served(&shape.dns));
	if (a->ttl_ns) {
		buf_add(&says, "; caches keep it for ");
		duration_format(&says, a->ttl_ns);
	}
	buf_add(&says, ")");
	return dns_add("dns.answer", &a->dns, &shape, "makes up", says.data, t, moment, w, run, out,
	               again_ns, err);
}

static int dose_answer(const void *args, const struct counters *before,
                       const struct counters *after, struct dose *dose, struct err *err)
{
	const struct answer_args *a = args;
	struct dose d = {0};
	struct shape shape;
	struct buf text;

	buf_init(&text, d.asked, sizeof(d.asked));
	if (shape_of(a, &shape, NULL) == 0)
		dns_rule_addresses(&shape.dns, &text);
	dns_say_share(&a->dns, &text);
	buf_init(&text, d.achieved, sizeof(d.achieved));
	dns_say_done(before, after, &text);
	dns_end(&a->dns, before, after, counters_grown(before, after, "dns_done"), &d);
	*dose = d;
	return 0;
}

static int check_answer(const void *args, struct err *err)
{
	const struct answer_args *a = args;
	struct shape shape;
	int ret = shape_of(a, &shape, err);

	if (ret < 0)
		return ret;
	if (a->ttl_ns % NS_PER_S)
		return err_set(err, -EINVAL, "\"ttl\" is whole seconds");
	if (dns_rule_has_type(&shape.dns, DNS_TYPE_A) ||
	    dns_rule_has_type(&shape.dns, DNS_TYPE_AAAA))
		return 0;
	err_set(err, -EINVAL, "no address is of one of these types");
	return err_hint(err, -EINVAL, "IPv4 addresses answer questions of type A, IPv6 of AAAA.");
}

static const struct param params[] = {
        {.name = "address",
         .kind = PARAM_LIST,
         .offset = offsetof(struct answer_args, address),
         .help = "what is answered: 192.0.2.7, 2001:db8::7",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL},
        {.name = "ttl",
         .kind = PARAM_DURATION,
         .offset = offsetof(struct answer_args, ttl_ns),
         .max = "1d",
         .help = "how long caches may keep it, also after the attack (left out: not at all)"},
        DNS_TYPES(struct answer_args),
        DNS_PARAMS(struct answer_args),
};

static const char *const examples[] = {
        "squall attack dns.answer 192.0.2.7 --names db.shop.test --target container.name=shop "
        "--for "
        "1m",
        "squall attack dns.answer --address 127.0.0.1 --address ::1 --names 'api.*' --share 50% "
        "--target netns=blue --for 1m",
        "squall attack dns.answer 192.0.2.7 --ttl 30s --names db.shop.test --server 10.0.0.2 "
        "--target host --for 1m",
        NULL,
};

const struct fault fault_dns_answer = {
        .kind =
                {
                        .name = "dns.answer",
                        .summary = "names are resolved to wrong addresses",
                        .man = "What a name server answers is replaced by these addresses, as by "
                               "a record that is wrong or stale. IPv4 addresses answer questions "
                               "of type A, IPv6 of AAAA; with those of one kind only, questions of "
                               "the other have their true answer: give both where programs may "
                               "use both. Also a name that does not exist has them.\n\n"
                               "With a ttl caches keep the wrong address so long, and squall "
                               "cannot take it back from them: the end of the attack is not the "
                               "end of its effect. Without one nothing keeps it. A resolver that "
                               "validates (DNSSEC) refuses a made-up answer to a signed name. Over "
                               "TCP, which is used after a truncated answer, nothing is "
                               "changed.\n\n"
                               "Names, share, servers, and what is not reached are as with "
                               "dns.fail. The dose counts answers.",
                        .params = params,
                        .args_size = sizeof(struct answer_args),
                        .examples = examples,
                        .class_ = "network",
                        .targets = SCOPE_TARGETS,
                        .check = check_answer,
                },
        .needs = shape_needs,
        .steps = scope_steps,
        .plan = plan_answer,
        .dose = dose_answer,
};
