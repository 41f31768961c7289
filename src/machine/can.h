/*
 * can.h - what this machine can do: facts found by trying, never by parsing a version.
 *
 * Facts: "root", "nft" (a table can be made in a fresh network namespace of a child), "nft-owner",
 * "nft-egress", "cgroup-cpu", "rename-exchange", "pidfd". A recorded machine answers "can.NAME"
 * with "yes" or the reason why not. Tried once a process and remembered by the caller, not here.
 */
#ifndef SQUALL_MACHINE_CAN_H
#define SQUALL_MACHINE_CAN_H

#include "base/err.h"
#include "base/world.h"

/* 0: it can; negative errno with the reason in err: it cannot. -EINVAL: no such fact. */
int can_try(const struct world *, const char *fact, struct err *) must_use;
extern const char *const can_facts[];

#endif
