/*
 * experiment.h - an experiment file, read, checked and bound. No machine is touched.
 *
 * Owns: everything below it, in one arena; experiment_free releases all. Invariants after a read
 * without errors: ids are unique and never empty (made from kind and number when left out:
 * "net.delay-1", "http-1"); every call is bound at level 0; durations are in nanoseconds, shares in
 * ppm. Values of secret variables never appear in `doc` (masked as "****"), and every text that is
 * shown goes through experiment_mask.
 */
#ifndef SQUALL_MODEL_EXPERIMENT_H
#define SQUALL_MODEL_EXPERIMENT_H

#include <jansson.h>

#include "model/expect.h"
#include "model/param.h"
#include "model/problem.h"

/* One use of a kind, with its parameters still as written and bound for a level. */
struct call {
	const struct kind *kind; /* NULL: known to the format, not built yet (see unbuilt) */
	const char *name;        /* as written: "net.delay" */
	const struct node *with; /* may be NULL */
	struct where at;
	void *args;       /* bound at level 0 */
	size_t levels;    /* 1 when nothing ramps */
	uint64_t hold_ns; /* per level */
	const char *ramp; /* the parameter that ramps, or NULL */
};

enum on_miss { ON_MISS_CARRY_ON, ON_MISS_STOP };

struct steady {
	const char *id;
	struct call look;
	struct call *control; /* the same look at something not attacked, or NULL */
	uint64_t every_ns;    /* default 1s */
	struct expect *expect;
	uint64_t tolerate_ppm; /* share of looks that may miss; default 0 */
	enum on_miss on_miss;
	struct where at;
};

struct monitor {
	const char *id;
	struct call look;
	uint64_t fires_ns, clears_ns; /* 0: not asked */
	struct expect *expect;        /* NULL: none */
	struct where at;
};

enum abort_type { ABORT_MISSES, ABORT_PROBE, ABORT_SLO };
struct abort_condition {
	enum abort_type type;
	const char *says;    /* "front-page misses 20% over 5s", for people */
	size_t steady;       /* MISSES, SLO: index */
	uint64_t misses_ppm; /* MISSES */
	uint64_t over_ns;
	struct call look;    /* PROBE */
	struct expect *when; /* PROBE: aborts while this holds for for_ns */
	uint64_t for_ns, every_ns;
	bool on_error_abort;                                      /* default true: fails closed */
	uint64_t slo_objective_ppm, slo_window_ns, slo_spend_ppm; /* SLO */
	bool inconclusive; /* verdict: inconclusive instead of refuted */
	bool implied;      /* the default one, not written in the file */
	struct where at;
};

enum pick_kind { PICK_COUNT, PICK_SHARE, PICK_ALL };
struct pick {
	enum pick_kind kind;
	uint64_t n; /* count, or ppm */
};

/* A selector: all terms must hold (a comma is "and"). */
struct selector_term {
	const char *key;   /* "host", "process.name", "process.listens", "cgroup", "netns", … */
	const char *value; /* "" for host */
	bool negate;       /* under `not:` */
	struct where at;
};
struct selector {
	struct selector_term *v;
	size_t n;
	struct pick pick;
	bool follow; /* what comes in the place of targets that are gone is attacked too */
	const char *const *argv; /* command: the argv that squall starts; else NULL */
	const char *says;        /* "process listens=6379, pick 1" */
	struct where at;
};

enum method_type { METHOD_ATTACK, METHOD_WAIT, METHOD_ACTION, METHOD_IN_ORDER, METHOD_TOGETHER };
struct method {
	enum method_type type;
	const char *id;
	struct where at;
	struct call call;         /* attack, action */
	struct selector selector; /* attack */
	uint64_t for_ns; /* attack: 0 = until the end of the method (instant kinds: at once); wait:
	                    how long */
	struct method *children; /* in order, together */
	size_t n;
};

enum allow { ALLOW_IRREVERSIBLE = 1, ALLOW_HOST_WIDE = 2, ALLOW_CONTROL_PATH = 4 };
enum layer {
	LAYER_NONE,
	LAYER_OPERATIONS,
	LAYER_APPLICATION,
	LAYER_SOFTWARE_STACK,
	LAYER_INFRASTRUCTURE
};

/* Something that the file asks for and this build does not have: named by `run` before any harm,
 * exit 3. */
struct unbuilt {
	const char *what; /* "monitor \"redis-slow\" (alertmanager)" */
	struct where at;
};

struct experiment {
	struct arena arena;
	const char *path; /* as given; "-" for standard input; NULL for a bare attack */
	const char *title, *service, *condition, *says;
	enum layer layer;
	const char **tags;
	size_t tags_n;

	struct steady *steady;
	size_t steady_n;
	uint64_t baseline_ns; /* hypothesis.baseline: how long steady must be shown before harm; 0:
	                         one look each */
	struct monitor *monitors;
	size_t monitors_n;
	struct abort_condition *aborts;
	size_t aborts_n;

	struct pick blast_targets; /* ceiling over the targets of each attack; default all */
	uint64_t max_duration_ns;  /* from arming; default: what the method takes, 60s for
	                            * each action, and 30s more */
	unsigned allow;
	struct method method; /* METHOD_IN_ORDER at the top */

	uint64_t recovery_ns;     /* recovery.within; 0: not asked */
	uint64_t lose_at_most_ns; /* UINT64_MAX: not asked */
	struct expect *success,
	        *failure; /* over the run document; NULL: the default definition / none */

	struct unbuilt *unbuilt;
	size_t unbuilt_n;
	const char **secrets; /* values to mask */
	size_t secrets_n;
	json_t *doc; /* the file as a document, secrets masked: goes into the run document */

	/* Flat views, filled by the reader: index = id in engine events. */
	struct method **attacks;
	size_t attacks_n;
	struct method **actions;
	size_t actions_n;
	struct vars *vars;
};

/* --var k=v, in order. */
struct var_override {
	const char *key, *value;
};

/* Reads text. Always returns an experiment when the text parses as YAML (problems->errors tells
 * whether it may be used); NULL with one problem when it does not. */
struct experiment *experiment_read(const char *text, size_t n, const char *path,
                                   const struct catalogue *, const struct var_override *,
                                   size_t overrides_n, struct problems *);
/* An experiment without hypothesis around one attack (squall attack). params: name/value texts. */
struct experiment *experiment_from_attack(const char *fault, const struct var_override *params,
                                          size_t params_n, const char *const *targets,
                                          size_t targets_n, const char *pick, uint64_t for_ns,
                                          unsigned allow, const struct catalogue *,
                                          struct problems *);
void experiment_free(struct experiment *);

/* Binds a call's parameters for one ramp level into fresh args in `arena`; NULL with problems. */
void *call_bind(const struct experiment *, const struct call *, size_t level, struct arena *,
                struct problems *);
/* Binds name/value texts to a kind (squall probe, squall attack). */
void *params_bind_texts(const struct kind *, const struct var_override *params, size_t n,
                        struct arena *, struct problems *);
/* Releases the documents (PARAM_DOC) that params_bind_texts made; args may be NULL. What call_bind
 * made belongs to the experiment. */
void params_release(const struct kind *kind, void *args);
/* "a.b=c,d=e" from the command line. */
int selector_parse(const char *text, struct selector *, struct arena *, struct problems *) must_use;
/* Replaces every secret value by "****", in place (the text never grows: shorter secrets are padded
 * with *). */
void experiment_mask(const struct experiment *, char *text);
json_t *experiment_mask_json(const struct experiment *,
                             json_t *doc); /* borrowed in, new reference out */

#endif
