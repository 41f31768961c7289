/* From a selector to the targets that it means on this machine. */
#include "run/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/netns.h"
#include "run/resolve-state.h"

static const char process_prefix[] = "process.";

static void resolver_release(struct resolver *r)
{
	for (size_t i = 0; i < r->terms_n; i++)
		proc_query_release(&r->terms[i].query);
}

bool selector_is(const struct selector_term *t, const char *family)
{
	size_t n = strlen(family);

	return strncmp(t->key, family, n) == 0 && (!t->key[n] || t->key[n] == '.');
}

struct target *target_add(struct resolver *r, struct err *err)
{
	struct targets *out = &r->out;
	struct target *v = arena_grow(r->arena, out->v, out->n, &r->cap, sizeof(*v));

	if (!v) {
		err_set(err, -ENOMEM, "more targets than memory for them: %zu", out->n);
		return NULL;
	}
	out->v = v;
	v[out->n] = (struct target){.proc = {0}};
	return &v[out->n++];
}

void resolve_spare(struct resolver *r, const char *name, const char *why)
{
	if (r->out.excluded++ == 0)
		snprintf(r->spared.first, sizeof(r->spared.first), "%s %s", name, why);
	r->spared.n = r->out.excluded;
}

/* Is a process in this cgroup, or below it? */
static bool lives_in(const struct resolver *r, const struct cgroup_of *of,
                     const struct cgroup_of *group)
{
	if (of->v2[0] && path_is_in(of->v2, group->v2))
		return true;
	for (size_t i = 0; i < r->groups.v1_n; i++) {
		if (of->v1[i][0] && path_is_in(of->v1[i], group->v1[i]))
			return true;
	}
	return false;
}

static bool lives_below(const struct cgroup_mount *m, const char *path, const char *dir)
{
	char whole[CGROUP_PATH_MAX];

	return path[0] &&
	       snprintf(whole, sizeof(whole), "%s%s", m->dir, path) < (int)sizeof(whole) &&
	       path_is_in(whole, dir);
}

/* The same for the folders of units and containers. */
static bool lives_in_any(const struct resolver *r, const struct cgroup_of *of,
                         const struct term *term)
{
	for (size_t k = 0; k < term->dirs_n; k++) {
		if (lives_below(&r->groups.v2, of->v2, term->dirs[k]))
			return true;
		for (size_t i = 0; i < r->groups.v1_n; i++) {
			if (lives_below(&r->groups.v1[i].mount, of->v1[i], term->dirs[k]))
				return true;
		}
	}
	return false;
}

static bool term_holds(const struct resolver *r, struct term *term, const struct proc *p)
{
	struct cgroup_of of;
	uint64_t ino;
	bool holds;

	if (selector_is(term->said, "process"))
		holds = proc_query_matches(&term->query, p);
	else if (selector_is(term->said, "netns"))
		holds = netns_of_process(r->w, p->id.pid, &ino, NULL) == 0 && ino == term->netns;
	else if (cgroup_of_process(r->w, &r->groups, p->id.pid, &of, NULL) < 0)
		return false;
	else if (selector_is(term->said, "cgroup"))
		holds = lives_in(r, &of, &term->of);
	else
		holds = lives_in_any(r, &of, term);
	return holds != term->said->negate;
}

static int process_each(void *ctx, const struct proc *p)
{
	struct resolver *r = ctx;
	const char *why;
	struct target *t;
	struct buf name;
	char shown[96];

	for (size_t i = 0; i < r->terms_n; i++) {
		if (!term_holds(r, &r->terms[i], p))
			return 0;
	}
	why = protect_is_self(&r->protect, p) || !r->by_pid ? protect_why(&r->protect, p) : NULL;
	if (why) {
		snprintf(shown, sizeof(shown), "%d (%s)", p->id.pid, p->comm);
		resolve_spare(r, shown, why);
		return 0;
	}
	t = target_add(r, NULL);
	if (!t)
		return -ENOMEM;
	t->kind = TARGET_PROCESS;
	t->proc = p->id;
	memcpy(t->comm, p->comm, sizeof(t->comm));
	buf_init(&name, t->name, sizeof(t->name));
	buf_addf(&name, "process %d (%s)", p->id.pid, p->comm);
	place_process(r, p->id.pid, t);
	return 0;
}

