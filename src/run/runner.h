/*
 * runner.h - one run: drives the pure engine on the event loop, with the keeper, probes, actions,
 * targets and faults. Never a setter.
 *
 * Owns, while it runs: the loop, the keeper, every look and deed in flight, the handling of SIGINT,
 * SIGTERM, SIGHUP and SIGPIPE of this process (restored before it returns). Invariants: the order
 * to revert leaves in the same turn of the loop as the event that called for it; a second signal
 * never skips the revert; when the keeper dies or does not answer, what it applied is put back from
 * its log. Not to be assumed: that this function returns (it may be killed): the run folder is
 * enough for another process to undo and to finish the run.
 */
#ifndef SQUALL_RUN_RUNNER_H
#define SQUALL_RUN_RUNNER_H

#include "base/ident.h"
#include "base/paths.h"
#include "base/world.h"
#include "model/rundoc.h"
#include "run/engine.h"
#include "run/halt.h"
#include "run/policies.h"

struct run_options {
	const struct world *world;
	const struct paths *paths;
	const struct experiment *experiment; /* read without errors; outlives the run */
	const struct policies *policies;     /* the machine owner's; NULL: none */
	uint64_t seed;
	const char *run_id; /* at most RUN_ID_MAX - 1 bytes; the name of the run folder */
	int run_dir;        /* the run folder, made and owned by the caller; "stash", "undo.log" and
	                       "plan" are put into it */
	const struct listener *listeners; /* told every entry, in order; at most 8 */
	size_t listeners_n;
	/* The run ends, reverting, when one of these files is there: looked at on start, before
	 * every put, and 10 times a second. NULL: none. */
	const struct halt_files *halt;
	/* Called 10 times a second while the run lasts, for a screen that shows time. NULL: none.
	 */
	void (*tick)(void *ctx, uint64_t now_boot_ns);
	void *tick_ctx;
	/* Processes never chosen as targets, beside this one and the keeper. */
	const struct proc_id *spare;
	size_t spare_n;
	const struct engine_type *engine; /* NULL: experiment_engine */
};

/* Runs to the end and returns 0 with the run document, its three answers and "exit" set, also when
 * the run was refused. Negative only when nothing could be recorded (no memory, no event loop).
 * The caller writes the document into the folder and frees it (rundoc_free). */
int run_experiment(const struct run_options *, struct rundoc **out, struct err *) must_use;

#endif
