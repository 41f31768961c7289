/* One run: posts events to the engine and carries out its commands. */
#include "run/runner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "run/runner-state.h"

enum { TARGETS_BYTES = 64 << 20 };

struct pending {
	struct pending *next;
	enum event_type type;
	uint32_t id;
	json_t *doc;
	bool failed;
	struct err err;
};

/* Alarms */

static void alarm_fired(void *ctx)
{
	struct alarm *alarm = ctx;
	runner_post(alarm->r, EV_TIMER, alarm->id, NULL, NULL);
}

static void alarm_set(struct runner *r, uint32_t id, uint64_t at_ns)
{
	struct alarm *alarm = r->alarms;
	while (alarm && alarm->id != id)
		alarm = alarm->next;
	if (!alarm) {
		alarm = calloc(1, sizeof(*alarm));
		if (!alarm)
			return;
		alarm->r = r;
		alarm->id = id;
		alarm->timer = timer_new(r->loop, alarm_fired, alarm);
		alarm->next = r->alarms;
		r->alarms = alarm;
	}
	if (alarm->timer)
		timer_set(alarm->timer, at_ns);
}

static void alarms_free(struct runner *r)
{
	for (struct alarm *next, *alarm = r->alarms; alarm; alarm = next) {
		next = alarm->next;
		timer_free(alarm->timer);
		free(alarm);
	}
	r->alarms = NULL;
}

/* Commands */

static void finish(struct runner *r, const struct finish *f)
{
	r->finished = true;
	r->finish = *f;
	runner_cancel(r, UINT32_MAX);
	alarms_free(r);
	keeper_finish(r);
}

static void obey(struct runner *r, const struct command *c)
{
	BOUNDARY(command_name(c->type));
	switch (c->type) {
	case DO_RESOLVE:
		runner_resolve(r, c->id);
		break;
	case DO_ARM:
		runner_arm(r, c->at_ns);
		break;
	case DO_LOOK:
		runner_look(r, c->id, c->at_ns);
		break;
	case DO_DEED:
		runner_deed(r, c->id);
		break;
	case DO_PUT:
		runner_put(r, c->id, c->level);
		break;
	case DO_TAKE_OUT:
		runner_take_out(r, c->id);
		break;
	case DO_TAKE_ALL:
		runner_take_all(r);
		break;
	case DO_METER:
		runner_meter(r, c->id);
		break;
	case DO_TIMER:
		alarm_set(r, c->id, c->at_ns);
		break;
	case DO_CANCEL:
		runner_cancel(r, c->id);
		break;
	case DO_TELL:
		runner_tell(r, c->entry);
		break;
	case DO_FINISH:
		finish(r, &c->finish);
		break;
	}
}

/* Events */

static void pending_free(struct pending *p)
{
	json_decref(p->doc);
	free(p);
}

static void drain(struct runner *r)
{
	r->feeding = true;
	while (r->first) {
		struct pending *p = r->first;
		r->first = p->next;
		if (!r->first)
			r->last = NULL;
		if (!r->finished) {
			/* "t" in the record counts from EV_START. */
			struct event ev = {.now_ns = p->type == EV_START ? r->doc->started_boot_ns
			                                                 : loop_now_ns(r->loop),
			                   .type = p->type,
			                   .id = p->id,
			                   .doc = p->doc,
			                   .err = p->failed ? &p->err : NULL};
			r->commands->n = 0;
			r->type->feed(r->engine, &ev, r->commands);
			for (size_t i = 0; i < r->commands->n; i++)
				obey(r, &r->commands->v[i]);
		}
		pending_free(p);
	}
	r->feeding = false;
}

void runner_post(struct runner *r, enum event_type type, uint32_t id, json_t *doc,
                 const struct err *err)
{
	struct pending *p = calloc(1, sizeof(*p));
	if (!p) {
		json_decref(doc);
		return;
	}
	p->type = type;
	p->id = id;
	p->doc = doc;
	if (err) {
		p->failed = true;
		p->err = *err;
	}
	if (r->last)
		r->last->next = p;
	else
		r->first = p;
	r->last = p;
	if (!r->feeding)
		drain(r);
}

void runner_tell(struct runner *r, json_t *entry)
{
	if (!entry)
		return;
	if (!json_object_get(entry, "t"))
		json_object_set_new(
		        entry, "t",
		        json_integer((json_int_t)(loop_now_ns(r->loop) - r->doc->started_boot_ns)));
	if (r->x->secrets_n) {
		json_t *masked = experiment_mask_json(r->x, entry);
		json_decref(entry);
		entry = masked;
	}
	rundoc_tell(r->doc, entry);
}

void runner_stop(struct runner *r)
{
	if (!r->stopping && commands_end(r))
		return;
	loop_stop(r->loop);
}

/* The run itself */

static void machine_tell(struct runner *r)
{
	struct utsname u;
	char boot[BOOT_ID_MAX] = "";
	struct err ignored = ERR_INIT;
	if (boot_id_read(r->o->world, boot, &ignored) < 0)
		boot[0] = 0;
	uname(&u);
	runner_tell(r, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", "machine", "host",
	                         u.nodename, "kernel", u.release, "arch", u.machine, "boot-id",
	                         boot, "squall", SQUALL_VERSION));
}

