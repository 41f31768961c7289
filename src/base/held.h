/*
 * held.h - what a helper that holds something and the step type "held" know of each other.
 *
 * OBJECT is "KIND NAME", or "KIND NAME WHERE@INODE": the helper that holds it ("cpu", "memory",
 * "space"); a name of its own, with the run and the attack in it, so that nobody shares it; and the
 * cgroup or folder where it is held, absolute, with the inode that it must have. STATE is "absent",
 * words of the helper's own (helper/KIND.c), or "left": the holder died, only its card is there.
 *
 * The card is a small file by that name below squall's runtime folder: which process holds the
 * object, and what it was told to. The helper writes it before it takes anything, so that any
 * process, also one that never saw it start, can ask what is held. A card whose process is gone
 * means: nothing is held any more. The page is shared memory (struct hold's `page`, HELPER_PAGE in
 * the helper) where the helper keeps its counters: they outlive it.
 */
#ifndef SQUALL_BASE_HELD_H
#define SQUALL_BASE_HELD_H

#include "base/buf.h"
#include "base/counters.h"
#include "base/err.h"
#include "base/ident.h"
#include "base/world.h"

enum { HELD_KIND_MAX = 16, HELD_NAME_MAX = 64, HELD_WHERE_MAX = 320, HELD_STATE_MAX = 480 };

struct held_object {
	char kind[HELD_KIND_MAX], name[HELD_NAME_MAX];
	char where[HELD_WHERE_MAX]; /* "": nowhere in particular */
	uint64_t ino;
};

/* -ENAMETOOLONG, -EINVAL for a name or a place that cannot be written so. */
int held_object_format(const struct held_object *, struct buf *to, struct err *) must_use;
int held_object_parse(const char *object, struct held_object *, struct err *) must_use;
/* The name for an attack of a run. */
void held_name(const char *run, unsigned n, char name[HELD_NAME_MAX]);
/* The name that a file of the holder has for a moment, where a file cannot be made without one. */
void held_file_name(const struct held_object *, struct buf *to);
/* Opens the place (O_PATH) and sees that it is the one that is meant. -ESTALE: it is gone. */
int held_place_open(const struct world *, const struct held_object *, struct err *) must_use;

struct held_card {
	struct proc_id holder; /* pid 0: there is no card */
	char state[HELD_STATE_MAX];
};

/* No card is no error. */
int held_card_read(const char *name, struct held_card *, struct err *) must_use;
/* Makes it, and clears away those whose process is gone. */
int held_card_make(const struct world *, const char *name, const struct held_card *,
                   struct err *) must_use;
/* Changes it in place: no space is needed for that. */
int held_card_change(const char *name, const struct held_card *, struct err *) must_use;
void held_card_remove(const char *name);
/* How many cards whose names begin so, but for this one, are those of live processes. */
size_t held_cards_live(const struct world *, const char *prefix, const char *except);

/* The page: a struct counters in a memfd, allocated in full. Returns the descriptor. */
int held_page_make(struct err *) must_use;
int held_page_read(int page, struct counters *, struct err *) must_use;

#endif
