/*
 * can.h - what this machine can do: facts found by trying, never by parsing a version.
 *
 * Facts: "root" (of the machine, not of a user namespace); "pidfd"; "net-admin" (may change the
 * network namespace that it is in; of another only trying there can tell); "nft" (tables can be
 * listed in a network namespace of one's own); "nft-owner" (a table can be made that vanishes with
 * its owner); "nft-egress" (packets can be dropped in the egress hook of a device); "nft-swallow"
 * (and so that the sender is not told; implies nft, nft-owner and nft-egress); "nft-cgroup"
 * (sockets can be matched by cgroup v2); "nft-share" (a share of flows, by hash, or of packets can
 * be matched); "nft-queue" (packets can be led to a queue and read from it, as the shaper does);
 * "sock-destroy" (the kernel destroys sockets on order); "conntrack" (entries of connection
 * tracking can be listed and deleted); "socket-mark" (a socket of a process can be had and marked,
 * and packets matched by that); "bpf-sock-create" (a program can mark sockets as they are made);
 * "cgroup-cpu" (a hierarchy has the cpu controller and the caller may change it, or a group of it);
 * "rename-exchange" (two files can change places, tried where squall keeps its state). What changes
 * something is done in a child in a network namespace that ends with it. A recorded machine answers
 * "can.NAME" with "yes" or the reason why not. Tried each time it is asked; the caller remembers.
 * For processes of one thread (fork(2)).
 */
#ifndef SQUALL_MACHINE_CAN_H
#define SQUALL_MACHINE_CAN_H

#include "base/err.h"
#include "base/world.h"

/* 0: it can; negative errno with the reason in err: it cannot. -EINVAL: no such fact; -ENODATA: a
 * recorded machine does not say. */
int can_try(const struct world *, const char *fact, struct err *) must_use;
extern const char *const can_facts[]; /* NULL-terminated */

#endif
