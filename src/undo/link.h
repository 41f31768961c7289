/*
 * link.h - the runner's end of the keeper: starts it, orders, hears answers. Never a setter.
 *
 * Owns: the keeper process and the channel. The runner polls link_fd() and the keeper's pidfd;
 * link_next() gives one answer at a time without waiting.
 */
#ifndef SQUALL_UNDO_LINK_H
#define SQUALL_UNDO_LINK_H

#include "base/counters.h"
#include "base/wire.h"
#include "step/plan.h"
#include "undo/log.h"

struct link {
	int sock, pidfd;
	struct proc_id keeper;
	bool armed;
};

enum link_event_type {
	LINK_ARMED,
	LINK_IN,      /* plan is in effect; err set when it could not be, and what was done of it is
	                 reverted */
	LINK_OUT,     /* plan is out: residue counts the objects that are not back */
	LINK_STEP,    /* one step changed phase; for the record */
	LINK_METER,   /* counters of a plan */
	LINK_ENDED,   /* all is out and checked; the keeper leaves */
	LINK_REFUSED, /* arming or preparing failed; code -EBUSY (claimed by another run), -ENOSPC
	                 (log full), … */
	LINK_BUSY,    /* nothing new: a change takes its time, the keeper is at work */
	LINK_EXPIRED, /* the hard deadline struck: the keeper reverts all by itself */
};

struct link_event {
	enum link_event_type type;
	uint32_t plan;
	int code; /* 0 or negative errno */
	char text[448], hint[256];
	size_t residue;
	/* LINK_STEP */
	char step_type[TYPE_MAX], object[OBJECT_MAX], base[STATE_MAX], claim[STATE_MAX];
	char landed[STATE_MAX], note[128];
	enum slot_phase phase;
	bool was_there;           /* the object was already as wanted: no effect */
	struct counters counters; /* LINK_METER; LINK_OUT where helpers left them, else empty */
};

/* Starts squall-keeper (found beside this program, or in the libexec folder, or $SQUALL_KEEPER) on
 * the run folder. */
int link_start(struct link *, int run_dir, const char *run_id, uint64_t deadline_boot_ns,
               struct err *) must_use;
/* Opens every object of the plan without changing it: what could not be reverted is refused now.
 * Answers LINK_IN never; LINK_REFUSED or nothing. Followed by link_armed(), answered by LINK_ARMED
 * when all prepared. */
int link_prepare(struct link *, uint32_t plan, const struct plan *, struct err *) must_use;
int link_arm(struct link *, struct err *) must_use;
/* Applies the plan, or the difference to what was put before under this number. Answers LINK_STEP…,
 * LINK_IN. */
int link_put(struct link *, uint32_t plan, const struct plan *, struct err *) must_use;
int link_take_out(struct link *, uint32_t plan, struct err *) must_use; /* LINK_STEP…, LINK_OUT */
int link_take_all(struct link *, struct err *) must_use; /* LINK_OUT for each plan that was in */
/* The process group that a program was started in as the target of this attack: should the runner
 * die, the keeper ends it. 0: it has ended. No answer. */
int link_command(struct link *, uint32_t plan, pid_t group, struct err *) must_use;
int link_meter(struct link *, uint32_t plan, struct err *) must_use; /* LINK_METER */
int link_end(struct link *, struct err *) must_use; /* take all, check all, LINK_ENDED */
/* 1: *ev is filled; 0: nothing now; negative: -EPIPE the keeper is gone. */
int link_next(struct link *, struct link_event *ev) must_use;
void link_close(struct link *);

#endif
