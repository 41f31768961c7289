/* undo.c - puts back what a dead run left, from its log alone. */
#include "undo/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "undo/claim.h"
#include "undo/revert.h"

/* A keeper that outlived its deadline by this much hangs: it is ended, and its log undone. One that
 * is in the middle of a change that is not prepared (a command runs) may take longer. */
#define KEEPER_GRACE_NS 2000000000ull
#define ASSISTED_GRACE_NS 600000000000ull
enum { LOCK_WAIT_MS = 3000, CLAIM_WAIT_NS = 100000000 };

struct undo {
	const struct world *world;
	int claims_dir, stash;
	const char *run;
	char boot[BOOT_ID_MAX];
	undo_told *told;
	void *ctx;
	bool list;
	bool early; /* the keeper is being killed */
	struct undo_result *result;
};

static int lock_log(int fd)
{
	for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (ms >= LOCK_WAIT_MS)
			return -EBUSY;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return 0;
}

/* How long after its deadline the keeper may still be at it. */
static uint64_t keeper_grace(const struct undo *u, const struct undo_log *log)
{
	struct proc_stat st;

	if (proc_stat_read(u->world, log->head.keeper.pid, &st, NULL) == 0 && st.state == 'T')
		return KEEPER_GRACE_NS;
	for (size_t i = 0; i < log->n; i++) {
		const struct slot *s = &log->slots[i];
		const struct step_type *t =
		        slot_phase_is_live((enum slot_phase)s->phase) && s->phase != SLOT_RESIDUE
		                ? step_type_find(s->type)
		                : NULL;

		if (t && !(t->flags & (STEP_LEAN | STEP_IRREVERSIBLE)))
			return ASSISTED_GRACE_NS;
	}
	return KEEPER_GRACE_NS;
}

/* A keeper that lives does its own work, unless it hangs past its deadline. */
static bool keeper_is_at_work(const struct undo *u, const struct undo_log *log)
{
	_cleanup_fd_ int pidfd = -1;

	if (strcmp(log->head.boot, u->boot) != 0 || !proc_id_alive(u->world, log->head.keeper))
		return false;
	if (u->list || !log->head.deadline_ns ||
	    clock_boot_ns() < log->head.deadline_ns + keeper_grace(u, log))
		return true;
	pidfd = proc_id_open(u->world, log->head.keeper, NULL);
	if (pidfd < 0)
		return false;
	(void)pidfd_signal(pidfd, SIGKILL);
	return pidfd_wait_gone(pidfd, KEEPER_GRACE_NS) < 0;
}

static void drop_claim(const struct undo *u, const struct slot *s)
{
	struct claim_file c;

	if (claim_open(&c, u->claims_dir, s->type, s->object, CLAIM_WAIT_NS, NULL) < 0)
		return;
	claim_drop(&c, u->run);
	(void)!claim_save(&c, NULL);
	claim_close(&c);
}

/* What a type needs of a process that never saw the fault start. */
static int undo_hold(const struct undo *u, const struct step_type *t, bool same_boot,
                     const struct slot *s, struct hold *h, struct err *err)
{
	hold_init(h);
	h->world = u->world;
	h->run = u->run;
	h->stash = u->stash;
	h->claim = s->claim;
	h->applied = s->phase == SLOT_IN     ? APPLIED
	             : s->phase == SLOT_BACK ? APPLIED_NOT
	                                     : APPLIED_MAYBE;
	h->holder.id = s->holder;
	if (same_boot && s->holder.pid > 0)
		h->holder.pidfd = proc_id_open(u->world, s->holder, NULL);
	if (h->holder.pidfd < 0)
		h->holder.pidfd = -1;
	return t->open ? t->open(h, s->object, err) : 0;
}

static void undo_slot(const struct undo *u, bool same_boot, struct slot *s)
{
	const struct revert rv = {u->world, u->claims_dir, u->run};
	const struct step_type *t = step_type_find(s->type);
	struct err err = ERR_INIT;
	struct hold h;
	int r;

	if (!t) {
		s->phase = SLOT_RESIDUE;
		slot_note(s, "this build has no step type \"%s\"", s->type);
		return;
	}
	if (!same_boot && (t->flags & (STEP_DIES_WITH_BOOT | STEP_DIES_WITH_HOLDER))) {
		s->phase = SLOT_GONE;
		slot_note(s, "gone with the boot");
		drop_claim(u, s);
		return;
	}
	r = undo_hold(u, t, same_boot, s, &h, &err);
	if (r == -ESTALE && !same_boot) {
		/* a file system that is not mounted yet looks like this too */
		s->phase = SLOT_RESIDUE;
		slot_note(s, "%.110s, or not mounted", err.what);
	} else if (r == -ESTALE) {
		s->phase = SLOT_GONE;
		slot_note(s, "gone with its object");
		drop_claim(u, s);
	} else if (r < 0) {
		s->phase = SLOT_RESIDUE;
		slot_note(s, "%.120s", err.what);
	} else {
		revert_slot(&rv, t, &h, s);
		if (t->close)
			t->close(&h);
	}
	hold_release(&h);
}

