/* Folders of runs as they may be found on disk: run.json, then after a line "---" each
 * finding.json, start.json, events.ndjson and owner. Finished as lost, indexed, listed. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "history/active.h"
#include "history/index.h"
#include "history/lost.h"
#include "run/halt.h"

static struct paths paths;
static struct world world;
static int runtime;

void fuzz_begin(void)
{
	fuzz_paths(&paths);
	fuzz_world(&world);
	runtime = dir_open_owned(paths.runtime, geteuid(), true, NULL);
	assert(runtime >= 0);
}

static int row_look(void *ctx, const struct run_row *row)
{
	assert(row->id && row->title && row->verdict && row->why && row->what);
	return 0;
}

static int active_look(void *ctx, const struct run_folder *f, const struct active *a)
{
	return 0;
}

static void file_lay(int dir, const char *name, const char *text)
{
	if (text && text[0])
		assert(file_put(dir, name, text, strlen(text), false, NULL) == 0);
	else
		unlinkat(dir, name, 0);
}

static void lost_told_one(void *ctx, const char *id, const json_t *doc)
{
	assert(json_is_string(json_object_get(doc, "outcome")));
}

void fuzz_one(const char *text, size_t n)
{
	static const char *const names[] = {"run.json",      "finding.json", "start.json",
	                                    "events.ndjson", "owner",        "halt"};
	const struct index_query all = {0};
	struct run_folder f = {.fd = -1};
	struct index *ix = NULL;
	struct halt_files files;
	struct halt halt;
	char path[PATH_CAP + 32];

	snprintf(path, sizeof(path), "%s/20261122-210000-3f9a", paths.runs);
	strcpy(f.id, "20261122-210000-3f9a");
	f.fd = dir_open_owned(path, geteuid(), true, NULL);
	assert(f.fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *part = fuzz_part(&text, &n, "\n---\n");

		file_lay(strcmp(names[i], "halt") == 0 ? runtime : f.fd, names[i], part);
		free(part);
	}
	halt_files(&paths, false, &files);
	(void)halt_read(&files, &halt);
	(void)!active_each(&world, &paths, active_look, NULL, NULL);
	(void)!lost_finish_all(&world, &paths, lost_told_one, NULL, NULL);
	/* the database of the time before is no part of this input */
	snprintf(path, sizeof(path), "%s/history.db", paths.state);
	unlink(path);
	assert(index_open(&paths, &ix, NULL) == 0);
	assert(index_each(ix, &all, row_look, NULL, NULL) == 0);
	index_close(ix);
	run_folder_close(&f);
}