static void start(struct runner *r)
{
	machine_tell(r);
	r->feeding = true; /* so that a refusal waits for EV_START */
	runner_post(r, EV_START, 0, NULL, NULL);
	struct halt halt;
	if (runner_halt_asked(r, &halt)) {
		struct err err = ERR_INIT;
		err_set(&err, -EPERM, "runs are halted since %s by %s%s%s", halt.when, halt.by,
		        halt.reason[0] ? ": " : "", halt.reason);
		err_hint(&err, -EPERM, "Say \"squall resume\" to allow runs again.");
		r->halted = true;
		runner_post(r, EV_REFUSED, EXIT_REFUSED, NULL, &err);
	} else {
		(void)(runner_built(r) && runner_may(r));
	}
	drain(r);
}

static void close_all(struct runner *r)
{
	looks_release(r);
	runner_unwatch(r);
	timer_free(r->stopping);
	keeper_release(r);
	for (size_t i = 0; r->attacks && i < r->x->attacks_n; i++)
		attack_release(&r->attacks[i]);
	alarms_free(r);
	for (struct pending *next, *p = r->first; p; p = next) {
		next = p->next;
		pending_free(p);
	}
	if (r->engine)
		r->type->free_(r->engine);
	if (r->loop)
		loop_free(r->loop);
	fd_close(&r->stash);
	free(r->attacks);
	free(r->spare);
	free(r->commands);
	arena_release(&r->arena);
}

static int open_all(struct runner *r, struct err *err)
{
	arena_init(&r->arena, TARGETS_BYTES);
	r->commands = calloc(1, sizeof(*r->commands));
	r->attacks = calloc(r->x->attacks_n ? r->x->attacks_n : 1, sizeof(*r->attacks));
	if (!r->commands || !r->attacks)
		return err_set(err, -ENOMEM, "could not start the run: out of memory");
	for (size_t i = 0; i < r->x->attacks_n; i++) {
		r->attacks[i].r = r;
		r->attacks[i].i = (uint32_t)i;
	}
	r->spare = calloc(r->o->spare_n + 1, sizeof(*r->spare));
	if (!r->spare)
		return err_set(err, -ENOMEM, "could not start the run: out of memory");
	for (size_t i = 0; i < r->o->spare_n; i++)
		r->spare[r->spare_n++] = r->o->spare[i];
	/* Not to be found on a recorded machine, which has no such process either. */
	struct err ignored = ERR_INIT;
	if (proc_id_read(r->o->world, getpid(), &r->spare[r->spare_n], &ignored) == 0)
		r->spare_n++;
	r->loop = loop_new(err);
	if (!r->loop)
		return err && err->code ? err->code : -ENOMEM;
	r->doc = rundoc_new(r->o->run_id, r->x, r->o->seed, loop_now_ns(r->loop), clock_wall_ns());
	if (!r->doc)
		return err_set(err, -ENOMEM, "could not start the run: out of memory");
	for (size_t i = 0; i < r->o->listeners_n; i++) {
		int rc = rundoc_listen(r->doc, r->o->listeners[i]);
		if (rc < 0)
			return err_set(err, rc, "too many listeners of one run");
	}
	r->engine = r->type->new_(r->x, r->o->seed, err);
	if (!r->engine)
		return err && err->code ? err->code : -ENOMEM;
	return runner_watch(r, err);
}

/* The last look at every object comes after the engine's verdict; what it found outranks it. */
static void correct(struct runner *r)
{
	enum cleanup_state found = r->last_residue  ? CLEANUP_RESIDUE
	                           : r->undo_failed ? CLEANUP_UNKNOWN
	                                            : CLEANUP_CLEAN;
	if (found == CLEANUP_CLEAN || found == r->finish.cleanup ||
	    r->finish.cleanup == CLEANUP_RESIDUE)
		return;
	BUF(because, 160);
	if (found == CLEANUP_RESIDUE)
		buf_addf(&because, "the last check found %zu object%s not back", r->last_residue,
		         r->last_residue == 1 ? "" : "s");
	else
		buf_add(&because, "the last check of the objects could not be made");
	enum exit_code code = rundoc_exit(r->finish.verdict, r->finish.outcome, found, false);
	runner_tell(r, json_pack("{s:s, s:s, s:s, s:s, s:i, s:s}", "type", "verdict", "verdict",
	                         verdict_name(r->finish.verdict), "outcome",
	                         outcome_name(r->finish.outcome), "cleanup", cleanup_name(found),
	                         "exit", (int)code, "because", because.data));
}

int run_experiment(const struct run_options *o, struct rundoc **out, struct err *err)
{
	struct runner *r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(err, -ENOMEM, "could not start the run: out of memory");
	r->o = o;
	r->x = o->experiment;
	r->type = o->engine ? o->engine : &experiment_engine;
	r->stash = -1;
	int rc = open_all(r, err);
	if (rc == 0) {
		start(r);
		loop_run(r->loop);
		correct(r);
		last_resort_disarm(r);
	}
	struct rundoc *doc = r->doc;
	close_all(r);
	free(r);
	if (rc < 0) {
		rundoc_free(doc);
		return rc;
	}
	*out = doc;
	return 0;
}
