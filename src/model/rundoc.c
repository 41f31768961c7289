/*
 * The run document: entries folded into one record, kept within bounds, handed to listeners.
 */
#include "model/rundoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/rundoc-probe.h"

enum { RUNDOC_VERSION = 1, PROBES_MAX = 4096 };

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void put_text(json_t *o, const char *key, const char *text)
{
	if (text && text[0])
		json_object_set_new(o, key, json_string(text));
}

/* A copy of `from` without what every entry carries. */
static json_t *members_of(const json_t *from)
{
	json_t *to = json_copy((json_t *)from);

	json_object_del(to, "type");
	return to;
}

/* Replaces the element of the list whose member `key` is the same as in `item`, or appends it. */
static void list_put(json_t *list, const char *key, json_t *item)
{
	const json_t *seen;
	size_t i;

	json_array_foreach (list, i, seen) {
		if (!strcmp(text_of(seen, key), text_of(item, key))) {
			json_array_set_new(list, i, item);
			return;
		}
	}
	json_array_append_new(list, item);
}

static json_t *member(json_t *doc, const char *key, json_t *(*make)(void))
{
	json_t *v = json_object_get(doc, key);

	if (v)
		return v;
	v = make();
	json_object_set_new(doc, key, v);
	return v;
}

static struct rundoc_probe *probe_of_id(struct rundoc *r, const char *id)
{
	struct rundoc_probe *grown;

	for (size_t i = 0; i < r->probes_n; i++)
		if (!strcmp(r->probes[i].id, id))
			return &r->probes[i];
	if (r->probes_n == PROBES_MAX)
		return NULL;
	if (r->probes_n == r->probes_cap) {
		size_t cap = r->probes_cap ? r->probes_cap * 2 : 8;

		grown = realloc(r->probes, cap * sizeof(*grown));
		if (!grown)
			return NULL;
		r->probes = grown;
		r->probes_cap = cap;
	}
	rundoc_probe_init(&r->probes[r->probes_n], id);
	return &r->probes[r->probes_n++];
}

static size_t series_bound(const struct rundoc *r)
{
	size_t share = RUNDOC_POINTS_MAX / (r->probes_n ? r->probes_n : 1);

	return share > RUNDOC_SERIES_MAX ? RUNDOC_SERIES_MAX : share < 64 ? 64 : share;
}

static void fold_look(struct rundoc *r, const json_t *entry)
{
	struct rundoc_probe *p = probe_of_id(r, text_of(entry, "probe"));
	json_t *record, *said;

	if (!p)
		return;
	rundoc_probe_add(p, entry, series_bound(r));
	record = member(member(r->doc, "probes", json_object), p->id, json_object);
	if (!json_object_get(record, "of"))
		put_text(record, "of", text_of(entry, "of"));
	if (json_is_true(json_object_get(entry, "hit")) || p->said == RUNDOC_SAID_MAX)
		return;
	p->said++;
	said = json_object();
	json_object_set(said, "t", json_object_get(entry, "due"));
	put_text(said, "why", p->last_why);
	json_array_append_new(member(record, "said", json_array), said);
}

static void fold_unanswered(struct rundoc *r, const json_t *entry)
{
	struct rundoc_probe *p = probe_of_id(r, text_of(entry, "probe"));
	uint64_t n = (uint64_t)json_integer_value(json_object_get(entry, "looks"));

	json_t *record;

	if (!p)
		return;
	rundoc_probe_unanswered(p, n);
	record = member(member(r->doc, "probes", json_object), p->id, json_object);
	if (!json_object_get(record, "of"))
		put_text(record, "of", "steady");
}

static void fold_attack(struct rundoc *r, const json_t *entry, const char *state)
{
	json_t *all = member(r->doc, "attacks", json_object);
	json_t *a = member(all, text_of(entry, "attack"), json_object);
	static const char *const kept[] = {"fault", "residue", "seconds", "away", "what", "why"};

	put_text(a, "state", state);
	if (strcmp(state, "failed"))
		json_object_set(a, state, json_object_get(entry, "t"));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		json_t *v = json_object_get(entry, kept[i]);

		/* attack-in's seconds are what was asked. */
		if (v && (strcmp(kept[i], "seconds") || !strcmp(state, "out")))
			json_object_set(a, kept[i], v);
	}
}

static void fold_step(struct rundoc *r, const json_t *entry)
{
	json_t *residue = member(r->doc, "residue", json_array);
	const json_t *seen;
	size_t i;

	json_array_foreach (residue, i, seen) {
		if (!strcmp(text_of(seen, "step"), text_of(entry, "step")) &&
		    !strcmp(text_of(seen, "object"), text_of(entry, "object"))) {
			json_array_remove(residue, i);
			break;
		}
	}
	if (!strcmp(text_of(entry, "phase"), "residue"))
		json_array_append_new(residue, members_of(entry));
}

