/* Which traffic a plan cuts, and whether that is the machine's control path. */
#include "run/guard-ways.h"

#include <errno.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <string.h>

#include "base/sockmark.h"
#include "machine/cgroup.h"
#include "machine/netns.h"
#include "machine/proc.h"
#include "machine/sockets.h"
#include "step/link.h"
#include "step/route.h"
#include "step/sweep.h"

bool netns_is_machine(const struct world *w, uint64_t ino)
{
	uint64_t own, first;

	/* Without the right to look at process 1, its namespace is taken to be the caller's. */
	if (netns_of_process(w, 0, &own, NULL) < 0 || own == ino)
		return true;
	return netns_of_process(w, 1, &first, NULL) == 0 && first == ino;
}

static bool bits_same(const uint8_t *a, const uint8_t *b, unsigned n)
{
	unsigned rest = n % 8;

	return memcmp(a, b, n / 8) == 0 &&
	       (!rest || ((a[n / 8] ^ b[n / 8]) & (uint8_t)(0xff << (8 - rest))) == 0);
}

/* Two networks overlap when the shorter prefix is the same in both. */
static bool addresses_overlap(const struct policy_address *a, const struct nft_rules *r)
{
	size_t named = nft_rules_addrs(r);

	if (a->family && nft_rules_except_addr(r, a->family, a->bytes, a->length))
		return false;
	for (size_t i = 0; i < named; i++) {
		const struct nft_addr *b = &r->addrs[i];
		unsigned n = a->length < b->length ? a->length : b->length;

		if (a->family == b->family && bits_same(a->bytes, b->bytes, n))
			return true;
	}
	return !named || !a->family;
}

static bool ports_overlap(const struct policy_ports *p, const struct nft_rules *r)
{
	size_t named = nft_rules_ports(r);

	if (!p->to)
		return true;
	if (r->proto && r->proto != IPPROTO_TCP && r->proto != IPPROTO_UDP)
		return false;
	if (nft_rules_except_ports(r, p->from, p->to))
		return false;
	for (size_t i = 0; i < named; i++)
		if (r->ports[i].from <= p->to && r->ports[i].to >= p->from)
			return true;
	return !named;
}

static bool interfaces_overlap(const char *interface, const struct nft_rules *r)
{
	if (!interface || !r->confined)
		return true;
	for (size_t i = 0; i < r->devs_n; i++)
		if (fnmatch(interface, r->devs[i], 0) == 0)
			return true;
	return false;
}

static bool is_loopback(const struct policy_address *a)
{
	return a->family == AF_INET && a->length >= 8 && a->bytes[0] == 127;
}

/* What stays on the machine is no way in, unless the entry says so. */
static bool is_local(const struct policy_way *way, const struct nft_rules *r)
{
	return r->confined && r->devs_n == 1 && strcmp(r->devs[0], "lo") == 0 && !way->interface &&
	       !is_loopback(&way->address);
}

/* Who listens on the way's ports. */
struct listeners {
	const struct policy_ports *ports;
	const struct nft_rules *rules;
	const struct world *w;
	struct cgroups groups;
	const char *group;
	struct socket_set set;
};

static int listener_add(void *ctx, const struct listening *l)
{
	struct listeners *ls = ctx;
	const struct port port = {l->port, !l->udp, l->udp};

	return l->port >= ls->ports->from && l->port <= ls->ports->to
	               ? socket_set_add(&ls->set, ls->w, 0, &port, NULL)
	               : 0;
}

static bool is_in_group(const struct listeners *ls, pid_t pid)
{
	struct cgroup_of of;
	char dir[CGROUP_PATH_MAX];
	size_t n = strlen(ls->group);

	return !n || (cgroup_of_process(ls->w, &ls->groups, pid, &of, NULL) == 0 &&
	              cgroup_dir(ls->w, &ls->groups.v2, of.v2, dir) == 0 &&
	              strncmp(dir, ls->group, n) == 0 && (!dir[n] || dir[n] == '/'));
}

static int is_meant(void *ctx, const struct proc *proc)
{
	const struct listeners *ls = ctx;

	if (ls->rules->has_uid && proc->uid != ls->rules->uid)
		return 0;
	if (ls->rules->mark && sockmark_of(proc->id.pid) != ls->rules->mark)
		return 0;
	if (ls->rules->has_cgroup && !is_in_group(ls, proc->id.pid))
		return 0;
	return proc_holds_socket(ls->w, proc->id.pid, &ls->set) == 1;
}

