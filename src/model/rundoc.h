/*
 * rundoc.h - the one record of a run, behind the terminal, the reports, the API and the history.
 *
 * Owns: the document. Every entry told is appended to doc["events"] and folded into the summary
 * members, then handed to each listener. Version 1. Members: version, id, title, service, layer,
 * condition, tags, started (RFC 3339), ended, seed, machine{host, kernel, boot-id, squall},
 * file{path, doc}, targets[], plan[], events[], probes{id: {looks, misses, series[]}}, dose[],
 * abort{}, recovery{}, verdict, outcome, cleanup, exit, residue[], went-wrong[], not-expected[].
 */
#ifndef SQUALL_MODEL_RUNDOC_H
#define SQUALL_MODEL_RUNDOC_H

#include <jansson.h>

#include "base/err.h"
#include "model/experiment.h"

enum verdict {
	VERDICT_NONE,
	VERDICT_HELD,
	VERDICT_REFUTED,
	VERDICT_INCONCLUSIVE,
	VERDICT_NO_EFFECT
};
enum outcome {
	OUTCOME_COMPLETED,
	OUTCOME_ABORTED,
	OUTCOME_EXPIRED,
	OUTCOME_LOST,
	OUTCOME_ERRORED,
	OUTCOME_REFUSED
};
enum cleanup_state { CLEANUP_CLEAN, CLEANUP_RESIDUE, CLEANUP_UNKNOWN };
const char *verdict_name(enum verdict);
const char *outcome_name(enum outcome);
const char *cleanup_name(enum cleanup_state);

enum { RUN_ID_MAX = 32 }; /* "20261122-210000-3f9a" */

struct listener {
	void (*told)(void *ctx, const json_t *entry); /* borrowed */
	void *ctx;
};

struct rundoc {
	char id[RUN_ID_MAX];
	json_t *doc;
	uint64_t started_wall_ns, started_boot_ns;
	struct listener listeners[8];
	size_t listeners_n;
};

struct rundoc *rundoc_new(const char *id, const struct experiment *, uint64_t seed,
                          uint64_t boot_ns, uint64_t wall_ns);
void rundoc_free(struct rundoc *);
/* Takes the entry (reference handed over): an object with "t" (ns since start), "type", and what
 * the type says. */
void rundoc_tell(struct rundoc *, json_t *entry);
/* From a stored document. */
struct rundoc *rundoc_load(json_t *doc, struct err *err);

/* Exit codes are a contract. */
enum exit_code {
	EXIT_HELD = 0,
	EXIT_REFUTED = 1,
	EXIT_USAGE = 2,
	EXIT_CANNOT = 3,
	EXIT_REFUSED = 4,
	EXIT_RESIDUE = 5,
	EXIT_ABORTED = 6,
	EXIT_NOTHING = 7,
	EXIT_BROKEN = 8,
};
/* The first that applies of 5, 8, 1, 6, 7, 0; refused runs carry their own (2, 3, 4) in "exit". */
enum exit_code rundoc_exit(enum verdict, enum outcome, enum cleanup_state, bool nothing_achieved);

#endif
