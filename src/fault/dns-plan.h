/*
 * dns-plan.h - what the faults that hurt DNS answers have in common.
 *
 * Each is one step "nft" whose state carries a struct shape with a rule for DNS (base/dns-rule.h):
 * what comes from the port of name servers goes through the shaper, which changes, holds or loses
 * the answers that are meant, and lets the rest pass untouched. Its dose comes from dns_seen,
 * dns_matched and dns_done (step/nft.h).
 */
#ifndef SQUALL_FAULT_DNS_PLAN_H
#define SQUALL_FAULT_DNS_PLAN_H

#include "fault/net-shape.h"

struct dns_args {
	struct text_list names, types, server, port;
	uint64_t share_ppm;
	const char *user;
};

/* The row of the types, and the last rows with the end of the table. */
#define DNS_TYPES(type)                                                                   \
	{                                                                                 \
		.name = "types", .kind = PARAM_LIST, .offset = offsetof(type, dns.types), \
		.help = "only questions of these types: A, AAAA, SRV, TYPE65 "            \
		        "(left out: all)"                                                 \
	}
#define DNS_PARAMS(type)                                                                        \
	{.name = "names",                                                                       \
	 .kind = PARAM_LIST,                                                                    \
	 .offset = offsetof(type, dns.names),                                                   \
	 .help = "only questions for these names, as globs: *.shop.test; ^db.shop.test leaves " \
	         "one "                                                                         \
	         "out (left out: all)"},                                                        \
	        {.name = "share",                                                               \
	         .kind = PARAM_SHARE,                                                           \
	         .offset = offsetof(type, dns.share_ppm),                                       \
	         .dflt = "100%",                                                                \
	         .min = "0.0001%",                                                              \
	         .max = "100%",                                                                 \
	         .help = "of the answers that match",                                           \
	         .flags = PARAM_RAMP},                                                          \
	        {.name = "server",                                                              \
	         .kind = PARAM_LIST,                                                            \
	         .flags = PARAM_HOSTS,                                                          \
	         .offset = offsetof(type, dns.server),                                          \
	         .help = "only answers of these name servers: 127.0.0.53, 10.0.0.0/8"},         \
	        {.name = "port",                                                                \
	         .kind = PARAM_LIST,                                                            \
	         .offset = offsetof(type, dns.port),                                            \
	         .dflt = "53",                                                                  \
	         .help = "of the name servers"},                                                \
	        {.name = "user",                                                                \
	         .kind = PARAM_TEXT,                                                            \
	         .offset = offsetof(type, dns.user),                                            \
	         .help = "only what sockets of this user asked, by name or number"},            \
	{                                                                                       \
		NULL                                                                            \
	}

/* Puts names, types and share into a shape that has the rest, and looks at all of it. -EINVAL. */
int dns_shape(const struct dns_args *, struct shape *, struct err *) must_use;
/* Adds the step. says: "fails", " with nxdomain". */
int dns_add(const char *fault, const struct dns_args *, const struct shape *,
            const char *says_before, const char *says_after, const struct target *,
            const struct moment *, const struct world *, const char *run, struct plan *out,
            uint64_t *again_ns, struct err *) must_use;

/* " for 50%", or nothing for all */
void dns_say_share(const struct dns_args *, struct buf *to);
/* "49.8%: 498 of 1000 answers" */
void dns_say_done(const struct counters *before, const struct counters *after, struct buf *to);
/* The end of a dose: no effect, with why, when `done` is 0. */
void dns_end(const struct dns_args *, const struct counters *before, const struct counters *after,
             uint64_t done, struct dose *);

#endif
