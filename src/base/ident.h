/*
 * ident.h - a process is (pid, start time), never a bare number.
 *
 * The start time is field 22 of /proc/PID/stat, in clock ticks since boot (proc_pid_stat(5)). The
 * text form is "4711@123456". Not to be assumed: that a pid read a moment ago still names the same
 * process; open it (proc_id_open) and use the pidfd.
 */
#ifndef SQUALL_BASE_IDENT_H
#define SQUALL_BASE_IDENT_H

#include <sys/types.h>

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/world.h"

struct proc_id {
	pid_t pid;
	uint64_t start;
};

/* What /proc/PID/stat says. Times in clock ticks. */
struct proc_stat {
	pid_t pid, ppid, pgrp, session;
	char state; /* R S D T t Z X I */
	char comm[64];
	uint64_t utime, stime, start;
	unsigned flags;
};

int proc_stat_read(const struct world *w, pid_t pid, struct proc_stat *st,
                   struct err *err) must_use; /* -ESRCH: gone */
int proc_id_read(const struct world *w, pid_t pid, struct proc_id *id, struct err *err) must_use;
int proc_id_parse(const char *text, struct proc_id *id, struct err *err) must_use;
void proc_id_format(struct buf *to, struct proc_id id);
/* A pidfd that is certain to be this process: opened, then the start time compared. Returns it, or
 * -ESRCH when the process is gone or its pid now names another. */
int proc_id_open(const struct world *w, struct proc_id id, struct err *err) must_use;
/* Lives: exists, is the same, and is no zombie. */
bool proc_id_alive(const struct world *w, struct proc_id id);

int pidfd_open_raw(pid_t pid);                       /* pidfd_open(2); -1 and errno */
int pidfd_signal(int pidfd, int sig);                /* pidfd_send_signal(2); 0 or negative errno */
int pidfd_wait_gone(int pidfd, uint64_t timeout_ns); /* 0, or -ETIMEDOUT; needs no child relation */

/* Root of the machine itself, not of a user namespace in it (user_namespaces(7)). */
bool user_is_root(void);
/* Runs with rights that its caller does not have (setuid, setgid): what it would believe of its
 * environment and its descriptors is that caller's. */
bool user_is_borrowed(void);
/* Somebody who has no number in the user namespace that this process is in: root of the machine, or
 * anybody else. */
bool user_is_stranger(uid_t uid);

enum { BOOT_ID_MAX = 40 };
int boot_id_read(const struct world *w, char id[BOOT_ID_MAX], struct err *err) must_use;

#endif