static int term_init(struct resolver *r, const struct selector_term *said, struct term *term,
                     struct err *err)
{
	const char *key = said->key;
	struct proc_match m = {0};
	char path[NETNS_PATH_MAX];

	*term = (struct term){.said = said};
	if (selector_is(said, "process")) {
		key += strlen(process_prefix);
		const struct {
			const char *key;
			const char **at;
		} parts[] = {{"name", &m.name},    {"exe", &m.exe},   {"cmdline", &m.cmdline},
		             {"pid", &m.pid},      {"user", &m.user}, {"listens", &m.listens},
		             {"parent", &m.parent}};

		for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
			if (strcmp(parts[i].key, key) == 0) {
				*parts[i].at = said->value;
				return proc_query_init(&term->query, r->w, &m, err);
			}
		}
	} else if (strcmp(key, "cgroup") == 0) {
		if (cgroup_named(r->w, &r->groups, said->value, &term->of))
			return 0;
		err_set(err, -EINVAL, "no cgroup \"%s\"", said->value);
		return err_hint(err, -EINVAL,
		                "Write it as /proc/PID/cgroup shows it, from the root of its "
		                "hierarchy: \"/shop\".");
	} else if (strcmp(key, "netns") == 0) {
		return netns_find(r->w, said->value, path, &term->netns, err);
	} else if (selector_is(said, "unit") || selector_is(said, "container")) {
		return term_groups(r, term, err);
	}
	return err_set(err, -ENOSYS, "selector \"%s\" is not built in yet", said->key);
}

static int resolve_processes(struct resolver *r, struct err *err)
{
	unsigned what = 0;
	int ret = 0;

	/* What is dear to look at comes last. */
	for (int dear = 0; dear < 2; dear++) {
		for (size_t i = 0; ret == 0 && i < r->s->n; i++) {
			const struct selector_term *t = &r->s->v[i];

			if ((strcmp(t->key, "process.listens") == 0) != dear)
				continue;
			ret = term_init(r, t, &r->terms[r->terms_n], err);
			r->terms_n += ret == 0;
			r->by_pid |= strcmp(t->key, "process.pid") == 0 && !t->negate;
		}
	}
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < r->terms_n; i++)
		what |= r->terms[i].query.what;
	ret = proc_each(r->w, what, process_each, r, err);
	if (ret == -ENOMEM)
		return err_set(err, ret, "more processes match than there is memory for");
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < r->terms_n; i++)
		r->hidden += r->terms[i].query.hidden;
	return r->out.n ? 0 : resolve_nobody(r->w, r->s, &r->spared, r->hidden, err);
}

/* The cgroup, by name: its processes are those of the first hierarchy that has it. */
static int resolve_cgroup(struct resolver *r, const struct selector_term *said, struct target *t,
                          struct err *err)
{
	struct term term;
	pid_t pid = 0;
	int ret = term_init(r, said, &term, err);

	if (ret < 0)
		return ret;
	t->kind = TARGET_CGROUP;
	place_cgroups(r, &term.of, t);
	if (cgroup_processes(r->w, t->group, &pid, 1, NULL) < 1)
		pid = 0;
	place_netns(r, pid, t);
	return 0;
}

