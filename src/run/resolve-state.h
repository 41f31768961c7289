/*
 * resolve-state.h - what the resolver's own files share. Not for anyone else.
 *
 * Owns: the terms of one selector, made ready, while it is resolved.
 */
#ifndef SQUALL_RUN_RESOLVE_STATE_H
#define SQUALL_RUN_RESOLVE_STATE_H

#include "machine/cgroup.h"
#include "machine/container.h"
#include "machine/proc.h"
#include "run/protect.h"
#include "run/resolve-nobody.h"
#include "run/resolve.h"

enum { RESOLVE_TERMS_MAX = 32 };

/* A term, made ready. */
struct term {
	const struct selector_term *said;
	struct proc_query query; /* process.* */
	struct cgroup_of of;     /* cgroup: its paths */
	uint64_t netns;
	const char **dirs; /* unit, container: the folders of those it means */
	size_t dirs_n, dirs_cap;
};

struct resolver {
	const struct world *w;
	const struct selector *s;
	const struct kind *fault; /* NULL: whatever takes a cgroup */
	struct arena *arena;
	struct cgroups groups;
	struct protect protect;
	uint64_t own_netns;
	struct term *terms;
	size_t terms_n;
	bool by_pid;                   /* named by pid: protection is lifted */
	struct containers *containers; /* read at most once; NULL: not yet */
	struct targets out;
	size_t cap;
	size_t hidden; /* processes whose sockets could not be seen */
	struct spared spared;
};

/* resolve.c */
struct target *target_add(struct resolver *r, struct err *err);
bool selector_is(const struct selector_term *t, const char *family); /* "process": process.* too */
/* Noted among those that match and are spared. */
void resolve_spare(struct resolver *r, const char *name, const char *why);

/* resolve-place.c: where something lives */
void place_cgroups(const struct resolver *r, const struct cgroup_of *of, struct target *t);
void place_process(const struct resolver *r, pid_t pid, struct target *t);
/* Traffic of a group flows in the network namespace of its processes. */
void place_netns(const struct resolver *r, pid_t pid, struct target *t);
bool path_is_in(const char *path, const char *group);

/* resolve-group.c: units and containers */
int resolve_groups(struct resolver *r, bool containers, struct err *err) must_use;
/* The folders that a term about units or containers means, for processes that live in them. */
int term_groups(struct resolver *r, struct term *term, struct err *err) must_use;
bool fault_takes(const struct kind *fault, const char *kind);

/* resolve-pick.c */
void pick_targets(struct targets *out, struct pick pick, uint64_t seed);

#endif
