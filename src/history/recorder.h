/*
 * recorder.h - writes each entry of a run to events.ndjson as it happens.
 *
 * Owns: the file. An entry is one write(2), so that another process sees whole lines and a killed
 * runner leaves at most the last one out. Not to be assumed: that the disk has room (it may be the
 * target): entries that could not be written are counted, and the run goes on.
 */
#ifndef SQUALL_HISTORY_RECORDER_H
#define SQUALL_HISTORY_RECORDER_H

#include "history/folder.h"

struct recorder {
	int fd;
	size_t lost; /* entries that could not be written */
	struct listener listener;
};

int recorder_open(struct recorder *, const struct run_folder *, struct err *) must_use;
void recorder_close(struct recorder *);

#endif
