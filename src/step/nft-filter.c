/* nft-filter.c - the elements of a filter: addresses, ports, devices; and what is left of them. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "step/nft-words.h"

int nft_number_read(const char *text, uint64_t max, uint64_t *n)
{
	uint64_t v = 0;
	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		unsigned digit = (unsigned)(*text - '0');
		if (v > (max - digit) / 10)
			return -ERANGE;
		v = v * 10 + digit;
	}
	*n = v;
	return 0;
}

/* What is excluded comes last. */
static int addr_compare(const struct nft_addr *a, const struct nft_addr *b)
{
	if (a->except != b->except)
		return a->except ? 1 : -1;
	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	int c = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return c ? c : (int)a->length - (int)b->length;
}

static int ports_compare(const struct nft_ports *a, const struct nft_ports *b)
{
	if (a->except != b->except)
		return a->except ? 1 : -1;
	return a->from != b->from ? (int)a->from - (int)b->from : (int)a->to - (int)b->to;
}

int nft_rules_put_addr(struct nft_rules *r, struct nft_addr a, struct err *err)
{
	size_t at = 0;
	for (unsigned i = 0; i < sizeof(a.bytes); i++) {
		unsigned keep = a.length > i * 8 ? a.length - i * 8u : 0;
		if (keep < 8)
			a.bytes[i] &= (uint8_t)(0xff00u >> keep);
	}
	while (at < r->addrs_n && addr_compare(&r->addrs[at], &a) < 0)
		at++;
	if (at < r->addrs_n && addr_compare(&r->addrs[at], &a) == 0)
		return 0;
	if (r->addrs_n == NFT_ADDRS_MAX)
		return err_set(err, -E2BIG, "more than %d addresses in one attack", NFT_ADDRS_MAX);
	memmove(&r->addrs[at + 1], &r->addrs[at], (r->addrs_n - at) * sizeof(a));
	r->addrs[at] = a;
	r->addrs_n++;
	return 0;
}

int nft_rules_add_addr(struct nft_rules *r, const char *text, struct err *err)
{
	struct nft_addr a = {.except = text[0] == '^'};
	char head[INET6_ADDRSTRLEN + 1];
	const char *from = text + a.except, *slash = strchr(from, '/');
	size_t n = slash ? (size_t)(slash - from) : strlen(from);
	if (n >= sizeof(head))
		return err_set(err, -EINVAL, "\"%.64s\" is not an address", text);
	memcpy(head, from, n);
	head[n] = 0;

	if (inet_pton(AF_INET, head, a.bytes) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, head, a.bytes) == 1)
		a.family = AF_INET6;
	else
		return err_set(err, -EINVAL, "\"%.64s\" is not an IPv4 or IPv6 address", text);

	unsigned bits = a.family == AF_INET ? 32 : 128;
	uint64_t length = bits;
	if (slash && nft_number_read(slash + 1, bits, &length) < 0)
		return err_set(err, -EINVAL, "prefix length of \"%.64s\" must be 0 to %u", text,
		               bits);
	a.length = (uint8_t)length;
	return nft_rules_put_addr(r, a, err);
}

int nft_rules_add_ports(struct nft_rules *r, const char *text, struct err *err)
{
	char head[16];
	bool except = text[0] == '^';
	const char *first = text + except, *dash = strchr(first, '-');
	size_t n = dash ? (size_t)(dash - first) : strlen(first);
	uint64_t from = 0, to = 0;
	bool ok = n < sizeof(head);
	if (ok) {
		memcpy(head, first, n);
		head[n] = 0;
		ok = nft_number_read(head, 65535, &from) == 0 &&
		     nft_number_read(dash ? dash + 1 : head, 65535, &to) == 0 && from <= to;
	}
	if (!ok)
		return err_set(err, -EINVAL, "\"%.64s\" is not a port or a range of ports", text);

	struct nft_ports p = {(uint16_t)from, (uint16_t)to, except};
	size_t at = 0;
	while (at < r->ports_n && ports_compare(&r->ports[at], &p) < 0)
		at++;
	if (at < r->ports_n && ports_compare(&r->ports[at], &p) == 0)
		return 0;
	if (r->ports_n == NFT_PORTS_MAX)
		return err_set(err, -E2BIG, "more than %d ports in one attack", NFT_PORTS_MAX);
	memmove(&r->ports[at + 1], &r->ports[at], (r->ports_n - at) * sizeof(p));
	r->ports[at] = p;
	r->ports_n++;
	return 0;
}

