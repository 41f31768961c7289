/*
 * The engine's looks: open-loop due times, several in flight, each counted for when it was due.
 */
#include <errno.h>

#include "run/engine-state.h"

static size_t looks_kept(const struct experiment *x, uint32_t id, uint64_t every_ns)
{
	size_t i = look_index(id), keep = WINDOW_LOOKS_MIN;

	for (size_t k = 0; k < x->aborts_n; k++) {
		const struct abort_condition *c = &x->aborts[k];
		size_t n = 0;

		if (look_kind_of(id) == LOOK_STEADY && c->type == ABORT_MISSES && c->steady == i)
			n = window_looks(every_ns, c->over_ns);
		else if (look_kind_of(id) == LOOK_ABORT && k == i)
			n = window_looks(every_ns, c->for_ns) + 1;
		keep = n > keep ? n : keep;
	}
	return keep;
}

static int probe_init(struct experiment_state *e, uint32_t id, const char *name,
                      const struct expect *expect, uint64_t every_ns, struct err *err)
{
	struct engine_probe *p = &e->probes[e->probes_n++];

	p->id = id;
	p->name = name;
	p->expect = expect;
	p->every_ns = every_ns ? every_ns : NS_PER_S;
	p->next_ns = UINT64_MAX;
	if (!name)
		return err_set(err, -ENOMEM, "could not keep the probes: out of memory");
	return looks_init(&p->looks, &e->arena, looks_kept(e->x, id, p->every_ns), err);
}

/* Probes that are looked at equally often are spread over a part of their period. */
static void stagger(struct experiment_state *e)
{
	for (size_t i = 0; i < e->probes_n; i++) {
		struct engine_probe *p = &e->probes[i];
		uint64_t span = p->every_ns < STAGGER_NS ? p->every_ns : STAGGER_NS;

		p->stagger_ns = span * i / e->probes_n;
	}
}

int probes_init(struct experiment_state *e, struct err *err)
{
	const struct experiment *x = e->x;
	size_t most = 2 * x->steady_n + x->aborts_n;
	int rc = 0;

	e->probes = arena_alloc(&e->arena, (most ? most : 1) * sizeof(*e->probes));
	if (!e->probes)
		return err_set(err, -ENOMEM, "could not keep the probes: out of memory");
	e->steady_n = x->steady_n;
	for (size_t i = 0; rc == 0 && i < x->steady_n; i++)
		rc = probe_init(e, look_id(LOOK_STEADY, i), x->steady[i].id, x->steady[i].expect,
		                x->steady[i].every_ns, err);
	for (size_t i = 0; rc == 0 && i < x->steady_n; i++)
		if (x->steady[i].control)
			rc = probe_init(e, look_id(LOOK_CONTROL, i),
			                arena_printf(&e->arena, RUNDOC_CONTROL_ID, x->steady[i].id),
			                x->steady[i].expect, x->steady[i].every_ns, err);
	for (size_t i = 0; rc == 0 && i < x->aborts_n; i++)
		if (x->aborts[i].type == ABORT_PROBE)
			rc = probe_init(e, look_id(LOOK_ABORT, i),
			                arena_printf(&e->arena, RUNDOC_ABORT_ID, i + 1),
			                x->aborts[i].when, x->aborts[i].every_ns, err);
	stagger(e);
	return rc;
}

void probes_start(struct experiment_state *e, bool once, enum probes_first first)
{
	for (size_t i = 0; i < e->probes_n; i++) {
		struct engine_probe *p = &e->probes[i];

		p->once = once;
		p->next_ns = e->now_ns + (first == FIRST_NOW ? 0 : p->stagger_ns) +
		             (first == FIRST_LATER ? p->every_ns : 0);
		/* Due times name looks, so no two are the same. */
		if (p->last_ns >= p->next_ns)
			p->next_ns = p->last_ns + 1;
	}
}

void probes_stop(struct experiment_state *e)
{
	for (size_t i = 0; i < e->probes_n; i++)
		e->probes[i].next_ns = UINT64_MAX;
	e->timer_looks_ns = 0;
}

