/*
 * err.h - how a failure travels.
 *
 * Owns: the text of one failure, on the caller's stack. Never allocates.
 * Invariants: a fallible function returns 0 or a negative errno and, on failure only, fills *err.
 * `what` reads outermost first: "could not arm: could not open \"/x\": Permission denied". A hint
 * is a whole sentence. Not to be assumed: that err is not NULL; every function here accepts NULL
 * and still returns the code.
 */
#ifndef SQUALL_BASE_ERR_H
#define SQUALL_BASE_ERR_H

#include <stddef.h>

struct err {
	int code; /* negative errno, 0 when unset */
	char what[448];
	char hint[256];
};

#define ERR_INIT          \
	{                 \
		0, "", "" \
	}

/* Sets the text and returns `code`, which must be negative. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* As err_set, for a positive errno value: appends ": " and strerror(errnum), returns -errnum. */
int err_sys(struct err *err, int errnum, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
/* Puts "text: " before what is there; returns the code that is there, unchanged. */
int err_wrap(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Sets the hint; returns the code. */
int err_hint(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* strerror without locale and thread trouble; never NULL. */
const char *err_text(int errnum);

#endif
