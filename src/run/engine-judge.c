/*
 * What the looks mean to the engine: abort conditions, the baseline, recovery, the end.
 */
#include <errno.h>

#include "run/engine-state.h"

static struct engine_probe *probe_find_id(const struct experiment_state *e, uint32_t id)
{
	for (size_t i = 0; i < e->probes_n; i++)
		if (e->probes[i].id == id)
			return &e->probes[i];
	return NULL;
}

/* Conditions */

static bool condition_crossed(const struct experiment_state *e, size_t i, struct buf *why)
{
	const struct abort_condition *c = &e->x->aborts[i];

	if (c->type == ABORT_MISSES && c->steady < e->steady_n) {
		const struct engine_probe *p = &e->probes[c->steady];
		struct window_share w =
		        window_share(&p->looks, p->every_ns, c->over_ns, e->phase_ns);

		if (!window_crossed(w, c->misses_ppm))
			return false;
		buf_addf(why, "%zu of %zu looks missed", w.misses, w.looks);
		return true;
	}
	if (c->type == ABORT_PROBE) {
		const struct engine_probe *p = probe_find_id(e, look_id(LOOK_ABORT, i));

		if (!p || !looks_hold(&p->looks, c->for_ns, e->phase_ns))
			return false;
		if (p->errors)
			buf_addf(why, "%zu of its looks failed", p->errors);
		return true;
	}
	return false;
}

/* The misses are too many for all the looks that can still come. */
static bool is_certain(const struct experiment_state *e, size_t i)
{
	const struct steady *s = &e->x->steady[i];
	const struct engine_probe *p = &e->probes[i];
	uint64_t left_ns = method_left_ns(e), looks;

	if (s->on_miss != ON_MISS_STOP || !p->during_misses)
		return false;
	if (left_ns == UINT64_MAX)
		left_ns = e->timer_deadline_ns > e->now_ns ? e->timer_deadline_ns - e->now_ns : 0;
	looks = p->during_looks + p->looks.pending + left_ns / p->every_ns + 1;
	return tolerance_exceeded(looks, p->during_misses, s->tolerate_ppm);
}

void conditions_check(struct experiment_state *e)
{
	BUF(why, 256);

	if (e->phase != PHASE_ATTACK)
		return;
	for (size_t i = 0; i < e->x->aborts_n; i++) {
		const char *says = e->x->aborts[i].says ? e->x->aborts[i].says : "";

		buf_reset(&why);
		if (!condition_crossed(e, i, &why))
			continue;
		e->abort_inconclusive = e->x->aborts[i].inconclusive;
		e->abort_condition = i;
		engine_end(e, ENDED_CONDITION, says, why.data);
		return;
	}
	for (size_t i = 0; i < e->steady_n; i++) {
		if (!is_certain(e, i))
			continue;
		buf_addf(&why, "%llu looks missed already",
		         (unsigned long long)e->probes[i].during_misses);
		engine_end(e, ENDED_ON_MISS, e->probes[i].name, why.data);
		return;
	}
}

/* Baseline */

static bool probe_failed_before(const struct experiment_state *e, const struct engine_probe *p)
{
	uint64_t looks = p->before_looks + p->looks.pending, left = 0;
	uint64_t end = e->phase_ns + e->x->baseline_ns;

	switch (look_kind_of(p->id)) {
	case LOOK_CONTROL:
		return false;
	case LOOK_ABORT:
		return looks_hold(&p->looks, e->x->aborts[look_index(p->id)].for_ns, e->phase_ns) ||
		       (p->once && p->before_misses);
	case LOOK_STEADY:
		break;
	}
	if (!p->once && end > e->now_ns)
		left = (end - e->now_ns) / p->every_ns + 1;
	return tolerance_exceeded(looks + left, p->before_misses,
	                          e->x->steady[look_index(p->id)].tolerate_ppm);
}

bool baseline_failed(const struct experiment_state *e)
{
	for (size_t i = 0; i < e->probes_n; i++)
		if (probe_failed_before(e, &e->probes[i]))
			return true;
	return false;
}

bool baseline_holds(const struct experiment_state *e, struct buf *why)
{
	for (size_t i = 0; i < e->probes_n; i++) {
		const struct engine_probe *p = &e->probes[i];

		if (look_kind_of(p->id) == LOOK_CONTROL)
			continue;
		if (probe_failed_before(e, p)) {
			buf_addf(why, "\"%s\": %s", p->name,
			         p->before_why[0] ? p->before_why : "missed");
			return false;
		}
		if (!p->before_looks || (p->once && p->looks.pending)) {
			buf_addf(why, "\"%s\" gave no answer", p->name);
			return false;
		}
	}
	return true;
}

/* Recovery */

/* A probe that never missed is taken at its first word; one that did must show it some times. */
static size_t looks_needed(const struct engine_probe *p)
{
	return p->once || (!p->during_misses && !p->first_after_missed) ? 1 : STEADY_AGAIN_LOOKS;
}

