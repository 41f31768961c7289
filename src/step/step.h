/*
 * step.h - one reversible change of one named object of a machine.
 *
 * A step type is a getter and a setter for one kind of object. get, meter, same and merge only look
 * or compute; set changes the machine and is called by src/undo/ alone. A state is one line of
 * canonical text of at most STATE_MAX - 1 bytes; what is larger is a file in the run's stash, named
 * by its SHA-256 ("@<64 hex digits>"), written and synced before the slot is. An object is one line
 * naming the thing and its identity (a process with its start time, a cgroup or namespace with its
 * inode), never a bare number.
 */
#ifndef SQUALL_STEP_STEP_H
#define SQUALL_STEP_STEP_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/ident.h"
#include "base/world.h"

enum { TYPE_MAX = 24, OBJECT_MAX = 384, STATE_MAX = 480, SAYS_MAX = 160 };

enum step_flag {
	STEP_IRREVERSIBLE = 1,     /* no way back: needs `allow: [irreversible]` */
	STEP_DIES_WITH_HOLDER = 2, /* "kernel": vanishes by itself when its holder dies */
	STEP_DIES_WITH_BOOT =
	        4, /* "boot": gone after a reboot; neither flag: "log", only undo brings it back */
	STEP_LEAN =
	        8, /* prepared: set(base) needs no memory, fork, exec or look-up; else assisted */
	/* set(base) also clears leftovers of a half-done set: undo calls it even when get says base
	 */
	STEP_TIDY = 16,
};

/* The process that holds an object (STEP_DIES_WITH_HOLDER). */
struct holder {
	struct proc_id id; /* pid 0: none */
	int pidfd;         /* -1: none */
	int sock; /* the order channel, also the lifeline; -1 in a process that did not start it */
};

/* Of one object: nothing is in (not yet, or not any more), it was applied, or a change was cut
 * short and the log cannot tell how far it got. */
enum applied { APPLIED_NOT, APPLIED, APPLIED_MAYBE };

/* What is made ready at arming so that a revert needs nothing else. Owned by the keeper, one per
 * slot. */
struct hold {
	const struct world *world;
	const char *run;      /* run id */
	int stash;            /* directory of the run's stash, -1: none */
	uint64_t deadline_ns; /* CLOCK_BOOTTIME: a holder must be gone by then, by the kernel's hand
	                       */
	/* What this run wants of the object, as its slot has it: what a revert needs may stand
	 * there. NULL where no run wants anything. */
	const char *claim;
	enum applied applied; /* what the log says of it */
	bool reverting;       /* what is asked and set now is for putting it back */
	int fd[3];            /* the type's own, opened by open(); -1: none */
	void *own;            /* the type's own, made by open(), freed by close() */
	struct holder holder;
	int page; /* a memfd that the helper shares (base/held.h), made by open(); -1: none */
	/* Starts the helper `kind` ("nft") and fills hold->holder; args are its argv. NULL where
	 * nothing may be started (undo). Answers of the helper are read with wire_recv on
	 * holder.sock. */
	int (*spawn)(struct hold *, const char *kind, const char *const *args, struct err *);
	void *spawn_ctx;
	/* To be called about every 50 ms by a set or look that waits for something slow, so that
	 * whoever waits for the keeper learns that it is at work. True: what is being applied is
	 * called off. NULL: nobody waits. */
	bool (*busy)(struct hold *);
};

struct step_type {
	const char *name, *summary;
	unsigned flags;
	/* Makes the hold ready; -ESTALE: the object is gone. NULL: nothing to make ready. */
	int (*open)(struct hold *, const char *object, struct err *);
	void (*close)(struct hold *); /* NULL: close fd[] and be done */
	/* -ESTALE: gone with its object (process, cgroup, namespace). */
	int (*get)(const struct world *, const char *object, struct buf *state, struct err *);
	/* get, for a type whose objects can only be looked at with what open() made ready; there
	 * get gives the reason. NULL: get does. */
	int (*look)(struct hold *, const char *object, struct buf *state, struct err *);
	/* now: what get said last. On success `landed` is what was read back after the change. */
	int (*set)(struct hold *, const char *object, const char *now, const char *to,
	           struct buf *landed, struct err *);
	/* The value that serves all live claims; n >= 1. NULL: a second claim is refused by the
	 * first one's run id. */
	int (*merge)(const char *object, const char *base, const char *const *claims, size_t n,
	             struct buf *to, struct err *);
	int (*meter)(const struct hold *, const char *object, struct counters *,
	             struct err *); /* NULL: nothing to count */
	/* Names of meter's that are levels, not counts: forgotten when another object has come in
	 * the place of this one. NULL: none. */
	const char *const *levels;
	/* The kernel's rounding; NULL: equal text. */
	bool (*same)(const char *want, const char *seen);
	/* Could this user, who is not root, change the object, as its owner and mode say? NULL: no
	 * two users can have one object in common. */
	bool (*may)(const struct world *, const char *object, uid_t uid);
	/* The shell command with which a person puts the object back; claim: what the run wanted of
	 * it. NULL: none to give. */
	void (*by_hand)(const char *object, const char *base, const char *claim, struct buf *to);
};

/* From steps.def. NULL when unknown. */
const struct step_type *step_type_find(const char *name);
extern const struct step_type *const step_types[]; /* NULL-terminated */
bool step_same(const struct step_type *t, const char *want, const char *seen);
/* look() where the type has it and a hold is there, else get(). */
int step_get(const struct step_type *t, const struct world *w, struct hold *h, const char *object,
             struct buf *state, struct err *err) must_use;
/* "kernel", "boot", "log" or "never" (irreversible). */
const char *step_dies_with(const struct step_type *t);
/* The same of a file: its owner, or anybody when it is open to more than its owner. */
bool stat_may(const struct stat *st, uid_t uid);
void hold_init(struct hold *h);
void hold_release(struct hold *h); /* closes descriptors; ends nothing */
/* fd[0] becomes a pidfd of a process that may be signalled. -ESTALE: it is gone; -EPERM: it may
 * not. */
int hold_process(struct hold *h, struct proc_id id, const char *object, struct err *err) must_use;
/* Until a process is gone, saying meanwhile that this one is at work; not to be called off.
 * -ETIMEDOUT. */
int hold_wait_gone(struct hold *h, int pidfd, uint64_t patience_ns) must_use;

#endif
