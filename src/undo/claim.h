/*
 * claim.h - who has changed an object, machine-wide: the value before the first live run touched it
 * (base) and each live run's claim.
 *
 * One file per (type, object) in the claims folder, locked while it is open (flock(2)), allocated
 * in full when made, removed by the last run that leaves. Invariants: base is the value before any
 * claim in it; landed is what the last setter read back. Not to be assumed: that a claim's run
 * lives; `squall undo` clears dead ones.
 */
#ifndef SQUALL_UNDO_CLAIM_H
#define SQUALL_UNDO_CLAIM_H

#include "base/err.h"
#include "step/step.h"

enum { CLAIMS_MAX = 16, CLAIM_NAME = 33 };

struct claim_body {
	char type[TYPE_MAX], object[OBJECT_MAX], base[STATE_MAX], landed[STATE_MAX];
	uint32_t n;
	struct {
		char run[32], claim[STATE_MAX];
	} v[CLAIMS_MAX];
};

struct claim_file {
	int fd, dir;
	uint64_t seq;
	char name[CLAIM_NAME];
	struct claim_body body;
};

/* The name of an object's claim file: 32 hex digits of the hash of both. */
void claim_name(const char *type, const char *object, char name[CLAIM_NAME]);
/* Opens (makes) and locks. wait_ns bounds the wait for the lock: -ETIMEDOUT. */
int claim_open(struct claim_file *, int claims_dir, const char *type, const char *object,
               uint64_t wait_ns, struct err *) must_use;
/* The same, without making one: -ENOENT when nobody claims the object. */
int claim_open_existing(struct claim_file *, int claims_dir, const char *type, const char *object,
                        uint64_t wait_ns, struct err *) must_use;
int claim_save(struct claim_file *,
               struct err *) must_use; /* removes the file when no claim is left */
void claim_close(struct claim_file *); /* unlocks */
size_t claim_find(const struct claim_file *, const char *run); /* SIZE_MAX: none */
/* Sets this run's claim, adding it. -ENOSPC: CLAIMS_MAX runs have one. */
int claim_set(struct claim_file *, const char *run, const char *claim, struct err *) must_use;
void claim_drop(struct claim_file *, const char *run);
/* The value that serves all claims there are; base when there are none. -EBUSY when the type cannot
 * combine them. */
int claim_merge(const struct claim_file *, const struct step_type *, char to[STATE_MAX],
                struct err *) must_use;

/* Removes claims of runs that `lives` says are over, and files without any; one that is locked is
 * left alone. */
int claim_sweep(int claims_dir, bool (*lives)(void *ctx, const char *run), void *ctx,
                struct err *) must_use;

#endif
