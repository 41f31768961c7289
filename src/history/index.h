/*
 * index.h - the list of runs, fast to ask: history.db (SQLite) in the state folder.
 *
 * Owns: the database. The folders are the truth: opening compares the two and reads what is new, so
 * a missing or damaged database is made again, and where it cannot be written one in memory serves.
 * Not to be assumed: that a run that is not in the index did not happen; it may be running.
 */
#ifndef SQUALL_HISTORY_INDEX_H
#define SQUALL_HISTORY_INDEX_H

#include "history/folder.h"

struct index;

/* One run, borrowed texts. */
struct run_row {
	const char *id, *title, *service, *started; /* service may be "" */
	double seconds;
	const char *verdict, *outcome, *cleanup;
	int exit;
	const char *why;         /* the abort reason, or what went wrong first; "" */
	const char *what;        /* a finding: "refuted", "aborted", …; "" when there is none */
	bool fixed;              /* the finding was closed */
	const char *closed_why;  /* with which words; "" */
	const char *closed_when; /* RFC 3339; "" */
};

struct index_query {
	size_t limit;        /* 0: all */
	const char *service; /* NULL: every one */
	bool findings;       /* only runs with a finding */
	bool open;           /* and only open ones */
};

int index_open(const struct paths *, struct index **, struct err *) must_use;
void index_close(struct index *); /* NULL is allowed */
/* Newest first. Stops when `each` returns non-zero, and returns that. */
int index_each(struct index *, const struct index_query *,
               int (*each)(void *ctx, const struct run_row *), void *ctx, struct err *) must_use;
/* Closes the finding of a run: finding.json in its folder, then the index. -ENOENT: no finding. */
int index_close_finding(struct index *, const struct run_folder *, const char *why,
                        struct err *) must_use;
/* What a finished run is a finding of: "residue", "refuted", "aborted", "lost", "errored",
 * "expired", "no-effect"; "" for none, as for a run that a person ended. */
const char *finding_of(const json_t *doc);

#endif
