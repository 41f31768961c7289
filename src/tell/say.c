/* One entry of a run's record as one line. */
#include "tell/say.h"

#include <string.h>

#include "base/quantity.h"

const char *say_member(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

/* Length of the UTF-8 sequence at p, 0 when it is none. */
static size_t sequence(const unsigned char *p)
{
	size_t n = *p < 0x80                 ? 1
	           : *p >= 0xf0 && *p < 0xf5 ? 4
	           : *p >= 0xe0              ? 3
	           : *p >= 0xc2              ? 2
	                                     : 0;
	if (*p >= 0xf5)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

void say_text(struct buf *to, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	while (*p) {
		size_t n = sequence(p);
		/* C1 controls are two bytes: c2 80 to c2 9f. */
		bool control = n == 0 || *p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0);
		if (control)
			buf_addc(to, *p == '\n' || *p == '\t' ? ' ' : '?');
		else
			buf_add_n(to, p, n);
		p += n ? n : 1;
	}
}

void say_seconds(struct buf *to, double seconds)
{
	seconds_format_short(to, seconds);
}

void say_targets(struct buf *to, const json_t *targets, const char *attack)
{
	const json_t *entry;
	size_t i;
	json_array_foreach (targets, i, entry) {
		if (strcmp(say_member(entry, "attack"), attack))
			continue;
		const json_t *names = json_object_get(entry, "targets");
		size_t n = json_array_size(names);
		const char *first = json_string_value(json_array_get(names, 0));
		say_text(to, first ? first : "nothing");
		if (n == 2) {
			const char *second = json_string_value(json_array_get(names, 1));
			buf_add(to, " and ");
			say_text(to, second ? second : "?");
		} else if (n > 2) {
			buf_addf(to, " and %zu more", n - 1);
		}
		return;
	}
}

static void member(struct buf *to, const json_t *e, const char *key)
{
	say_text(to, say_member(e, key));
}

/* " (why)" when there is a why. */
static void because(struct buf *to, const json_t *e, const char *key)
{
	if (!say_member(e, key)[0])
		return;
	buf_add(to, ": ");
	member(to, e, key);
}

static bool is(const json_t *e, const char *key, const char *value)
{
	return !strcmp(say_member(e, key), value);
}

static double number(const json_t *e, const char *key)
{
	return json_number_value(json_object_get(e, key));
}

static const char *say_phase(const json_t *e, const json_t *targets, struct buf *to,
                             enum say_tone *tone)
{
	static const struct {
		const char *phase, *says;
	} words[] = {{"resolve", "finding the targets"},
	             {"arm", "making ready to put everything back"},
	             {"baseline", "is it steady before?"},
	             {"attack", "the attack begins"},
	             {"revert", "putting everything back"},
	             {"recovery", "is it steady again?"},
	             {"done", "done"}};
	*tone = SAY_QUIET;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (is(e, "phase", words[i].phase)) {
			buf_add(to, words[i].says);
			return "phase";
		}
	member(to, e, "phase");
	return "phase";
}

static const char *say_found(const json_t *e, const json_t *targets, struct buf *to,
                             enum say_tone *tone)
{
	member(to, e, "attack");
	buf_add(to, ": ");
	const json_t *name;
	size_t i;
	json_array_foreach (json_object_get(e, "targets"), i, name) {
		if (i == 8) {
			buf_addf(to, " and %zu more",
			         json_array_size(json_object_get(e, "targets")) - i);
			break;
		}
		if (i)
			buf_add(to, ", ");
		say_text(to, json_string_value(name) ? json_string_value(name) : "?");
	}
	buf_addf(to, " (%.0f of %.0f that match)",
	         (double)json_array_size(json_object_get(e, "targets")), number(e, "matched"));
	if (json_is_true(json_object_get(e, "short"))) {
		*tone = SAY_WARN;
		buf_addf(to, ", fewer than the %.0f asked for", number(e, "asked"));
	}
	return "targets";
}

static const char *say_steady(const json_t *e, const json_t *targets, struct buf *to,
                              enum say_tone *tone)
{
	bool held = json_is_true(json_object_get(e, "held"));
	*tone = held ? SAY_GOOD : SAY_BAD;
	buf_add(to, held ? "steady before the attack" : "not steady before, so nothing is harmed");
	const json_t *why;
	size_t i;
	json_array_foreach (json_object_get(e, "why"), i, why) {
		buf_add(to, i ? "; " : ": ");
		say_text(to, json_string_value(why) ? json_string_value(why) : "");
	}
	return "steady";
}

static const char *say_attack_in(const json_t *e, const json_t *targets, struct buf *to,
                                 enum say_tone *tone)
{
	*tone = SAY_WARN;
	member(to, e, "attack");
	buf_add(to, " (");
	member(to, e, "fault");
	buf_add(to, ") in effect");
	BUF(on, 300);
	if (say_member(e, "target")[0])
		member(&on, e, "target");
	else
		say_targets(&on, targets, say_member(e, "attack"));
	if (on.len)
		buf_addf(to, " on %s", on.data);
	if (number(e, "level") > 0)
		buf_addf(to, ", level %.0f", number(e, "level") + 1);
	if (number(e, "seconds") > 0) {
		buf_add(to, " for ");
		say_seconds(to, number(e, "seconds"));
	}
	return "attack";
}

void say_away(struct buf *to, const json_t *attack)
{
	if (number(attack, "away") <= 0)
		return;
	buf_add(to, ", for ");
	say_seconds(to, number(attack, "away"));
	buf_add(to, " of it no target was there");
}

static const char *say_attack_out(const json_t *e, const json_t *targets, struct buf *to,
                                  enum say_tone *tone)
{
	double residue = number(e, "residue");
	*tone = residue > 0 ? SAY_BAD : SAY_GOOD;
	member(to, e, "attack");
	buf_add(to, " is out after ");
	say_seconds(to, number(e, "seconds"));
	say_away(to, e);
	if (residue > 0)
		buf_addf(to, ", %.0f object%s not back", residue, residue > 1 ? "s" : "");
	because(to, e, "why");
	return "attack";
}

static const char *say_attack_failed(const json_t *e, const json_t *targets, struct buf *to,
                                     enum say_tone *tone)
{
	*tone = SAY_BAD;
	member(to, e, "attack");
	buf_add(to, " could not be put in place");
	because(to, e, "what");
	return "attack";
}

static const char *say_step(const json_t *e, const json_t *targets, struct buf *to,
                            enum say_tone *tone)
{
	static const struct {
		const char *phase, *says;
		enum say_tone tone;
	} words[] = {{"in", "changed", SAY_QUIET},
	             {"back", "is back", SAY_QUIET},
	             {"gone", "is gone", SAY_QUIET},
	             {"done", "done, no way back", SAY_QUIET},
	             {"residue", "IS NOT BACK", SAY_BAD}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!is(e, "phase", words[i].phase))
			continue;
		*tone = words[i].tone;
		member(to, e, "step");
		buf_addc(to, ' ');
		member(to, e, "object");
		bool was_there = json_is_true(json_object_get(e, "was-there"));
		if (was_there && is(e, "phase", "in"))
			buf_addf(to, " was %s already", say_member(e, "is"));
		else
			buf_addf(to, " %s", was_there ? "is left as it was" : words[i].says);
		if (!was_there && is(e, "phase", "in") && say_member(e, "is")[0]) {
			buf_add(to, ": ");
			member(to, e, "was");
			buf_add(to, " -> ");
			member(to, e, "is");
		}
		because(to, e, "note");
		return "step";
	}
	return NULL;
}

