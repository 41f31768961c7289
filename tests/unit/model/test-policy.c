/* test-policy.c - a policy from a file: what is read, what is a problem, when it is open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../skip.h"
#include "base/quantity.h"
#include "fake.h"
#include "model/policy.h"

/* The fake faults, and one with a parameter of each kind. */
static struct kind every;
static const struct kind *fault_list[16];
static struct catalogue catalogue;

static int catalogue_make(void **state)
{
	size_t n = 0;
	every = fake_every;
	every.name = "fake.every";
	every.class_ = "state";
	for (; fake_catalogue.faults[n] != NULL; n++)
		fault_list[n] = fake_catalogue.faults[n];
	fault_list[n] = &every;
	catalogue = fake_catalogue;
	catalogue.faults = fault_list;
	return 0;
}

struct got {
	struct arena arena;
	struct problems problems;
	struct policy *p;
};

static void got_read(struct got *g, const char *text)
{
	arena_init(&g->arena, 1 << 20);
	problems_init(&g->problems, &g->arena);
	g->p = policy_read(text, strlen(text), "policy.yaml", &catalogue, &g->problems);
}

static void got_release(struct got *g)
{
	policy_free(g->p);
	arena_release(&g->arena);
}

static const struct got *good(struct got *g, const char *text)
{
	got_read(g, text);
	for (size_t i = 0; i < g->problems.n; i++)
		print_message("%u: %s\n", g->problems.v[i].at.line, g->problems.v[i].text);
	assert_int_equal(g->problems.n, 0);
	assert_non_null(g->p);
	return g;
}

static void test_empty(void **state)
{
	struct got g;
	const struct policy *p = good(&g, "squall-policy: 1\n")->p;
	assert_false(p->faults_allowed.said);
	assert_int_equal(p->allow, 7);
	assert_true(p->commands);
	assert_int_equal(p->targets.kind, PICK_ALL);
	assert_true(p->max_duration_ns == UINT64_MAX);
	assert_string_equal(p->halt, "anyone");
	assert_int_equal(policy_rules(p), 0);
	got_release(&g);
}

static void test_everything(void **state)
{
	struct got g;
	const struct policy *p =
	        good(&g, "squall-policy: 1\n"
	                 "faults:\n"
	                 "  allowed: [network, fake.every, \"proc.*\"]\n"
	                 "  denied: proc.kill\n"
	                 "limits:\n"
	                 "  net.delay: {delay: at most 2s, loss: at least 1%}\n"
	                 "  fake.every: {number: 0.7, choice: [red, \"g*\"], list: /srv/*, size: "
	                 "1MiB}\n"
	                 "allow: [host-wide]\n"
	                 "commands: false\n"
	                 "blast-radius: {targets: 25%, max-duration: 10m}\n"
	                 "protect:\n"
	                 "  processes:\n"
	                 "    - {name: postgres, user: root}\n"
	                 "    - {pid-file: /run/x.pid}\n"
	                 "  units: [ssh.service]\n"
	                 "  cgroups: /backup\n"
	                 "control-path:\n"
	                 "  - {address: 10.1.2.3/8, port: 22}\n"
	                 "  - {port: 8000-8010}\n"
	                 "  - {address: \"fd00::1\", interface: eth*}\n"
	                 "times:\n"
	                 "  zone: UTC\n"
	                 "  windows: [{days: [fri-mon], from: 22:00, to: 2:30}]\n"
	                 "who: {users: [root, 1000], groups: [sre]}\n"
	                 "floors: {memory: 512MiB, disk: 1GiB, process-ids: 100}\n"
	                 "halt: root\n")
	                ->p;
	assert_int_equal(p->faults_allowed.n, 3);
	assert_int_equal(p->faults_denied.n, 1);
	assert_int_equal(p->faults_denied.v[0].at.line, 4);
	assert_int_equal(p->limits.n, 6);
	assert_false(p->limits.v[0].at_least);
	assert_true(p->limits.v[0].value == 2 * NS_PER_S);
	assert_true(p->limits.v[1].at_least);
	assert_true(p->limits.v[1].value == 10000);
	assert_string_equal(p->limits.v[3].any[1], "g*");
	assert_string_equal(p->limits.v[4].any[0], "/srv/*");
	assert_int_equal(p->allow, ALLOW_HOST_WIDE);
	assert_false(p->commands);
	assert_int_equal(p->targets.kind, PICK_SHARE);
	assert_true(p->max_duration_ns == 600 * NS_PER_S);
	assert_int_equal(p->processes.n, 2);
	assert_string_equal(p->processes.v[0].user, "root");
	assert_int_equal(p->processes.v[1].at.line, 14);
	assert_string_equal(p->cgroups.v[0].text, "/backup");
	assert_int_equal(p->ways.n, 3);
	assert_int_equal(p->ways.v[0].address.length, 8);
	assert_int_equal(p->ways.v[0].address.bytes[1], 0);
	assert_int_equal(p->ways.v[1].ports.to, 8010);
	assert_int_equal(p->ways.v[2].address.length, 128);
	assert_int_equal(p->windows.v[0].days, 0x63); /* fri sat sun mon */
	assert_int_equal(p->windows.v[0].to.minute, 150);
	assert_string_equal(p->users.v[1].text, "1000");
	assert_true(p->floors.mem_bytes == 512ull << 20);
	assert_true(p->floors.pids == 100);
	assert_string_equal(p->halt, "root");
	assert_int_equal(policy_said(p, "blast-radius.targets").line, 10);
	assert_int_equal(policy_rules(p), 19);
	got_release(&g);
}

