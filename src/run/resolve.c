/* From a selector to the targets that it means on this machine. */
#include "run/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "machine/cgroup.h"
#include "machine/netns.h"
#include "machine/proc.h"
#include "run/protect.h"
#include "run/resolve-nobody.h"

static const char process_prefix[] = "process.";

enum { TERMS_MAX = 32 };

/* A term about processes, made ready. */
struct term {
	const struct selector_term *said;
	struct proc_query query;  /* process.* */
	char v2[CGROUP_PATH_MAX]; /* cgroup: its folders, "" where there is none */
	char v1[CGROUP_PATH_MAX];
	uint64_t netns;
};

struct resolver {
	const struct world *w;
	const struct selector *s;
	struct arena *arena;
	struct cgroups groups;
	struct protect protect;
	uint64_t own_netns;
	struct term terms[TERMS_MAX];
	size_t terms_n;
	bool by_pid; /* named by pid: protection is lifted */
	struct targets out;
	size_t cap;
	size_t hidden; /* processes whose sockets could not be seen */
	struct spared spared;
};

static void resolver_release(struct resolver *r)
{
	for (size_t i = 0; i < r->terms_n; i++)
		proc_query_release(&r->terms[i].query);
}

static bool is_process(const struct selector_term *t)
{
	return strncmp(t->key, process_prefix, strlen(process_prefix)) == 0;
}

static struct target *target_add(struct resolver *r, struct err *err)
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

/* The folder of the cgroup that carries the cpu controller. The root has no quota to set. */
static void find_cpu(const struct resolver *r, const char *v1, const char *v2, struct target *t)
{
	char file[CGROUP_PATH_MAX + 16];

	if (v1[0] && strcmp(v1, r->groups.v1_cpu.dir) != 0) {
		(void)text_copy(t->cgroup_cpu, sizeof(t->cgroup_cpu), v1);
		return;
	}
	snprintf(file, sizeof(file), "%s/cpu.max", v2);
	if (v2[0] && world_exists(r->w, file)) {
		(void)text_copy(t->cgroup_cpu, sizeof(t->cgroup_cpu), v2);
		t->cgroup_cpu_is_v2 = true;
	}
}

static void find_cgroups(const struct resolver *r, pid_t pid, struct target *t)
{
	struct cgroup_of of;
	char v1[CGROUP_PATH_MAX] = "";

	if (cgroup_of_process(r->w, &r->groups, pid, &of, NULL) < 0)
		return;
	(void)!cgroup_dir(r->w, &r->groups.v1_cpu, of.v1_cpu, v1);
	(void)!cgroup_dir(r->w, &r->groups.v2, of.v2, t->cgroup_v2);
	find_cpu(r, v1, t->cgroup_v2, t);
	(void)text_copy(t->cgroup, sizeof(t->cgroup),
	                t->cgroup_cpu[0] && !t->cgroup_cpu_is_v2 ? of.v1_cpu : of.v2);
}

static bool path_is_in(const char *path, const char *group)
{
	size_t n = strlen(group);

	return n && strncmp(path, group, n) == 0 && (!path[n] || path[n] == '/');
}

static bool term_holds(const struct resolver *r, struct term *term, const struct proc *p)
{
	struct target t = {.proc = {0}};
	uint64_t ino;
	bool holds;

	if (is_process(term->said)) {
		holds = proc_query_matches(&term->query, p);
	} else if (strcmp(term->said->key, "cgroup") == 0) {
		find_cgroups(r, p->id.pid, &t);
		holds = path_is_in(t.cgroup_v2, term->v2) || path_is_in(t.cgroup_cpu, term->v1);
	} else {
		holds = netns_of_process(r->w, p->id.pid, &ino, NULL) == 0 && ino == term->netns;
	}
	return holds != term->said->negate;
}

