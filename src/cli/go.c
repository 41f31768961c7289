/* Carries out one experiment from the command line. */
#include "cli/go.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/load.h"
#include "cli/plans.h"
#include "cli/putback.h"
#include "cli/show.h"
#include "history/recorder.h"
#include "run/runner.h"
#include "tell/progress.h"
#include "tell/report.h"

enum exit_code go_ready(struct cli *cli)
{
	_cleanup_policies_ struct policies policies = {.n = 0};
	enum exit_code code = putback(cli, NULL);
	struct err err = ERR_INIT;

	/* What an earlier run left does not stop this one: it was said, with the remedy. */
	if (code != EXIT_HELD && code != EXIT_RESIDUE)
		return code;
	code = policies_take(cli, &cli->world, &policies);
	if (code != EXIT_HELD)
		return code;
	/* The run can be ended all the same, by its own user. */
	if (halt_folder(&cli->paths, policies_halt_anyone(&policies), &err) < 0)
		show_err(&err, EXIT_BROKEN);
	return halted_refuse(cli, &policies);
}

/* Known before the harm, not after it: a report that has nowhere to go. */
static int report_writable(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	BUF(dir, PATH_MAX);

	if (slash)
		buf_add_n(&dir, path, slash == path ? 1 : (size_t)(slash - path));
	else
		buf_add(&dir, ".");
	if (access(path, F_OK) == 0 ? access(path, W_OK) == 0 : access(dir.data, W_OK) == 0)
		return 0;
	(void)err_sys(err, errno, "could not write report \"%s\"", path);
	return err->code = -EINVAL;
}

