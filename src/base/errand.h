/*
 * errand.h - runs a command of the user's: a time limit, bounded output, a clean environment.
 *
 * For processes of one thread without a loop: the hand, the keeper, undo. A command can be parked:
 * the process is there, with all that it needs, and only waits for the word to become the command;
 * so it runs also when no process can be made any more. Invariants: the command has a session of
 * its own, no descriptor but 0 (nothing), 1 and 2, default signal actions, umask 022, the
 * environment documented at `env`, and dies when its parent dies (PR_SET_PDEATHSIG, prctl(2)); at
 * its limit its process group gets SIGTERM, and SIGKILL half a second later. What it writes is read
 * and, but for a line, forgotten. Not to be assumed: that it left nothing running.
 */
#ifndef SQUALL_BASE_ERRAND_H
#define SQUALL_BASE_ERRAND_H

#include <sys/types.h>

#include "base/base.h"
#include "base/err.h"

/* The folders in which a program without a slash in its name is looked up. */
#define ERRAND_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct errand {
	const char *const *argv; /* NULL-terminated */
	/* two NULL-terminated lists of "NAME=VALUE", put over PATH (as above) and LANG=C.UTF-8: the
	 * whole environment; either may be NULL */
	const char *const *env[2];
	const char *dir; /* NULL: "/" */
	bool leaves;     /* what it left running when it ended goes on */
};

enum { ERRAND_SAYS = 120 };
struct errand_end {
	int failed; /* errno: it could not be started; else 0 */
	int exit;   /* exit status; -1: ended otherwise */
	int signal; /* that ended it; else 0 */
	bool late;  /* ended because of its limit */
	bool called_off;
	char out[ERRAND_SAYS]; /* its first line on standard output that says something */
	char err[ERRAND_SAYS]; /* its last line on standard error that says something */
};

struct errand_parked {
	pid_t pid; /* 0: none */
	int pidfd, go, out, err, failed;
	bool leaves;
};

/* Called about every 50 ms; true calls the command off. */
typedef bool errand_busy(void *ctx);

int errand_park(const struct errand *, struct errand_parked *, struct err *) must_use;
/* Whether it still waits. */
bool errand_is_parked(const struct errand_parked *);
/* Lets it go, and waits for its end. */
void errand_go(struct errand_parked *, uint64_t limit_ns, errand_busy *, void *ctx,
               struct errand_end *);
void errand_unpark(struct errand_parked *);
/* Parks (again and again until the limit, when no process can be made) and lets go. */
void errand_run(const struct errand *, uint64_t limit_ns, errand_busy *, void *ctx,
                struct errand_end *);
/* Can the program be found (in the folders of `path` when it has no slash) and executed? -ENOENT,
 * -EACCES. */
int errand_find(const char *program, const char *path, struct err *err) must_use;

#endif
