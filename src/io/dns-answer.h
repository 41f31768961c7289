/*
 * dns-answer.h - what a DNS message says. Pure.
 *
 * Messages come from anybody: nothing in them is trusted, and a malformed one is refused whole
 * (-EBADMSG). Names are written without the dot at their end ("." alone for the root), with what is
 * not printable as \DDD.
 */
#ifndef SQUALL_IO_DNS_ANSWER_H
#define SQUALL_IO_DNS_ANSWER_H

#include "base/base.h"
#include "base/err.h"

/* The number of a record type ("A", "MX"), 0: unknown. */
unsigned dns_type(const char *word);
/* The word for a response code: "NOERROR", "NXDOMAIN", or "RCODE17". */
void dns_rcode_format(unsigned rcode, char word[16]);

struct dns_head {
	unsigned rcode;
	bool authoritative, truncated;
};

/* One record of the answer section. text: as in a zone file, "10 mail.example"; "" for a type that
 * is not known here. */
struct dns_record {
	unsigned type;
	uint32_t ttl_s;
	char text[2048];
};

/* Calls `each` for every record until it returns non-zero; returns that. */
int dns_answer_read(const uint8_t *data, size_t n, struct dns_head *head,
                    int (*each)(void *ctx, const struct dns_record *), void *ctx,
                    struct err *err) must_use;

/* The name under which an address is looked up in reverse: "1.2.0.192.in-addr.arpa". False: it is
 * no address. */
bool dns_reverse_name(const char *address, char name[80]);

#endif
