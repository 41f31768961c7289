/*
 * A made-up runner and keeper process: events in order of time, commands carried out with delays,
 * failures and deaths.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

enum { EVENTS_MAX = 30000 };

#ifdef MUTATE_KEEPER_DEADLINE
enum { MUTATED_KEEPER_DEADLINE = 1 };
#else
enum { MUTATED_KEEPER_DEADLINE = 0 };
#endif

static void push(struct sim *s, struct pending_event p)
{
	if (s->queue_n == QUEUE_MAX) {
		json_decref(p.doc);
		return;
	}
	p.order = s->sequence++;
	s->queue[s->queue_n++] = p;
}

static void post(struct sim *s, uint64_t delay_ns, enum event_type type, uint32_t id, json_t *doc,
                 int code)
{
	push(s, (struct pending_event){.at_ns = s->now_ns + delay_ns,
	                               .source = FROM_MACHINE,
	                               .type = type,
	                               .id = id,
	                               .doc = doc,
	                               .failed = code != 0,
	                               .code = code});
}

static void post_source(struct sim *s, uint64_t at_ns, enum source source, uint32_t id)
{
	push(s, (struct pending_event){.at_ns = at_ns, .source = source, .id = id});
}

static struct pending_event pop(struct sim *s)
{
	size_t first = 0;
	struct pending_event p;

	for (size_t i = 1; i < s->queue_n; i++)
		if (s->queue[i].at_ns < s->queue[first].at_ns ||
		    (s->queue[i].at_ns == s->queue[first].at_ns &&
		     s->queue[i].order < s->queue[first].order))
			first = i;
	p = s->queue[first];
	s->queue[first] = s->queue[--s->queue_n];
	return p;
}

static uint64_t delay(struct sim *s, uint64_t most_ms)
{
	return sim_below(s, most_ms * NS_PER_MS) + 1000;
}

void sim_boundary(struct sim *s)
{
	if (s->boundaries_left < 0 || !s->death || s->boundaries_left-- > 0)
		return;
	s->boundaries_left = -1;
	longjmp(*s->death, 1);
}

/* Death of the keeper */

static json_t *residue_doc(size_t n)
{
	return json_pack("{s: I, s: []}", "residue", (json_int_t)n, "steps");
}

/* The runner sees that the keeper is gone: it runs undo, then says so. */
static void keeper_lost(struct sim *s)
{
	size_t residue;

	s->keeper_alive = false;
	s->orders_n = 0;
	if (!s->runner_alive || s->runner_hangs)
		return;
	residue = s->machine->undo(s);
	s->residue_said += residue;
	post(s, 0, EV_KEEPER_LOST, 0, NULL, -EPIPE);
	for (uint32_t a = 0; a < s->x.attacks_n; a++)
		if (s->is_put[a] && sim_chance(s, 80))
			post(s, 0, EV_PLAN_OUT, a, residue_doc(0), 0);
	memset(s->is_put, 0, sizeof(s->is_put));
	post(s, delay(s, 3), EV_UNDONE, 0, residue_doc(residue), 0);
}

/* The keeper's own work */

static bool keeper_out(struct sim *s, uint32_t a)
{
	size_t residue;

	if (s->machine->take_out(s, a, &residue) == ORDER_DIED)
		return false;
	s->residue_said += residue;
	s->is_in[a] = s->is_put[a] = false;
	post(s, 0, EV_PLAN_OUT, a, residue_doc(residue), 0);
	return true;
}

static bool keeper_out_all(struct sim *s)
{
	for (uint32_t a = ATTACKS_MAX; a--;)
		if (s->is_in[a] && !keeper_out(s, a))
			return false;
	return true;
}

static bool follows(const struct sim *s, uint32_t a)
{
	return s->x.attacks[a]->selector.follow;
}

