/* keeper-meter.c - what the objects of the keeper's plans have counted. */
#include "undo/keeper-meter.h"

#include <string.h>

static void counters_sum(struct counters *to, const struct counters *more)
{
	for (size_t i = 0; i < more->n; i++)
		counters_add(to, more->v[i].name, more->v[i].value);
}

void meter_read(struct keeper *k, size_t i)
{
	const struct step_type *type = k->work[i].type;
	struct counters now = {.n = 0};

	if (type->meter && k->work[i].open &&
	    type->meter(&k->work[i].hold, k->slots[i].object, &now, NULL) == 0)
		k->work[i].last = now;
}

void meter_slot(struct keeper *k, size_t i)
{
	enum slot_phase phase = (enum slot_phase)k->slots[i].phase;

	if (phase != SLOT_BACK && phase != SLOT_GONE && phase != SLOT_RESIDUE)
		meter_read(k, i);
}

void meter_drop_levels(struct keeper *k, size_t i)
{
	struct counters *last = &k->work[i].last;

	k->work[i].unread = false;
	for (const char *const *l = k->work[i].type->levels; l && *l; l++)
		for (size_t j = 0; j < last->n; j++)
			if (strcmp(last->v[j].name, *l) == 0)
				last->v[j].value = 0;
}

void meter_carry(struct keeper *k, size_t i)
{
	if (k->slots[i].plan < KEEPER_PLANS)
		counters_sum(&k->carried[k->slots[i].plan], &k->work[i].last);
	k->work[i].last = (struct counters){.n = 0};
}

void keeper_meter(struct keeper *k, uint32_t plan, struct counters *c)
{
	if (plan < KEEPER_PLANS)
		counters_sum(c, &k->carried[plan]);
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		if (!k->work[i].type || k->slots[i].plan != plan)
			continue;
		meter_slot(k, i);
		counters_sum(c, &k->work[i].last);
	}
}

bool keeper_meter_left(struct keeper *k, uint32_t plan, struct counters *c)
{
	bool left = false;

	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		if (!k->work[i].type || k->slots[i].plan != plan || k->work[i].hold.page < 0)
			continue;
		if (k->work[i].unread && k->slots[i].phase == SLOT_BACK)
			meter_read(k, i);
		k->work[i].unread = false;
		left = true;
	}
	if (left)
		keeper_meter(k, plan, c);
	return left;
}
