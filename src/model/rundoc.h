/*
 * rundoc.h - the one record of a run, behind the terminal, the reports, the API and the history.
 *
 * Owns: the document. Every entry told is folded into the summary members, appended to
 * doc["events"] and handed to each listener, in that order, so a listener may look at the document.
 * A `look` is not kept as an event: it is counted, and drawn in its probe's series. Memory is
 * bounded whatever is told: RUNDOC_EVENTS_MAX events (then only abort, error, step, dose, verdict
 * and the like are kept, the rest is counted in "events-dropped"), and per probe a series that is
 * thinned by halves when it is full (counts stay exact).
 *
 * A document is whole after the `verdict` entry. Before, rundoc_document() brings it up to date. A
 * run whose runner died: rundoc_load() of the head that was stored at arming, then every stored
 * entry told again, gives the same document.
 *
 * Version 1. Members (an asterisk: only when there is something to say):
 *   version, id, title, service*, layer*, condition, says*, tags*, seed,
 *   started, ended (RFC 3339), seconds, started-wall-ns, started-boot-ns,
 *   machine{host, kernel, arch, boot-id, squall}, file{path, doc},
 *   targets[{attack, targets[], matched, asked}], plan[{attack, fault, steps[]}],
 *   attacks{ID: {fault, state, in, out, away*, residue}}, events[], events-dropped*,
 *   probes{ID: {of, expects*, every, tolerate*, looks, misses, before{looks, misses},
 *       during{…}, after{…}, seconds{least, mean, most}, last{t, hit, seconds, why},
 *       said[{t, why}] (the first misses), series[[t, seconds, hit]], series-of (each n-th look)}},
 *   dose[], abort*{}, recovery*{}, residue[], steady, monitors, went-wrong[], not-expected[],
 *   verdict, outcome, cleanup, exit, because.
 *
 * Entries: every one has "t" (ns since the start) and "type"; by type:
 *
 *   type         told by  members (an asterisk: only when there is something to say)
 *   machine      runner   host, kernel, arch, boot-id, squall -> doc.machine
 *   phase        engine   phase: resolve, arm, baseline, attack, revert, recovery, done; was;
 *                         until*: t at which it ends at the latest
 *   targets      engine   attack, targets[names], matched, asked; short*: true when fewer than
 *                         asked -> doc.targets
 *   plan         runner   attack, fault, steps[{type, object, from*, unseen*, to, says, dies-with,
 *                         revert, irreversible}] -> doc.plan, newest per attack
 *   look         engine   probe (id), of: steady, control or abort; when: before, during or after
 *                         the attack; hit; due (t); seconds*; why* (on a miss); error* (the look
 *                         failed) -> doc.probes. For `abort`, hit false says that the condition's
 *                         `when` held, or that the look failed and that counts
 *   unanswered   engine   probe, looks: due during the attack and never answered; misses
 *                         -> doc.probes
 *   steady       engine   held, why*[sentences]: the end of the baseline
 *   attack-in    engine   attack, fault; level, seconds* (asked), target* (the only one, when
 *                         it has come in the place of the one that was resolved)
 *   ordered-out  runner   attack*: the order to take it out (all, when left out) was given
 *   attack-out   engine   attack, fault, seconds (it was in effect), away* (of those, seconds with
 *                         no target there), residue, steps*[{type, object, phase}], why*: ended
 *                         before its time
 *   attack-failed engine  attack, fault, what, hint*, code
 *   step         runner   attack, step (type), object, phase (intent, in, out, back, gone, residue,
 *                         done), was, is*, note*, was-there*, by-hand* (the command that puts it
 *                         back) -> doc.residue: the steps whose last phase is residue
 *   dose         engine   attack, fault, asked, achieved, no-effect, why*; unknown* true: nothing
 *                         was measured; so-far* true: measured while in effect -> doc.dose, newest
 *                         per attack
 *   target-gone  engine   attack, target, left (targets that are left); follows* true: what comes
 *                         in its place will be attacked
 *   target-followed
 *                engine   attack, target* (names of what came), times (so far), after (seconds
 *                         since the first of them was gone): what came is under attack from here on
 *   command      runner   attack, name (program), state: started or ended, output (file in the run
 *                         folder); pid*, exit*, signal*, what*: how it ended could not be learnt
 *   deed         engine   action, name, state: started, done or failed; what*, doc*
 *   wait         engine   seconds
 *   abort        engine   by: condition, on-miss, signal, halt or deadline; says, why*, verdict:
 *                         refuted or inconclusive; condition* (number, from 0) -> doc.abort
 *   keeper-lost  engine   (nothing)
 *   undone       engine   residue: what undo left after the keeper was lost
 *   recovery     engine   outcome: recovered, not-recovered, unknown or none (nothing to look at);
 *                         seconds* (from everything gone), within, probes[{id, seconds*}]
 *                         -> doc.recovery
 *   refused      engine   exit (2, 3, 4), what, hint*
 *   error        any      what, hint*, on*
 *   note         any      text
 *   verdict      engine   verdict, outcome, cleanup, exit, because, steady and monitors: held,
 *                         exceeded, unknown or none; went-wrong[], not-expected[] (sentences);
 *                         told once, last of the engine's -> the members of the same names
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

enum {
	RUN_ID_MAX = 32, /* "20261122-210000-3f9a" */
	RUNDOC_EVENTS_MAX = 4000,
	RUNDOC_SERIES_MAX = 2000,  /* points of one probe */
	RUNDOC_POINTS_MAX = 40000, /* of all probes: many probes have fewer points each */
	RUNDOC_SAID_MAX = 10,
};
/* How the looks are named in the document: a steady probe by its id, the others so (printf). */
#define RUNDOC_CONTROL_ID "%s.control"
#define RUNDOC_ABORT_ID "abort-%zu" /* from 1, its number in the file */

