/*
 * expect.h - an expectation: fields of a documented answer, compared with values. Pure.
 *
 * `{status: 200, seconds: "< 300ms"}`; operators < <= > >= == !=; any: in: matches: not: and ranges
 * are nested maps. A missing field, a wrong type or a failed look is a miss, never a pass.
 */
#ifndef SQUALL_MODEL_EXPECT_H
#define SQUALL_MODEL_EXPECT_H

#include <jansson.h>

#include "base/buf.h"
#include "model/param.h"
#include "model/problem.h"

struct expect; /* compiled; lives in its arena, patterns included (freed with expect_release) */

/* fields: the probe's table, NULL: any name is allowed. Problems are added for unknown fields (with
 * the nearest), values that cannot be compared with that kind, bad patterns. Returns NULL only when
 * nothing is usable. */
struct expect *expect_compile(const struct node *, const struct field *fields, struct arena *,
                              struct problems *);
void expect_release(struct expect *); /* NULL is allowed */
/* The jq filter, or NULL. Its boolean is found elsewhere (io/jq) and handed to expect_check as
 * jq_said: 1, 0, or -1 for failed. */
const char *expect_jq(const struct expect *);
/* doc NULL: the look failed. On a miss `why` says what: `status is 502, expected 200`. */
bool expect_check(const struct expect *, const json_t *doc, int jq_said, struct buf *why);
/* It cannot be told: the look or the jq filter failed, a field is missing or of another type. An
 * abort condition takes that for met, where expect_check says false. */
bool expect_is_broken(const struct expect *, const json_t *doc, int jq_said);
/* The expectation as a person would say it: "status 200, seconds < 300ms". */
void expect_describe(const struct expect *, struct buf *to);

#endif