static void count(struct undo_result *result, enum slot_phase phase)
{
	result->back += phase == SLOT_BACK;
	result->gone += phase == SLOT_GONE;
	result->residue += phase == SLOT_RESIDUE;
}

/* After all went back each is read a second time: putting back one may have changed another. */
static bool is_still_back(const struct undo *u, struct undo_log *log, size_t i)
{
	const struct revert rv = {u->world, u->claims_dir, u->run};
	struct slot *s = &log->slots[i];
	const struct step_type *t = step_type_find(s->type);
	struct hold h;
	bool back, open;

	if (!(s->plan >> 31) || s->phase != SLOT_BACK || !t)
		return true;
	open = t->look && undo_hold(u, t, false, s, &h, NULL) == 0;
	back = (t->look && !open) || slot_is_back(&rv, t, open ? &h : NULL, s);
	if (open && t->close)
		t->close(&h);
	if (t->look)
		hold_release(&h);
	if (back)
		return true;
	s->phase = SLOT_RESIDUE;
	slot_note(s, "was put back, but reads otherwise again");
	s->plan &= ~(1u << 31);
	(void)!undo_log_put(log, i, NULL);
	u->result->back--;
	u->result->residue++;
	if (u->told)
		u->told(u->ctx, u->run, s);
	return false;
}

static int undo_slots(struct undo *u, struct undo_log *log, struct err *err)
{
	bool same_boot = strcmp(log->head.boot, u->boot) == 0, left = false;
	int r = 0;

	for (;;) {
		size_t last = SIZE_MAX;
		struct slot *s;

		for (size_t i = 0; i < log->n; i++) {
			s = &log->slots[i];
			if (u->early && s->phase != SLOT_IN)
				continue;
			if (slot_phase_is_live((enum slot_phase)s->phase) && !(s->plan >> 31) &&
			    (last == SIZE_MAX || s->order > log->slots[last].order))
				last = i;
		}
		if (last == SIZE_MAX)
			break;
		s = &log->slots[last];
		if (!u->list) {
			BOUNDARY("before undo of a slot");
			undo_slot(u, same_boot, s);
			r = undo_log_put(log, last, err);
		}
		left |= slot_phase_is_live((enum slot_phase)s->phase);
		count(u->result, (enum slot_phase)s->phase);
		if (u->told)
			u->told(u->ctx, u->run, s);
		s->plan |= 1u << 31; /* seen in this round; in memory only, the slot is not written
		                        again */
	}
	for (size_t i = 0; i < log->n && !u->list; i++)
		left |= !is_still_back(u, log, i);
	if (!u->list && !u->early && !left && r == 0)
		r = undo_log_end(log, err);
	return r;
}

static bool has_work(const struct undo_log *log)
{
	for (size_t i = 0; i < log->n && !log->head.ended; i++)
		if (slot_phase_is_live((enum slot_phase)log->slots[i].phase))
			return true;
	return false;
}

/* On a disk that has turned read-only the log cannot say what was put back; the machine is put back
 * all the same. */
static int log_open(const struct undo *u, int run_dir, struct undo_log *log, struct slot *slots,
                    struct err *err)
{
	int r = undo_log_open(log, run_dir, geteuid(), !u->list, slots, err);

	return r == -EROFS ? undo_log_open(log, run_dir, geteuid(), false, slots, err) : r;
}

