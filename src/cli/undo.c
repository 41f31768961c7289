/* squall undo: puts back what a dead run left. */
#include "undo/undo.h"

#include <stdio.h>

#include "cli/putback.h"
#include "cli/show.h"
#include "history/lost.h"

struct undo_args {
	bool list, json;
};

struct telling {
	struct cli *cli;
	struct table table;
	json_t *steps;
	bool list;
};

static const char *said(const struct telling *t, const struct slot *s)
{
	switch (s->phase) {
	case SLOT_BACK:
		return "back";
	case SLOT_GONE:
		return "gone by itself";
	case SLOT_RESIDUE:
		return t->list ? "to be tried again" : "NOT back";
	case SLOT_DONE:
		return "done, no way back";
	default:
		return t->list ? "to be put back" : slot_phase_name((enum slot_phase)s->phase);
	}
}

static void told(void *ctx, const char *run, const struct slot *s)
{
	struct telling *t = ctx;
	struct arena *arena = &t->cli->arena;
	BUF(hand, 1024);
	json_t *step = json_pack("{s:s, s:s, s:s, s:s, s:s}", "run", run, "step", s->type, "object",
	                         s->object, "phase", slot_phase_name((enum slot_phase)s->phase),
	                         "was", s->base);

	if (s->note[0])
		json_object_set_new(step, "note", json_string(s->note));
	undo_by_hand(s, &hand);
	if (slot_phase_is_live((enum slot_phase)s->phase) && hand.len && !hand.over) {
		json_object_set_new(step, "by-hand", json_string(hand.data));
		if (!t->list)
			residue_show(s->type, s->object, s->note, hand.data);
	}
	json_array_append_new(t->steps, step);
	TABLE_ADD(&t->table, arena_strdup(arena, run), arena_strdup(arena, s->type),
	          arena_strdup(arena, s->object), said(t, s), arena_strdup(arena, s->note));
	table_tone(&t->table, 3, s->phase == SLOT_RESIDUE ? TONE_BAD : TONE_GOOD);
}

static void tell_sum(const struct undo_result *r, bool list)
{
	if (!r->back && !r->gone && !r->residue && !r->runs && !r->unreadable)
		printf("nothing was left behind\n");
	else if (list && r->runs)
		printf("%zu %s left something; nothing was touched\n", r->runs,
		       plural(r->runs, "run", "runs"));
	else if (!list)
		printf("%zu put back, %zu gone by themselves, residue: %zu\n", r->back, r->gone,
		       r->residue);
	if (r->alive)
		printf("%zu %s still active and left alone; \"squall halt\" ends %s\n", r->alive,
		       plural(r->alive, "run is", "runs are"), plural(r->alive, "it", "them"));
	if (r->unreadable)
		printf("%zu undo %s could not be read\n", r->unreadable,
		       plural(r->unreadable, "log", "logs"));
}

static int undo_main(struct cli *cli, const void *args)
{
	const struct undo_args *a = args;
	struct telling t = {.cli = cli, .steps = json_array(), .list = a->list};
	struct undo_result r = {0};
	struct err err = ERR_INIT, lost = ERR_INIT;
	int ret, code = EXIT_HELD;

	table_init(&t.table, &cli->arena, 5, 0);
	t.table.wrap = cli->width;
	t.table.head = true;
	TABLE_ADD(&t.table, "RUN", "STEP", "OBJECT", "NOW", "NOTE");
	ret = a->list ? undo_list(&cli->world, &cli->paths, told, &t, &r, &err)
	              : undo_all(&cli->world, &cli->paths, told, &t, &r, &err);
	if (ret < 0 && !r.unreadable)
		code = (int)show_err(&err, EXIT_BROKEN);
	else if (r.residue && !a->list)
		code = EXIT_RESIDUE;
	if (!a->list && lost_finish_all(&cli->world, &cli->paths, NULL, NULL, &lost) < 0)
		show_err(&lost, EXIT_BROKEN);
	if (a->json) {
		show_json(json_pack("{s:O, s:I, s:I, s:I, s:I, s:I}", "steps", t.steps, "back",
		                    (json_int_t)r.back, "gone", (json_int_t)r.gone, "residue",
		                    (json_int_t)r.residue, "alive", (json_int_t)r.alive,
		                    "unreadable", (json_int_t)r.unreadable),
		          false);
	} else if (ret == 0 || r.unreadable) {
		if (t.table.n > 1)
			table_print(&t.table, stdout, cli->colour);
		tell_sum(&r, a->list);
	}
	if (r.unreadable) {
		unreadable_show(cli, &err);
		code = code == EXIT_HELD ? EXIT_BROKEN : code;
	}
	json_decref(t.steps);
	return code;
}

static const struct param undo_params[] = {
        {"list", PARAM_BOOL, offsetof(struct undo_args, list),
         .help = "only say what would be done"},
        {"json", PARAM_BOOL, offsetof(struct undo_args, json), .help = "as JSON"},
        {0},
};

static const char *const undo_examples[] = {
        "squall undo",
        "squall undo --list",
        "squall undo --json",
        NULL,
};

const struct cli_command command_undo = {
        .kind = {.name = "undo",
                 .summary = "Puts back what a dead run left",
                 .man = "Every command that may act does this first. A run that still lives is "
                        "left alone. What cannot be put back is named, with the command that a "
                        "person can paste.",
                 .params = undo_params,
                 .args_size = sizeof(struct undo_args),
                 .examples = undo_examples},
        .exits = EXITS_READ | EXIT_BIT(EXIT_RESIDUE),
        .main = undo_main,
};