size_t probes_pending(const struct experiment_state *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->probes_n; i++)
		n += e->probes[i].looks.pending;
	return n;
}

bool probes_waiting(const struct experiment_state *e)
{
	for (size_t i = 0; i < e->probes_n; i++)
		if (e->probes[i].next_ns != UINT64_MAX)
			return true;
	return false;
}

static struct engine_probe *probe_of(struct experiment_state *e, uint32_t id)
{
	for (size_t i = 0; i < e->probes_n; i++)
		if (e->probes[i].id == id)
			return &e->probes[i];
	return NULL;
}

static const char *when_of(const struct experiment_state *e, uint64_t due_ns)
{
	if (!e->in_ns || due_ns < e->in_ns)
		return "before";
	return e->gone_ns && due_ns >= e->gone_ns ? "after" : "during";
}

static void count(struct experiment_state *e, struct engine_probe *p, uint64_t due_ns, bool hit,
                  const char *why)
{
	const char *when = when_of(e, due_ns);

	if (when[0] == 'b') {
		p->before_looks++;
		if (!hit && !p->before_misses++)
			(void)text_copy(p->before_why, sizeof(p->before_why), why);
	} else if (when[0] == 'd') {
		p->during_looks++;
		if (!hit && !p->during_misses++)
			(void)text_copy(p->why, sizeof(p->why), why);
	} else if (!p->after_looks++) {
		p->first_after_missed = !hit;
		if (!hit && !p->why[0])
			(void)text_copy(p->why, sizeof(p->why), why);
	}
}

static void look_tell(struct experiment_state *e, const struct engine_probe *p, uint64_t due_ns,
                      bool hit, const json_t *doc, const char *why, const char *error)
{
	static const char *const kinds[] = {"steady", "control", "abort"};
	json_t *entry = engine_entry(e, "look");
	const json_t *seconds = json_object_get(doc, "seconds");

	json_object_set_new(entry, "probe", json_string(p->name));
	json_object_set_new(entry, "of", json_string(kinds[look_kind_of(p->id)]));
	json_object_set_new(entry, "when", json_string(when_of(e, due_ns)));
	json_object_set_new(entry, "hit", json_boolean(hit));
	json_object_set_new(entry, "due", json_integer((json_int_t)engine_t(e, due_ns)));
	if (json_is_number(seconds))
		json_object_set_new(entry, "seconds", json_real(json_number_value(seconds)));
	entry_text(entry, "why", why);
	entry_text(entry, "error", error);
	engine_tell(e, entry);
}

/* Counts a look as a miss without an answer from outside. */
static void look_missed(struct experiment_state *e, struct engine_probe *p, uint64_t due_ns,
                        const char *why)
{
	bool hit = false;

	if (look_kind_of(p->id) == LOOK_ABORT)
		hit = !e->x->aborts[look_index(p->id)].on_error_abort;
	if (!looks_answer(&p->looks, due_ns, hit))
		return;
	p->errors++;
	count(e, p, due_ns, hit, why);
	recovery_note(e, p, due_ns, hit);
	look_tell(e, p, due_ns, hit, NULL, "", why);
}

static void look_order(struct experiment_state *e, struct engine_probe *p)
{
	uint64_t due = p->next_ns;
	bool full = p->looks.pending >= LOOKS_IN_FLIGHT;

	looks_add(&p->looks, due);
	p->last_ns = due;
	if (full) {
		p->unsent++;
		look_missed(e, p, due, "not sent: too many looks before it have no answer yet");
	} else {
		engine_do(e, DO_LOOK, p->id, due);
	}
	p->next_ns = p->once ? UINT64_MAX : due + p->every_ns;
}

/* A clock that jumped (suspend) leaves due times behind that nobody could look at. */
static void skip_what_was_slept(struct experiment_state *e, struct engine_probe *p)
{
	uint64_t late, periods;

	if (p->next_ns > e->now_ns)
		return;
	late = e->now_ns - p->next_ns;
	if (late < NS_PER_S || late < 2 * p->every_ns)
		return;
	periods = late / p->every_ns;
	p->skipped += periods;
	p->next_ns += periods * p->every_ns;
}

