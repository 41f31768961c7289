/* net-scope.c - the filters and the target of a network fault as rules of an nft table. */
#include "fault/net-scope.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "fault/cut-reach.h"
#include "base/netlink.h"
#include "machine/can.h"
#include "machine/cgroup.h"
#include "machine/netns.h"
#include "machine/user.h"
#include "step/mark.h"

/* How soon a device that appears later is covered. */
static const uint64_t look_again_ns = NS_PER_S;

static bool is_loopback(const struct nft_addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return a->family == AF_INET ? a->length >= 8 && a->bytes[0] == 127
	                            : a->length == 128 && memcmp(a->bytes, one, 16) == 0;
}

static bool all_loopback(const struct nft_rules *r)
{
	size_t n = nft_rules_addrs(r);

	for (size_t i = 0; i < n; i++) {
		if (!is_loopback(&r->addrs[i]))
			return false;
	}
	return n > 0;
}

/* Elements of a list that do not exclude. */
static size_t named(const struct text_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->v[i][0] != '^';
	return n;
}

bool scope_is_narrow(const struct scope_args *a, const struct nft_rules *r)
{
	return nft_rules_addrs(r) || nft_rules_ports(r) || named(&a->interface) || r->proto ||
	       nft_rules_has_owner(r);
}

enum nft_direction scope_way(const struct scope_args *a, enum nft_mode mode)
{
	if (a->to.n || a->from.n)
		return a->to.n ? NFT_OUT : NFT_IN;
	if (!a->direction)
		return mode == NFT_SHAPE ? NFT_IN : NFT_BOTH;
	return strcmp(a->direction, "in") == 0    ? NFT_IN
	       : strcmp(a->direction, "out") == 0 ? NFT_OUT
	                                          : NFT_BOTH;
}

const char *scope_direction(const struct nft_rules *r)
{
	return r->direction == NFT_BOTH ? "both directions"
	       : r->direction == NFT_IN ? "what comes in"
	                                : "what goes out";
}

void scope_say_share(const struct nft_rules *r, struct buf *to)
{
	if (r->conn)
		buf_add(to, r->conn == NFT_CONN_NEW ? ", only what opens TCP connections"
		                                    : ", only of open TCP connections");
	if (r->flows_ppm) {
		buf_add(to, ", only ");
		share_format(to, r->flows_ppm);
		buf_add(to, " of flows");
	}
	if (r->packets_ppm) {
		buf_add(to, ", only ");
		share_format(to, r->packets_ppm);
		buf_add(to, " of packets");
	}
}

/* What contradicts itself whatever the machine is. */
static int check_words(const struct scope_args *a, struct err *err)
{
	const char *said = a->to.n ? "to" : "from", *way = a->to.n ? "out" : "in";
	int lists = (a->address.n > 0) + (a->to.n > 0) + (a->from.n > 0);

	if (a->port.n && strcmp(a->protocol, "icmp") == 0) {
		err_set(err, -EINVAL, "ICMP has no ports");
		return err_hint(err, -EINVAL, "Leave out \"port\" or \"protocol\".");
	}
	if (strcmp(a->connections, "any") != 0 && strcmp(a->protocol, "any") != 0 &&
	    strcmp(a->protocol, "tcp") != 0) {
		err_set(err, -EINVAL, "only TCP has connections that are new or established");
		return err_hint(err, -EINVAL, "Leave out \"connections\" or \"protocol\".");
	}
	if (lists > 1) {
		err_set(err, -EINVAL, "\"address\", \"to\" and \"from\" exclude each other");
		return err_hint(err, -EINVAL,
		                "\"address\" is the other end, whichever way; for one list each "
		                "way write two attacks.");
	}
	if (lists && !a->address.n && a->direction && strcmp(a->direction, way) != 0) {
		err_set(err, -EINVAL, "\"%s\" says direction \"%s\", and \"direction\" says \"%s\"",
		        said, way, a->direction);
		return err_hint(err, -EINVAL, "Leave out \"direction\", or write \"address\".");
	}
	return 0;
}

/* names NULL: what host names stand for is not known yet, and matches nothing here. */
static int add_address(struct nft_rules *r, const char *text, const struct names *names,
                       struct err *err)
{
	bool except = text[0] == '^';
	const struct host_name *host;
	int ret = 0;

	if (!name_is_host(text + except))
		return nft_rules_add_addr(r, text, err);
	if (!names)
		return 0;
	host = names_find(names, text + except);
	if (!host)
		return err_set(err, -EINVAL, "\"%s\" was not resolved", text + except);
	for (size_t i = 0; ret == 0 && i < host->n; i++) {
		struct nft_addr one = {.family = host->v[i].family, .except = except};

		one.length = one.family == AF_INET ? 32 : 128;
		memcpy(one.bytes, host->v[i].bytes, sizeof(one.bytes));
		ret = nft_rules_put_addr(r, one, err);
	}
	return ret;
}

