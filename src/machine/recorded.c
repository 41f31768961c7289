/* Reads a machine file and lays it out in a temporary folder. */
#include "machine/recorded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/paths.h"

static const char first_line[] = "squall machine 1";

/* Where reading is. */
struct reader {
	struct recorded *r;
	const char *path;
	unsigned line;
	char *rest; /* after the current line; NULL at the end */
	int root;
};

static int bad(const struct reader *in, struct err *err, const char *what, const char *object)
{
	return err_set(err, -EINVAL, "%s \"%s\" (\"%s\", line %u)", what, object, in->path,
	               in->line);
}

static char *line_next(struct reader *in)
{
	char *line = in->rest, *end;

	if (!line || !*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	in->rest = end ? end + 1 : NULL;
	in->line++;
	return line;
}

/* Turns the escapes into bytes, in place; returns the length, or -1 for one that is unknown. */
static ssize_t unescape(char *text)
{
	static const char from[] = "nt0\\", to[] = "\n\t\0\\";
	char *out = text;

	for (const char *c = text; *c; c++) {
		const char *which = NULL;

		if (*c == '\\') {
			c++;
			which = *c ? strchr(from, *c) : NULL;
			if (!which)
				return -1;
		}
		*out++ = which ? to[which - from] : *c;
	}
	*out = '\0';
	return out - text;
}

/* Opens the folder that `path` lies in, made as needed and never through a link, and finds the last
 * name. Returns the descriptor. */
static int parent_open(const struct reader *in, char *path, char **last)
{
	int dir;

	if (*path != '/')
		return -EINVAL;
	dir = fcntl(in->root, F_DUPFD_CLOEXEC, 0);
	path++;
	for (;;) {
		char *slash = strchr(path, '/');
		int next;

		if (dir < 0)
			return -errno;
		if (slash)
			*slash = '\0';
		if (!*path || strcmp(path, ".") == 0 || strcmp(path, "..") == 0 ||
		    strlen(path) > NAME_MAX) {
			close(dir);
			return -EINVAL;
		}
		if (!slash) {
			*last = path;
			return dir;
		}
		if (mkdirat(dir, path, 0755) < 0 && errno != EEXIST) {
			int code = errno;

			close(dir);
			return -code;
		}
		next = openat(dir, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		fd_close(&dir);
		dir = next;
		path = slash + 1;
	}
}

static int put_file(int dir, const char *name, const char *data, size_t n)
{
	_cleanup_fd_ int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || fchmod(fd, 0644) < 0)
		return -errno;
	return write_all(fd, data, n);
}

/* Joins the lines that follow and start with a tab into one text, in place. */
static char *block_take(struct reader *in, size_t *n)
{
	char *start = in->rest, *out = start;

	while (in->rest && *in->rest == '\t') {
		char *line = line_next(in) + 1;
		size_t len = strlen(line);

		memmove(out, line, len);
		out += len;
		*out++ = '\n';
	}
	*n = (size_t)(out - start);
	return start;
}

static int put_entry(struct reader *in, const char *verb, char *path, char *value, struct err *err)
{
	_cleanup_fd_ int dir = -1;
	char *name = NULL;
	char shown[256];
	int ret;

	snprintf(shown, sizeof(shown), "%s", path);
	dir = parent_open(in, path, &name);
	if (dir == -EINVAL || dir == -ENOTDIR || dir == -ELOOP)
		return bad(in, err, "not a path that can be laid out:", shown);
	if (dir < 0 || !name)
		return err_sys(err, -dir, "could not lay out \"%s\"", shown);
	if (strcmp(verb, "dir") == 0) {
		ret = mkdirat(dir, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
	} else if (strcmp(verb, "link") == 0) {
		ret = value && symlinkat(value, dir, name) == 0 ? 0 : -errno;
	} else if (strcmp(verb, "text") == 0) {
		ssize_t n = unescape(value);

		if (n < 0)
			return bad(in, err, "unknown escape in the content of", shown);
		ret = put_file(dir, name, value, (size_t)n);
	} else {
		size_t n;
		char *data = block_take(in, &n);

		ret = put_file(dir, name, data, n);
	}
	if (ret == -EEXIST)
		return bad(in, err, "given twice:", shown);
	return ret < 0 ? err_sys(err, -ret, "could not lay out \"%s\"", shown) : 0;
}

static int answer_add(struct reader *in, const char *key, const char *value, struct err *err)
{
	struct answers *a = &in->r->answers;
	struct answer *grown = realloc(a->v, (a->n + 1) * sizeof(*grown));

	if (!grown)
		return err_sys(err, ENOMEM, "could not keep the answers of \"%s\"", in->path);
	a->v = grown;
	grown[a->n++] = (struct answer){.key = key, .value = value};
	return 0;
}

static int line_put(struct reader *in, char *line, struct err *err)
{
	static const char *const verbs[] = {"answer", "inode", "dir", "link", "text", "file", NULL};
	char *object = strchr(line, ' '), *value = NULL;
	size_t i = 0;

	if (object)
		*object++ = '\0';
	while (verbs[i] && strcmp(verbs[i], line) != 0)
		i++;
	if (!verbs[i])
		return bad(in, err, "unknown word", line);
	if (!object)
		return bad(in, err, "nothing follows", line);
	if (strcmp(line, "dir") != 0 && strcmp(line, "file") != 0) {
		value = strstr(object, " = ");
		if (!value)
			return bad(in, err, "no \" = \" after", object);
		*value = '\0';
		value += 3;
	}
	if (strcmp(line, "answer") == 0)
		return answer_add(in, object, value, err);
	if (strcmp(line, "inode") == 0) {
		/* The key is "inode PATH": the blank is put back. */
		object[-1] = ' ';
		return answer_add(in, line, value, err);
	}
	return put_entry(in, line, object, value, err);
}

static int read_all(struct reader *in, struct err *err)
{
	char *line = line_next(in);
	int ret = 0;

	if (!line || strcmp(line, first_line) != 0) {
		err_set(err, -EINVAL, "\"%s\" is not a machine file", in->path);
		return err_hint(err, -EINVAL, "Its first line must be \"%s\".", first_line);
	}
	while (ret == 0 && (line = line_next(in))) {
		if (*line && *line != '#')
			ret = line_put(in, line, err);
	}
	return ret;
}

static void tree_remove(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (dir) {
		while ((entry = readdir(dir))) {
			if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
				continue;
			if (unlinkat(fd, entry->d_name, 0) < 0)
				tree_remove(fd, entry->d_name);
		}
		closedir(dir);
	}
	unlinkat(parent, name, AT_REMOVEDIR);
}

int recorded_open(struct recorded *r, const char *path, struct err *err)
{
	struct recorded made cleanup(recorded_close) = {.world.root = -1};
	_cleanup_fd_ int root = -1;
	const char *tmp = getenv("TMPDIR");
	struct reader in = {.r = &made, .path = path};
	size_t n;
	int ret;

	ret = file_take(AT_FDCWD, path, RECORDED_MAX_BYTES, &made.text, &n, err);
	if (ret < 0)
		return ret;
	if (strlen(made.text) != n)
		return err_set(err, -EINVAL, "\"%s\" is not a machine file: it holds a zero byte",
		               path);
	if (!tmp || *tmp != '/' || strlen(tmp) > sizeof(made.folder) - 24)
		tmp = "/tmp";
	snprintf(made.folder, sizeof(made.folder), "%s/squall-machine-XXXXXX", tmp);
	if (!mkdtemp(made.folder)) {
		ret = errno;
		made.folder[0] = '\0';
		return err_sys(err, ret, "could not make a folder in \"%s\"", tmp);
	}
	root = open(made.folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(err, errno, "could not open \"%s\"", made.folder);
	in.root = root;
	in.rest = made.text;
	ret = read_all(&in, err);
	if (ret < 0)
		return ret;
	*r = made;
	r->world = (struct world){.root = fd_take(&root), .fake = &r->answers};
	made = (struct recorded){.world.root = -1};
	return 0;
}

void recorded_close(struct recorded *r)
{
	if (r->folder[0])
		tree_remove(AT_FDCWD, r->folder);
	if (r->text && r->world.root >= 0)
		fd_close(&r->world.root);
	free(r->answers.v);
	free(r->text);
	*r = (struct recorded){.world.root = -1};
}
