/* squall findings: what is to be fixed. */
#include <errno.h>
#include <stdio.h>

#include "cli/show.h"
#include "history/index.h"

struct findings_args {
	const char *close, *why;
	bool all, json;
};

struct listing {
	struct cli *cli;
	struct table table;
	json_t *list;
};

static int add(void *ctx, const struct run_row *row)
{
	struct listing *l = ctx;
	struct arena *arena = &l->cli->arena;
	json_t *o =
	        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "run", row->id, "what", row->what,
	                  "why", row->why, "title", row->title, "service", row->service, "started",
	                  row->started, "status", row->fixed ? "fixed" : "open");

	if (row->fixed) {
		json_object_set_new(o, "closed-why", json_string(row->closed_why));
		json_object_set_new(o, "closed-when", json_string(row->closed_when));
	}
	json_array_append_new(l->list, o);
	TABLE_ADD(
	        &l->table, arena_strdup(arena, row->id), arena_strdup(arena, row->what),
	        row->fixed ? "fixed" : "open",
	        arena_printf(arena, "%s: %s", row->title, row->fixed ? row->closed_why : row->why));
	table_tone(&l->table, 2, row->fixed ? TONE_GOOD : TONE_BAD);
	return 0;
}

static int close_one(struct cli *cli, struct index *index, const struct findings_args *a)
{
	_cleanup_run_folder_ struct run_folder f = {.fd = -1};
	struct err err = ERR_INIT;
	int ret;

	if (!a->why || !a->why[0]) {
		(void)err_set(&err, -EINVAL, "cannot close a finding without a reason");
		(void)err_hint(&err, -EINVAL, "Say what was fixed with --why.");
		return show_err(&err, EXIT_USAGE);
	}
	ret = run_folder_find(&cli->paths, a->close, &f, &err);
	if (ret == 0)
		ret = index_close_finding(index, &f, a->why, &err);
	if (ret < 0)
		return show_err(&err, ret == -ENOENT || ret == -EINVAL ? EXIT_USAGE : EXIT_BROKEN);
	if (a->json)
		show_json(json_pack("{s:s, s:s}", "run", f.id, "status", "fixed"), false);
	else
		printf("%s: fixed\n", f.id);
	return EXIT_HELD;
}

static int list(struct cli *cli, struct index *index, const struct findings_args *a)
{
	struct index_query query = {.findings = true, .open = !a->all};
	struct listing l = {.cli = cli, .list = json_array()};
	struct err err = ERR_INIT;
	int code = EXIT_HELD;

	table_init(&l.table, &cli->arena, 4, 0);
	l.table.wrap = cli->width;
	l.table.head = true;
	TABLE_ADD(&l.table, "RUN", "WHAT", "STATUS", "WHY");
	if (index_each(index, &query, add, &l, &err) < 0)
		code = (int)show_err(&err, EXIT_BROKEN);
	else if (a->json)
		show_json(json_incref(l.list), false);
	else if (l.table.n > 1)
		table_print(&l.table, stdout, cli->colour);
	else
		printf("no %sfindings\n", a->all ? "" : "open ");
	json_decref(l.list);
	return code;
}

static int findings_main(struct cli *cli, const void *args)
{
	const struct findings_args *a = args;
	struct index *index = NULL;
	struct err err = ERR_INIT;
	int code;

	if (index_open(&cli->paths, &index, &err) < 0)
		return show_err(&err, EXIT_BROKEN);
	code = a->close ? close_one(cli, index, a) : list(cli, index, a);
	index_close(index);
	return code;
}

static const struct param findings_params[] = {
        {"close", PARAM_TEXT, offsetof(struct findings_args, close),
         .help = "the run whose finding is fixed: its id, the beginning of it, or \"last\""},
        {"why", PARAM_TEXT, offsetof(struct findings_args, why), .help = "what was fixed, and how"},
        {"all", PARAM_BOOL, offsetof(struct findings_args, all), .help = "also what is fixed"},
        {"json", PARAM_BOOL, offsetof(struct findings_args, json), .help = "as JSON"},
        {0},
};

static const char *const findings_examples[] = {
        "squall findings",
        "squall findings --close last --why \"time-out of the cache client set to 200ms\"",
        "squall findings --all --json",
        NULL,
};

const struct cli_command command_findings = {
        .kind = {.name = "findings",
                 .summary = "Lists what is to be fixed",
                 .man = "A finding is a run that was refuted, aborted, lost or without effect, or "
                        "that left residue. It is open until a person says what was fixed.",
                 .params = findings_params,
                 .args_size = sizeof(struct findings_args),
                 .examples = findings_examples},
        .exits = EXITS_READ,
        .main = findings_main,
};