/* The filters that the parameters name. w NULL: those that need no machine. */
static int read_filters(const struct scope_args *a, const struct names *names,
                        const struct world *w, struct nft_rules *r, struct err *err)
{
	const struct text_list *addresses = a->to.n ? &a->to : a->from.n ? &a->from : &a->address;
	int ret = 0;

	r->direction = scope_way(a, r->mode);
	r->egress = NFT_EGRESS_SWALLOW;
	r->proto = strcmp(a->protocol, "tcp") == 0    ? IPPROTO_TCP
	           : strcmp(a->protocol, "udp") == 0  ? IPPROTO_UDP
	           : strcmp(a->protocol, "icmp") == 0 ? IPPROTO_ICMP
	                                              : 0;
	r->conn = strcmp(a->connections, "new") == 0           ? NFT_CONN_NEW
	          : strcmp(a->connections, "established") == 0 ? NFT_CONN_ESTABLISHED
	                                                       : NFT_CONN_ANY;
	if (r->conn)
		r->proto = IPPROTO_TCP;
	r->flows_ppm = (uint32_t)a->flows_ppm;
	r->packets_ppm = (uint32_t)a->packets_ppm;
	for (size_t i = 0; ret == 0 && i < addresses->n; i++)
		ret = add_address(r, addresses->v[i], names, err);
	for (size_t i = 0; ret == 0 && i < a->port.n; i++)
		ret = nft_rules_add_ports(r, a->port.v[i], err);
	for (size_t i = 0; ret == 0 && i < a->interface.n; i++) {
		struct nft_rules excluded = {0};
		bool except = a->interface.v[i][0] == '^';

		ret = nft_rules_add_dev(except ? &excluded : r, a->interface.v[i] + except, err);
	}
	r->confined = a->interface.n > 0;
	if (ret == 0 && a->user && w) {
		uid_t uid;

		ret = user_find(w, a->user, &uid, err);
		if (ret == 0) {
			r->has_uid = true;
			r->uid = uid;
		}
	}
	return ret;
}

/* The cgroup by which sockets are matched: its inode, and how deep it lies. */
static int read_cgroup(const struct target *t, const struct world *w, struct nft_rules *r,
                       struct err *err)
{
	struct cgroups groups;
	int ret;

	if (!t->cgroup_v2[0]) {
		err_set(err, -EINVAL, "%s is not in the version 2 hierarchy", t->name);
		return err_hint(err, -EINVAL,
		                "The kernel knows traffic only by version 2 cgroups: make one of "
		                "that name there and start the processes in it.");
	}
	ret = cgroups_read(w, &groups, err);
	if (ret == 0)
		ret = world_inode(w, t->cgroup_v2, &r->cgroup, NULL, err);
	if (ret == -ENOENT)
		return err_set(err, -ESTALE, "%s is gone", t->name);
	if (ret < 0)
		return ret;
	r->has_cgroup = true;
	for (const char *c = t->cgroup_v2 + strlen(groups.v2.dir); *c; c++)
		r->cgroup_level += *c == '/';
	if (!r->cgroup_level)
		return err_set(err, -EINVAL, "%s is all processes: aim at the host instead",
		               t->name);
	return 0;
}

static bool excludes(const struct text_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i][0] == '^' && strcmp(list->v[i] + 1, name) == 0)
			return true;
	return false;
}

/* Without those that are excluded. */
static int read_names(const struct scope_args *a, char *names, struct nft_rules *r, struct err *err)
{
	char *name, *rest;
	int ret = 0;

	r->devs_n = 0;
	for (name = strtok_r(names, " ", &rest); ret == 0 && name;
	     name = strtok_r(NULL, " ", &rest))
		ret = excludes(&a->interface, name) ? 0 : nft_rules_add_dev(r, name, err);
	return ret;
}

/* The devices where outgoing traffic is caught, or all but those that are excluded. */
static int read_devices(const struct scope_args *a, const struct target *t, const struct world *w,
                        struct nft_rules *r, struct err *err)
{
	int ret;
	BUF(links, 2048);

	if (r->confined && named(&a->interface) == a->interface.n)
		return 0;
	if (!r->confined && all_loopback(r)) {
		r->confined = true;
		return nft_rules_add_dev(r, "lo", err);
	}
	if (!r->confined && (r->mode != NFT_SILENCE || r->direction == NFT_IN))
		return 0;
	if (named(&a->interface)) {
		for (size_t i = 0; i < r->devs_n; i++)
			buf_addf(&links, "%s ", r->devs[i]);
	} else {
		ret = netns_links(w, t->netns, &links, err);
		if (ret < 0)
			return err_wrap(err, ret, "could not list the network devices of %s",
			                t->name);
	}
	ret = read_names(a, links.data, r, err);
	if (ret == 0 && r->confined && !r->devs_n)
		return err_set(err, -EINVAL, "what is excluded leaves no interface of %s", t->name);
	return ret;
}

