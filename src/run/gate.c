/* What the machine owner's policies refuse: who, when, what, how much. */
#include "run/gate.h"

#include <errno.h>
#include <fnmatch.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "run/guard.h"

int policy_refuse(struct err *err, const struct policy *p, struct where at, const char *fmt, ...)
{
	char what[320];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(err, -EPERM, "policy \"%s:%u\" refuses %s", p->path, at.line, what);
	return err_hint(err, -EPERM,
	                "It is the word of this machine's owner; no file and no flag outranks it.");
}

/* Who */

static bool is_user(const struct policy_texts *users, const struct caller_user *u)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", (unsigned)u->uid);
	for (size_t i = 0; i < users->n; i++)
		if (fnmatch(users->v[i].text, u->name, 0) == 0 ||
		    strcmp(users->v[i].text, number) == 0)
			return true;
	return false;
}

static bool is_member(const struct policy_texts *groups, const struct caller_user *u)
{
	for (size_t k = 0; k < u->groups_n; k++) {
		const struct group *g = groups->n ? getgrgid(u->groups[k]) : NULL;
		char number[16];

		snprintf(number, sizeof(number), "%u", (unsigned)u->groups[k]);
		for (size_t i = 0; i < groups->n; i++)
			if ((g && fnmatch(groups->v[i].text, g->gr_name, 0) == 0) ||
			    strcmp(groups->v[i].text, number) == 0)
				return true;
	}
	return false;
}

static int caller_judge(const struct policy *p, const struct caller *c, struct err *err)
{
	struct where at = policy_said(p, p->users.said ? "who.users" : "who.groups");

	if (!p->users.said && !p->groups.said)
		return 0;
	for (size_t i = 0; i < c->n; i++)
		if (is_user(&p->users, &c->v[i]) || is_member(&p->groups, &c->v[i]))
			return 0;
	return policy_refuse(err, p, at, "runs by user \"%s\"%s%s", c->v[0].name,
	                     c->n > 1 ? ", called by " : "", c->n > 1 ? c->v[1].name : "");
}

int gate_caller(const struct policies *p, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < p->n; i++)
		ret = caller_judge(p->v[i], &p->caller, err);
	return ret;
}

/* When */

static int times_judge(const struct policy *p, uint64_t now_ns, uint64_t lasts_ns, struct err *err)
{
	struct where at = policy_said(p, "times.windows");
	uint64_t change_ns;
	bool open = policy_open_at(p, now_ns, &change_ns);
	BUF(when, 40);
	BUF(lasts, 40);

	if (open && (change_ns == UINT64_MAX || lasts_ns <= change_ns - now_ns))
		return 0;
	if (change_ns != UINT64_MAX)
		clock_format_wall(&when, change_ns);
	if (!open) {
		policy_refuse(err, p, at, "runs at this time");
		return when.len ? err_hint(err, -EPERM, "The next window opens at %s.", when.data)
		                : err_hint(err, -EPERM, "No window opens within eight days.");
	}
	duration_format_short(&lasts, lasts_ns);
	policy_refuse(err, p, at, "a run that may last %s: it would reach beyond the window",
	              lasts.data);
	return err_hint(err, -EPERM,
	                "The window closes at %s; a shorter blast-radius.max-duration may fit.",
	                when.data);
}

int gate_times(const struct policies *p, uint64_t wall_ns, uint64_t lasts_ns, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < p->n; i++)
		ret = times_judge(p->v[i], wall_ns, lasts_ns, err);
	return ret;
}

/* What */

static bool is_command(const struct call *c)
{
	return c->name && (strcmp(c->name, "exec") == 0 || strcmp(c->name, "custom") == 0);
}

