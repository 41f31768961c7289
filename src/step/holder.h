/*
 * holder.h - orders to the helper that holds an object, and its end.
 *
 * Invariants: nothing is allocated, so both work in a revert. `what` names what is held, for
 * errors: "the nft table".
 */
#ifndef SQUALL_STEP_HOLDER_H
#define SQUALL_STEP_HOLDER_H

#include "step/step.h"

/* Waits for the helper's "ok", or "err CODE TEXT HINT". -EPIPE: it has ended; -ETIMEDOUT. */
int holder_answer(const struct holder *, const char *what, struct err *) must_use;
/* That a message could not be sent, as an error about the helper. */
int holder_unsent(int code, const char *what, struct err *) must_use;
/* Ends the holder by the kernel's hand, which works on a stopped process too, and waits until all
 * that it held is gone. id: who it is, where this process did not start it. -ETIMEDOUT. */
int holder_end(struct hold *, const char *what, uint64_t patience_ns, struct err *) must_use;

#define HOLDER_PATIENCE_NS 2000000000ull

#endif
