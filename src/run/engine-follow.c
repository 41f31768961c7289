/*
 * Targets that go and come again: an attack that follows is resolved once more, and put once more
 * with what has come, never on more targets than it began with.
 */
#include <errno.h>
#include <string.h>

#include "run/engine-state.h"

bool attack_is_stale(const struct err *err)
{
	return err->code == -ESTALE || err->code == -ESRCH;
}

void follow_init(struct engine_attack *a, const struct method *m)
{
	a->follow = m->selector.follow;
	a->follow_wait_ns = FOLLOW_LEAST_NS;
}

/* The next try, after the pause that is due. */
static void try_later(struct experiment_state *e, struct engine_attack *a)
{
	a->resolving = a->again = false;
	a->follow_ns = e->now_ns + a->follow_wait_ns;
}

void follow_gone(struct experiment_state *e, struct engine_attack *a)
{
	if (!a->follow)
		return;
	if (!a->lost_ns)
		a->lost_ns = e->now_ns;
	if (!a->nobody_ns && (a->gone >= a->targets || a->refit))
		a->nobody_ns = e->now_ns;
	/* What has held for a while may be followed at once; a crash loop may not. */
	if (!a->followed_ns || e->now_ns - a->followed_ns > FOLLOW_CALM_NS)
		a->follow_wait_ns = FOLLOW_LEAST_NS;
}

void follow_missed(struct experiment_state *e, struct engine_attack *a)
{
	a->refit = true;
	follow_gone(e, a);
	try_later(e, a);
}

void follow_sum(const struct experiment_state *e, struct engine_attack *a)
{
	if (a->nobody_ns)
		a->away_ns += e->now_ns - a->nobody_ns;
	a->nobody_ns = 0;
}

bool follow_is_out(const struct engine_attack *a)
{
	return a->refit && !a->again &&
	       (a->state == ATTACK_IN || a->state == ATTACK_AGAIN || a->state == ATTACK_METERING);
}

static void resolve_again(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];

	a->resolving = true;
	a->follow_ns = e->now_ns + RESOLVE_AGAIN_LIMIT_NS;
	engine_do(e, DO_RESOLVE, i, 0);
}

static void follow_step(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];
	bool wanted = a->follow && (a->state == ATTACK_IN || a->state == ATTACK_SEEKING) &&
	              (a->gone || a->refit || a->again);

	if (!wanted) {
		a->follow_ns = 0;
		return;
	}
	if (!a->follow_ns)
		a->follow_ns = e->now_ns + a->follow_wait_ns;
	if (a->follow_ns <= e->now_ns && a->again) {
		engine_end(e, ENDED_FAILED, a->m->id,
		           "the keeper did not say that it is in effect");
		return;
	}
	if (a->follow_ns <= e->now_ns && a->resolving)
		try_later(e, a); /* no answer in time */
	if (a->follow_ns <= e->now_ns && engine_has_room(e))
		resolve_again(e, i);
	if (e->timer_follow_ns[i] != a->follow_ns)
		engine_timer(e, TIMER_FOLLOW, i, a->follow_ns);
}

void attacks_follow(struct experiment_state *e)
{
	for (uint32_t i = 0; i < e->x->attacks_n && e->phase == PHASE_ATTACK; i++)
		follow_step(e, i);
}

static void come_note(struct engine_attack *a, const json_t *came)
{
	struct buf names;
	const json_t *name;
	size_t i;

	buf_init(&names, a->came, sizeof(a->came));
	json_array_foreach (came, i, name)
		buf_addf(&names, "%s%s", i ? ", " : "", json_string_value(name));
}

/* Twice as long the next time: up to the pause between two looks for what is away, or that between
 * two generations. */
static void wait_longer(struct engine_attack *a, bool came)
{
	uint64_t most = came ? FOLLOW_MOST_NS : FOLLOW_LOOK_NS;

	if (a->follow_wait_ns * 2 <= most)
		a->follow_wait_ns *= 2;
	else if (a->follow_wait_ns < most)
		a->follow_wait_ns = most;
}

/* Nobody is there: that is waited out. Any other reason is said, once while it stays the same. */
static void trouble_tell(struct experiment_state *e, struct engine_attack *a, const struct err *err)
{
	json_t *entry;
	BUF(text, sizeof(a->trouble) + 200);

	if (!err || err->code == -ENOENT) {
		a->trouble[0] = '\0';
		return;
	}
	if (strcmp(a->trouble, err->what) == 0)
		return;
	(void)text_copy(a->trouble, sizeof(a->trouble), err->what);
	buf_addf(&text, "\"%s\" cannot follow: %s", a->m->id, err->what);
	entry = engine_entry(e, "note");
	entry_text(entry, "text", text.data);
	engine_tell(e, entry);
}

void attack_followed(struct experiment_state *e, const struct event *ev)
{
	struct engine_attack *a = &e->attacks[ev->id];
	const json_t *came = json_object_get(ev->doc, "came");
	size_t n = ev->err ? 0 : json_array_size(came);

	if (!a->resolving || (a->state != ATTACK_IN && a->state != ATTACK_SEEKING))
		return;
	try_later(e, a);
	trouble_tell(e, a, ev->err);
	if (n > a->gone) {
		engine_end(e, ENDED_FAILED, a->m->id, "more targets came than went away");
		return;
	}
	a->gone -= n;
	wait_longer(a, n > 0);
	if ((!n && !a->refit) || a->gone == a->targets)
		return;
	if (n)
		come_note(a, came);
	a->followed_ns = e->now_ns;
	if (a->state == ATTACK_SEEKING) {
		a->refit = false;
		attack_put_order(e, ev->id);
		return;
	}
	a->again = true;
	a->follow_ns = e->now_ns + PUT_LIMIT_NS;
	engine_do(e, DO_PUT, ev->id, 0);
}

void follow_tell(struct experiment_state *e, uint32_t i)
{
	struct engine_attack *a = &e->attacks[i];
	json_t *entry = engine_entry(e, "target-followed");
	uint64_t away = a->lost_ns ? e->now_ns - a->lost_ns : 0;

	json_object_set_new(entry, "attack", json_string(a->m->id));
	entry_text(entry, "target", a->came);
	json_object_set_new(entry, "times", json_integer((json_int_t)++a->generations));
	json_object_set_new(entry, "after", json_real((double)away / 1e9));
	engine_tell(e, entry);
	follow_sum(e, a);
	a->again = a->refit = false;
	a->came[0] = '\0';
	a->lost_ns = a->gone ? a->lost_ns : 0;
	a->follow_ns = 0;
}