void recovery_note(struct experiment_state *e, struct engine_probe *p, uint64_t due_ns, bool hit)
{
	if (!e->gone_ns || due_ns < e->gone_ns)
		return;
	if (!hit)
		p->steady = false;
	else if (!p->steady)
		p->steady = looks_steady(&p->looks, e->gone_ns, looks_needed(p), &p->steady_ns);
}

/* Looks of the attack that could still change what is said of a probe. */
static bool is_open(const struct experiment_state *e, size_t i)
{
	const struct engine_probe *p = &e->probes[i];
	uint64_t ppm = e->x->steady[i].tolerate_ppm;
	uint64_t pending = looks_pending(&p->looks, e->in_ns, e->gone_ns);
	uint64_t looks = p->during_looks + pending;

	return pending && !tolerance_exceeded(looks, p->during_misses, ppm) &&
	       tolerance_exceeded(looks, p->during_misses + pending, ppm);
}

bool recovery_reached(const struct experiment_state *e)
{
	for (size_t i = 0; i < e->steady_n; i++)
		if (!e->probes[i].steady || is_open(e, i))
			return false;
	return true;
}

static double seconds_since_gone(const struct experiment_state *e, const struct engine_probe *p)
{
	return p->steady_ns > e->gone_ns ? (double)(p->steady_ns - e->gone_ns) / 1e9 : 0;
}

static void recovery_fill(const struct experiment_state *e, struct facts *f)
{
	if (!e->in_ns || !e->steady_n)
		return;
	f->recovery = RECOVERED;
	for (size_t i = 0; i < e->steady_n; i++) {
		const struct engine_probe *p = &e->probes[i];
		double seconds = seconds_since_gone(e, p);

		if (!p->steady)
			f->recovery = e->recovery_cut ? RECOVERY_UNKNOWN : NOT_RECOVERED;
		else if (seconds > f->recovery_seconds)
			f->recovery_seconds = seconds;
	}
	if (f->recovery == RECOVERED && f->recovery_seconds > f->recovery_within)
		f->recovery = NOT_RECOVERED;
}

static void recovery_tell(struct experiment_state *e, const struct facts *f)
{
	json_t *entry = engine_entry(e, "recovery"), *probes = json_array();

	json_object_set_new(entry, "outcome", json_string(recovery_name(f->recovery)));
	if (f->recovery == RECOVERED)
		json_object_set_new(entry, "seconds", json_real(f->recovery_seconds));
	json_object_set_new(entry, "within", json_real(f->recovery_within));
	for (size_t i = 0; i < e->steady_n; i++) {
		const struct engine_probe *p = &e->probes[i];
		json_t *one = json_pack("{s: s}", "id", p->name);

		if (p->steady)
			json_object_set_new(one, "seconds", json_real(seconds_since_gone(e, p)));
		json_array_append_new(probes, one);
	}
	json_object_set_new(entry, "probes", probes);
	engine_tell(e, entry);
}

/* The end */

static void steady_facts_fill(const struct experiment_state *e, size_t i, struct steady_facts *s)
{
	const struct engine_probe *p = &e->probes[i];
	const struct engine_probe *control = probe_find_id(e, look_id(LOOK_CONTROL, i));
	/* What was never answered, of the looks that were due while the attack was in; not what the
	 * run did not wait for because the answers could change nothing any more. */
	uint64_t end = e->gone_ns ? e->gone_ns : UINT64_MAX;
	uint64_t pending = is_open(e, i) ? looks_pending(&p->looks, e->in_ns, end) : 0;

	*s = (struct steady_facts){
	        .id = p->name,
	        .looks = p->during_looks + pending,
	        .misses = p->during_misses + pending,
	        .tolerate_ppm = e->x->steady[i].tolerate_ppm,
	        .unsent = p->unsent,
	        .skipped = p->skipped,
	        .why = p->why[0] ? p->why
	               : pending ? "no answer"
	                         : "",
	};
	if (!s->looks && p->after_looks) {
		/* An attack too short to be looked at is judged by the first look after it. */
		s->looks = 1;
		s->misses = p->first_after_missed;
	}
	if (control) {
		s->control_looks = control->during_looks;
		s->control_misses = control->during_misses;
	}
	s->recovered = p->steady;
	s->recovery_seconds = seconds_since_gone(e, p);
}

/* What was due during the attack and is not waited for: the record counts it as the verdict does.
 */
static void unanswered_tell(struct experiment_state *e, const struct engine_probe *p)
{
	uint64_t n = looks_pending(&p->looks, e->in_ns, e->gone_ns ? e->gone_ns : UINT64_MAX);
	json_t *entry;

	if (!n || !e->in_ns)
		return;
	entry = engine_entry(e, "unanswered");
	json_object_set_new(entry, "probe", json_string(p->name));
	json_object_set_new(entry, "looks", json_integer((json_int_t)n));
	engine_tell(e, entry);
}

static void attack_facts_fill(const struct experiment_state *e, const struct engine_attack *a,
                              struct attack_facts *f)
{
	/* What an end of the run took out early may not have had the time to show. */
	bool hurried = a->cut_short && (e->ended != ENDED_ITSELF || e->refused);

