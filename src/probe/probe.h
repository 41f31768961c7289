/*
 * probe.h - a look that changes nothing; an action, which acts and cannot be undone.
 *
 * Asynchronous on a loop: start() arranges exactly one call of done(), never from within start().
 * cancel() frees the look and done() is not called. The document is documented by kind.fields;
 * every document has "seconds" (how long the look took, from its due time). A look that failed
 * calls done() with doc NULL and err set. The world and args live until then. The address of args
 * is the identity of a look within a loop: by it probes that compare with the look before know
 * their own (kept.h).
 */
#ifndef SQUALL_PROBE_PROBE_H
#define SQUALL_PROBE_PROBE_H

#include <jansson.h>

#include "base/err.h"
#include "base/world.h"
#include "model/param.h"

struct loop; /* io/loop.h */
struct look;
struct deed;

/* The interval that is looked at; a plain look is {due, due}. CLOCK_BOOTTIME ns. */
struct span {
	uint64_t from_ns, to_ns;
};

/* doc: handed over (json_decref by the receiver) or NULL with err. */
typedef void look_done(void *ctx, json_t *doc, const struct err *err);

struct probe {
	struct kind kind;
	int (*start)(struct loop *, const struct world *, const void *args, struct span when,
	             look_done *, void *ctx, struct look **, struct err *);
	void (*cancel)(struct look *);
	bool looks_back;
};

struct action {
	struct kind kind;
	int (*start)(struct loop *, const struct world *, const void *args, look_done *, void *ctx,
	             struct deed **, struct err *);
	void (*cancel)(struct deed *);
};

extern const struct probe *const probes[]; /* probes.def */
extern const struct kind *const probe_kinds[];
extern const struct action *const actions[]; /* actions.def */
extern const struct kind *const action_kinds[];
const struct probe *probe_find(const char *name);
const struct probe *probe_of(const struct kind *kind);
const struct action *action_find(const char *name);
const struct action *action_of(const struct kind *kind);

#endif