struct listener {
	void (*told)(void *ctx, const json_t *entry); /* borrowed */
	void *ctx;
};

struct rundoc_probe; /* counts and series of one probe */

struct rundoc {
	char id[RUN_ID_MAX];
	json_t *doc;                /* up to date after rundoc_document() */
	const struct experiment *x; /* borrowed; NULL when loaded */
	struct rundoc_probe *probes;
	size_t probes_n, probes_cap;
	size_t events_dropped;
	uint64_t started_wall_ns, started_boot_ns;
	struct listener listeners[8];
	size_t listeners_n;
};

/* boot_ns: the moment that "t" counts from; give the engine the same in EV_START. NULL: no memory.
 * Times are CLOCK_BOOTTIME and CLOCK_REALTIME (shown only). */
struct rundoc *rundoc_new(const char *id, const struct experiment *, uint64_t seed,
                          uint64_t boot_ns, uint64_t wall_ns) must_use;
void rundoc_free(struct rundoc *); /* NULL is allowed */
/* Adds a listener; -ENOSPC after the eighth. */
int rundoc_listen(struct rundoc *, struct listener) must_use;
/* Takes the entry (reference handed over): an object with "t" (ns since start), "type", and what
 * the type says. What is not an object or has no type is dropped. */
void rundoc_tell(struct rundoc *, json_t *entry);
/* An entry with "t" and "type" to add members to; NULL: no memory (rundoc_tell takes NULL). */
json_t *rundoc_entry(uint64_t t_ns, const char *type) must_use;
/* The document, counts and series brought up to date; borrowed. */
json_t *rundoc_document(struct rundoc *);
/* From a stored document (borrowed, copied), whole or a head to tell more to. -EINVAL: not a run
 * document, or of another version. NULL with err. */
struct rundoc *rundoc_load(const json_t *doc, struct err *err) must_use;

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
/* The first that applies of 5, 8, 1, 6, 7, 0: residue; errored or clean-up unknown; refuted;
 * aborted; inconclusive, no effect, expired, lost, or nothing_achieved (a bare attack that had no
 * effect); else held. Refused runs carry their own (2, 3, 4) in "exit"; here they give 4. */
enum exit_code rundoc_exit(enum verdict, enum outcome, enum cleanup_state, bool nothing_achieved);

#endif