static void put_time(json_t *doc, const char *key, uint64_t wall_ns)
{
	BUF(text, 40);

	clock_format_wall(&text, wall_ns);
	json_object_set_new(doc, key, json_string(text.data));
}

static void fold_verdict(struct rundoc *r, const json_t *entry)
{
	static const char *const kept[] = {"verdict",  "outcome",    "cleanup",
	                                   "exit",     "because",    "steady",
	                                   "monitors", "went-wrong", "not-expected"};
	uint64_t t = (uint64_t)json_integer_value(json_object_get(entry, "t"));

	/* By name: an entry of a record that was tampered with must not become the document's own
	 * lists, to which it will be added. */
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		json_t *v = json_object_get(entry, kept[i]);

		if (v)
			json_object_set(r->doc, kept[i], v);
	}
	put_time(r->doc, "ended", r->started_wall_ns + t);
	json_object_set_new(r->doc, "seconds", json_real((double)t / 1e9));
	(void)rundoc_document(r);
}

static void fold(struct rundoc *r, const json_t *entry, const char *type)
{
	if (!strcmp(type, "look"))
		fold_look(r, entry);
	else if (!strcmp(type, "unanswered"))
		fold_unanswered(r, entry);
	else if (!strcmp(type, "machine"))
		json_object_set_new(r->doc, "machine", members_of(entry));
	else if (!strcmp(type, "targets") || !strcmp(type, "plan") || !strcmp(type, "dose"))
		list_put(member(r->doc, !strcmp(type, "dose") ? "dose" : type, json_array),
		         "attack", members_of(entry));
	else if (!strcmp(type, "attack-in"))
		fold_attack(r, entry, "in");
	else if (!strcmp(type, "attack-out"))
		fold_attack(r, entry, "out");
	else if (!strcmp(type, "attack-failed"))
		fold_attack(r, entry, "failed");
	else if (!strcmp(type, "step"))
		fold_step(r, entry);
	else if (!strcmp(type, "abort") || !strcmp(type, "recovery"))
		json_object_set_new(r->doc, type, members_of(entry));
	else if (!strcmp(type, "refused"))
		json_object_set(r->doc, "exit", json_object_get(entry, "exit"));
	else if (!strcmp(type, "verdict"))
		fold_verdict(r, entry);
}

/* Entries that say how the run ended are kept whatever came before them; there are few. */
static bool is_kept_always(const char *type)
{
	static const char *const always[] = {"abort", "recovery", "refused",     "verdict",
	                                     "phase", "undone",   "keeper-lost", NULL};

	for (size_t i = 0; always[i]; i++)
		if (!strcmp(type, always[i]))
			return true;
	return false;
}

static void keep(struct rundoc *r, json_t *entry, const char *type)
{
	json_t *events = member(r->doc, "events", json_array);

	if (!strcmp(type, "look") ||
	    (!strcmp(type, "dose") && json_is_true(json_object_get(entry, "so-far"))))
		return;
	if (json_array_size(events) < RUNDOC_EVENTS_MAX ||
	    (is_kept_always(type) && json_array_size(events) < RUNDOC_EVENTS_MAX + 64)) {
		json_array_append(events, entry);
		return;
	}
	json_object_set_new(r->doc, "events-dropped",
	                    json_integer((json_int_t)++r->events_dropped));
}

/* The rows of probes are there from the start, so that a report names the one never looked at. */
static void add_probe(struct rundoc *r, const char *id, const char *of, const struct expect *expect,
                      uint64_t every_ns, const uint64_t *tolerate_ppm)
{
	json_t *row = json_object();
	BUF(text, 1024);

	put_text(row, "of", of);
	if (expect) {
		expect_describe(expect, &text);
		experiment_mask(r->x, text.data);
		put_text(row, "expects", text.data);
	}
	json_object_set_new(row, "every", json_real((double)every_ns / 1e9));
	if (tolerate_ppm)
		json_object_set_new(row, "tolerate", json_real((double)*tolerate_ppm / 1e6));
	json_object_set_new(member(r->doc, "probes", json_object), id, row);
	(void)probe_of_id(r, id);
}

static void add_probes(struct rundoc *r, const struct experiment *x)
{
	BUF(id, 128);

	for (size_t i = 0; i < x->steady_n; i++) {
		const struct steady *s = &x->steady[i];

		add_probe(r, s->id, "steady", s->expect, s->every_ns, &s->tolerate_ppm);
		if (!s->control)
			continue;
		buf_reset(&id);
		buf_addf(&id, RUNDOC_CONTROL_ID, s->id);
		add_probe(r, id.data, "control", s->expect, s->every_ns, NULL);
	}
	for (size_t i = 0; i < x->aborts_n; i++) {
		if (x->aborts[i].type != ABORT_PROBE)
			continue;
		buf_reset(&id);
		buf_addf(&id, RUNDOC_ABORT_ID, i + 1);
		add_probe(r, id.data, "abort", x->aborts[i].when, x->aborts[i].every_ns, NULL);
	}
}

