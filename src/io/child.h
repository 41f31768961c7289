/*
 * child.h - a program of somebody else's, run on the loop: bounded output, a time limit, its own
 * process group.
 *
 * Owns: the process until it is reaped, its pipes and what they carried. Invariants: done() is
 * called exactly once, never from within child_start, and not after child_cancel. The program gets
 * no descriptor but 0, 1 and 2, default signal actions, and a process group of its own; unless it
 * `stays`, the kernel kills it when this process dies (PR_SET_PDEATHSIG, prctl(2)), and what it
 * left running in its group is killed when it ends. At the time limit the answer is given at once;
 * the group gets SIGTERM, and SIGKILL half a second later. Not to be assumed: that output is text,
 * or whole (see cut).
 */
#ifndef SQUALL_IO_CHILD_H
#define SQUALL_IO_CHILD_H

#include <sys/types.h>

#include "base/base.h"
#include "base/err.h"

struct loop;
struct child;

enum { CHILD_KEPT_FD = 4 };

struct child_spec {
	const char *const *argv; /* argc texts; the program is looked up in PATH */
	size_t argc;
	int (*run)(void *ctx); /* instead of argv: called in the forked process, gives the exit
	                          status; must not touch the loop */
	void *run_ctx;
	int keep_fd;            /* with run: this descriptor is CHILD_KEPT_FD there; 0: none */
	const char *const *env; /* "NAME=VALUE", put over this process's environment */
	size_t env_n;
	const char *dir;   /* working directory; NULL: this process's */
	const char *input; /* standard input; NULL: /dev/null */
	size_t input_n;
	uint64_t since_ns;       /* CLOCK_BOOTTIME from which time is counted; 0: now */
	uint64_t limit_ns;       /* from since_ns; 0: none */
	size_t out_max, err_max; /* bytes kept of standard output and error */
	/* Standard output and error go there, and none of it is kept here; 0: kept here. */
	int out_fd;
	bool session; /* in a session of its own */
	bool stays;   /* outlives this process; leaves its background processes running */
};

struct child_text {
	char *data; /* NUL added */
	size_t n;
	bool cut; /* there was more */
};

struct child_result {
	int exit;       /* exit status; -1: ended by a signal or not yet ended */
	int signal;     /* that ended it; 0: none */
	bool timed_out; /* the limit struck; it may still be dying */
	uint64_t took_ns;
	struct child_text out, err;
};

/* r: borrowed for the call. NULL with err: it could not be run (-ENOENT, -EACCES, …). */
typedef void child_done(void *ctx, const struct child_result *r, const struct err *err);

int child_start(struct loop *, const struct child_spec *, child_done *, void *ctx, struct child **,
                struct err *) must_use;
void child_cancel(struct child *); /* ends it; done() is not called. NULL is allowed */
/* Asks its group to end, also when it is stopped; done() is called when it has. */
void child_end(struct child *);
pid_t child_pid(const struct child *);
/* Waits until it is the program itself: -ENOENT, -EACCES, …: it cannot be; -ETIMEDOUT. */
int child_executed(struct child *, uint64_t limit_ns, struct err *) must_use;

#endif
