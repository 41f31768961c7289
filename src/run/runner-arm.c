/* From a file to an armed keeper: what is not built, targets, first plans, what is allowed. */
#include <errno.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "base/priority.h"
#include "run/late-undo.h"
#include "run/runner-state.h"

static void refuse(struct runner *r, enum exit_code code, const struct err *err)
{
	runner_post(r, EV_REFUSED, (uint32_t)code, NULL, err);
}

bool runner_built(struct runner *r)
{
	if (!r->x->unbuilt_n)
		return true;
	char list[320];
	struct buf names;
	buf_init(&names, list, sizeof(list));
	for (size_t i = 0; i < r->x->unbuilt_n; i++) {
		const struct unbuilt *u = &r->x->unbuilt[i];
		buf_addf(&names, "%s%s", i ? ", " : "", u->what);
		if (u->at.line)
			buf_addf(&names, " (line %u)", u->at.line);
	}
	struct err err = ERR_INIT;
	err_set(&err, -ENOSYS, "this build of squall does not have: %s", names.data);
	err_hint(&err, -ENOSYS,
	         "Take it out of the file; \"squall version\" lists what is built in.");
	refuse(r, EXIT_CANNOT, &err);
	return false;
}

bool runner_may(struct runner *r)
{
	const struct policies *p = r->o->policies;
	struct err err = ERR_INIT;
	int rc = p ? gate_caller(p, &err) : 0;
	if (p && rc == 0)
		rc = gate_file(p, r->x, &err);
	if (p && rc == 0)
		rc = gate_times(p, clock_wall_ns(), r->x->max_duration_ns, &err);
	for (size_t i = 0; p && rc == 0 && i < r->x->attacks_n; i++)
		rc = gate_attack(p, r->x, r->x->attacks[i], &err);
	if (rc < 0)
		refuse(r, EXIT_REFUSED, &err);
	return rc == 0;
}

void runner_resolve(struct runner *r, uint32_t i)
{
	const struct method *attack = r->x->attacks[i];
	struct attack *a = &r->attacks[i];
	struct err err = ERR_INIT;
	if (a->resolved) {
		runner_follow(a);
		return;
	}
	int rc = resolve_targets(r->o->world, &attack->selector, attack->call.kind,
	                         attack_seed(r->o->seed, i), r->spare, r->spare_n, &r->arena,
	                         &a->targets, &err);
	if (rc < 0) {
		err_wrap(&err, rc, "attack \"%s\"", attack->id);
		refuse(r, EXIT_CANNOT, &err);
		return;
	}
	a->resolved = true;
	json_t *names = json_array();
	for (size_t t = 0; t < a->targets.n; t++)
		json_array_append_new(names, json_string(a->targets.v[t].name));
	runner_post(r, EV_RESOLVED, i,
	            json_pack("{s:o, s:I, s:I, s:I}", "targets", names, "matched",
	                      (json_int_t)a->targets.matched, "asked", (json_int_t)a->targets.asked,
	                      "excluded", (json_int_t)a->targets.excluded),
	            NULL);
}

/* What the policies say of the whole run, now that its targets and its end are known. */
static int policies_check(struct runner *r, uint64_t deadline_ns, struct err *err)
{
	const struct policies *p = r->o->policies;
	size_t n = r->x->attacks_n;
	const struct targets **all = arena_alloc(&r->arena, (n + 1) * sizeof(*all));
	size_t pids = 0;
	if (!p || !all)
		return all ? 0 : err_set(err, -ENOMEM, "could not arm the run: out of memory");
	for (size_t i = 0; i < n; i++) {
		all[i] = &r->attacks[i].targets;
		pids += r->attacks[i].pids;
	}
	int rc = gate_spread(p, all, n, err);
	if (rc == 0)
		rc = gate_room(p, r->o->world, pids, err);
	uint64_t now_ns = loop_now_ns(r->loop);
	return rc < 0 ? rc : gate_times(p, clock_wall_ns(), deadline_ns - now_ns, err);
}

/* Everything that can be known before the keeper is started: what this machine can, what the plans
 * would do, what is allowed. */
static int plans_check(struct runner *r, enum exit_code *code, struct err *err)
{
	for (size_t i = 0; i < r->x->attacks_n; i++) {
		const struct method *attack = r->x->attacks[i];
		*code = EXIT_CANNOT;
		int rc = attack_can(attack, r->o->world, err);
		if (rc == 0)
			rc = names_arm(&r->attacks[i], err);
		if (rc == 0)
			rc = command_start(&r->attacks[i], err);
		if (rc < 0)
			return rc;
		rc = attack_put(&r->attacks[i], ATTACK_LOOK, err);
		if (rc < 0) {
			*code = rc == -EPERM ? EXIT_REFUSED : EXIT_CANNOT;
			return rc;
		}
	}
	return 0;
}

/* Where there is no systemd, nothing was promised. */
static void last_resort_arm(struct runner *r, uint64_t deadline_ns)
{
	struct err err = ERR_INIT;
	int rc = late_undo_arm(r->o->world, r->o->run_id, deadline_ns, &err);
	r->late_undo = rc == 0;
	if (rc == 0)
		runner_tell(r, json_pack("{s:s, s:s}", "type", "note", "text",
		                         "should all of squall be killed, systemd runs \"squall "
		                         "undo\" after the deadline"));
	else if (rc != -ENOSYS)
		runner_tell(r,
		            json_pack("{s:s, s:s, s:s}", "type", "error", "what", err.what, "hint",
		                      "Should all of squall be killed, run \"squall undo\"."));
}

void last_resort_disarm(struct runner *r)
{
	struct err err = ERR_INIT;
	bool clean = r->finish.cleanup == CLEANUP_CLEAN && !r->last_residue && !r->undo_failed;
	if (!r->late_undo || !clean)
		return;
	if (late_undo_disarm(r->o->run_id, &err) < 0)
		runner_tell(r, json_pack("{s:s, s:s}", "type", "note", "text", err.what));
	r->late_undo = false;
}

void runner_arm(struct runner *r, uint64_t deadline_ns)
{
	if (runner_halt_look(r))
		return;
	if (!r->x->attacks_n) {
		/* Nothing will be changed: no keeper is needed. */
		r->armed_ns = loop_now_ns(r->loop);
		runner_post(r, EV_ARMED, 0, NULL, NULL);
		return;
	}
	enum exit_code code = EXIT_CANNOT;
	struct err err = ERR_INIT;
	int rc = plans_check(r, &code, &err);
	if (rc == 0) {
		code = EXIT_REFUSED;
		rc = policies_check(r, deadline_ns, &err);
	}
	if (rc == 0) {
		code = EXIT_CANNOT;
		rc = stash_open(r, &err);
		if (rc == 0)
			rc = keeper_start(r, deadline_ns, &err);
	}
	if (rc == 0 && world_is_real(r->o->world))
		priority_raise();
	for (size_t i = 0; rc == 0 && i < r->x->attacks_n; i++)
		rc = command_guard(&r->attacks[i], &err);
	if (rc == 0)
		last_resort_arm(r, deadline_ns);
	for (size_t i = 0; rc == 0 && i < r->x->attacks_n; i++) {
		BOUNDARY("runner prepare");
		rc = attack_put(&r->attacks[i], ATTACK_PREPARE, &err);
	}
	if (rc == 0) {
		BOUNDARY("runner arm");
		rc = link_arm(&r->link, &err);
	}
	/* EPIPE: the keeper has left, and what it said is heard next */
	if (rc < 0 && rc != -EPIPE) {
		refuse(r, code, &err);
		return;
	}
	r->preparing = true;
}
