/* What a DNS message says: the resolver's own parser (ns_parserr) finds the records. */
#include "io/dns-answer.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

static const struct {
	const char *word;
	unsigned type;
} types[] = {
        {"A", ns_t_a},     {"AAAA", ns_t_aaaa}, {"CNAME", ns_t_cname}, {"MX", ns_t_mx},
        {"TXT", ns_t_txt}, {"NS", ns_t_ns},     {"SRV", ns_t_srv},     {"PTR", ns_t_ptr},
        {"SOA", ns_t_soa}, {"CAA", ns_t_caa},
};

unsigned dns_type(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].word, word))
			return types[i].type;
	return 0;
}

void dns_rcode_format(unsigned rcode, char word[16])
{
	static const char *const words[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
	                                    "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
	                                    "NXRRSET", "NOTAUTH", "NOTZONE"};
	if (rcode < ARRAY_SIZE(words))
		(void)snprintf(word, 16, "%s", words[rcode]);
	else
		(void)snprintf(word, 16, "RCODE%u", rcode);
}

/* Where reading is within one record. */
struct cursor {
	const uint8_t *message, *message_end, *at, *end;
	bool bad;
};

static unsigned long number_take(struct cursor *c, size_t bytes)
{
	unsigned long n = 0;
	if (c->bad || (size_t)(c->end - c->at) < bytes) {
		c->bad = true;
		return 0;
	}
	while (bytes--)
		n = n << 8 | *c->at++;
	return n;
}

static void name_take(struct cursor *c, struct buf *to)
{
	char name[NS_MAXDNAME];
	int n = c->bad ? -1 : dn_expand(c->message, c->message_end, c->at, name, (int)sizeof(name));
	if (n < 0 || n > c->end - c->at) {
		c->bad = true;
		return;
	}
	c->at += n;
	buf_add(to, name[0] ? name : ".");
}

static void bytes_take(struct cursor *c, size_t n, struct buf *to)
{
	if (c->bad || (size_t)(c->end - c->at) < n) {
		c->bad = true;
		return;
	}
	for (; n; n--, c->at++) {
		if (*c->at >= ' ' && *c->at < 0x7f)
			buf_addc(to, (char)*c->at);
		else
			buf_addf(to, "\\%03u", *c->at);
	}
}

static void address_take(struct cursor *c, int family, size_t n, struct buf *to)
{
	char text[INET6_ADDRSTRLEN];
	c->bad = c->end - c->at != (long)n || !inet_ntop(family, c->at, text, sizeof(text));
	if (!c->bad)
		buf_add(to, text);
}

static void soa_take(struct cursor *c, struct buf *to)
{
	name_take(c, to);
	buf_addc(to, ' ');
	name_take(c, to);
	for (int i = 0; i < 5; i++)
		buf_addf(to, " %lu", number_take(c, 4));
}

/* Its strings are one text that was cut into pieces (RFC 7208, 3.3). */
static void txt_take(struct cursor *c, struct buf *to)
{
	while (!c->bad && c->at < c->end)
		bytes_take(c, number_take(c, 1), to);
}

static void caa_take(struct cursor *c, struct buf *to)
{
	buf_addf(to, "%lu ", number_take(c, 1));
	bytes_take(c, number_take(c, 1), to);
	buf_add(to, " \"");
	bytes_take(c, c->bad ? 0 : (size_t)(c->end - c->at), to);
	buf_addc(to, '"');
}

static void data_take(struct cursor *c, unsigned type, struct buf *to)
{
	switch (type) {
	case ns_t_a:
		address_take(c, AF_INET, 4, to);
		break;
	case ns_t_aaaa:
		address_take(c, AF_INET6, 16, to);
		break;
	case ns_t_cname:
	case ns_t_ns:
	case ns_t_ptr:
		name_take(c, to);
		break;
	case ns_t_mx:
		buf_addf(to, "%lu ", number_take(c, 2));
		name_take(c, to);
		break;
	case ns_t_srv:
		for (int i = 0; i < 3; i++)
			buf_addf(to, "%lu ", number_take(c, 2));
		name_take(c, to);
		break;
	case ns_t_soa:
		soa_take(c, to);
		break;
	case ns_t_txt:
		txt_take(c, to);
		break;
	case ns_t_caa:
		caa_take(c, to);
		break;
	default:
		break;
	}
}

static int bad(struct err *err)
{
	return err_set(err, -EBADMSG, "cannot read the answer: it is malformed");
}

int dns_answer_read(const uint8_t *data, size_t n, struct dns_head *head,
                    int (*each)(void *ctx, const struct dns_record *), void *ctx, struct err *err)
{
	ns_msg m;
	if (n > NS_MAXMSG || ns_initparse(data, (int)n, &m) < 0 || !ns_msg_getflag(m, ns_f_qr))
		return bad(err);
	head->rcode = ns_msg_getflag(m, ns_f_rcode);
	head->authoritative = ns_msg_getflag(m, ns_f_aa);
	head->truncated = ns_msg_getflag(m, ns_f_tc);
	for (int i = 0; i < ns_msg_count(m, ns_s_an); i++) {
		ns_rr rr;
		struct dns_record r = {.text = ""};
		struct buf text;
		if (ns_parserr(&m, ns_s_an, i, &rr) < 0)
			return bad(err);
		struct cursor c = {.message = data,
		                   .message_end = data + n,
		                   .at = ns_rr_rdata(rr),
		                   .end = ns_rr_rdata(rr) + ns_rr_rdlen(rr)};
		buf_init(&text, r.text, sizeof(r.text));
		r.type = ns_rr_class(rr) == ns_c_in ? ns_rr_type(rr) : 0;
		r.ttl_s = ns_rr_ttl(rr);
		data_take(&c, r.type, &text);
		if (c.bad)
			return bad(err);
		int rc = each(ctx, &r);
		if (rc)
			return rc;
	}
	return 0;
}

bool dns_reverse_name(const char *address, char name[80])
{
	uint8_t raw[16];
	struct buf to;
	buf_init(&to, name, 80);
	if (inet_pton(AF_INET, address, raw) == 1) {
		buf_addf(&to, "%u.%u.%u.%u.in-addr.arpa", raw[3], raw[2], raw[1], raw[0]);
		return true;
	}
	if (inet_pton(AF_INET6, address, raw) != 1)
		return false;
	for (int i = 15; i >= 0; i--)
		buf_addf(&to, "%x.%x.", raw[i] & 15, raw[i] >> 4);
	buf_add(&to, "ip6.arpa");
	return true;
}
