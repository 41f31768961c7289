/* squall status: what is active now, here. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "cli/putback.h"
#include "cli/show.h"
#include "history/active.h"
#include "history/halt.h"
#include "undo/undo.h"

struct status_args {
	bool json;
};

struct looking {
	struct cli *cli;
	bool json;
	json_t *runs;
	size_t left; /* objects of dead runs */
};

static const char *dies_with(const struct slot *s)
{
	const struct step_type *type = step_type_find(s->type);

	return type ? step_dies_with(type) : "log";
}

static json_t *steps_json(const struct active *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n; i++) {
		const struct slot *s = &a->slots[i];

		if (slot_phase_is_live((enum slot_phase)s->phase))
			json_array_append_new(list,
			                      json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "step",
			                                s->type, "object", s->object, "phase",
			                                slot_phase_name((enum slot_phase)s->phase),
			                                "was", s->base, "is", s->landed,
			                                "dies-with", dies_with(s)));
	}
	return list;
}

static void show_run(const struct looking *l, const json_t *run, const struct active *a)
{
	struct arena *arena = &l->cli->arena;
	bool on = l->cli->colour;
	uint64_t now = clock_boot_ns();
	const char *title = json_string_value(json_object_get(run, "title"));
	struct table t;

	printf("%s%s%s  ", tone_on(on, TONE_BOLD), a->id, tone_off(on, TONE_BOLD));
	show_text(stdout, title ? title : "", false);
	printf("\n  since %s", json_string_value(json_object_get(run, "started")));
	if (a->has_log && a->head.deadline_ns > now) {
		BUF(left, 32);

		duration_format_short(&left, a->head.deadline_ns - now);
		printf("; everything is put back in %s at the latest", left.data);
	}
	printf("\n");
	if (!a->runner.pid)
		printf("  its runner died; the keeper (process %d) is putting back\n",
		       (int)a->keeper.pid);
	table_init(&t, arena, 4, 2);
	t.wrap = l->cli->width;
	t.head = true;
	TABLE_ADD(&t, "STEP", "OBJECT", "PHASE", "DIES WITH");
	for (size_t i = 0; i < a->n; i++) {
		const struct slot *s = &a->slots[i];

		if (!slot_phase_is_live((enum slot_phase)s->phase))
			continue;
		TABLE_ADD(&t, s->type, s->object, slot_phase_name((enum slot_phase)s->phase),
		          dies_with(s));
		table_tone(&t, 2, s->phase == SLOT_RESIDUE ? TONE_BAD : TONE_PLAIN);
	}
	if (t.n > 1)
		table_print(&t, stdout, on);
	else
		printf("  no step is in effect\n");
}

static int one(void *ctx, const struct run_folder *f, const struct active *a)
{
	struct looking *l = ctx;
	json_t *start = NULL, *run = json_pack("{s:s}", "id", a->id);

	if (run_folder_json(f, "start.json", &start, NULL) == 0) {
		static const char *const keys[] = {"title", "service", "started"};

		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (json_object_get(start, keys[i]))
				json_object_set(run, keys[i], json_object_get(start, keys[i]));
		json_decref(start);
	}
	json_object_set_new(run, "runner", json_integer(a->runner.pid));
	json_object_set_new(run, "keeper", json_integer(a->keeper.pid));
	if (a->has_log) {
		uint64_t now = clock_boot_ns();
		BUF(when, 40);

		clock_format_wall(&when, clock_wall_ns() + a->head.deadline_ns - now);
		json_object_set_new(run, "deadline", json_string(when.data));
	}
	json_object_set_new(run, "steps", steps_json(a));
	if (!l->json)
		show_run(l, run, a);
	json_array_append_new(l->runs, run);
	return 0;
}

static void count(void *ctx, const char *run, const struct slot *s)
{
	struct looking *l = ctx;

	l->left += slot_phase_is_live((enum slot_phase)s->phase);
}

static void show_halt(const struct cli *cli, const struct halt *halt)
{
	printf("%shalted%s since %s by ", tone_on(cli->colour, TONE_BAD),
	       tone_off(cli->colour, TONE_BAD), halt->when);
	show_text(stdout, halt->by, false);
	if (halt->reason[0]) {
		fputs(": ", stdout);
		show_text(stdout, halt->reason, false);
	}
	printf("\n  \"squall resume\" allows runs again\n");
}

static int status_main(struct cli *cli, const void *args)
{
	const struct status_args *a = args;
	struct looking l = {.cli = cli, .json = a->json, .runs = json_array()};
	struct undo_result left = {0};
	struct halt halt;
	struct err err = ERR_INIT;
	json_t *said;
	int ret, halted = halt_read(&cli->paths, &halt, &err);

	if (halted == 1 && !a->json)
		show_halt(cli, &halt);
	ret = halted < 0 ? halted : active_each(&cli->world, &cli->paths, one, &l, &err);
	if (ret == 0)
		ret = undo_list(&cli->world, &cli->paths, count, &l, &left, &err);
	if (ret < 0 && !left.unreadable) {
		json_decref(l.runs);
		return show_err(&err, EXIT_BROKEN);
	}
	if (!a->json) {
		if (!json_array_size(l.runs))
			printf("nothing is active\n");
		if (l.left)
			printf("%zu %s left behind; \"squall undo\" puts %s back, or says how\n",
			       l.left, plural(l.left, "object is", "objects are"),
			       plural(l.left, "it", "them"));
		json_decref(l.runs);
		if (left.unreadable)
			unreadable_show(cli, &err);
		return left.unreadable ? EXIT_BROKEN : EXIT_HELD;
	}
	said = json_pack("{s:b, s:o, s:I}", "halted", halted, "runs", l.runs, "left-behind",
	                 (json_int_t)l.left);
	if (halted)
		json_object_set_new(said, "halt",
		                    json_pack("{s:s, s:s, s:s}", "reason", halt.reason, "by",
		                              halt.by, "when", halt.when));
	json_object_set_new(said, "unreadable", json_integer((json_int_t)left.unreadable));
	show_json(said, false);
	return left.unreadable ? EXIT_BROKEN : EXIT_HELD;
}

static const struct param status_params[] = {
        {"json", PARAM_BOOL, offsetof(struct status_args, json), .help = "as JSON"},
        {0},
};

static const char *const status_examples[] = {
        "squall status",
        "squall status --json",
        "watch -n 1 squall status",
        NULL,
};

const struct cli_command command_status = {
        .kind = {.name = "status",
                 .summary = "Shows what is active now, here",
                 .man = "Each object that a run has changed, by what it would go away without "
                        "squall: with its holder (kernel), with a reboot (boot), or only by "
                        "squall undo (log).",
                 .params = status_params,
                 .args_size = sizeof(struct status_args),
                 .examples = status_examples},
        .exits = EXITS_READ,
        .main = status_main,
};
