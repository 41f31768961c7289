/* net-shape.c - what the faults that hand traffic to the shaper have in common. */
#include "fault/net-shape.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "fault/held-plan.h"

/* Of a shaper that is later than this the dose tells. */
static const uint64_t late_told_ns = NS_PER_MS;

const char *const shape_needs[] = {"net-admin", "nft-owner", "nft-queue", NULL};

int shape_allowed(const struct scope_args *a, const struct shape *s, struct err *err)
{
	BUF(text, SHAPE_TEXT_MAX);
	int ret = scope_check(a, err);

	return ret < 0 ? ret : shape_format(s, &text, err);
}

int shape_add_flags(const char *fault, const struct scope_args *a, uint8_t tcp_flags,
                    const struct shape *s, const char *says_before, const char *says_after,
                    const struct target *t, const struct moment *moment, const struct world *w,
                    const char *run, struct plan *out, uint64_t *again_ns, struct err *err)
{
	struct nft_rules rules;
	BUF(says, SAYS_MAX);

	int ret = scope_rules(a, NFT_SHAPE, t, moment, w, &rules, err);

	if (ret < 0)
		return ret;
	rules.shape = *s;
	rules.tcp_flags = tcp_flags;
	/* No two targets of an attack lose the same packets. */
	rules.shape.seed = moment->seed ^ crc32c(t->name, strlen(t->name));
	buf_addf(&says, "%s%s", says_before,
	         rules.direction == NFT_BOTH ? "what comes in and goes out"
	                                     : scope_direction(&rules));
	scope_say_share(&rules, &says);
	buf_addf(&says, "%s; the sender sees %s", says_after, nft_rules_seen_by_sender(&rules));
	return scope_add(a, &rules, t, moment, w, run, says.data, out, again_ns, err);
}

int shape_add(const char *fault, const struct scope_args *a, const struct shape *s,
              const char *says_before, const char *says_after, const struct target *t,
              const struct moment *moment, const struct world *w, const char *run, struct plan *out,
              uint64_t *again_ns, struct err *err)
{
	return shape_add_flags(fault, a, 0, s, says_before, says_after, t, moment, w, run, out,
	                       again_ns, err);
}

void shaped_read(const struct counters *before, const struct counters *after, struct shaped *to)
{
	static const struct {
		const char *name;
		size_t offset;
	} grown[] = {
	        {"seen_packets", offsetof(struct shaped, seen)},
	        {"seen_bytes", offsetof(struct shaped, seen_bytes)},
	        {"delayed", offsetof(struct shaped, delayed)},
	        {"lost_packets", offsetof(struct shaped, lost)},
	        {"lost_in_queue", offsetof(struct shaped, lost_in_queue)},
	        {"duplicated", offsetof(struct shaped, duplicated)},
	        {"corrupted", offsetof(struct shaped, corrupted)},
	        {"reordered", offsetof(struct shaped, reordered)},
	        {"outages", offsetof(struct shaped, outages)},
	        {"told", offsetof(struct shaped, told)},
	        {"vanished", offsetof(struct shaped, vanished)},
	        {"passed_full", offsetof(struct shaped, passed)},
	        {"elapsed_ns", offsetof(struct shaped, elapsed_ns)},
	};
	/* Levels, which were added up over the targets. */
	uint64_t shapers = counters_get(after, "shapers");
	struct shaped s = {
	        .matched = counters_grown(before, after, "packets_in") +
	                   counters_grown(before, after, "packets_out"),
	        .p50_ns = counters_get(after, "added_p50_ns") / (shapers ? shapers : 1),
	        .p99_ns = counters_get(after, "added_p99_ns") / (shapers ? shapers : 1),
	        .late_ns = counters_get(after, "late_p99_ns") / (shapers ? shapers : 1),
	};

	for (size_t i = 0; i < ARRAY_SIZE(grown); i++)
		*(uint64_t *)((char *)&s + grown[i].offset) =
		        counters_grown(before, after, grown[i].name);
	*to = s;
}

uint64_t shaped_rate(const struct shaped *s)
{
	uint64_t gone = s->lost + s->lost_in_queue;

	/* The bytes of those that were lost are not known: as many as others have. */
	if (!s->elapsed_ns || !s->seen || gone >= s->seen)
		return 0;
	return (uint64_t)(8.0 * (double)s->seen_bytes * (double)(s->seen - gone) / (double)s->seen *
	                  (double)NS_PER_S / (double)s->elapsed_ns);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void shaped_add_delay(const struct shaped *s, struct buf *to)
{
	if (!s->delayed) {
		buf_add(to, "nothing held back");
		return;
	}
	duration_format_short(to, s->p50_ns);
	buf_add(to, " (p99 ");
	duration_format_short(to, s->p99_ns);
	buf_addf(to, ") on %llu packet%s", (unsigned long long)s->delayed, plural(s->delayed));
}

void shaped_add_part(uint64_t n, uint64_t of, const char *what, struct buf *to)
{
	double percent = of ? 100.0 * (double)n / (double)of : 0;

	buf_addf(to, "%.*f%%: %llu of %llu %s%s",
	         percent >= 9.95  ? 1
	         : percent >= 0.1 ? 2
	         : percent > 0    ? 4
	                          : 0,
	         percent, (unsigned long long)n, (unsigned long long)of, what, plural(of));
}

void shaped_add_share(const struct shaped *s, uint64_t n, struct buf *to)
{
	shaped_add_part(n, s->seen, "packet", to);
}

void shaped_end(const struct shaped *s, const struct counters *after, uint64_t changed,
                const char *what, uint64_t share_ppm, struct dose *d)
{
	/* fewer than three to be expected */
	bool few = share_ppm && s->seen < 3 * PPM_ALL / share_ppm;
	uint64_t n = s->seen ? s->seen : s->matched;
	struct buf text = {
	        .data = d->achieved, .cap = sizeof(d->achieved), .len = strlen(d->achieved)};

	if (s->passed)
		buf_addf(&text, "; %llu passed as they were, for the shaper was full",
		         (unsigned long long)s->passed);
	if (s->vanished)
		buf_addf(&text, "; %llu more lost, for the kernel dropped what waited",
		         (unsigned long long)s->vanished);
	if (s->late_ns > late_told_ns) {
		buf_add(&text, "; this machine was too slow by ");
		duration_format_short(&text, s->late_ns);
	}
	held_lost(after, &text);
	scope_lost(after, &text);
	d->no_effect = changed == 0;
	buf_init(&text, d->why, sizeof(d->why));
	if (changed)
		return;
	if (!n) {
		buf_add(&text, "nothing matched: no packet in ");
		duration_format_short(&text, s->elapsed_ns);
		return;
	}
	buf_addf(&text, "%llu packet%s matched, but none was %s", (unsigned long long)n, plural(n),
	         what);
	if (few) {
		buf_add(&text, ": too few for ");
		share_format(&text, share_ppm);
	}
}
