/* Makes the run document of a run that nobody finished, from its folder. */
#include "history/lost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "undo/undo.h"

enum { EVENTS_MAX = 256 << 20 };

struct lost {
	const struct world *world;
	lost_told *told;
	void *ctx;
	struct err *err;
};

/* Tells every whole line of events.ndjson again; a torn last line is left out. Returns the last
 * entry's time; *told counts. */
static uint64_t events_replay(const struct run_folder *f, struct rundoc *run, size_t *told)
{
	_cleanup_free_ char *text = NULL;
	uint64_t t = 0;
	size_t n;

	*told = 0;
	if (file_take(f->fd, "events.ndjson", EVENTS_MAX, &text, &n, NULL) < 0)
		return 0;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_t *entry = json_loadb(line, (size_t)(end - line), 0, NULL);

		if (!entry)
			continue;
		t = (uint64_t)json_integer_value(json_object_get(entry, "t"));
		rundoc_tell(run, entry);
		++*told;
	}
	return t;
}

/* What undo made of each object, as the runner would have told it. */
static void steps_tell(struct rundoc *run, const struct undo_log *log, uint64_t t)
{
	const json_t *plans = json_object_get(run->doc, "plan");

	for (size_t i = 0; i < log->n; i++) {
		const struct slot *s = &log->slots[i];
		const json_t *plan = json_array_get(plans, s->plan);
		json_t *entry;
		BUF(hand, 1024);

		if (s->phase == SLOT_FREE)
			continue;
		entry = rundoc_entry(t, "step");
		if (json_object_get(plan, "attack"))
			json_object_set(entry, "attack", json_object_get(plan, "attack"));
		json_object_set_new(entry, "step", json_string(s->type));
		json_object_set_new(entry, "object", json_string(s->object));
		json_object_set_new(entry, "phase",
		                    json_string(slot_phase_name((enum slot_phase)s->phase)));
		json_object_set_new(entry, "was", json_string(s->base));
		if (s->note[0])
			json_object_set_new(entry, "note", json_string(s->note));
		undo_by_hand(s, &hand);
		if (s->phase == SLOT_RESIDUE && hand.len && !hand.over)
			json_object_set_new(entry, "by-hand", json_string(hand.data));
		rundoc_tell(run, entry);
	}
}

static enum cleanup_state cleanup_of(const struct undo_log *log)
{
	bool residue = false;

	for (size_t i = 0; i < log->n; i++) {
		if (log->slots[i].phase == SLOT_RESIDUE)
			residue = true;
		else if (slot_phase_is_live((enum slot_phase)log->slots[i].phase))
			return CLEANUP_UNKNOWN;
	}
	return residue ? CLEANUP_RESIDUE : CLEANUP_CLEAN;
}

static void verdict_tell(struct rundoc *run, uint64_t t, enum cleanup_state cleanup, bool armed)
{
	enum outcome outcome = armed ? OUTCOME_LOST : OUTCOME_ERRORED;
	const json_t *abort = json_object_get(run->doc, "abort");
	const char *said = json_string_value(json_object_get(abort, "verdict"));
	enum verdict verdict = said && strcmp(said, verdict_name(VERDICT_REFUTED)) == 0
	                               ? VERDICT_REFUTED
	                               : VERDICT_INCONCLUSIVE;
	const char *because = armed ? "the process that ran this died"
	                            : "the process that ran this died before anything was touched";
	json_t *entry = rundoc_entry(t, "verdict");

	json_object_set_new(entry, "verdict", json_string(verdict_name(verdict)));
	json_object_set_new(entry, "outcome", json_string(outcome_name(outcome)));
	json_object_set_new(entry, "cleanup", json_string(cleanup_name(cleanup)));
	json_object_set_new(entry, "exit",
	                    json_integer(rundoc_exit(verdict, outcome, cleanup, false)));
	json_object_set_new(entry, "because", json_string(because));
	json_object_set_new(entry, "went-wrong",
	                    json_pack("[s]", armed ? "The process that ran this died."
	                                           : "The process that ran this died before "
	                                             "anything was touched."));
	json_object_set_new(entry, "not-expected", json_array());
	rundoc_tell(run, entry);
}

/* Somebody still works on it. */
static bool is_held(const struct lost *l, const struct run_folder *f, const struct undo_log *log)
{
	char boot[BOOT_ID_MAX];

	if (run_folder_alive(l->world, f))
		return true;
	return log && boot_id_read(l->world, boot, NULL) == 0 &&
	       strcmp(boot, log->head.boot) == 0 && log->head.keeper.pid &&
	       proc_id_alive(l->world, log->head.keeper);
}

/* All three answers are there: a record that was damaged may have some. */
static bool is_judged(const struct rundoc *run)
{
	static const char *const answers[] = {"verdict", "outcome", "cleanup"};

	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (!json_is_string(json_object_get(run->doc, answers[i])))
			return false;
	return true;
}

static int finish(struct lost *l, const struct run_folder *f, const struct undo_log *log)
{
	enum cleanup_state cleanup = CLEANUP_CLEAN; /* no log: nothing was applied */
	struct rundoc *run;
	json_t *doc;
	size_t told;
	uint64_t t;
	int ret;

	if (run_folder_json(f, "start.json", &doc, NULL) < 0)
		return 0; /* died while making the folder: nothing to tell */
	run = rundoc_load(doc, l->err);
	json_decref(doc);
	if (!run)
		return 0;
	t = events_replay(f, run, &told);
	if (!is_judged(run)) {
		if (log) {
			steps_tell(run, log, t);
			cleanup = cleanup_of(log);
		} else if (run_folder_has(f, UNDO_LOG_NAME)) {
			cleanup = CLEANUP_UNKNOWN;
		}
		verdict_tell(run, t, cleanup, told > 0 || log);
	}
	ret = run_folder_end(f, rundoc_document(run), l->err);
	if (ret == 0 && l->told)
		l->told(l->ctx, f->id, run->doc);
	rundoc_free(run);
	return ret;
}

static int lost_one(void *ctx, const struct run_folder *f)
{
	struct lost *l = ctx;
	_cleanup_free_ struct slot *slots = NULL;
	struct undo_log log;
	bool has;
	int ret = 0;

	if (run_folder_has(f, "run.json") || !run_folder_has(f, "owner"))
		return 0;
	slots = calloc(UNDO_SLOTS, sizeof(*slots));
	if (!slots)
		return err_sys(l->err, ENOMEM, "could not read the undo log of run \"%s\"", f->id);
	has = undo_log_open(&log, f->fd, geteuid(), false, slots, NULL) == 0;
	if (!is_held(l, f, has ? &log : NULL))
		ret = finish(l, f, has ? &log : NULL);
	if (has)
		undo_log_close(&log);
	return ret;
}

int lost_finish_all(const struct world *w, const struct paths *paths, lost_told *told, void *ctx,
                    struct err *err)
{
	struct lost l = {w, told, ctx, err};

	return run_folder_each(paths, lost_one, &l, err);
}
