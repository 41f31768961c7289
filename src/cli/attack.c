/* squall attack: one fault by hand, with the same safety as a run. */
#include <errno.h>
#include <stdio.h>

#include "cli/go.h"
#include "cli/load.h"
#include "cli/show.h"
#include "fault/fault.h"

struct attack_args {
	struct text_list targets, reports, allow;
	const char *pick;
	uint64_t for_ns, seed;
	bool dry_run, json;
};

static int attack_main(struct cli *cli, const void *args)
{
	const struct attack_args *a = args;
	struct go g = {
	        .seed = a->seed, .json = a->json, .dry_run = a->dry_run, .reports = a->reports};
	struct problems problems;
	struct err err = ERR_INIT;
	enum exit_code code = EXIT_HELD;
	unsigned allow = 0;
	bool stop = false;

	if (allow_parse(&a->allow, &allow, &err) < 0)
		return show_err(&err, EXIT_USAGE);
	if (reports_check(&a->reports, &err) < 0)
		return show_err(&err, exit_of(err.code));
	if (!a->for_ns && !cli->sub->instant) {
		(void)err_set(&err, -EINVAL, "\"--for\" is missing");
		(void)err_hint(&err, -EINVAL, "Say how long %s is to last, such as \"--for 30s\".",
		               cli->sub->name);
		return show_err(&err, EXIT_USAGE);
	}
	problems_init(&problems, &cli->arena);
	g.x = experiment_from_attack(cli->sub->name, cli->with, cli->with_n, a->targets.v,
	                             a->targets.n, a->pick, a->for_ns, allow, &cli->catalogue,
	                             &problems);
	if (!g.x || problems.errors)
		code = show_params_problems(cli, "attack", &problems);
	if (code == EXIT_HELD && !a->dry_run)
		code = go_ready(cli);
	if (code == EXIT_HELD)
		code = go(cli, &g, &stop);
	experiment_free(g.x);
	return code;
}

static const struct param attack_params[] = {
        {"target", PARAM_LIST, offsetof(struct attack_args, targets),
         .help = "what is hurt: host, process.name=nginx, process.pid=4711, cgroup=/shop, "
                 "netns=blue; a comma is \"and\"",
         .flags = PARAM_REQUIRED},
        {"for", PARAM_DURATION, offsetof(struct attack_args, for_ns),
         .help = "how long, such as 30s; not for faults that are done at once"},
        {"pick", PARAM_TEXT, offsetof(struct attack_args, pick),
         .help = "how many of what matches: 1, 25% or all; left out: 1"},
        {"allow", PARAM_LIST, offsetof(struct attack_args, allow),
         .help = "irreversible, host-wide, control-path: with commas"},
        {"seed", PARAM_COUNT, offsetof(struct attack_args, seed),
         .help = "draws the same targets again"},
        {"dry-run", PARAM_BOOL, offsetof(struct attack_args, dry_run),
         .help = "print the plan; touch nothing"},
        {"report", PARAM_LIST, offsetof(struct attack_args, reports),
         .help = "also write the report here: .json, .md or .txt", .flags = PARAM_PATH},
        {"json", PARAM_BOOL, offsetof(struct attack_args, json),
         .help = "one event a line, as JSON"},
        {0},
};

static const char *const attack_examples[] = {
        "squall attack proc.pause --target process.name=nginx --pick all --for 10s",
        "squall attack cpu.quota --quota 20% --target cgroup=/shop --for 1m",
        "squall attack net.cut --port 6379 --target netns=blue --for 30s --dry-run",
        NULL,
};

const struct cli_command command_attack = {
        .kind = {.name = "attack",
                 .summary = "One fault by hand, with the same safety as a run",
                 .man = "Prints the id of the run first, and stays until the fault is gone; Ctrl-C "
                        "ends it early. \"squall faults\" lists the faults; \"squall attack FAULT "
                        "--help\" shows what one takes.",
                 .params = attack_params,
                 .args_size = sizeof(struct attack_args),
                 .examples = attack_examples},
        .subs = fault_kinds,
        .sub_word = "FAULT",
        .exits = EXITS_ALL,
        .main = attack_main,
};