int reports_check(const struct text_list *reports, struct err *err)
{
	for (size_t i = 0; i < reports->n; i++) {
		enum report_format format;
		int ret = report_format_of_file(reports->v[i], &format, err);

		if (ret < 0)
			return ret;
		ret = report_writable(reports->v[i], err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static uint64_t seed_of(const struct go *g)
{
	uint32_t drawn = 0;

	if (g->seed)
		return g->seed;
	while (!drawn)
		if (getrandom(&drawn, sizeof(drawn), 0) < 0 && errno != EINTR)
			return clock_boot_ns();
	return drawn;
}

static int reports_write(const struct go *g, const json_t *doc, const char *folder, struct err *err)
{
	for (size_t i = 0; i < g->reports.n; i++) {
		const char *path = g->reports.v[i];
		struct report_options options = {.folder = folder};
		enum report_format format;
		FILE *to;
		int ret = report_format_of_file(path, &format, err);

		if (ret < 0)
			return ret;
		to = fopen(path, "we");
		if (!to)
			return err_sys(err, errno, "could not write report \"%s\"", path);
		ret = report_write(doc, format, &options, to, err);
		if (fclose(to) != 0 && ret == 0)
			ret = err_sys(err, errno, "could not write report \"%s\"", path);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* The head of the document goes into the folder before the first event, so that a run whose runner
 * dies can be told. */
static int start(struct cli *cli, const struct go *g, uint64_t seed, struct run_folder *f,
                 struct recorder *recorder, struct err *err)
{
	struct rundoc *head;
	uint64_t wall = clock_wall_ns();
	int ret = run_folder_make(&cli->world, &cli->paths, wall, f, err);

	if (ret < 0)
		return ret;
	head = rundoc_new(f->id, g->x, seed, clock_boot_ns(), wall);
	if (!head)
		return err_sys(err, ENOMEM, "could not start run \"%s\"", f->id);
	ret = run_folder_start(f, g->text, g->n, rundoc_document(head), err);
	rundoc_free(head);
	return ret < 0 ? ret : recorder_open(recorder, f, err);
}

static int drive(struct cli *cli, const struct go *g, const struct policies *policies,
                 uint64_t seed, const struct run_folder *f, struct recorder *recorder,
                 struct rundoc **run, struct err *err)
{
	enum progress_style style = g->json ? PROGRESS_JSON : progress_style_of(STDOUT_FILENO);
	struct progress *progress = progress_new(stdout, style, cli->colour, g->x);
	struct listener listeners[] = {recorder->listener, {progress_told, progress}};
	struct halt_files halt;
	struct run_options options = {
	        .world = &cli->world,
	        .paths = &cli->paths,
	        .experiment = g->x,
	        .policies = policies,
	        .seed = seed,
	        .run_id = f->id,
	        .run_dir = f->fd,
	        .listeners = listeners,
	        .listeners_n = progress ? 2 : 1,
	        .halt = &halt,
	        .tick = progress ? progress_tick : NULL,
	        .tick_ctx = progress,
	};
	int ret;

	halt_files(&cli->paths, policies_halt_anyone(policies), &halt);
	ret = run_experiment(&options, run, err);
	progress_free(progress);
	return ret;
}

static const char *member(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* A refusal is an error: it goes to standard error, whoever reads the output. */
static void refusal_show(const json_t *doc)
{
	const json_t *events = json_object_get(doc, "events"), *entry;
	size_t i;

	json_array_foreach (events, i, entry) {
		struct err err = ERR_INIT;

		if (strcmp(member(entry, "type"), "refused") != 0)
			continue;
		(void)err_set(&err, -EPERM, "%s", member(entry, "what"));
		(void)err_hint(&err, -EPERM, "%s", member(entry, "hint"));
		show_err(&err, EXIT_REFUSED);
	}
}

static void announce(const struct go *g, const char *id)
{
	if (g->json)
		show_json(json_pack("{s:i, s:s, s:s}", "t", 0, "type", "run", "id", id), true);
	else
		printf("run %s\n", id);
	fflush(stdout);
}

/* After the run: the record, what is left behind, the reports. */
static enum exit_code finish(struct cli *cli, const struct go *g, const struct run_folder *f,
                             struct rundoc *run, size_t lost)
{
	json_t *doc = rundoc_document(run);
	enum exit_code code = (enum exit_code)json_integer_value(json_object_get(doc, "exit"));
	char folder[PATH_CAP + RUN_ID_MAX];
	struct err err = ERR_INIT;

	snprintf(folder, sizeof(folder), "%s/%s", cli->paths.runs, f->id);
	refusal_show(doc);
	residue_show_doc(doc);
	if (lost)
		fprintf(stderr, "squall: %zu %s could not be written to \"%s\"\n", lost,
		        plural(lost, "event", "events"), folder);
	if (run_folder_end(f, doc, &err) < 0 || reports_write(g, doc, folder, &err) < 0) {
		show_err(&err, EXIT_BROKEN);
		if (code != EXIT_RESIDUE)
			code = EXIT_BROKEN;
	}
	if (!g->json)
		printf("\nreport  squall report %s\nfolder  %s\n", f->id, folder);
	fflush(stdout);
	return code;
}

enum exit_code go(struct cli *cli, const struct go *g, bool *stop)
{
	_cleanup_run_folder_ struct run_folder f = {.fd = -1};
	_cleanup_policies_ struct policies policies = {.n = 0};
	struct recorder recorder = {.fd = -1};
	struct rundoc *run = NULL;
	struct err err = ERR_INIT;
	uint64_t seed = seed_of(g);
	enum exit_code code = unbuilt_refuse(g->x);
	const char *by;
	int ret;

	if (code != EXIT_HELD)
		return code;
	if (g->dry_run)
		return plans_show(cli, &cli->world, g->x, seed, g->json);
	code = policies_take(cli, &cli->world, &policies);
	if (code == EXIT_HELD)
		code = halted_refuse(cli, &policies);
	if (code != EXIT_HELD) {
		*stop = true;
		return code;
	}
	ret = start(cli, g, seed, &f, &recorder, &err);
	if (ret == 0) {
		announce(g, f.id);
		ret = drive(cli, g, &policies, seed, &f, &recorder, &run, &err);
	}
	if (ret < 0 || !run) {
		recorder_close(&recorder);
		*stop = true;
		return show_err(&err, EXIT_BROKEN);
	}
	code = finish(cli, g, &f, run, recorder.lost);
	recorder_close(&recorder);
	by = member(json_object_get(run->doc, "abort"), "by");
	*stop = code == EXIT_RESIDUE || code == EXIT_BROKEN || strcmp(by, "signal") == 0 ||
	        strcmp(by, "halt") == 0;
	rundoc_free(run);
	return code;
}
