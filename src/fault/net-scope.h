/*
 * net-scope.h - which traffic a network fault is about: the filters and the target of all of them,
 * in one place.
 *
 * A fault has a member `scope` of struct scope_args, SCOPE_PARAMS() at the end of its table, and
 * calls scope_check() in check(), scope_rules() and scope_add() in plan().
 */
#ifndef SQUALL_FAULT_NET_SCOPE_H
#define SQUALL_FAULT_NET_SCOPE_H

#include "fault/fault.h"
#include "step/nft.h"

struct scope_args {
	const char *direction, *protocol, *user;
	struct text_list address, port, interface;
};

/* Targets that traffic can be told by. */
#define SCOPE_TARGETS "host|netns|cgroup"

/* The last rows of the table of parameters, and its end. type: the fault's args; dflt, choices: of
 * the direction. */
#define SCOPE_PARAMS(type, dflt_, choices_)                                                  \
	{.name = "direction",                                                                \
	 .kind = PARAM_ENUM,                                                                 \
	 .offset = offsetof(type, scope.direction),                                          \
	 .dflt = dflt_,                                                                      \
	 .choices = choices_,                                                                \
	 .help = "which way, as seen from the target"},                                      \
	        {.name = "address",                                                          \
	         .kind = PARAM_LIST,                                                         \
	         .offset = offsetof(type, scope.address),                                    \
	         .help = "only traffic with these remote addresses: 10.0.0.7, 10.1.0.0/16, " \
	                 "fd00::/8"},                                                        \
	        {.name = "port",                                                             \
	         .kind = PARAM_LIST,                                                         \
	         .offset = offsetof(type, scope.port),                                       \
	         .help = "only these ports, at either end: 6379, 8000-8010"},                \
	        {.name = "protocol",                                                         \
	         .kind = PARAM_ENUM,                                                         \
	         .offset = offsetof(type, scope.protocol),                                   \
	         .dflt = "any",                                                              \
	         .choices = "any|tcp|udp|icmp",                                              \
	         .help = "only this protocol"},                                              \
	        {.name = "user",                                                             \
	         .kind = PARAM_TEXT,                                                         \
	         .offset = offsetof(type, scope.user),                                       \
	         .help = "only sockets of this user, by name or number"},                    \
	        {.name = "interface",                                                        \
	         .kind = PARAM_LIST,                                                         \
	         .offset = offsetof(type, scope.interface),                                  \
	         .help = "only through these network devices"},                              \
	{                                                                                    \
		NULL                                                                         \
	}

/* What can be told without a machine. -EINVAL. */
int scope_check(const struct scope_args *, struct err *) must_use;
/* Does all of it stay on the loopback device? For args that scope_check() takes. */
bool scope_is_local(const struct scope_args *);
/* The rules of that mode for this target. -ESTALE: it is gone. */
int scope_rules(const struct scope_args *, enum nft_mode, const struct target *,
                const struct world *, struct nft_rules *, struct err *) must_use;
/* Does it name anything but a direction? */
bool scope_is_narrow(const struct nft_rules *);
/* "both directions", "what comes in", "what goes out" */
const char *scope_direction(const struct nft_rules *);
/* Adds the step, and says of the plan whether it reaches all of the host, or the way in.
 * *again_ns: when devices are to be looked for again. */
int scope_add(const struct nft_rules *, const struct target *, const struct moment *,
              const struct world *, const char *run, const char *says, struct plan *out,
              uint64_t *again_ns, struct err *) must_use;

#endif
