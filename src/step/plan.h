/*
 * plan.h - the ordered steps that a fault asks for.
 *
 * Invariants: (type, object) is unique within a plan; order is the order of applying, reverting
 * goes backwards; the same input gives the same plan, byte for byte. Printing a plan is the dry
 * run.
 */
#ifndef SQUALL_STEP_PLAN_H
#define SQUALL_STEP_PLAN_H

#include "base/arena.h"
#include "step/step.h"

struct step {
	char type[TYPE_MAX], object[OBJECT_MAX], to[STATE_MAX];
	char says[SAYS_MAX]; /* for people: what it does and what the victim sees; may be "" */
};

/* Content too large for a state; goes to the stash before the plan is put. */
struct blob {
	char hex[65];
	const void *data;
	size_t n;
	bool shown; /* text that a printed plan shows in full */
};

struct plan {
	struct arena *arena;
	struct step *v;
	size_t n, cap;
	struct blob *blobs;
	size_t blobs_n, blobs_cap;
	size_t threads;    /* that its helpers have besides their first */
	bool host_wide;    /* reaches all of this machine: needs `allow: [host-wide]` */
	bool control_path; /* may reach the caller's own way in: needs `allow: [control-path]` */
};

void plan_init(struct plan *p, struct arena *a);
/* -EEXIST when (type, object) is there with another `to` (the same `to` is folded); -ENAMETOOLONG;
 * -ENOENT for an unknown type; -ENOMEM. says may be NULL. */
int plan_add(struct plan *p, const char *type, const char *object, const char *to, const char *says,
             struct err *err) must_use;
/* Keeps content and writes "@<hex>" into state. */
int plan_blob(struct plan *p, const void *data, size_t n, char state[STATE_MAX],
              struct err *err) must_use;

/* The content that a wanted state names, when this plan brought it; else NULL. */
struct blob *plan_blob_find(const struct plan *p, const char *state);
const struct step *plan_find(const struct plan *p, const char *type, const char *object);

#endif
