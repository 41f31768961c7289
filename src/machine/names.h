/*
 * names.h - host names, and all addresses that each has.
 *
 * As this machine knows them: its hosts file and name servers, as nsswitch.conf(5) says, by
 * getaddrinfo(3); not as a target in another namespace does. Owns nothing; a struct names is plain
 * data. Invariants: names are in the order in which they were added, each once; addresses are
 * sorted, each once. A recorded machine answers "name NAME" with addresses separated by blanks.
 */
#ifndef SQUALL_MACHINE_NAMES_H
#define SQUALL_MACHINE_NAMES_H

#include "base/err.h"
#include "base/world.h"

enum { NAMES_MAX = 16, NAME_ADDRESSES_MAX = 32, NAME_TEXT_MAX = 256 };

struct name_address {
	uint8_t family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];
};

struct host_name {
	char text[NAME_TEXT_MAX];
	size_t n;
	struct name_address v[NAME_ADDRESSES_MAX];
};

struct names {
	size_t n;
	struct host_name v[NAMES_MAX];
};

/* Can it be a host name, and no address: letters, digits, "-", "_" and dots, and the last part is
 * no number (as of a mistyped address, 10.0.0.300)? */
bool name_is_host(const char *text);
/* Without addresses yet. -E2BIG: there are too many. */
int names_add(struct names *, const char *text, struct err *) must_use;
/* NULL: it was not added, or is not looked up yet. */
const struct host_name *names_find(const struct names *, const char *text);
/* Fills in the addresses of all, or fails and changes nothing. Blocks as long as the resolver does.
 * -EHOSTUNREACH: one of them has none, or nobody could say; -E2BIG: it has too many. */
int names_look_up(const struct world *, struct names *, struct err *) must_use;

#endif