static int process_each(void *ctx, const struct proc *p)
{
	struct resolver *r = ctx;
	const char *why;
	struct target *t;
	struct buf name;

	for (size_t i = 0; i < r->terms_n; i++) {
		if (!term_holds(r, &r->terms[i], p))
			return 0;
	}
	why = protect_is_self(&r->protect, p) || !r->by_pid ? protect_why(&r->protect, p) : NULL;
	if (why) {
		if (r->out.excluded++ == 0)
			snprintf(r->spared.first, sizeof(r->spared.first), "%d (%s) %s", p->id.pid,
			         p->comm, why);
		r->spared.n = r->out.excluded;
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
	find_cgroups(r, p->id.pid, t);
	snprintf(t->netns, sizeof(t->netns), "/proc/%d/ns/net", p->id.pid);
	if (netns_of_process(r->w, p->id.pid, &t->netns_ino, NULL) < 0)
		t->netns[0] = '\0';
	return 0;
}

static int term_init(const struct resolver *r, const struct selector_term *said, struct term *term,
                     struct err *err)
{
	const char *key = said->key;
	struct proc_match m = {0};
	char path[NETNS_PATH_MAX];
	bool v1, v2;

	*term = (struct term){.said = said};
	if (is_process(said)) {
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
		v1 = cgroup_dir(r->w, &r->groups.v1_cpu, said->value, term->v1) == 0;
		v2 = cgroup_dir(r->w, &r->groups.v2, said->value, term->v2) == 0;
		if (v1 || v2)
			return 0;
		err_set(err, -EINVAL, "no cgroup \"%s\"", said->value);
		return err_hint(err, -EINVAL,
		                "Write it as /proc/PID/cgroup shows it, from the root of its "
		                "hierarchy: \"/shop\".");
	} else if (strcmp(key, "netns") == 0) {
		return netns_find(r->w, said->value, path, &term->netns, err);
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

/* Traffic of a cgroup flows in the network namespace of its processes. */
static void cgroup_netns(const struct resolver *r, const struct term *term, struct target *t)
{
	pid_t pid;
	uint64_t ino;

	(void)text_copy(t->netns, sizeof(t->netns), "/proc/self/ns/net");
	t->netns_ino = r->own_netns;
	if (cgroup_processes(r->w, term->v2[0] ? term->v2 : term->v1, &pid, 1, NULL) < 1 ||
	    netns_of_process(r->w, pid, &ino, NULL) < 0 || ino == r->own_netns)
		return;
	snprintf(t->netns, sizeof(t->netns), "/proc/%d/ns/net", pid);
	t->netns_ino = ino;
}

/* host, cgroup, netns: one thing, by name. */
static int resolve_one(struct resolver *r, const struct selector_term *said, struct err *err)
{
	struct term term;
	struct target *t;
	struct buf name;
	bool host = strcmp(said->key, "host") == 0;
	int ret = host ? 0 : term_init(r, said, &term, err);

	if (ret < 0)
		return ret;
	t = target_add(r, err);
	if (!t)
		return -ENOMEM;
	buf_init(&name, t->name, sizeof(t->name));
	buf_addf(&name, "%s%s%s", said->key, host ? "" : " ", host ? "" : said->value);
	if (host) {
		t->kind = TARGET_HOST;
		(void)text_copy(t->netns, sizeof(t->netns), "/proc/self/ns/net");
		t->netns_ino = r->own_netns;
		return 0;
	}
	if (strcmp(said->key, "netns") == 0) {
		t->kind = TARGET_NETNS;
		return netns_find(r->w, said->value, t->netns, &t->netns_ino, err);
	}
	t->kind = TARGET_CGROUP;
	(void)text_copy(t->cgroup_v2, sizeof(t->cgroup_v2), term.v2);
	(void)text_copy(t->cgroup, sizeof(t->cgroup),
	                term.v2[0] ? term.v2 + strlen(r->groups.v2.dir)
	                           : term.v1 + strlen(r->groups.v1_cpu.dir));
	find_cpu(r, term.v1, term.v2, t);
	cgroup_netns(r, &term, t);
	return 0;
}

/* The kind is that of the terms that are not excluded. */
static int resolve_kind(struct resolver *r, struct err *err)
{
	const struct selector_term *one = NULL;
	bool process = false;
	size_t said = 0;

	for (size_t i = 0; i < r->s->n; i++) {
		if (r->s->v[i].negate)
			continue;
		process |= is_process(&r->s->v[i]);
		one = &r->s->v[i];
		said++;
	}
	if (process)
		return resolve_processes(r, err);
	if (r->s->argv)
		return err_set(err, -ENOSYS, "selector \"command\" is not built in yet");
	if (!one)
		return err_set(err, -EINVAL, "selector \"%s\" says only what is not meant",
		               r->s->says ? r->s->says : "");
	if (said > 1 || r->s->n > 1) {
		err_set(err, -EINVAL, "selector \"%s\" cannot mean one thing",
		        r->s->says ? r->s->says : "");
		return err_hint(err, -EINVAL,
		                "Write one of host, cgroup and netns, or terms about processes.");
	}
	return resolve_one(r, one, err);
}

/* The first k of a shuffle, so that more targets with the same seed include the fewer. */
static void pick_targets(struct targets *out, struct pick pick, uint64_t seed)
{
	struct rng rng = {.s = seed};
	size_t k;

	out->matched = out->n;
	if (pick.kind == PICK_ALL)
		out->asked = out->n;
	else if (pick.kind == PICK_COUNT)
		out->asked = pick.n;
	else
		out->asked = (size_t)(out->n * pick.n / PPM_ALL);
	/* A share rounds down, but never to nothing. */
	if (out->asked == 0)
		out->asked = 1;
	k = out->asked < out->n ? out->asked : out->n;
	for (size_t i = 0; i < k && k < out->n; i++) {
		size_t j = i + rng_below(&rng, out->n - i);
		struct target t = out->v[i];

		out->v[i] = out->v[j];
		out->v[j] = t;
	}
	out->n = k;
}

static int by_pid(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return (x->proc.pid > y->proc.pid) - (x->proc.pid < y->proc.pid);
}

int resolve_targets(const struct world *w, const struct selector *s, uint64_t seed,
                    const struct proc_id *self, size_t self_n, struct arena *arena,
                    struct targets *out, struct err *err)
{
	struct resolver r cleanup(resolver_release) = {.w = w, .s = s, .arena = arena};
	int ret;

	if (s->n > TERMS_MAX)
		return err_set(err, -EINVAL, "selector has %zu terms, more than %d", s->n,
		               TERMS_MAX);
	protect_init(&r.protect, w, self, self_n);
	ret = cgroups_read(w, &r.groups, err);
	if (ret < 0)
		return ret;
	(void)!netns_of_process(w, 0, &r.own_netns, NULL);
	ret = resolve_kind(&r, err);
	if (ret < 0)
		return ret;
	pick_targets(&r.out, s->pick, seed);
	qsort(r.out.v, r.out.n, sizeof(*r.out.v), by_pid);
	*out = r.out;
	return 0;
}
