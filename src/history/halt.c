/* Reads and writes the halt file. */
#include "history/halt.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { HALT_MAX = 4096 };

void halt_path(const struct paths *paths, char path[PATH_CAP + 16])
{
	snprintf(path, PATH_CAP + 16, "%s/halt", paths->runtime);
}

int halt_put(const struct paths *paths, const char *reason, struct err *err)
{
	_cleanup_fd_ int dir = -1;
	const struct passwd *user = getpwuid(getuid());
	BUF(text, 512);
	int ret = paths_make(paths, err);

	if (ret < 0)
		return ret;
	dir = dir_open_owned(paths->runtime, geteuid(), true, err);
	if (dir < 0)
		return dir;
	/* One line: the reason is read back by lines. */
	for (const char *s = reason; *s && text.len < 190; s++)
		buf_addc(&text, *s == '\n' || *s == '\r' ? ' ' : *s);
	buf_addc(&text, '\n');
	if (user)
		buf_addf(&text, "%.60s ", user->pw_name);
	else
		buf_addf(&text, "%u ", (unsigned)getuid());
	clock_format_wall(&text, clock_wall_ns());
	buf_addc(&text, '\n');
	ret = file_put(dir, "halt", text.data, text.len, true, err);
	if (ret == -ENOSPC || ret == -EDQUOT) {
		/* A full disk has room for a name more often than for words. */
		_cleanup_fd_ int fd =
		        openat(dir, "halt", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd >= 0) {
			*err = (struct err)ERR_INIT;
			return 0;
		}
	}
	return ret;
}

int halt_read(const struct paths *paths, struct halt *halt, struct err *err)
{
	_cleanup_fd_ int dir = -1;
	_cleanup_free_ char *text = NULL;
	char *second, *when;
	int ret;

	*halt = (struct halt){0};
	if (access(paths->runtime, F_OK) < 0 && errno == ENOENT)
		return 0;
	dir = dir_open_owned(paths->runtime, geteuid(), false, err);
	if (dir < 0)
		return dir;
	if (faccessat(dir, "halt", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	ret = file_take(dir, "halt", HALT_MAX, &text, NULL, err);
	if (ret < 0)
		return ret;
	second = text + strcspn(text, "\n");
	if (*second)
		*second++ = '\0';
	second[strcspn(second, "\n")] = '\0';
	when = strchr(second, ' ');
	if (when)
		*when++ = '\0';
	(void)!text_copy(halt->reason, sizeof(halt->reason), text);
	(void)!text_copy(halt->by, sizeof(halt->by), *second ? second : "somebody");
	(void)!text_copy(halt->when, sizeof(halt->when), when ? when : "a time not known");
	return 1;
}

int halt_lift(const struct paths *paths, struct err *err)
{
	char path[PATH_CAP + 16];

	halt_path(paths, path);
	if (unlink(path) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_sys(err, errno, "could not remove \"%s\"", path);
}
