/*
 * regex.h - regular expressions. Thin over PCRE2, UTF-8, with its match and depth limits lowered so
 * that no pattern can hang the caller.
 */
#ifndef SQUALL_IO_REGEX_H
#define SQUALL_IO_REGEX_H

#include "base/base.h"
#include "base/err.h"

struct regex;

/* NULL with err (-EINVAL), which says where in the pattern. */
struct regex *regex_new(const char *pattern, struct err *err);
void regex_free(struct regex *); /* NULL is allowed */
/* Anywhere in the text: 1 or 0; -E2BIG: the pattern needs too much time on this text. Invalid UTF-8
 * does not match. */
int regex_matches(const struct regex *, const char *text, size_t n) must_use;

#endif
