/*
 * The verdict: which rule applies first.
 */
#include "judge/verdict.h"

#include <stdio.h>

#include "base/quantity.h"
#include "judge/looks.h"
#include "judge/say.h"

const char *recovery_name(enum recovery_outcome o)
{
	static const char *const names[] = {"none", "recovered", "not-recovered", "unknown"};

	return (size_t)o < ARRAY_SIZE(names) ? names[o] : "unknown";
}

const char *judge_steady(const struct facts *f)
{
	const char *word = f->steady_n ? "held" : "none";

	for (size_t i = 0; i < f->steady_n; i++) {
		const struct steady_facts *s = &f->steady[i];

		if (tolerance_exceeded(s->looks, s->misses, s->tolerate_ppm))
			return "exceeded";
		if (!s->looks)
			word = "unknown";
	}
	return word;
}

json_t *judge_document(const struct facts *f)
{
	json_t *doc, *recovery = json_pack("{s: s}", "outcome", recovery_name(f->recovery));
	json_t *probes = json_object(), *doses = json_object();

	if (f->recovery == RECOVERED)
		json_object_set_new(recovery, "seconds", json_real(f->recovery_seconds));
	for (size_t i = 0; i < f->steady_n; i++) {
		const struct steady_facts *s = &f->steady[i];
		double share = s->looks ? (double)s->misses / (double)s->looks : 0;

		json_object_set_new(probes, s->id,
		                    json_pack("{s: I, s: I, s: f}", "looks", (json_int_t)s->looks,
		                              "misses", (json_int_t)s->misses, "share", share));
	}
	for (size_t i = 0; i < f->attacks_n; i++)
		json_object_set_new(doses, f->attacks[i].id,
		                    json_pack("{s: b}", "no-effect", (int)f->attacks[i].no_effect));
	doc = json_pack("{s: s, s: s, s: o, s: s, s: s, s: I, s: o, s: o}", "steady",
	                judge_steady(f), "monitors", "held", "recovery", recovery, "outcome",
	                outcome_name(f->outcome), "cleanup", cleanup_name(f->cleanup), "residue",
	                (json_int_t)f->residue, "probes", probes, "dose", doses);
	return doc;
}

/* Without a success definition: the tolerances and the recovery. */
static bool default_refutes(const struct facts *f, struct buf *because)
{
	for (size_t i = 0; i < f->steady_n; i++) {
		const struct steady_facts *s = &f->steady[i];

		if (!tolerance_exceeded(s->looks, s->misses, s->tolerate_ppm))
			continue;
		say_exceeded(s, because);
		return true;
	}
	if (f->recovery != NOT_RECOVERED)
		return false;
	say_not_recovered(f, because);
	return true;
}

static bool met(const struct expect *e, const struct facts *f, struct buf *why)
{
	json_t *doc = judge_document(f);
	bool is_met = expect_check(e, doc, expect_jq(e) ? -1 : 0, why);

	json_decref(doc);
	return is_met;
}

/* What keeps a run from being judged; false: nothing does. */
static bool is_unclear(const struct facts *f, struct buf *because)
{
	if (f->ended != ENDED_ITSELF) {
		say_ended(f, because);
		return true;
	}
	if (f->failed_actions_n) {
		buf_addf(because, "the action %s", f->failed_actions[0]);
		return true;
	}
	for (size_t i = 0; i < f->attacks_n; i++) {
		const struct attack_facts *a = &f->attacks[i];

		if (!a->was_in)
			buf_addf(because, "the attack \"%s\" was never in effect", a->id);
		else if (!a->dose_known)
			buf_addf(because, "what the attack \"%s\" achieved is not known", a->id);
		else if (a->cut_short && !a->no_effect && !a->followed)
			say_cut_short(a, because);
		else
			continue;
		return true;
	}
	for (size_t i = 0; i < f->steady_n; i++) {
		if (f->steady[i].looks)
			continue;
		buf_addf(because, "\"%s\" was not looked at during the attack", f->steady[i].id);
		return true;
	}
	return false;
}

static enum verdict decide(const struct facts *f, struct buf *because)
{
	bool bare = !f->steady_n && !f->success && !f->failure;
	BUF(why, 256);

	if (!f->harmed) {
		if (f->ended == ENDED_ITSELF)
			buf_add(because, "nothing was harmed");
		else
			say_ended(f, because);
		return VERDICT_NONE;
	}
	if (f->ended == ENDED_CONDITION || f->ended == ENDED_ON_MISS) {
		say_ended(f, because);
		return f->abort_inconclusive ? VERDICT_INCONCLUSIVE : VERDICT_REFUTED;
	}
	if (bare) {
		for (size_t i = 0; i < f->attacks_n; i++) {
			if (!f->attacks[i].no_effect)
				continue;
			say_no_effect(&f->attacks[i], because);
			return VERDICT_NO_EFFECT;
		}
		buf_add(because, "nothing was asked");
		return VERDICT_NONE;
	}
	if (f->failure && met(f->failure, f, &why)) {
		buf_add(because, "the experiment's own definition of failure is met");
		return VERDICT_REFUTED;
	}
	if (!f->success && default_refutes(f, because))
		return VERDICT_REFUTED;
	if (is_unclear(f, because))
		return VERDICT_INCONCLUSIVE;
	for (size_t i = 0; i < f->attacks_n; i++) {
		if (!f->attacks[i].no_effect)
			continue;
		say_no_effect(&f->attacks[i], because);
		return VERDICT_NO_EFFECT;
	}
	buf_reset(&why);
	if (f->success && !met(f->success, f, &why)) {
		buf_addf(because, "the experiment's definition of success is not met: %s",
		         why.data);
		return VERDICT_REFUTED;
	}
	buf_add(because, f->success ? "the experiment's definition of success is met"
	                            : "every steady probe stayed within its tolerance");
	return VERDICT_HELD;
}

void judge(const struct facts *f, struct judgement *out)
{
	struct buf because;

	*out = (struct judgement){.steady = f->harmed ? judge_steady(f) : "none"};
	buf_init(&because, out->because, sizeof(out->because));
	out->verdict = decide(f, &because);
	for (size_t i = 0; i < f->attacks_n; i++)
		out->nothing_achieved |= f->attacks[i].no_effect;
	out->went_wrong = say_went_wrong(f, out);
	out->not_expected = say_not_expected(f);
}
