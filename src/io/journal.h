/*
 * journal.h - entries of the systemd journal. Thin over libsystemd's sd-journal(3).
 *
 * Owns: nothing between calls; where reading stopped is a text of the caller's. Reading may take
 * long (many files, a slow disk): not for the loop. Not to be assumed: that all of a machine's
 * entries may be read; without root or the group systemd-journal only one's own.
 */
#ifndef SQUALL_IO_JOURNAL_H
#define SQUALL_IO_JOURNAL_H

#include "base/base.h"
#include "base/err.h"

enum { JOURNAL_PLACE_MAX = 400 };

/* NULL or -1: any. All must hold. */
struct journal_filter {
	const char *directory;  /* of journal files; NULL: this machine's */
	const char *unit;       /* "nginx.service": what it wrote, and what systemd says about it */
	const char *identifier; /* SYSLOG_IDENTIFIER */
	int priority;           /* this, or more urgent: 3 is err (syslog(3)) */
};

/* Where reading goes on: after the entry of `cursor`, or, when that is "", with the first entry at
 * or after since_us (wall clock). */
struct journal_place {
	char cursor[JOURNAL_PLACE_MAX];
	uint64_t since_us;
};

/* The place behind the last entry that there is now. Both: -ENOSYS, built without the library
 * (systemd_version(), io/systemd.h). */
int journal_end(const struct journal_filter *, struct journal_place *, struct err *) must_use;
/* Calls `each` with the message of every entry from *place on, until max_bytes of messages were
 * read (then *more) or it returns a negative number, which is returned. *place is moved on success
 * only. -ENOENT: there is no journal, or none that may be read. */
int journal_read(const struct journal_filter *, struct journal_place *place, uint64_t max_bytes,
                 int (*each)(void *ctx, const char *message, size_t n), void *ctx, bool *more,
                 struct err *) must_use;

#endif
