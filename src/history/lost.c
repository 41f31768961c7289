/* Makes the run document of a run that nobody finished, from its folder. */
#include "history/lost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "undo/log.h"

enum { EVENTS_MAX = 256 << 20 };

struct lost {
	const struct world *world;
	lost_told *told;
	void *ctx;
	struct err *err;
};

int run_folder_log(const struct run_folder *f, size_t *live, size_t *residue,
                   struct proc_id *keeper, char boot[BOOT_ID_MAX], struct err *err)
{
	_cleanup_free_ struct slot *slots = calloc(UNDO_SLOTS, sizeof(*slots));
	struct undo_log log;
	int ret;

	if (!slots)
		return err_sys(err, ENOMEM, "could not read the undo log of run \"%s\"", f->id);
	if (!run_folder_has(f, UNDO_LOG_NAME))
		return err_set(err, -ENOENT, "run \"%s\" has no undo log", f->id);
	ret = undo_log_open(&log, f->fd, geteuid(), false, slots, err);
	if (ret < 0)
		return ret;
	*live = *residue = 0;
	for (size_t i = 0; i < log.n; i++) {
		*live += slot_phase_is_live((enum slot_phase)log.slots[i].phase);
		*residue += log.slots[i].phase == SLOT_RESIDUE;
	}
	*keeper = log.head.keeper;
	memcpy(boot, log.head.boot, BOOT_ID_MAX);
	undo_log_close(&log);
	return 0;
}

/* Tells every whole line of events.ndjson again; a torn last line is left out. Returns how many. */
static size_t events_replay(const struct run_folder *f, struct rundoc *run)
{
	_cleanup_free_ char *text = NULL;
	size_t n, told = 0;

	if (file_take(f->fd, "events.ndjson", EVENTS_MAX, &text, &n, NULL) < 0)
		return 0;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_t *entry = json_loadb(line, (size_t)(end - line), 0, NULL);

		if (!entry)
			continue;
		rundoc_tell(run, entry);
		told++;
	}
	return told;
}

static enum cleanup_state cleanup_of(const struct run_folder *f)
{
	size_t live, residue;
	struct proc_id keeper;
	char boot[BOOT_ID_MAX];
	int ret = run_folder_log(f, &live, &residue, &keeper, boot, NULL);

	if (ret == -ENOENT)
		return CLEANUP_CLEAN; /* no log: nothing was applied */
	if (ret < 0 || live > residue)
		return CLEANUP_UNKNOWN;
	return residue ? CLEANUP_RESIDUE : CLEANUP_CLEAN;
}

static void answers_put(struct rundoc *run, enum cleanup_state cleanup, bool armed)
{
	enum outcome outcome = armed ? OUTCOME_LOST : OUTCOME_ERRORED;
	const char *said = json_string_value(json_object_get(run->doc, "verdict"));
	enum verdict verdict = said && strcmp(said, verdict_name(VERDICT_REFUTED)) == 0
	                               ? VERDICT_REFUTED
	                               : VERDICT_INCONCLUSIVE;
	json_t *wrong = json_object_get(run->doc, "went-wrong");

	if (!json_is_array(wrong)) {
		json_object_set_new(run->doc, "went-wrong", json_array());
		wrong = json_object_get(run->doc, "went-wrong");
	}
	json_array_append_new(wrong, json_string(armed ? "the process that ran this died"
	                                               : "the process that ran this died before "
	                                                 "anything was touched"));
	json_object_set_new(run->doc, "verdict", json_string(verdict_name(verdict)));
	json_object_set_new(run->doc, "outcome", json_string(outcome_name(outcome)));
	json_object_set_new(run->doc, "cleanup", json_string(cleanup_name(cleanup)));
	json_object_set_new(run->doc, "exit",
	                    json_integer(rundoc_exit(verdict, outcome, cleanup, false)));
}

static int lost_one(void *ctx, const struct run_folder *f)
{
	struct lost *l = ctx;
	struct proc_id keeper = {0};
	char boot[BOOT_ID_MAX] = "", now[BOOT_ID_MAX] = "";
	size_t live, residue, told;
	struct rundoc *run;
	json_t *doc;
	int ret;

	if (run_folder_has(f, "run.json") || !run_folder_has(f, "owner") ||
	    run_folder_alive(l->world, f))
		return 0;
	ret = run_folder_log(f, &live, &residue, &keeper, boot, NULL);
	if (ret == 0 && boot_id_read(l->world, now, NULL) == 0 && strcmp(boot, now) == 0 &&
	    keeper.pid && proc_id_alive(l->world, keeper))
		return 0;
	if (run_folder_json(f, "start.json", &doc, NULL) < 0)
		return 0; /* died while making the folder: nothing to tell */
	run = rundoc_load(doc, l->err);
	if (!run)
		return l->err && l->err->code ? l->err->code : -ENOMEM;
	told = events_replay(f, run);
	answers_put(run, cleanup_of(f), told > 0 || ret == 0);
	ret = run_folder_end(f, run->doc, l->err);
	if (ret == 0 && l->told)
		l->told(l->ctx, f->id, run->doc);
	rundoc_free(run);
	return ret;
}

int lost_finish_all(const struct world *w, const struct paths *paths, lost_told *told, void *ctx,
                    struct err *err)
{
	struct lost l = {w, told, ctx, err};

	return run_folder_each(paths, lost_one, &l, err);
}
