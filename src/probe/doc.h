/*
 * doc.h - the documents that probes answer with.
 *
 * A value that cannot be had is left out: a missing field is a miss for whoever expects it. None of
 * these fail but for memory, and then the field is left out too.
 */
#ifndef SQUALL_PROBE_DOC_H
#define SQUALL_PROBE_DOC_H

#include <jansson.h>

#include "base/base.h"

/* value is handed over; NULL is allowed. */
void doc_set(json_t *doc, const char *name, json_t *value);
void doc_seconds(json_t *doc, const char *name, uint64_t ns);
/* A part of 1, to the millionth. */
void doc_share(json_t *doc, const char *name, double share);
void doc_count(json_t *doc, const char *name, uint64_t n);
/* The field, when the bytes are UTF-8 without NUL; cut: the last character may be a torn one. */
void doc_text(json_t *doc, const char *name, const char *text, size_t n, bool cut);
/* "json", when the text is an object or a list, or any value when it is `meant` to be JSON. */
void doc_json(json_t *doc, const char *text, size_t n, bool meant);

#endif
