/* held.c - objects, cards and pages of helpers that hold something. */
#include "base/held.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"

/* A card is always as long, so that a change needs no space. */
enum { CARD_BYTES = 1024 };

static bool is_word(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-.", *c))
			return false;
	return *text && *text != '.';
}

int held_object_format(const struct held_object *o, struct buf *to, struct err *err)
{
	if (!is_word(o->kind) || !is_word(o->name) || (o->where[0] && o->where[0] != '/') ||
	    strchr(o->where, '\n'))
		return err_set(err, -EINVAL, "cannot name what is held as \"%s\" in \"%s\"",
		               o->name, o->where);
	buf_addf(to, "%s %s", o->kind, o->name);
	if (o->where[0])
		buf_addf(to, " %s@%" PRIu64, o->where, o->ino);
	return to->over ? err_set(err, -ENAMETOOLONG, "the name \"%s\" is too long", o->where) : 0;
}

int held_object_parse(const char *object, struct held_object *o, struct err *err)
{
	const char *name = strchr(object, ' '), *where = name ? strchr(name + 1, ' ') : NULL;
	const char *at = where ? strrchr(where, '@') : NULL;
	char *end = NULL;
	BUF(again, HELD_KIND_MAX + HELD_NAME_MAX + HELD_WHERE_MAX + 32);

	*o = (struct held_object){.ino = 0};
	if (!name || (where && !at))
		return err_set(err, -EINVAL, "cannot read what is held: \"%s\"", object);
	snprintf(o->kind, sizeof(o->kind), "%.*s", (int)(name - object), object);
	snprintf(o->name, sizeof(o->name), "%.*s",
	         where ? (int)(where - name - 1) : (int)strlen(name + 1), name + 1);
	if (where) {
		snprintf(o->where, sizeof(o->where), "%.*s", (int)(at - where - 1), where + 1);
		o->ino = strtoull(at + 1, &end, 10);
	}
	/* what was cut, or is spelled in another way, does not come out the same */
	if (held_object_format(o, &again, err) < 0 || strcmp(again.data, object) != 0)
		return err_set(err, -EINVAL, "cannot read what is held: \"%s\"", object);
	return 0;
}

void held_name(const char *run, unsigned n, char name[HELD_NAME_MAX])
{
	snprintf(name, HELD_NAME_MAX, "%.40s_%08x", run, n);
	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-')
			*c = '_';
}

void held_file_name(const struct held_object *o, struct buf *to)
{
	buf_addf(to, ".squall-%s", o->name);
}

int held_place_open(const struct world *w, const struct held_object *o, struct err *err)
{
	_cleanup_fd_ int fd = world_openat(w, o->where, O_PATH | O_DIRECTORY);
	struct stat st = {0};

	if (fd == -ENOENT || fd == -ESRCH || fd == -ENOTDIR)
		return err_set(err, -ESTALE, "\"%s\" is gone", o->where);
	if (fd < 0)
		return err_sys(err, -fd, "could not open \"%s\"", o->where);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", o->where);
	/* a recorded machine has other inodes than it says */
	if (world_is_real(w) && st.st_ino != o->ino)
		return err_set(err, -ESTALE, "\"%s\" is gone, another has its name", o->where);
	return fd_take(&fd);
}

static int cards_open(bool make, char path[PATH_CAP], struct err *err)
{
	struct paths p;
	int code = paths_find(&p, err);

	if (code < 0)
		return code;
	if (snprintf(path, PATH_CAP, "%.500s/held", p.runtime) >= PATH_CAP)
		return err_sys(err, ENAMETOOLONG, "cannot use \"%s\"", p.runtime);
	return dir_open_owned(path, geteuid(), make, err);
}

/* "PID@START STATE" and a newline, then blanks. */
static int card_parse(char *text, struct held_card *card)
{
	char *state = strchr(text, ' '), *end = strchr(text, '\n');
	struct held_card c = {.holder = {0}};

	if (!state || !end || state > end)
		return -EINVAL;
	*state++ = *end = '\0';
	if (proc_id_parse(text, &c.holder, NULL) < 0 || text_copy(c.state, HELD_STATE_MAX, state))
		return -EINVAL;
	*card = c;
	return 0;
}

static int card_read_at(int dir, const char *name, struct held_card *card, struct err *err)
{
	char text[CARD_BYTES + 1];
	_cleanup_fd_ int fd = file_open_owned(dir, name, O_RDONLY, geteuid(), err);
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = pread(fd, text, CARD_BYTES, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "could not read card \"%s\"", name);
	text[n] = '\0';
	return card_parse(text, card) < 0 ? err_set(err, -EBADMSG, "cannot read card \"%s\"", name)
	                                  : 0;
}

