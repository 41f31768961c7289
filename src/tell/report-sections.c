/* The sections of a report, from the answers to where the folder is. */
#include "tell/report-sections.h"

#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"

static bool is(const json_t *o, const char *key, const char *value)
{
	return !strcmp(say_member(o, key), value);
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static const char *text_at(const json_t *list, size_t i)
{
	const char *text = json_string_value(json_array_get(list, i));
	return text ? text : "";
}

/* Head: title, the run, the three answers */

static void answers(struct page *p, const json_t *doc)
{
	enum say_tone verdict = is(doc, "verdict", "held")      ? SAY_GOOD
	                        : is(doc, "verdict", "refuted") ? SAY_BAD
	                        : is(doc, "verdict", "none") || !say_member(doc, "verdict")[0]
	                                ? SAY_PLAIN
	                                : SAY_WARN;
	BUF(text, 1200);
	buf_add(&text,
	        say_member(doc, "verdict")[0] ? say_member(doc, "verdict") : "not known yet");
	/* A refusal is told in full below. */
	if (say_member(doc, "because")[0] && !is(doc, "outcome", "refused"))
		buf_addf(&text, " (%s)", say_member(doc, "because"));
	page_pair(p, verdict, "verdict", text.data);
	buf_reset(&text);
	buf_add(&text,
	        say_member(doc, "outcome")[0] ? say_member(doc, "outcome") : "not known yet");
	page_pair(p, is(doc, "outcome", "completed") ? SAY_GOOD : SAY_WARN, "outcome", text.data);
	size_t residue = json_array_size(json_object_get(doc, "residue"));
	buf_reset(&text);
	buf_add(&text,
	        say_member(doc, "cleanup")[0] ? say_member(doc, "cleanup") : "not known yet");
	if (residue)
		buf_addf(&text, ": %zu object%s not back, see below", residue,
		         residue == 1 ? " is" : "s are");
	page_pair(p, is(doc, "cleanup", "clean") ? SAY_GOOD : SAY_BAD, "clean-up", text.data);
}

static void refusal(struct page *p, const json_t *doc)
{
	const json_t *e;
	size_t i;
	json_array_foreach (json_object_get(doc, "events"), i, e) {
		if (!is(e, "type", "refused"))
			continue;
		page_pair(p, SAY_BAD, "refused", say_member(e, "what"));
		if (say_member(e, "hint")[0])
			page_pair(p, SAY_PLAIN, "remedy", say_member(e, "hint"));
	}
}

static void head(struct page *p, const json_t *doc)
{
	const char *title = say_member(doc, "title");
	page_title(p, title[0] ? title : "An attack by hand");
	const json_t *machine = json_object_get(doc, "machine");
	BUF(line, 512);
	buf_addf(&line, "run %s, started %s", say_member(doc, "id"), say_member(doc, "started"));
	if (json_object_get(doc, "seconds")) {
		buf_add(&line, ", took ");
		say_seconds(&line, number(doc, "seconds"));
	}
	if (say_member(machine, "host")[0])
		buf_addf(&line, ", on %s (%s)", say_member(machine, "host"),
		         say_member(machine, "kernel"));
	buf_addf(&line, ", seed %lld", (long long)json_integer_value(json_object_get(doc, "seed")));
	page_para(p, line.data);
	if (say_member(doc, "says")[0])
		page_para(p, say_member(doc, "says"));
	page_gap(p);
	answers(p, doc);
	refusal(p, doc);
}

static void question(struct page *p, const json_t *doc, const char *key, const char *head_text)
{
	page_head(p, head_text);
	const json_t *list = json_object_get(doc, key);
	if (!list) {
		page_para(p, "This run did not come far enough to say.");
		return;
	}
	if (!json_array_size(list))
		page_para(p, !strcmp(key, "went-wrong") ? "Nothing that was looked at."
		             : json_array_size(json_object_get(doc, "went-wrong"))
		                     ? "Nothing beside that."
		                     : "Nothing: what happened was expected.");
	for (size_t i = 0; i < json_array_size(list); i++)
		page_item(p, SAY_PLAIN, text_at(list, i));
}

/* Timeline */

static void timeline(struct page *p, const json_t *doc)
{
	const json_t *e, *targets = json_object_get(doc, "targets");
	size_t i;
	page_head(p, "Timeline");
	json_array_foreach (json_object_get(doc, "events"), i, e) {
		/* Said in a section of their own. */
		if (is(e, "type", "step") || is(e, "type", "verdict") || is(e, "type", "dose"))
			continue;
		BUF(text, 1200);
		enum say_tone tone;
		if (!say_entry(e, targets, &text, &tone))
			continue;
		BUF(at, 32);
		buf_addf(&at, "%.3fs", number(e, "t") / 1e9);
		page_pair(p, tone, at.data, text.data);
	}
	double dropped = number(doc, "events-dropped");
	if (dropped > 0) {
		BUF(text, 80);
		buf_addf(&text, "%.0f more entries were not kept.", dropped);
		page_para(p, text.data);
	}
}

/* Attacks: targets and dose */

static const json_t *of_attack(const json_t *list, const char *id)
{
	const json_t *e;
	size_t i;
	json_array_foreach (list, i, e)
		if (is(e, "attack", id))
			return e;
	return NULL;
}

static void attack(struct page *p, const json_t *doc, const char *id, const json_t *found)
{
	const json_t *state = json_object_get(json_object_get(doc, "attacks"), id);
	const json_t *dose = of_attack(json_object_get(doc, "dose"), id);
	const json_t *plan = of_attack(json_object_get(doc, "plan"), id);
	BUF(text, 1200);
	buf_add(&text, id);
	const char *fault = say_member(plan ? plan : state, "fault");
	if (fault[0])
		buf_addf(&text, " (%s)", fault);
	page_item(p, SAY_PLAIN, text.data);

	const json_t *names = json_object_get(found, "targets");
	buf_reset(&text);
	for (size_t i = 0; i < json_array_size(names) && i < 16; i++)
		buf_addf(&text, "%s%s", i ? ", " : "", text_at(names, i));
	if (json_array_size(names) > 16)
		buf_addf(&text, " and %zu more", json_array_size(names) - 16);
	buf_addf(&text, ", of %.0f that match", number(found, "matched"));
	page_sub(p, SAY_PLAIN, "targets", text.data);

	if (state && json_object_get(state, "seconds")) {
		buf_reset(&text);
		say_seconds(&text, number(state, "seconds"));
		say_away(&text, state);
		page_sub(p, SAY_PLAIN, "in effect", text.data);
	} else if (!state || !json_object_get(state, "in")) {
		page_sub(p, SAY_WARN, "in effect",
		         is(state, "state", "failed") ? say_member(state, "what") : "never");
	}
	if (!dose)
		return;
	page_sub(p, SAY_PLAIN, "asked", say_member(dose, "asked"));
	buf_reset(&text);
	bool none = json_is_true(json_object_get(dose, "no-effect"));
	bool unknown = json_is_true(json_object_get(dose, "unknown"));
	buf_add(&text, unknown ? "not measured" : say_member(dose, "achieved"));
	if (none)
		buf_addf(&text, "%sno effect", text.len ? ": " : "");
	if (say_member(dose, "why")[0])
		buf_addf(&text, " (%s)", say_member(dose, "why"));
	page_sub(p, none ? SAY_BAD : unknown ? SAY_WARN : SAY_PLAIN, "achieved", text.data);
}

static void attacks(struct page *p, const json_t *doc)
{
	const json_t *found;
	size_t i;
	if (!json_array_size(json_object_get(doc, "targets")))
		return;
	page_head(p, "Targets and dose");
	json_array_foreach (json_object_get(doc, "targets"), i, found)
		attack(p, doc, say_member(found, "attack"), found);
}

/* Probes */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Nearest rank over the kept looks; -1 when none was timed. */
static void quantiles(const json_t *series, double *p50, double *p99)
{
	size_t n = 0, i;
	const json_t *point;
	_cleanup_free_ double *v = calloc(json_array_size(series) + 1, sizeof(*v));
	*p50 = *p99 = -1;
	if (!v)
		return;
	json_array_foreach (series, i, point) {
		const json_t *seconds = json_array_get(point, 1);
		if (json_is_number(seconds))
			v[n++] = json_number_value(seconds);
	}
	if (!n)
		return;
	qsort(v, n, sizeof(*v), by_value);
	*p50 = v[(n * 50 + 99) / 100 - 1];
	*p99 = v[(n * 99 + 99) / 100 - 1];
}

static void looks(struct buf *to, const json_t *probe, const char *when)
{
	const json_t *w = json_object_get(probe, when);
	double n = number(w, "looks"), misses = number(w, "misses");
	if (n == 0)
		return;
	buf_addf(to, "%s%s %.0f of %.0f missed", to->len ? ", " : "", when, misses, n);
	if (misses > 0)
		buf_addf(to, " (%.3g%%)", misses / n * 100);
}

static void probe(struct page *p, const char *id, const json_t *v)
{
	BUF(text, 600);
	buf_addf(&text, "%s: %s", id,
	         say_member(v, "expects")[0] ? say_member(v, "expects") : "no expectation");
	if (json_object_get(v, "tolerate"))
		buf_addf(&text, ", tolerates %.3g%% misses", number(v, "tolerate") * 100);
	if (is(v, "of", "abort"))
		buf_add(&text, " (abort condition)");
	else if (is(v, "of", "control"))
		buf_add(&text, " (control, not attacked)");
	page_item(p, SAY_PLAIN, text.data);
	if (number(v, "looks") == 0) {
		page_sub(p, SAY_WARN, "looks", "never looked at");
		return;
	}
	buf_reset(&text);
	looks(&text, v, "before");
	looks(&text, v, "during");
	looks(&text, v, "after");
	page_sub(p, number(v, "misses") > 0 ? SAY_WARN : SAY_PLAIN, "looks", text.data);
	double p50, p99;
	quantiles(json_object_get(v, "series"), &p50, &p99);
	if (p50 >= 0) {
		buf_reset(&text);
		buf_add(&text, "p50 ");
		say_seconds(&text, p50);
		buf_add(&text, ", p99 ");
		say_seconds(&text, p99);
		buf_add(&text, ", most ");
		say_seconds(&text, number(json_object_get(v, "seconds"), "most"));
		if (number(v, "series-of") > 1)
			buf_addf(&text, " (from one look in %.0f)", number(v, "series-of"));
		page_sub(p, SAY_PLAIN, "seconds", text.data);
	}
	const json_t *said = json_object_get(v, "said");
	for (size_t i = 0; i < json_array_size(said) && i < 3; i++) {
		const json_t *miss = json_array_get(said, i);
		buf_reset(&text);
		buf_addf(&text, "at %.3fs %s", number(miss, "t") / 1e9, say_member(miss, "why"));
		page_sub(p, SAY_PLAIN, "miss", text.data);
	}
}

static void probes(struct page *p, json_t *all)
{
	const char *id;
	json_t *v;
	if (!json_object_size(all))
		return;
	page_head(p, "Probes");
	json_object_foreach (all, id, v)
		probe(p, id, v);
}

/* Abort and recovery */

static void aborted(struct page *p, const json_t *doc)
{
	const json_t *e = json_object_get(doc, "abort");
	if (!e)
		return;
	BUF(text, 1200);
	enum say_tone tone;
	page_head(p, "Ended early");
	buf_addf(&text, "By %s: %s", say_member(e, "by"), say_member(e, "says"));
	if (say_member(e, "why")[0])
		buf_addf(&text, " (%s)", say_member(e, "why"));
	buf_addf(&text, ", at %.3fs.", number(e, "t") / 1e9);
	tone = SAY_BAD;
	page_item(p, tone, text.data);
}

static void recovery(struct page *p, const json_t *doc)
{
	const json_t *e = json_object_get(doc, "recovery"), *v;
	if (!e || is(e, "outcome", "none"))
		return;
	page_head(p, "Recovery");
	BUF(text, 300);
	if (is(e, "outcome", "recovered")) {
		buf_add(&text, "Steady again ");
		say_seconds(&text, number(e, "seconds"));
		buf_add(&text, " after the fault was gone");
	} else {
		buf_add(&text, is(e, "outcome", "unknown")
		                       ? "It could not be seen whether it recovered"
		                       : "Not steady again");
	}
	if (number(e, "within") > 0) {
		buf_add(&text, "; asked for: within ");
		say_seconds(&text, number(e, "within"));
	}
	buf_addc(&text, '.');
	page_item(p, is(e, "outcome", "recovered") ? SAY_GOOD : SAY_BAD, text.data);
	size_t i;
	json_array_foreach (json_object_get(e, "probes"), i, v) {
		buf_reset(&text);
		if (json_object_get(v, "seconds"))
			say_seconds(&text, number(v, "seconds"));
		else
			buf_add(&text, "not yet");
		page_sub(p, SAY_PLAIN, say_member(v, "id"), text.data);
	}
}

/* Residue, object by object */

struct object {
	const json_t *last; /* newest step entry */
};

static size_t objects_of(const json_t *events, struct object *to, size_t cap)
{
	const json_t *e;
	size_t n = 0, i;
	json_array_foreach (events, i, e) {
		if (!is(e, "type", "step"))
			continue;
		size_t k = 0;
		while (k < n && (strcmp(say_member(to[k].last, "step"), say_member(e, "step")) ||
		                 strcmp(say_member(to[k].last, "object"), say_member(e, "object"))))
			k++;
		if (k == n && n == cap)
			continue;
		to[k].last = e;
		n += k == n;
	}
	return n;
}

static void object(struct page *p, const json_t *e)
{
	const char *phase = say_member(e, "phase");
	bool residue = !strcmp(phase, "residue");
	BUF(text, 1200);
	buf_addf(&text, "%s %s: %s", say_member(e, "step"), say_member(e, "object"),
	         residue                    ? "NOT BACK"
	         : !strcmp(phase, "back")   ? "back"
	         : !strcmp(phase, "gone")   ? "gone with its object"
	         : !strcmp(phase, "done")   ? "done; there is no way back"
	         : !strcmp(phase, "intent") ? "was to be changed"
	                                    : phase);
	if (say_member(e, "note")[0])
		buf_addf(&text, " (%s)", say_member(e, "note"));
	page_item(p, residue ? SAY_BAD : SAY_GOOD, text.data);
	if (!residue)
		return;
	page_sub(p, SAY_PLAIN, "was", say_member(e, "was"));
	page_sub(p, SAY_PLAIN, "is", say_member(e, "is"));
	if (say_member(e, "by-hand")[0]) {
		page_sub(p, SAY_PLAIN, "by hand", "put it back with");
		page_command(p, say_member(e, "by-hand"));
	}
}

static void residue(struct page *p, const json_t *doc)
{
	enum { OBJECTS = 1024 };
	const json_t *events = json_object_get(doc, "events");
	_cleanup_free_ struct object *all = calloc(OBJECTS, sizeof(*all));
	size_t n = all ? objects_of(events, all, OBJECTS) : 0;
	size_t left = json_array_size(json_object_get(doc, "residue"));
	page_head(p, "Residue");
	BUF(text, 120);
	buf_addf(&text, "residue: %zu of %zu object%s", left, n, n == 1 ? "" : "s");
	if (!n)
		buf_add(&text, ": nothing was changed");
	page_para(p, text.data);
	if (n && p->markdown)
		page_gap(p);
	for (size_t i = 0; i < n; i++)
		object(p, all[i].last);
}

void report_sections(struct page *p, const json_t *doc, const char *folder)
{
	head(p, doc);
	question(p, doc, "went-wrong", "What went wrong?");
	question(p, doc, "not-expected", "What did we not expect?");
	timeline(p, doc);
	attacks(p, doc);
	probes(p, json_object_get(doc, "probes"));
	aborted(p, doc);
	recovery(p, doc);
	residue(p, doc);
	if (folder) {
		page_head(p, "Where it is kept");
		page_para(p, folder);
	}
}
