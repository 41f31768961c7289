/* Small texts of the command line and of the undo log, one a line, which others may have written:
 * selectors, ports, addresses, process ids, patterns, commands, sets of CPUs; objects and states of
 * step types. The first letter of a line says which. */
#include <netinet/in.h>

#include "base/commands.h"
#include "base/cpus.h"
#include "base/held.h"
#include "base/ident.h"
#include "fuzz.h"
#include "io/address.h"
#include "io/regex.h"
#include "machine/sockets.h"
#include "model/experiment.h"
#include "step/nft-encode.h"

enum { ARENA_MAX = 1 << 20 };

void fuzz_begin(void)
{
}

static void selector_check(const char *text)
{
	struct problems problems;
	struct selector s;
	struct arena arena;

	arena_init(&arena, ARENA_MAX);
	problems_init(&problems, &arena);
	if (selector_parse(text, &s, &arena, &problems) == 0)
		assert(problems.errors || s.says);
	arena_release(&arena);
}

static void port_check(const char *text)
{
	struct port p;

	if (port_parse(text, &p, NULL) == 0)
		assert(p.number != 0 && (p.tcp || p.udp));
}

static void address_check(const char *text)
{
	char host[HOST_MAX];
	struct address a;
	uint16_t port;
	BUF(out, 256);

	if (address_split(text, host, &port, NULL) < 0)
		return;
	if (address_literal(host, port, &a))
		address_format(&out, &a);
}

static void process_check(const char *text)
{
	struct proc_id id, again;
	BUF(out, 64);

	if (proc_id_parse(text, &id, NULL) < 0)
		return;
	proc_id_format(&out, id);
	assert(proc_id_parse(out.data, &again, NULL) == 0 && again.pid == id.pid &&
	       again.start == id.start);
}

static void regex_check(const char *text)
{
	struct regex *re = regex_new(text, NULL);

	if (re)
		(void)!regex_matches(re, text, strlen(text));
	regex_free(re);
}

static void cut_check(const char *text)
{
	static _Alignas(8) char batch[NFT_BATCH_MAX];
	struct nft_rules rules;
	struct nft_count none = {0};
	struct nft_queue queue = {.number = 9, .turn = 1};
	size_t n;
	BUF(out, STATE_MAX);

	if (nft_rules_parse(text, &rules, NULL) < 0)
		return;
	/* one spelling of each state */
	assert(nft_rules_format(&rules, &out, NULL) == 0 && strcmp(out.data, text) == 0);
	(void)nft_rules_seen_by_sender(&rules);
	if (nft_encode_put("squall_test_1", &rules, text, NULL, &none, &queue, batch, sizeof(batch),
	                   &n, NULL) == 0)
		assert(n <= sizeof(batch));
}

static void table_check(const char *text)
{
	struct nft_object o;
	BUF(out, OBJECT_MAX);

	if (nft_object_parse(text, &o, NULL) == 0)
		assert(nft_object_format(&o, &out, NULL) == 0 && strcmp(out.data, text) == 0);
}

static void commands_check(const char *text)
{
	size_t n = strlen(text) + 1;
	_cleanup_free_ char *room = malloc(n), *again = malloc(COMMANDS_TEXT);
	struct commands c;
	struct buf out;

	assert(room && again);
	if (commands_parse(text, room, &c, NULL) < 0)
		return;
	buf_init(&out, again, COMMANDS_TEXT);
	commands_format(&c, &out);
	if (!out.over) {
		_cleanup_free_ char *second_room = malloc(out.len + 1),
		                    *second = malloc(COMMANDS_TEXT);
		struct buf twice;

		assert(second_room && second);
		assert(commands_parse(out.data, second_room, &c, NULL) == 0);
		buf_init(&twice, second, COMMANDS_TEXT);
		commands_format(&c, &twice);
		assert(strcmp(out.data, twice.data) == 0);
	}
}

static void cpus_check(const char *text)
{
	struct cpus cpus, again;
	char room[8 * CPUS_MAX];
	struct buf out;

	if (cpus_parse(text, &cpus, NULL) < 0)
		return;
	buf_init(&out, room, sizeof(room));
	cpus_format(&cpus, &out);
	assert(!out.over && cpus_parse(out.data, &again, NULL) == 0 &&
	       memcmp(&cpus, &again, sizeof(cpus)) == 0);
}

static void held_check(const char *text)
{
	struct held_object o;
	BUF(out, OBJECT_MAX);

	if (held_object_parse(text, &o, NULL) == 0)
		assert(held_object_format(&o, &out, NULL) == 0 && strcmp(out.data, text) == 0);
}

/* What every type makes of any object and states, with tabs between; nothing is opened. */
static void step_check(const char *text)
{
	size_t n = strlen(text);
	char *object = fuzz_part(&text, &n, "\t"), *a = fuzz_part(&text, &n, "\t"),
	     *b = fuzz_part(&text, &n, "\t");
	const char *claims[] = {a ? a : "", b ? b : ""};

	for (size_t i = 0; object && step_types[i]; i++) {
		const struct step_type *t = step_types[i];
		BUF(to, STATE_MAX);
		BUF(hand, 1024);

		(void)step_same(t, claims[0], claims[1]);
		if (t->merge)
			(void)t->merge(object, claims[0], claims, 2, &to, NULL);
		if (t->by_hand)
			t->by_hand(object, claims[0], claims[1], &hand);
	}
	free(object);
	free(a);
	free(b);
}

static void line_check(const char *line)
{
	static const struct {
		char letter;
		void (*check)(const char *);
	} checks[] = {
	        {'s', selector_check}, {'p', port_check},     {'a', address_check},
	        {'i', process_check},  {'r', regex_check},    {'c', cut_check},
	        {'t', table_check},    {'m', commands_check}, {'u', cpus_check},
	        {'h', held_check},     {'o', step_check},
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		if (line[0] == checks[i].letter)
			checks[i].check(line + 1);
}

void fuzz_one(const char *text, size_t n)
{
	for (char *line; (line = fuzz_part(&text, &n, "\n"));) {
		line_check(line);
		free(line);
	}
}
