/* priority.c - the nice value of those who end a run. */
#include "base/priority.h"

#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct sched_attr as Linux 3.14 has it; newer C libraries declare one of their own, older none.
 */
struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

bool priority_raise(void)
{
	const struct attributes raised = {
	        .size = sizeof(raised),
	        .policy = SCHED_OTHER,
	        .flags = SCHED_FLAG_RESET_ON_FORK,
	        .nice = PRIORITY_NICE,
	};

	if (getpriority(PRIO_PROCESS, 0) != 0 || sched_getscheduler(0) != SCHED_OTHER)
		return getpriority(PRIO_PROCESS, 0) == PRIORITY_NICE;
	return syscall(SYS_sched_setattr, 0, &raised, 0) == 0;
}