static int commands_judge(const struct policy *p, const struct experiment *x, struct err *err)
{
	const char *whose = NULL;

	if (p->commands)
		return 0;
	for (size_t i = 0; i < x->steady_n && !whose; i++)
		if (is_command(&x->steady[i].look) ||
		    (x->steady[i].control && is_command(x->steady[i].control)))
			whose = x->steady[i].id;
	for (size_t i = 0; i < x->aborts_n && !whose; i++)
		if (x->aborts[i].type == ABORT_PROBE && is_command(&x->aborts[i].look))
			whose = "abort";
	for (size_t i = 0; i < x->actions_n && !whose; i++)
		if (is_command(&x->actions[i]->call))
			whose = x->actions[i]->id;
	for (size_t i = 0; i < x->attacks_n && !whose; i++)
		if (is_command(&x->attacks[i]->call) || x->attacks[i]->selector.argv)
			whose = x->attacks[i]->id;
	return whose ? policy_refuse(err, p, policy_said(p, "commands"),
	                             "commands of an experiment, and \"%s\" is one", whose)
	             : 0;
}

static int file_judge(const struct policy *p, const struct experiment *x, struct err *err)
{
	BUF(asked, 40);
	BUF(most, 40);

	if (x->max_duration_ns > p->max_duration_ns) {
		duration_format(&asked, x->max_duration_ns);
		duration_format(&most, p->max_duration_ns);
		policy_refuse(err, p, policy_said(p, "blast-radius.max-duration"),
		              "runs of more than %s, and this one may last %s", most.data,
		              asked.data);
		return err_hint(err, -EPERM,
		                "Shorten it, or say blast-radius: {max-duration: %s} in the file.",
		                most.data);
	}
	return commands_judge(p, x, err);
}

int gate_file(const struct policies *p, const struct experiment *x, struct err *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < p->n; i++)
		ret = file_judge(p->v[i], x, err);
	return ret;
}

/* How much */

static int fault_judge(const struct policy *p, const struct method *m, struct err *err)
{
	const struct policy_texts *allowed = &p->faults_allowed, *denied = &p->faults_denied;
	bool may = !allowed->said;

	for (size_t i = 0; i < denied->n; i++)
		if (policy_fault_matches(denied->v[i].text, m->call.kind))
			return policy_refuse(err, p, denied->v[i].at,
			                     "fault \"%s\" of attack \"%s\"", m->call.name, m->id);
	for (size_t i = 0; i < allowed->n && !may; i++)
		may = policy_fault_matches(allowed->v[i].text, m->call.kind);
	return may ? 0
	           : policy_refuse(err, p, policy_said(p, "faults.allowed"),
	                           "fault \"%s\" of attack \"%s\": it is not among those allowed",
	                           m->call.name, m->id);
}

static bool any_matches(const char *const *globs, const char *text)
{
	for (; *globs; globs++)
		if (fnmatch(*globs, text, 0) == 0)
			return true;
	return false;
}

/* A text that was left out matches nothing: what is not said cannot be within a rule. */
static bool texts_match(const struct policy_limit *l, const void *member)
{
	if (l->of->kind == PARAM_LIST) {
		const struct text_list *list = member;

		for (size_t i = 0; i < list->n; i++)
			if (!any_matches(l->any, list->v[i]))
				return false;
		return list->n > 0;
	}
	if (l->of->kind == PARAM_BOOL)
		return any_matches(l->any, *(const bool *)member ? "true" : "false");
	const char *const *text = member;
	return *text && any_matches(l->any, *text);
}

static bool limit_holds(const struct policy_limit *l, const void *args)
{
	const void *member = (const char *)args + l->of->offset;

	if (l->any)
		return texts_match(l, member);
	if (l->of->kind == PARAM_NUMBER) {
		double v = *(const double *)member;
		return l->at_least ? v >= l->number : v <= l->number;
	}
	uint64_t v = *(const uint64_t *)member;
	return l->at_least ? v >= l->value : v <= l->value;
}

static int limits_judge(const struct policy *p, const struct method *m, const void *args,
                        struct err *err)
{
	for (size_t i = 0; i < p->limits.n; i++) {
		const struct policy_limit *l = &p->limits.v[i];

		if (l->kind != m->call.kind || limit_holds(l, args))
			continue;
		if (l->any)
			return policy_refuse(err, p, l->at,
			                     "\"%s\" of attack \"%s\" (%s): no pattern allows it",
			                     l->param, m->id, m->call.name);
		return policy_refuse(err, p, l->at, "\"%s\" of attack \"%s\" (%s): at %s %s",
		                     l->param, m->id, m->call.name, l->at_least ? "least" : "most",
		                     l->says);
	}
	return 0;
}

