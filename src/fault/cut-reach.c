/* Whether a cut may reach the way in. */
#include "fault/cut-reach.h"

#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "machine/cgroup.h"
#include "machine/way-in.h"

static bool port_is_listed(const struct nft_rules *r, uint16_t port)
{
	size_t n = nft_rules_ports(r);

	if (nft_rules_except_ports(r, port, port))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (port >= r->ports[i].from && port <= r->ports[i].to)
			return true;
	}
	return n == 0;
}

static bool cuts(const struct nft_rules *r, const struct connection *c)
{
	const uint16_t ports[] = {c->local_port, c->remote_port};

	return nft_rules_meet(r, (uint8_t)c->family, c->remote, ports);
}

/* May this cut the connection by which somebody is logged in? Doubt says yes. */
static bool cuts_way_in(const struct nft_rules *r, const struct world *w)
{
	static const struct connection ssh = {.local_port = 22};
	struct ways_in ways;

	/* sshd's sockets belong to root, or to the user who is logged in. */
	if ((r->proto && r->proto != IPPROTO_TCP) ||
	    (r->has_uid && r->uid != 0 && r->uid != getuid()) || r->has_cgroup || r->mark)
		return false;
	if (r->confined && r->devs_n == 1 && strcmp(r->devs[0], "lo") == 0)
		return false;
	if (nft_rules_addrs(r) == 0 && port_is_listed(r, ssh.local_port))
		return true;
	ways_in_read(w, &ways);
	for (size_t i = 0; i < ways.n; i++) {
		if (cuts(r, &ways.v[i]))
			return true;
	}
	return false;
}

/* Does the cgroup hold the caller, whose connections to the world would be cut with it? */
static bool holds_caller(const struct target *t, const struct world *w)
{
	struct cgroups groups;
	struct cgroup_of of;
	char dir[CGROUP_PATH_MAX];
	size_t n = strlen(t->cgroup_v2);

	return t->kind == TARGET_CGROUP && cgroups_read(w, &groups, NULL) == 0 &&
	       cgroup_of_process(w, &groups, 0, &of, NULL) == 0 &&
	       cgroup_dir(w, &groups.v2, of.v2, dir) == 0 && strncmp(dir, t->cgroup_v2, n) == 0 &&
	       (!dir[n] || dir[n] == '/');
}

/* Is the process one that the caller was started by: the server of its login, say? */
static bool started_caller(const struct target *t, const struct world *w)
{
	struct proc_stat st;

	if (t->kind != TARGET_PROCESS)
		return false;
	for (pid_t pid = getpid(); pid > 1 && proc_stat_read(w, pid, &st, NULL) == 0; pid = st.ppid)
		if (st.pid == t->proc.pid)
			return true;
	return false;
}

bool cut_reaches_caller(const struct nft_rules *rules, const struct target *t,
                        const struct world *w)
{
	return cuts_way_in(rules, w) || holds_caller(t, w) || started_caller(t, w);
}
