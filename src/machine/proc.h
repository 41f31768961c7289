/*
 * proc.h - the processes of a machine, and which of them are meant.
 *
 * Owns nothing but what a query holds. Processes are visited in the order of their pids. Zombies
 * are passed over: nothing can be done to them. Not to be assumed: that a process found here still
 * lives; open it by its identity (base/ident.h).
 */
#ifndef SQUALL_MACHINE_PROC_H
#define SQUALL_MACHINE_PROC_H

#include "base/ident.h"
#include "machine/sockets.h"

/* What to read beyond /proc/PID/stat. */
enum { PROC_EXE = 1, PROC_CMDLINE = 2, PROC_UID = 4, PROC_ALL = 7 };

struct proc {
	struct proc_id id;
	pid_t ppid, session;
	char state;
	bool kernel; /* a kernel thread (PF_KTHREAD) */
	uid_t uid;   /* effective */
	char comm[64];
	char exe[512];      /* without " (deleted)"; "" when it cannot be seen */
	char cmdline[2048]; /* joined by blanks, cut to fit; "" for a kernel thread */
};

/* -ESRCH: gone. What cannot be seen for lack of rights is left empty (uid: that of the folder). */
int proc_read(const struct world *w, pid_t pid, unsigned what, struct proc *p,
              struct err *err) must_use;
/* Stops when `each` returns non-zero, and returns that. */
int proc_each(const struct world *w, unsigned what, int (*each)(void *ctx, const struct proc *),
              void *ctx, struct err *err) must_use;

/* The terms by which processes are chosen; NULL: any. All must hold. */
struct proc_match {
	const char *name;    /* of the program: comm; glob patterns allowed. Where the kernel has
	                        cut comm to 15 bytes, the file name of exe or argv[0] counts too */
	const char *exe;     /* absolute path of the program, or its file name; glob allowed */
	const char *cmdline; /* contained in the command line, arguments joined by blanks */
	const char *pid;     /* "4711", or "4711@START" */
	const char *user;    /* effective user: name or number */
	const char *listens; /* a port, see port_parse */
	const char *parent;  /* pid or name of the parent */
};

/* A match made ready: numbers parsed, names looked up, socket tables read once for each network
 * namespace. */
struct proc_query {
	const struct world *w;
	struct proc_match match;
	unsigned what; /* what proc_each has to read for it */
	struct proc_id pid;
	uid_t uid;
	struct port port;
	struct proc_query_ns {
		uint64_t ino;
		struct socket_set set;
	} * ns;
	size_t ns_n;
	size_t hidden; /* processes whose descriptors could not be seen (listens) */
};

/* The texts are borrowed. -EINVAL: a term that cannot be read; -ENOENT: no such user. */
int proc_query_init(struct proc_query *q, const struct world *w, const struct proc_match *match,
                    struct err *err) must_use;
/* p must have been read with at least q->what. */
bool proc_query_matches(struct proc_query *q, const struct proc *p);
void proc_query_release(struct proc_query *q);

/* Every process that matches. Stops when `each` returns non-zero, and returns that. */
int proc_find(const struct world *w, const struct proc_match *match,
              int (*each)(void *ctx, const struct proc *), void *ctx, struct err *err) must_use;

#endif
