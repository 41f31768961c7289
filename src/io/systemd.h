/*
 * systemd.h - has systemd run a command later, whatever becomes of this process. Thin over sd-bus.
 *
 * Owns: nothing; a timer that was started is systemd's, and goes by itself once it has struck.
 * Invariants: each call ends within SYSTEMD_WAIT_NS, answered or not. root speaks to the system's
 * manager, anybody else to that of the user, which lives no longer than the user is logged in
 * (loginctl(1), enable-linger). Not to be assumed: that it is built in (-ENOSYS), or that process 1
 * is systemd where the library is.
 */
#ifndef SQUALL_IO_SYSTEMD_H
#define SQUALL_IO_SYSTEMD_H

#include "base/err.h"
#include "base/world.h"

#define SYSTEMD_WAIT_NS 1000000000ull

/* The library's version; NULL: not built in. */
const char *systemd_version(void);
/* Process 1 of this machine is systemd: sd_booted(3). */
bool systemd_is_init(const struct world *w);
/* A manager answers. -ENOSYS, -ETIMEDOUT, or what the bus said. */
int systemd_ping(struct err *err) must_use;

struct systemd_timer {
	const char *name; /* of both units, without ".timer": [a-zA-Z0-9:_.-]+ */
	const char *says; /* their description */
	uint64_t after_ns;
	const char *const *argv; /* argv[0] is an absolute path; NULL-terminated */
	const char *const *env;  /* "NAME=VALUE"; NULL-terminated */
};
/* Starts NAME.timer, which starts NAME.service once. -EEXIST: there is one of that name. */
int systemd_timer_start(const struct systemd_timer *, struct err *err) must_use;
/* 0 also when it is gone already. */
int systemd_timer_stop(const char *name, struct err *err) must_use;

#endif
