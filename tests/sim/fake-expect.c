/*
 * Expectations for engine tests: a document meets one when its member "ok" is true.
 */
#include "model/expect.h"

struct expect {
	int nothing;
};

void expect_release(struct expect *e)
{
}

const char *expect_jq(const struct expect *e)
{
	return NULL;
}

bool expect_check(const struct expect *e, const json_t *doc, int jq_said, struct buf *why)
{
	bool ok = json_is_true(json_object_get(doc, "ok"));

	if (!ok)
		buf_add(why, "ok is false, expected true");
	return ok;
}

bool expect_is_broken(const struct expect *e, const json_t *doc, int jq_said)
{
	return !json_is_boolean(json_object_get(doc, "ok"));
}

void expect_describe(const struct expect *e, struct buf *to)
{
	buf_add(to, "ok true");
}