int nft_rules_add_dev(struct nft_rules *r, const char *name, struct err *err)
{
	/* The kernel allows nearly any byte (dev_valid_name); a comma or a blank would end the
	 * element here. */
	bool ok = *name && strlen(name) < NFT_DEV_NAME && strcmp(name, ".") != 0 &&
	          strcmp(name, "..") != 0;
	for (const char *c = name; ok && *c; c++)
		ok = isgraph((unsigned char)*c) && *c != ',' && *c != '/' && *c != ':';
	if (!ok)
		return err_set(err, -EINVAL, "\"%.64s\" cannot be the name of a device", name);
	size_t at = 0;
	while (at < r->devs_n && strcmp(r->devs[at], name) < 0)
		at++;
	if (at < r->devs_n && strcmp(r->devs[at], name) == 0)
		return 0;
	if (r->devs_n == NFT_DEVS_MAX)
		return err_set(err, -E2BIG, "more than %d devices in one cut", NFT_DEVS_MAX);
	memmove(r->devs[at + 1], r->devs[at], (r->devs_n - at) * NFT_DEV_NAME);
	memset(r->devs[at], 0, NFT_DEV_NAME);
	memcpy(r->devs[at], name, strlen(name));
	r->devs_n++;
	return 0;
}

size_t nft_rules_addrs(const struct nft_rules *r)
{
	size_t n = 0;
	while (n < r->addrs_n && !r->addrs[n].except)
		n++;
	return n;
}

size_t nft_rules_ports(const struct nft_rules *r)
{
	size_t n = 0;
	while (n < r->ports_n && !r->ports[n].except)
		n++;
	return n;
}

bool nft_addr_covers(const struct nft_addr *wide, uint8_t family, const uint8_t *bytes,
                     unsigned length)
{
	unsigned rest = wide->length % 8;
	if (wide->family != family || wide->length > length ||
	    memcmp(wide->bytes, bytes, wide->length / 8) != 0)
		return false;
	return !rest || ((wide->bytes[wide->length / 8] ^ bytes[wide->length / 8]) &
	                 (uint8_t)(0xff00u >> rest)) == 0;
}

bool nft_rules_except_addr(const struct nft_rules *r, uint8_t family, const uint8_t *bytes,
                           unsigned length)
{
	for (size_t i = nft_rules_addrs(r); i < r->addrs_n; i++)
		if (nft_addr_covers(&r->addrs[i], family, bytes, length))
			return true;
	return false;
}

bool nft_rules_except_ports(const struct nft_rules *r, uint16_t from, uint16_t to)
{
	for (size_t i = nft_rules_ports(r); i < r->ports_n; i++)
		if (r->ports[i].from <= from && to <= r->ports[i].to)
			return true;
	return false;
}

static bool meets_addrs(const struct nft_rules *r, uint8_t family, const uint8_t *remote)
{
	unsigned bits = family == AF_INET ? 32 : 128;
	size_t n = nft_rules_addrs(r);
	bool found = n == 0;
	for (size_t i = 0; i < n && !found; i++)
		found = nft_addr_covers(&r->addrs[i], family, remote, bits);
	return found && !nft_rules_except_addr(r, family, remote, bits);
}

bool nft_rules_meet(const struct nft_rules *r, uint8_t family, const uint8_t *remote,
                    const uint16_t ports[2])
{
	size_t n = nft_rules_ports(r);
	bool found = n == 0;
	for (int k = 0; k < 2; k++) {
		if (nft_rules_except_ports(r, ports[k], ports[k]))
			return false;
		for (size_t i = 0; i < n; i++)
			found |= r->ports[i].from <= ports[k] && ports[k] <= r->ports[i].to;
	}
	return found && meets_addrs(r, family, remote);
}

/* With exclusions alone, "all" is what they are taken from. */
static bool addrs_left(const struct nft_rules *r)
{
	static const uint8_t any[16];
	size_t n = nft_rules_addrs(r);
	for (size_t i = 0; i < n; i++)
		if (!nft_rules_except_addr(r, r->addrs[i].family, r->addrs[i].bytes,
		                           r->addrs[i].length))
			return true;
	return n == 0 && !(nft_rules_except_addr(r, AF_INET, any, 0) &&
	                   nft_rules_except_addr(r, AF_INET6, any, 0));
}

static bool ports_left(const struct nft_rules *r)
{
	size_t n = nft_rules_ports(r);
	for (size_t i = 0; i < n; i++)
		if (!nft_rules_except_ports(r, r->ports[i].from, r->ports[i].to))
			return true;
	return n == 0 && !(r->proto && nft_rules_except_ports(r, 0, 65535));
}

int nft_rules_check_left(const struct nft_rules *r, struct err *err)
{
	const char *what = !addrs_left(r) ? "address" : !ports_left(r) ? "port" : NULL;
	if (!what)
		return 0;
	err_set(err, -EINVAL, "what is excluded leaves no %s", what);
	return err_hint(err, -EINVAL,
	                "\"^\" takes away from what else is named, in any order: "
	                "10.0.0.0/8, ^10.0.0.7.");
}
