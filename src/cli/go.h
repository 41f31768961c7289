/*
 * go.h - carries out an experiment: folder, recorder, progress, run, record, reports, exit code.
 */
#ifndef SQUALL_CLI_GO_H
#define SQUALL_CLI_GO_H

#include "cli/command.h"

struct go {
	struct experiment *x;
	const char *text; /* the file; NULL: a bare attack */
	size_t n;
	uint64_t seed; /* 0: drawn */
	bool json, dry_run;
	struct text_list reports;
};

/* What comes before a command that may act: puts back what was left, and refuses while halted. */
enum exit_code go_ready(struct cli *);
/* Checks the names of report files before anything is done. -EINVAL, -ENOSYS. */
int reports_check(const struct text_list *, struct err *) must_use;
/* *stop: the person, a halt or residue ended it: no further file is run. */
enum exit_code go(struct cli *, const struct go *, bool *stop);

#endif
