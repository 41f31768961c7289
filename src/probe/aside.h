/*
 * aside.h - reading that may hang, done in a forked process with a time limit.
 *
 * A file on a dead mount, or the command line of a process that is stuck in the kernel, blocks
 * whoever reads it. That must never be the loop: squall has to abort under its own faults. The
 * process reads through the same world and hands a document back.
 */
#ifndef SQUALL_PROBE_ASIDE_H
#define SQUALL_PROBE_ASIDE_H

#include <jansson.h>

#include "base/err.h"
#include "base/world.h"
#include "probe/probe.h"

struct aside;

/* Called in the forked process. A new document, or NULL with err. */
typedef json_t *aside_read(const struct world *, const void *args, struct err *);

/* what: for the error text, 'file "/x"'; borrowed. "seconds" is added to the document. done as for
 * a look. */
int aside_start(struct loop *loop, const struct world *w, aside_read *read, const void *args,
                const char *what, uint64_t due_ns, uint64_t timeout_ns, look_done *done, void *ctx,
                struct aside **out, struct err *err) must_use;
void aside_cancel(struct aside *);

#endif
