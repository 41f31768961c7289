/* What is done to all that match, as steps. */
#include "fault/sweep-plan.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "fault/cut-reach.h"
#include "machine/netns.h"

static struct scope_args scope_of(const struct sweep_args *a)
{
	return (struct scope_args){.direction = "both",
	                           .protocol = a->protocol ? a->protocol : "tcp",
	                           .connections = "any",
	                           .user = a->user,
	                           .address = a->address,
	                           .port = a->port};
}

int sweep_check(const struct sweep_args *a, struct err *err)
{
	struct scope_args scope = scope_of(a);

	return scope_check(&scope, err);
}

/* Stable over the run, and another for each attack, each target, and each process of it. */
static int object_of(const struct target *t, const struct moment *moment, const char *run,
                     struct buf *to, struct err *err)
{
	struct nft_object o = {.netns_ino = t->netns_ino};
	unsigned number = crc32c(t->name, strlen(t->name)) ^ (unsigned)moment->seed;

	if (t->kind == TARGET_PROCESS)
		number ^= crc32c(&t->proc, sizeof(t->proc.pid)) ^
		          crc32c(&t->proc.start, sizeof(t->proc.start));
	nft_table_name(run, number, o.table);
	if (text_copy(o.netns, sizeof(o.netns), t->netns) < 0)
		return err_sys(err, ENAMETOOLONG, "cannot use \"%s\"", t->netns);
	return nft_object_format(&o, to, err);
}

static void describe(const struct sweep_args *a, const struct sweep *s, const char *what,
                     const struct target *t, struct buf *says)
{
	buf_addf(says, "%s all %s", strcmp(what, "connections") == 0 ? "destroys" : "deletes",
	         what);
	if (t->kind == TARGET_PROCESS)
		buf_addf(says, " of %s", t->comm);
	if (s->rules.addrs_n || s->rules.ports_n || s->rules.has_uid)
		buf_add(says, " that match");
	if (a->every_ns) {
		buf_add(says, ", each ");
		duration_format_short(says, a->every_ns);
	}
}

int sweep_plan(const char *type, const struct sweep_args *a, const char *what,
               const struct target *t, const struct moment *moment, const struct world *w,
               const char *run, struct plan *out, uint64_t *again_ns, struct err *err)
{
	struct scope_args scope = scope_of(a);
	struct sweep s = {.turn = a->every_ns ? moment->turn : 0};
	uint64_t own = 0;
	BUF(object, OBJECT_MAX);
	BUF(to, STATE_MAX);
	BUF(says, SAYS_MAX);
	int ret = scope_rules(&scope, NFT_REJECT, t, moment, w, &s.rules, err);

	s.rules.mark = 0; /* a process is told by the sockets that it holds */
	if (ret == 0)
		ret = object_of(t, moment, run, &object, err);
	if (t->kind == TARGET_PROCESS)
		s.proc = t->proc;
	if (ret == 0)
		ret = sweep_format(&s, &to, err);
	if (ret < 0)
		return ret;
	describe(a, &s, what, t, &says);
	ret = plan_add(out, type, object.data, to.data, says.data, err);
	if (ret < 0)
		return ret;
	*again_ns = a->every_ns;
	if (t->kind == TARGET_PROCESS) {
		/* chosen by its number: sshd never is otherwise */
		out->control_path |= strncmp(t->comm, "sshd", 4) == 0;
		return 0;
	}
	bool here = netns_of_process(w, 0, &own, NULL) < 0 || own == t->netns_ino;

	out->host_wide |= here && !nft_rules_addrs(&s.rules) && !nft_rules_ports(&s.rules) &&
	                  !s.rules.has_uid;
	out->control_path |= here && cut_reaches_caller(&s.rules, t, w);
	return 0;
}

void sweep_dose(const struct sweep_args *a, const struct counters *before,
                const struct counters *after, const char *what, const char *gone, struct dose *dose)
{
	uint64_t found = counters_grown(before, after, "found"),
	         done = counters_grown(before, after, gone);
	struct dose d = {.no_effect = done == 0};
	struct buf asked, achieved, why;

	buf_init(&asked, d.asked, sizeof(d.asked));
	buf_init(&achieved, d.achieved, sizeof(d.achieved));
	buf_init(&why, d.why, sizeof(d.why));
	buf_addf(&asked, "all %s", what);
	if (a->every_ns) {
		buf_add(&asked, ", each ");
		duration_format_short(&asked, a->every_ns);
	}
	buf_addf(&achieved, "%llu of %llu %s %s", (unsigned long long)done,
	         (unsigned long long)found, what, gone);
	if (!done)
		buf_addf(&why, found ? "all %s that matched had ended before" : "no %s matched",
		         what);
	*dose = d;
}
