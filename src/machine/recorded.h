/*
 * recorded.h - a machine in one text file, to plan and to test against without touching a real one.
 *
 * Owns: a temporary folder with the machine's files, removed by recorded_close, and the answers.
 * Invariants: nothing is written outside that folder, whatever the file says; r->world is good
 * until recorded_close, and r must not be moved before. The text:
 *
 *	squall machine 1
 *	# what has no file: asked for by name (base/world.h)
 *	answer links /proc/self/ns/net = lo eth0
 *	# inode numbers, which the temporary folder cannot give
 *	inode /run/netns/blue = 4026532201
 *	dir /proc/812/fd
 *	link /proc/812/exe = /usr/sbin/nginx
 *	# content without a newline at its end; \n, \t, \0 and \\ are understood
 *	text /proc/812/cmdline = nginx\0-g\0daemon off;\0
 *	# content by lines, each after one tab
 *	file /proc/812/cgroup
 *		0::/shop
 *
 * Folders above a path are made as needed. A path that is given twice is an error.
 */
#ifndef SQUALL_MACHINE_RECORDED_H
#define SQUALL_MACHINE_RECORDED_H

#include "base/world.h"

enum { RECORDED_MAX_BYTES = 8 << 20 };

struct recorded {
	struct world world;
	struct answers answers;
	char *text;      /* the file; answers point into it */
	char folder[64]; /* "" when there is none */
};

/* -EINVAL: not a machine file (err names file and line); -EFBIG: over RECORDED_MAX_BYTES; or what
 * opening the file and making the folder said. */
int recorded_open(struct recorded *r, const char *path, struct err *err) must_use;
/* Removes the folder. Good for one that was never opened, if zeroed. */
void recorded_close(struct recorded *r);

#endif
