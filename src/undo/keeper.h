/*
 * keeper.h - the only hand on the machine: applies plans, reverts them, checks what it put back.
 *
 * No loop and no channel here, so that tests drive it: squall-keeper's main does that. Owns: the
 * undo log and what was opened to revert. Invariants: nothing is set before its intent is in the
 * log and synced; nothing is applied whose revert was not made ready; a plan that fails half-way is
 * taken out again, but a step whose object is gone (-ESTALE) fails it only when no other is left;
 * nothing is allocated after keeper_init. Not to be assumed: that the runner lives.
 */
#ifndef SQUALL_UNDO_KEEPER_H
#define SQUALL_UNDO_KEEPER_H

#include "step/plan.h"
#include "undo/log.h"

enum { KEEPER_PLANS = 256 };

struct keeper_config {
	const struct world *world;
	int run_dir, claims_dir, stash; /* borrowed */
	const char *run;
	uint64_t deadline_ns;
	struct proc_id self, runner;
	const struct step_type *(*type_find)(const char *name);
	int (*spawn)(struct hold *, const char *kind, const char *const *args, struct err *);
	void *spawn_ctx;
	bool (*busy)(struct hold *);                  /* see struct hold; may be NULL */
	void (*told)(void *ctx, const struct slot *); /* a step changed phase */
	void *ctx;
};

struct keeper {
	struct keeper_config c;
	struct undo_log log;
	struct slot slots[UNDO_SLOTS];
	struct {
		const struct step_type *type; /* NULL: slot not in use */
		struct hold hold;
		bool open, checked;
		bool unread;          /* put back since what its helper left was read */
		struct counters last; /* as read last: what is gone keeps its count */
		int flag;             /* what other users see of it; -1: none */
	} work[UNDO_SLOTS];
	/* What objects counted whose slots others have taken since, by plan. */
	struct counters carried[KEEPER_PLANS];
	uint32_t order;
	int home; /* says where its claims lie; -1: it cannot be said */
};

/* Makes the log. struct keeper is large: keep it static. */
int keeper_init(struct keeper *, const struct keeper_config *, struct err *) must_use;
void keeper_release(struct keeper *);
/* Opens what the plan's objects need and sees that nobody else claims them; changes nothing.
 * An object that another attack of this run had is this one's from now on, and its counts start
 * anew. -EBUSY: claimed by another run, or in effect by another attack of this one; -ENOSPC: the
 * log is full; -ESTALE: every object is gone. */
int keeper_prepare(struct keeper *, uint32_t plan, const struct step *, size_t n,
                   struct err *) must_use;
/* Applies the plan, or the difference to what is in effect under this number. On failure all of the
 * plan is out. */
int keeper_put(struct keeper *, uint32_t plan, const struct step *, size_t n,
               struct err *) must_use;
size_t keeper_take_out(struct keeper *,
                       uint32_t plan);   /* reverse order; returns the residue of this plan */
size_t keeper_take_all(struct keeper *); /* the same for everything */
/* Sums over all objects that the plan ever had in this run; one that is gone counts as it was read
 * last. */
void keeper_meter(struct keeper *, uint32_t plan, struct counters *);
/* The same of a plan that is out, when its helpers left a page that says how far they came (struct
 * hold); false when there is none. */
bool keeper_meter_left(struct keeper *, uint32_t plan, struct counters *);
bool keeper_has(const struct keeper *, uint32_t plan); /* something of it is in effect */
/* A holder died by itself: marks what died with it. Returns true when the pidfd was one of ours. */
bool keeper_holder_gone(struct keeper *, int pidfd);
/* Writes that all was dealt with; to be called when nothing is in effect. */
int keeper_end(struct keeper *, struct err *) must_use;

#endif
