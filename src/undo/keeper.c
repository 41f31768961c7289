/* keeper.c - the only hand on the machine. */
#include "undo/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/boundary.h"
#include "undo/claim.h"
#include "undo/flag.h"
#include "undo/keeper-meter.h"
#include "undo/keeper-step.h"
#include "undo/revert.h"

static void work_close(struct keeper *k, size_t i)
{
	if (k->work[i].open) {
		if (k->work[i].type->close)
			k->work[i].type->close(&k->work[i].hold);
		hold_release(&k->work[i].hold);
		fd_close(&k->work[i].flag);
		k->work[i].open = false;
	}
}

static bool is_used(const struct keeper *k, size_t i)
{
	return k->work[i].type;
}

static size_t find_used(const struct keeper *k, const char *type, const char *object)
{
	size_t i = undo_log_find(&k->log, type, object);

	return i != SIZE_MAX && is_used(k, i) ? i : SIZE_MAX;
}

static bool is_among(const struct slot *s, const struct step *steps, size_t n)
{
	for (size_t j = 0; j < n; j++)
		if (strcmp(steps[j].object, s->object) == 0 && strcmp(steps[j].type, s->type) == 0)
			return true;
	return false;
}

/* What an earlier plan of this number had opened and never changed gives its slot back: targets
 * that come and go would fill the log with it. */
static void unused_drop(struct keeper *k, uint32_t plan, const struct step *steps, size_t n)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		struct slot *s = &k->slots[i];

		if (!is_used(k, i) || s->phase != SLOT_FREE || s->plan != plan ||
		    is_among(s, steps, n))
			continue;
		work_close(k, i);
		meter_carry(k, i);
		k->work[i].type = NULL;
		s->object[0] = '\0';
	}
}

/* What is out already and not in the plan any more; with nothing in its place it was the last. */
static void past_drop(struct keeper *k, uint32_t plan, const struct step *steps, size_t n)
{
	for (size_t i = 0; n > 0 && i < UNDO_SLOTS; i++)
		if (is_used(k, i) && !keeper_is_in(k, i) && k->slots[i].plan == plan &&
		    !is_among(&k->slots[i], steps, n))
			meter_drop_levels(k, i);
}

/* Another attack of this run had the object. What that one counted stays with it; what was done
 * with, and would not be put again, is a new matter to this one. */
static void slot_take_over(struct keeper *k, size_t i, uint32_t plan)
{
	struct slot *s = &k->slots[i];

	meter_carry(k, i);
	s->plan = plan;
	if (s->phase == SLOT_DONE || s->phase == SLOT_GONE)
		s->phase = SLOT_FREE;
}

/* The slot of this step, its object opened. */
static int work_open(struct keeper *k, uint32_t plan, const struct step *s, size_t *at,
                     struct err *err)
{
	const struct step_type *type = k->c.type_find(s->type);
	size_t i = find_used(k, s->type, s->object);
	bool taken_over = i != SIZE_MAX && k->slots[i].plan != plan;
	struct hold *h;
	int r;

	if (!type)
		return err_set(err, -ENOENT, "there is no step type \"%s\"", s->type);
	if (taken_over && keeper_is_in(k, i))
		return err_set(err, -EBUSY, "%s \"%s\" is changed by another attack of this run",
		               s->type, s->object);
	if (i == SIZE_MAX) {
		for (i = 0; i < UNDO_SLOTS && is_used(k, i); i++)
			;
		if (i == UNDO_SLOTS)
			i = undo_log_free_slot(&k->log);
		if (i == SIZE_MAX)
			return err_hint(err,
			                err_set(err, -ENOSPC,
			                        "the undo log is full: %d objects are in effect",
			                        UNDO_SLOTS),
			                "Attack fewer targets at once.");
		if (is_used(k, i)) {
			work_close(k, i);
			meter_carry(k, i);
		}
		k->slots[i] = (struct slot){.seq = k->slots[i].seq};
		text_copy(k->slots[i].type, TYPE_MAX, s->type);
		text_copy(k->slots[i].object, OBJECT_MAX, s->object);
		text_copy(k->slots[i].claim, STATE_MAX, s->to);
		k->work[i].type = type;
		k->work[i].open = false;
	}
	if (taken_over)
		slot_take_over(k, i, plan);
	k->slots[i].plan = plan;
	*at = i;
	/* what it has counted until now is not this one's */
	if (taken_over)
		meter_read(k, i);
	if (k->work[i].open) /* it may have been put back before */
		return k->work[i].flag >= 0 ? 0
		                            : flag_raise(k->c.world, type, s->object,
		                                         k->c.claims_dir, &k->work[i].flag, err);
	h = &k->work[i].hold;
	hold_init(h);
	h->world = k->c.world;
	h->run = k->c.run;
	h->stash = k->c.stash;
	h->deadline_ns = k->c.deadline_ns;
	h->spawn = k->c.spawn;
	h->spawn_ctx = k->c.spawn_ctx;
	h->busy = k->c.busy;
	h->claim = k->slots[i].claim;
	r = flag_raise(k->c.world, type, s->object, k->c.claims_dir, &k->work[i].flag, err);
	if (r == 0)
		r = type->open ? type->open(h, s->object, err) : 0;
	if (r < 0) {
		hold_release(h);
		fd_close(&k->work[i].flag);
		if (k->slots[i].phase == SLOT_FREE) {
			k->work[i].type = NULL;
			k->slots[i].object[0] = '\0';
		}
		return r;
	}
	k->work[i].open = true;
	return 0;
}

