/* file.c - the content of a file, swapped by exchanging two names, so that the way back needs no
 * space. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/hash.h"
#include "base/paths.h"
#include "step/step.h"

/*
 * OBJECT is the absolute path of a regular file, STATE "sha256=HEX size=N mode=OCTAL uid=N gid=N
 * ino=N" of what is there, "absent" when nothing is, "@HEX" for content that is wanted and lies in
 * the run's stash, and "made " before a state for content that was put there. An original is the
 * same while it is the same inode: who holds it open may write to it at any time.
 *
 * Two names beside the file, in whose directory alone an exchange can be made:
 *   .squall-RUN-NAME    the original, from when the new content is in ("parked"); never anything
 * else; .squall-RUN-NAME~   the new content before it is in, and for a moment what it took the
 * place of. Where the original is, its inode tells, which is in the base's text. So each place
 * where this may be broken off can be told from the directory and the base alone.
 */
#define MADE "made "
enum { CONTENT_MAX = 64 << 20, COPY_CHUNK = 16384, XATTR_MAX = 4096, FD_DIR = 0 };

struct place {
	char dir[OBJECT_MAX], name[NAME_MAX + 1];
	char park[NAME_MAX + 1], next[NAME_MAX + 1];
};

static int place_parse(const char *object, const char *run, struct place *p, struct err *err)
{
	const char *slash = strrchr(object, '/');
	size_t n = slash ? (size_t)(slash - object) : 0;
	if (!slash || object[0] != '/' || !slash[1] || n >= sizeof(p->dir) ||
	    strcmp(slash, "/.") == 0 || strcmp(slash, "/..") == 0)
		return err_set(err, -EINVAL, "\"%s\" is not the absolute path of a file", object);
	memcpy(p->dir, n ? object : "/", n ? n : 1);
	p->dir[n ? n : 1] = 0;
	if (text_copy(p->name, sizeof(p->name), slash + 1) < 0)
		return err_set(err, -ENAMETOOLONG, "name of \"%s\" is too long", object);
	int k = snprintf(p->park, sizeof(p->park), ".squall-%s-%s", run ? run : "", p->name);
	int l = snprintf(p->next, sizeof(p->next), "%s~", p->park);
	if (k >= (int)sizeof(p->park) || l >= (int)sizeof(p->next))
		return err_set(err, -ENAMETOOLONG,
		               "name of \"%s\" leaves no room for the name of its original",
		               object);
	return 0;
}

static int dir_open(const struct world *w, const struct place *p, int *fd, struct err *err)
{
	int dir = world_openat(w, p->dir, O_RDONLY | O_DIRECTORY);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return err_set(err, -ESTALE, "\"%s\" is gone", p->dir);
	if (dir < 0)
		return err_sys(err, -dir, "could not open \"%s\"", p->dir);
	*fd = dir;
	return 0;
}

struct seen {
	bool there;
	struct stat st;
	char hex[SHA256_HEX];
};

static int content_hash(int fd, char hex[SHA256_HEX])
{
	char chunk[COPY_CHUNK];
	struct sha256 s;
	uint64_t total = 0;
	sha256_init(&s);
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		total += (uint64_t)n;
		if (total > CONTENT_MAX)
			return -EFBIG;
		sha256_add(&s, chunk, (size_t)n);
	}
	sha256_end(&s, hex);
	return 0;
}

/* What a name means now; a link is not followed. */
static int file_look(int dir, const char *name, struct seen *seen, struct err *err)
{
	struct seen s = {.there = true};
	_cleanup_fd_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		*seen = (struct seen){0};
		return 0;
	}
	if (fd < 0)
		return err_sys(err, errno, "could not open \"%s\"", name);
	if (fstat(fd, &s.st) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", name);
	if (!S_ISREG(s.st.st_mode))
		return err_set(err, -EINVAL, "\"%s\" is not a regular file", name);
	if (s.st.st_size > CONTENT_MAX)
		return err_set(err, -EFBIG, "\"%s\" is larger than %d MiB", name,
		               CONTENT_MAX >> 20);
	int code = content_hash(fd, s.hex);
	if (code < 0)
		return err_sys(err, -code, "could not read \"%s\"", name);
	*seen = s;
	return 0;
}

static void state_format(const struct seen *s, struct buf *to)
{
	buf_reset(to);
	if (!s->there) {
		buf_add(to, "absent");
		return;
	}
	buf_addf(to, "sha256=%s size=%lld mode=%04o uid=%u gid=%u ino=%llu", s->hex,
	         (long long)s->st.st_size, s->st.st_mode & 07777u, s->st.st_uid, s->st.st_gid,
	         (unsigned long long)s->st.st_ino);
}

