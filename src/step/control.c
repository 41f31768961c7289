/* control.c - a control file: one line of text that the kernel reads and answers. */
#include "step/control.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/boundary.h"
#include "step/step.h"

enum { WRITE_TRIES = 2 };

struct control {
	char dir[OBJECT_MAX]; /* "" + name: the path without its identity */
	char name[OBJECT_MAX];
	uint64_t ino; /* of the directory; 0: no identity asked for */
};

static int object_parse(const char *object, struct control *c, struct err *err)
{
	char path[OBJECT_MAX];
	uint64_t ino = 0;
	char *at, *end, *slash = NULL;
	bool ok = object[0] == '/' && text_copy(path, sizeof(path), object) == 0;
	if (ok && (at = strrchr(path, '@')) && isdigit((unsigned char)at[1])) {
		errno = 0;
		ino = strtoull(at + 1, &end, 10);
		if (*end || errno)
			ino = 0;
		else
			*at = 0;
	}
	ok = ok && (slash = strrchr(path, '/')) && slash[1];
	if (!ok)
		return err_set(err, -EINVAL, "\"%s\" is not the path of a control file", object);
	memcpy(c->name, slash + 1, strlen(slash + 1) + 1);
	slash[slash == path] = 0;
	memcpy(c->dir, path, strlen(path) + 1);
	c->ino = ino;
	return 0;
}

/* The directory, certain to be the one meant. */
static int dir_open(const struct world *w, const struct control *c, int *fd, struct err *err)
{
	struct stat st = {0};
	_cleanup_fd_ int dir = world_openat(w, c->dir, O_PATH | O_DIRECTORY);
	if (dir < 0) {
		bool gone = c->ino && (dir == -ENOENT || dir == -ENODEV);
		return gone ? err_set(err, -ESTALE, "\"%s\" is gone", c->dir)
		            : err_sys(err, -dir, "could not open \"%s\"", c->dir);
	}
	if (fstat(dir, &st) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", c->dir);
	uint64_t ino = st.st_ino;
	if (!world_is_real(w)) /* a recorded machine remembers the numbers that it had */
		(void)!world_inode(w, c->dir, &ino, NULL, NULL);
	if (c->ino && ino != c->ino)
		return err_set(err, -ESTALE, "\"%s\" is gone, another has its name", c->dir);
	*fd = fd_take(&dir);
	return 0;
}

static int control_openat(const struct world *w, const char *object, int flags, int *fd,
                          struct err *err)
{
	struct control c = {0};
	_cleanup_fd_ int dir = -1;
	int code = object_parse(object, &c, err);
	if (code == 0)
		code = dir_open(w, &c, &dir, err);
	if (code < 0)
		return code;
	int f = openat(dir, c.name, flags | O_CLOEXEC | O_NOFOLLOW);
	if (f < 0 && errno == ENODEV && c.ino) /* removed between the two opens */
		return err_set(err, -ESTALE, "\"%s\" is gone", c.dir);
	if (f < 0)
		return err_sys(err, errno, "could not open \"%s/%s\"", c.dir, c.name);
	*fd = f;
	return 0;
}

/* A removed cgroup answers ENODEV to whoever still has its files open. */
static int io_error(struct err *err, const char *object, const char *verb, int e)
{
	if (e == ENODEV)
		return err_set(err, -ESTALE, "\"%s\" is gone", object);
	return err_sys(err, e, "could not %s \"%s\"", verb, object);
}

static int text_read(int fd, const char *object, struct buf *to, struct err *err)
{
	char text[STATE_MAX + 1];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	if (n < 0)
		return io_error(err, object, "read", errno);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n >= STATE_MAX || memchr(text, '\n', (size_t)n) || memchr(text, 0, (size_t)n))
		return err_set(err, -EFBIG, "\"%s\" is not one line of text", object);
	buf_reset(to);
	buf_add_n(to, text, (size_t)n);
	return to->over ? err_set(err, -EFBIG, "no room for the text of \"%s\"", object) : 0;
}

