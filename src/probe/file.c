/* file: whether a file is there, and what is in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "io/regex.h"
#include "machine/user.h"
#include "probe/aside.h"
#include "probe/doc.h"
#include "probe/probe.h"

struct file_args {
	const char *path, *matches;
	uint64_t timeout_ns, max_text;
	bool hash;
};

static const char *type_word(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "link";
	case S_IFIFO:
		return "pipe";
	case S_IFSOCK:
		return "socket";
	case S_IFBLK:
		return "block-device";
	default:
		return "character-device";
	}
}

static void facts_add(const struct world *w, const struct stat *st, json_t *doc)
{
	BUF(owner, 128);
	BUF(mode, 16);
	user_format(w, st->st_uid, &owner);
	buf_addf(&mode, "%04o", (unsigned)st->st_mode & 07777);
	doc_set(doc, "type", json_string(type_word(st->st_mode)));
	doc_set(doc, "size", json_integer((json_int_t)st->st_size));
	doc_set(doc, "mode", json_string(mode.data));
	doc_set(doc, "owner", json_string(owner.data));
	double changed = (double)st->st_mtim.tv_sec + (double)st->st_mtim.tv_nsec / 1e9;
	doc_set(doc, "age", json_real((double)clock_wall_ns() / 1e9 - changed));
}

/* Reads it to its end, or, when nothing asks for the rest, a little beyond what is kept. */
static int content_read(int fd, const struct file_args *a, char *text, size_t *n, bool *cut,
                        char hex[SHA256_HEX], struct err *err)
{
	char chunk[65536];
	struct sha256 sum;
	sha256_init(&sum);
	while (a->hash || !*cut) {
		ssize_t got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, errno, "could not read \"%s\"", a->path);
		if (got == 0)
			break;
		size_t keep = (size_t)got < a->max_text - *n ? (size_t)got : a->max_text - *n;
		memcpy(text + *n, chunk, keep);
		*n += keep;
		*cut |= keep < (size_t)got;
		sha256_add(&sum, chunk, (size_t)got);
	}
	sha256_end(&sum, hex);
	return 0;
}

static int content_add(int fd, const struct file_args *a, json_t *doc, struct err *err)
{
	_cleanup_free_ char *text = malloc(a->max_text + 1);
	char hex[SHA256_HEX];
	size_t n = 0;
	bool cut = false;
	if (!text)
		return err_sys(err, ENOMEM, "could not read \"%s\"", a->path);
	int rc = content_read(fd, a, text, &n, &cut, hex, err);
	if (rc == 0) {
		doc_text(doc, "text", text, n, cut);
		doc_set(doc, "truncated", json_boolean(cut));
		if (!cut)
			doc_json(doc, text, n, false);
		if (a->hash)
			doc_set(doc, "sha256", json_string(hex));
	}
	if (rc == 0 && a->matches) {
		struct regex *r = regex_new(a->matches, err);
		rc = r ? regex_matches(r, text, n) : -EINVAL;
		if (rc >= 0)
			doc_set(doc, "matches", json_boolean(rc == 1));
		regex_free(r);
		if (rc == -E2BIG)
			return err_set(err, rc, "\"%.100s\" needs too much time on \"%s\"",
			               a->matches, a->path);
	}
	return rc < 0 ? rc : 0;
}

/* In the forked process; what it holds goes with it. */
static json_t *file_read(const struct world *w, const void *args, struct err *err)
{
	const struct file_args *a = args;
	_cleanup_fd_ int fd = world_openat(w, a->path, O_PATH);
	json_t *doc = json_object();
	if (!doc) {
		(void)err_sys(err, ENOMEM, "could not look at \"%s\"", a->path);
		return NULL;
	}
	struct stat st;
	if (fd == -ENOENT || fd == -ENOTDIR) {
		doc_set(doc, "exists", json_false());
		return doc;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		(void)err_sys(err, fd < 0 ? -fd : errno, "could not look at \"%s\"", a->path);
		return NULL;
	}
	doc_set(doc, "exists", json_true());
	facts_add(w, &st, doc);
	if (!S_ISREG(st.st_mode))
		return doc;
	_cleanup_fd_ int content = world_openat(w, a->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (content == -EACCES || content == -EPERM)
		return doc; /* the facts can be seen, the content cannot: its fields are absent */
	if (content < 0) {
		(void)err_sys(err, -content, "could not open \"%s\"", a->path);
		return NULL;
	}
	return content_add(content, a, doc, err) < 0 ? NULL : doc;
}

static int file_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                     look_done *done, void *ctx, struct look **out, struct err *err)
{
	const struct file_args *a = args;
	struct aside *aside = NULL;
	BUF(what, 300);
	buf_addf(&what, "\"%.280s\"", a->path);
	int rc = aside_start(loop, w, file_read, args, what.data, when.to_ns, a->timeout_ns, done,
	                     ctx, &aside, err);
	if (rc == 0)
		*out = (struct look *)aside;
	return rc;
}