/* The inode in a state's text; 0 when there is none. */
static uint64_t state_ino(const char *state)
{
	const char *at = strstr(state, " ino=");
	return at ? strtoull(at + 5, NULL, 10) : 0;
}

static int inode_of(int dir, const char *name, uint64_t *ino, struct err *err)
{
	struct stat st = {0};
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*ino = st.st_ino;
	else if (errno == ENOENT)
		*ino = 0;
	else
		return err_sys(err, errno, "could not look at \"%s\"", name);
	return 0;
}

/* Owner, mode and extended attributes as the original has them; what cannot be given is left. */
static void looks_copy(int from, int to, const struct stat *st)
{
	char names[XATTR_MAX], value[XATTR_MAX];
	ssize_t n = flistxattr(from, names, sizeof(names));
	(void)!fchown(to, st->st_uid, st->st_gid);
	(void)!fchmod(to, st->st_mode & 07777u);
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t k = fgetxattr(from, names + at, value, sizeof(value));
		if (k >= 0)
			(void)!fsetxattr(to, names + at, value, (size_t)k, 0);
	}
}

static int content_copy(int from, int to, const char *hex, struct err *err)
{
	char chunk[COPY_CHUNK], got[SHA256_HEX];
	struct sha256 s;
	sha256_init(&s);
	for (;;) {
		ssize_t n = read(from, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "could not read the new content");
		if (n == 0)
			break;
		sha256_add(&s, chunk, (size_t)n);
		int code = write_all(to, chunk, (size_t)n);
		if (code < 0)
			return err_sys(err, -code, "could not write the new content");
	}
	sha256_end(&s, got);
	if (strcmp(got, hex) != 0)
		return err_set(err, -EBADMSG, "content \"%s\" in the stash is damaged", hex);
	/* Before it takes the name: a power cut must not leave an empty file there. */
	return fsync(to) < 0 ? err_sys(err, errno, "could not write the new content") : 0;
}

/* Writes the wanted content under `as`, looking like `name`. What is left of a failure is removed.
 */