/* All slots of a plan (or all) that are in effect, last applied first. */
static size_t take_out(struct keeper *k, bool all, uint32_t plan)
{
	size_t residue = 0;

	for (;;) {
		size_t last = SIZE_MAX;

		for (size_t i = 0; i < UNDO_SLOTS; i++)
			if (keeper_is_in(k, i) && (all || k->slots[i].plan == plan) &&
			    (last == SIZE_MAX || k->slots[i].order > k->slots[last].order))
				last = i;
		if (last == SIZE_MAX)
			break;
		keeper_revert(k, last);
	}
	keeper_check_again(k);
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		residue += is_used(k, i) && (all || k->slots[i].plan == plan) &&
		           k->slots[i].phase == SLOT_RESIDUE;
	return residue;
}

int keeper_init(struct keeper *k, const struct keeper_config *config, struct err *err)
{
	struct log_head head = {
	        .keeper = config->self,
	        .runner = config->runner,
	        .uid = geteuid(),
	        .deadline_ns = config->deadline_ns,
	};
	int r;

	memset(k, 0, sizeof(*k));
	k->c = *config;
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		k->work[i].flag = -1;
	k->home = world_is_real(config->world) ? flag_home(config->claims_dir) : -1;
	text_copy(head.run, sizeof(head.run), config->run);
	r = boot_id_read(config->world, head.boot, err);
	if (r < 0)
		return r;
	return undo_log_create(&k->log, config->run_dir, &head, k->slots, err);
}

void keeper_release(struct keeper *k)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		work_close(k, i);
	fd_close(&k->home);
	undo_log_close(&k->log);
}

/* Could the claim be combined with those of other runs? Found out without leaving one. */
static int is_free_for(struct keeper *k, const struct step *s, const struct step_type *type,
                       struct err *err)
{
	struct claim_file c;
	char wanted[STATE_MAX];
	int r = claim_open_existing(&c, k->c.claims_dir, s->type, s->object, KEEPER_LOCK_WAIT_NS,
	                            err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = claim_set(&c, k->c.run, s->to, err);
	r = r < 0 ? r : claim_merge(&c, type, wanted, err);
	claim_close(&c);
	return r;
}

int keeper_prepare(struct keeper *k, uint32_t plan, const struct step *steps, size_t n,
                   struct err *err)
{
	size_t lost = 0;