static void file_leave(struct look *l)
{
	aside_cancel((struct aside *)l);
}

static int file_check(const void *args, struct err *err)
{
	const struct file_args *a = args;
	if (a->path[0] != '/') {
		(void)err_set(err, -EINVAL, "\"%.200s\" is not an absolute path", a->path);
		return err_hint(err, -EINVAL, "Start it with /.");
	}
	if (!a->matches)
		return 0;
	struct regex *r = regex_new(a->matches, err);
	regex_free(r);
	return r ? 0 : -EINVAL;
}

#define AT(member) offsetof(struct file_args, member)
static const struct param file_params[] = {
        {"path", PARAM_TEXT, AT(path), .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_PATH,
         .help = "absolute path of the file; links are followed"},
        {"matches", PARAM_TEXT, AT(matches),
         .help = "a pattern to look for in its text; (?m) makes ^ and $ those of a line"},
        {"hash", PARAM_BOOL, AT(hash), "false", .help = "read all of it and show its SHA-256"},
        {"max-text", PARAM_SIZE, AT(max_text), "64KiB", "0", "1MiB",
         .help = "how much of its text is read"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "2s", "1ms", "10m",
         .help = "greatest time for the look, counted from when it was due"},
        {NULL},
};

static const struct field file_fields[] = {
        {"exists", FIELD_BOOL, "whether it is there; the fields below are absent when it is not"},
        {"type", FIELD_TEXT, "file, directory, pipe, socket, block-device or character-device"},
        {"size", FIELD_BYTES, "its size"},
        {"mode", FIELD_TEXT, "its permissions in octal, 0644"},
        {"owner", FIELD_TEXT, "name of the user that owns it, or the number"},
        {"age", FIELD_SECONDS, "time since its content changed, by the wall clock"},
        {"sha256", FIELD_TEXT, "SHA-256 of all of it, in hex; with hash"},
        {"text", FIELD_TEXT, "its text up to max-text, when it is UTF-8 and may be read"},
        {"truncated", FIELD_BOOL, "whether there was more text than max-text"},
        {"json", FIELD_ANY, "its text as a document, when it is a JSON object or list"},
        {"json.*", FIELD_ANY, "a member of that document"},
        {"matches", FIELD_BOOL, "whether the text matches the pattern; with matches"},
        {"seconds", FIELD_SECONDS, "how long the look took, from when it was due"},
        {NULL},
};

static const char *const file_examples[] = {
        "squall probe file /var/lib/shop/orders.db --hash true",
        "squall probe file /var/log/shop.log --matches ERROR",
        "squall probe file /sys/fs/cgroup/memory.pressure",
        NULL,
};

const struct probe probe_file = {
        .kind =
                {
                        .name = "file",
                        .summary = "shows whether a file is there and what is in it",
                        .man = "Looks at a file without changing it. It is read in a process of "
                               "its own with a "
                               "time limit, so that a file system that hangs is a failed look and "
                               "nothing "
                               "worse. A file that is not there is an answer: exists is false. "
                               "Only regular "
                               "files are opened; of others the facts are shown.",
                        .params = file_params,
                        .args_size = sizeof(struct file_args),
                        .fields = file_fields,
                        .examples = file_examples,
                        .check = file_check,
                },
        .start = file_look,
        .cancel = file_leave,
};
