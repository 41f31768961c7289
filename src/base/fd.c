/* fd.c - descriptors and memory that clean up after themselves. */
#include "base/base.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fd_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
		*fd = -1;
	}
}

int fd_take(int *fd)
{
	int r = *fd;
	*fd = -1;
	return r;
}

void mem_free(void *p)
{
	void *v;
	memcpy(&v, p, sizeof(v));
	free(v);
	v = NULL;
	memcpy(p, &v, sizeof(v));
}
