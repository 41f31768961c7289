/* squall status: what is active now, here. */
#include "cli/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "cli/putback.h"
#include "cli/show.h"
#include "history/active.h"
#include "undo/undo.h"

enum { EVENTS_MAX = 64 << 20 };

struct status_args {
	bool json, watch;
};

struct looking {
	json_t *runs;
	size_t left; /* objects of dead runs */
};

static json_t *steps_json(const struct active *a)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->n; i++) {
		const struct slot *s = &a->slots[i];
		const struct step_type *type = step_type_find(s->type);

		if (slot_phase_is_live((enum slot_phase)s->phase))
			json_array_append_new(
			        list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "step", s->type,
			                        "object", s->object, "phase",
			                        slot_phase_name((enum slot_phase)s->phase), "was",
			                        s->base, "is", s->landed, "dies-with",
			                        type ? step_dies_with(type) : "log"));
	}
	return list;
}

static const char *member(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* One entry of the record, folded into what is shown of the run. */
static void entry_take(json_t *run, const json_t *e)
{
	const char *type = member(e, "type");
	json_t *attacks = json_object_get(run, "attacks"), *a;

	if (strcmp(type, "phase") == 0) {
		json_object_set(run, "phase", json_object_get(e, "phase"));
		if (json_object_get(e, "until"))
			json_object_set(run, "until", json_object_get(e, "until"));
		else
			json_object_del(run, "until");
	} else if (strcmp(type, "targets") == 0) {
		json_object_set_new(attacks, member(e, "attack"),
		                    json_pack("{s:s, s:O}", "state", "waits", "targets",
		                              json_object_get(e, "targets")));
	} else if (strcmp(type, "attack-in") == 0 || strcmp(type, "attack-out") == 0 ||
	           strcmp(type, "attack-failed") == 0) {
		a = json_object_get(attacks, member(e, "attack"));
		json_object_set(a, "fault", json_object_get(e, "fault"));
		json_object_set_new(a, "state", json_string(type + strlen("attack-")));
		if (strcmp(type, "attack-in") == 0 && !json_object_get(a, "since"))
			json_object_set(a, "since", json_object_get(e, "t"));
	} else if (strcmp(type, "abort") == 0) {
		json_object_set_new(run, "abort",
		                    json_pack("{s:s, s:s, s:s}", "by", member(e, "by"), "says",
		                              member(e, "says"), "why", member(e, "why")));
	}
}

/* What the runner has written so far; a torn last line is left out, looks are passed over. */
static void events_take(json_t *run, const struct run_folder *f)
{
	static const char look[] = "\"type\":\"look\"";
	_cleanup_free_ char *text = NULL;
	size_t n;

	if (file_take(f->fd, "events.ndjson", EVENTS_MAX, &text, &n, NULL) < 0)
		return;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_t *e = memmem(line, (size_t)(end - line), look, sizeof(look) - 1)
		                    ? NULL
		                    : json_loadb(line, (size_t)(end - line), 0, NULL);

		if (e)
			entry_take(run, e);
		json_decref(e);
	}
}

static int one(void *ctx, const struct run_folder *f, const struct active *a)
{
	static const char *const keys[] = {"title", "service", "started", "started-boot-ns"};
	struct looking *l = ctx;
	json_t *start = NULL, *run = json_pack("{s:s, s:{}}", "id", a->id, "attacks");

	if (run_folder_json(f, "start.json", &start, NULL) == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (json_object_get(start, keys[i]))
				json_object_set(run, keys[i], json_object_get(start, keys[i]));
		if (a->has_log) {
			uint64_t wall = (uint64_t)json_integer_value(
			        json_object_get(start, "started-wall-ns"));
			uint64_t boot = (uint64_t)json_integer_value(
			        json_object_get(start, "started-boot-ns"));
			BUF(when, 40);

			clock_format_wall(&when, wall + (a->head.deadline_ns - boot));
			json_object_set_new(run, "deadline", json_string(when.data));
			json_object_set_new(run, "deadline-boot-ns",
			                    json_integer((json_int_t)a->head.deadline_ns));
		}
		json_decref(start);
	}
	events_take(run, f);
	json_object_set_new(run, "runner", json_integer(a->runner.pid));
	json_object_set_new(run, "keeper", json_integer(a->keeper.pid));
	json_object_set_new(run, "steps", steps_json(a));
	json_array_append_new(l->runs, run);
	return 0;
}