static const char *say_dose(const json_t *e, const json_t *targets, struct buf *to,
                            enum say_tone *tone)
{
	if (json_is_true(json_object_get(e, "so-far")))
		return NULL;
	member(to, e, "attack");
	if (json_is_true(json_object_get(e, "unknown"))) {
		*tone = SAY_WARN;
		buf_add(to, ": not measured");
		because(to, e, "why");
		return "dose";
	}
	buf_add(to, ": asked ");
	member(to, e, "asked");
	if (json_is_true(json_object_get(e, "no-effect"))) {
		*tone = SAY_BAD;
		buf_add(to, ", NO EFFECT");
	} else {
		buf_add(to, ", achieved ");
		member(to, e, "achieved");
	}
	because(to, e, "why");
	return "dose";
}

static const char *say_gone(const json_t *e, const json_t *targets, struct buf *to,
                            enum say_tone *tone)
{
	*tone = SAY_WARN;
	member(to, e, "attack");
	buf_add(to, ": ");
	member(to, e, "target");
	buf_addf(to, " is gone, %.0f left", number(e, "left"));
	if (json_is_true(json_object_get(e, "follows")))
		buf_add(to, "; what comes in its place will be attacked");
	return "target";
}

static const char *say_followed(const json_t *e, const json_t *targets, struct buf *to,
                                enum say_tone *tone)
{
	*tone = SAY_WARN;
	member(to, e, "attack");
	buf_add(to, " follows");
	if (say_member(e, "target")[0]) {
		buf_add(to, " to ");
		member(to, e, "target");
	}
	buf_add(to, ", ");
	say_seconds(to, number(e, "after"));
	buf_add(to, " after the end of what was there");
	return "target";
}

static const char *say_command(const json_t *e, const json_t *targets, struct buf *to,
                               enum say_tone *tone)
{
	member(to, e, "name");
	if (is(e, "state", "started")) {
		buf_addf(to, " runs as process %.0f; its output is kept in ", number(e, "pid"));
		member(to, e, "output");
		return "command";
	}
	buf_add(to, " has ended");
	if (json_object_get(e, "exit"))
		buf_addf(to, " with status %.0f", number(e, "exit"));
	else if (json_object_get(e, "signal")) {
		buf_add(to, " by SIG");
		member(to, e, "signal");
	}
	because(to, e, "what");
	return "command";
}

static const char *say_deed(const json_t *e, const json_t *targets, struct buf *to,
                            enum say_tone *tone)
{
	*tone = is(e, "state", "failed") ? SAY_BAD : SAY_PLAIN;
	member(to, e, "action");
	buf_addc(to, ' ');
	member(to, e, "state");
	because(to, e, "what");
	return "action";
}

