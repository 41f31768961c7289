/*
 * Sentences: what went wrong, what was not expected.
 */
#include "judge/say.h"

#include "base/quantity.h"
#include "judge/looks.h"

void say_exceeded(const struct steady_facts *s, struct buf *to)
{
	double share = s->looks ? 100.0 * (double)s->misses / (double)s->looks : 0;

	buf_addf(to, "\"%s\" missed %llu of %llu looks during the attack (%.3g%%), more than the ",
	         s->id, (unsigned long long)s->misses, (unsigned long long)s->looks, share);
	share_format(to, s->tolerate_ppm);
	buf_add(to, " that are tolerated");
	if (s->why[0])
		buf_addf(to, ": %s", s->why);
}

void say_not_recovered(const struct facts *f, struct buf *to)
{
	size_t named = 0;

	buf_addf(to, "not steady again within %.3gs after everything was put back",
	         f->recovery_within);
	for (size_t i = 0; i < f->steady_n; i++)
		if (!f->steady[i].recovered)
			buf_addf(to, "%s\"%s\"", named++ ? ", " : ": ", f->steady[i].id);
}

void say_ended(const struct facts *f, struct buf *to)
{
	static const char *const by[] = {
	        [ENDED_ITSELF] = "ended",
	        [ENDED_CONDITION] = "an abort condition was crossed",
	        [ENDED_ON_MISS] = "a tolerance was certain to be exceeded",
	        [ENDED_SIGNAL] = "ended by a signal",
	        [ENDED_HALT] = "ended by a halt",
	        [ENDED_DEADLINE] = "the greatest duration was reached",
	        [ENDED_LOST] = "the keeper was lost",
	        [ENDED_FAILED] = "the run could not go on",
	};

	buf_add(to, by[f->ended]);
	if (f->ended_says[0])
		buf_addf(to, ": %s", f->ended_says);
	if (f->ended_why[0])
		buf_addf(to, " (%s)", f->ended_why);
}

void say_no_effect(const struct attack_facts *a, struct buf *to)
{
	buf_addf(to, "the attack \"%s\" had no effect", a->id);
	if (a->why[0])
		buf_addf(to, ": %s", a->why);
}

static bool all_gone(const struct attack_facts *a)
{
	return a->targets && a->gone >= a->targets;
}

void say_cut_short(const struct attack_facts *a, struct buf *to)
{
	buf_addf(to, "the attack \"%s\" ended before its time: %s", a->id,
	         all_gone(a) ? "all its targets went away" : "it was put back early");
}

static void append(json_t *list, struct buf *text)
{
	if (text->len)
		json_array_append_new(list, json_string(text->data));
	buf_reset(text);
}

json_t *say_went_wrong(const struct facts *f, const struct judgement *j)
{
	json_t *list = json_array();
	BUF(text, 640);

	if (f->ended != ENDED_ITSELF)
		say_ended(f, &text);
	append(list, &text);
	for (size_t i = 0; i < f->steady_n; i++) {
		if (tolerance_exceeded(f->steady[i].looks, f->steady[i].misses,
		                       f->steady[i].tolerate_ppm))
			say_exceeded(&f->steady[i], &text);
		append(list, &text);
	}
	if (f->recovery == NOT_RECOVERED)
		say_not_recovered(f, &text);
	append(list, &text);
	for (size_t i = 0; i < f->attacks_n; i++) {
		const struct attack_facts *a = &f->attacks[i];

		if (a->failed)
			buf_addf(&text, "the attack \"%s\" could not be applied: %s", a->id,
			         a->failure);
		append(list, &text);
		if (a->residue)
			buf_addf(&text, "the attack \"%s\" left %zu object%s that %s not back",
			         a->id, a->residue, a->residue == 1 ? "" : "s",
			         a->residue == 1 ? "is" : "are");
		append(list, &text);
	}
	for (size_t i = 0; i < f->failed_actions_n; i++) {
		buf_addf(&text, "the action %s", f->failed_actions[i]);
		append(list, &text);
	}
	if (f->cleanup == CLEANUP_UNKNOWN)
		buf_add(&text, "whether everything is back is not known: run \"squall undo\"");
	append(list, &text);
	if (j->verdict == VERDICT_REFUTED && !json_array_size(list))
		json_array_append_new(list, json_string(j->because));
	return list;
}

/* An attack that an abort took out early is no surprise beside the abort. */
static void say_attack_surprises(const struct facts *f, const struct attack_facts *a, json_t *list,
                                 struct buf *text)
{
	if (!a->was_in)
		return;
	if (a->no_effect)
		say_no_effect(a, text);
	else if (!a->dose_known)
		buf_addf(text, "what the attack \"%s\" achieved is not known%s%s", a->id,
		         a->why[0] ? ": " : "", a->why);
	append(list, text);
	if (a->cut_short && (all_gone(a) || f->ended == ENDED_ITSELF))
		say_cut_short(a, text);
	append(list, text);
	if (a->followed) {
		buf_addf(text,
		         "targets of \"%s\" went away and came again: the attack followed %zu "
		         "time%s",
		         a->id, a->followed, a->followed == 1 ? "" : "s");
		if (a->gone)
			buf_addf(text, ", and %zu of %zu %s away at its end", a->gone, a->targets,
			         a->gone == 1 ? "was" : "were");
	} else if (a->gone && !a->gone_expected && !a->cut_short) {
		buf_addf(text, "%zu of %zu targets of \"%s\" went away during the attack", a->gone,
		         a->targets, a->id);
	}
	append(list, text);
	if (a->short_)
		buf_addf(text, "\"%s\" had %zu targets, fewer than the %zu that were asked for",
		         a->id, a->targets, a->asked_targets);
	append(list, text);
}

json_t *say_not_expected(const struct facts *f)
{
	json_t *list = json_array();
	BUF(text, 640);

	for (size_t i = 0; f->harmed && i < f->steady_n; i++) {
		const struct steady_facts *s = &f->steady[i];

		if (s->misses && !tolerance_exceeded(s->looks, s->misses, s->tolerate_ppm))
			buf_addf(&text,
			         "\"%s\" missed %llu of %llu looks, within its tolerance%s%s",
			         s->id, (unsigned long long)s->misses, (unsigned long long)s->looks,
			         s->why[0] ? ": " : "", s->why);
		append(list, &text);
		if (s->control_misses)
			buf_addf(&text,
			         "the control of \"%s\", which was not attacked, missed %llu of "
			         "%llu looks: the cause may be elsewhere",
			         s->id, (unsigned long long)s->control_misses,
			         (unsigned long long)s->control_looks);
		append(list, &text);
		if (s->unsent)
			buf_addf(&text,
			         "%llu looks of \"%s\" could not be sent, because too many were "
			         "unanswered; they count as misses",
			         (unsigned long long)s->unsent, s->id);
		append(list, &text);
		if (s->skipped)
			buf_addf(&text,
			         "%llu looks of \"%s\" were left out, because the clock jumped or "
			         "this machine was too busy",
			         (unsigned long long)s->skipped, s->id);
		append(list, &text);
		if (s->recovered && s->recovery_seconds > 0)
			buf_addf(&text, "\"%s\" was not steady at once: it took %.3gs", s->id,
			         s->recovery_seconds);
		append(list, &text);
	}
	for (size_t i = 0; i < f->attacks_n; i++)
		say_attack_surprises(f, &f->attacks[i], list, &text);
	if (f->harmed && f->recovery == RECOVERY_UNKNOWN)
		buf_add(&text, "whether the system recovered was not seen");
	append(list, &text);
	return list;
}
