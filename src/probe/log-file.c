/* New lines of a file that grows, is renamed away, or is cut. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "probe/log-lines.h"

enum {
	CHUNK = 65536,
	MARK_MAX = 64, /* bytes before the place that tell whether the file is still the same */
	UNENDED_MAX = CHUNK, /* a line without an end is waited for no longer than this */
	FOLDER_MAX = 10000,  /* entries looked at for the file that was renamed away */
};

/* The last bytes before `at`, as a sum. False: they cannot be read. */
static bool mark_make(int fd, uint64_t at, char hex[SHA256_HEX])
{
	char bytes[MARK_MAX];
	size_t n = at < MARK_MAX ? (size_t)at : MARK_MAX;
	struct sha256 sum;
	if (pread(fd, bytes, n, (off_t)(at - n)) != (ssize_t)n)
		return false;
	sha256_init(&sum);
	sha256_add(&sum, bytes, n);
	sha256_end(&sum, hex);
	return true;
}

static json_t *place_make(int fd, const struct stat *st, uint64_t at)
{
	char mark[SHA256_HEX] = "";
	(void)mark_make(fd, at, mark);
	return json_pack("{s:I, s:I, s:I, s:s}", "dev", (json_int_t)st->st_dev, "ino",
	                 (json_int_t)st->st_ino, "at", (json_int_t)at, "mark", mark);
}

static uint64_t number_of(const json_t *place, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(place, name));
}

static bool same_file(const json_t *place, const struct stat *st)
{
	return json_object_get(place, "ino") && number_of(place, "dev") == st->st_dev &&
	       number_of(place, "ino") == st->st_ino;
}

/* What was read up to the place is still there. */
static bool same_content(const json_t *place, int fd, const struct stat *st)
{
	char mark[SHA256_HEX] = "";
	uint64_t at = number_of(place, "at");
	return (uint64_t)st->st_size >= at && mark_make(fd, at, mark) &&
	       !strcmp(mark, json_string_value(json_object_get(place, "mark")));
}

/* Reads lines from *at on, which is moved behind the last one that was taken. last: nothing will be
 * added, so a line without an end is one too. */
static int lines_take(int fd, uint64_t *at, uint64_t *budget, bool last, struct log_lines *lines,
                      bool *more, struct err *err)
{
	_cleanup_free_ char *room = malloc(CHUNK);
	size_t have = 0;
	if (!room)
		return err_sys(err, ENOMEM, "could not read the log");
	for (;;) {
		ssize_t got = pread(fd, room + have, CHUNK - have, (off_t)(*at + have));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, errno, "could not read the log");
		have += (size_t)got;
		char *line = room, *end;
		while ((end = memchr(line, '\n', have - (size_t)(line - room)))) {
			int rc = log_lines_add(lines, line, (size_t)(end - line), err);
			if (rc < 0)
				return rc;
			line = end + 1;
		}
		size_t taken = (size_t)(line - room), rest = have - taken;
		if (rest && !taken && (rest == UNENDED_MAX || (last && !got))) {
			int rc = log_lines_add(lines, line, rest, err);
			if (rc < 0)
				return rc;
			taken = rest;
			rest = 0;
		}
		memmove(room, room + taken, rest);
		have = rest;
		*at += taken;
		*budget -= taken < *budget ? taken : *budget;
		*more = *budget == 0;
		if (*more || (!taken && !got))
			return 0;
	}
}

/* Where a first look begins: at a line's start, unless that is the very end. */
static int first_place(int fd, const struct stat *st, uint64_t back, uint64_t *at, struct err *err)
{
	uint64_t size = (uint64_t)st->st_size;
	char c = '\n';
	if (back >= size) {
		*at = 0;
		return 0;
	}
	*at = size - back;
	if (!back)
		return 0;
	if (pread(fd, &c, 1, (off_t)*at - 1) != 1)
		return err_sys(err, errno, "could not read the log");
	while (c != '\n' && *at < size) {
		if (pread(fd, &c, 1, (off_t)*at) != 1)
			break;
		++*at;
	}
	return 0;
}

/* The file of the place, under another name in the same folder. */
struct search {
	const struct world *w;
	const char *folder;
	const json_t *place;
	size_t seen;
	int fd;
};

