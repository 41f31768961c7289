/* file.replace: gives a file other content for a while. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/quantity.h"
#include "fault/fault.h"

enum { CONTENT_MAX = 4 << 20 };

struct replace_args {
	const char *path, *content, *from;
};

/* The content of the file that is given as `from`, in the plan's arena. */
static int content_read(const struct world *w, const char *path, struct arena *arena,
                        const void **data, size_t *n, struct err *err)
{
	_cleanup_fd_ int fd = world_openat(w, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	size_t len = 0;
	char *text;

	if (fd < 0)
		return err_sys(err, -fd, "could not open \"%s\"", path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "could not look at \"%s\"", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "\"%s\" is not a regular file", path);
	if (st.st_size > CONTENT_MAX)
		return err_set(err, -EFBIG, "\"%s\" is larger than %d MiB", path,
		               CONTENT_MAX >> 20);
	text = arena_alloc(arena, (size_t)st.st_size + 1);
	if (!text)
		return err_sys(err, ENOMEM, "could not read \"%s\"", path);
	while (len < (size_t)st.st_size) {
		ssize_t got = read(fd, text + len, (size_t)st.st_size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, errno, "could not read \"%s\"", path);
		if (got == 0)
			break;
		len += (size_t)got;
	}
	*data = text;
	*n = len;
	return 0;
}

static int plan_replace(const void *args, const struct target *t, const struct moment *moment,
                        const struct world *w, const char *run, struct plan *out,
                        uint64_t *again_ns, struct err *err)
{
	const struct replace_args *a = args;
	const void *data = a->content;
	size_t n = a->content ? strlen(a->content) : 0;
	char state[STATE_MAX];
	int ret = 0;
	BUF(says, SAYS_MAX);

	if (t->kind != TARGET_HOST)
		return err_set(err, -EINVAL, "file.replace cannot be aimed at %s", t->name);
	if (!world_exists(w, a->path)) {
		err_set(err, -ENOENT, "no file \"%s\"", a->path);
		return err_hint(err, -ENOENT, "file.replace changes a file that is there.");
	}
	if (a->from)
		ret = content_read(w, a->from, out->arena, &data, &n, err);
	if (ret == 0)
		ret = plan_blob(out, data, n, state, err);
	if (ret < 0)
		return ret;
	buf_add(&says, "holds ");
	size_format(&says, n);
	buf_addf(&says, " %s%s; who has it open keeps the original until it opens it again",
	         a->from ? "from " : "as given", a->from ? a->from : "");
	*again_ns = 0;
	return plan_add(out, "file", a->path, state, says.data, err);
}

static int dose_replace(const void *args, const struct counters *before,
                        const struct counters *after, struct dose *dose, struct err *err)
{
	const struct replace_args *a = args;
	struct dose d = {0};

	snprintf(d.asked, sizeof(d.asked), "other content of %s", a->path);
	if (counters_get(before, "content") == counters_get(after, "content")) {
		d.no_effect = true;
		snprintf(d.achieved, sizeof(d.achieved), "the content is what it was");
		snprintf(d.why, sizeof(d.why), "it was the same before, or was put back meanwhile");
	} else {
		snprintf(d.achieved, sizeof(d.achieved), "replaced");
	}
	*dose = d;
	return 0;
}

static int check_replace(const void *args, struct err *err)
{
	const struct replace_args *a = args;

	if (!a->content == !a->from)
		return err_set(err, -EINVAL, "one of \"content\" and \"from\" must be given");
	if (a->path[0] != '/' || (a->from && a->from[0] != '/')) {
		err_set(err, -EINVAL, "path \"%s\" is not absolute",
		        a->path[0] != '/' ? a->path : a->from);
		return err_hint(err, -EINVAL, "A relative path would depend on who reads it.");
	}
	return 0;
}

static const struct param params[] = {
        {.name = "path",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct replace_args, path),
         .help = "the file, by its absolute path; it must be there",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_PATH},
        {.name = "content",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct replace_args, content),
         .help = "the content as text; may be empty"},
        {.name = "from",
         .kind = PARAM_TEXT,
         .offset = offsetof(struct replace_args, from),
         .help = "the content is that of this file, at most 4 MiB",
         .flags = PARAM_PATH},
        {NULL},
};

static const char *const needs[] = {"rename-exchange", NULL};
static const char *const steps[] = {"file", NULL};

static const char *const examples[] = {
        "squall attack file.replace /etc/shop/flags.json --content '{}' --target host --for 30s",
        "squall attack file.replace /etc/hosts --from /root/hosts.broken --target host --for 1m",
        "squall attack file.replace --path /srv/shop/index.html --content '' --target host --for "
        "5s "
        "--dry-run",
        NULL,
};

const struct fault fault_file_replace = {
        .kind =
                {
                        .name = "file.replace",
                        .summary = "gives a file other content",
                        .man = "Puts other content in the place of a file and the original back "
                               "afterwards: "
                               "a truncated configuration, an empty certificate, a flag file with "
                               "the wrong "
                               "flag. Owner, mode and extended attributes stay the same.\n\n"
                               "The new content is written beside the file and the two names are "
                               "exchanged "
                               "in one step, so a reader sees the one or the other and never a "
                               "mixture. The "
                               "original stays on the same file system, so that putting it back "
                               "needs no "
                               "space. A program that has the file open keeps the original until "
                               "it opens it "
                               "again. A link is not followed.\n\n"
                               "A file that somebody else changes during the attack is not put "
                               "back: it is "
                               "reported as residue, with both contents kept. After a crash of the "
                               "machine "
                               "squall undo restores it.",
                        .params = params,
                        .args_size = sizeof(struct replace_args),
                        .examples = examples,
                        .class_ = "state",
                        .targets = "host",
                        .check = check_replace,
                },
        .needs = needs,
        .steps = steps,
        .plan = plan_replace,
        .dose = dose_replace,
};
