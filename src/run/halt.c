/* Reads and writes the halt files. */
#include "run/halt.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/ident.h"

enum { HALT_MAX = 4096 };

static bool is_machine(const struct paths *paths)
{
	return strcmp(paths->runtime, paths->machine) == 0;
}

void halt_files(const struct paths *paths, bool anyone, struct halt_files *files)
{
	const size_t cap = sizeof(files->v[0]);

	files->n = 0;
	snprintf(files->v[files->n++], cap, "%s/halt", paths->runtime);
	if (!is_machine(paths))
		snprintf(files->v[files->n++], cap, "%s/halt", paths->machine);
	if (anyone)
		snprintf(files->v[files->n++], cap, "%s/anyone/halt", paths->machine);
}

static void name_of(uid_t uid, char *to, size_t cap)
{
	const struct passwd *user = getpwuid(uid);

	if (user)
		(void)!text_copy(to, cap, user->pw_name);
	else
		snprintf(to, cap, "%u", (unsigned)uid);
}

/* What is in it is for people: nothing follows from its being damaged. */
static void file_read(const char *path, const struct stat *st, struct halt *halt)
{
	_cleanup_fd_ int fd = S_ISREG(st->st_mode)
	                              ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
	                              : -1;
	char text[HALT_MAX], *when, *by;
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	when = text + strcspn(text, "\n");
	if (*when)
		*when++ = '\0';
	when[strcspn(when, "\n")] = '\0';
	by = strchr(when, ' ');
	if (by)
		*by++ = '\0';
	(void)!text_copy(halt->reason, sizeof(halt->reason), text);
	(void)!text_copy(halt->when, sizeof(halt->when), *when ? when : "a time not known");
	/* Only root is believed when it says for whom it acts. */
	if (by && st->st_uid == 0)
		(void)!text_copy(halt->by, sizeof(halt->by), by);
	else
		name_of(st->st_uid, halt->by, sizeof(halt->by));
	halt->own = st->st_uid == geteuid() || user_is_root();
}

bool halt_read(const struct halt_files *files, struct halt *halt)
{
	for (size_t i = 0; i < files->n; i++) {
		struct stat st;

		*halt = (struct halt){.own = false};
		(void)!text_copy(halt->path, sizeof(halt->path), files->v[i]);
		if (lstat(files->v[i], &st) == 0) {
			file_read(files->v[i], &st, halt);
			return true;
		}
		if (errno == ENOENT || errno == ENOTDIR)
			continue;
		snprintf(halt->reason, sizeof(halt->reason), "cannot look at \"%.150s\": %s",
		         files->v[i], err_text(errno));
		(void)!text_copy(halt->when, sizeof(halt->when), "a time not known");
		(void)!text_copy(halt->by, sizeof(halt->by), "somebody");
		return true;
	}
	return false;
}

/* One line: the reason is read back by lines. */
static void text_make(struct buf *text, const char *reason)
{
	const char *sudo = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	char name[64];

	for (const char *s = reason; *s && text->len < 190; s++)
		buf_addc(text, *s == '\n' || *s == '\r' ? ' ' : *s);
	buf_addc(text, '\n');
	clock_format_wall(text, clock_wall_ns());
	name_of(geteuid(), name, sizeof(name));
	if (sudo && sudo[0] && strcmp(sudo, "root") != 0)
		buf_addf(text, " %.60s as", sudo);
	buf_addf(text, " %.60s\n", name);
}

static int file_make(int dir, const char *reason, struct err *err)
{
	BUF(text, 512);
	int ret;

	text_make(&text, reason);
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
	/* So that those whose runs it ends can read why; that it is there is what counts. */
	if (ret == 0)
		(void)!fchmodat(dir, "halt", 0644, 0);
	return ret;
}

int halt_folder(const struct paths *paths, bool anyone, struct err *err)
{
	_cleanup_fd_ int dir = -1;
	struct stat st;

	if (!user_is_root() || !is_machine(paths))
		return 0;
	dir = dir_open_owned(paths->machine, 0, true, err);
	if (dir < 0)
		return dir;
	if (fchmod(dir, 0711) < 0 || !anyone)
		return anyone ? err_sys(err, errno, "could not open \"%s\" to others",
		                        paths->machine)
		              : 0;
	if (mkdirat(dir, "anyone", 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "could not make \"%s/anyone\"", paths->machine);
	if (fstatat(dir, "anyone", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != 0 || fchmodat(dir, "anyone", 01733, 0) < 0)
		return err_set(err, -EPERM, "\"%s/anyone\" is not a folder of root's",
		               paths->machine);
	return 0;
}

int halt_put(const struct paths *paths, const char *reason, struct err *err)
{
	_cleanup_fd_ int dir = -1;
	int ret = paths_make(paths, err);

	if (ret == 0)
		ret = halt_folder(paths, false, err);
	if (ret < 0)
		return ret;
	dir = dir_open_owned(paths->runtime, geteuid(), true, err);
	return dir < 0 ? dir : file_make(dir, reason, err);
}

int halt_put_everyone(const struct paths *paths, const char *reason, struct err *err)
{
	_cleanup_fd_ int dir = -1, fd = -1;
	char path[PATH_CAP + 32];
	BUF(text, 512);

	if (user_is_root()) {
		dir = dir_open_owned(paths->machine, 0, true, err);
		if (dir < 0)
			return dir;
		(void)!fchmod(dir, 0711);
		return file_make(dir, reason, err);
	}
	snprintf(path, sizeof(path), "%s/anyone/halt", paths->machine);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return 0; /* halted already, whoever it was */
	if (fd < 0 && (errno == ENOENT || errno == EACCES)) {
		err_set(err, -errno, "could not halt the runs of others: \"%s\": %s", path,
		        err_text(errno));
		return err_hint(err, err->code,
		                "That folder is made by root's runs, unless its policy says "
		                "\"halt: root\".");
	}
	if (fd < 0)
		return err_sys(err, errno, "could not write \"%s\"", path);
	(void)!fchmod(fd, 0644);
	text_make(&text, reason);
	(void)!write_all(fd, text.data, text.len); /* that it is there is what counts */
	return 0;
}

int halt_lift(const struct paths *paths, struct err *err)
{
	struct halt_files files;
	int lifted = 0;

	halt_files(paths, true, &files);
	for (size_t i = 0; i < files.n; i++) {
		struct stat st;

		/* Root with SQUALL_DIR is not the machine's root: it lifts its own. */
		if (i > 0 && user_is_root() && !is_machine(paths))
			break;
		if (lstat(files.v[i], &st) < 0 || (st.st_uid != geteuid() && !user_is_root()))
			continue;
		if (unlink(files.v[i]) == 0)
			lifted = 1;
		else if (errno != ENOENT)
			return err_sys(err, errno, "could not remove \"%s\"", files.v[i]);
	}
	return lifted;
}