/* Each is one problem, at that line, with that word of the reader. */
static void test_problems(void **state)
{
	static const struct {
		const char *text, *code, *says;
		unsigned line;
	} cases[] = {
	        {"faults: {}", "missing-key", "squall-policy: 1", 1},
	        {"squall-policy: 2", "wrong-type", "cannot be \"2\"", 1},
	        {"squall-policy: 1\nfalts: {}", "unknown-key", "falts", 2},
	        {"squall-policy: 1\nfaults: {allow: []}", "unknown-key", "allow", 2},
	        {"squall-policy: 1\nfaults:\n", "wrong-type", "must be a map", 2},
	        {"squall-policy: 1\nfaults: {denied: [proc.kil]}", "unknown-kind", "means no fault",
	         2},
	        {"squall-policy: 1\nfaults: {denied: [\"zzz.*\"]}", "unknown-kind",
	         "means no fault", 2},
	        {"squall-policy: 1\nlimits: {net.dely: {delay: 1s}}", "unknown-kind", "net.dely",
	         2},
	        {"squall-policy: 1\nlimits: {net.delay: {dely: 1s}}", "unknown-parameter", "dely",
	         2},
	        {"squall-policy: 1\nlimits: {net.delay: {delay: 80%}}", "wrong-type", "delay", 2},
	        {"squall-policy: 1\nlimits: {fake.every: {map: 1}}", "wrong-type",
	         "cannot have a limit", 2},
	        {"squall-policy: 1\nallow: [everything]", "unknown-word", "everything", 2},
	        {"squall-policy: 1\ncommands: no", "wrong-type", "cannot be \"no\"", 2},
	        {"squall-policy: 1\nblast-radius: {targets: some}", "wrong-type", "some", 2},
	        {"squall-policy: 1\nblast-radius: {max-duration: 0}", "out-of-range", "more than 0",
	         2},
	        {"squall-policy: 1\nprotect: {processes: [{}]}", "missing-key", "says nothing", 2},
	        {"squall-policy: 1\nprotect: {processes: [{nam: x}]}", "unknown-key", "nam", 2},
	        {"squall-policy: 1\nprotect: {processes: postgres}", "wrong-type", "must be a list",
	         2},
	        {"squall-policy: 1\ncontrol-path: [{address: 10.0.0}]", "wrong-type", "10.0.0", 2},
	        {"squall-policy: 1\ncontrol-path: [{address: 10.0.0.0/33}]", "wrong-type", "/33",
	         2},
	        {"squall-policy: 1\ncontrol-path: [{port: 70000}]", "wrong-type", "70000", 2},
	        {"squall-policy: 1\ncontrol-path: [{port: 30-20}]", "wrong-type", "30-20", 2},
	        {"squall-policy: 1\ntimes: {zone: Europe/Atlantis}", "unknown-word", "Atlantis", 2},
	        {"squall-policy: 1\ntimes: {zone: ../../etc/passwd}", "unknown-word", "passwd", 2},
	        {"squall-policy: 1\ntimes: {windows: [{days: [monday]}]}", "unknown-word", "monday",
	         2},
	        {"squall-policy: 1\ntimes: {windows: [{from: 25:00}]}", "wrong-type", "25:00", 2},
	        {"squall-policy: 1\ntimes: {windows: [{from: 9:00, to: 9:00}]}", "out-of-range",
	         "is empty", 2},
	        {"squall-policy: 1\ntimes: {windows: [{from: 24:00}]}", "out-of-range",
	         "cannot begin", 2},
	        {"squall-policy: 1\nhalt: nobody", "unknown-word", "nobody", 2},
	        {"squall-policy: 1\nfloors: {memory: 10%}", "wrong-type", "memory", 2},
	        {"squall-policy: 1\nfloors: {memory: [1]}", "wrong-type", "memory", 2},
	        {"squall-policy: 1\nwho: {users: [[root]]}", "wrong-type", "users", 2},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct got g;
		got_read(&g, cases[i].text);
		if (g.problems.errors != 1 || strcmp(g.problems.v[0].code, cases[i].code) != 0 ||
		    strstr(g.problems.v[0].text, cases[i].says) == NULL ||
		    g.problems.v[0].at.line != cases[i].line) {
			for (size_t k = 0; k < g.problems.n; k++)
				print_message("%u: [%s] %s\n", g.problems.v[k].at.line,
				              g.problems.v[k].code, g.problems.v[k].text);
			fail_msg("%s", cases[i].text);
		}
		got_release(&g);
	}
}

