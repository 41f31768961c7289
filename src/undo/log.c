/* log.c - the undo log: fixed slots, two checksummed copies each. */
#include "undo/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/paths.h"
#include "undo/cell.h"

static off_t slot_at(size_t i)
{
	return (off_t)(2 * cell_size(sizeof(struct log_head)) +
	               i * 2 * cell_size(sizeof(struct slot)));
}

const char *slot_phase_name(enum slot_phase phase)
{
	static const char *const names[] = {"free", "intent", "in",      "out",
	                                    "back", "gone",   "residue", "done"};

	return (size_t)phase < ARRAY_SIZE(names) ? names[phase] : "unknown";
}

bool slot_phase_is_live(enum slot_phase phase)
{
	return phase == SLOT_INTENT || phase == SLOT_IN || phase == SLOT_OUT ||
	       phase == SLOT_RESIDUE;
}

/* Strings come from a file: see that each ends within its array. */
static bool slot_is_sane(const struct slot *s)
{
	return s->phase <= SLOT_DONE && memchr(s->type, 0, sizeof(s->type)) &&
	       memchr(s->object, 0, sizeof(s->object)) && memchr(s->base, 0, sizeof(s->base)) &&
	       memchr(s->claim, 0, sizeof(s->claim)) && memchr(s->landed, 0, sizeof(s->landed)) &&
	       memchr(s->note, 0, sizeof(s->note));
}

/* The head is written after all else was: while it is zeros, nothing can have been applied. */
static bool was_written(int fd)
{
	char at[2][8] = {{0}};
	const char zeros[8] = {0};

	(void)!pread(fd, at[0], sizeof(at[0]), 0);
	(void)!pread(fd, at[1], sizeof(at[1]), (off_t)cell_size(sizeof(struct log_head)));
	return memcmp(at[0], zeros, sizeof(zeros)) != 0 || memcmp(at[1], zeros, sizeof(zeros)) != 0;
}

static int write_zeros(int fd, off_t n)
{
	static const char zeros[65536];

	while (n > 0) {
		size_t take = n < (off_t)sizeof(zeros) ? (size_t)n : sizeof(zeros);
		int r = write_all(fd, zeros, take);

		if (r < 0)
			return r;
		n -= (off_t)take;
	}
	return 0;
}

int undo_log_create(struct undo_log *log, int run_dir, const struct log_head *head,
                    struct slot *slots, struct err *err)
{
	_cleanup_fd_ int fd = openat(run_dir, UNDO_LOG_NAME,
	                             O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return err_sys(err, errno, "could not make the undo log");
	/* real blocks, not a hole and not merely reserved: it must be writable on a full disk */
	r = write_zeros(fd, slot_at(UNDO_SLOTS));
	if (r < 0)
		return err_sys(err, r, "could not write the undo log");
	*log = (struct undo_log){.fd = fd, .head = *head, .n = UNDO_SLOTS, .slots = slots};
	log->head.slots = UNDO_SLOTS;
	memset(slots, 0, UNDO_SLOTS * sizeof(*slots));
	r = undo_log_put_head(log, err);
	if (r < 0)
		return r;
	r = undo_log_sync(log, err);
	if (r < 0)
		return r;
	if (fsync(run_dir) < 0)
		return err_sys(err, errno, "could not sync the run folder");
	fd_take(&fd);
	return 0;
}

int undo_log_open(struct undo_log *log, int run_dir, uid_t uid, bool write, struct slot *slots,
                  struct err *err)
{
	_cleanup_fd_ int fd =
	        file_open_owned(run_dir, UNDO_LOG_NAME, write ? O_RDWR : O_RDONLY, uid, err);
	struct undo_log l = {.n = UNDO_SLOTS, .slots = slots};
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "could not look at the undo log");
	r = cell_read(fd, 0, &l.head, sizeof(l.head), &l.head_seq);
	if (r < 0)
		return err_sys(err, r, "could not read the undo log");
	if (!l.head_seq && !was_written(fd))
		return err_set(err, -ENODATA, "the undo log was never armed");
	if (!l.head_seq || l.head.slots != UNDO_SLOTS || st.st_size < slot_at(UNDO_SLOTS) ||
	    !memchr(l.head.run, 0, sizeof(l.head.run)) ||
	    !memchr(l.head.boot, 0, sizeof(l.head.boot)))
		return err_set(err, -EBADMSG, "the undo log is not readable");
	for (size_t i = 0; i < UNDO_SLOTS; i++) {
		uint64_t seq;

		r = cell_read(fd, slot_at(i), &slots[i], sizeof(slots[i]), &seq);
		if (r < 0)
			return err_sys(err, r, "could not read the undo log");
		slots[i].seq = seq;
		if (!slot_is_sane(&slots[i]))
			return err_set(err, -EBADMSG, "slot %zu of the undo log is not readable",
			               i);
	}
	l.fd = fd_take(&fd);
	*log = l;
	return 0;
}