static bool control_may(const struct world *w, const char *object, uid_t uid)
{
	struct stat st = {0};
	_cleanup_fd_ int fd = -1;
	return control_openat(w, object, O_PATH, &fd, NULL) == 0 && fstat(fd, &st) == 0 &&
	       stat_may(&st, uid);
}

static int control_open(struct hold *h, const char *object, struct err *err)
{
	return control_openat(h->world, object, O_RDWR, &h->fd[0], err);
}

static int control_get(const struct world *w, const char *object, struct buf *state,
                       struct err *err)
{
	_cleanup_fd_ int fd = -1;
	int code = control_openat(w, object, O_RDONLY, &fd, err);
	return code < 0 ? code : text_read(fd, object, state, err);
}

/* One write: the kernel takes each write as a whole setting. One that took only a part of it is
 * made again, whole. *part: something else than the whole may be there now. */
static int text_write(int fd, const char *text, bool *part)
{
	size_t n = strlen(text);
	struct stat st;
	/* Files of the kernel take no blocks; a plain file would keep the tail of a longer text. */
	if (fstat(fd, &st) == 0 && st.st_blocks > 0) {
		if (ftruncate(fd, 0) < 0)
			return -errno;
		*part = true;
	}
	for (int tries = 0; tries < WRITE_TRIES; tries++) {
		ssize_t put = pwrite(fd, text, BOUNDARY_PART("write control", n), 0);
		if (put < 0)
			return -errno;
		if ((size_t)put == n)
			return 0;
		*part = true;
	}
	return -EIO;
}

static int control_set(struct hold *h, const char *object, const char *now, const char *to,
                       struct buf *landed, struct err *err)
{
	int code = BOUNDARY_FAIL("set control");
	bool part = false;
	if (code < 0)
		return err_sys(err, -code, "could not write \"%s\"", object);
	if (h->fd[0] < 0 && (code = control_open(h, object, err)) < 0)
		return code;
	code = text_write(h->fd[0], *to ? to : "\n", &part);
	/* Neither text may stay there: nobody would know it again. */
	if (code < 0 && part)
		(void)!text_write(h->fd[0], *now ? now : "\n", &part);
	if (code < 0)
		return io_error(err, object, "write", -code);
	return text_read(h->fd[0], object, landed, err);
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Word by word, and "30000" is the same as "30000 100000": what was left out (the period of
 * cpu.max) is left as it was. */
static bool control_same(const char *want, const char *seen)
{
	bool only_word = !strpbrk(want, " \t");
	for (;;) {
		while (blank(*want))
			want++;
		while (blank(*seen))
			seen++;
		if (!*want || !*seen)
			break;
		while (*want && !blank(*want) && *want == *seen) {
			want++;
			seen++;
		}
		if ((*want && !blank(*want)) || (*seen && !blank(*seen)))
			return false;
	}
	if (*want)
		return false;
	return !*seen || (only_word && strspn(seen, "0123456789") == strlen(seen));
}

static void control_by_hand(const char *object, const char *base, const char *claim, struct buf *to)
{
	struct control c = {0};
	/* Only texts that need no quoting beyond '': nothing is offered that a shell would read
	 * otherwise. */
	if (object_parse(object, &c, NULL) == 0 && !strchr(object, '\'') && !strchr(base, '\''))
		buf_addf(to, "echo '%s' > '%s/%s'", base, strcmp(c.dir, "/") ? c.dir : "", c.name);
}

const struct step_type step_type_control = {
        .name = "control",
        .summary = "text of a control file (cgroup, sysctl)",
        .flags = STEP_DIES_WITH_BOOT | STEP_LEAN,
        .open = control_open,
        .get = control_get,
        .set = control_set,
        .may = control_may,
        .merge = control_merge,
        .meter = control_meter,
        .same = control_same,
        .by_hand = control_by_hand,
};
