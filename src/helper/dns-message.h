/*
 * dns-message.h - the answers of name servers: what they are about, and others in their place (RFC
 * 1035 and 6891).
 *
 * Pure. Owns nothing. Safe for any bytes of any length: nothing outside is read or written, no
 * compression pointer is ever followed, and the work is linear in the length.
 *
 * Invariants: what is made in the place of an answer has its id, its question byte by byte (so in
 * the case in which it was asked), RD, RA and CD, and its OPT record when it has one, with the
 * options in it (cookies are those of the server) but without the upper bits of an error; nothing
 * else of it: no authority, so no cache may keep that a name is not there (RFC 2308, section 5).
 */
#ifndef SQUALL_HELPER_DNS_MESSAGE_H
#define SQUALL_HELPER_DNS_MESSAGE_H

#include "base/dns-rule.h"

enum { DNS_FORGED_MAX = 1232 };

struct dns_message {
	const uint8_t *at;
	size_t n;
	char name[DNS_NAME_TEXT]; /* that was asked for: lower case, a character that no glob may
	                             name as a control character */
	uint16_t type;
	size_t question_end;
	size_t opt,
	        opt_n; /* where its OPT record is; opt_n 0: it has none, or it cannot be found */
};

/* False: it is not an answer to one question of class IN that can be read. What stands behind the
 * question need not be whole. */
bool dns_message_read(const uint8_t *, size_t n, struct dns_message *);
/* What takes its place, for a rule that makes one (not slow, not timeout). Returns its size. */
size_t dns_message_forge(const struct dns_message *, const struct dns_rule *,
                         uint8_t to[DNS_FORGED_MAX]);

#endif
