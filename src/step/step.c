/* step.c - the registry of step types, and what they have in common. */
#include "step/step.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BUSY_EVERY_NS 50000000ull

#define STEP(name) extern const struct step_type step_type_##name;
#include "step/steps.def"
#undef STEP

const struct step_type *step_type_find(const char *name)
{
	for (size_t i = 0; step_types[i]; i++)
		if (strcmp(step_types[i]->name, name) == 0)
			return step_types[i];
	return NULL;
}

bool step_same(const struct step_type *t, const char *want, const char *seen)
{
	return strcmp(want, seen) == 0 || (t->same && t->same(want, seen));
}

int step_get(const struct step_type *t, const struct world *w, struct hold *h, const char *object,
             struct buf *state, struct err *err)
{
	return h && t->look ? t->look(h, object, state, err) : t->get(w, object, state, err);
}

const char *step_dies_with(const struct step_type *t)
{
	if (t->flags & STEP_IRREVERSIBLE)
		return "never";
	if (t->flags & STEP_DIES_WITH_HOLDER)
		return "kernel";
	return t->flags & STEP_DIES_WITH_BOOT ? "boot" : "log";
}

bool stat_may(const struct stat *st, uid_t uid)
{
	/* the group's bits are also the mask of an access control list (acl(5)) */
	return st->st_uid == uid || (st->st_mode & (S_IWGRP | S_IWOTH));
}

void hold_init(struct hold *h)
{
	memset(h, 0, sizeof(*h));
	h->stash = -1;
	for (size_t i = 0; i < ARRAY_SIZE(h->fd); i++)
		h->fd[i] = -1;
	h->holder.pidfd = -1;
	h->holder.sock = -1;
	h->page = -1;
}

void hold_release(struct hold *h)
{
	for (size_t i = 0; i < ARRAY_SIZE(h->fd); i++)
		fd_close(&h->fd[i]);
	fd_close(&h->holder.pidfd);
	fd_close(&h->holder.sock);
	fd_close(&h->page);
}

int hold_process(struct hold *h, struct proc_id id, const char *object, struct err *err)
{
	int fd = proc_id_open(h->world, id, err);
	if (fd == -ESRCH)
		return err_set(err, -ESTALE, "process %s is gone", object);
	if (fd < 0)
		return fd;
	/* kill(2): signal 0 only asks whether one may. Refused now, before anything is logged. */
	if (pidfd_signal(fd, 0) == -EPERM) {
		close(fd);
		return err_hint(err, err_set(err, -EPERM, "cannot signal process %s", object),
		                "It belongs to another user: be that user, or root.");
	}
	h->fd[0] = fd;
	return 0;
}

int hold_wait_gone(struct hold *h, int pidfd, uint64_t patience_ns)
{
	int r = -ETIMEDOUT;

	while (r == -ETIMEDOUT && patience_ns) {
		uint64_t slice = patience_ns < BUSY_EVERY_NS ? patience_ns : BUSY_EVERY_NS;

		r = pidfd_wait_gone(pidfd, slice);
		patience_ns -= slice;
		if (r == -ETIMEDOUT && h->busy)
			(void)h->busy(h);
	}
	return r;
}

const struct step_type *const step_types[] = {
#define STEP(name) &step_type_##name,
#include "step/steps.def"
#undef STEP
        NULL,
};
