/* Units and containers: found, spared when squall or the way in lives there, and turned into what
 * the fault can be aimed at. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/group.h"
#include "machine/unit.h"
#include "run/resolve-state.h"

enum { MEMBERS_MAX = 1024, FIELD_MAX = 16 };

/* One unit or container that all terms mean. */
struct found {
	char name[TARGET_NAME_MAX];
	const char *part; /* its part of a cgroup's path */
	bool within;
	pid_t pid;
};

bool fault_takes(const struct kind *fault, const char *kind)
{
	const char *at = fault ? fault->targets : "cgroup";
	size_t n = strlen(kind);

	while (at && *at) {
		size_t len = strcspn(at, "|");

		if (len == n && strncmp(at, kind, n) == 0)
			return true;
		at += len + (at[len] == '|');
	}
	return false;
}

/* Why it must not be touched; NULL: it may. */
static const char *why_spared(const struct resolver *r, const struct target *t, bool container)
{
	pid_t pids[MEMBERS_MAX];
	size_t n = t->group[0] ? cgroup_processes_below(r->w, t->group, pids, MEMBERS_MAX) : 0;
	/* sshd in a container with a network of its own is no way in to this machine. */
	bool far = container && t->netns_ino != r->own_netns;

	if (n == 0)
		pids[n++] = t->proc.pid;
	for (size_t i = 0; i < n && i < MEMBERS_MAX; i++) {
		struct proc p;
		const char *why;

		if (proc_read(r->w, pids[i], 0, &p, NULL) < 0)
			continue;
		why = protect_why(&r->protect, &p);
		if (why && !(far && strcmp(why, "is sshd") == 0))
			return arena_printf(r->arena, "holds process %d (%s), which %s", p.id.pid,
			                    p.comm, why);
	}
	return NULL;
}

static void about(const struct resolver *r, struct target *t)
{
	struct buf b;

	buf_init(&b, t->about, sizeof(t->about));
	buf_addf(&b, "%s process %d (%s)", t->whole ? "all processes; main" : "main", t->proc.pid,
	         t->comm);
	buf_add(&b, t->netns_ino == r->own_netns ? ", network of this machine"
	                                         : ", network of its own");
	if (t->cgroup[0])
		buf_addf(&b, ", cgroup %s", t->cgroup);
	else
		buf_add(&b, ", no cgroup of its own");
}

/* As what the fault takes it: the namespace when that is not this machine's, else the cgroup, else
 * processes. */
static int take_as(const struct resolver *r, struct target *t, struct err *err)
{
	const char *fault = r->fault ? r->fault->name : "the fault";

	if (fault_takes(r->fault, "netns") && t->netns_ino != r->own_netns)
		t->kind = TARGET_NETNS;
	else if (fault_takes(r->fault, "cgroup"))
		t->kind = TARGET_CGROUP;
	else if (fault_takes(r->fault, "process"))
		t->kind = TARGET_PROCESS;
	else if (fault_takes(r->fault, "netns")) {
		err_set(err, -EINVAL,
		        "%s uses the network of this machine: %s there is not %s's alone", t->name,
		        fault, t->name);
		return err_hint(err, -EINVAL,
		                "Aim at the host and filter by port or user, if that is meant.");
	} else {
		return err_set(err, -EINVAL, "%s cannot be aimed at %s", fault, t->name);
	}
	t->whole = t->kind == TARGET_PROCESS && r->fault && r->fault->whole;
	return 0;
}

static int found_add(struct resolver *r, const struct found *f, bool container, struct err *err)
{
	struct cgroup_of of;
	struct proc_stat st;
	struct target *t, made = {.proc = {0}};
	const char *why;
	int ret;

	/* It may end while it is looked at: then it is not there. */
	if (proc_stat_read(r->w, f->pid, &st, NULL) < 0 ||
	    group_cgroups(r->w, &r->groups, f->pid, f->part, f->within, &of, NULL) < 0)
		return 0;
	memcpy(made.name, f->name, sizeof(made.name));
	memcpy(made.comm, st.comm, sizeof(made.comm));
	made.proc = (struct proc_id){f->pid, st.start};
	place_cgroups(r, &of, &made);
	place_netns(r, f->pid, &made);
	why = why_spared(r, &made, container);
	if (why) {
		resolve_spare(r, made.name, why);
		return 0;
	}
	ret = take_as(r, &made, err);
	if (ret < 0)
		return ret;
	about(r, &made);
	t = target_add(r, err);
	if (!t)
		return -ENOMEM;
	*t = made;
	return 0;
}