/* A cut of one user, cgroup or process takes the way when one of its processes listens there. */
static bool listens(const struct policy_way *way, const struct nft_rules *r, const struct world *w,
                    const char *group)
{
	struct listeners ls = {.ports = &way->ports, .rules = r, .w = w, .group = group};
	bool found = sockets_listening(w, 0, listener_add, &ls, NULL) < 0 ||
	             cgroups_read(w, &ls.groups, NULL) < 0 ||
	             (ls.set.n && proc_each(w, PROC_UID, is_meant, &ls, NULL) != 0);

	socket_set_release(&ls.set);
	return found;
}

bool way_is_reached(const struct policy_way *way, const struct nft_rules *r, const struct world *w,
                    const char *group)
{
	if (is_local(way, r) || !addresses_overlap(&way->address, r) ||
	    !ports_overlap(&way->ports, r) || !interfaces_overlap(way->interface, r))
		return false;
	/* The sockets of a login belong to root, or to whom has logged in. */
	if (!way->ports.to || (!r->has_cgroup && !r->mark && (!r->has_uid || r->uid == 0)))
		return true;
	return listens(way, r, w, group);
}

/* Where a step does something to traffic, and to which, as rules. */
static int reach_of(const struct step *s, uint64_t *netns, struct nft_rules *rules, struct err *err)
{
	struct nft_object object = {.netns_ino = 0};
	struct route_object route;
	struct link_object link;
	struct sweep sweep;
	int ret;

	if (strcmp(s->type, "route") == 0) {
		ret = route_object_parse(s->object, &route, err);
		if (ret < 0)
			return ret;
		*netns = route.netns_ino;
		*rules = (struct nft_rules){.addrs_n = 1, .addrs = {route.to}};
		return 0;
	}
	if (strcmp(s->type, "link") == 0) {
		ret = link_object_parse(s->object, &link, err);
		if (ret < 0)
			return ret;
		*netns = link.netns_ino;
		*rules = (struct nft_rules){.confined = true};
		return nft_rules_add_dev(rules, link.name, err);
	}
	ret = nft_object_parse(s->object, &object, err);
	*netns = object.netns_ino;
	if (ret == 0 && strcmp(s->type, "nft") == 0)
		return nft_rules_parse(s->to, rules, err);
	if (ret == 0)
		ret = sweep_parse(s->to, &sweep, err);
	if (ret == 0)
		*rules = sweep.rules;
	return ret;
}

static bool is_told(const struct step *s)
{
	static const char *const types[] = {"nft", "reset", "conntrack", "route", "link"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(s->type, types[i]) == 0)
			return true;
	return false;
}

static int step_judge(const struct policy *p, const struct world *w, const struct method *m,
                      const struct step *s, const char *group, struct err *err)
{
	struct nft_rules rules = {0};
	struct err why = ERR_INIT;
	uint64_t netns;

	if (reach_of(s, &netns, &rules, &why) < 0)
		return policy_refuse(err, p, policy_said(p, "control-path"),
		                     "attack \"%s\": what it cuts cannot be told", m->id);
	if (!netns_is_machine(w, netns))
		return 0;
	for (size_t i = 0; i < p->ways.n; i++)
		if (way_is_reached(&p->ways.v[i], &rules, w, group))
			return policy_refuse(err, p, p->ways.v[i].at,
			                     "attack \"%s\" (%s): it may cut the control path",
			                     m->id, m->call.name);
	return 0;
}

int guard_ways(const struct policy *p, const struct world *w, const struct method *m,
               const struct targets *t, const struct plan *plan, struct err *err)
{
	bool network = m->call.kind->class_ && strcmp(m->call.kind->class_, "network") == 0;
	const char *group = t->n == 1 && t->v[0].kind == TARGET_CGROUP ? t->v[0].cgroup_v2 : "";
	int ret = 0;

	for (size_t i = 0; p->ways.n && ret == 0 && i < plan->n; i++) {
		if (is_told(&plan->v[i]))
			ret = step_judge(p, w, m, &plan->v[i], group, err);
		else if (network && strcmp(plan->v[i].type, "mark") != 0) /* which cuts nothing */
			ret = policy_refuse(err, p, policy_said(p, "control-path"),
			                    "attack \"%s\": what \"%s\" cuts cannot be told", m->id,
			                    m->call.name);
	}
	return ret;
}