static int search_entry(void *ctx, const char *name)
{
	struct search *s = ctx;
	struct stat st;
	BUF(path, 4096);
	if (s->seen++ >= FOLDER_MAX)
		return 1;
	buf_addf(&path, "%s/%s", s->folder, name);
	_cleanup_fd_ int fd = world_openat(s->w, path.data, O_PATH | O_NOFOLLOW);
	if (path.over || fd < 0 || fstat(fd, &st) < 0 || !same_file(s->place, &st) ||
	    !S_ISREG(st.st_mode))
		return 0;
	s->fd = world_openat(s->w, path.data, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	return 1;
}

/* -1: it is not to be found. `now` is the file that took its name: a link's real folder is its. */
static int old_file_find(const struct world *w, const char *path, int now, const json_t *place)
{
	struct search s = {.w = w, .place = place, .fd = -1};
	for (int turn = 0; turn < 2 && s.fd < 0; turn++) {
		char folder[4096] = "", link[40];
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", now);
		ssize_t n = turn ? readlink(link, folder, sizeof(folder) - 1) : 0;
		if (!turn)
			(void)!text_copy(folder, sizeof(folder), path);
		if (n < 0 || (turn && !world_is_real(w)) || folder[0] != '/')
			break;
		*strrchr(folder, '/') = '\0';
		s.folder = folder;
		s.seen = 0;
		(void)!world_list(w, folder[0] ? folder : "/", search_entry, &s, NULL);
	}
	return s.fd;
}

/* The file was replaced: first the rest of the old one. */
static int rest_read(const struct world *w, const char *path, int now, const json_t *place,
                     uint64_t *budget, struct log_lines *lines, struct log_file_news *news,
                     json_t **next, struct err *err)
{
	struct stat st;
	_cleanup_fd_ int old = old_file_find(w, path, now, place);
	news->rotated = true;
	if (old < 0 || fstat(old, &st) < 0 || !same_content(place, old, &st)) {
		news->gap = true;
		return 0;
	}
	uint64_t at = number_of(place, "at");
	int rc = lines_take(old, &at, budget, true, lines, &news->more, err);
	if (rc == 0 && news->more)
		*next = place_make(old, &st, at); /* and more of it next time */
	return rc;
}

/* -EBADF: it is no regular file, and was not opened: to open a device may do something. */
static int regular_open(const struct world *w, const char *path, struct stat *st)
{
	_cleanup_fd_ int there = world_openat(w, path, O_PATH);
	if (there < 0)
		return there;
	if (fstat(there, st) < 0 || !S_ISREG(st->st_mode))
		return -EBADF;
	int fd = world_openat(w, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || (fstat(fd, st) == 0 && S_ISREG(st->st_mode)))
		return fd;
	fd_close(&fd); /* another took its name just now */
	return -EBADF;
}

int log_file_read(const struct world *w, const char *path, const json_t *before, uint64_t back,
                  uint64_t max_bytes, struct log_lines *lines, struct log_file_news *news,
                  json_t **place, struct err *err)
{
	struct stat st;
	_cleanup_fd_ int fd = regular_open(w, path, &st);
	uint64_t at = 0;
	int rc = 0;
	*news = (struct log_file_news){0};
	*place = NULL;
	if (fd == -ENOENT || fd == -ENOTDIR) {
		/* What comes next is new from its first line on; of an old one the rest is. */
		*place = before ? json_incref((json_t *)(uintptr_t)before)
		                : json_pack("{s:b}", "absent", 1);
		return 0;
	}
	if (fd == -EBADF)
		return err_set(err, -EINVAL, "\"%s\" is not a file of lines", path);
	if (fd < 0)
		return err_sys(err, -fd, "could not open \"%s\"", path);
	news->exists = true;
	if (!before) {
		rc = first_place(fd, &st, back, &at, err);
	} else if (same_file(before, &st)) {
		news->truncated = !same_content(before, fd, &st);
		at = news->truncated ? 0 : number_of(before, "at");
	} else if (json_object_get(before, "ino")) {
		rc = rest_read(w, path, fd, before, &max_bytes, lines, news, place, err);
	}
	if (rc == 0 && !news->more)
		rc = lines_take(fd, &at, &max_bytes, false, lines, &news->more, err);
	if (rc == 0 && !*place)
		*place = place_make(fd, &st, at);
	if (rc < 0) {
		json_decref(*place);
		*place = NULL;
	}
	return rc < 0 ? err_wrap(err, rc, "\"%s\"", path) : 0;
}
