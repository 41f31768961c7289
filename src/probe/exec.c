/* exec: runs a program, as a probe and as an action. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "io/child.h"
#include "io/loop.h"
#include "probe/doc.h"
#include "probe/probe.h"

struct exec_args {
	struct text_list argv;
	struct text_map env;
	const char *dir, *input;
	uint64_t timeout_ns, max_output;
};

struct look {
	struct child *child;
	char *name;
	look_done *done;
	void *ctx;
	bool deed; /* an action: anything but exit status 0 is a failure */
};

static void look_free(struct look *l)
{
	free(l->name);
	free(l);
}

static json_t *result_doc(const struct child_result *r)
{
	json_t *doc = json_object();
	if (!doc)
		return NULL;
	if (r->exit >= 0)
		doc_set(doc, "exit", json_integer(r->exit));
	if (r->signal)
		doc_set(doc, "signal", json_integer(r->signal));
	doc_set(doc, "timed-out", json_boolean(r->timed_out));
	doc_seconds(doc, "seconds", r->took_ns);
	doc_text(doc, "stdout", r->out.data, r->out.n, r->out.cut);
	doc_text(doc, "stderr", r->err.data, r->err.n, r->err.cut);
	doc_set(doc, "truncated", json_boolean(r->out.cut || r->err.cut));
	if (!r->out.cut && !r->timed_out)
		doc_json(doc, r->out.data, r->out.n, false);
	return doc;
}

/* The last line that says something, for the error text. */
static void last_line(const struct child_text *t, struct buf *to)
{
	size_t end = t->n;
	while (end && strchr("\r\n\t ", t->data[end - 1]))
		end--;
	size_t at = end;
	while (at && t->data[at - 1] != '\n')
		at--;
	if (end > at) {
		buf_add(to, ": ");
		buf_add_n(to, t->data + at, end - at);
	}
}

static int deed_failed(const struct look *l, const struct child_result *r, struct err *err)
{
	BUF(says, 200);
	last_line(r->err.n ? &r->err : &r->out, &says);
	if (r->timed_out)
		return err_set(err, -ETIMEDOUT, "\"%.160s\" did not end in time%s", l->name,
		               says.data);
	if (r->signal)
		return err_set(err, -EIO, "\"%.160s\" was ended by signal %d%s", l->name, r->signal,
		               says.data);
	return err_set(err, -EIO, "\"%.160s\" ended with status %d%s", l->name, r->exit, says.data);
}

static void exec_ended(void *ctx, const struct child_result *r, const struct err *failed)
{
	struct look *l = ctx;
	struct err err = ERR_INIT;
	json_t *doc = NULL;
	if (!r)
		err = *failed;
	else if (l->deed && r->exit != 0)
		(void)deed_failed(l, r, &err);
	else if (!(doc = result_doc(r)))
		(void)err_sys(&err, ENOMEM, "could not keep the output of \"%s\"", l->name);
	l->done(l->ctx, doc, doc ? NULL : &err);
	look_free(l);
}

/* "NAME=VALUE" texts in one block: the list, then what it points to. */
static char **env_make(const struct text_map *m)
{
	size_t room = (m->n + 1) * sizeof(char *), at = room;
	for (size_t i = 0; i < m->n; i++)
		room += strlen(m->v[i].key) + strlen(m->v[i].value) + 2;
	char **list = calloc(1, room);
	if (!list)
		return NULL;
	for (size_t i = 0; i < m->n; i++) {
		struct buf text;
		buf_init(&text, (char *)list + at, room - at);
		buf_addf(&text, "%s=%s", m->v[i].key, m->v[i].value);
		list[i] = text.data;
		at += text.len + 1;
	}
	return list;
}

