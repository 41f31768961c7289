/* world.c - how code reaches a machine. */
#include "base/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *below(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int world_open_real(struct world *w, struct err *err)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "could not open \"/\"");
	w->root = fd;
	w->fake = NULL;
	return 0;
}

void world_close(struct world *w)
{
	fd_close(&w->root);
}

bool world_is_real(const struct world *w)
{
	return !w->fake;
}

const char *world_answer(const struct world *w, const char *key)
{
	if (!w->fake)
		return NULL;
	for (size_t i = 0; i < w->fake->n; i++)
		if (strcmp(w->fake->v[i].key, key) == 0)
			return w->fake->v[i].value;
	return NULL;
}

/* A link of a recorded machine that is absolute leads to that machine's root, not to this one's. */
static int open_recorded(const struct world *w, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};

	return (int)syscall(SYS_openat2, w->root, below(path), &how, sizeof(how));
}

/* Below another process's root a link that is absolute leads to that root, as it does for that
 * process; else who owns a container would choose a place of this machine with it. */
static int open_within(const struct world *w, const char *path, size_t root_n, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
	char root[64];
	_cleanup_fd_ int fd = -1;

	snprintf(root, sizeof(root), "%.*s", (int)root_n, path);
	fd = openat(w->root, below(root), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? fd : (int)syscall(SYS_openat2, fd, below(path + root_n), &how, sizeof(how));
}

/* The length of "/proc/PID/root/"; 0: it does not begin so. */
static size_t root_of_process(const char *path)
{
	int n = 0;

	return sscanf(path, "/proc/%*u/root/%n", &n) == 0 && n > 0 && n < 64 ? (size_t)n : 0;
}

int world_openat(const struct world *w, const char *path, int flags)
{
	size_t root_n = root_of_process(path);
	int fd = w->fake  ? open_recorded(w, path, flags)
	         : root_n ? open_within(w, path, root_n, flags)
	                  : openat(w->root, below(path), flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int world_read(const struct world *w, const char *path, struct buf *to, struct err *err)
{
	_cleanup_fd_ int fd = world_openat(w, path, O_RDONLY);

	if (fd < 0)
		return err_sys(err, fd, "could not open \"%s\"", path);
	buf_reset(to);
	for (;;) {
		size_t room = to->cap - to->len - 1;
		char extra;
		ssize_t n = room ? read(fd, to->data + to->len, room) : read(fd, &extra, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "could not read \"%s\"", path);
		if (n == 0)
			break;
		if (!room)
			return err_sys(err, EFBIG, "cannot read \"%s\"", path);
		to->len += (size_t)n;
	}
	to->data[to->len] = '\0';
	while (to->len && to->data[to->len - 1] == '\n')
		to->data[--to->len] = '\0';
	return 0;
}

int world_readf(const struct world *w, struct buf *to, struct err *err, const char *fmt, ...)
{
	char path[PATH_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_sys(err, ENAMETOOLONG, "cannot open a path of %d bytes", n);
	return world_read(w, path, to, err);
}

int world_readlink(const struct world *w, const char *path, struct buf *to, struct err *err)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(w->root, below(path), text, sizeof(text));

	if (n < 0)
		return err_sys(err, errno, "could not read link \"%s\"", path);
	buf_reset(to);
	buf_add_n(to, text, (size_t)n);
	return 0;
}

int world_inode(const struct world *w, const char *path, uint64_t *ino, uint64_t *dev,
                struct err *err)
{
	_cleanup_fd_ int fd = world_openat(w, path, O_PATH);
	struct stat st;
	const char *recorded;
	BUF(key, PATH_MAX);

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, fd < 0 ? -fd : errno, "could not look at \"%s\"", path);
	buf_addf(&key, "inode %s", path);
	recorded = world_answer(w, key.data);
	if (recorded)
		st.st_ino = strtoull(recorded, NULL, 10);
	if (ino)
		*ino = st.st_ino;
	if (dev)
		*dev = st.st_dev;
	return 0;
}

bool world_exists(const struct world *w, const char *path)
{
	return faccessat(w->root, below(path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Numbers by value, before words; words by bytes. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t nx = strspn(x, "0123456789"), ny = strspn(y, "0123456789");
	bool number_x = nx && !x[nx], number_y = ny && !y[ny];

	if (number_x != number_y)
		return number_x ? -1 : 1;
	if (number_x && nx != ny)
		return nx < ny ? -1 : 1;
	return strcmp(x, y);
}

int world_list(const struct world *w, const char *path, int (*each)(void *ctx, const char *name),
               void *ctx, struct err *err)
{
	int fd = world_openat(w, path, O_RDONLY | O_DIRECTORY), r = 0;
	char **names = NULL;
	size_t n = 0, cap = 0;
	DIR *d;

	if (fd < 0)
		return err_sys(err, fd, "could not list \"%s\"", path);
	d = fdopendir(fd);
	if (!d) {
		r = err_sys(err, errno, "could not list \"%s\"", path);
		close(fd);
		return r;
	}
	for (struct dirent *e; (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (n == cap) {
			size_t more = cap ? cap * 2 : 64;
			char **v = realloc(names, more * sizeof(*v));

			if (!v) {
				r = -ENOMEM;
				break;
			}
			names = v;
			cap = more;
		}
		names[n] = strdup(e->d_name);
		if (!names[n]) {
			r = -ENOMEM;
			break;
		}
		n++;
	}
	closedir(d);
	if (r)
		err_sys(err, ENOMEM, "could not list \"%s\"", path);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n && !r; i++)
		r = each(ctx, names[i]);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return r;
}
