/* The record of a run, told again: the head on the first line, then an entry a line; and every
 * report of it. */
#include "fuzz.h"

#include <stdio.h>

#include "history/index.h"
#include "tell/progress.h"
#include "tell/report.h"

static FILE *sink;

static void sink_close(void)
{
	fclose(sink);
}

void fuzz_begin(void)
{
	sink = fopen("/dev/null", "we");
	assert(sink && atexit(sink_close) == 0);
}

static void reports_write(const json_t *doc)
{
	static const enum report_format formats[] = {REPORT_TEXT, REPORT_MARKDOWN, REPORT_JSON};
	const struct report_options options = {.folder = "/var/lib/squall/runs/x", .width = 60};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		assert(report_write(doc, formats[i], &options, sink, NULL) == 0);
	(void)finding_of(doc);
}

static void entries_tell(struct rundoc *run, const char *text, size_t n)
{
	static const enum progress_style styles[] = {PROGRESS_PLAIN, PROGRESS_LIVE, PROGRESS_JSON};
	struct progress *v[ARRAY_SIZE(styles)];

	for (size_t i = 0; i < ARRAY_SIZE(styles); i++) {
		v[i] = progress_new(sink, styles[i], i == 1, NULL);
		assert(v[i] && rundoc_listen(run, (struct listener){progress_told, v[i]}) == 0);
	}
	for (char *line; (line = fuzz_part(&text, &n, "\n"));) {
		rundoc_tell(run, json_loads(line, 0, NULL));
		free(line);
	}
	progress_tick(v[1], run->started_boot_ns + 1000000000u);
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++)
		progress_free(v[i]);
	run->listeners_n = 0;
}

void fuzz_one(const char *text, size_t n)
{
	char *line = fuzz_part(&text, &n, "\n");
	json_t *head = line ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;
	struct err err = ERR_INIT;
	struct rundoc *run = head ? rundoc_load(head, &err) : NULL;

	assert(run || !head || err.what[0]);
	if (head)
		reports_write(head);
	if (run) {
		entries_tell(run, text, n);
		reports_write(rundoc_document(run));
	}
	rundoc_free(run);
	json_decref(head);
	free(line);
}
