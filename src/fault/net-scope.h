/*
 * net-scope.h - which traffic a network fault is about: the filters and the target of all of them,
 * in one place.
 *
 * A fault has a member `scope` of struct scope_args, SCOPE_PARAMS() at the end of its table, and
 * calls scope_check() in check(), scope_rules() and scope_add() in plan().
 *
 * Addresses are the remote side. `address` leaves it to `direction` which way; `to` is what goes
 * out to them, `from` what comes in from them, so they say the direction themselves. In every list
 * "^" excludes, in any order: what is excluded is taken from what the list else names, or from all
 * when it names nothing else.
 */
#ifndef SQUALL_FAULT_NET_SCOPE_H
#define SQUALL_FAULT_NET_SCOPE_H

#include "fault/fault.h"
#include "step/nft.h"

struct scope_args {
	const char *direction; /* NULL: see scope_way() */
	const char *protocol, *connections, *user;
	struct text_list address, to, from, port, interface;
	uint64_t flows_ppm, packets_ppm; /* 0: all */
};

/* Targets that traffic can be told by. */
#define SCOPE_TARGETS "host|netns|cgroup|process"

/* The last rows of the table of parameters, and its end. type: the fault's args; dflt, choices: of
 * the direction; dflt is what scope_way() says for the fault's mode. */
#define SCOPE_PARAMS(type, dflt_, choices_)                                                    \
	{.name = "direction",                                                                  \
	 .kind = PARAM_ENUM,                                                                   \
	 .offset = offsetof(type, scope.direction),                                            \
	 .choices = choices_,                                                                  \
	 .help = "which way, as seen from the target; left out: " dflt_},                      \
	        {.name = "address",                                                            \
	         .kind = PARAM_LIST,                                                           \
	         .offset = offsetof(type, scope.address),                                      \
	         .flags = PARAM_HOSTS,                                                         \
	         .help = "only traffic with these remote addresses: 10.0.0.0/8, fd00::7; "     \
	                 "^10.0.0.7: not that one; host names too"},                           \
	        {.name = "to",                                                                 \
	         .kind = PARAM_LIST,                                                           \
	         .offset = offsetof(type, scope.to),                                           \
	         .flags = PARAM_HOSTS,                                                         \
	         .help = "only what goes out to these addresses"},                             \
	        {.name = "from",                                                               \
	         .kind = PARAM_LIST,                                                           \
	         .offset = offsetof(type, scope.from),                                         \
	         .flags = PARAM_HOSTS,                                                         \
	         .help = "only what comes in from these addresses"},                           \
	        {.name = "port",                                                               \
	         .kind = PARAM_LIST,                                                           \
	         .offset = offsetof(type, scope.port),                                         \
	         .help = "only these ports, at either end: 6379, 8000-8010; ^22: not that"},   \
	        {.name = "protocol",                                                           \
	         .kind = PARAM_ENUM,                                                           \
	         .offset = offsetof(type, scope.protocol),                                     \
	         .dflt = "any",                                                                \
	         .choices = "any|tcp|udp|icmp",                                                \
	         .help = "only this protocol"},                                                \
	        {.name = "connections",                                                        \
	         .kind = PARAM_ENUM,                                                           \
	         .offset = offsetof(type, scope.connections),                                  \
	         .dflt = "any",                                                                \
	         .choices = "any|new|established",                                             \
	         .help = "new: only what opens a TCP connection; established: only the rest"}, \
	        {.name = "flows",                                                              \
	         .kind = PARAM_SHARE,                                                          \
	         .offset = offsetof(type, scope.flows_ppm),                                    \
	         .min = "0.0001%",                                                             \
	         .max = "100%",                                                                \
	         .help = "only this share of flows, each with all its packets, both ways",     \
	         .needs = "nft-share",                                                         \
	         .flags = PARAM_RAMP},                                                         \
	        {.name = "packets",                                                            \
	         .kind = PARAM_SHARE,                                                          \
	         .offset = offsetof(type, scope.packets_ppm),                                  \
	         .min = "0.0001%",                                                             \
	         .max = "100%",                                                                \
	         .help = "only this share of packets, drawn by the kernel",                    \
	         .needs = "nft-share",                                                         \
	         .flags = PARAM_RAMP},                                                         \
	        {.name = "user",                                                               \
	         .kind = PARAM_TEXT,                                                           \
	         .offset = offsetof(type, scope.user),                                         \
	         .help = "only sockets of this user, by name or number"},                      \
	        {.name = "interface",                                                          \
	         .kind = PARAM_LIST,                                                           \
	         .offset = offsetof(type, scope.interface),                                    \
	         .help = "only through these network devices; ^eth0: not that one"},           \
	{                                                                                      \
		NULL                                                                           \
	}

/* As `to`, `from` or `direction` say; else both for a cut, in for the shaper. */
enum nft_direction scope_way(const struct scope_args *, enum nft_mode);
/* What can be told without a machine. -EINVAL. */
int scope_check(const struct scope_args *, struct err *) must_use;
/* The rules of that mode for this target. -ESTALE: it is gone. */
int scope_rules(const struct scope_args *, enum nft_mode, const struct target *,
                const struct moment *, const struct world *, struct nft_rules *,
                struct err *) must_use;
/* Does it name anything but a direction, a share and what is excluded? */
bool scope_is_narrow(const struct scope_args *, const struct nft_rules *);
/* "both directions", "what comes in", "what goes out" */
const char *scope_direction(const struct nft_rules *);
/* ", only 30% of flows", or nothing. */
void scope_say_share(const struct nft_rules *, struct buf *to);
/* The step types that scope_add() plans, NULL-terminated. */
extern const char *const scope_steps[];
/* Adds the steps, and says of the plan whether it reaches all of the host, or the way in.
 * *again_ns: when devices are to be looked for again. */
int scope_add(const struct scope_args *, const struct nft_rules *, const struct target *,
              const struct moment *, const struct world *, const char *run, const char *says,
              struct plan *out, uint64_t *again_ns, struct err *) must_use;
/* What is to be said of a process whose sockets could not all be marked: "; 2 sockets ...". */
void scope_lost(const struct counters *after, struct buf *to);

#endif
