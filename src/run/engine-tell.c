/*
 * What the engine orders and tells.
 */
#include <string.h>

#include "run/engine-state.h"

/* Entries may be left out when a turn is full; orders may not, so there is room kept for them. */
enum { COMMANDS_FOR_ENTRIES = COMMANDS_MAX - COMMANDS_SPARE / 2 };

void engine_do(struct experiment_state *e, enum command_type type, uint32_t id, uint64_t at_ns)
{
	struct commands *out = e->out;

	if (out->n < COMMANDS_MAX)
		out->v[out->n++] = (struct command){.type = type, .id = id, .at_ns = at_ns};
}

void engine_do_first(struct experiment_state *e, enum command_type type)
{
	struct commands *out = e->out;

	if (out->n == COMMANDS_MAX)
		json_decref(out->v[--out->n].entry);
	memmove(&out->v[1], &out->v[0], out->n * sizeof(out->v[0]));
	out->v[0] = (struct command){.type = type};
	out->n++;
}

bool engine_has_room(const struct experiment_state *e)
{
	return e->out->n + COMMANDS_SPARE < COMMANDS_MAX;
}

uint64_t engine_t(const struct experiment_state *e, uint64_t ns)
{
	return ns > e->start_ns ? ns - e->start_ns : 0;
}

json_t *engine_entry(const struct experiment_state *e, const char *type)
{
	return rundoc_entry(engine_t(e, e->now_ns), type);
}

void engine_tell(struct experiment_state *e, json_t *entry)
{
	struct commands *out = e->out;

	if (!entry || out->n >= COMMANDS_FOR_ENTRIES) {
		json_decref(entry);
		return;
	}
	out->v[out->n++] = (struct command){.type = DO_TELL, .entry = entry};
}

void engine_phase(struct experiment_state *e, enum phase phase, uint64_t until_ns)
{
	json_t *entry = engine_entry(e, "phase");

	json_object_set_new(entry, "phase", json_string(phase_name(phase)));
	json_object_set_new(entry, "was", json_string(phase_name(e->phase)));
	if (until_ns)
		json_object_set_new(entry, "until",
		                    json_integer((json_int_t)engine_t(e, until_ns)));
	e->phase = phase;
	e->phase_ns = e->now_ns;
	e->timer_phase_ns = 0;
	engine_tell(e, entry);
}

void engine_timer(struct experiment_state *e, enum timer_kind kind, uint32_t number, uint64_t at_ns)
{
	uint64_t *slot = NULL;

	switch (kind) {
	case TIMER_LOOKS:
		slot = &e->timer_looks_ns;
		break;
	case TIMER_PHASE:
		slot = &e->timer_phase_ns;
		break;
	case TIMER_DEADLINE:
		slot = &e->timer_deadline_ns;
		break;
	case TIMER_METER:
		slot = &e->timer_meter_ns;
		break;
	case TIMER_TURN:
		slot = &e->timer_turn_ns;
		break;
	case TIMER_ATTACK:
		slot = &e->timer_attack_ns[number];
		break;
	case TIMER_FOLLOW:
		slot = &e->timer_follow_ns[number];
		break;
	case TIMER_WAIT:
		slot = &e->waits[number]->timer_ns;
		break;
	}
	if (!slot || *slot == at_ns)
		return;
	*slot = at_ns;
	if (at_ns)
		engine_do(e, DO_TIMER, (uint32_t)kind << 24 | number, at_ns);
}

void entry_text(json_t *entry, const char *key, const char *text)
{
	if (text && text[0])
		json_object_set_new(entry, key, json_string(text));
}
