/* A plan as text and as JSON. */
#include "run/plan-text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"

enum { COLUMNS = 100 };

static const char *revert_class(const struct step_type *type)
{
	if (type->flags & STEP_IRREVERSIBLE)
		return "irreversible";
	return type->flags & STEP_LEAN ? "prepared" : "assisted";
}

/* What the machine says now; false, with the reason, when it does not. */
static bool step_from(const struct world *w, const struct step_type *type, const struct step *s,
                      struct buf *from, struct err *err)
{
	int ret = type->get(w, s->object, from, err);

	if (ret == -ESTALE) {
		buf_reset(from);
		buf_add(from, "gone");
		return true;
	}
	return ret == 0;
}

/* What has to be allowed for this plan. */
static unsigned needs_allow(const struct method *attack, const struct plan *plan)
{
	unsigned needs = (plan->host_wide ? ALLOW_HOST_WIDE : 0u) |
	                 (plan->control_path ? ALLOW_CONTROL_PATH : 0u);

	for (size_t i = 0; i < plan->n; i++) {
		const struct step_type *type = step_type_find(plan->v[i].type);

		if (type && type->flags & STEP_IRREVERSIBLE)
			needs |= ALLOW_IRREVERSIBLE;
	}
	if (attack->call.kind && attack->call.kind->irreversible)
		needs |= ALLOW_IRREVERSIBLE;
	return needs;
}

static const struct {
	unsigned bit;
	const char *word;
} allow_words[] = {
        {ALLOW_IRREVERSIBLE, "irreversible"},
        {ALLOW_HOST_WIDE, "host-wide"},
        {ALLOW_CONTROL_PATH, "control-path"},
};

static json_t *step_json(const struct world *w, const struct step *s, const struct blob *content)
{
	const struct step_type *type = step_type_find(s->type);
	struct err err = ERR_INIT;
	json_t *o;
	BUF(from, STATE_MAX);

	if (!type)
		return NULL;
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "type", s->type, "object", s->object,
	              "to", s->to, "says", s->says, "dies-with", step_dies_with(type), "revert",
	              revert_class(type), "irreversible", (type->flags & STEP_IRREVERSIBLE) != 0);
	if (content && content->shown)
		json_object_set_new(o, "content", json_string(content->data));
	if (step_from(w, type, s, &from, &err))
		json_object_set_new(o, "from", json_string(from.data));
	else
		json_object_set_new(o, "unseen", json_string(err.what));
	return o;
}

json_t *plan_steps_json(const struct world *w, const struct plan *plan)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < plan->n; i++)
		json_array_append_new(
		        steps, step_json(w, &plan->v[i], plan_blob_find(plan, plan->v[i].to)));
	return steps;
}

json_t *plan_json(const struct world *w, const struct method *attack, const struct targets *targets,
                  const struct plan *plan)
{
	json_t *names = json_array(), *allow = json_array();
	unsigned needs = needs_allow(attack, plan);

	for (size_t i = 0; i < targets->n; i++)
		json_array_append_new(names, json_string(targets->v[i].name));
	for (size_t i = 0; i < ARRAY_SIZE(allow_words); i++) {
		if (needs & allow_words[i].bit)
			json_array_append_new(allow, json_string(allow_words[i].word));
	}
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:o, s:o}", "attack", attack->id, "fault",
	                 attack->call.name, "target", attack->selector.says, "matched",
	                 (json_int_t)targets->matched, "asked", (json_int_t)targets->asked,
	                 "targets", names, "needs-allow", allow, "steps", plan_steps_json(w, plan));
}

/* One labelled text, folded at blanks under itself. What came from outside shows no control
 * character. */
static void put_field(FILE *f, const char *label, const char *text)
{
	size_t col = 0;

	fprintf(f, "     %-11s", label);
	for (const char *word = text; *word;) {
		size_t n = strcspn(word, " ");

		if (col && col + 1 + n > COLUMNS - 16) {
			fprintf(f, "\n%16s", "");
			col = 0;
		} else if (col) {
			fputc(' ', f);
			col++;
		}
		for (size_t i = 0; i < n; i++) {
			unsigned char c = (unsigned char)word[i];

			if (c < 0x20 || c == 0x7f)
				fprintf(f, "\\x%02x", c);
			else
				fputc(c, f);
		}
		col += n;
		word += n + strspn(word + n, " ");
	}
	fputc('\n', f);
}

static void put_step(FILE *f, const struct world *w, size_t number, const struct step *s,
                     const struct blob *content)
{
	const struct step_type *type = step_type_find(s->type);
	struct err err = ERR_INIT;
	BUF(from, STATE_MAX);
	BUF(unseen, sizeof(err.what) + 32);
	BUF(way, 64);

	if (!type)
		return;
	fprintf(f, "  %zu. %s\n", number, s->type);
	put_field(f, "object", s->object);
	if (step_from(w, type, s, &from, &err)) {
		put_field(f, "from", from.data);
	} else {
		buf_addf(&unseen, "not to be seen: %s", err.what);
		put_field(f, "from", unseen.data);
	}
	put_field(f, "to", s->to);
	if (content && content->shown)
		put_field(f, "", content->data);
	buf_addf(&way, "%s, %s", step_dies_with(type), revert_class(type));
	put_field(f, "dies with", way.data);
	if (s->says[0])
		put_field(f, "effect", s->says);
}

static void put_target(FILE *f, const struct target *t)
{
	BUF(text, 2 * TARGET_NAME_MAX + TARGET_PATH_MAX + 4);

	buf_add(&text, t->name);
	if (t->about[0])
		buf_addf(&text, ": %s", t->about);
	put_field(f, "target", text.data);
}

char *plan_text(const struct world *w, const struct method *attack, const struct targets *targets,
                const struct plan *plan)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	unsigned needs = needs_allow(attack, plan);
	BUF(time, 48);
	BUF(words, 64);

	if (!f)
		return NULL;
	if (attack->for_ns) {
		buf_add(&time, ", for ");
		duration_format(&time, attack->for_ns);
	}
	fprintf(f, "%s: %s on %s%s\n", attack->id, attack->call.name, attack->selector.says,
	        time.data);
	fprintf(f, "  %zu matched, %zu chosen%s\n", targets->matched, targets->n,
	        targets->n < targets->asked ? ", fewer than asked" : "");
	for (size_t i = 0; i < targets->n; i++)
		put_target(f, &targets->v[i]);
	for (size_t i = 0; i < ARRAY_SIZE(allow_words); i++) {
		if (needs & allow_words[i].bit)
			buf_addf(&words, "%s%s", words.len ? ", " : "", allow_words[i].word);
	}
	if (words.len)
		fprintf(f, "  needs allow: [%s]\n", words.data);
	for (size_t i = 0; i < plan->n; i++)
		put_step(f, w, i + 1, &plan->v[i], plan_blob_find(plan, plan->v[i].to));
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