	*f = (struct attack_facts){
	        .id = a->m->id,
	        .fault = a->m->call.name,
	        .was_in = a->in_ns != 0,
	        .failed = a->failed,
	        .no_effect = a->dose_known && a->no_effect && !hurried,
	        .dose_known = a->dose_known,
	        .short_ = a->targets < a->asked,
	        .cut_short = a->cut_short,
	        .asked = a->dose_asked,
	        .achieved = a->achieved,
	        .why = a->dose_why,
	        .failure = a->failure,
	        .targets = a->targets,
	        .asked_targets = a->asked,
	        .gone = a->gone,
	        .followed = a->generations,
	        .gone_expected = a->instant,
	        .residue = a->residue,
	};
}

static enum outcome outcome_of(const struct experiment_state *e)
{
	static const enum outcome by[] = {
	        [ENDED_ITSELF] = OUTCOME_COMPLETED, [ENDED_CONDITION] = OUTCOME_ABORTED,
	        [ENDED_ON_MISS] = OUTCOME_ABORTED,  [ENDED_SIGNAL] = OUTCOME_ABORTED,
	        [ENDED_HALT] = OUTCOME_ABORTED,     [ENDED_DEADLINE] = OUTCOME_EXPIRED,
	        [ENDED_LOST] = OUTCOME_ERRORED,     [ENDED_FAILED] = OUTCOME_ERRORED,
	};

	return e->refused ? OUTCOME_REFUSED : by[e->ended];
}

static void cleanup_count(const struct experiment_state *e, struct facts *f)
{
	bool unknown = e->out_unknown || (e->keeper_lost && e->any_put && !e->undone);

	for (size_t i = 0; i < e->x->attacks_n; i++) {
		f->residue += e->attacks[i].residue;
		unknown |= attack_is_live(&e->attacks[i]);
	}
	if (e->undo_residue > f->residue)
		f->residue = e->undo_residue;
	f->cleanup = f->residue ? CLEANUP_RESIDUE : unknown ? CLEANUP_UNKNOWN : CLEANUP_CLEAN;
}

static void verdict_tell(struct experiment_state *e, const struct judgement *j,
                         const struct finish *f)
{
	json_t *entry = engine_entry(e, "verdict");

	json_object_set_new(entry, "verdict", json_string(verdict_name(f->verdict)));
	json_object_set_new(entry, "outcome", json_string(outcome_name(f->outcome)));
	json_object_set_new(entry, "cleanup", json_string(cleanup_name(f->cleanup)));
	json_object_set_new(entry, "exit", json_integer(f->exit));
	json_object_set_new(entry, "because", json_string(j->because));
	json_object_set_new(entry, "steady", json_string(j->steady));
	json_object_set_new(entry, "monitors", json_string("none"));
	json_object_set_new(entry, "went-wrong", j->went_wrong);
	json_object_set_new(entry, "not-expected", j->not_expected);
	engine_tell(e, entry);
}

void engine_finish(struct experiment_state *e)
{
	const struct experiment *x = e->x;
	double within = (double)(x->recovery_ns ? x->recovery_ns : RECOVERY_DEFAULT_NS) / 1e9;
	struct steady_facts *steady = arena_alloc(&e->arena, (e->steady_n + 1) * sizeof(*steady));
	struct attack_facts *attacks =
	        arena_alloc(&e->arena, (x->attacks_n + 1) * sizeof(*attacks));
	struct facts f = {.steady = steady,
	                  .attacks = attacks,
	                  .success = x->success,
	                  .failure = x->failure,
	                  .harmed = e->in_ns != 0,
	                  .ended = e->ended,
	                  .ended_says = e->ended_says,
	                  .ended_why = e->ended_why,
	                  .abort_inconclusive = e->abort_inconclusive,
	                  .failed_actions = e->failed_actions,
	                  .failed_actions_n = e->failed_actions_n,
	                  .recovery_within = within};
	struct judgement j;
	struct command last = {.type = DO_FINISH};

	for (size_t i = 0; steady && i < e->steady_n; i++, f.steady_n++) {
		steady_facts_fill(e, i, &steady[i]);
		unanswered_tell(e, &e->probes[i]);
	}
	for (size_t i = 0; attacks && i < x->attacks_n; i++, f.attacks_n++)
		attack_facts_fill(e, &e->attacks[i], &attacks[i]);
	f.outcome = outcome_of(e);
	cleanup_count(e, &f);
	recovery_fill(e, &f);
	if (e->refused)
		f.ended = ENDED_FAILED;
	judge(&f, &j);
	last.finish =
	        (struct finish){.verdict = j.verdict, .outcome = f.outcome, .cleanup = f.cleanup};
	last.finish.exit = e->refused && f.cleanup == CLEANUP_CLEAN
	                           ? e->refused
	                           : rundoc_exit(j.verdict, f.outcome, f.cleanup,
	                                         j.nothing_achieved && f.harmed);
	if (f.harmed)
		recovery_tell(e, &f);
	probes_stop(e);
	engine_phase(e, PHASE_DONE, 0);
	verdict_tell(e, &j, &last.finish);
	if (e->out->n == COMMANDS_MAX)
		json_decref(e->out->v[--e->out->n].entry);
	e->out->v[e->out->n++] = last;
}
