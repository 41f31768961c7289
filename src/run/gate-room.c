/* What the machine owner wants left: process ids. Memory and disk are what faults take, and they
 * ask themselves. */
#include <errno.h>
#include <string.h>

#include "machine/pids.h"
#include "run/gate.h"
#include "step/nft.h"

/* Keeper, hand, the runner's own threads and the commands of its probes. */
enum { OWN_PIDS = 12 };

size_t gate_pids(const struct plan *plan)
{
	size_t n = plan->n + plan->threads;

	for (size_t i = 0; i < plan->n; i++)
		n += strcmp(plan->v[i].type, "nft") == 0 && nft_is_shape(plan->v[i].to);
	return n;
}

int gate_room(const struct policies *p, const struct world *w, size_t pids, struct err *err)
{
	struct pids_room room;
	struct err why = ERR_INIT;
	uint64_t need = pids + OWN_PIDS;
	int ret = p->floors.pids ? pids_room_read(w, &room, &why) : 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct policy *policy = p->v[i];
		uint64_t floor = policy->floors.pids;
		struct where at = policy_said(policy, "floors.process-ids");

		if (!floor)
			continue;
		if (ret < 0)
			return policy_refuse(err, policy, at,
			                     "every attack until free process ids can be counted: "
			                     "%s",
			                     why.what);
		if (room.left >= need && room.left - need >= floor)
			continue;
		policy_refuse(err, policy, at,
		              "a run that takes %llu process ids: %llu are free (%s), and %llu "
		              "must stay",
		              (unsigned long long)need, (unsigned long long)room.left, room.bound,
		              (unsigned long long)floor);
		return err_hint(err, -EPERM,
		                "Fewer targets or CPUs take less; else end what uses them, or "
		                "raise that limit.");
	}
	return 0;
}
