/* Reading in a forked process, because it may hang. */
#include "probe/aside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "io/child.h"
#include "probe/doc.h"

enum { DOC_MAX = 8 << 20 };

struct aside {
	struct child *child;
	look_done *done;
	void *ctx;
	char *what;
	/* for the forked process */
	const struct world *world;
	aside_read *read;
	const void *args;
};

static int read_there(void *ctx)
{
	const struct aside *a = ctx;
	struct world w = *a->world;
	w.root = CHILD_KEPT_FD;
	struct err err = ERR_INIT;
	json_t *doc = a->read(&w, a->args, &err);
	if (!doc)
		doc = json_pack("{s:i, s:s, s:s}", "code", err.code, "what", err.what, "hint",
		                err.hint);
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	return !text || write_all(STDOUT_FILENO, text, strlen(text)) < 0;
}

static void aside_free(struct aside *a)
{
	free(a->what);
	free(a);
}

static json_t *doc_read(const struct aside *a, const struct child_result *r, struct err *err)
{
	if (r->timed_out) {
		(void)err_set(err, -ETIMEDOUT, "could not read %s in time", a->what);
		(void)err_hint(
		        err, err->code,
		        "Something hangs there (a file system, a process); or allow more time "
		        "with `timeout`.");
		return NULL;
	}
	json_t *doc = json_loadb(r->out.data, r->out.n, 0, NULL);
	const char *what = json_string_value(json_object_get(doc, "what"));
	if (doc && !what) {
		doc_seconds(doc, "seconds", r->took_ns);
		return doc;
	}
	if (what) {
		const char *hint = json_string_value(json_object_get(doc, "hint"));
		(void)err_set(err, (int)json_integer_value(json_object_get(doc, "code")), "%s",
		              what);
		if (hint && hint[0])
			(void)err_hint(err, err->code, "%s", hint);
	} else {
		(void)err_set(err, -EIO, "could not read %s: the reading process broke down",
		              a->what);
	}
	json_decref(doc);
	return NULL;
}

static void child_ended(void *ctx, const struct child_result *r, const struct err *failed)
{
	struct aside *a = ctx;
	struct err err = ERR_INIT;
	json_t *doc = NULL;
	if (r)
		doc = doc_read(a, r, &err);
	else
		err = *failed;
	a->done(a->ctx, doc, doc ? NULL : &err);
	aside_free(a);
}

int aside_start(struct loop *loop, const struct world *w, aside_read *read, const void *args,
                const char *what, uint64_t due_ns, uint64_t timeout_ns, look_done *done, void *ctx,
                struct aside **out, struct err *err)
{
	struct aside *a = calloc(1, sizeof(*a));
	char *name = strdup(what);
	if (!a || !name) {
		free(a);
		free(name);
		return err_sys(err, ENOMEM, "could not read %.200s", what);
	}
	*a = (struct aside){
	        .done = done, .ctx = ctx, .what = name, .world = w, .read = read, .args = args};
	struct child_spec spec = {
	        .run = read_there,
	        .run_ctx = a,
	        .keep_fd = w->root,
	        .since_ns = due_ns,
	        .limit_ns = timeout_ns,
	        .out_max = DOC_MAX,
	};
	int rc = child_start(loop, &spec, child_ended, a, &a->child, err);
	a->world = NULL; /* borrowed for the fork only */
	a->args = NULL;
	if (rc < 0) {
		aside_free(a);
		return err_wrap(err, rc, "could not read %.200s", what);
	}
	*out = a;
	return 0;
}

void aside_cancel(struct aside *a)
{
	child_cancel(a->child);
	aside_free(a);
}
