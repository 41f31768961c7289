/*
 * route.h - the words of step type "route": a destination that the kernel refuses to route to.
 *
 * OBJECT is NETNS_PATH=INODE to PREFIX: the network namespace as for an nft table (step/nft.h), and
 * the destination, IPv4 or IPv6, ADDRESS/LENGTH with the host bits zero. STATE is "absent", or
 * "ACTION [uid=N]" of a rule of the routing policy (ip-rule(8)) with the priority ROUTE_PRIORITY
 * and the protocol ROUTE_PROTOCOL, by which it is told from everybody else's:
 *
 *   blackhole    who sends gets EINVAL, what is forwarded vanishes in silence
 *   unreachable  ENETUNREACH, and ICMP for what is forwarded
 *   prohibit     EACCES, and ICMP "communication prohibited"
 *   uid          only what this user sends.
 *
 * The priority is that behind the table of local addresses: the machine's own stay reachable. No
 * route and no rule of anybody else is touched.
 */
#ifndef SQUALL_STEP_ROUTE_H
#define SQUALL_STEP_ROUTE_H

#include "step/nft.h"

enum {
	ROUTE_PRIORITY = 1,
	ROUTE_PROTOCOL = 0x5c, /* of rtnetlink, where 0x40 to 0x7f are given to nobody */
};

struct route_object {
	char netns[NFT_NETNS_MAX];
	uint64_t netns_ino;
	struct nft_addr to;
};
int route_object_format(const struct route_object *, struct buf *to, struct err *) must_use;
int route_object_parse(const char *object, struct route_object *, struct err *) must_use;

struct route_state {
	const char *action;
	bool has_uid;
	uint32_t uid;
};
int route_state_format(const struct route_state *, struct buf *to, struct err *) must_use;
/* Only what route_state_format() would write; not "absent". */
int route_state_parse(const char *state, struct route_state *, struct err *) must_use;

#endif
