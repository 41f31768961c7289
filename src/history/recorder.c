/* A listener that appends to events.ndjson. */
#include "history/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void recorder_told(void *ctx, const json_t *entry)
{
	struct recorder *r = ctx;
	char *text = json_dumps(entry, JSON_COMPACT | JSON_REAL_PRECISION(15));
	size_t n = text ? strlen(text) : 0;

	if (!text) {
		r->lost++;
		return;
	}
	text[n] = '\n'; /* in place of the NUL */
	if (write_all(r->fd, text, n + 1) < 0)
		r->lost++;
	free(text);
}

int recorder_open(struct recorder *r, const struct run_folder *f, struct err *err)
{
	int fd = openat(f->fd, "events.ndjson",
	                O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "could not make \"events.ndjson\" of run \"%s\"", f->id);
	*r = (struct recorder){.fd = fd, .listener = {recorder_told, r}};
	return 0;
}

void recorder_close(struct recorder *r)
{
	fd_close(&r->fd);
}