/* Units */

static bool unit_holds(const struct resolver *r, const struct unit *u)
{
	for (size_t i = 0; i < r->s->n; i++) {
		const struct selector_term *t = &r->s->v[i];

		if (unit_is_called(u, t->value) == t->negate)
			return false;
	}
	return true;
}

struct unit_walk {
	struct resolver *r;
	struct err *err;
	const char *near; /* nearest name, when none is called so */
	const char *word;
	unsigned best;
};

static int unit_each(void *ctx, const struct unit *u)
{
	struct unit_walk *walk = ctx;
	struct found f = {.part = u->name};
	unsigned distance = text_distance(walk->word, u->name, walk->best);
	char whole[UNIT_NAME_MAX];

	snprintf(whole, sizeof(whole), "%.200s.service", walk->word);
	if (text_distance(whole, u->name, walk->best) < distance)
		distance = text_distance(whole, u->name, walk->best);
	if (distance < walk->best) {
		walk->best = distance;
		walk->near = arena_strdup(walk->r->arena, u->name);
	}
	if (!unit_holds(walk->r, u))
		return 0;
	f.pid = group_main(walk->r->w, u->dir);
	if (f.pid <= 0)
		return 0;
	if (u->is_user)
		snprintf(f.name, sizeof(f.name), "unit %.150s of user %u", u->name, u->uid);
	else
		snprintf(f.name, sizeof(f.name), "unit %.180s", u->name);
	return found_add(walk->r, &f, false, walk->err);
}

static int units_nobody(const struct resolver *r, const struct unit_walk *walk, struct err *err)
{
	err_set(err, -ENOENT, "no running unit matches \"%s\"", r->s->says ? r->s->says : "");
	if (r->spared.n)
		return err_hint(err, -ENOENT, "%zu matched and %s never chosen: %s.", r->spared.n,
		                r->spared.n == 1 ? "is" : "are", r->spared.first);
	if (walk->near)
		return err_hint(err, -ENOENT, "Did you mean \"%s\"?", walk->near);
	if (!world_exists(r->w, "/run/systemd/system"))
		return err_hint(err, -ENOENT,
		                "systemd does not run here; name a process or a cgroup instead.");
	return err_hint(err, -ENOENT, "\"systemctl list-units --state=running\" lists them.");
}

/* Containers */

static bool container_holds(const struct resolver *r, const struct container *c)
{
	static const char family[] = "container.";

	for (size_t i = 0; i < r->s->n; i++) {
		const struct selector_term *t = &r->s->v[i];

		if (container_matches(c, t->key + strlen(family), t->value) == t->negate)
			return false;
	}
	return true;
}

static int containers_get(struct resolver *r, struct err *err)
{
	if (r->containers)
		return 0;
	r->containers = arena_alloc(r->arena, sizeof(*r->containers));
	if (!r->containers)
		return err_set(err, -ENOMEM, "no memory for the containers");
	return containers_read(r->w, &r->groups, r->arena, r->containers, err);
}

static int containers_nobody(const struct resolver *r, struct err *err)
{
	const struct containers *all = r->containers;
	const char *says = r->s->says ? r->s->says : "";
	bool by_id = true;
	BUF(names, 160);

	for (size_t i = 0; i < r->s->n; i++)
		by_id &= strcmp(r->s->v[i].key, "container.id") == 0;
	if (!r->spared.n && all->trouble.code && (!all->asked || !by_id)) {
		*err = all->trouble;
		return err_wrap(err, err->code, "no container matches \"%s\"", says);
	}
	err_set(err, -ENOENT, "no running container matches \"%s\"", says);
	if (r->spared.n)
		return err_hint(err, -ENOENT, "%zu matched and %s never chosen: %s.", r->spared.n,
		                r->spared.n == 1 ? "is" : "are", r->spared.first);
	if (!all->asked && !by_id) {
		err_set(err, -ENOENT,
		        "no container matches \"%s\": without a Docker-compatible socket only "
		        "container.id can be looked up",
		        says);
		return err_hint(err, -ENOENT,
		                "Looked for %s. Start podman.socket or Docker, or set DOCKER_HOST.",
		                all->looked);
	}
	for (size_t i = 0; i < all->n && names.len < 120; i++) {
		const struct container *c = &all->v[i];

		buf_addf(&names, "%s%.40s", i ? ", " : "",
		         c->name[0] ? c->name : arena_strndup(r->arena, c->id, CONTAINER_SHORT));
	}
	return names.len ? err_hint(err, -ENOENT, "Those that run are: %s.", names.data)
	                 : err_hint(err, -ENOENT, "No container runs here.");
}