static bool keeper_put(struct sim *s, uint32_t a)
{
	struct err err = ERR_INIT;
	size_t before = s->residue_said;
	bool stale;

	switch (s->machine->put(s, a, &err)) {
	case ORDER_DONE:
		s->is_in[a] = true;
		post(s, 0, EV_PLAN_IN, a, NULL, 0);
		for (size_t t = 0; t < s->targets[a]; t++)
			if (sim_chance(s, follows(s, a) ? 40 : 15))
				post(s, delay(s, 3000), EV_TARGET_GONE, a,
				     json_pack("{s: s}", "target", "t"), 0);
		return true;
	case ORDER_FAILED:
		stale = follows(s, a) && sim_chance(s, 60);
		s->is_put[a] = s->is_in[a] = false;
		post(s, 0, EV_PLAN_IN, a, residue_doc(s->residue_said - before),
		     stale ? -ESTALE : err.code);
		return true;
	case ORDER_DIED:
		break;
	}
	return false;
}

static void keeper_work(struct sim *s)
{
	uint32_t a;
	bool lives = true;

	if (!s->keeper_alive || s->keeper_hangs || !s->orders_n)
		return;
	a = s->orders[0].attack;
	switch (s->orders[0].order) {
	case ORDER_PUT:
		lives = keeper_put(s, a);
		break;
	case ORDER_TAKE_OUT:
		lives = keeper_out(s, a);
		break;
	case ORDER_TAKE_ALL:
		lives = keeper_out_all(s);
		break;
	case ORDER_METER:
		if (sim_chance(s, s->lose))
			break;
		post(s, 0, EV_METER, a,
		     json_pack("{s: s, s: s, s: b}", "asked", "all", "achieved", "some",
		               "no-effect", (int)sim_chance(s, 10)),
		     sim_chance(s, s->fail) ? -EIO : 0);
		break;
	}
	if (!lives) {
		if (sim_trace)
			printf("             the keeper dies at work\n");
		keeper_lost(s);
		return;
	}
	memmove(&s->orders[0], &s->orders[1], --s->orders_n * sizeof(s->orders[0]));
	if (s->orders_n)
		post_source(s, s->now_ns + delay(s, 2), KEEPER_WORK, 0);
}

static void order(struct sim *s, enum keeper_order what, uint32_t a)
{
	if (!s->keeper_alive || s->orders_n == ARRAY_SIZE(s->orders))
		return;
	s->orders[s->orders_n].order = what;
	s->orders[s->orders_n++].attack = a;
	if (s->orders_n == 1)
		post_source(s, s->now_ns + delay(s, 2), KEEPER_WORK, 0);
	if (what == ORDER_TAKE_ALL || what == ORDER_TAKE_OUT)
		post_source(s, s->now_ns + NS_PER_S, KEEPER_WATCHDOG, 0);
}

/* The runner's commands */

/* What has come in the place of those gone; a runner that is mad now and then says too many. */
static void resolve_again(struct sim *s, uint32_t a)
{
	size_t away = s->targets[a] - s->live[a], n = sim_below(s, away + 1);
	json_t *names = json_array();

	n += sim_chance(s, 3) ? 1 + sim_below(s, 2) : 0;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(names, json_string("t"));
	if (sim_chance(s, s->lose))
		json_decref(names);
	else
		post(s, delay(s, sim_chance(s, 30) ? 4000 : 400), EV_RESOLVED, a,
		     json_pack("{s: o}", "came", names), sim_chance(s, s->fail) ? -ENOENT : 0);
}

static void resolve(struct sim *s, uint32_t a)
{
	size_t n = 1 + sim_below(s, 3);
	json_t *names = json_array();

	if (sim_chance(s, s->lose)) {
		json_decref(names);
		return;
	}
	if (sim_chance(s, s->fail)) {
		json_decref(names);
		post(s, delay(s, 5), EV_REFUSED, EXIT_CANNOT, NULL, -ENOENT);
		return;
	}
	for (size_t i = 0; i < n; i++)
		json_array_append_new(names, json_string("t"));
	s->targets[a] = s->live[a] = n;
	post(s, delay(s, 5), EV_RESOLVED, a,
	     json_pack("{s: o, s: I, s: I}", "targets", names, "matched",
	               (json_int_t)(n + sim_below(s, 3)), "asked", (json_int_t)n),
	     sim_chance(s, s->fail) ? -ENOENT : 0);
	for (size_t i = 0; i < n; i++)
		if (sim_chance(s, 2))
			post(s, delay(s, 100), EV_TARGET_GONE, a,
			     json_pack("{s: s}", "target", "t"), 0);
}

