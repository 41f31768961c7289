/*
 * keeper-meter.h - what the objects of the keeper's plans have counted: read, kept when they are
 * gone, handed on when a slot gets another object or another attack. The keeper's own
 * (undo/keeper.h).
 */
#ifndef SQUALL_UNDO_KEEPER_METER_H
#define SQUALL_UNDO_KEEPER_METER_H

#include "undo/keeper.h"

/* What cannot be read any more counts as it was read last. */
void meter_read(struct keeper *, size_t i);
/* The same; but what is out has counted. */
void meter_slot(struct keeper *, size_t i);
/* Another object has come in the place of this one. */
void meter_drop_levels(struct keeper *, size_t i);
/* Another object, or another attack, takes the slot. */
void meter_carry(struct keeper *, size_t i);

#endif
