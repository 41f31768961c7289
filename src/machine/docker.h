/*
 * docker.h - asks the Docker-compatible sockets of a machine; blocks, with a limit.
 *
 * Only HTTP over Unix sockets: what $DOCKER_HOST says otherwise is on another machine as far as
 * anyone can tell, and is refused.
 */
#ifndef SQUALL_MACHINE_DOCKER_H
#define SQUALL_MACHINE_DOCKER_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/world.h"

enum { DOCKER_SOCKETS_MAX = 8 };
struct docker_sockets {
	const char *v[DOCKER_SOCKETS_MAX]; /* those that are there */
	size_t n;
	char looked[300]; /* where they were looked for, for people */
};

/* -EINVAL: $DOCKER_HOST is not a Unix socket. */
int docker_sockets(const struct world *w, struct arena *a, struct docker_sockets *to,
                   struct err *err) must_use;
/* GET of a path; a new document, or NULL with err: -EACCES (with a remedy), -ECONNREFUSED,
 * -ETIMEDOUT, -ENOENT (status 404), -EPROTO. */
json_t *docker_get(const struct world *w, const char *socket, const char *path, uint64_t limit_ns,
                   struct err *err);

#endif