static void arm(struct sim *s, uint64_t deadline_ns)
{
	s->deadline_ns = deadline_ns;
	s->keeper_started = s->keeper_alive = true;
	post_source(s, deadline_ns, KEEPER_DEADLINE, 0);
	if (sim_chance(s, 8))
		post_source(s, s->now_ns + delay(s, 6000), KEEPER_DIES, 0);
	if (sim_chance(s, s->lose))
		return;
	if (sim_chance(s, s->fail))
		post(s, delay(s, 5), EV_REFUSED, EXIT_REFUSED, NULL, -EBUSY);
	else
		post(s, delay(s, 5), EV_ARMED, 0, NULL, 0);
}

static void look(struct sim *s, uint32_t id, uint64_t due_ns)
{
	bool hurt = false, ok;
	uint64_t late = sim_chance(s, 5) ? delay(s, 4000) : delay(s, 300);

	for (uint32_t a = 0; a < ATTACKS_MAX; a++)
		hurt |= s->is_in[a];
	ok = s->healthy && !(hurt && sim_chance(s, s->hurt));
	if (look_kind_of(id) == LOOK_ABORT)
		ok = (hurt || !s->healthy) && sim_chance(s, s->hurt / 4);
	if (sim_chance(s, s->lose))
		return;
	if (sim_chance(s, s->fail))
		post(s, late, EV_LOOK, id,
		     json_pack("{s: I, s: s}", "due", (json_int_t)due_ns, "error", "refused"), 0);
	else
		post(s, late, EV_LOOK, id,
		     json_pack("{s: I, s: {s: b, s: f}}", "due", (json_int_t)due_ns, "doc", "ok",
		               (int)ok, "seconds", (double)late / 1e9),
		     0);
}

static void timer(struct sim *s, uint32_t id, uint64_t at_ns)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(s->timer_ids) && s->timers[i] && s->timer_ids[i] != id)
		i++;
	if (i == ARRAY_SIZE(s->timer_ids))
		return;
	s->timer_ids[i] = id;
	s->timers[i] = at_ns;
	post_source(s, (at_ns > s->now_ns ? at_ns : s->now_ns) + sim_below(s, 2 * NS_PER_MS),
	            FROM_TIMER, id);
}

static void cancel(struct sim *s, uint32_t id)
{
	for (size_t i = 0; i < s->queue_n;) {
		struct pending_event *p = &s->queue[i];

		if (p->source == FROM_MACHINE &&
		    ((p->type == EV_LOOK && (id == UINT32_MAX || p->id == id)) ||
		     (p->type == EV_DEED && id == UINT32_MAX))) {
			json_decref(p->doc);
			*p = s->queue[--s->queue_n];
		} else {
			i++;
		}
	}
}

