/* dns-rule.c - which DNS answers are hurt, and how. */
#include "base/dns-rule.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/quantity.h"

static const char *const hows[DNS_HOWS] = {
        "", "slow", "nxdomain", "servfail", "refused", "timeout", "truncated", "empty", "answer"};

/* Those that people ask for; the rest is TYPE and its number (RFC 3597, section 5). */
static const struct {
	uint16_t type;
	const char *name;
} types[] = {
        {1, "A"},       {2, "NS"},    {5, "CNAME"}, {6, "SOA"},    {12, "PTR"},  {15, "MX"},
        {16, "TXT"},    {28, "AAAA"}, {33, "SRV"},  {35, "NAPTR"}, {43, "DS"},   {46, "RRSIG"},
        {48, "DNSKEY"}, {52, "TLSA"}, {64, "SVCB"}, {65, "HTTPS"}, {255, "ANY"}, {257, "CAA"},
};

const char *dns_how_name(enum dns_how how)
{
	return hows[how];
}

enum dns_how dns_how_find(const char *name)
{
	for (size_t i = 1; i < DNS_HOWS; i++)
		if (strcmp(hows[i], name) == 0)
			return (enum dns_how)i;
	return DNS_NONE;
}

/* The next glob of a list; *at is behind it, NULL after the last. */
static size_t glob_next(const char **at, const char **glob)
{
	size_t n = strcspn(*at, ",");

	*glob = *at;
	*at = (*at)[n] ? *at + n + 1 : NULL;
	return n;
}

static bool has_glob(const struct dns_rule *r, const char *text, size_t n)
{
	const char *glob;

	for (const char *at = r->names[0] ? r->names : NULL; at;)
		if (glob_next(&at, &glob) == n && memcmp(glob, text, n) == 0)
			return true;
	return false;
}

static bool is_glob_character(char c)
{
	return isalnum((unsigned char)c) || strchr("-_.*?", c);
}

static int name_refuse(const char *text, struct err *err)
{
	err_set(err, -EINVAL, "\"%.64s\" cannot be the name of anything in DNS", text);
	return err_hint(err, -EINVAL,
	                "Names are as \"db.shop.test\", with * and ? for any characters and ^ in "
	                "front to leave one out; other scripts as \"xn--...\".");
}

int dns_rule_add_name(struct dns_rule *r, const char *text, struct err *err)
{
	BUF(name, DNS_NAME_TEXT + 1);
	const char *from = text + (*text == '^');
	size_t n = strlen(from), label = 0;
	struct buf to;

	/* "." is the root, which nobody asks for an address */
	if (n && from[n - 1] == '.')
		n--;
	if (!n || n >= DNS_NAME_TEXT)
		return name_refuse(text, err);
	if (*text == '^')
		buf_addc(&name, '^');
	for (size_t i = 0; i < n; i++) {
		label = from[i] == '.' ? 0 : label + 1;
		if (!is_glob_character(from[i]) || label > 63 ||
		    (!label && (!i || from[i - 1] == '.')))
			return name_refuse(text, err);
		buf_addc(&name, (char)tolower((unsigned char)from[i]));
	}
	if (has_glob(r, name.data, name.len))
		return 0;
	to = (struct buf){.data = r->names, .cap = sizeof(r->names), .len = strlen(r->names)};
	if (to.len + name.len + 2 > to.cap) {
		err_set(err, -E2BIG, "names are at most %d characters in all", DNS_NAMES_TEXT - 1);
		return err_hint(err, -E2BIG, "Make several attacks, or say it with fewer globs.");
	}
	buf_addf(&to, "%s%s", to.len ? "," : "", name.data);
	return 0;
}

static int type_find(const char *text)
{
	char *end;
	unsigned long n;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcasecmp(types[i].name, text) == 0)
			return types[i].type;
	if (strncasecmp(text, "TYPE", 4) != 0 || !isdigit((unsigned char)text[4]))
		return -EINVAL;
	n = strtoul(text + 4, &end, 10);
	return *end || !n || n > UINT16_MAX ? -EINVAL : (int)n;
}

int dns_rule_add_type(struct dns_rule *r, const char *text, struct err *err)
{
	int type = type_find(text);
	size_t at = 0;

	if (type < 0) {
		err_set(err, -EINVAL, "\"%.64s\" is not a type of DNS record", text);
		return err_hint(err, -EINVAL, "Types are as A, AAAA, SRV, or TYPE65.");
	}
	while (at < r->types_n && r->types[at] < type)
		at++;
	if (at < r->types_n && r->types[at] == type)
		return 0;
	if (r->types_n == DNS_TYPES_MAX)
		return err_set(err, -E2BIG, "more than %d types of record", DNS_TYPES_MAX);
	memmove(&r->types[at + 1], &r->types[at], (r->types_n - at) * sizeof(*r->types));
	r->types[at] = (uint16_t)type;
	r->types_n++;
	return 0;
}