static void add_file(struct rundoc *r, const struct experiment *x)
{
	static const char *const layers[] = {"", "operations", "application", "software-stack",
	                                     "infrastructure"};
	json_t *file = json_object();

	put_text(r->doc, "title", x->title);
	put_text(r->doc, "service", x->service);
	put_text(r->doc, "condition", x->condition);
	put_text(r->doc, "says", x->says);
	if ((size_t)x->layer < ARRAY_SIZE(layers))
		put_text(r->doc, "layer", layers[x->layer]);
	for (size_t i = 0; i < x->tags_n; i++)
		json_array_append_new(member(r->doc, "tags", json_array), json_string(x->tags[i]));
	put_text(file, "path", x->path);
	if (x->doc)
		json_object_set(file, "doc", x->doc);
	json_object_set_new(r->doc, "file", file);
}

struct rundoc *rundoc_new(const char *id, const struct experiment *x, uint64_t seed,
                          uint64_t boot_ns, uint64_t wall_ns)
{
	static const char *const lists[] = {"targets", "plan", "events", "dose", "residue"};
	struct rundoc *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->doc = json_object();
	if (!r->doc) {
		free(r);
		return NULL;
	}
	r->x = x;
	(void)text_copy(r->id, sizeof(r->id), id);
	r->started_boot_ns = boot_ns;
	r->started_wall_ns = wall_ns;
	json_object_set_new(r->doc, "version", json_integer(RUNDOC_VERSION));
	json_object_set_new(r->doc, "id", json_string(r->id));
	add_file(r, x);
	put_time(r->doc, "started", wall_ns);
	json_object_set_new(r->doc, "started-wall-ns", json_integer((json_int_t)wall_ns));
	json_object_set_new(r->doc, "started-boot-ns", json_integer((json_int_t)boot_ns));
	json_object_set_new(r->doc, "seed", json_integer((json_int_t)seed));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		(void)member(r->doc, lists[i], json_array);
	(void)member(r->doc, "attacks", json_object);
	(void)member(r->doc, "probes", json_object);
	add_probes(r, x);
	return r;
}

void rundoc_free(struct rundoc *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->probes_n; i++)
		rundoc_probe_release(&r->probes[i]);
	free(r->probes);
	json_decref(r->doc);
	free(r);
}

int rundoc_listen(struct rundoc *r, struct listener l)
{
	if (r->listeners_n == ARRAY_SIZE(r->listeners))
		return -ENOSPC;
	r->listeners[r->listeners_n++] = l;
	return 0;
}

void rundoc_tell(struct rundoc *r, json_t *entry)
{
	const char *type = text_of(entry, "type");

	if (!json_is_object(entry) || !type[0]) {
		json_decref(entry);
		return;
	}
	fold(r, entry, type);
	keep(r, entry, type);
	for (size_t i = 0; i < r->listeners_n; i++)
		r->listeners[i].told(r->listeners[i].ctx, entry);
	json_decref(entry);
}

json_t *rundoc_entry(uint64_t t_ns, const char *type)
{
	return json_pack("{s: I, s: s}", "t", (json_int_t)t_ns, "type", type);
}

json_t *rundoc_document(struct rundoc *r)
{
	json_t *probes = member(r->doc, "probes", json_object);

	for (size_t i = 0; i < r->probes_n; i++)
		if (r->probes[i].told || r->x)
			rundoc_probe_write(&r->probes[i],
			                   member(probes, r->probes[i].id, json_object));
	return r->doc;
}

struct rundoc *rundoc_load(const json_t *doc, struct err *err)
{
	struct rundoc *r;
	json_int_t version = json_integer_value(json_object_get(doc, "version"));

	if (!json_is_object(doc) || !text_of(doc, "id")[0] || version != RUNDOC_VERSION) {
		err_set(err, -EINVAL, "cannot read this as a run document of version %d",
		        RUNDOC_VERSION);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (r)
		r->doc = json_deep_copy(doc);
	if (!r || !r->doc) {
		free(r);
		err_set(err, -ENOMEM, "could not load the run document: out of memory");
		return NULL;
	}
	(void)text_copy(r->id, sizeof(r->id), text_of(doc, "id"));
	r->started_wall_ns = (uint64_t)json_integer_value(json_object_get(doc, "started-wall-ns"));
	r->started_boot_ns = (uint64_t)json_integer_value(json_object_get(doc, "started-boot-ns"));
	return r;
}