static int content_write(struct hold *h, const struct place *p, const char *as, const char *hex,
                         struct err *err)
{
	struct stat st = {0};
	int dir = h->fd[FD_DIR];
	_cleanup_fd_ int stash = openat(h->stash, hex, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_fd_ int like =
	        openat(dir, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (stash < 0)
		return err_sys(err, errno, "could not open content \"%s\" in the stash", hex);
	if (like < 0 || fstat(like, &st) < 0)
		return err_sys(err, errno, "could not open \"%s/%s\"", p->dir, p->name);
	_cleanup_fd_ int fd =
	        openat(dir, as, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(err, errno, "could not make \"%s/%s\"", p->dir, as);
	BOUNDARY("file: made");
	int code = content_copy(stash, fd, hex, err);
	if (code < 0)
		(void)unlinkat(dir, as, 0);
	else
		looks_copy(like, fd, &st);
	BOUNDARY("file: written");
	return code;
}

static int exchange(int dir, const struct place *p, const char *with, struct err *err)
{
	if (renameat2(dir, with, dir, p->name, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno == EINVAL)
		return err_set(err, -EOPNOTSUPP, "file system of \"%s\" cannot exchange two files",
		               p->dir);
	return err_sys(err, errno, "could not exchange \"%s/%s\" with \"%s\"", p->dir, p->name,
	               with);
}

/* Exchanges, and looks at what came out: when that is not what was seen before (inode), somebody
 * else was quicker, and is given his file back. */
static int exchange_checked(int dir, const struct place *p, const char *with, uint64_t expected,
                            struct err *err)
{
	uint64_t out = 0;
	int code = exchange(dir, p, with, err);
	BOUNDARY("file: exchanged");
	if (code == 0)
		code = inode_of(dir, with, &out, err);
	if (code < 0 || out == expected)
		return code;
	(void)!exchange(dir, p, with, NULL);
	return err_set(err, -EBUSY, "\"%s/%s\" was changed by somebody else", p->dir, p->name);
}

static int leftover_remove(int dir, const struct place *p, const char *name, struct err *err)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return err_sys(err, errno, "could not remove \"%s/%s\"", p->dir, name);
}

/* Removes what this call made, and only that. */
static void mine_remove(int dir, const char *name, uint64_t mine)
{
	uint64_t ino = 0;
	if (mine && inode_of(dir, name, &ino, NULL) == 0 && ino == mine)
		(void)unlinkat(dir, name, 0);
}

static int original_park(int dir, const struct place *p, uint64_t mine, struct err *err)
{
	if (renameat2(dir, p->next, dir, p->park, RENAME_NOREPLACE) == 0)
		return 0;
	int code = err_sys(err, errno, "could not park the original of \"%s/%s\"", p->dir, p->name);
	if (exchange(dir, p, p->next, NULL) == 0)
		mine_remove(dir, p->next, mine);
	return code;
}

static int content_put(struct hold *h, const struct place *p, const char *now, const char *hex,
                       struct err *err)
{
	int dir = h->fd[FD_DIR];
	uint64_t parked = 0, left = 0, mine = 0;
	int code = inode_of(dir, p->park, &parked, err);
	if (code == 0)
		code = inode_of(dir, p->next, &left, err);
	/* Without a parked one this may be the original: only a revert can tell. */
	if (code == 0 && left && !parked)
		code = err_set(err, -EEXIST, "\"%s/%s\" was left by an earlier try", p->dir,
		               p->next);
	if (code == 0 && left)
		code = leftover_remove(dir, p, p->next, err);
	if (code == 0)
		code = content_write(h, p, p->next, hex, err);
	if (code == 0)
		code = inode_of(dir, p->next, &mine, err);
	if (code == 0)
		code = exchange_checked(dir, p, p->next, state_ino(now), err);
	if (code < 0) {
		mine_remove(dir, p->next, mine);
		return code;
	}
	code = parked ? leftover_remove(dir, p, p->next, err) : original_park(dir, p, mine, err);
	BOUNDARY("file: original is parked");
	(void)fsync(dir);
	return code;
}

/* Whatever was done of it: the original gets its name back, and what was made is removed. */
static int original_put(struct hold *h, const struct place *p, const char *now, const char *base,
                        struct err *err)
{
	int dir = h->fd[FD_DIR];
	uint64_t original = state_ino(base), there = 0, parked = 0, left = 0;
	int code = inode_of(dir, p->name, &there, err);
	if (code == 0)
		code = inode_of(dir, p->park, &parked, err);
	if (code == 0)
		code = inode_of(dir, p->next, &left, err);
	if (code < 0)
		return code;
	if (there != original) {
		if (parked != original && left != original)
			return err_set(err, -ENOENT, "original of \"%s/%s\" is not in \"%s\"",
			               p->dir, p->name, p->park);
		code = exchange_checked(dir, p, parked == original ? p->park : p->next,
		                        state_ino(now), err);
		if (code < 0)
			return code;
	}
	BOUNDARY("file: original is back");
	code = leftover_remove(dir, p, p->park, err);
	BOUNDARY("file: park is empty");
	return code < 0 ? code : leftover_remove(dir, p, p->next, err);
}

/* Whether two names may be exchanged there, known before anything is logged. In a directory like
 * /tmp only their owner may. */
static int place_may(int dir, const struct place *p, struct err *err)
{
	struct stat at = {0}, st = {0};
	int code = faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
	if (code == 0 && geteuid() != 0 && fstat(dir, &at) == 0 && (at.st_mode & S_ISVTX) &&
	    at.st_uid != geteuid() && fstatat(dir, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_uid != geteuid())
		code = -EPERM;
	if (code == 0)
		return 0;
	code = err_sys(err, -code, "cannot replace \"%s\" in folder \"%s\"", p->name, p->dir);
	return err_hint(err, code,
	                "Files are exchanged by name: be who may write in the folder, or root.");
}

static int file_open(struct hold *h, const char *object, struct err *err)
{
	struct place p = {0};
	int code = place_parse(object, h->run, &p, err);
	if (code == 0)
		code = dir_open(h->world, &p, &h->fd[FD_DIR], err);
	/* who only puts back finds out when it does */
	return code == 0 && h->spawn ? place_may(h->fd[FD_DIR], &p, err) : code;
}

/* The files of a recorded machine belong to whoever reads it; its own, whose inode is on record,
 * belonged to root. */
static void as_recorded(const struct world *w, const char *object, struct stat *st)
{
	BUF(key, OBJECT_MAX + 8);
	buf_addf(&key, "inode %s", object);
	const char *ino = world_answer(w, key.data);
	if (!ino)
		return;
	st->st_uid = st->st_gid = 0;
	st->st_ino = strtoull(ino, NULL, 10);
}

static int file_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	struct place p = {0};
	struct seen s = {0};
	_cleanup_fd_ int dir = -1;
	int code = place_parse(object, NULL, &p, err);
	if (code == 0)
		code = dir_open(w, &p, &dir, err);
	if (code == 0)
		code = file_look(dir, p.name, &s, err);
	if (code < 0)
		return code == -ESTALE ? code : err_wrap(err, code, "\"%s\"", p.dir);
	if (s.there)
		as_recorded(w, object, &s.st);
	state_format(&s, state);
	return 0;
}

/* "content" is what the content is, as a number: it counts nothing, it differs. */
static int file_meter(const struct hold *h, const char *object, struct counters *to,
                      struct err *err)
{
	char head[13] = {0};
	BUF(state, STATE_MAX);
	int code = file_get(h->world, object, &state, err);
	if (code < 0)
		return code;
	if (strncmp(state.data, "sha256=", 7) == 0)
		memcpy(head, state.data + 7, sizeof(head) - 1);
	counters_add(to, "content", strtoull(head, NULL, 16));
	return 0;
}

/* In a directory like /tmp only the owner of a file may give its name to another. */
static bool file_may(const struct world *w, const char *object, uid_t uid)
{
	struct place p = {0};
	struct stat dir = {0}, st = {0};
	_cleanup_fd_ int fd = -1;
	if (place_parse(object, NULL, &p, NULL) < 0 || dir_open(w, &p, &fd, NULL) < 0 ||
	    fstat(fd, &dir) < 0 || !stat_may(&dir, uid))
		return false;
	return !(dir.st_mode & S_ISVTX) || dir.st_uid == uid ||
	       (fstatat(fd, p.name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == uid);
}

static bool hex_is(const char *text)
{
	return strlen(text) == SHA256_HEX - 1 && strspn(text, "0123456789abcdef") == SHA256_HEX - 1;
}

static int file_set(struct hold *h, const char *object, const char *now, const char *to,
                    struct buf *landed, struct err *err)
{
	struct place p = {0};
	struct seen s = {0};
	int code = BOUNDARY_FAIL("set file");
	if (code < 0)
		return err_sys(err, -code, "could not change \"%s\"", object);
	code = place_parse(object, h->run, &p, err);
	if (code == 0 && h->fd[FD_DIR] < 0)
		code = dir_open(h->world, &p, &h->fd[FD_DIR], err);
	if (code < 0)
		return code;
	if (to[0] == '@' && hex_is(to + 1))
		code = content_put(h, &p, now, to + 1, err);
	else if (state_ino(to))
		code = original_put(h, &p, now, to, err);
	else
		code = err_set(err, -EINVAL, "\"%.80s\" is not a content for a file", to);
	if (code == 0)
		code = file_look(h->fd[FD_DIR], p.name, &s, err);
	if (code < 0)
		return code;
	BUF(state, STATE_MAX);
	state_format(&s, &state);
	buf_reset(landed);
	buf_addf(landed, "%s%s", to[0] == '@' ? MADE : "", state.data);
	return 0;
}

static bool is_made(const char *state)
{
	return strncmp(state, MADE, strlen(MADE)) == 0;
}

/* Wanted content is wanted whatever the file's other marks; what was made is, while nobody changes
 * it; an original is, while it is the same file. */
static bool file_same(const char *want, const char *seen)
{
	const char *is = is_made(seen) ? seen + strlen(MADE) : seen;

	if (want[0] == '@')
		return hex_is(want + 1) && strncmp(is, "sha256=", 7) == 0 &&
		       strncmp(want + 1, is + 7, SHA256_HEX - 1) == 0;
	if (is_made(want))
		return strcmp(want + strlen(MADE), is) == 0;
	return state_ino(want) && state_ino(want) == state_ino(is);
}

static void file_by_hand(const char *object, const char *base, const char *claim, struct buf *to)
{
	struct place p = {0};
	if (place_parse(object, NULL, &p, NULL) == 0 && !strchr(object, '\'') && state_ino(base))
		buf_addf(to, "find '%s' -maxdepth 1 -inum %llu -exec mv -fT {} '%s' ';'", p.dir,
		         (unsigned long long)state_ino(base), object);
}

const struct step_type step_type_file = {
        .name = "file",
        .summary = "content of a file, its original parked beside it",
        .flags = STEP_LEAN | STEP_TIDY,
        .open = file_open,
        .get = file_get,
        .set = file_set,
        .may = file_may,
        .meter = file_meter,
        .same = file_same,
        .by_hand = file_by_hand,
};