static void expire(struct experiment_state *e, struct engine_probe *p)
{
	uint64_t due;

	while (looks_oldest_pending(&p->looks, &due) && due + LOOK_LIMIT_NS <= e->now_ns &&
	       engine_has_room(e))
		look_missed(e, p, due, "no answer within 30s");
}

void probes_give_up(struct experiment_state *e)
{
	for (size_t i = 0; i < e->probes_n; i++) {
		uint64_t due;

		while (looks_oldest_pending(&e->probes[i].looks, &due))
			look_missed(e, &e->probes[i], due, "no answer");
	}
}

void probes_forget_before(struct experiment_state *e)
{
	for (size_t i = 0; i < e->probes_n; i++) {
		struct engine_probe *p = &e->probes[i];

		looks_drop_pending(&p->looks);
		p->before_looks = p->before_misses = p->errors = 0;
		p->before_why[0] = '\0';
	}
}

void probes_due(struct experiment_state *e)
{
	uint64_t next = UINT64_MAX;
	size_t ordered = 0;

	for (size_t i = 0; i < e->probes_n; i++) {
		struct engine_probe *p = &e->probes[i];
		uint64_t pending;

		expire(e, p);
		skip_what_was_slept(e, p);
		while (p->next_ns <= e->now_ns && ordered < LOOKS_A_TURN && engine_has_room(e)) {
			look_order(e, p);
			ordered++;
		}
		next = p->next_ns < next ? p->next_ns : next;
		if (looks_oldest_pending(&p->looks, &pending) && pending + LOOK_LIMIT_NS < next)
			next = pending + LOOK_LIMIT_NS;
	}
	if (next != UINT64_MAX)
		engine_timer(e, TIMER_LOOKS, 0, next > e->now_ns ? next : e->now_ns);
}

static bool is_hit(const struct engine_probe *p, const struct abort_condition *c,
                   const json_t *answer, const json_t *doc, struct buf *why)
{
	const json_t *said = json_object_get(answer, "jq");
	int jq = said ? (int)json_integer_value(said) : -1;
	bool holds;

	if (!c)
		return expect_check(p->expect, doc, jq, why);
	/* An abort condition that cannot be told is crossed, unless the file says otherwise. */
	if (expect_is_broken(c->when, doc, jq)) {
		(void)expect_check(c->when, doc, jq, why);
		return !c->on_error_abort;
	}
	holds = expect_check(c->when, doc, jq, why);
	buf_reset(why);
	if (holds)
		buf_add(why, "the condition holds");
	return !holds;
}

void probe_answer(struct experiment_state *e, const struct event *ev)
{
	struct engine_probe *p = probe_of(e, ev->id);
	uint64_t due = (uint64_t)json_integer_value(json_object_get(ev->doc, "due"));
	const json_t *doc = json_object_get(ev->doc, "doc");
	const char *error = json_string_value(json_object_get(ev->doc, "error"));
	const struct abort_condition *c = NULL;
	bool hit;
	BUF(why, 256);

	if (!p)
		return;
	if (look_kind_of(p->id) == LOOK_ABORT)
		c = &e->x->aborts[look_index(p->id)];
	if (!error && ev->err)
		error = ev->err->what;
	if (error || !json_is_object(doc))
		doc = NULL;
	hit = is_hit(p, c, ev->doc, doc, &why);
	if (!looks_answer(&p->looks, due, hit))
		return;
	p->errors += !doc;
	if (hit)
		buf_reset(&why);
	else if (!c && json_is_true(json_object_get(doc, "timed-out")))
		buf_add(&why,
		        why.len ? "; it reached its time limit" : "it reached its time limit");
	count(e, p, due, hit, error ? error : why.data);
	recovery_note(e, p, due, hit);
	look_tell(e, p, due, hit, doc, why.data, error);
}
