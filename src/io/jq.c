/* jq filters: compiled here, evaluated in a child that may be killed. */
#include "io/jq.h"

#include <errno.h>
#include <jq.h>
#include <jv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/child.h"

struct jq_filter {
	jq_state *jq;
	char *text;
};

struct jq_run {
	const struct jq_filter *filter;
	const json_t *doc; /* until the fork */
	struct child *child;
	jq_done *done;
	void *ctx;
};

/* The first message is the one that matters; jq ends with "N compile errors". */
static void filter_says(void *ctx, jv message)
{
	struct buf *to = ctx;
	if (jv_get_kind(message) == JV_KIND_STRING && !to->len)
		buf_add_n(to, jv_string_value(message), strcspn(jv_string_value(message), "\n"));
	jv_free(message);
}

struct jq_filter *jq_filter_new(const char *text, struct err *err)
{
	if (strlen(text) > JQ_FILTER_MAX) {
		(void)err_set(err, -EINVAL, "jq filter is longer than %d bytes", JQ_FILTER_MAX);
		return NULL;
	}
	struct jq_filter *f = calloc(1, sizeof(*f));
	if (f) {
		f->text = strdup(text);
		f->jq = jq_init();
	}
	if (!f || !f->text || !f->jq) {
		(void)err_sys(err, ENOMEM, "could not compile a jq filter");
		jq_filter_free(f);
		return NULL;
	}
	BUF(says, 240);
	jq_set_error_cb(f->jq, filter_says, &says);
	jq_set_attr(f->jq, jv_string("JQ_LIBRARY_PATH"), jv_array());
	int ok = jq_compile(f->jq, text);
	jq_set_error_cb(f->jq, NULL, NULL);
	if (!ok) {
		(void)err_set(err, -EINVAL, "\"%.160s\" is not a jq filter: %s", text,
		              strncmp(says.data, "jq: error: ", 11) ? says.data : says.data + 11);
		jq_filter_free(f);
		return NULL;
	}
	return f;
}

void jq_filter_free(struct jq_filter *f)
{
	if (!f)
		return;
	if (f->jq)
		jq_teardown(&f->jq);
	free(f->text);
	free(f);
}

/* Above what is there already: the address space of a process that was built with a sanitizer is
 * huge. */
static void memory_limit(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f) {
		if (fscanf(f, "%lu", &pages) != 1)
			pages = 0;
		(void)fclose(f);
	}
	rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + JQ_MEMORY_MB * 1048576ul;
	struct rlimit space = {bytes, bytes}, core = {0, 0};
	if (pages)
		(void)setrlimit(RLIMIT_AS, &space);
	(void)setrlimit(RLIMIT_CORE, &core);
}

static void answer(const char *text)
{
	ssize_t n = write(STDOUT_FILENO, text, strlen(text));
	_exit(n < 0);
}

static void answer_wrong(jv value)
{
	BUF(text, 300);
	if (jv_is_valid(value)) {
		jv shown = jv_dump_string(value, 0);
		buf_addf(&text, "it gave %.120s, not true or false", jv_string_value(shown));
	} else {
		jv message = jv_invalid_get_msg(value);
		if (jv_get_kind(message) == JV_KIND_STRING)
			buf_add(&text, jv_string_value(message));
		else
			buf_add(&text, "it gave nothing");
	}
	answer(text.data);
}

/* In the child. */
static int filter_eval(void *ctx)
{
	struct jq_run *run = ctx;
	memory_limit();
	jq_state *jq = run->filter->jq;
	char *text = json_dumps(run->doc, JSON_ENCODE_ANY | JSON_COMPACT);
	if (!text)
		answer("the document could not be handed over");
	jv doc = jv_parse(text);
	if (!jv_is_valid(doc))
		answer_wrong(doc);
	jq_start(jq, doc, 0);
	jv first = jq_next(jq);
	jv_kind kind = jv_get_kind(first);
	if (kind != JV_KIND_TRUE && kind != JV_KIND_FALSE)
		answer_wrong(first);
	jv second = jq_next(jq);
	if (jv_is_valid(second))
		answer("it gave more than one value");
	if (jv_invalid_has_msg(jv_copy(second)))
		answer_wrong(second);
	answer(kind == JV_KIND_TRUE ? "true" : "false");
	return 1;
}

static void filter_done(void *ctx, const struct child_result *r, const struct err *failed)
{
	struct jq_run *run = ctx;
	struct err err = ERR_INIT;
	int said = -1;
	if (r && r->exit == 0 && !strcmp(r->out.data, "true"))
		said = 1;
	else if (r && r->exit == 0 && !strcmp(r->out.data, "false"))
		said = 0;
	else if (!r)
		err = *failed;
	else if (r->timed_out)
		(void)err_set(&err, -ETIMEDOUT, "jq filter \"%.160s\" did not end in time",
		              run->filter->text);
	else if (r->exit != 0)
		(void)err_set(&err, -ENOMEM,
		              "jq filter \"%.160s\" broke down: it may need more than %d MiB",
		              run->filter->text, JQ_MEMORY_MB);
	else
		(void)err_set(&err, -EINVAL, "jq filter \"%.160s\" failed: %s", run->filter->text,
		              r->out.data);
	jq_done *done = run->done;
	void *done_ctx = run->ctx;
	free(run);
	done(done_ctx, said, said < 0 ? &err : NULL);
}

int jq_filter_start(struct loop *loop, const struct jq_filter *f, const json_t *doc,
                    uint64_t limit_ns, jq_done *done, void *ctx, struct jq_run **out,
                    struct err *err)
{
	struct jq_run *run = calloc(1, sizeof(*run));
	if (!run)
		return err_sys(err, ENOMEM, "could not evaluate a jq filter");
	*run = (struct jq_run){.filter = f, .doc = doc, .done = done, .ctx = ctx};
	struct child_spec spec = {
	        .run = filter_eval,
	        .run_ctx = run,
	        .limit_ns = limit_ns ? limit_ns : JQ_LIMIT_MS * 1000000ull,
	        .out_max = 400,
	        .err_max = 400,
	};
	int rc = child_start(loop, &spec, filter_done, run, &run->child, err);
	if (rc < 0) {
		free(run);
		return err_wrap(err, rc, "could not evaluate a jq filter");
	}
	run->doc = NULL;
	*out = run;
	return 0;
}

void jq_run_cancel(struct jq_run *run)
{
	if (!run)
		return;
	child_cancel(run->child);
	free(run);
}
