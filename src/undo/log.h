/*
 * log.h - the undo log: what the keeper writes before it acts; the truth from which anything is put
 * back.
 *
 * One file of fixed slots, one per (type, object), two checksummed copies each, written in turn: an
 * update rewrites, never appends. Allocated in full before the first step, so it can be written on
 * a full disk. The header carries run, boot, keeper and runner, so that a reader knows who lived. A
 * slot whose newer copy is torn falls back to the older one, which is the state before.
 *
 * Invariants: a slot is IN only after its INTENT was synced; BASE is the value before the FIRST
 * live run touched the object. Not to be assumed: that an INTENT was not applied; ask the machine.
 */
#ifndef SQUALL_UNDO_LOG_H
#define SQUALL_UNDO_LOG_H

#include "base/ident.h"
#include "step/step.h"

enum slot_phase {
	SLOT_FREE,
	SLOT_INTENT,  /* about to be applied, or about to be changed: may or may not have landed */
	SLOT_IN,      /* applied and read back */
	SLOT_OUT,     /* being reverted */
	SLOT_BACK,    /* reverted and read back */
	SLOT_GONE,    /* gone with its object, holder or boot */
	SLOT_RESIDUE, /* changed and not back */
	SLOT_DONE,    /* irreversible, done */
};
const char *slot_phase_name(enum slot_phase);
/* May still hurt: INTENT, IN, OUT, RESIDUE. */
bool slot_phase_is_live(enum slot_phase);

struct slot {
	uint64_t seq; /* grows with each write of this slot */
	uint32_t phase;
	uint32_t plan;      /* attack index */
	uint32_t order;     /* position in the order of applying */
	uint32_t was_there; /* the claim changed nothing: base was already as wanted */
	char type[TYPE_MAX], object[OBJECT_MAX];
	char base[STATE_MAX], claim[STATE_MAX], landed[STATE_MAX];
	struct proc_id holder; /* pid 0: none */
	char note[128];        /* why residue, or how it went */
};

struct log_head {
	char run[32], boot[BOOT_ID_MAX];
	struct proc_id keeper, runner;
	uint64_t uid, deadline_ns;
	uint64_t slots;
	uint64_t ended; /* 1: every slot was dealt with and checked */
};

struct undo_log {
	int fd;
	struct log_head head;
	uint64_t head_seq;
	size_t n;
	struct slot *slots; /* n, in memory, as last written; the caller's storage */
};

enum { UNDO_LOG_NAME_MAX = 16, UNDO_SLOTS = 128 };
#define UNDO_LOG_NAME "undo.log"

/* Makes "undo.log" in the run folder, written in full and synced. slots: caller's storage of
 * UNDO_SLOTS. */
int undo_log_create(struct undo_log *, int run_dir, const struct log_head *, struct slot *slots,
                    struct err *) must_use;
/* Opens an existing one, checked: owner, size, checksums. write: for undo. -EBADMSG: not readable
 * as a log. */
int undo_log_open(struct undo_log *, int run_dir, uid_t uid, bool write, struct slot *slots,
                  struct err *) must_use;
/* Reads the head alone, so that a thousand old runs cost nothing: every slot was dealt with. False
 * when it cannot be told. */
bool undo_log_has_ended(int run_dir, uid_t uid);
void undo_log_close(struct undo_log *);
/* Writes slot i from memory (seq is advanced) to the copy that is not current. No sync. */
int undo_log_put(struct undo_log *, size_t i, struct err *) must_use;
int undo_log_put_head(struct undo_log *, struct err *) must_use;
/* Says in the head that every slot was dealt with, and gives the disk back the slots that were
 * never used. */
int undo_log_end(struct undo_log *, struct err *) must_use;
int undo_log_sync(struct undo_log *, struct err *) must_use;
/* The slot of this object, whatever its phase; SIZE_MAX: none. */
size_t undo_log_find(const struct undo_log *, const char *type, const char *object);
/* A slot that was never used, else the oldest that is dealt with (back, gone, done); SIZE_MAX:
 * full. */
size_t undo_log_free_slot(const struct undo_log *);

#endif
