/* The machine owner's policy: whatever the text, problems or a policy that can be asked. */
#include "model/policy.h"

#include "fault/fault.h"
#include "fuzz.h"
#include "probe/probe.h"

enum { ARENA_MAX = 8 << 20 };

void fuzz_begin(void)
{
	setenv("TZ", "UTC", 1);
}

static void ask(const struct policy *p)
{
	uint64_t change_ns;

	for (size_t i = 0; i < p->faults_denied.n; i++)
		for (size_t f = 0; fault_kinds[f]; f++)
			(void)policy_fault_matches(p->faults_denied.v[i].text, fault_kinds[f]);
	for (unsigned day = 0; day < 7; day++)
		(void)policy_is_open(p, day, 60 * day);
	/* midnight, and a change of summer time */
	(void)policy_open_at(p, 1795392000000000000, &change_ns);
	(void)policy_open_at(p, 1774746000000000000, &change_ns);
	assert(policy_rules(p) < 1000);
}

void fuzz_one(const char *text, size_t n)
{
	static const struct catalogue catalogue = {fault_kinds, probe_kinds, action_kinds};
	struct problems problems;
	struct arena arena;
	struct policy *p;

	arena_init(&arena, ARENA_MAX);
	problems_init(&problems, &arena);
	(void)policy_is_meant(text, n);
	p = policy_read(text, n, "policy.yaml", &catalogue, &problems);
	problems_sort(&problems);
	assert(p || problems.errors);
	if (p && !problems.errors)
		ask(p);
	policy_free(p);
	arena_release(&arena);
}
