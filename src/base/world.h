/*
 * world.h - how code reaches a machine.
 *
 * Owns: a directory descriptor of the machine's root. Invariants: every path is given absolute
 * ("/proc/1/stat") and looked up below that root; on a recorded machine (tests) `fake` answers what
 * is not a file. Not to be assumed: that a world is this machine: code below cli/ never opens an
 * absolute path except through a world.
 */
#ifndef SQUALL_BASE_WORLD_H
#define SQUALL_BASE_WORLD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

/* Recorded answers to what is not a file: key = value lines ("links", "can.nft", "netns.links
 * /run/netns/blue"). */
struct answers {
	size_t n;
	struct answer {
		const char *key, *value;
	} * v;
};

struct world {
	int root;                   /* O_PATH directory descriptor */
	const struct answers *fake; /* NULL on a real machine */
};

int world_open_real(struct world *w, struct err *err) must_use;
void world_close(struct world *w);
bool world_is_real(const struct world *w);
/* The recorded answer, or NULL (always NULL on a real machine). */
const char *world_answer(const struct world *w, const char *key);

/* Opens an absolute path below the root, O_CLOEXEC added; returns the descriptor or a negative
 * errno (errno kept), and fills no err: the caller says what the file was for. What is below
 * "/proc/PID/root/" is found as that process would find it, links included. */
int world_openat(const struct world *w, const char *path, int flags) must_use;
/* Reads a whole small file (to cap-1 bytes), trailing newlines cut. -EFBIG when it does not fit. */
int world_read(const struct world *w, const char *path, struct buf *to, struct err *err) must_use;
int world_readf(const struct world *w, struct buf *to, struct err *err, const char *fmt, ...)
        printf_like(4, 5) must_use;
/* The link's text. */
int world_readlink(const struct world *w, const char *path, struct buf *to,
                   struct err *err) must_use;
/* Inode and device of what the path names (links followed). A recorded machine may answer
 * "inode PATH" with the number that the real one had. */
int world_inode(const struct world *w, const char *path, uint64_t *ino, uint64_t *dev,
                struct err *err) must_use;
bool world_exists(const struct world *w, const char *path);
/* Calls `each` for every entry but . and .. in name order (numbers by value); stops when it returns
 * non-zero, and returns that. */
int world_list(const struct world *w, const char *path, int (*each)(void *ctx, const char *name),
               void *ctx, struct err *err) must_use;

#endif