static void test_fault_words(void **state)
{
	const struct kind kind = {.name = "net.delay", .class_ = "network"};
	assert_true(policy_fault_matches("net.delay", &kind));
	assert_true(policy_fault_matches("net", &kind));
	assert_true(policy_fault_matches("network", &kind));
	assert_true(policy_fault_matches("net.*", &kind));
	assert_true(policy_fault_matches("*", &kind));
	assert_false(policy_fault_matches("ne", &kind));
	assert_false(policy_fault_matches("net.", &kind));
	assert_false(policy_fault_matches("state", &kind));
	assert_false(policy_fault_matches("proc.*", &kind));
}

#define MINUTE (60 * NS_PER_S)
#define AT_S(s) ((uint64_t)(s)*NS_PER_S)

static void open_is(const char *windows, uint64_t at_s, bool open, uint64_t change_s)
{
	struct got g;
	uint64_t change;
	char text[400];
	snprintf(text, sizeof(text), "squall-policy: 1\ntimes: %s\n", windows);
	bool got = policy_open_at(good(&g, text)->p, AT_S(at_s), &change);
	if (got != open || change != (change_s == UINT64_MAX ? UINT64_MAX : AT_S(change_s)))
		fail_msg("%s at %llu: open %d until %llu", windows, (unsigned long long)at_s, got,
		         (unsigned long long)(change / NS_PER_S));
	got_release(&g);
}

/* Fixed clocks: 1704067200 is Monday 2024-01-01 00:00 UTC. */
static void test_times(void **state)
{
	const uint64_t monday = 1704067200, hour = 3600, day = 24 * hour;
	const char *office = "{zone: UTC, windows: [{days: mon-fri, from: 9:00, to: 17:00}]}";
	const char *night = "{zone: UTC, windows: [{days: fri, from: 22:00, to: 2:00}]}";
	open_is(office, monday, false, monday + 9 * hour);
	open_is(office, monday + 9 * hour, true, monday + 17 * hour);
	open_is(office, monday + 17 * hour - 1, true, monday + 17 * hour);
	open_is(office, monday + 17 * hour, false, monday + day + 9 * hour);
	open_is(office, monday + 5 * day, false, monday + 7 * day + 9 * hour);
	open_is(night, monday + 4 * day + 22 * hour, true, monday + 5 * day + 2 * hour);
	open_is(night, monday + 5 * day + hour, true, monday + 5 * day + 2 * hour);
	open_is(night, monday + 4 * day + hour, false, monday + 4 * day + 22 * hour);
	/* Windows that touch are one. */
	open_is("{zone: UTC, windows: [{days: mon, from: 12:00}, {days: tue, to: 6:00}]}",
	        monday + 13 * hour, true, monday + 30 * hour);
	open_is("{zone: UTC, windows: [{from: 12:00, to: 24:00}, {to: 12:00}]}", monday, true,
	        UINT64_MAX);
	open_is("{zone: UTC, windows: []}", monday, false, UINT64_MAX);
	/* From whatever TZ says. */
	setenv("TZ", "Asia/Tokyo", 1);
	open_is(office, monday + 9 * hour, true, monday + 17 * hour);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	unsetenv("TZ");
	open_is(office, monday + 9 * hour, true, monday + 17 * hour);
	assert_null(getenv("TZ"));
}

