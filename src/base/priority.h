/*
 * priority.h - the nice value of those who end a run.
 *
 * An abort must not wait behind the load that it is to end.
 */
#ifndef SQUALL_BASE_PRIORITY_H
#define SQUALL_BASE_PRIORITY_H

#include "base/base.h"

enum { PRIORITY_NICE = -10 };

/*
 * Gives this thread the nice value PRIORITY_NICE, and not what it starts: its threads and processes
 * have 0 (SCHED_FLAG_RESET_ON_FORK, sched_setattr(2)). A nice value that somebody chose stays as it
 * is. Without the right (CAP_SYS_NICE, or RLIMIT_NICE) nothing changes. True if it has that value
 * now.
 */
bool priority_raise(void);

#endif