int gate_attack(const struct policies *p, const struct experiment *x, const struct method *m,
                struct err *err)
{
	struct arena cleanup(arena_release) arena = {.head = NULL};
	int ret = 0;

	arena_init(&arena, 16 << 20);
	for (size_t i = 0; ret == 0 && i < p->n; i++) {
		ret = m->call.kind ? fault_judge(p->v[i], m, err) : 0;
		for (size_t level = 0;
		     ret == 0 && m->call.kind && p->v[i]->limits.n && level < m->call.levels;
		     level++) {
			const void *args = attack_args(x, m, level, &arena, err);

			ret = args ? limits_judge(p->v[i], m, args, err) : -EPERM;
		}
	}
	return ret;
}

/* What a plan would do */

static int needs_judge(const struct policy *p, const struct method *m, const struct plan *plan,
                       struct err *err)
{
	unsigned refused = attack_needs(m, plan) & ~p->allow;

	return refused ? policy_refuse(err, p, policy_said(p, "allow"),
	                               "attack \"%s\" (%s), which needs \"%s\"", m->id,
	                               m->call.name, allow_word(refused))
	               : 0;
}

static int reach_judge(const struct policy *p, const struct method *m, const struct targets *t,
                       struct err *err)
{
	uint64_t most = t->n;
	BUF(says, 40);

	if (p->targets.kind == PICK_SHARE) {
		most = (uint64_t)t->matched * p->targets.n / PPM_ALL;
		most = most ? most : 1; /* one is the smallest start there is */
		share_format(&says, p->targets.n);
	} else if (p->targets.kind == PICK_COUNT) {
		most = p->targets.n;
		buf_addf(&says, "%llu", (unsigned long long)most);
	}
	return t->n <= most ? 0
	                    : policy_refuse(err, p, policy_said(p, "blast-radius.targets"),
	                                    "attack \"%s\" on %zu of %zu targets, more than %s",
	                                    m->id, t->n, t->matched, says.data);
}

int gate_plan(const struct policies *p, const struct world *w, const struct experiment *x,
              const struct method *m, size_t level, const struct targets *t,
              const struct plan *plan, struct err *err)
{
	struct arena cleanup(arena_release) arena = {.head = NULL};
	const void *args = NULL;
	int ret = 0;

	arena_init(&arena, 16 << 20);
	for (size_t i = 0; ret == 0 && i < p->n; i++) {
		const struct policy *policy = p->v[i];

		if (policy->limits.n && !args) {
			args = attack_args(x, m, level, &arena, err);
			if (!args)
				return -EPERM;
		}
		ret = fault_judge(policy, m, err);
		ret = ret || !args ? ret : limits_judge(policy, m, args, err);
		ret = ret ? ret : needs_judge(policy, m, plan, err);
		ret = ret ? ret : reach_judge(policy, m, t, err);
		ret = ret ? ret : guard_targets(policy, w, t, plan, err);
		ret = ret ? ret : guard_ways(policy, w, m, t, plan, err);
	}
	return ret;
}

int gate_spread(const struct policies *p, const struct targets *const *v, size_t n, struct err *err)
{
	size_t many = 0;

	/* A target that two attacks share is one. */
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; v[i] && k < v[i]->n; k++) {
			bool seen = false;

			for (size_t j = 0; j < i && !seen; j++)
				for (size_t l = 0; v[j] && l < v[j]->n && !seen; l++)
					seen = strcmp(v[j]->v[l].name, v[i]->v[k].name) == 0;
			many += !seen;
		}
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i]->targets.kind == PICK_COUNT && many > p->v[i]->targets.n)
			return policy_refuse(err, p->v[i],
			                     policy_said(p->v[i], "blast-radius.targets"),
			                     "a run on %zu targets, more than %llu", many,
			                     (unsigned long long)p->v[i]->targets.n);
	return 0;
}