/* Berlin: 2024-03-31 02:00 becomes 03:00 (1711846800 is 01:00 UTC); 2024-10-27 03:00 becomes 02:00
 * (1729990800 is 01:00 UTC). */
static void test_clock_changes(void **state)
{
	const uint64_t spring = 1711846800, autumn = 1729990800, hour = 3600;
	const char *gap = "{zone: Europe/Berlin, windows: [{from: \"02:15\", to: \"02:45\"}]}";
	const char *night = "{zone: Europe/Berlin, windows: [{from: \"01:00\", to: \"04:00\"}]}";
	struct got g;
	got_read(&g, "squall-policy: 1\ntimes: {zone: Europe/Berlin}\n");
	bool known = g.problems.n == 0;
	got_release(&g);
	if (!known)
		lacks("tzdata", "the zone Europe/Berlin is not known");
	/* The hour that is left out: the window does not come that day. */
	open_is(gap, spring - hour, false, spring + 23 * hour + 15 * 60);
	/* One hour shorter, and one longer: 01:00 to 04:00 is two and four hours. */
	open_is(night, spring - hour, true, spring + hour);
	open_is(night, autumn - 2 * hour, true, autumn + 2 * hour);
	/* The hour that comes twice: the window does too. */
	open_is(gap, autumn - 45 * 60, true, autumn - 15 * 60);
	open_is(gap, autumn + 20 * 60, true, autumn + 45 * 60);
}

static void test_meant(void **state)
{
	static const struct {
		const char *text;
		bool meant;
	} cases[] = {{"squall-policy: 1\n", true},
	             {"# a comment\nfaults: {}\nsquall-policy: 1\n", true},
	             {"{\"squall-policy\": 1}", true},
	             {"squall: 1\ntitle: not a squall-policy\n", false},
	             {"squall: 1\nvars: {squall-policy: 1}\n", false},
	             {"- squall-policy: 1\n", false},
	             {"squall-policy: [", false},
	             {"", false}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(policy_is_meant(cases[i].text, strlen(cases[i].text)),
		                 cases[i].meant);
}

/* What the manual and the schema read. */
static void test_table(void **state)
{
	for (const struct policy_key *k = policy_keys; k->name != NULL; k++) {
		assert_non_null(k->help);
		assert_non_null(k->example);
		assert_true(k->help[strlen(k->help) - 1] != '.');
		if (k->kind == POLICY_WORDS || k->kind == POLICY_WORD)
			assert_non_null(k->choices);
		if (strstr(k->name, "[]") != NULL || k->kind == POLICY_LIMITS)
			continue;
		/* Each example is a good value. */
		struct got g;
		char text[400];
		size_t head = strcspn(k->name, ".");
		if (k->name[head] == '.')
			snprintf(text, sizeof(text), "squall-policy: 1\n%.*s: {%s: %s}\n",
			         (int)head, k->name, k->name + head + 1, k->example);
		else if (k->kind == POLICY_VERSION)
			snprintf(text, sizeof(text), "%s: %s\n", k->name, k->example);
		else
			snprintf(text, sizeof(text), "squall-policy: 1\n%s: %s\n", k->name,
			         k->example);
		got_read(&g, text);
		for (size_t i = 0; i < g.problems.n; i++)
			if (strcmp(k->name, "times.zone") != 0)
				fail_msg("%s: %s", text, g.problems.v[i].text);
		got_release(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_empty),    cmocka_unit_test(test_everything),
	        cmocka_unit_test(test_problems), cmocka_unit_test(test_fault_words),
	        cmocka_unit_test(test_times),    cmocka_unit_test(test_clock_changes),
	        cmocka_unit_test(test_meant),    cmocka_unit_test(test_table),
	};
	return cmocka_run_group_tests(tests, catalogue_make, NULL);
}
