/*
 * report-sections.h - the sections of a report, in order, onto a page. For report.c alone.
 */
#ifndef SQUALL_TELL_REPORT_SECTIONS_H
#define SQUALL_TELL_REPORT_SECTIONS_H

#include "tell/page.h"

void report_sections(struct page *, const json_t *doc, const char *folder);

#endif