static void container_name(const struct container *c, char name[TARGET_NAME_MAX])
{
	if (c->name[0])
		snprintf(name, TARGET_NAME_MAX, "container %.150s (%.*s)", c->name, CONTAINER_SHORT,
		         c->id);
	else
		snprintf(name, TARGET_NAME_MAX, "container %.*s",
		         strlen(c->id) == 64 ? CONTAINER_SHORT : 180, c->id);
}

static int resolve_containers(struct resolver *r, struct err *err)
{
	int ret = containers_get(r, err);
	size_t unseen = 0;
	struct err why = ERR_INIT;

	for (size_t i = 0; ret == 0 && i < r->containers->n; i++) {
		const struct container *c = &r->containers->v[i];
		struct found f = {.part = c->id, .within = true};

		if (!container_holds(r, c))
			continue;
		container_name(c, f.name);
		if (container_main(r->w, c, r->arena, &f.pid, &why) < 0)
			unseen++;
		else
			ret = found_add(r, &f, true, err);
	}
	if (ret < 0 || r->out.n)
		return ret;
	if (unseen && !r->spared.n) {
		*err = why;
		return why.code;
	}
	return containers_nobody(r, err);
}

static int group_compare(const void *a, const void *b)
{
	return strcmp(((const struct target *)a)->name, ((const struct target *)b)->name);
}

int resolve_groups(struct resolver *r, bool containers, struct err *err)
{
	struct unit_walk walk = {.r = r, .err = err, .word = r->s->v[0].value, .best = 4};
	int ret = containers ? resolve_containers(r, err)
	                     : units_each(r->w, &r->groups, unit_each, &walk);

	if (ret < 0)
		return ret;
	if (r->out.n == 0)
		return units_nobody(r, &walk, err);
	qsort(r->out.v, r->out.n, sizeof(*r->out.v), group_compare);
	return 0;
}

/* Processes that live in a unit or a container */

static int dir_add(struct resolver *r, struct term *term, const char *dir, struct err *err)
{
	const char **v =
	        arena_grow(r->arena, term->dirs, term->dirs_n, &term->dirs_cap, sizeof(*v));
	const char *copy = arena_strdup(r->arena, dir);

	if (!v || !copy)
		return err_set(err, -ENOMEM, "no memory for the folders of \"%s\"",
		               term->said->value);
	v[term->dirs_n++] = copy;
	term->dirs = v;
	return 0;
}

struct term_walk {
	struct resolver *r;
	struct term *term;
	struct err *err;
};

static int term_unit(void *ctx, const struct unit *u)
{
	struct term_walk *walk = ctx;

	return unit_is_called(u, walk->term->said->value)
	               ? dir_add(walk->r, walk->term, u->dir, walk->err)
	               : 0;
}

static int term_container(struct resolver *r, struct term *term, const struct container *c,
                          struct err *err)
{
	struct cgroup_of of;
	char dir[CGROUP_PATH_MAX];
	pid_t pid;

	if (container_main(r->w, c, r->arena, &pid, NULL) < 0 ||
	    group_cgroups(r->w, &r->groups, pid, c->id, true, &of, NULL) < 0 ||
	    !group_dir(r->w, &r->groups, &of, dir))
		return 0;
	return dir_add(r, term, dir, err);
}

int term_groups(struct resolver *r, struct term *term, struct err *err)
{
	struct term_walk walk = {r, term, err};
	int ret;

	if (selector_is(term->said, "unit"))
		return units_each(r->w, &r->groups, term_unit, &walk);
	ret = containers_get(r, err);
	for (size_t i = 0; ret == 0 && i < r->containers->n; i++) {
		const struct container *c = &r->containers->v[i];

		if (container_matches(c, strchr(term->said->key, '.') + 1, term->said->value))
			ret = term_container(r, term, c, err);
	}
	if (ret == 0 && !term->dirs_n && !term->said->negate && r->containers->trouble.code) {
		*err = r->containers->trouble;
		ret = err_wrap(err, err->code, "no container matches \"%s\"", term->said->value);
	}
	return ret;
}