static int address_compare(const struct dns_address *a, const struct dns_address *b)
{
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

int dns_rule_add_address(struct dns_rule *r, const char *text, struct err *err)
{
	struct dns_address a = {.family = AF_INET};
	size_t at = 0;

	if (inet_pton(AF_INET, text, a.bytes) != 1) {
		a.family = AF_INET6;
		if (inet_pton(AF_INET6, text, a.bytes) != 1)
			return err_set(err, -EINVAL, "\"%.64s\" is not an IPv4 or IPv6 address",
			               text);
	}
	while (at < r->addresses_n && address_compare(&r->addresses[at], &a) < 0)
		at++;
	if (at < r->addresses_n && address_compare(&r->addresses[at], &a) == 0)
		return 0;
	if (r->addresses_n == DNS_ADDRESSES_MAX)
		return err_set(err, -E2BIG, "more than %d addresses", DNS_ADDRESSES_MAX);
	memmove(&r->addresses[at + 1], &r->addresses[at], (r->addresses_n - at) * sizeof(a));
	r->addresses[at] = a;
	r->addresses_n++;
	return 0;
}

void dns_rule_types(const struct dns_rule *r, struct buf *to)
{
	for (size_t i = 0; i < r->types_n; i++) {
		const char *name = NULL;

		for (size_t k = 0; k < ARRAY_SIZE(types); k++)
			if (types[k].type == r->types[i])
				name = types[k].name;
		buf_add(to, i ? "," : "");
		if (name)
			buf_add(to, name);
		else
			buf_addf(to, "TYPE%u", r->types[i]);
	}
}

void dns_rule_addresses(const struct dns_rule *r, struct buf *to)
{
	for (size_t i = 0; i < r->addresses_n; i++) {
		char text[INET6_ADDRSTRLEN];

		inet_ntop(r->addresses[i].family, r->addresses[i].bytes, text, sizeof(text));
		buf_addf(to, "%s%s", i ? "," : "", text);
	}
}

const char *dns_rule_check(const struct dns_rule *r)
{
	if (!r->how && (r->share_ppm || r->ttl_s || r->names[0] || r->types_n || r->addresses_n))
		return "names, types, share, addresses and ttl belong to dns";
	if (r->how && (!r->share_ppm || r->share_ppm > PPM_ALL))
		return "the share of answers is above 0, and at most all";
	if ((r->how == DNS_ANSWER) != (r->addresses_n > 0) || (r->ttl_s && r->how != DNS_ANSWER))
		return "addresses and ttl belong to dns=answer";
	if (r->ttl_s > DNS_TTL_MAX)
		return "ttl is at most a day";
	return NULL;
}

/* In bounded time: of all the stars passed, only the last is ever tried again. */
static bool glob_matches(const char *glob, size_t n, const char *name)
{
	const char *end = glob + n, *star = NULL, *from = NULL;

	while (*name) {
		if (glob < end && *glob == '*') {
			star = ++glob;
			from = name;
		} else if (glob < end && (*glob == '?' || *glob == *name)) {
			glob++;
			name++;
		} else if (star) {
			glob = star;
			name = ++from;
		} else {
			return false;
		}
	}
	while (glob < end && *glob == '*')
		glob++;
	return glob == end;
}

bool dns_rule_has_name(const struct dns_rule *r, const char *name)
{
	bool named = false, found = false;
	const char *glob;

	for (const char *at = r->names[0] ? r->names : NULL; at;) {
		size_t n = glob_next(&at, &glob);
		bool without = *glob == '^',
		     matches = glob_matches(glob + without, n - without, name);

		if (without && matches)
			return false;
		named |= !without;
		found |= matches;
	}
	return found || !named;
}

bool dns_rule_has_type(const struct dns_rule *r, uint16_t type)
{
	bool found = !r->types_n, served = r->how != DNS_ANSWER;

	for (size_t i = 0; i < r->types_n; i++)
		found |= r->types[i] == type;
	for (size_t i = 0; i < r->addresses_n; i++)
		served |= type == (r->addresses[i].family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA);
	return found && served;
}

bool dns_rule_is_open(const struct dns_rule *r)
{
	bool named = false;
	const char *glob;

	for (const char *at = r->names[0] ? r->names : NULL; at;) {
		size_t n = glob_next(&at, &glob);

		named |= *glob != '^';
		if (strspn(glob, "*") == n)
			return true;
	}
	return !named;
}
