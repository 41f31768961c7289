/*
 * sockmark-bpf.h - new sockets of a process are marked as they are made, by a program in the
 * kernel.
 *
 * The program hangs at a cgroup of version 2 (BPF_CGROUP_INET_SOCK_CREATE), sees every socket that
 * is made in it or below, and marks those that this one process makes (base/sockmark.h). It is held
 * by a descriptor (a BPF link) and goes with it. Accepted sockets do not come by here: they have
 * the mark of their listener.
 */
#ifndef SQUALL_BASE_SOCKMARK_BPF_H
#define SQUALL_BASE_SOCKMARK_BPF_H

#include <sys/types.h>

#include "base/err.h"
#include "base/world.h"

/* Loads the program. Returns its descriptor; -EPERM, -EINVAL and others: this kernel does not take
 * it from this process; -EOPNOTSUPP: the kernel's numbers of processes are not those seen here. */
int sockmark_bpf_load(pid_t pid, uint32_t mark, struct err *) must_use;
/* Attaches it to the cgroup. Returns the descriptor that holds it there. */
int sockmark_bpf_attach(const struct world *, int program, const char *cgroup,
                        struct err *) must_use;

#endif
