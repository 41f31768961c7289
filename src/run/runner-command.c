/* Programs that are started as targets: their output is kept, their end is told, and they end with
 * the run. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/quantity.h"
#include "io/child.h"
#include "run/runner-state.h"

#define EXEC_LIMIT_NS (2 * NS_PER_S)
#define END_LIMIT_NS (NS_PER_S / 2) /* between SIGTERM and SIGKILL, at the end of the run */

struct run_command {
	struct attack *attack;
	struct child *child; /* NULL: it has ended */
	char file[96];       /* its output, in the run folder */
};

static json_t *entry_new(const struct run_command *c, const char *state)
{
	const struct method *m = c->attack->r->x->attacks[c->attack->i];

	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", "command", "attack", m->id, "name",
	                 m->selector.argv[0], "state", state, "output", c->file);
}

static void ended(void *ctx, const struct child_result *result, const struct err *err)
{
	struct run_command *c = ctx;
	struct runner *r = c->attack->r;
	json_t *entry = entry_new(c, "ended");
	const char *name;

	c->child = NULL;
	if (r->linked)
		(void)!link_command(&r->link, c->attack->i, 0, NULL);
	if (result && result->signal) {
		name = sigabbrev_np(result->signal);
		json_object_set_new(entry, "signal", json_string(name ? name : "?"));
	} else if (result) {
		json_object_set_new(entry, "exit", json_integer(result->exit));
	} else {
		json_object_set_new(entry, "what", json_string(err->what));
	}
	runner_tell(r, entry);
	/* Once it is attacked it is watched like any other target. */
	if (!c->attack->put && !c->attack->before_known && !r->finished)
		runner_post(r, EV_TARGET_GONE, c->attack->i,
		            json_pack("{s:s}", "target", c->attack->targets.v[0].name), NULL);
	if (r->stopping && !commands_end(r))
		runner_stop(r);
}

static int output_open(struct run_command *c, const char *id, struct err *err)
{
	int fd;
	BUF(name, sizeof(c->file));

	buf_add(&name, "command-");
	for (const char *at = id; *at; at++)
		buf_addc(&name, *at == '/' ? '-' : *at);
	buf_add(&name, ".log");
	(void)text_copy(c->file, sizeof(c->file), name.data);
	fd = openat(c->attack->r->o->run_dir, c->file,
	            O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(err, errno, "could not make \"%s\" in the run folder", c->file)
	              : fd;
}

/* The process as any other that is named by its number. */
static int find(struct attack *a, pid_t pid, struct err *err)
{
	const struct selector *said = &a->r->x->attacks[a->i]->selector;
	char number[16];
	struct selector_term term = {.key = "process.pid", .value = number};
	struct selector s = {.v = &term, .n = 1, .pick = {PICK_ALL, 0}, .says = said->says};
	struct targets found;
	struct target *t = &a->targets.v[0];
	int rc;
	BUF(name, TARGET_NAME_MAX);

	snprintf(number, sizeof(number), "%d", pid);
	rc = resolve_targets(a->r->o->world, &s, NULL, 1, NULL, 0, &a->r->arena, &found, err);
	if (rc < 0)
		return rc;
	buf_addf(&name, "%s (process %d)", t->name, pid);
	*t = found.v[0];
	(void)text_copy(t->name, sizeof(t->name), name.data);
	return 0;
}

int command_start(struct attack *a, struct err *err)
{
	const struct method *m = a->r->x->attacks[a->i];
	struct child_spec spec = {.argv = m->selector.argv, .session = true};
	struct run_command *c;
	_cleanup_fd_ int out = -1;
	int rc;

	if (!m->selector.argv || a->command)
		return 0;
	BOUNDARY("runner command");
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_set(err, -ENOMEM, "could not start \"%s\"", m->selector.argv[0]);
	a->command = c;
	c->attack = a;
	while (spec.argv[spec.argc])
		spec.argc++;
	out = output_open(c, m->id, err);
	if (out < 0)
		return out;
	spec.out_fd = out;
	rc = child_start(a->r->loop, &spec, ended, c, &c->child, err);
	if (rc == 0)
		rc = child_executed(c->child, EXEC_LIMIT_NS, err);
	if (rc == 0)
		rc = find(a, child_pid(c->child), err);
	if (rc < 0)
		return err_wrap(err, rc, "attack \"%s\": the target could not be started", m->id);
	json_t *entry = entry_new(c, "started");
	json_object_set_new(entry, "pid", json_integer(a->targets.v[0].proc.pid));
	runner_tell(a->r, entry);
	return 0;
}

int command_guard(struct attack *a, struct err *err)
{
	struct run_command *c = a->command;

	if (!c || !c->child)
		return 0;
	return link_command(&a->r->link, a->i, child_pid(c->child), err);
}

static void too_late(void *ctx)
{
	runner_stop(ctx);
}

bool commands_end(struct runner *r)
{
	bool any = false;

	for (size_t i = 0; i < r->x->attacks_n; i++) {
		struct run_command *c = r->attacks[i].command;

		if (!c || !c->child)
			continue;
		any = true;
		if (!r->stopping)
			child_end(c->child);
	}
	if (any && !r->stopping) {
		r->stopping = timer_new(r->loop, too_late, r);
		if (!r->stopping)
			return false;
		timer_set(r->stopping, loop_now_ns(r->loop) + END_LIMIT_NS);
	}
	return any;
}

void command_release(struct attack *a)
{
	if (!a->command)
		return;
	child_cancel(a->command->child);
	free(a->command);
	a->command = NULL;
}
