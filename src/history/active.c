/* Finds the runs that are in effect now. */
#include "history/active.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void log_read(const struct world *w, const struct run_folder *f, struct active *a)
{
	char boot[BOOT_ID_MAX];
	struct undo_log log;

	if (undo_log_open(&log, f->fd, geteuid(), false, a->slots, NULL) < 0)
		return;
	a->has_log = true;
	a->head = log.head;
	a->n = log.n;
	for (size_t i = 0; i < log.n; i++) {
		a->live += slot_phase_is_live((enum slot_phase)a->slots[i].phase);
		a->residue += a->slots[i].phase == SLOT_RESIDUE;
	}
	undo_log_close(&log);
	/* After a reboot the same numbers name other processes. */
	if (boot_id_read(w, boot, NULL) < 0 || strcmp(boot, a->head.boot) != 0)
		return;
	if (a->head.keeper.pid && proc_id_alive(w, a->head.keeper))
		a->keeper = a->head.keeper;
	if (a->head.runner.pid && proc_id_alive(w, a->head.runner))
		a->runner = a->head.runner;
}

int active_read(const struct world *w, const struct run_folder *f, struct active *a,
                struct err *err)
{
	struct proc_id owner;

	*a = (struct active){.id = f->id};
	a->slots = calloc(UNDO_SLOTS, sizeof(*a->slots));
	if (!a->slots)
		return err_sys(err, ENOMEM, "could not read run \"%s\"", f->id);
	log_read(w, f, a);
	owner = run_folder_owner(w, f);
	if (!a->runner.pid && owner.pid && proc_id_alive(w, owner))
		a->runner = owner;
	if (!a->runner.pid && !a->keeper.pid)
		return err_set(err, -ENOENT, "run \"%s\" is not active", f->id);
	return 0;
}

void active_release(struct active *a)
{
	free(a->slots);
	a->slots = NULL;
}

struct walk {
	const struct world *world;
	int (*each)(void *ctx, const struct run_folder *, const struct active *);
	void *ctx;
	struct err *err;
};

static int walk_one(void *ctx, const struct run_folder *f)
{
	struct walk *walk = ctx;
	_cleanup_active_ struct active a = {0};
	int ret;

	if (run_folder_has(f, "run.json"))
		return 0;
	ret = active_read(walk->world, f, &a, walk->err);
	if (ret == -ENOENT)
		return 0;
	return ret < 0 ? ret : walk->each(walk->ctx, f, &a);
}

int active_each(const struct world *w, const struct paths *paths,
                int (*each)(void *ctx, const struct run_folder *, const struct active *), void *ctx,
                struct err *err)
{
	struct walk walk = {w, each, ctx, err};

	return run_folder_each(paths, walk_one, &walk, err);
}