int held_card_read(const char *name, struct held_card *card, struct err *err)
{
	char path[PATH_CAP];
	_cleanup_fd_ int dir = cards_open(false, path, err);
	int code = dir < 0 ? dir : card_read_at(dir, name, card, err);

	if (code == -ENOENT) {
		*card = (struct held_card){.holder = {0}};
		return 0;
	}
	return code;
}

static void card_format(const struct held_card *card, char text[CARD_BYTES])
{
	BUF(line, CARD_BYTES);

	proc_id_format(&line, card->holder);
	buf_addf(&line, " %s\n", card->state);
	memset(text, ' ', CARD_BYTES);
	memcpy(text, line.data, line.len);
	text[CARD_BYTES - 1] = '\n';
}

struct sweep {
	const struct world *w;
	int dir;
};

static int sweep_one(void *ctx, const char *name)
{
	const struct sweep *s = ctx;
	struct held_card card;

	if (name[0] != '.' && card_read_at(s->dir, name, &card, NULL) == 0 &&
	    !proc_id_alive(s->w, card.holder))
		(void)unlinkat(s->dir, name, 0);
	return 0;
}

int held_card_make(const struct world *w, const char *name, const struct held_card *card,
                   struct err *err)
{
	char path[PATH_CAP], text[CARD_BYTES];
	_cleanup_fd_ int dir = cards_open(true, path, err);
	struct sweep s = {w, dir};

	if (dir < 0)
		return dir;
	(void)!world_list(w, path, sweep_one, &s, NULL);
	card_format(card, text);
	return file_put(dir, name, text, sizeof(text), false, err);
}

int held_card_change(const char *name, const struct held_card *card, struct err *err)
{
	char path[PATH_CAP], text[CARD_BYTES];
	_cleanup_fd_ int dir = cards_open(false, path, err);
	_cleanup_fd_ int fd = dir < 0 ? dir : file_open_owned(dir, name, O_WRONLY, geteuid(), err);
	ssize_t n;

	if (fd < 0)
		return fd;
	card_format(card, text);
	do
		n = pwrite(fd, text, sizeof(text), 0);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(text)
	               ? 0
	               : err_sys(err, n < 0 ? errno : EIO, "could not write card \"%s\"", name);
}

void held_card_remove(const char *name)
{
	char path[PATH_CAP];
	_cleanup_fd_ int dir = cards_open(false, path, NULL);

	if (dir >= 0)
		(void)unlinkat(dir, name, 0);
}

struct search {
	struct sweep at;
	const char *prefix, *except;
	size_t n;
};

static int search_one(void *ctx, const char *name)
{
	struct search *s = ctx;
	struct held_card card;

	if (strncmp(name, s->prefix, strlen(s->prefix)) == 0 && strcmp(name, s->except) != 0 &&
	    card_read_at(s->at.dir, name, &card, NULL) == 0)
		s->n += proc_id_alive(s->at.w, card.holder);
	return 0;
}

size_t held_cards_live(const struct world *w, const char *prefix, const char *except)
{
	char path[PATH_CAP];
	_cleanup_fd_ int dir = cards_open(false, path, NULL);
	struct search s = {.at = {w, dir}, .prefix = prefix, .except = except};

	if (dir >= 0)
		(void)!world_list(w, path, search_one, &s, NULL);
	return s.n;
}

int held_page_make(struct err *err)
{
	static const struct counters none;
	_cleanup_fd_ int fd = memfd_create("squall-page", MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "could not make a page to share");
	if (pwrite(fd, &none, sizeof(none), 0) != (ssize_t)sizeof(none))
		return err_sys(err, errno, "could not make a page to share");
	return fd_take(&fd);
}

int held_page_read(int page, struct counters *c, struct err *err)
{
	struct counters seen;

	if (pread(page, &seen, sizeof(seen), 0) != (ssize_t)sizeof(seen))
		return err_sys(err, errno, "could not read a helper's counters");
	if (seen.n > COUNTERS_MAX)
		return err_set(err, -EBADMSG, "cannot read a helper's counters");
	for (size_t i = 0; i < seen.n; i++)
		seen.v[i].name[sizeof(seen.v[i].name) - 1] = '\0';
	*c = seen;
	return 0;
}
