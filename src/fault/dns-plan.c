/* dns-plan.c - what the faults that hurt DNS answers have in common. */
#include "fault/dns-plan.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "fault/held-plan.h"
#include "machine/netns.h"

/* Over TCP an answer is not made anew (helper/shape-dns.h). */
static bool spares_tcp(const struct shape *s)
{
	return s->dns.how == DNS_TRUNCATED || s->dns.how == DNS_ANSWER;
}

static struct scope_args scope_of(const struct dns_args *a, const struct shape *s)
{
	return (struct scope_args){.direction = "in",
	                           .protocol = spares_tcp(s) ? "udp" : "any",
	                           .connections = "any",
	                           .user = a->user,
	                           .address = a->server,
	                           .port = a->port};
}

int dns_shape(const struct dns_args *a, struct shape *s, struct err *err)
{
	const struct scope_args scope = scope_of(a, s);
	BUF(text, SHAPE_TEXT_MAX);
	int ret = scope_check(&scope, err);

	s->dns.share_ppm = (uint32_t)a->share_ppm;
	for (size_t i = 0; ret == 0 && i < a->names.n; i++)
		ret = dns_rule_add_name(&s->dns, a->names.v[i], err);
	for (size_t i = 0; ret == 0 && i < a->types.n; i++)
		ret = dns_rule_add_type(&s->dns, a->types.v[i], err);
	return ret < 0 ? ret : shape_format(s, &text, err);
}

static void names_say(const struct dns_rule *r, struct buf *to)
{
	if (r->names[0]) {
		buf_add(to, " for ");
		buf_add_shown(to, r->names, 60);
	}
	if (r->types_n) {
		buf_add(to, " of ");
		dns_rule_types(r, to);
	}
}

/* Without a name to go by, a machine finds nobody. */
static bool is_all_names(const struct nft_rules *r)
{
	return dns_rule_is_open(&r->shape.dns) && !nft_rules_addrs(r) && !nft_rules_has_owner(r);
}

int dns_add(const char *fault, const struct dns_args *a, const struct shape *s,
            const char *says_before, const char *says_after, const struct target *t,
            const struct moment *moment, const struct world *w, const char *run, struct plan *out,
            uint64_t *again_ns, struct err *err)
{
	struct nft_rules rules = {0};
	uint64_t own = 0;
	BUF(says, SAYS_MAX);

	const struct scope_args scope = scope_of(a, s);
	int ret = scope_rules(&scope, NFT_SHAPE, t, moment, w, &rules, err);

	if (ret < 0)
		return ret;
	rules.shape = *s;
	/* No two targets of an attack meet the same fates. */
	rules.shape.seed = moment->seed ^ crc32c(t->name, strlen(t->name));
	buf_addf(&says, "%s ", says_before);
	if (a->share_ppm < PPM_ALL)
		share_format(&says, a->share_ppm);
	buf_add(&says, a->share_ppm < PPM_ALL ? " of the DNS answers" : "all DNS answers");
	names_say(&rules.shape.dns, &says);
	buf_add(&says, says_after);
	ret = scope_add(&scope, &rules, t, moment, w, run, says.data, out, again_ns, err);
	if (ret == 0 && (netns_of_process(w, 0, &own, NULL) < 0 || own == t->netns_ino))
		out->host_wide |= is_all_names(&rules);
	return ret;
}

void dns_say_share(const struct dns_args *a, struct buf *to)
{
	if (a->share_ppm == PPM_ALL)
		return;
	buf_add(to, " for ");
	share_format(to, a->share_ppm);
}

void dns_say_done(const struct counters *before, const struct counters *after, struct buf *to)
{
	shaped_add_part(counters_grown(before, after, "dns_done"),
	                counters_grown(before, after, "dns_matched"), "answer", to);
}

static void why_say(const struct dns_args *a, uint64_t seen, uint64_t matched, uint64_t elapsed_ns,
                    struct buf *to)
{
	if (!seen) {
		buf_add(to, "no answer came from a name server in ");
		duration_format_short(to, elapsed_ns);
		buf_add(to, ": nobody asked, or a cache or an encrypted connection answered");
		return;
	}
	if (!matched) {
		buf_addf(to, "%llu answer%s came, none to what was named", (unsigned long long)seen,
		         seen == 1 ? "" : "s");
		return;
	}
	buf_addf(to, "%llu answer%s matched, but none was chosen", (unsigned long long)matched,
	         matched == 1 ? "" : "s");
	/* fewer than three to be expected */
	if (a->share_ppm && a->share_ppm < PPM_ALL && matched < 3 * PPM_ALL / a->share_ppm) {
		buf_add(to, ": too few for ");
		share_format(to, a->share_ppm);
	}
}

void dns_end(const struct dns_args *a, const struct counters *before, const struct counters *after,
             uint64_t done, struct dose *d)
{
	struct shaped s;
	struct buf why;

	shaped_read(before, after, &s);
	shaped_end(&s, after, done, "chosen", 0, d);
	if (done)
		return;
	buf_init(&why, d->why, sizeof(d->why));
	why_say(a, counters_grown(before, after, "dns_seen"),
	        counters_grown(before, after, "dns_matched"), s.elapsed_ns, &why);
}
