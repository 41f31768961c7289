/* Makes, finds and lists the folders of runs. */
#include "history/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OWNER_MAX = 256, DOC_MAX = 256 << 20, SECOND_LEN = 16 /* "20261122-210000-" */ };

void run_folder_close(struct run_folder *f)
{
	fd_close(&f->fd);
}

static int owner_put(const struct world *w, const struct run_folder *f, struct err *err)
{
	char boot[BOOT_ID_MAX];
	struct proc_id self;
	BUF(text, OWNER_MAX);
	int ret = boot_id_read(w, boot, err);

	if (ret == 0)
		ret = proc_id_read(w, getpid(), &self, err);
	if (ret < 0)
		return ret;
	proc_id_format(&text, self);
	buf_addf(&text, " %s\n", boot);
	return file_put(f->fd, "owner", text.data, text.len, false, err);
}

static bool is_run_id(const char *name)
{
	static const char form[] = "dddddddd-dddddd-xxxx";
	size_t n = strlen(name);

	if (n != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool digit = name[i] >= '0' && name[i] <= '9';
		bool hex = digit || (name[i] >= 'a' && name[i] <= 'f');

		if (form[i] == '-' ? name[i] != '-' : form[i] == 'd' ? !digit : !hex)
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Every id, sorted; malloc'd. *n 0 when there is no folder. */
static int ids_read(int runs, char (**ids)[RUN_ID_MAX], size_t *n, struct err *err)
{
	char(*v)[RUN_ID_MAX] = NULL;
	size_t len = 0, cap = 0;
	int fd = fcntl(runs, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		int saved = errno;

		fd_close(&fd);
		return err_sys(err, saved, "could not list the run folders");
	}
	rewinddir(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		if (!is_run_id(e->d_name))
			continue;
		if (len == cap) {
			void *more = realloc(v, (cap = cap ? cap * 2 : 64) * sizeof(*v));

			if (!more) {
				free(v);
				closedir(dir);
				return err_sys(err, ENOMEM, "could not list the run folders");
			}
			v = more;
		}
		strcpy(v[len++], e->d_name); /* is_run_id: 20 bytes */
	}
	closedir(dir);
	if (len)
		qsort(v, len, sizeof(*v), by_name);
	*ids = v;
	*n = len;
	return 0;
}

/* Ids sort in the order in which they were given, also within a second: the four digits are drawn
 * above those that are taken. newest: the greatest id there is, or "". */
static int id_make(uint64_t wall_ns, const char *newest, char id[RUN_ID_MAX], struct err *err)
{
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	uint16_t drawn;
	unsigned salt;
	struct tm tm;

	if (getrandom(&drawn, sizeof(drawn), 0) != sizeof(drawn))
		return err_sys(err, errno, "could not draw a run id");
	gmtime_r(&seconds, &tm);
	snprintf(id, RUN_ID_MAX, "%04u%02u%02u-%02u%02u%02u-",
	         (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
	         (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	         (unsigned)tm.tm_sec % 100);
	salt = drawn & 0x7fff;
	if (strncmp(id, newest, SECOND_LEN) == 0)
		salt = (unsigned)strtoul(newest + SECOND_LEN, NULL, 16) + 1 + (drawn & 0xf);
	snprintf(id + SECOND_LEN, RUN_ID_MAX - SECOND_LEN, "%04x", salt & 0xffff);
	return 0;
}

int run_folder_make(const struct world *w, const struct paths *paths, uint64_t wall_ns,
                    struct run_folder *out, struct err *err)
{
	_cleanup_run_folder_ struct run_folder f = {.fd = -1};
	_cleanup_fd_ int runs = -1;
	_cleanup_free_ char(*ids)[RUN_ID_MAX] = NULL;
	size_t n = 0;
	int ret = paths_make(paths, err);

	if (ret < 0)
		return ret;
	runs = dir_open_owned(paths->runs, geteuid(), true, err);
	if (runs < 0)
		return runs;
	for (int tries = 0;; tries++) {
		ret = ids_read(runs, &ids, &n, err);
		if (ret == 0)
			ret = id_make(wall_ns, n ? ids[n - 1] : "", f.id, err);
		mem_free(&ids);
		ids = NULL;
		if (ret < 0)
			return ret;
		if (mkdirat(runs, f.id, 0700) == 0)
			break;
		if (errno != EEXIST || tries == 16)
			return err_sys(err, errno, "could not make run folder \"%s/%s\"",
			               paths->runs, f.id);
	}
	f.fd = openat(runs, f.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f.fd < 0)
		return err_sys(err, errno, "could not open run folder \"%s/%s\"", paths->runs,
		               f.id);
	if (mkdirat(f.fd, "stash", 0700) < 0)
		return err_sys(err, errno, "could not make the stash of run \"%s\"", f.id);
	ret = owner_put(w, &f, err);
	if (ret < 0)
		return ret;
	if (fsync(runs) < 0)
		return err_sys(err, errno, "could not sync folder \"%s\"", paths->runs);
	*out = f;
	f.fd = -1;
	return 0;
}

/* -1 in *runs: there is no runs folder yet. */
static int runs_open(const struct paths *paths, int *runs, struct err *err)
{
	int fd;

	*runs = -1;
	if (access(paths->runs, F_OK) < 0 && errno == ENOENT)
		return 0;
	fd = dir_open_owned(paths->runs, geteuid(), false, err);
	if (fd < 0)
		return fd;
	*runs = fd;
	return 0;
}

static int folder_open(int runs, const char *id, struct run_folder *f, struct err *err)
{
	struct stat st;

	f->fd = openat(runs, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd < 0)
		return err_sys(err, errno, "could not open run \"%s\"", id);
	if (fstat(f->fd, &st) < 0 || st.st_uid != geteuid()) {
		fd_close(&f->fd);
		return err_set(err, -EPERM, "run \"%s\" belongs to another user", id);
	}
	return text_copy(f->id, sizeof(f->id), id);
}

int run_folder_find(const struct paths *paths, const char *name, struct run_folder *out,
                    struct err *err)
{
	_cleanup_fd_ int runs = -1;
	_cleanup_free_ char(*ids)[RUN_ID_MAX] = NULL;
	struct run_folder f = {.fd = -1};
	size_t n = 0, found = SIZE_MAX, hits = 0;
	int ret = runs_open(paths, &runs, err);

	if (ret == 0 && runs >= 0)
		ret = ids_read(runs, &ids, &n, err);
	if (ret < 0)
		return ret;
	if (strcmp(name, "last") == 0 && n) {
		found = n - 1;
		hits = 1;
	}
	for (size_t i = 0; i < n && strcmp(name, "last") != 0; i++)
		if (name[0] && strncmp(ids[i], name, strlen(name)) == 0) {
			found = i;
			hits++;
		}
	if (hits > 1) {
		(void)err_set(err, -EINVAL, "\"%s\" means %zu runs", name, hits);
		return err_hint(err, -EINVAL, "\"%s\" is the newest of them.", ids[found]);
	}
	if (!hits) {
		(void)err_set(err, -ENOENT, "no run \"%s\"", name);
		return err_hint(err, -ENOENT, "\"squall history\" lists the runs.");
	}
	ret = folder_open(runs, ids[found], &f, err);
	if (ret < 0)
		return ret;
	*out = f;
	return 0;
}

static int json_put(const struct run_folder *f, const char *name, const json_t *doc,
                    struct err *err)
{
	_cleanup_free_ char *text = json_dumps(doc, JSON_COMPACT | JSON_REAL_PRECISION(15));

	if (!text)
		return err_sys(err, ENOMEM, "could not write \"%s\"", name);
	return file_put(f->fd, name, text, strlen(text), true, err);
}

int run_folder_start(const struct run_folder *f, const char *text, size_t n, const json_t *doc,
                     struct err *err)
{
	int ret = 0;

	if (text)
		ret = file_put(f->fd, "experiment.yaml", text, n, false, err);
	return ret < 0 ? ret : json_put(f, "start.json", doc, err);
}

int run_folder_end(const struct run_folder *f, const json_t *doc, struct err *err)
{
	int ret = json_put(f, "run.json", doc, err);

	return ret < 0 ? err_wrap(err, ret, "could not finish run \"%s\"", f->id) : 0;
}

int run_folder_json(const struct run_folder *f, const char *name, json_t **doc, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t at;
	json_t *read;
	size_t n;
	int ret = file_take(f->fd, name, DOC_MAX, &text, &n, err);

	if (ret < 0)
		return ret;
	read = json_loadb(text, n, JSON_REJECT_DUPLICATES, &at);
	if (!read)
		return err_set(err, -EBADMSG, "cannot read \"%s\" of run \"%s\": %s", name, f->id,
		               at.text);
	*doc = read;
	return 0;
}

bool run_folder_has(const struct run_folder *f, const char *name)
{
	return faccessat(f->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

struct proc_id run_folder_owner(const struct world *w, const struct run_folder *f)
{
	_cleanup_free_ char *text = NULL;
	char boot[BOOT_ID_MAX], *space;
	struct proc_id id = {0}, none = {0};

	if (file_take(f->fd, "owner", OWNER_MAX, &text, NULL, NULL) < 0 ||
	    boot_id_read(w, boot, NULL) < 0)
		return none;
	text[strcspn(text, "\n")] = '\0';
	space = strchr(text, ' ');
	if (!space || strcmp(space + 1, boot) != 0)
		return none;
	*space = '\0';
	return proc_id_parse(text, &id, NULL) < 0 ? none : id;
}

bool run_folder_alive(const struct world *w, const struct run_folder *f)
{
	struct proc_id id = run_folder_owner(w, f);

	return id.pid && proc_id_alive(w, id);
}

int run_folder_each(const struct paths *paths, int (*each)(void *ctx, const struct run_folder *),
                    void *ctx, struct err *err)
{
	_cleanup_fd_ int runs = -1;
	_cleanup_free_ char(*ids)[RUN_ID_MAX] = NULL;
	size_t n = 0;
	int ret = runs_open(paths, &runs, err);

	if (ret == 0 && runs >= 0)
		ret = ids_read(runs, &ids, &n, err);
	for (size_t i = 0; i < n && ret == 0; i++) {
		_cleanup_run_folder_ struct run_folder f = {.fd = -1};

		/* Removed meanwhile, or not ours: not a run of this user. */
		if (folder_open(runs, ids[i], &f, NULL) == 0)
			ret = each(ctx, &f);
	}
	return ret;
}
