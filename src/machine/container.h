/*
 * container.h - the containers that run on this machine.
 *
 * From every Docker-compatible socket that there is (Docker's, Podman's; the machine's and the
 * caller's), and, for what no socket tells, from the names that engines give to cgroups; of those
 * only the id is known. $DOCKER_HOST, where it is set, is the one socket that is asked. A recorded
 * machine answers "docker /containers/json" and "docker /containers/ID/json".
 *
 * Owns nothing; texts are in the caller's arena. Blocks for up to CONTAINER_LIMIT_NS: not for a
 * loop that has something else to do. Not to be assumed: that what a socket says of a process is of
 * this machine; the socket may lead elsewhere (container_is_here).
 */
#ifndef SQUALL_MACHINE_CONTAINER_H
#define SQUALL_MACHINE_CONTAINER_H

#include "base/arena.h"
#include "base/quantity.h"
#include "machine/cgroup.h"

#define CONTAINER_LIMIT_NS (5 * NS_PER_S)
enum { CONTAINER_SHORT = 12 };

struct container {
	const char *id;     /* 64 digits; the name, for an engine that knows no ids */
	const char *name;   /* "": not known */
	const char *image;  /* "": not known */
	const char *labels; /* "\nKEY=VALUE\n…", newlines in values made blanks; "": none */
	const char *socket; /* where it can be asked for; NULL: known by its cgroup only */
	const char *dir;    /* its cgroup, where it was found by that; else NULL */
};

struct containers {
	struct container *v;
	size_t n, cap;
	size_t asked;       /* sockets that answered */
	struct err trouble; /* why the last one did not; code 0: all did */
	char looked[300];   /* where sockets were looked for */
};

/* A silent or forbidden socket is no failure: see trouble. In name order. */
int containers_read(const struct world *w, const struct cgroups *c, struct arena *a,
                    struct containers *to, struct err *err) must_use;
/* field: id (any beginning of it), name, image (with or without tag and registry), label ("app",
 * "app=shop"); glob patterns allowed. */
bool container_matches(const struct container *c, const char *field, const char *value);
/* Its main process, as the engine says, or by its cgroup. -ENOENT: it runs no more, or not here. */
int container_main(const struct world *w, const struct container *c, struct arena *a, pid_t *pid,
                   struct err *err) must_use;
/* The container that a cgroup's folder belongs to, by the last two parts of its path: its id, or
 * false. */
bool container_of_cgroup(const char *parent, const char *name, char id[128]);

#endif
