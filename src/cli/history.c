/* squall history: the runs of this user, newest first. */
#include <stdio.h>
#include <string.h>

#include "base/quantity.h"
#include "cli/show.h"
#include "history/index.h"
#include "history/lost.h"

struct history_args {
	uint64_t limit;
	const char *service;
	bool json;
};

struct listing {
	struct cli *cli;
	struct table table;
	json_t *list;
};

static enum tone tone_of(int exit)
{
	switch (exit) {
	case EXIT_HELD:
		return TONE_GOOD;
	case EXIT_REFUSED:
	case EXIT_CANNOT:
	case EXIT_USAGE:
	case EXIT_NOTHING:
		return TONE_WARN;
	default:
		return TONE_BAD;
	}
}

static int add(void *ctx, const struct run_row *row)
{
	struct listing *l = ctx;
	struct arena *arena = &l->cli->arena;
	BUF(seconds, 32);

	json_array_append_new(l->list,
	                      json_pack("{s:s, s:s, s:s, s:s, s:f, s:s, s:s, s:s, s:i, s:s}", "id",
	                                row->id, "title", row->title, "service", row->service,
	                                "started", row->started, "seconds", row->seconds, "verdict",
	                                row->verdict, "outcome", row->outcome, "cleanup",
	                                row->cleanup, "exit", row->exit, "why", row->why));
	seconds_format_short(&seconds, row->seconds);
	TABLE_ADD(&l->table, arena_strdup(arena, row->id), arena_strdup(arena, row->verdict),
	          arena_strdup(arena, row->outcome), arena_strdup(arena, row->cleanup),
	          arena_strdup(arena, seconds.data), arena_strdup(arena, row->title));
	table_tone(&l->table, 1, tone_of(row->exit));
	if (strcmp(row->cleanup, "clean") != 0)
		table_tone(&l->table, 3, TONE_BAD);
	return 0;
}

static int history_main(struct cli *cli, const void *args)
{
	const struct history_args *a = args;
	struct index_query query = {.limit = a->limit, .service = a->service};
	struct listing l = {.cli = cli, .list = json_array()};
	struct index *index = NULL;
	struct err err = ERR_INIT;
	int ret = index_open(&cli->paths, &index, &err);

	table_init(&l.table, &cli->arena, 6, 0);
	l.table.wrap = cli->width;
	l.table.head = true;
	TABLE_ADD(&l.table, "RUN", "VERDICT", "OUTCOME", "CLEAN-UP", "TOOK", "TITLE");
	if (ret == 0)
		ret = index_each(index, &query, add, &l, &err);
	index_close(index);
	if (ret < 0) {
		json_decref(l.list);
		return show_err(&err, EXIT_BROKEN);
	}
	if (a->json)
		show_json(json_incref(l.list), false);
	else if (l.table.n > 1)
		table_print(&l.table, stdout, cli->colour);
	else
		printf("no runs yet\n");
	json_decref(l.list);
	return EXIT_HELD;
}

static const struct param history_params[] = {
        {"limit", PARAM_COUNT, offsetof(struct history_args, limit), .dflt = "20",
         .help = "how many, newest first; 0 is all"},
        {"service", PARAM_TEXT, offsetof(struct history_args, service),
         .help = "only runs that count for this service"},
        {"json", PARAM_BOOL, offsetof(struct history_args, json), .help = "as JSON"},
        {0},
};

static const char *const history_examples[] = {
        "squall history",
        "squall history --service shop --limit 50",
        "squall history --limit 0 --json",
        NULL,
};

const struct cli_command command_history = {
        .kind = {.name = "history",
                 .summary = "Lists what was run, newest first",
                 .params = history_params,
                 .args_size = sizeof(struct history_args),
                 .examples = history_examples},
        .exits = EXITS_READ,
        .main = history_main,
};
