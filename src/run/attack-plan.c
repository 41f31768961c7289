/* The one plan of an attack, and what must be said or able before it may be put. */
#include "run/attack-plan.h"

#include <errno.h>
#include <string.h>
#include <string.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "machine/can.h"
#include "machine/cgroup.h"
#include "step/step.h"

#define WHOLE_AGAIN_NS NS_PER_S

enum { WHOLE_MAX = 128 };

uint64_t attack_seed(uint64_t run_seed, size_t i)
{
	struct rng rng = {run_seed ^ (uint64_t)(i + 1) * 0x9e3779b97f4a7c15ull};
	return rng_next(&rng);
}

void *attack_args(const struct experiment *x, const struct method *attack, size_t level,
                  struct arena *a, struct err *err)
{
	if (level == 0 && attack->call.args)
		return attack->call.args;
	struct problems problems;
	problems_init(&problems, a);
	void *args = call_bind(x, &attack->call, level, a, &problems);
	if (!args || problems.errors)
		err_set(err, -EINVAL, "cannot bind \"%s\" at level %zu: %s", attack->id, level + 1,
		        problems.n ? problems.v[0].text : "no reason known");
	return problems.errors ? NULL : args;
}

static bool has_word(const char *const *list, const char *word)
{
	while (list && *list && strcmp(*list, word) != 0)
		list++;
	return list && *list;
}

/* All that plan() is given but the target. */
struct planning {
	const struct fault *fault;
	const void *args;
	const struct moment *moment;
	const struct world *world;
	const char *run;
	struct plan *plan;
};

static int plan_one(const struct planning *p, const struct target *t, uint64_t *again_ns,
                    struct err *err)
{
	return p->fault->plan(p->args, t, p->moment, p->world, p->run, p->plan, again_ns, err);
}

/* Each process that the group has now. One that ends meanwhile is left out. */
static int plan_whole(const struct planning *p, const struct target *t, uint64_t *again_ns,
                      struct err *err)
{
	pid_t pids[WHOLE_MAX];
	size_t n = cgroup_processes_below(p->world, t->group, pids, WHOLE_MAX), planned = 0;
	if (n > WHOLE_MAX)
		return err_set(err, -E2BIG, "%s has %zu processes, more than %d", t->name, n,
		               WHOLE_MAX);
	for (size_t i = 0; i < n; i++) {
		struct target one = *t;
		struct proc_stat st;
		if (proc_stat_read(p->world, pids[i], &st, NULL) < 0 || st.state == 'Z')
			continue;
		one.proc = (struct proc_id){pids[i], st.start};
		memcpy(one.comm, st.comm, sizeof(one.comm));
		int r = plan_one(p, &one, again_ns, err);
		if (r < 0 && r != -ESRCH && r != -ESTALE)
			return r;
		planned += r == 0;
	}
	/* What is forked meanwhile is found by the next plan. */
	*again_ns = WHOLE_AGAIN_NS;
	return planned ? 0 : err_set(err, -ESRCH, "%s has no process left", t->name);
}

int attack_plan(const struct experiment *x, const struct method *attack, size_t level,
                const struct targets *targets, const struct moment *moment,
                const struct world *world, const char *run, struct arena *arena, struct plan *out,
                uint64_t *again_ns, size_t *gone, struct err *err)
{
	const struct fault *fault = fault_of(attack->call.kind);
	if (!fault)
		return err_set(err, -ENOSYS, "fault \"%s\" is not built in", attack->call.name);
	const void *args = attack_args(x, attack, level, arena, err);
	if (!args)
		return -EINVAL;
	struct plan plan;
	plan_init(&plan, arena);
	struct planning planning = {fault, args, moment, world, run, &plan};
	uint64_t least = 0;
	size_t lost = 0;
	for (size_t i = 0; i < targets->n; i++) {
		uint64_t again = 0;
		struct err why = ERR_INIT;
		const struct target *t = &targets->v[i];
		if (t->to_start)
			continue;
		int r = t->whole && t->group[0] ? plan_whole(&planning, t, &again, &why)
		                                : plan_one(&planning, t, &again, &why);
		if ((r == -ESTALE || r == -ESRCH) && ++lost < targets->n)
			continue;
		if (r < 0) {
			if (err)
				*err = why;
			return err_wrap(err, r, "cannot plan \"%s\" for %s", attack->id,
			                targets->v[i].name);
		}
		if (again && (!least || again < least))
			least = again;
	}
	for (size_t i = 0; i < plan.n; i++)
		if (!has_word(fault->steps, plan.v[i].type))
			return err_set(err, -EPROTO,
			               "\"%s\" plans a step \"%s\", which it does not name",
			               attack->call.name, plan.v[i].type);
	*out = plan;
	*again_ns = least;
	if (gone)
		*gone = lost;
	return 0;
}

struct trying {
	const struct method *attack;
	const struct world *world;
	struct err *err;
};

static int need_try(void *ctx, const char *need)
{
	const struct trying *t = ctx;
	/* about the target's namespace, where the step tries it when it is prepared */
	if (!strcmp(need, "net-admin"))
		return 0;
	int r = can_try(t->world, need, t->err);
	if (r < 0 && !strcmp(need, "root")) {
		(void)err_set(t->err, r, "\"%s\" needs root", t->attack->call.name);
		return err_hint(t->err, r, "Run it as root, for example with sudo.");
	}
	return r < 0 ? err_wrap(t->err, r, "\"%s\" needs \"%s\", which is lacking here",
	                        t->attack->call.name, need)
	             : 0;
}

int attack_can(const struct method *attack, const struct world *world, struct err *err)
{
	const struct fault *fault = fault_of(attack->call.kind);
	struct trying trying = {attack, world, err};
	return fault ? fault_each_need(fault, attack->call.args, need_try, &trying) : 0;
}

static const struct {
	enum allow bit;
	const char *word, *does;
} allows[] = {
        {ALLOW_IRREVERSIBLE, "irreversible", "cannot be put back"},
        {ALLOW_HOST_WIDE, "host-wide", "reaches all of this machine"},
        {ALLOW_CONTROL_PATH, "control-path", "may cut the way in to this machine"},
};

const char *allow_word(unsigned allow)
{
	for (size_t i = 0; i < ARRAY_SIZE(allows); i++)
		if (allow & allows[i].bit)
			return allows[i].word;
	return "";
}

unsigned attack_needs(const struct method *attack, const struct plan *plan)
{
	unsigned needs = (attack->call.kind->irreversible ? ALLOW_IRREVERSIBLE : 0u) |
	                 (plan->host_wide ? ALLOW_HOST_WIDE : 0u) |
	                 (plan->control_path ? ALLOW_CONTROL_PATH : 0u);
	for (size_t i = 0; i < plan->n; i++) {
		const struct step_type *type = step_type_find(plan->v[i].type);
		if (type && type->flags & STEP_IRREVERSIBLE)
			needs |= ALLOW_IRREVERSIBLE;
	}
	return needs;
}

int attack_allowed(const struct experiment *x, const struct method *attack, const struct plan *plan,
                   struct err *err)
{
	unsigned needs = attack_needs(attack, plan);
	for (size_t i = 0; i < ARRAY_SIZE(allows); i++)
		if (needs & allows[i].bit & ~x->allow) {
			err_set(err, -EPERM, "attack \"%s\" (%s) %s, and that is not allowed",
			        attack->id, attack->call.name, allows[i].does);
			return err_hint(err, -EPERM,
			                "Write \"allow: [%s]\" in the file, or say \"--allow %s\".",
			                allows[i].word, allows[i].word);
		}
	return 0;
}
