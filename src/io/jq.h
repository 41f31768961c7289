/*
 * jq.h - a jq filter that says yes or no about a document. Thin over libjq.
 *
 * Compiled once, evaluated in a forked child with a limit of time and memory, so that a filter that
 * never ends, or eats all memory, is a miss and not an accident. A filter must give exactly one
 * boolean; anything else is a failure with its reason. No modules, no ~/.jq.
 */
#ifndef SQUALL_IO_JQ_H
#define SQUALL_IO_JQ_H

#include <jansson.h>

#include "base/base.h"
#include "base/err.h"

struct loop;
struct jq_filter;
struct jq_run;

enum { JQ_FILTER_MAX = 4096, JQ_LIMIT_MS = 1000, JQ_MEMORY_MB = 64 };

/* NULL with err (-EINVAL: what jq says of it). */
struct jq_filter *jq_filter_new(const char *text, struct err *err);
void jq_filter_free(struct jq_filter *); /* NULL is allowed; not while a run of it is in flight */
/* said: 1 or 0; -1 with err when it failed. Never called from within jq_filter_start. */
typedef void jq_done(void *ctx, int said, const struct err *err);
/* doc: borrowed for the call. limit_ns 0: JQ_LIMIT_MS. */
int jq_filter_start(struct loop *, const struct jq_filter *, const json_t *doc, uint64_t limit_ns,
                    jq_done *, void *ctx, struct jq_run **, struct err *) must_use;
void jq_run_cancel(struct jq_run *); /* done is not called. NULL is allowed */

#endif
