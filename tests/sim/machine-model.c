/*
 * A machine of a few objects with a keeper and an undo log that are all in memory: fast, and small
 * enough to be right. What is written into the log counts for a later undo only when it was synced.
 */
#include <errno.h>
#include <string.h>

#include "sim.h"

enum logged { LOG_FREE, LOG_INTENT, LOG_IN };

static struct {
	bool applied[ATTACKS_MAX][OBJECTS];
	enum logged written[ATTACKS_MAX][OBJECTS], synced[ATTACKS_MAX][OBJECTS];
	bool stuck[ATTACKS_MAX][OBJECTS]; /* cannot be put back */
} m;

static void begin(struct sim *s)
{
	memset(&m, 0, sizeof(m));
}

static void end(struct sim *s)
{
}

static void set(struct sim *s, uint32_t a, size_t o)
{
	sim_boundary(s);
	if (m.synced[a][o] == LOG_FREE)
		sim_violate(s, INV_LOGGED_FIRST, "object %zu of attack %u", o, a);
	m.applied[a][o] = true;
	sim_boundary(s);
}

static bool unset(struct sim *s, uint32_t a, size_t o)
{
	sim_boundary(s);
	if (m.applied[a][o] && (m.stuck[a][o] || sim_below(s, 500) == 0)) {
		m.stuck[a][o] = true;
		return false;
	}
	m.applied[a][o] = false;
	sim_boundary(s);
	return true;
}

static enum order_result take_out(struct sim *s, uint32_t a, size_t *residue)
{
	jmp_buf death;

	*residue = 0;
	s->death = &death;
	if (setjmp(death)) {
		s->death = NULL;
		return ORDER_DIED;
	}
	for (size_t o = OBJECTS; o--;) {
		if (m.written[a][o] == LOG_FREE)
			continue;
		if (!unset(s, a, o)) {
			++*residue;
			continue;
		}
		m.written[a][o] = m.synced[a][o] = LOG_FREE;
	}
	s->death = NULL;
	return ORDER_DONE;
}

static enum order_result put(struct sim *s, uint32_t a, struct err *err)
{
	jmp_buf death;
	volatile bool failed = false;
	size_t residue;

	s->death = &death;
	if (setjmp(death)) {
		s->death = NULL;
		return ORDER_DIED;
	}
	for (size_t o = OBJECTS; o--;) {
		if (sim_has_object(s, a, o) || m.written[a][o] == LOG_FREE)
			continue;
		if (unset(s, a, o))
			m.written[a][o] = m.synced[a][o] = LOG_FREE;
		else
			failed = true;
	}
	for (size_t o = 0; o < OBJECTS; o++) {
		if (!sim_has_object(s, a, o))
			continue;
		m.written[a][o] = LOG_INTENT;
		sim_boundary(s);
	}
#ifndef MUTATE_LOG_LATE
	memcpy(m.synced[a], m.written[a], sizeof(m.synced[a]));
#endif
	for (size_t o = 0; o < OBJECTS && !failed; o++) {
		if (!sim_has_object(s, a, o))
			continue;
		failed = sim_chance(s, s->fail);
		if (failed)
			break;
		set(s, a, o);
		m.written[a][o] = m.synced[a][o] = LOG_IN;
	}
	s->death = NULL;
	if (!failed)
		return ORDER_DONE;
	err_set(err, sim_chance(s, 30) ? -EBUSY : -EIO, "could not set");
	if (take_out(s, a, &residue) == ORDER_DIED)
		return ORDER_DIED;
	s->residue_said += residue;
	return ORDER_FAILED;
}

static size_t undo(struct sim *s)
{
	size_t residue = 0;

	for (uint32_t a = 0; a < ATTACKS_MAX; a++)
		for (size_t o = OBJECTS; o--;)
			if (m.synced[a][o] != LOG_FREE && m.applied[a][o]) {
				residue += m.stuck[a][o];
				m.applied[a][o] = m.stuck[a][o];
			}
	return residue;
}

static bool is_applied(struct sim *s, uint32_t a)
{
	for (size_t o = 0; o < OBJECTS; o++)
		if (m.applied[a][o])
			return true;
	return false;
}

const struct machine machine_under_test = {
        .name = "model",
        .begin = begin,
        .end = end,
        .put = put,
        .take_out = take_out,
        .undo = undo,
        .is_applied = is_applied,
};
