/* What the faults that let a helper hold something have in common. */
#include "fault/held-plan.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/held.h"
#include "base/quantity.h"

int held_plan(struct plan *out, const char *kind, const char *run, const struct target *t,
              const struct moment *moment, const char *where, const struct world *w,
              const char *state, const char *says, struct err *err)
{
	struct held_object o = {.ino = 0};
	unsigned number;
	int ret = 0;
	BUF(object, OBJECT_MAX);

	(void)text_copy(o.kind, sizeof(o.kind), kind);
	/* Stable over the run, and another for each attack, each target of it, and what comes in
	 * its place: a unit may start again in a cgroup that has stayed. */
	number = crc32c(t->name, strlen(t->name)) ^ (unsigned)moment->seed;
	if (t->proc.pid)
		number ^= crc32c(&t->proc.start, sizeof(t->proc.start));
	held_name(run, number, o.name);
	if (text_copy(o.where, sizeof(o.where), where) < 0)
		return err_sys(err, ENAMETOOLONG, "cannot use \"%s\"", where);
	if (*where)
		ret = world_inode(w, where, &o.ino, NULL, err);
	if (ret == -ENOENT)
		return err_set(err, -ESTALE, "\"%s\" is gone", where);
	if (ret == 0)
		ret = held_object_format(&o, &object, err);
	return ret < 0 ? ret : plan_add(out, "held", object.data, state, says, err);
}

int fill_check(const struct fill_args *a, struct err *err)
{
	int said = (a->bytes > 0) + (a->share_ppm > 0) + (a->leave_bytes > 0);

	if (said == 1)
		return 0;
	err_set(err, -EINVAL,
	        said ? "\"bytes\", \"share\" and \"leave\" exclude each other"
	             : "one of \"bytes\", \"share\" and \"leave\" must say how much");
	return err_hint(err, -EINVAL,
	                "For all that there is: a share of 100%% with a floor of 0%%.");
}

int fill_amount(const struct fill_args *a, uint64_t total_bytes, uint64_t available_bytes,
                struct fill_floor owner, const char *what, const struct moment *moment,
                struct amount *to, struct err *err)
{
	struct amount m = {.kind = a->bytes       ? AMOUNT_BYTES
	                           : a->share_ppm ? AMOUNT_SHARE
	                                          : AMOUNT_LEAVE,
	                   .value = a->bytes       ? a->bytes
	                            : a->share_ppm ? a->share_ppm
	                                           : a->leave_bytes};

	/* Who says how much to leave has said where the floor is. */
	if (m.kind != AMOUNT_LEAVE)
		m.floor_bytes = total_bytes / PPM_ALL * a->floor_ppm +
		                total_bytes % PPM_ALL * a->floor_ppm / PPM_ALL;
	bool is_owners = m.floor_bytes < owner.bytes;

	if (is_owners)
		m.floor_bytes = owner.bytes;
	if (moment->turn == 0 && m.kind == AMOUNT_BYTES &&
	    amount_goal(&m, 0, available_bytes) < m.value) {
		BUF(asked, 32);
		BUF(available, 32);
		BUF(floor, 32);

		size_format_short(&asked, m.value);
		size_format_short(&available, available_bytes);
		size_format_short(&floor, m.floor_bytes);
		err_set(err, -EPERM, "cannot take %s of %s: %s are available, and %s must stay",
		        asked.data, what, available.data, floor.data);
		if (is_owners)
			return err_hint(err, -EPERM,
			                "Take less: that is the word of this machine's owner, in "
			                "\"%s\".",
			                owner.by ? owner.by : "floors");
		return err_hint(err, -EPERM,
		                "Take less, or say how much may be taken to the last: floor 0%%.");
	}
	*to = m;
	return 0;
}

void fill_says(const struct amount *m, uint64_t available_bytes, struct buf *to)
{
	uint64_t goal = amount_goal(m, 0, available_bytes);

	buf_add(to, "takes ");
	size_format_short(to, goal);
	buf_add(to, " of the ");
	size_format_short(to, available_bytes);
	buf_add(to, " that are available now; ");
	if (m->kind == AMOUNT_LEAVE && m->value > m->floor_bytes)
		size_format_short(to, m->value);
	else
		size_format_short(to, m->floor_bytes);
	buf_add(to, m->floor_bytes || m->kind == AMOUNT_LEAVE ? " stay free in any case"
	                                                      : " stay free");
}

void held_lost(const struct counters *after, struct buf *to)
{
	if (counters_get(after, "lost_to_oom"))
		buf_add(to, "; ended by the OOM killer");
	else if (counters_get(after, "left_alone"))
		buf_add(to, "; ended early, everybody else had left the cgroup");
	else if (counters_get(after, "lost"))
		buf_add(to, "; its helper was ended early by somebody else");
}

void fill_dose(const struct fill_args *a, const struct counters *after, const char *what,
               const char *extra, struct dose *dose)
{
	uint64_t most = counters_get(after, "most_bytes"), held = counters_get(after, "held_bytes");
	struct dose d = {.no_effect = most == 0};
	struct buf asked, achieved, why;

	buf_init(&asked, d.asked, sizeof(d.asked));
	buf_init(&achieved, d.achieved, sizeof(d.achieved));
	buf_init(&why, d.why, sizeof(d.why));
	if (a->bytes) {
		size_format_short(&asked, a->bytes);
		buf_addf(&asked, " of %s", what);
	} else if (a->share_ppm) {
		share_format(&asked, a->share_ppm);
		buf_addf(&asked, " of the %s that is free, ", what);
		size_format_short(&asked, counters_get(after, "asked_bytes"));
	} else {
		buf_addf(&asked, "all %s but ", what);
		size_format_short(&asked, a->leave_bytes);
	}
	size_format_short(&achieved, most);
	if (counters_get(after, "reach_ns")) {
		buf_add(&achieved, " within ");
		duration_format_short(&achieved, counters_get(after, "reach_ns"));
	}
	if (most && !counters_get(after, "reach_ns") && !counters_get(after, "lost"))
		buf_add(&achieved, ", not done yet when it was put back");
	if (held < most && !counters_get(after, "lost")) {
		buf_add(&achieved, ", ");
		size_format_short(&achieved, held);
		buf_add(&achieved, " at the end");
	}
	if (counters_get(after, "at_floor"))
		buf_add(&achieved, "; more would have gone below the floor");
	buf_add(&achieved, extra);
	held_lost(after, &achieved);
	if (d.no_effect)
		buf_addf(&why, "nothing was taken%s",
		         counters_get(after, "at_floor") ? ": there is no more than the floor"
		                                         : "");
	*dose = d;
}