	unused_drop(k, plan, steps, n);
	for (size_t j = 0; j < n; j++) {
		const struct step *s = &steps[j];
		size_t i = SIZE_MAX;
		int r = work_open(k, plan, s, &i, err);

		if (r == -ESTALE && ++lost < n)
			continue;
		if (r < 0)
			return r;
		if (k->work[i].type->flags & STEP_IRREVERSIBLE)
			continue;
		r = is_free_for(k, s, k->work[i].type, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of a group of processes some end between plan and step: each takes its own step along, and the
 * rest of the plan goes on. */
static void slot_lost(struct keeper *k, size_t i)
{
	struct slot *s = &k->slots[i];

	if (keeper_is_in(k, i) && !(k->work[i].type->flags & STEP_IRREVERSIBLE)) {
		keeper_revert(k, i);
		return;
	}
	s->phase = SLOT_GONE;
	slot_note(s, "gone with its object");
	(void)!undo_log_put(&k->log, i, NULL);
	keeper_tell(k, i);
}

int keeper_put(struct keeper *k, uint32_t plan, const struct step *steps, size_t n, struct err *err)
{
	size_t at[UNDO_SLOTS], changed = 0, lost = 0, left = 0;
	int r = 0;

	if (n > UNDO_SLOTS)
		return err_set(err, -ENOSPC, "a plan of %zu steps is over the limit of %d", n,
		               UNDO_SLOTS);
	/* what the new plan does not have goes out first */
	for (size_t i = UNDO_SLOTS; i-- > 0;) {
		if (!keeper_is_in(k, i) || k->slots[i].plan != plan ||
		    is_among(&k->slots[i], steps, n))
			continue;
		meter_slot(k, i);
		keeper_revert(k, i);
	}
	unused_drop(k, plan, steps, n);
	past_drop(k, plan, steps, n);
	for (size_t j = 0; j < n && r == 0; j++) {
		const struct slot *s;
		size_t i = SIZE_MAX;

		r = work_open(k, plan, &steps[j], &i, err);
		if (r == -ESTALE) {
			lost++;
			r = 0;
			continue;
		}
		if (r < 0)
			break;
		s = &k->slots[i];
		/* what went away by itself or was taken over by somebody else is not applied again
		 */
		if (s->phase != SLOT_FREE && s->phase != SLOT_BACK &&
		    strcmp(s->claim, steps[j].to) == 0) {
			left += s->phase != SLOT_GONE;
			continue;
		}
		r = keeper_intend(k, i, &steps[j], err);
		if (r == -ESTALE) {
			slot_lost(k, i);
			lost++;
			r = 0;
			continue;
		}
		at[changed++] = i;
	}
	left += changed;
	if (r == 0 && changed)
		r = undo_log_sync(&k->log, err);
	for (size_t j = 0; j < changed && r == 0; j++) {
		r = keeper_apply(k, at[j], err);
		if (r == -ESTALE) {
			slot_lost(k, at[j]);
			lost++;
			left--;
			r = 0;
		}
	}
	if (r == 0 && lost && !left)
		r = -ESTALE; /* err says so of the last one */
	/* What ends soon after has counted, too. */
	for (size_t j = 0; j < changed && r == 0; j++)
		meter_slot(k, at[j]);
	if (r < 0)
		take_out(k, false, plan);
	return r;
}

size_t keeper_take_out(struct keeper *k, uint32_t plan)
{
	return take_out(k, false, plan);
}

size_t keeper_take_all(struct keeper *k)
{
	return take_out(k, true, 0);
}

bool keeper_has(const struct keeper *k, uint32_t plan)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		if (keeper_is_in(k, i) && k->slots[i].plan == plan)
			return true;
	return false;
}

bool keeper_holder_gone(struct keeper *k, int pidfd)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		struct holder *h = &k->work[i].hold.holder;

		if (!is_used(k, i) || !k->work[i].open || h->pidfd != pidfd)
			continue;
		fd_close(&h->pidfd);
		fd_close(&h->sock);
		if (keeper_is_in(k, i)) {
			meter_slot(k, i); /* how far it came */
			keeper_revert(k, i);
			if (!counters_get(&k->work[i].last, "lost"))
				counters_add(&k->work[i].last, "lost", 1);
			if (k->slots[i].phase == SLOT_BACK &&
			    k->work[i].type->flags & STEP_DIES_WITH_HOLDER) {
				k->slots[i].phase = SLOT_GONE;
				slot_note(&k->slots[i], "its helper died");
				(void)!undo_log_put(&k->log, i, NULL);
				keeper_tell(k, i);
			}
		}
		return true;
	}
	return false;
}

int keeper_end(struct keeper *k, struct err *err)
{
	for (size_t i = 0; i < UNDO_SLOTS; i++)
		if (is_used(k, i) && slot_phase_is_live((enum slot_phase)k->slots[i].phase))
			return 0; /* there is something left for `squall undo` */
	return undo_log_end(&k->log, err);
}