bool undo_log_has_ended(int run_dir, uid_t uid)
{
	_cleanup_fd_ int fd = file_open_owned(run_dir, UNDO_LOG_NAME, O_RDONLY, uid, NULL);
	struct log_head head;
	uint64_t seq = 0;

	return fd >= 0 && cell_read(fd, 0, &head, sizeof(head), &seq) == 0 && seq && head.ended;
}

void undo_log_close(struct undo_log *log)
{
	fd_close(&log->fd);
}

int undo_log_put(struct undo_log *log, size_t i, struct err *err)
{
	struct slot *s = &log->slots[i];
	int r = BOUNDARY_FAIL("log put");

	BOUNDARY("before log put");
	s->seq++;
	if (r == 0)
		r = cell_write(log->fd, slot_at(i), s, sizeof(*s), s->seq);
	if (r < 0)
		return err_sys(err, r, "could not write the undo log");
	BOUNDARY("after log put");
	return 0;
}

int undo_log_put_head(struct undo_log *log, struct err *err)
{
	int r = cell_write(log->fd, 0, &log->head, sizeof(log->head), ++log->head_seq);

	if (r < 0)
		return err_sys(err, r, "could not write the undo log");
	return 0;
}

int undo_log_end(struct undo_log *log, struct err *err)
{
	size_t used = 0;
	int r;

	log->head.ended = 1;
	r = undo_log_put_head(log, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < log->n; i++)
		if (log->slots[i].seq)
			used = i + 1;
	/* a file system that cannot make holes keeps them */
	(void)!fallocate(log->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, slot_at(used),
	                 slot_at(UNDO_SLOTS) - slot_at(used));
	return 0;
}

int undo_log_sync(struct undo_log *log, struct err *err)
{
	int r = BOUNDARY_FAIL("log sync");

	if (r == 0 && fdatasync(log->fd) < 0)
		r = -errno;
	if (r < 0)
		return err_sys(err, r, "could not sync the undo log");
	BOUNDARY("after log sync");
	return 0;
}

size_t undo_log_find(const struct undo_log *log, const char *type, const char *object)
{
	for (size_t i = 0; i < log->n; i++)
		if (strcmp(log->slots[i].object, object) == 0 &&
		    strcmp(log->slots[i].type, type) == 0)
			return i;
	return SIZE_MAX;
}

size_t undo_log_free_slot(const struct undo_log *log)
{
	size_t used = SIZE_MAX;

	for (size_t i = 0; i < log->n; i++) {
		const struct slot *s = &log->slots[i];

		if (s->phase == SLOT_FREE && !s->object[0])
			return i;
		/* what is dealt with may be written over, the oldest first */
		if ((s->phase == SLOT_DONE || s->phase == SLOT_BACK || s->phase == SLOT_GONE) &&
		    (used == SIZE_MAX || s->order < log->slots[used].order))
			used = i;
	}
	return used;
}