static void count(void *ctx, const char *run, const struct slot *s)
{
	struct looking *l = ctx;

	l->left += slot_phase_is_live((enum slot_phase)s->phase);
}

/* The policies that hold, or why no run may be made; and what the halt files say. */
static void owner_take(struct cli *cli, json_t *status)
{
	_cleanup_policies_ struct policies p = {.n = 0};
	struct err err = ERR_INIT;
	json_t *list = json_array();
	struct halt_files files;
	struct halt halt;
	bool halted;

	if (policies_load(&p, &cli->world, &cli->paths, &cli->catalogue, NULL, &err) < 0)
		json_array_append_new(list,
		                      json_pack("{s:s, s:s}", "file", p.path, "error", err.what));
	for (size_t i = 0; i < p.n && !p.path[0]; i++) {
		uint64_t change_ns;
		bool open = policy_open_at(p.v[i], clock_wall_ns(), &change_ns);
		json_t *o = json_pack("{s:s, s:I, s:b}", "file", p.v[i]->path, "rules",
		                      (json_int_t)policy_rules(p.v[i]), "open", (int)open);
		BUF(when, 40);

		if (change_ns != UINT64_MAX) {
			clock_format_wall(&when, change_ns);
			json_object_set_new(o, open ? "closes" : "opens", json_string(when.data));
		}
		json_array_append_new(list, o);
	}
	json_object_set_new(status, "policy", list);
	halt_files(&cli->paths, policies_halt_anyone(&p), &files);
	halted = halt_read(&files, &halt);
	json_object_set_new(status, "halted", json_boolean(halted));
	if (halted)
		json_object_set_new(status, "halt",
		                    json_pack("{s:s, s:s, s:s, s:s}", "reason", halt.reason, "by",
		                              halt.by, "when", halt.when, "file", halt.path));
}

json_t *status_read(struct cli *cli, size_t *unreadable, struct err *err)
{
	struct looking l = {.runs = json_array()};
	struct undo_result left = {0};
	json_t *status = json_object();
	int ret;

	owner_take(cli, status);
	ret = active_each(&cli->world, &cli->paths, one, &l, err);
	if (ret == 0)
		ret = undo_list(&cli->world, &cli->paths, count, &l, &left, err);
	json_object_set_new(status, "runs", l.runs);
	json_object_set_new(status, "left-behind", json_integer((json_int_t)l.left));
	json_object_set_new(status, "unreadable", json_integer((json_int_t)left.unreadable));
	if (unreadable)
		*unreadable = left.unreadable;
	if (ret == 0 || left.unreadable)
		return status;
	json_decref(status);
	return NULL;
}

static int status_main(struct cli *cli, const void *args)
{
	const struct status_args *a = args;
	struct err err = ERR_INIT;
	size_t unreadable = 0;
	json_t *status;

	if (a->watch)
		return (int)status_watch(cli, a->json);
	status = status_read(cli, &unreadable, &err);
	if (!status)
		return show_err(&err, EXIT_BROKEN);
	if (a->json)
		show_json(json_incref(status), false);
	else
		status_write(cli, stdout, status);
	json_decref(status);
	if (unreadable && !a->json)
		unreadable_show(cli, &err);
	return unreadable ? EXIT_BROKEN : EXIT_HELD;
}

static const struct param status_params[] = {
        {"watch", PARAM_BOOL, offsetof(struct status_args, watch),
         .help = "goes on until Ctrl-C: a live view on a terminal, else a line for each change"},
        {"json", PARAM_BOOL, offsetof(struct status_args, json),
         .help = "as JSON; with --watch a document a line, for each change"},
        {0},
};

static const char *const status_examples[] = {
        "squall status",
        "squall status --watch",
        "squall status --json | jq '.runs[].id'",
        NULL,
};

const struct cli_command command_status = {
        .kind = {.name = "status",
                 .summary = "Shows what is active now, here",
                 .man = "The halt, the policies that hold, and each run with its phase, its "
                        "attacks, and each object that it has changed, by what that would go away "
                        "without squall: with its holder (kernel), with a reboot (boot), or only "
                        "by squall undo (log).",
                 .params = status_params,
                 .args_size = sizeof(struct status_args),
                 .examples = status_examples},
        .exits = EXITS_READ,
        .main = status_main,
};
