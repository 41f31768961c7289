/* squall run: carries out experiments. */
#include <errno.h>
#include <stdio.h>

#include "cli/go.h"
#include "cli/load.h"
#include "cli/show.h"

struct run_args {
	struct text_list files, reports, allow;
	struct text_map vars;
	uint64_t seed;
	bool dry_run, json;
};

/* Of several files, the first in this order that any of them gave. */
static enum exit_code worse(enum exit_code a, enum exit_code b)
{
	static const enum exit_code order[] = {EXIT_RESIDUE, EXIT_BROKEN,  EXIT_USAGE,
	                                       EXIT_CANNOT,  EXIT_REFUSED, EXIT_REFUTED,
	                                       EXIT_ABORTED, EXIT_NOTHING, EXIT_HELD};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}

static enum exit_code run_files(struct cli *cli, const struct run_args *a, struct loaded *files)
{
	enum exit_code code = EXIT_HELD;
	bool stop = false;

	for (size_t i = 0; i < a->files.n && !stop; i++) {
		struct go g = {.x = files[i].x,
		               .text = files[i].text,
		               .n = files[i].n,
		               .seed = a->seed,
		               .json = a->json,
		               .dry_run = a->dry_run,
		               .reports = a->reports};

		if (i && !a->json)
			putchar('\n');
		code = worse(code, go(cli, &g, &stop));
	}
	return code;
}

static int run_main(struct cli *cli, const void *args)
{
	const struct run_args *a = args;
	struct loaded *files = arena_alloc(&cli->arena, a->files.n * sizeof(*files));
	enum exit_code code = EXIT_HELD;
	struct err err = ERR_INIT;
	unsigned allow = 0;

	if (!files)
		return show_err(&(struct err){-ENOMEM, "", ""}, EXIT_BROKEN);
	if (allow_parse(&a->allow, &allow, &err) < 0)
		return show_err(&err, EXIT_USAGE);
	if (reports_check(&a->reports, &err) < 0)
		return show_err(&err, exit_of(err.code));
	if (a->reports.n && a->files.n > 1) {
		(void)err_set(&err, -EINVAL, "\"--report\" goes with one file");
		(void)err_hint(&err, -EINVAL, "\"squall report RUN\" writes that of any run.");
		return show_err(&err, EXIT_USAGE);
	}
	/* All files are read before the first is run: a mistake in the last harms nobody. */
	for (size_t i = 0; i < a->files.n; i++)
		code = worse(code, load_good(cli, a->files.v[i], &a->vars, allow, &files[i]));
	if (code == EXIT_HELD && !a->dry_run)
		code = go_ready(cli);
	if (code == EXIT_HELD)
		code = run_files(cli, a, files);
	for (size_t i = 0; i < a->files.n; i++)
		load_release(&files[i]);
	return code;
}

static const struct param run_params[] = {
        {"file", PARAM_LIST, offsetof(struct run_args, files),
         .help = "experiment files, run one after another; \"-\" is standard input",
         .flags = PARAM_REQUIRED | PARAM_POSITIONAL | PARAM_PATH},
        {"dry-run", PARAM_BOOL, offsetof(struct run_args, dry_run),
         .help = "print the plan; touch nothing"},
        {"seed", PARAM_COUNT, offsetof(struct run_args, seed),
         .help = "draws the same targets again; left out: drawn, and written in the report"},
        {"var", PARAM_MAP, offsetof(struct run_args, vars), .help = "a variable of the file"},
        {"allow", PARAM_LIST, offsetof(struct run_args, allow),
         .help = "irreversible, host-wide, control-path: as in the file, with commas"},
        {"report", PARAM_LIST, offsetof(struct run_args, reports),
         .help = "also write the report here: .json, .md or .txt", .flags = PARAM_PATH},
        {"json", PARAM_BOOL, offsetof(struct run_args, json), .help = "one event a line, as JSON"},
        {0},
};

static const char *const run_examples[] = {
        "squall run shop.yaml",
        "squall run --seed 7 --var shop=http://127.0.0.1:8080 --report shop.md shop.yaml",
        "squall run --json examples/*.yaml | jq -r 'select(.type == \"verdict\").verdict'",
        NULL,
};

const struct cli_command command_run = {
        .kind = {.name = "run",
                 .summary = "Carries out experiments: hurts, watches, puts back, reports",
                 .man = "What a dead run left is put back first. Ctrl-C puts everything back "
                        "before it ends the run; so do a halt and every abort condition.",
                 .params = run_params,
                 .args_size = sizeof(struct run_args),
                 .examples = run_examples},
        .exits = EXITS_ALL,
        .main = run_main,
};