static int undo_one(struct undo *u, int run_dir, struct err *err)
{
	_cleanup_free_ struct slot *slots = NULL;
	_cleanup_fd_ int locked = -1, stash = -1;
	struct undo_log log = {.fd = -1};
	int r;

	if (undo_log_has_ended(run_dir, geteuid()))
		return 0;
	slots = calloc(UNDO_SLOTS, sizeof(*slots));
	if (!slots)
		return err_sys(err, ENOMEM, "could not read the undo log");
	r = log_open(u, run_dir, &log, slots, err);
	if (r == -ENOENT || r == -ENODATA)
		return 0;
	if (r < 0)
		return r;
	if (has_work(&log) && !u->early && keeper_is_at_work(u, &log))
		r = err_set(err, -EBUSY, "the keeper of run \"%s\" is at work", u->run);
	if (r == 0 && has_work(&log) && !u->list) {
		r = lock_log(log.fd);
		if (r < 0)
			err_sys(err, r, "could not lock the undo log of run \"%s\"", u->run);
		locked = fd_take(&log.fd);
		/* another undo may have been here first: read again under the lock */
		if (r == 0)
			r = log_open(u, run_dir, &log, slots, err);
	}
	if (r == 0 && has_work(&log)) {
		u->result->runs++;
		stash = openat(run_dir, "stash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		u->stash = stash;
		r = undo_slots(u, &log, err);
		u->stash = -1;
	}
	undo_log_close(&log);
	return r;
}

static int undo_begin(struct undo *u, const struct paths *paths, struct err *err)
{
	int r = boot_id_read(u->world, u->boot, err);

	if (r < 0)
		return r;
	u->claims_dir = dir_open_owned(paths->claims, geteuid(), !u->list, err);
	if (u->claims_dir == -ENOENT && u->list)
		return 0;
	return u->claims_dir < 0 ? u->claims_dir : 0;
}

static bool is_another_run(void *ctx, const char *run)
{
	return strcmp(run, ctx) != 0;
}

static int undo_one_folder(struct undo *u, const struct paths *paths, int run_dir, struct err *err)
{
	size_t residue = u->result->residue;
	int r = undo_begin(u, paths, err);

	if (r < 0)
		return r;
	r = undo_one(u, run_dir, err);
	/* a keeper that died between its claim and its slot left a claim that no slot knows */
	if (r == 0 && !u->early && u->result->residue == residue)
		r = claim_sweep(u->claims_dir, is_another_run, (void *)u->run, err);
	fd_close(&u->claims_dir);
	return r;
}

int undo_folder(const struct world *w, const struct paths *paths, int run_dir, const char *run,
                undo_told *told, void *ctx, struct undo_result *result, struct err *err)
{
	struct undo u = {
	        .world = w, .stash = -1, .run = run, .told = told, .ctx = ctx, .result = result};

	return undo_one_folder(&u, paths, run_dir, err);
}

int undo_folder_early(const struct world *w, const struct paths *paths, int run_dir,
                      const char *run, undo_told *told, void *ctx, struct undo_result *result,
                      struct err *err)
{
	struct undo u = {.world = w,
	                 .stash = -1,
	                 .run = run,
	                 .told = told,
	                 .ctx = ctx,
	                 .early = true,
	                 .result = result};

	return undo_one_folder(&u, paths, run_dir, err);
}

struct undo_walk {
	struct undo *u;
	int runs_dir;
	int worst;
	struct err *err;
};

static int undo_walk_one(void *ctx, const char *name)
{
	struct undo_walk *walk = ctx;
	struct err err = ERR_INIT;
	_cleanup_fd_ int dir =
	        openat(walk->runs_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (dir < 0)
		return 0; /* not a run folder */
	walk->u->run = name;
	r = undo_one(walk->u, dir, &err);
	if (r == -EBUSY) {
		walk->u->result->alive++;
	} else if (r < 0) {
		walk->u->result->unreadable++;
		walk->worst = r;
		if (walk->err)
			*walk->err = err;
		err_wrap(walk->err, r, "run \"%s\"", name);
	}
	return 0; /* one bad folder must not keep the others from being put back */
}

/* A run whose log has nothing live any more, or that has no folder, claims nothing. */
static bool run_claims(void *ctx, const char *run)
{
	const struct undo_walk *walk = ctx;
	_cleanup_free_ struct slot *slots = calloc(UNDO_SLOTS, sizeof(*slots));
	_cleanup_fd_ int dir =
	        openat(walk->runs_dir, run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct undo_log log;
	bool live;
	int r;

	if (!slots || (dir < 0 && errno != ENOENT))
		return true;
	if (dir < 0)
		return false;
	r = undo_log_open(&log, dir, geteuid(), false, slots, NULL);
	if (r < 0)
		return r != -ENOENT && r != -ENODATA;
	live = has_work(&log) || (!log.head.ended && keeper_is_at_work(walk->u, &log));
	undo_log_close(&log);
	return live;
}

static int undo_walk(struct undo *u, const struct paths *paths, struct err *err)
{
	struct world runs = {.root = -1};
	struct undo_walk walk = {.u = u, .err = err};
	int r = undo_begin(u, paths, err);

	if (r < 0)
		return r;
	runs.root = dir_open_owned(paths->runs, geteuid(), false, err);
	walk.runs_dir = runs.root;
	r = runs.root == -ENOENT ? 0
	    : runs.root < 0      ? runs.root
	                         : world_list(&runs, "/", undo_walk_one, &walk, err);
	if (r == 0 && !u->list && runs.root >= 0)
		r = claim_sweep(u->claims_dir, run_claims, &walk, err);
	world_close(&runs);
	fd_close(&u->claims_dir);
	return r < 0 ? r : walk.worst;
}

int undo_all(const struct world *w, const struct paths *paths, undo_told *told, void *ctx,
             struct undo_result *result, struct err *err)
{
	struct undo u = {.world = w, .stash = -1, .told = told, .ctx = ctx, .result = result};

	return undo_walk(&u, paths, err);
}

int undo_list(const struct world *w, const struct paths *paths, undo_told *told, void *ctx,
              struct undo_result *result, struct err *err)
{
	struct undo u = {
	        .world = w, .stash = -1, .told = told, .ctx = ctx, .list = true, .result = result};

	return undo_walk(&u, paths, err);
}

void undo_by_hand(const struct slot *s, struct buf *to)
{
	const struct step_type *t = step_type_find(s->type);

	if (t && t->by_hand)
		t->by_hand(s->object, s->base, s->claim, to);
}
