/* space.c - holds disk space in files without a name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/amount.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/quantity.h"
#include "base/space.h"
#include "helper/held.h"

/*
 * STATE: an amount (base/amount.h), then " reserved" when the blocks that the file system keeps for
 * root are to be taken as well.
 *
 * The space is allocated where the file system can, written where it cannot. The files have no name
 * (O_TMPFILE, or unlinked at once): the kernel frees them when this process ends.
 */
#define ALLOCATE_BYTES (1ull << 30) /* between two looks at the floor and at the orders */
#define WRITE_BYTES (16ull << 20)
#define LOOK_NS 250000000ull
enum { FILES_MAX = 64, PAGE = 4096 };

struct files {
	struct amount amount;
	bool reserved;
	int dir, fd[FILES_MAX];
	uint64_t size[FILES_MAX];
	size_t n;
	uint64_t held, block;
	uint64_t ordered_ns;
	int refusal; /* errno, until the next look */
	bool writes, reached;
	uint64_t *held_c, *most_c, *goal_c, *asked_c, *left_c, *floor_c, *full_c, *quota_c,
	        *refused_c, *written_c, *reach_c;
	char noise[WRITE_BYTES >> 4];
};

/* Where files without a name cannot be made it has one for a moment. */
static int file_make(struct files *f, const struct held *h)
{
	BUF(name, HELD_NAME_MAX + 16);
	int fd = openat(f->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 ||
	    (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL))
		return fd < 0 ? -errno : fd;
	held_file_name(&h->object, &name);
	(void)unlinkat(f->dir, name.data, 0);
	fd = openat(f->dir, name.data, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return unlinkat(f->dir, name.data, 0) < 0 ? -errno : fd;
}

static int write_noise(struct files *f, int fd, uint64_t from, uint64_t n)
{
	while (n) {
		uint64_t part = n < sizeof(f->noise) ? n : sizeof(f->noise);
		ssize_t k = pwrite(fd, f->noise, part, (off_t)from);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		from += (uint64_t)k;
		n -= (uint64_t)k;
	}
	/* what is only in the page cache may yet be refused, and is memory instead of space */
	if (fdatasync(fd) < 0)
		return -errno;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

static int extend(struct files *f, int fd, uint64_t from, uint64_t n)
{
	if (!f->writes) {
		int code = fallocate(fd, 0, (off_t)from, (off_t)n) < 0 ? -errno : 0;

		if (code != -EOPNOTSUPP && code != -ENOSYS)
			return code;
		f->writes = true;
		held_count(f->written_c, 1);
	}
	return write_noise(f, fd, from, n < WRITE_BYTES ? n : WRITE_BYTES);
}

/* What the file has by now, also of a try that failed half-way. */
static void measure(struct files *f, size_t i)
{
	struct stat st;

	if (fstat(f->fd[i], &st) < 0)
		return;
	f->held -= f->size[i];
	f->size[i] = (uint64_t)st.st_blocks * 512;
	f->held += f->size[i];
}

static int take_once(struct files *f, const struct held *h, uint64_t n)
{
	struct stat st;
	int code;

	if (f->n == 0 || f->refusal == -EFBIG) {
		int fd = f->n < FILES_MAX ? file_make(f, h) : -EFBIG;

		if (fd < 0)
			return fd;
		f->fd[f->n] = fd;
		f->size[f->n++] = 0;
	}
	if (fstat(f->fd[f->n - 1], &st) < 0)
		return -errno;
	code = extend(f, f->fd[f->n - 1], (uint64_t)st.st_size, n);
	measure(f, f->n - 1);
	return code;
}

/* A refusal for a large piece may leave room for a smaller one. */
static void take(struct files *f, const struct held *h, uint64_t n)
{
	n = n < ALLOCATE_BYTES ? n : ALLOCATE_BYTES;
	for (uint64_t before = f->held;; n = n / 2 / f->block * f->block) {
		f->refusal = take_once(f, h, n);
		if (f->refusal == -EFBIG && f->size[f->n - 1])
			f->refusal = take_once(f, h, n);
		if (f->refusal == 0 || f->refusal == -EINTR || f->held > before || n < 2 * f->block)
			return;
	}
}

static void give_back(struct files *f, uint64_t n)
{
	while (n && f->n) {
		size_t i = f->n - 1;
		struct stat st;
		uint64_t keep, before = f->held;

		if (fstat(f->fd[i], &st) < 0)
			return;
		keep = (uint64_t)st.st_size > n ? (uint64_t)st.st_size - n : 0;
		if (ftruncate(f->fd[i], (off_t)keep) < 0)
			return;
		measure(f, i);
		if (!keep) {
			f->held -= f->size[i];
			fd_close(&f->fd[i]);
			f->n--;
		}
		n -= n < before - f->held ? n : before - f->held;
		if (keep)
			return;
	}
}

static void tell(struct files *f, uint64_t left, uint64_t goal)
{
	uint64_t asked = amount_asked(&f->amount, f->held, left);

	held_count(f->goal_c, goal);
	held_count(f->asked_c, asked);
	held_count(f->left_c, left);
	held_count(f->held_c, f->held);
	held_count(f->floor_c, goal + f->block <= asked);
	held_count(f->full_c, f->refusal == -ENOSPC);
	held_count(f->quota_c, f->refusal == -EDQUOT);
	held_count(f->refused_c, f->refusal < 0 && f->refusal != -ENOSPC && f->refusal != -EDQUOT
	                                 ? (uint64_t)-f->refusal
	                                 : 0);
	if (f->held > *f->most_c)
		held_count(f->most_c, f->held);
}

static uint64_t left_of(const struct files *f, const struct space *s)
{
	return f->reserved ? s->free_bytes : s->available_bytes;
}

static uint64_t space_work(void *ctx, struct held *h)
{
	struct files *f = ctx;
	struct space s;
	uint64_t goal;

	if (space_read_fd(f->dir, &s, NULL) < 0)
		return LOOK_NS;
	goal = amount_goal(&f->amount, f->held, left_of(f, &s));
	goal = (goal + (f->amount.kind == AMOUNT_BYTES ? s.block_bytes - 1 : 0)) / s.block_bytes *
	       s.block_bytes;
	f->refusal = 0;
	if (goal + s.block_bytes <= f->held)
		give_back(f, f->held - goal);
	else if (goal >= f->held + s.block_bytes)
		take(f, h, goal - f->held);
	(void)!space_read_fd(f->dir, &s, NULL);
	tell(f, left_of(f, &s), goal);
	if (goal >= f->held + s.block_bytes && f->refusal == 0)
		return 0;
	if (!f->reached)
		held_count(f->reach_c, clock_boot_ns() - f->ordered_ns);
	f->reached = true;
	return LOOK_NS;
}

static int begin(struct files *f, struct held *h, struct err *err)
{
	_cleanup_fd_ int place = held_place_open(&h->world, &h->object, err);
	struct space s;
	struct rng rng = {.s = clock_boot_ns()};
	int code;

	if (place < 0)
		return place;
	f->dir = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return err_sys(err, errno, "could not open \"%s\"", h->object.where);
	code = space_read_fd(f->dir, &s, err);
	if (code < 0)
		return code;
	f->block = s.block_bytes;
	/* what a file system cannot make smaller */
	for (size_t i = 0; i + sizeof(uint64_t) <= sizeof(f->noise); i += sizeof(uint64_t)) {
		uint64_t x = rng_next(&rng);

		memcpy(f->noise + i, &x, sizeof(x));
	}
	f->held_c = held_counter(h, "held_bytes");
	f->most_c = held_counter(h, "most_bytes");
	f->goal_c = held_counter(h, "goal_bytes");
	f->asked_c = held_counter(h, "asked_bytes");
	f->left_c = held_counter(h, "left_bytes");
	f->floor_c = held_counter(h, "at_floor");
	f->full_c = held_counter(h, "full");
	f->quota_c = held_counter(h, "quota");
	f->refused_c = held_counter(h, "refused");
	f->written_c = held_counter(h, "written");
	f->reach_c = held_counter(h, "reach_ns");
	return 0;
}

static int space_order(void *ctx, struct held *h, const char *state, struct err *err)
{
	struct files *f = ctx;
	const char *rest;
	struct amount amount;
	int code = amount_parse(state, &amount, &rest, err);

	if (code == 0 && *rest && strcmp(rest, " reserved") != 0)
		code = err_set(err, -EINVAL, "cannot read the amount \"%s\"", state);
	if (code == 0 && f->dir < 0)
		code = begin(f, h, err);
	if (code == 0 && f->n == 0) {
		/* what cannot be done at all is an error, not a dose */
		int fd = file_make(f, h);

		if (fd < 0)
			return err_sys(err, -fd, "could not make a file in \"%s\"",
			               h->object.where);
		f->fd[f->n] = fd;
		f->size[f->n++] = 0;
	}
	if (code < 0)
		return code;
	f->amount = amount;
	f->reserved = *rest;
	f->reached = false;
	f->ordered_ns = clock_boot_ns();
	return 0;
}

static int space_main(int sock, const char *const *args)
{
	static const struct held_kind kind = {.order = space_order, .work = space_work};
	struct files *f = calloc(1, sizeof(*f));

	if (!f)
		return 1;
	f->dir = -1;
	return held_main(sock, args, &kind, f);
}

const struct helper_type helper_space = {.name = "space", .main = space_main};
