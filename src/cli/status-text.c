/* What is active here, as text for people. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "cli/show.h"
#include "cli/status.h"

static const char *member(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static uint64_t number(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void halt_write(struct cli *cli, FILE *to, const json_t *halt)
{
	fprintf(to, "%shalted%s since ", tone_on(cli->colour, TONE_BAD),
	        tone_off(cli->colour, TONE_BAD));
	show_text(to, member(halt, "when"), false);
	fputs(" by ", to);
	show_text(to, member(halt, "by"), false);
	if (member(halt, "reason")[0]) {
		fputs(": ", to);
		show_text(to, member(halt, "reason"), false);
	}
	fprintf(to, "\n  \"squall resume\" allows runs again\n");
}

static void policy_write(struct cli *cli, FILE *to, const json_t *p)
{
	uint64_t rules = number(p, "rules");

	fputs("policy ", to);
	show_text(to, member(p, "file"), false);
	if (member(p, "error")[0]) {
		fprintf(to, ": %sno run may be made%s: ", tone_on(cli->colour, TONE_BAD),
		        tone_off(cli->colour, TONE_BAD));
		show_text(to, member(p, "error"), false);
	} else {
		fprintf(to, ": %llu %s", (unsigned long long)rules,
		        plural((size_t)rules, "rule", "rules"));
		if (!json_is_true(json_object_get(p, "open")))
			fprintf(to, "; %sno runs now%s", tone_on(cli->colour, TONE_WARN),
			        tone_off(cli->colour, TONE_WARN));
		if (member(p, "closes")[0])
			fprintf(to, "; runs may be made until %s", member(p, "closes"));
		if (member(p, "opens")[0])
			fprintf(to, ", until %s", member(p, "opens"));
	}
	fputc('\n', to);
}

static const char *targets_say(struct arena *arena, const json_t *attack)
{
	const json_t *list = json_object_get(attack, "targets");
	const char *first = json_string_value(json_array_get(list, 0));
	size_t n = json_array_size(list);

	if (n < 2)
		return first ? first : "";
	return arena_printf(arena, "%s and %zu more", first ? first : "", n - 1);
}

static void attacks_write(struct cli *cli, struct arena *arena, FILE *to, const json_t *run,
                          uint64_t t)
{
	const json_t *attacks = json_object_get(run, "attacks"), *a;
	const char *id;
	struct table table;

	table_init(&table, arena, 4, 2);
	table.wrap = cli->width;
	json_object_foreach ((json_t *)attacks, id, a) {
		uint64_t since = number(a, "since");
		bool in = strcmp(member(a, "state"), "in") == 0;
		BUF(state, 40);

		buf_add(&state, in ? "in for " : member(a, "state"));
		if (in)
			duration_format_short(&state, t > since ? t - since : 0);
		TABLE_ADD(&table, id, member(a, "fault"), arena_strdup(arena, state.data),
		          targets_say(arena, a));
		table_tone(&table, 2, in ? TONE_WARN : TONE_DIM);
	}
	table_print(&table, to, cli->colour);
}

static void steps_write(struct cli *cli, struct arena *arena, FILE *to, const json_t *run)
{
	const json_t *steps = json_object_get(run, "steps"), *s;
	struct table t;
	size_t i;

	if (!json_array_size(steps)) {
		fputs("  no step is in effect\n", to);
		return;
	}
	table_init(&t, arena, 4, 2);
	t.wrap = cli->width;
	t.head = true;
	TABLE_ADD(&t, "STEP", "OBJECT", "PHASE", "DIES WITH");
	json_array_foreach (steps, i, s) {
		TABLE_ADD(&t, member(s, "step"), member(s, "object"), member(s, "phase"),
		          member(s, "dies-with"));
		table_tone(&t, 2,
		           strcmp(member(s, "phase"), "residue") == 0 ? TONE_BAD : TONE_PLAIN);
	}
	table_print(&t, to, cli->colour);
}

static void run_write(struct cli *cli, struct arena *arena, FILE *to, const json_t *run)
{
	const json_t *abort = json_object_get(run, "abort");
	bool on = cli->colour;
	uint64_t now = clock_boot_ns(), deadline = number(run, "deadline-boot-ns");
	uint64_t t = now - number(run, "started-boot-ns"), until = number(run, "until");
	BUF(left, 32);

	fprintf(to, "%s%s%s  ", tone_on(on, TONE_BOLD), member(run, "id"), tone_off(on, TONE_BOLD));
	show_text(to, member(run, "title"), false);
	fprintf(to, "\n  started %s", member(run, "started"));
	if (member(run, "phase")[0])
		fprintf(to, "; %s", member(run, "phase"));
	if (until > t) {
		duration_format_short(&left, (until - t) / NS_PER_S * NS_PER_S);
		fprintf(to, ", %s left at most", left.data);
	}
	if (deadline > now) {
		buf_reset(&left);
		duration_format_short(&left, (deadline - now) / NS_PER_S * NS_PER_S);
		fprintf(to, "; everything is put back in %s at the latest", left.data);
	}
	fputc('\n', to);
	if (!number(run, "runner"))
		fprintf(to, "  its runner died; the keeper (process %llu) is putting back\n",
		        (unsigned long long)number(run, "keeper"));
	if (abort) {
		fprintf(to, "  %sended early%s by %s: ", tone_on(on, TONE_BAD),
		        tone_off(on, TONE_BAD), member(abort, "by"));
		show_text(to, member(abort, "says"), false);
		if (member(abort, "why")[0]) {
			fputs(": ", to);
			show_text(to, member(abort, "why"), false);
		}
		fputc('\n', to);
	}
	attacks_write(cli, arena, to, run, t);
	steps_write(cli, arena, to, run);
}

void status_write(struct cli *cli, FILE *to, const json_t *status)
{
	struct arena cleanup(arena_release) arena = {.head = NULL};
	const json_t *v;
	size_t i, left = (size_t)number(status, "left-behind");

	arena_init(&arena, 16 << 20);
	if (json_object_get(status, "halt"))
		halt_write(cli, to, json_object_get(status, "halt"));
	json_array_foreach (json_object_get(status, "policy"), i, v)
		policy_write(cli, to, v);
	json_array_foreach (json_object_get(status, "runs"), i, v)
		run_write(cli, &arena, to, v);
	if (!json_array_size(json_object_get(status, "runs")))
		fputs("nothing is active\n", to);
	if (left)
		fprintf(to, "%zu %s left behind; \"squall undo\" puts %s back, or says how\n", left,
		        plural(left, "object is", "objects are"), plural(left, "it", "them"));
}

void status_lines(FILE *to, const json_t *status)
{
	const json_t *halt = json_object_get(status, "halt"), *run, *a;
	const char *id;
	size_t i;

	if (halt) {
		fprintf(to, "halted since %s by %s ", member(halt, "when"), member(halt, "by"));
		show_text(to, member(halt, "reason"), false);
		fputc('\n', to);
	}
	json_array_foreach (json_object_get(status, "runs"), i, run) {
		fprintf(to, "%s %s", member(run, "id"), member(run, "phase"));
		json_object_foreach (json_object_get(run, "attacks"), id, a)
			fprintf(to, ", %s %s", id, member(a, "state"));
		fprintf(to, ", %zu in effect", json_array_size(json_object_get(run, "steps")));
		if (json_object_get(run, "abort")) {
			fprintf(to, ", ended early by %s: ",
			        member(json_object_get(run, "abort"), "by"));
			show_text(to, member(json_object_get(run, "abort"), "says"), false);
		}
		fputc('\n', to);
	}
	if (!json_array_size(json_object_get(status, "runs")))
		fputs("nothing is active\n", to);
	if (number(status, "left-behind"))
		fprintf(to, "%llu left behind\n",
		        (unsigned long long)number(status, "left-behind"));
}