static void obey(struct sim *s, const struct command *c)
{
	switch (c->type) {
	case DO_RESOLVE:
		if (s->targets[c->id])
			resolve_again(s, c->id);
		else
			resolve(s, c->id);
		break;
	case DO_ARM:
		arm(s, c->at_ns);
		break;
	case DO_LOOK:
		look(s, c->id, c->at_ns);
		break;
	case DO_DEED:
		if (!sim_chance(s, s->lose))
			post(s, delay(s, 4000), EV_DEED, c->id, json_pack("{s: i}", "status", 0),
			     sim_chance(s, s->fail) ? -EIO : 0);
		break;
	case DO_PUT:
		s->generation[c->id] += s->coming[c->id] > 0;
		s->live[c->id] += s->coming[c->id];
		s->coming[c->id] = 0;
		if (s->live[c->id] > s->targets[c->id])
			sim_violate(s, INV_CEILING, "%zu targets of attack %u, picked were %zu",
			            s->live[c->id], c->id, s->targets[c->id]);
		s->is_put[c->id] = true;
		order(s, ORDER_PUT, c->id);
		break;
	case DO_TAKE_OUT:
		order(s, ORDER_TAKE_OUT, c->id);
		break;
	case DO_TAKE_ALL:
		order(s, ORDER_TAKE_ALL, 0);
		/* Those in a hurry press twice. */
		if (sim_chance(s, 10))
			post(s, delay(s, 2), EV_SIGNAL, SIGINT, NULL, 0);
		if (sim_chance(s, 5))
			post(s, delay(s, 2), EV_HALT, 0, NULL, 0);
		break;
	case DO_METER:
		order(s, ORDER_METER, c->id);
		break;
	case DO_TIMER:
		timer(s, c->id, c->at_ns);
		break;
	case DO_CANCEL:
		cancel(s, c->id);
		break;
	case DO_TELL:
		json_decref(c->entry);
		break;
	case DO_FINISH:
		s->finished = true;
		s->finish = c->finish;
		break;
	}
}

static void trace(const struct sim *s, enum phase before, const struct event *ev)
{
	char *doc = ev->doc ? json_dumps(ev->doc, JSON_COMPACT) : NULL;

	printf("%10.4f %s: %s %u %s%s\n", (double)(s->now_ns - 1000 * NS_PER_S) / 1e9,
	       phase_name(before), event_name(ev->type), ev->id, doc ? doc : "",
	       ev->err ? " failed" : "");
	free(doc);
	for (size_t i = 0; i < s->commands.n; i++) {
		const struct command *c = &s->commands.v[i];

		doc = c->type == DO_TELL ? json_dumps(c->entry, JSON_COMPACT) : NULL;
		printf("             %s %u %s\n", command_name(c->type), c->id, doc ? doc : "");
		free(doc);
	}
}

static void feed(struct sim *s, enum event_type type, uint32_t id, json_t *doc, int code)
{
	struct err err = {.code = code, .what = "it failed"};
	struct event ev = {
	        .now_ns = s->now_ns, .type = type, .id = id, .doc = doc, .err = code ? &err : NULL};
	enum phase before = experiment_engine.phase(s->engine);

	s->commands.n = 0;
	experiment_engine.feed(s->engine, &ev, &s->commands);
	s->fed_ns = s->now_ns;
	if (sim_trace)
		trace(s, before, &ev);
	check_event(s, before, &ev);
	for (size_t i = 0; i < s->commands.n; i++)
		obey(s, &s->commands.v[i]);
	json_decref(doc);
}

/* What can never come now, fed all the same: it must change nothing. */
static void feed_impossible(struct sim *s)
{
	enum phase phase = experiment_engine.phase(s->engine);
	enum event_type type = (enum event_type)sim_below(s, EV_TYPES);
	uint32_t id = (uint32_t)sim_below(s, 5);
	json_t *doc;

	/* At the very time of the event before it, so that the passing of time does nothing. */
	if (!sim_impossible(phase, type) || (s->fed_ns && s->fed_ns != s->now_ns))
		return;
	doc = type == EV_LOOK
	              ? json_pack("{s: I, s: {s: b}}", "due", (json_int_t)s->now_ns, "doc", "ok", 0)
	              : json_pack("{s: [s], s: I, s: b}", "targets", "t", "residue",
	                          (json_int_t)sim_below(s, 2), "no-effect", 0);
	feed(s, type, id, doc, sim_chance(s, 20) ? -EIO : 0);
}

static void time_goes_on(struct sim *s, const struct pending_event *p)
{
	if (p->at_ns > s->now_ns)
		s->now_ns = p->at_ns;
}

