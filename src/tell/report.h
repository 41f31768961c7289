/*
 * report.h - a run document told to people: as text, as Markdown, or as it is (JSON).
 *
 * Order: the three answers; what went wrong and what was not expected; then timeline, targets,
 * dose, probes, abort, recovery, residue object by object. Members that the document lacks are left
 * out, so a run that was cut short is told as far as it came. Pure but for the writing.
 */
#ifndef SQUALL_TELL_REPORT_H
#define SQUALL_TELL_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "base/base.h"
#include "base/err.h"

enum report_format { REPORT_TEXT, REPORT_MARKDOWN, REPORT_JSON };

struct report_options {
	const char *folder; /* where the run folder is, to be named; NULL: left out */
	bool colour;        /* text only */
	unsigned width;     /* text only: columns to wrap at; 0: 100 */
};

/* "text", "markdown" or "md", "json": 0, or -EINVAL. */
int report_format_parse(const char *word, enum report_format *, struct err *) must_use;
/* From a file name's ending (.txt, .md, .json): 0; -ENOSYS for .html and .xml; -EINVAL. */
int report_format_of_file(const char *path, enum report_format *, struct err *) must_use;
/* doc: a run document as stored. Negative when writing failed. */
int report_write(const json_t *doc, enum report_format, const struct report_options *, FILE *to,
                 struct err *) must_use;

#endif
