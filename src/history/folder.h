/*
 * folder.h - the folder of a run: the truth of what happened, from the moment of arming.
 *
 * STATE/runs/ID/, mode 0700, holds: owner (who runs it: process and boot), experiment.yaml (the
 * file as it was read; secrets come from the environment and are not in it), start.json (the run
 * document before the first event, secrets masked), events.ndjson (an event a line, as it
 * happened), undo.log and stash/ (the keeper's), run.json (the whole document, when the run ended),
 * finding.json (what was decided about it). Not to be assumed: that a folder without run.json is
 * running; ask run_folder_alive.
 */
#ifndef SQUALL_HISTORY_FOLDER_H
#define SQUALL_HISTORY_FOLDER_H

#include <jansson.h>

#include "base/ident.h"
#include "base/paths.h"
#include "model/rundoc.h"

struct run_folder {
	int fd; /* -1: none */
	char id[RUN_ID_MAX];
};

void run_folder_close(struct run_folder *);
#define _cleanup_run_folder_ cleanup(run_folder_close)

/* Makes the folder, stash and owner file. The id is the time in UTC and four random hex digits;
 * ids sort in the order in which they were given. */
int run_folder_make(const struct world *, const struct paths *, uint64_t wall_ns,
                    struct run_folder *, struct err *) must_use;
/* By id, by an unambiguous beginning of it, or "last". -ENOENT, -EINVAL: ambiguous. */
int run_folder_find(const struct paths *, const char *name, struct run_folder *,
                    struct err *) must_use;
/* Writes experiment.yaml and start.json, synced. text may be NULL (a bare attack). */
int run_folder_start(const struct run_folder *, const char *text, size_t n, const json_t *doc,
                     struct err *) must_use;
/* Writes run.json, synced. */
int run_folder_end(const struct run_folder *, const json_t *doc, struct err *) must_use;
/* A JSON file of the folder; *doc is a new reference. -ENOENT when absent, -EBADMSG when damaged.
 */
int run_folder_json(const struct run_folder *, const char *name, json_t **doc,
                    struct err *) must_use;
bool run_folder_has(const struct run_folder *, const char *name);
/* The process that runs (or ran) it; pid 0 when unknown or of an older boot. */
struct proc_id run_folder_owner(const struct world *, const struct run_folder *);
bool run_folder_alive(const struct world *, const struct run_folder *); /* its owner lives */
/* Calls `each` for every run folder of this user in the order of ids; stops when it returns
 * non-zero and returns that. No runs folder: 0. The folder is closed after each call. */
int run_folder_each(const struct paths *, int (*each)(void *ctx, const struct run_folder *),
                    void *ctx, struct err *) must_use;

#endif
