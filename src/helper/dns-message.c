/* dns-message.c - the answers of name servers. */
#include "helper/dns-message.h"

#include <ctype.h>
#include <string.h>
#include <sys/socket.h>

enum {
	HEADER = 12,
	NAME_BYTES = 255, /* of a whole name, lengths included */
	LABEL_MOST = 63,
	POINTER = 0xc0,
	RECORD = 10, /* of a record behind its name: type, class, TTL, length */
	FLAG_QR = 0x8000,
	FLAG_TC = 0x0200,
	FLAGS_KEPT = 0x8000 | 0x0100 | 0x0080 | 0x0010, /* QR, RD, RA, CD */
	OPCODE = 0x7800,
	CLASS_IN = 1,
	TYPE_OPT = 41,
	OPT_MOST = 128,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_REFUSED = 5,
	QUESTION_POINTER = POINTER << 8 | HEADER,
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static size_t put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return 2;
}

/* A dot within a label, and what nobody may write in a glob, is only met by "*" and "?". */
static char name_character(uint8_t c)
{
	return isalnum(c) || c == '-' || c == '_' ? (char)tolower(c) : '\1';
}

/* Of a question: without pointers, for there is nothing yet to point to. Returns where it ends, 0:
 * it is none. */
static size_t name_read(const uint8_t *m, size_t n, size_t at, char name[DNS_NAME_TEXT])
{
	struct buf to;
	size_t from = at;

	buf_init(&to, name, DNS_NAME_TEXT);
	while (at < n && m[at]) {
		size_t label = m[at++];

		if (label > LABEL_MOST || label > n - at || at + label - from >= NAME_BYTES)
			return 0;
		if (to.len)
			buf_addc(&to, '.');
		for (size_t i = 0; i < label; i++)
			buf_addc(&to, name_character(m[at++]));
	}
	return at < n && !to.over ? at + 1 : 0;
}

/* Of a record: where it ends, 0: it does not. */
static size_t name_skip(const uint8_t *m, size_t n, size_t at)
{
	while (at < n && m[at]) {
		if ((m[at] & POINTER) == POINTER)
			return n - at >= 2 ? at + 2 : 0;
		if (m[at] > LABEL_MOST || m[at] >= n - at)
			return 0;
		at += 1u + m[at];
	}
	return at < n ? at + 1 : 0;
}

/* An OPT record has the root for its name. */
static void opt_find(struct dns_message *d)
{
	unsigned records = (unsigned)get16(d->at + 6) + get16(d->at + 8) + get16(d->at + 10);
	size_t at = d->question_end;

	for (; records; records--) {
		size_t fixed = name_skip(d->at, d->n, at), end;

		if (!fixed || d->n - fixed < RECORD)
			return;
		end = fixed + RECORD + get16(d->at + fixed + 8);
		if (end > d->n)
			return;
		if (get16(d->at + fixed) == TYPE_OPT && fixed == at + 1) {
			d->opt = at;
			d->opt_n = end - at;
			return;
		}
		at = end;
	}
}

bool dns_message_read(const uint8_t *m, size_t n, struct dns_message *to)
{
	struct dns_message d = {.at = m, .n = n};
	size_t end;

	if (n < HEADER || (get16(m + 2) & (FLAG_QR | OPCODE)) != FLAG_QR || get16(m + 4) != 1)
		return false;
	end = name_read(m, n, HEADER, d.name);
	if (!end || n - end < 4 || get16(m + end + 2) != CLASS_IN)
		return false;
	d.type = get16(m + end);
	d.question_end = end + 4;
	opt_find(&d);
	*to = d;
	return true;
}

static unsigned rcode_of(enum dns_how how)
{
	switch (how) {
	case DNS_NXDOMAIN:
		return RCODE_NXDOMAIN;
	case DNS_SERVFAIL:
		return RCODE_SERVFAIL;
	case DNS_REFUSED:
		return RCODE_REFUSED;
	default:
		return 0;
	}
}

/* Returns how many there are; those of the type that was asked for. */
static unsigned addresses_put(const struct dns_message *d, const struct dns_rule *r, uint8_t *to,
                              size_t *at)
{
	uint8_t family = d->type == DNS_TYPE_A ? AF_INET : AF_INET6;
	size_t bytes = d->type == DNS_TYPE_A ? 4 : 16;
	unsigned n = 0;

	for (size_t i = 0; i < r->addresses_n; i++) {
		if (r->addresses[i].family != family)
			continue;
		*at += put16(to + *at, QUESTION_POINTER);
		*at += put16(to + *at, d->type);
		*at += put16(to + *at, CLASS_IN);
		*at += put16(to + *at, r->ttl_s >> 16);
		*at += put16(to + *at, r->ttl_s & 0xffff);
		*at += put16(to + *at, (unsigned)bytes);
		memcpy(to + *at, r->addresses[i].bytes, bytes);
		*at += bytes;
		n++;
	}
	return n;
}

/* With options only where they are as few as people send: a cookie, not padding. */
static void opt_put(const struct dns_message *d, uint8_t *to, size_t *at)
{
	bool bare = d->opt_n > OPT_MOST;
	size_t n = bare ? 1 + RECORD : d->opt_n;

	memcpy(to + *at, d->at + d->opt, n);
	to[*at + 5] = 0; /* the upper bits of the error */
	if (bare)
		put16(to + *at + 9, 0);
	*at += n;
}

size_t dns_message_forge(const struct dns_message *d, const struct dns_rule *r,
                         uint8_t to[DNS_FORGED_MAX])
{
	size_t at = d->question_end;
	unsigned flags = get16(d->at + 2) & FLAGS_KEPT;

	memcpy(to, d->at, at);
	put16(to + 2, flags | (r->how == DNS_TRUNCATED ? FLAG_TC : 0) | rcode_of(r->how));
	put16(to + 6, r->how == DNS_ANSWER ? addresses_put(d, r, to, &at) : 0);
	put16(to + 8, 0);
	put16(to + 10, d->opt_n > 0);
	if (d->opt_n)
		opt_put(d, to, &at);
	return at;
}
