/* head.c - what an experiment is: title, layer, limits, recovery, success and failure. */
#include <string.h>

#include "model/reading.h"

static void version_check(struct reading *r, const struct node *root)
{
	const char *text;
	if (node_get(root, "squall") == NULL) {
		PROBLEM(r, root->at, "missing-key", "Begin the file with \"squall: 1\".",
		        "the file does not say \"squall: 1\"");
		return;
	}
	if (get_text(r, root, "squall", &text) && strcmp(text, "1") != 0)
		PROBLEM(r, node_get(root, "squall")->at, "unknown-version",
		        "This build reads \"squall: 1\".",
		        "version \"%s\" of the format is not known", text);
}

static void tags_read(struct reading *r, const struct node *n)
{
	struct experiment *x = r->x;
	if (n == NULL || n->type == NODE_NULL || !list_wanted(r, n, "\"tags\""))
		return;
	x->tags = reading_alloc(r, n->n * sizeof(*x->tags));
	for (size_t i = 0; x->tags != NULL && i < n->n; i++)
		if (scalar_wanted(r, n->v[i].value, "a tag"))
			x->tags[x->tags_n++] = n->v[i].value->text;
}

static void allow_read(struct reading *r, const struct node *n)
{
	if (n == NULL || n->type == NODE_NULL || !list_wanted(r, n, "\"allow\""))
		return;
	for (size_t i = 0; i < n->n; i++) {
		const struct node *word = n->v[i].value;
		size_t k = 0;
		if (!scalar_wanted(r, word, "a word of \"allow\"") || word->unknown)
			continue;
		while (words_allow[k] != NULL && strcmp(words_allow[k], word->text) != 0)
			k++;
		if (words_allow[k] == NULL)
			PROBLEM(r, word->at, "unknown-word",
			        hint_nearest(r->problems, word->text, words_allow),
			        "cannot allow \"%s\"", word->text);
		else
			r->x->allow |= 1u << k; /* enum allow, in this order */
	}
}

static void blast_read(struct reading *r, const struct node *n)
{
	const char *text;
	if (n == NULL || n->type == NODE_NULL || !map_wanted(r, n, "\"blast-radius\""))
		return;
	keys_check(r, n, keys_blast);
	if (get_text(r, n, "targets", &text) && !node_get(n, "targets")->unknown &&
	    !pick_parse(text, &r->x->blast_targets))
		PROBLEM(r, node_get(n, "targets")->at, "wrong-type",
		        "Write a number, a share or \"all\".", "\"targets\" cannot be \"%s\"",
		        text);
	(void)get_time(r, n, "max-duration", &r->x->max_duration_ns);
}

static void recovery_read(struct reading *r, const struct node *n)
{
	if (n == NULL || n->type == NODE_NULL || !map_wanted(r, n, "\"recovery\""))
		return;
	keys_check(r, n, keys_recovery);
	(void)get_time(r, n, "within", &r->x->recovery_ns);
	(void)get_quantity(r, n, "lose-at-most", QUANTITY_DURATION, &r->x->lose_at_most_ns);
	if (node_get(n, "lose-at-most") != NULL)
		unbuilt_add(r, key_at(n, "lose-at-most"), "\"recovery.lose-at-most\"");
	if (node_get(n, "within") != NULL && r->x->steady_n == 0)
		PROBLEM(r, key_at(n, "within"), "missing-key",
		        "Recovery is seen by the probes under hypothesis: steady.",
		        "\"recovery.within\" needs a steady probe");
}

static struct expect *judged_by(struct reading *r, const struct node *root, const char *key)
{
	const struct node *n = node_get(root, key);
	if (n == NULL || n->type == NODE_NULL)
		return NULL;
	if (node_get(n, "jq") != NULL)
		PROBLEM(r, key_at(n, "jq"), "unknown-key", "Compare the fields of the run instead.",
		        "\"%s\" cannot have a jq filter", key);
	if (node_get(n, "monitors") != NULL && r->x->monitors_n == 0)
		PROBLEM(r, key_at(n, "monitors"), "missing-key",
		        "Leave it out, or write monitors under \"hypothesis\".",
		        "\"%s\" asks for monitors, and the experiment has none", key);
	if (node_get(n, "steady") != NULL && r->x->steady_n == 0)
		PROBLEM(r, key_at(n, "steady"), "missing-key",
		        "Leave it out, or write probes under hypothesis: steady.",
		        "\"%s\" asks for the steady state, and the experiment has none", key);
	return expect_compile(n, run_fields, r->arena, r->problems);
}

void head_read(struct reading *r, const struct node *root)
{
	struct experiment *x = r->x;
	size_t layer = 0;
	keys_check(r, root, keys_experiment);
	version_check(r, root);
	(void)get_text(r, root, "title", &x->title);
	(void)get_text(r, root, "service", &x->service);
	(void)get_text(r, root, "condition", &x->condition);
	if (get_word(r, root, "layer", words_layer, &layer))
		x->layer = (enum layer)(layer + 1);
	tags_read(r, node_get(root, "tags"));
	allow_read(r, node_get(root, "allow"));
	blast_read(r, node_get(root, "blast-radius"));
}

void ending_read(struct reading *r, const struct node *root)
{
	recovery_read(r, node_get(root, "recovery"));
	r->x->success = judged_by(r, root, "success");
	r->x->failure = judged_by(r, root, "failure");
}
