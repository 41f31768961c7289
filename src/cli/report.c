/* squall report: one run told to people, with the two key questions answered. */
#include "tell/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/show.h"
#include "history/folder.h"

struct report_args {
	const char *run, *format;
	bool json;
};

static int report_main(struct cli *cli, const void *args)
{
	const struct report_args *a = args;
	_cleanup_run_folder_ struct run_folder f = {.fd = -1};
	char folder[PATH_CAP + RUN_ID_MAX];
	struct report_options options = {.folder = folder,
	                                 .colour = cli->colour,
	                                 .width = cli->width > 120 ? 120 : (unsigned)cli->width};
	enum report_format format;
	struct err err = ERR_INIT;
	json_t *doc = NULL;
	int ret = report_format_parse(a->json ? "json" : a->format, &format, &err);

	if (ret == 0)
		ret = run_folder_find(&cli->paths, a->run, &f, &err);
	if (ret < 0)
		return show_err(&err, ret == -ENOENT || ret == -EINVAL ? EXIT_USAGE : EXIT_BROKEN);
	if (!run_folder_has(&f, "run.json")) {
		(void)err_set(&err, -EBUSY, "run \"%s\" has not ended", f.id);
		(void)err_hint(&err, -EBUSY,
		               "\"squall status\" shows what is active; \"squall undo\" finishes "
		               "a run that died.");
		return show_err(&err, EXIT_USAGE);
	}
	if (run_folder_json(&f, "run.json", &doc, &err) < 0)
		return show_err(&err, EXIT_BROKEN);
	snprintf(folder, sizeof(folder), "%s/%s", cli->paths.runs, f.id);
	ret = report_write(doc, format, &options, stdout, &err);
	json_decref(doc);
	return ret < 0 ? show_err(&err, EXIT_BROKEN) : EXIT_HELD;
}

static const struct param report_params[] = {
        {"run", PARAM_TEXT, offsetof(struct report_args, run), .dflt = "last",
         .help = "the run: its id, the beginning of it, or \"last\"", .flags = PARAM_POSITIONAL},
        {"format", PARAM_ENUM, offsetof(struct report_args, format), .dflt = "text",
         .choices = "text|json|markdown", .help = "how it is written"},
        {"json", PARAM_BOOL, offsetof(struct report_args, json),
         .help = "the same as --format json"},
        {0},
};

static const char *const report_examples[] = {
        "squall report",
        "squall report 20261122-210000-3f9a --format markdown > report.md",
        "squall report last --json",
        NULL,
};

const struct cli_command command_report = {
        .kind = {.name = "report",
                 .summary = "Tells one run: what went wrong, what was not expected",
                 .params = report_params,
                 .args_size = sizeof(struct report_args),
                 .examples = report_examples},
        .exits = EXITS_READ,
        .main = report_main,
};
