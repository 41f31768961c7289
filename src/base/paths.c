/* paths.c - where squall keeps things, and how it opens what is its own. */
#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/buf.h"
#include "base/ident.h"

static int printf_like(3, 4) join(char *to, struct err *err, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to, PATH_CAP, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= PATH_CAP)
		return err_set(err, -ENAMETOOLONG, "cannot use a folder name of %d bytes", n);
	return 0;
}

static const char *env_path(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] == '/' ? v : NULL;
}

int paths_find(struct paths *p, struct err *err)
{
	const char *own = getenv("SQUALL_DIR"), *home = env_path("HOME");
	const char *state = env_path("XDG_STATE_HOME"), *config = env_path("XDG_CONFIG_HOME");
	int r;

	if (own && own[0]) {
		if (own[0] != '/')
			return err_hint(
			        err,
			        err_set(err, -EINVAL, "SQUALL_DIR \"%s\" is not absolute", own),
			        "Give the whole path, from \"/\".");
		r = join(p->state, err, "%s/state", own);
		r = r ? r : join(p->runtime, err, "%s/run", own);
		r = r ? r : join(p->etc, err, "%s/etc", own);
	} else if (user_is_root()) {
		r = join(p->state, err, "/var/lib/squall");
		r = r ? r : join(p->runtime, err, "/run/squall");
		r = r ? r : join(p->etc, err, "/etc/squall");
	} else {
		if (!home && (!state || !config))
			return err_hint(err, err_set(err, -ENOENT, "HOME is not set"),
			                "Set HOME, or SQUALL_DIR to a folder of your own.");
		r = state ? join(p->state, err, "%s/squall", state)
		          : join(p->state, err, "%s/.local/state/squall", home);
		r = r ? r : join(p->runtime, err, "%s/run", p->state);
		r = r        ? r
		    : config ? join(p->etc, err, "%s/squall", config)
		             : join(p->etc, err, "%s/.config/squall", home);
	}
	r = r ? r : join(p->machine, err, "/run/squall");
	r = r ? r : join(p->runs, err, "%.500s/runs", p->state);
	r = r ? r : join(p->claims, err, "%.500s/claims", p->runtime);
	return r;
}

/* The type of the file system that will hold the undo log; 0: not known. */
static long log_f_type(const struct world *w, const struct paths *p)
{
	const char *said = world_answer(w, "undo-log.f_type");
	char path[PATH_CAP];
	struct statfs st;
	char *slash;

	if (!world_is_real(w))
		return said ? strtol(said, NULL, 16) : 0;
	/* the folder may not have been made yet: its nearest parent tells */
	(void)!text_copy(path, sizeof(path), p->runs);
	while (statfs(path, &st) < 0) {
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return 0;
		*slash = '\0';
	}
	return (long)st.f_type;
}

const char *paths_copy_on_write(const struct world *w, const struct paths *p)
{
	static const struct {
		long magic;
		const char *name;
	} known[] = {{0x9123683e, "btrfs"}, {0x2fc12fc1, "zfs"}, {0xca451a4e, "bcachefs"}};
	long type = log_f_type(w, p);

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (type == known[i].magic)
			return known[i].name;
	return NULL;
}

/* A home that is not there, or another user's (su(1), sudo(8)). */
static int folder_failed(const char *what, const char *path, int code, struct err *err)
{
	bool own = (code == EACCES || code == EROFS) && geteuid() != 0;

	code = err_sys(err, code, "could not %s folder \"%s\"", what, path);
	return own ? err_hint(err, code,
	                      "Set HOME to yours, or SQUALL_DIR to a folder of your own.")
	           : code;
}

static int make_parents(const char *path, struct err *err)
{
	char part[PATH_CAP];

	if (text_copy(part, sizeof(part), path) < 0)
		return err_sys(err, ENAMETOOLONG, "cannot make folder \"%s\"", path);
	for (char *s = part + 1; (s = strchr(s, '/')); *s++ = '/') {
		*s = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return folder_failed("make", part, errno, err);
	}
	if (mkdir(part, 0700) < 0 && errno != EEXIST)
		return folder_failed("make", part, errno, err);
	return 0;
}

int dir_open_owned(const char *path, uid_t uid, bool make, struct err *err)
{
	_cleanup_fd_ int fd = -1;
	struct stat st;

	if (make && access(path, F_OK) < 0) {
		int r = make_parents(path, err);

		if (r < 0)
			return r;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return folder_failed("open", path, errno, err);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "could not look at folder \"%s\"", path);
	if (st.st_uid != uid || (st.st_mode & 022))
		return err_hint(
		        err, err_set(err, -EPERM, "folder \"%s\" is not safe to trust", path),
		        "It must belong to user %u and be writable by nobody else.", (unsigned)uid);
	return fd_take(&fd);
}

int paths_make(const struct paths *p, struct err *err)
{
	const char *const all[] = {p->state, p->runs, p->runtime, p->claims};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		int fd = dir_open_owned(all[i], geteuid(), true, err);

		if (fd < 0)
			return fd;
		close(fd);
	}
	return 0;
}

int file_open_owned(int dirfd, const char *name, int flags, uid_t uid, struct err *err)
{
	_cleanup_fd_ int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_sys(err, errno, "could not open \"%s\"", name);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", name);
	if (!S_ISREG(st.st_mode) || st.st_uid != uid || (st.st_mode & 022))
		return err_set(err, -EPERM, "\"%s\" is not a regular file of user %u alone", name,
		               (unsigned)uid);
	return fd_take(&fd);
}

int write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t k = write(fd, p, BOUNDARY_PART("write file", n));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			return -EIO;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

int file_put(int dirfd, const char *name, const void *data, size_t n, bool sync, struct err *err)
{
	char part[PATH_CAP];
	_cleanup_fd_ int fd = -1;
	int r;

	if ((size_t)snprintf(part, sizeof(part), ".%s.new", name) >= sizeof(part))
		return err_sys(err, ENAMETOOLONG, "cannot write \"%s\"", name);
	unlinkat(dirfd, part, 0);
	fd = openat(dirfd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "could not write \"%s\"", name);
	r = write_all(fd, data, n);
	if (r == 0 && sync && fsync(fd) < 0)
		r = -errno;
	if (r == 0 && renameat(dirfd, part, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, part, 0);
		return err_sys(err, r, "could not write \"%s\"", name);
	}
	if (sync && fsync(dirfd) < 0)
		return err_sys(err, errno, "could not sync the folder of \"%s\"", name);
	return 0;
}

int file_take(int dirfd, const char *name, size_t max, char **data, size_t *n, struct err *err)
{
	_cleanup_fd_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len = 0, cap = 4096;

	if (fd < 0)
		return err_sys(err, errno, "could not open \"%s\"", name);
	text = malloc(cap + 1);
	for (;;) {
		ssize_t k;

		if (!text)
			return err_sys(err, ENOMEM, "could not read \"%s\"", name);
		k = read(fd, text + len, cap - len);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(err, errno, "could not read \"%s\"", name);
		if (k == 0)
			break;
		len += (size_t)k;
		if (len > max)
			return err_set(err, -EFBIG, "\"%s\" is larger than %zu bytes", name, max);
		if (len == cap) {
			char *more = realloc(text, cap * 2 + 1);

			if (!more)
				return err_sys(err, ENOMEM, "could not read \"%s\"", name);
			text = more;
			cap *= 2;
		}
	}
	text[len] = '\0';
	*data = text;
	text = NULL;
	if (n)
		*n = len;
	return 0;
}
