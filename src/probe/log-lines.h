/*
 * log-lines.h - what the lines of a log come to: how many there are, how many match, the last of
 * those.
 *
 * Lines come from anybody: what is not UTF-8 is shown as "?", so that one bad byte hides no line
 * from the pattern, and a long line is cut at LINE_MAX_BYTES before it is matched.
 */
#ifndef SQUALL_PROBE_LOG_LINES_H
#define SQUALL_PROBE_LOG_LINES_H

#include <jansson.h>

#include "base/base.h"
#include "base/err.h"
#include "base/world.h"

struct regex;

enum { LINE_MAX_BYTES = 4096 };

struct log_lines {
	const struct regex *regex; /* NULL: every line */
	size_t keep;               /* matching lines, the newest */
	json_t *kept;              /* list of texts */
	uint64_t read, count;      /* lines, matching lines */
};

/* -E2BIG: the pattern needs too much time on this line. */
int log_lines_add(struct log_lines *l, const char *line, size_t n, struct err *err) must_use;

/* A place in a file, as it is kept from look to look; what happened to the file since. */
struct log_file_news {
	bool exists, rotated, truncated, gap, more;
};
/* Reads the new lines of a file into `lines`. before: the place (NULL: the first look, which begins
 * `back` bytes before the end, or at its start); at most max_bytes. *place: a new document, to be
 * `before` next time. */
int log_file_read(const struct world *w, const char *path, const json_t *before, uint64_t back,
                  uint64_t max_bytes, struct log_lines *lines, struct log_file_news *news,
                  json_t **place, struct err *err) must_use;

#endif