static int look_begin(struct loop *loop, const struct exec_args *a, uint64_t due_ns, bool deed,
                      look_done *done, void *ctx, struct look **out, struct err *err)
{
	if (!a->argv.n)
		return err_set(err, -EINVAL, "no program is named");
	struct look *l = calloc(1, sizeof(*l));
	char **env = env_make(&a->env);
	if (l)
		*l = (struct look){
		        .done = done, .ctx = ctx, .deed = deed, .name = strdup(a->argv.v[0])};
	struct child_spec spec = {
	        .argv = a->argv.v,
	        .argc = a->argv.n,
	        .env = (const char *const *)env,
	        .env_n = a->env.n,
	        .dir = a->dir,
	        .input = a->input,
	        .input_n = a->input ? strlen(a->input) : 0,
	        .since_ns = due_ns,
	        .limit_ns = a->timeout_ns,
	        .out_max = a->max_output,
	        .err_max = a->max_output,
	        .stays = deed,
	};
	int rc = l && env && l->name ? child_start(loop, &spec, exec_ended, l, &l->child, err)
	                             : err_sys(err, ENOMEM, "could not run a program");
	free(env);
	if (rc < 0) {
		if (l)
			look_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

static int exec_look(struct loop *loop, const struct world *w, const void *args, struct span when,
                     look_done *done, void *ctx, struct look **out, struct err *err)
{
	return look_begin(loop, args, when.to_ns, false, done, ctx, out, err);
}

static int exec_act(struct loop *loop, const struct world *w, const void *args, look_done *done,
                    void *ctx, struct deed **out, struct err *err)
{
	struct look *l = NULL;
	int rc = look_begin(loop, args, 0, true, done, ctx, &l, err);
	if (rc == 0)
		*out = (struct deed *)l;
	return rc;
}

static void exec_leave(struct look *l)
{
	child_cancel(l->child);
	look_free(l);
}

static void exec_drop(struct deed *d)
{
	exec_leave((struct look *)d);
}

static int exec_check(const void *args, struct err *err)
{
	const struct exec_args *a = args;
	if (!a->argv.n || !a->argv.v[0][0])
		return err_set(err, -EINVAL, "`argv` names no program");
	for (size_t i = 0; i < a->env.n; i++)
		if (!a->env.v[i].key[0] || strchr(a->env.v[i].key, '='))
			return err_set(err, -EINVAL, "\"%.100s\" cannot be the name of a variable",
			               a->env.v[i].key);
	return 0;
}

#define AT(member) offsetof(struct exec_args, member)
static const struct param exec_params[] = {
        {"argv", PARAM_LIST, AT(argv), .flags = PARAM_REQUIRED | PARAM_POSITIONAL,
         .help = "the program and its arguments; no shell reads them"},
        {"timeout", PARAM_DURATION, AT(timeout_ns), "10s", "1ms", "1h",
         .help = "after this long it is ended, with all that it started"},
        {"env", PARAM_MAP, AT(env), .help = "variables put over squall's own environment"},
        {"dir", PARAM_TEXT, AT(dir), .flags = PARAM_PATH, .help = "folder to run it in"},
        {"stdin", PARAM_TEXT, AT(input),
         .help = "what it reads from standard input; nothing if left out"},
        {"max-output", PARAM_SIZE, AT(max_output), "64KiB", "0", "16MiB",
         .help = "how much of standard output and of standard error is kept"},
        {NULL},
};

static const struct field exec_fields[] = {
        {"exit", FIELD_NUMBER, "exit status; absent when a signal or the time limit ended it"},
        {"signal", FIELD_NUMBER, "signal that ended it; absent otherwise"},
        {"timed-out", FIELD_BOOL, "whether it was ended by the time limit"},
        {"seconds", FIELD_SECONDS, "time to its end, from when the look was due"},
        {"stdout", FIELD_TEXT, "standard output, when it is UTF-8 text"},
        {"stderr", FIELD_TEXT, "standard error, when it is UTF-8 text"},
        {"truncated", FIELD_BOOL, "whether there was more output than max-output"},
        {"json", FIELD_ANY, "standard output as a document, when it is a JSON object or list"},
        {"json.*", FIELD_ANY, "a member of that document"},
        {NULL},
};

static const char *const exec_probe_examples[] = {
        "squall probe exec redis-cli ping",
        "squall probe exec --timeout 2s -- sh -c 'pg_isready && echo ready'",
        "squall probe exec --argv ./health.sh --dir /srv/shop --timeout 1s",
        NULL,
};

static const char *const exec_action_examples[] = {
        "- exec: {argv: [redis-cli, flushall]}",
        "- exec: {argv: [./load.sh, --users, \"200\"], dir: /srv/shop, timeout: 5m}",
        "- exec: {argv: [psql, shop], stdin: \"vacuum;\", env: {PGUSER: shop}}",
        NULL,
};

const struct probe probe_exec = {
        .kind =
                {
                        .name = "exec",
                        .summary = "runs a program and shows how it ended and what it wrote",
                        .man = "Runs a program with a process group of its own, no descriptors but "
                               "the "
                               "three standard ones, and a time limit. It should only look: what "
                               "it "
                               "changes is not put back. No shell is involved; name one in argv if "
                               "one is "
                               "needed. The look ends with the program itself: what it left "
                               "running is "
                               "killed, and the program is killed when squall dies.\n"
                               "\n"
                               "Any exit status is an answer: say in expect which one is right. A "
                               "program "
                               "that did not end in time gives timed-out: true and no exit. Output "
                               "that is "
                               "a JSON object or list is shown as json too.",
                        .params = exec_params,
                        .args_size = sizeof(struct exec_args),
                        .fields = exec_fields,
                        .examples = exec_probe_examples,
                        .check = exec_check,
                },
        .start = exec_look,
        .cancel = exec_leave,
};

const struct action action_exec = {
        .kind =
                {
                        .name = "exec",
                        .summary = "runs a program as a part of the method",
                        .man = "Runs a program, with the parameters of the exec probe. Anything "
                               "but exit "
                               "status 0 is a failed action. What it leaves running goes on, and "
                               "is not "
                               "ended by squall; what it changed is not put back.",
                        .params = exec_params,
                        .args_size = sizeof(struct exec_args),
                        .fields = exec_fields,
                        .examples = exec_action_examples,
                        .check = exec_check,
                },
        .start = exec_act,
        .cancel = exec_drop,
};
