/*
 * dns-rule.h - which DNS answers are hurt, and how: names, types, share, and what becomes of them.
 *
 * Owns nothing. Pure. A rule of HOW 0 is none. Invariants of one that dns_rule_check() takes: names
 * are lower case, without a dot at the end, each once in the order in which they were given; types
 * ascend, each once; addresses ascend, version 4 first, each once.
 *
 * A name matches when no "^glob" does, and a glob does or there is none without "^". In a glob "*"
 * is any number of characters, dots too, and "?" is one; case does not count (RFC 4343). So
 * "*.shop.test" is all below shop.test, and not shop.test itself.
 */
#ifndef SQUALL_BASE_DNS_RULE_H
#define SQUALL_BASE_DNS_RULE_H

#include "base/buf.h"
#include "base/err.h"

enum dns_how {
	DNS_NONE,
	DNS_SLOW, /* held back as the shape says */
	DNS_NXDOMAIN,
	DNS_SERVFAIL,
	DNS_REFUSED,
	DNS_TIMEOUT,   /* no answer comes */
	DNS_TRUNCATED, /* TC: ask again over TCP, which is let be */
	DNS_EMPTY,     /* the name is there, but nothing of that type */
	DNS_ANSWER,    /* these addresses */
	DNS_HOWS
};

enum {
	DNS_NAMES_TEXT = 224, /* all globs, separated by commas, with the NUL */
	DNS_TYPES_MAX = 12,
	DNS_ADDRESSES_MAX = 8,
	DNS_NAME_TEXT = 256, /* of one name as dns_rule_has_name() takes it, with the NUL */
	DNS_TYPE_A = 1,
	DNS_TYPE_AAAA = 28,
	DNS_TTL_MAX = 86400,
};

struct dns_address {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];
};

struct dns_rule {
	enum dns_how how;
	uint32_t share_ppm; /* of those that match; at least 1 */
	uint32_t ttl_s;     /* of the addresses */
	char names[DNS_NAMES_TEXT];
	size_t types_n, addresses_n;
	uint16_t types[DNS_TYPES_MAX]; /* none: all */
	struct dns_address addresses[DNS_ADDRESSES_MAX];
};

/* "nxdomain", as people and the shaper's words write it. */
const char *dns_how_name(enum dns_how);
/* DNS_NONE: there is none of that name. */
enum dns_how dns_how_find(const char *name);

/* Add one element as people write it: "*.shop.test.", "^ok.shop.test"; "aaaa", "TYPE65"; "::1".
 * Repeated ones are folded. -EINVAL, -E2BIG. */
int dns_rule_add_name(struct dns_rule *, const char *text, struct err *) must_use;
int dns_rule_add_type(struct dns_rule *, const char *text, struct err *) must_use;
int dns_rule_add_address(struct dns_rule *, const char *text, struct err *) must_use;

/* "A,AAAA"; "192.0.2.1,fd00::1" */
void dns_rule_types(const struct dns_rule *, struct buf *to);
void dns_rule_addresses(const struct dns_rule *, struct buf *to);

/* NULL, or what is wrong with it. */
const char *dns_rule_check(const struct dns_rule *);
/* Lower case, labels separated by dots, "" the root. */
bool dns_rule_has_name(const struct dns_rule *, const char *name);
/* Of an answer with addresses, only types for which there is one. */
bool dns_rule_has_type(const struct dns_rule *, uint16_t type);
/* Can it meet any name? */
bool dns_rule_is_open(const struct dns_rule *);

#endif