int scope_check(const struct scope_args *a, struct err *err)
{
	struct nft_rules rules = {.mode = NFT_REJECT}; /* needs no devices */
	int ret = check_words(a, err);
	BUF(text, STATE_MAX);

	if (ret == 0)
		ret = read_filters(a, NULL, NULL, &rules, err);
	return ret < 0 ? ret : nft_rules_format(&rules, &text, err);
}

int scope_rules(const struct scope_args *a, enum nft_mode mode, const struct target *t,
                const struct moment *moment, const struct world *w, struct nft_rules *to,
                struct err *err)
{
	static const struct names none;
	struct nft_rules r = {.mode = mode};
	int ret = read_filters(a, moment->names ? moment->names : &none, w, &r, err);

	if (ret == 0 && t->kind == TARGET_CGROUP)
		ret = read_cgroup(t, w, &r, err);
	if (ret == 0 && t->kind == TARGET_PROCESS)
		r.mark = (uint16_t)sockmark_of(t->proc.pid);
	if (ret == 0)
		ret = read_devices(a, t, w, &r, err);
	/* The same for all targets: a flow between two of them is in or out for both. */
	if (r.flows_ppm)
		r.flows_seed = (uint32_t)(moment->seed ^ moment->seed >> 32);
	if (ret == 0)
		*to = r;
	return ret;
}

/* Its sockets carry the mark by which the table knows them; the mark comes first and goes last. */
static int add_mark(const struct target *t, const struct world *w, const char *run, unsigned number,
                    struct plan *out, struct err *err)
{
	bool born = t->cgroup_v2[0] && can_try(w, "bpf-sock-create", NULL) == 0;
	BUF(name, OBJECT_MAX);
	BUF(to, STATE_MAX);
	BUF(says, SAYS_MAX);

	mark_object_format(t->proc, run, number, &name);
	mark_state_format(t->proc, born ? t->cgroup_v2 : NULL, &to);
	if (to.over)
		return err_set(err, -E2BIG, "the path of cgroup \"%s\" is too long", t->cgroup_v2);
	buf_addf(&says, "marks its sockets; new ones %s",
	         born ? "as they are made" : "are looked for every 100ms");
	return plan_add(out, "mark", name.data, to.data, says.data, err);
}

void scope_lost(const struct counters *after, struct buf *to)
{
	uint64_t foreign = counters_get(after, "foreign_sockets"),
	         refused = counters_get(after, "refused_sockets");

	if (foreign)
		buf_addf(to, "; %llu socket%s left out, for somebody else marks %s",
		         (unsigned long long)foreign, foreign == 1 ? "" : "s",
		         foreign == 1 ? "it" : "them");
	if (refused)
		buf_addf(to, "; %llu socket%s could not be marked", (unsigned long long)refused,
		         refused == 1 ? "" : "s");
}

const char *const scope_steps[] = {"nft", "mark", NULL};

int scope_add(const struct scope_args *a, const struct nft_rules *r, const struct target *t,
              const struct moment *moment, const struct world *w, const char *run, const char *says,
              struct plan *out, uint64_t *again_ns, struct err *err)
{
	struct nft_object object = {.netns_ino = t->netns_ino};
	/* Stable over the run, and another for each attack and each target of it. */
	unsigned number = crc32c(t->name, strlen(t->name)) ^ (unsigned)moment->seed;
	uint64_t own = 0;
	BUF(name, OBJECT_MAX);
	BUF(to, STATE_MAX);
	int ret = nft_rules_format(r, &to, err);

	if (ret == 0)
		ret = text_copy(object.netns, sizeof(object.netns), t->netns);
	if (ret == 0 && t->kind == TARGET_PROCESS)
		ret = add_mark(t, w, run, number, out, err);
	if (ret < 0)
		return ret;
	nft_table_name(run, number, object.table);
	ret = nft_object_format(&object, &name, err);
	if (ret == 0)
		ret = plan_add(out, "nft", name.data, to.data, says, err);
	if (ret < 0)
		return ret;
	bool here = netns_of_process(w, 0, &own, NULL) < 0 || own == t->netns_ino;

	out->host_wide |= here && !scope_is_narrow(a, r);
	out->control_path |= here && cut_reaches_caller(r, t, w);
	*again_ns = r->devs_n && !named(&a->interface) && !all_loopback(r) ? look_again_ns : 0;
	return 0;
}