static const char *say_wait(const json_t *e, const json_t *targets, struct buf *to,
                            enum say_tone *tone)
{
	*tone = SAY_QUIET;
	buf_add(to, "nothing is done for ");
	say_seconds(to, number(e, "seconds"));
	return "wait";
}

static const char *say_abort(const json_t *e, const json_t *targets, struct buf *to,
                             enum say_tone *tone)
{
	*tone = SAY_BAD;
	buf_addf(to, "ended early by %s: ", say_member(e, "by"));
	member(to, e, "says");
	because(to, e, "why");
	return "abort";
}

static const char *say_lost(const json_t *e, const json_t *targets, struct buf *to,
                            enum say_tone *tone)
{
	*tone = SAY_BAD;
	buf_add(to, "the keeper is gone: putting everything back from its log");
	return "keeper";
}

static const char *say_undone(const json_t *e, const json_t *targets, struct buf *to,
                              enum say_tone *tone)
{
	double residue = number(e, "residue");
	*tone = residue > 0 ? SAY_BAD : SAY_GOOD;
	buf_addf(to, "put back from the log, residue %.0f", residue);
	return "keeper";
}

static const char *say_recovery(const json_t *e, const json_t *targets, struct buf *to,
                                enum say_tone *tone)
{
	if (is(e, "outcome", "none"))
		return NULL;
	*tone = is(e, "outcome", "recovered") ? SAY_GOOD : SAY_BAD;
	if (is(e, "outcome", "recovered")) {
		buf_add(to, "steady again ");
		say_seconds(to, number(e, "seconds"));
		buf_add(to, " after the fault was gone");
	} else {
		buf_add(to, is(e, "outcome", "unknown") ? "recovery could not be seen"
		                                        : "not steady again");
	}
	if (number(e, "within") > 0) {
		buf_add(to, " (asked: within ");
		say_seconds(to, number(e, "within"));
		buf_addc(to, ')');
	}
	return "recovery";
}

static const char *say_refused(const json_t *e, const json_t *targets, struct buf *to,
                               enum say_tone *tone)
{
	*tone = SAY_BAD;
	member(to, e, "what");
	return "refused";
}

static const char *say_error(const json_t *e, const json_t *targets, struct buf *to,
                             enum say_tone *tone)
{
	*tone = SAY_BAD;
	if (say_member(e, "on")[0]) {
		member(to, e, "on");
		buf_add(to, ": ");
	}
	member(to, e, "what");
	return "error";
}

static const char *say_note(const json_t *e, const json_t *targets, struct buf *to,
                            enum say_tone *tone)
{
	member(to, e, "text");
	return "note";
}

static const char *say_verdict(const json_t *e, const json_t *targets, struct buf *to,
                               enum say_tone *tone)
{
	*tone = is(e, "verdict", "held")                                    ? SAY_GOOD
	        : is(e, "verdict", "refuted") || !is(e, "cleanup", "clean") ? SAY_BAD
	        : is(e, "verdict", "none")                                  ? SAY_PLAIN
	                                                                    : SAY_WARN;
	buf_addf(to, "%s, %s, clean-up %s", say_member(e, "verdict"), say_member(e, "outcome"),
	         say_member(e, "cleanup"));
	because(to, e, "because");
	return "verdict";
}

const char *say_entry(const json_t *entry, const json_t *targets, struct buf *to,
                      enum say_tone *tone)
{
	static const struct {
		const char *type;
		const char *(*say)(const json_t *, const json_t *, struct buf *, enum say_tone *);
	} sayers[] = {
	        {"phase", say_phase},
	        {"targets", say_found},
	        {"steady", say_steady},
	        {"attack-in", say_attack_in},
	        {"attack-out", say_attack_out},
	        {"attack-failed", say_attack_failed},
	        {"step", say_step},
	        {"dose", say_dose},
	        {"target-gone", say_gone},
	        {"target-followed", say_followed},
	        {"command", say_command},
	        {"deed", say_deed},
	        {"wait", say_wait},
	        {"abort", say_abort},
	        {"keeper-lost", say_lost},
	        {"undone", say_undone},
	        {"recovery", say_recovery},
	        {"refused", say_refused},
	        {"error", say_error},
	        {"note", say_note},
	        {"verdict", say_verdict},
	};
	*tone = SAY_PLAIN;
	for (size_t i = 0; i < ARRAY_SIZE(sayers); i++)
		if (is(entry, "type", sayers[i].type))
			return sayers[i].say(entry, targets, to, tone);
	return NULL;
}

size_t say_fit(struct buf *row, size_t width)
{
	size_t cells = 0, i = 0;
	while (i < row->len) {
		unsigned char c = (unsigned char)row->data[i];
		if (c == 033) {
			while (i < row->len && row->data[i] != 'm')
				i++;
			i++;
			continue;
		}
		if (cells == width)
			break;
		cells++;
		i++;
		while (i < row->len && ((unsigned char)row->data[i] & 0xc0) == 0x80)
			i++;
	}
	row->len = i < row->len ? i : row->len;
	row->data[row->len] = 0;
	return cells;
}