/* host, cgroup, netns: one thing, by name. */
static int resolve_one(struct resolver *r, const struct selector_term *said, struct err *err)
{
	struct target *t = target_add(r, err);
	struct buf name;
	bool host = strcmp(said->key, "host") == 0;

	if (!t)
		return -ENOMEM;
	buf_init(&name, t->name, sizeof(t->name));
	buf_addf(&name, "%s%s%s", said->key, host ? "" : " ", host ? "" : said->value);
	if (host) {
		t->kind = TARGET_HOST;
		place_netns(r, 0, t);
		return 0;
	}
	if (strcmp(said->key, "netns") == 0) {
		t->kind = TARGET_NETNS;
		return netns_find(r->w, said->value, t->netns, &t->netns_ino, err);
	}
	if (strcmp(said->key, "cgroup") == 0)
		return resolve_cgroup(r, said, t, err);
	return err_set(err, -ENOSYS, "selector \"%s\" is not built in yet", said->key);
}

/* A command does not run before the run is armed. */
static int resolve_command(struct resolver *r, struct err *err)
{
	struct target *t = target_add(r, err);
	struct buf name, about;

	if (!t)
		return -ENOMEM;
	t->kind = TARGET_PROCESS;
	t->to_start = true;
	buf_init(&name, t->name, sizeof(t->name));
	buf_init(&about, t->about, sizeof(t->about));
	buf_add(&name, "command ");
	buf_add_shown(&name, r->s->argv[0], 80);
	buf_add(&about, "started at arming, its steps planned then");
	return 0;
}

/* The kind is that of the terms that are not excluded. */
static int resolve_kind(struct resolver *r, struct err *err)
{
	static const char *const groups[] = {"unit", "container"};
	const struct selector_term *one = NULL;
	bool process = false, group[2] = {false}, only[2] = {true, true};
	size_t said = 0;

	if (r->s->argv)
		return resolve_command(r, err);
	for (size_t i = 0; i < r->s->n; i++) {
		const struct selector_term *t = &r->s->v[i];

		for (size_t k = 0; k < ARRAY_SIZE(groups); k++) {
			group[k] |= selector_is(t, groups[k]) && !t->negate;
			only[k] &= selector_is(t, groups[k]);
		}
		if (t->negate)
			continue;
		process |= selector_is(t, "process");
		one = t;
		said++;
	}
	if (process)
		return resolve_processes(r, err);
	for (size_t k = 0; k < ARRAY_SIZE(groups); k++) {
		if (group[k] && only[k])
			return resolve_groups(r, k == 1, err);
	}
	if (!one)
		return err_set(err, -EINVAL, "selector \"%s\" says only what is not meant",
		               r->s->says ? r->s->says : "");
	if (said > 1 || r->s->n > 1) {
		err_set(err, -EINVAL, "selector \"%s\" cannot mean one thing",
		        r->s->says ? r->s->says : "");
		return err_hint(err, -EINVAL,
		                "Write one of host, unit, container, cgroup and netns, or terms "
		                "about processes.");
	}
	return resolve_one(r, one, err);
}

int resolve_matches(const struct world *w, const struct selector *s, const struct kind *fault,
                    const struct proc_id *self, size_t self_n, struct arena *arena,
                    struct targets *out, struct err *err)
{
	struct term terms[RESOLVE_TERMS_MAX];
	struct resolver r cleanup(resolver_release) = {
	        .w = w, .s = s, .fault = fault, .arena = arena, .terms = terms};
	int ret;

	if (s->n > RESOLVE_TERMS_MAX)
		return err_set(err, -EINVAL, "selector has %zu terms, more than %d", s->n,
		               RESOLVE_TERMS_MAX);
	protect_init(&r.protect, w, self, self_n);
	ret = cgroups_read(w, &r.groups, err);
	if (ret < 0)
		return ret;
	(void)!netns_of_process(w, 0, &r.own_netns, NULL);
	ret = resolve_kind(&r, err);
	if (ret < 0)
		return ret;
	r.out.matched = r.out.n;
	*out = r.out;
	return 0;
}

int resolve_targets(const struct world *w, const struct selector *s, const struct kind *fault,
                    uint64_t seed, const struct proc_id *self, size_t self_n, struct arena *arena,
                    struct targets *out, struct err *err)
{
	int ret = resolve_matches(w, s, fault, self, self_n, arena, out, err);

	if (ret == 0)
		pick_targets(out, s->pick, seed);
	return ret;
}