static void happen(struct sim *s, struct pending_event *p)
{
	switch (p->source) {
	case FROM_MACHINE:
		if (s->runner_alive && !s->runner_hangs && !s->finished)
			feed(s, p->type, p->id, json_incref(p->doc), p->code);
		break;
	case FROM_TIMER:
		if (s->runner_alive && !s->runner_hangs && !s->finished)
			feed(s, EV_TIMER, p->id, NULL, 0);
		break;
	case KEEPER_WORK:
		keeper_work(s);
		break;
	case KEEPER_DEADLINE:
		if (!MUTATED_KEEPER_DEADLINE && s->keeper_alive && !s->keeper_hangs &&
		    !keeper_out_all(s))
			keeper_lost(s);
		break;
	case KEEPER_WATCHDOG:
		if (s->runner_alive && !s->runner_hangs && s->keeper_alive && s->keeper_hangs)
			keeper_lost(s);
		break;
	case KEEPER_DIES:
		if (s->keeper_alive)
			keeper_lost(s);
		break;
	case CLOCK_JUMPS:
		s->now_ns += delay(s, 60000);
		s->jumped_ns = s->now_ns;
		break;
	case RUNNER_HANGS:
		/* Stopped: nobody but the keeper minds the deadline. Then somebody ends it. */
		s->runner_hangs = true;
		post_source(s, s->now_ns + NS_PER_S * 30, RUNNER_DIES, 0);
		break;
	case RUNNER_DIES:
		s->runner_alive = false;
		if (s->keeper_alive && !s->keeper_hangs && !keeper_out_all(s))
			s->keeper_alive = false;
		break;
	}
	json_decref(p->doc);
}

static void plan_troubles(struct sim *s)
{
	s->boundaries_left = sim_chance(s, 15) ? (long)sim_below(s, 40) : -1;
	if (sim_chance(s, 10))
		post(s, delay(s, 6000), EV_SIGNAL, SIGINT, NULL, 0);
	if (sim_chance(s, 4))
		post(s, delay(s, 6000), EV_SIGNAL, SIGTERM, NULL, 0);
	if (sim_chance(s, 5))
		post(s, delay(s, 40), EV_SIGNAL, SIGHUP, NULL, 0);
	if (sim_chance(s, 5))
		post(s, delay(s, 6000), EV_HALT, 0, json_pack("{s: s}", "reason", "drill"), 0);
	if (sim_chance(s, 3))
		post(s, delay(s, 40), EV_HALT, 0, NULL, 0);
	if (sim_chance(s, 5))
		post_source(s, s->now_ns + delay(s, 8000), CLOCK_JUMPS, 0);
	if (sim_chance(s, 6))
		post_source(s, s->now_ns + delay(s, 6000), RUNNER_DIES, 0);
	if (sim_chance(s, 4))
		post_source(s, s->now_ns + delay(s, 6000), RUNNER_HANGS, 0);
	s->keeper_hangs = sim_chance(s, 8);
}

void sim_run(struct sim *s)
{
	struct err err = ERR_INIT;
	bool meddle = sim_chance(s, 50);
	size_t events = 0;

	s->now_ns = 1000 * NS_PER_S;
	s->runner_alive = true;
	s->machine->begin(s);
	s->engine = experiment_engine.new_(&s->x, s->seed, &err);
	if (!s->engine) {
		sim_violate(s, INV_ENDS, "no engine: %s", err.what);
		return;
	}
	if (meddle)
		feed_impossible(s);
	feed(s, EV_START, 0, NULL, 0);
	plan_troubles(s);
	while (s->runner_alive && !s->finished && !s->violated) {
		struct pending_event p;

		if (!s->queue_n || ++events > EVENTS_MAX) {
			sim_violate(s, INV_ENDS, "%s in phase %s",
			            s->queue_n ? "too many events" : "nothing left to wait for",
			            phase_name(experiment_engine.phase(s->engine)));
			break;
		}
		p = pop(s);
		time_goes_on(s, &p);
		happen(s, &p);
		check_machine(s);
		if (meddle && s->runner_alive && !s->finished && sim_chance(s, 10))
			feed_impossible(s);
	}
	check_end(s);
	for (size_t i = 0; i < s->queue_n; i++)
		json_decref(s->queue[i].doc);
	experiment_engine.free_(s->engine);
	s->machine->end(s);
}
