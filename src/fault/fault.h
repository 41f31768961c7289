/*
 * fault.h - one kind of harm. Plans only: reads the target and emits steps; touches nothing, has no
 * undo of its own.
 *
 * plan() is called at arming, and again on every ramp level, whenever *again_ns has passed, and
 * when targets change; it must give the same steps for the same input, and object names that stay
 * the same from call to call. dose() is pure: what was asked and what was achieved, from meters
 * read before and after.
 */
#ifndef SQUALL_FAULT_FAULT_H
#define SQUALL_FAULT_FAULT_H

#include "base/counters.h"
#include "machine/names.h"
#include "machine/target.h"
#include "model/param.h"
#include "model/policy.h"
#include "step/plan.h"

struct moment {
	uint64_t since_armed_ns;
	uint64_t turn; /* how often this attack was planned before */
	uint64_t seed;
	const struct floors *floors; /* the machine owner's; NULL: none */
	const struct names *names;   /* what those in PARAM_HOSTS are now; NULL: there is none */
};

enum { DOSE_TEXT = 200 };
struct dose {
	char asked[DOSE_TEXT], achieved[DOSE_TEXT]; /* for people: "30% of one CPU", "29.8%,
	                                               throttled 212 times" */
	bool no_effect;
	char why[DOSE_TEXT]; /* when no_effect: "nothing matched: no packet in 5s" */
};

struct fault {
	struct kind kind;
	const char *const *needs; /* names of machine/can facts, NULL-terminated: "nft",
	                             "cgroup-cpu", "net-admin" */
	/* the facts that these very parameters need; NULL: `needs`, whatever they are */
	const char *const *(*needs_of)(const void *args);
	/* the step types that it may plan, NULL-terminated: they tell what it dies with */
	const char *const *steps;
	/* *again_ns: 0 for never. run: the run's id, for names that must not clash. */
	int (*plan)(const void *args, const struct target *, const struct moment *,
	            const struct world *, const char *run, struct plan *out, uint64_t *again_ns,
	            struct err *);
	/* seconds between the two readings are in counters under "elapsed_ns". before/after: summed
	 * over the attack's steps. */
	int (*dose)(const void *args, const struct counters *before, const struct counters *after,
	            struct dose *, struct err *);
};

extern const struct fault *const faults[];     /* from faults.def, NULL-terminated */
extern const struct kind *const fault_kinds[]; /* the same, as kinds */
const struct fault *fault_find(const char *name);
/* args NULL: as its defaults are. Never NULL. */
const char *const *fault_needs(const struct fault *, const void *args);
/* Calls `each` for every fact that the fault needs, and that the parameters which were given need;
 * stops when it returns non-zero, and returns that. args NULL: none was. */
int fault_each_need(const struct fault *, const void *args,
                    int (*each)(void *ctx, const char *fact), void *ctx);
const struct fault *fault_of(const struct kind *kind); /* the fault whose head this is */

#endif
