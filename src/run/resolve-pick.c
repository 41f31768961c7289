/* Which of those that match are attacked, and which take the places of those that are gone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/quantity.h"
#include "run/resolve-state.h"

static int by_pid(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return (x->proc.pid > y->proc.pid) - (x->proc.pid < y->proc.pid);
}

/* The first k of a shuffle, so that more targets with the same seed include the fewer. */
void pick_targets(struct targets *out, struct pick pick, uint64_t seed)
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
	out->left = out->v + k;
	out->left_n = out->left_cap = out->n - k;
	out->n = k;
	if (k > 1)
		qsort(out->v, k, sizeof(*out->v), by_pid);
}

static bool is_process(const struct target *t)
{
	return t->kind == TARGET_PROCESS && !t->group[0];
}

/* The very same one, not one that has come in its place: a group may outlive its processes, and a
 * process may change its name. */
static bool is_same(const struct target *a, const struct target *b)
{
	if (a->proc.pid != b->proc.pid || a->proc.start != b->proc.start)
		return false;
	if (is_process(a) && is_process(b))
		return true;
	return strcmp(a->name, b->name) == 0 && a->group_ino == b->group_ino &&
	       a->netns_ino == b->netns_ino;
}

static bool is_among(const struct target *one, const struct target *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (is_same(&v[i], one))
			return true;
	}
	return false;
}

/* A unit or a container that pick spared is spared also when it has restarted; of processes that
 * come and go nobody can say which is which, so the very ones that were spared are. */
static bool is_spared(const struct targets *t, const struct target *one)
{
	for (size_t i = 0; i < t->left_n; i++) {
		if (is_process(one) ? is_same(&t->left[i], one)
		                    : strcmp(t->left[i].name, one->name) == 0)
			return true;
	}
	return false;
}

static bool is_known(const struct targets *t, const bool *gone, const struct target *one)
{
	for (size_t i = 0; i < t->n; i++) {
		/* A group that is there still may have another main process. */
		bool by_name = !gone[i] && !is_process(one);

		if (by_name ? strcmp(t->v[i].name, one->name) == 0 : is_same(&t->v[i], one))
			return true;
	}
	return false;
}

/* Processes that were spared and have ended need not be remembered. */
static void left_prune(struct targets *t, const struct target *now, size_t now_n)
{
	size_t n = 0;

	for (size_t i = 0; i < t->left_n; i++) {
		if (!is_process(&t->left[i]) || is_among(&t->left[i], now, now_n))
			t->left[n++] = t->left[i];
	}
	t->left_n = n;
}

/* Puts fresh[pick] in the place of a target. */
static void take(struct target *place, struct target *fresh, size_t pick, size_t *at)
{
	*place = fresh[pick];
	fresh[pick] = fresh[*at];
	++*at;
}

int targets_follow(struct targets *t, const bool *gone, const struct target *now, size_t now_n,
                   uint64_t seed, uint64_t turn, struct arena *arena, bool *came)
{
	struct rng rng = {.s = seed ^ (turn * 0x9e3779b97f4a7c15ull)};
	_cleanup_free_ struct target *fresh = calloc(now_n + 1, sizeof(*fresh));
	size_t n = 0, at = 0;

	if (!fresh)
		return -ENOMEM;
	left_prune(t, now, now_n);
	for (size_t i = 0; i < now_n; i++) {
		if (!is_known(t, gone, &now[i]) && !is_spared(t, &now[i]))
			fresh[n++] = now[i];
	}
	/* Room for all of them first: what is taken must not be taken by halves. */
	while (t->left_cap < t->left_n + n) {
		struct target *left =
		        arena_grow(arena, t->left, t->left_cap, &t->left_cap, sizeof(*left));

		if (!left)
			return -ENOMEM;
		t->left = left;
	}
	/* One of the same name is the same again; after those, any that has come. */
	for (size_t i = 0; i < t->n; i++) {
		came[i] = false;
		for (size_t k = at; gone[i] && !came[i] && k < n; k++) {
			if (strcmp(fresh[k].name, t->v[i].name) != 0)
				continue;
			take(&t->v[i], fresh, k, &at);
			came[i] = true;
		}
	}
	for (size_t i = 0; i < t->n; i++) {
		if (!gone[i] || came[i] || at == n)
			continue;
		take(&t->v[i], fresh, at + rng_below(&rng, n - at), &at);
		came[i] = true;
	}
	for (size_t i = at; i < n; i++)
		t->left[t->left_n++] = fresh[i];
	t->matched = now_n;
	return (int)at;
}
