/* An expectation, and after a line "---" the document that it is held against. */
#include "fuzz.h"
#include "model/expect.h"
#include "probe/probe.h"

enum { ARENA_MAX = 8 << 20 };

void fuzz_begin(void)
{
}

static void check(const struct expect *e, const json_t *doc)
{
	for (int jq_said = -1; jq_said <= 1; jq_said++) {
		BUF(why, 512);
		bool held = expect_check(e, doc, jq_said, &why);

		assert(held || why.len);
		/* what cannot be told never passes */
		assert(!(held && expect_is_broken(e, doc, jq_said)));
		assert(doc || !held);
	}
}

void fuzz_one(const char *text, size_t n)
{
	char *says = fuzz_part(&text, &n, "\n---\n"), *answer = fuzz_part(&text, &n, "\n---\n");
	const struct field *fields[] = {NULL, probe_find("http")->kind.fields};
	json_t *doc = answer ? json_loads(answer, JSON_DECODE_ANY, NULL) : NULL;
	const struct node *root;
	struct arena arena;

	arena_init(&arena, ARENA_MAX);
	if (says && yaml_read(says, strlen(says), &arena, &root, &(struct where){0}, NULL) == 0) {
		json_decref(node_to_json(root));
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			struct problems problems;
			struct expect *e;
			BUF(told, 1024);

			problems_init(&problems, &arena);
			e = expect_compile(root, fields[i], &arena, &problems);
			assert(e || problems.errors);
			if (e && !problems.errors) {
				expect_describe(e, &told);
				check(e, doc);
				check(e, NULL);
			}
			expect_release(e);
		}
	}
	json_decref(doc);
	arena_release(&arena);
	free(says);
	free(answer);
}
