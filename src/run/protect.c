/* Who is never harmed by chance. */
#include "run/protect.h"

#include <stdlib.h>
#include <string.h>

void protect_init(struct protect *p, const struct world *w, const struct proc_id *self,
                  size_t self_n)
{
	struct proc_stat st;
	pid_t pid = 0;
	BUF(link, 32);

	*p = (struct protect){.self = self, .self_n = self_n};
	/* The world's own word for the caller, so that a recorded machine has one too. */
	if (world_readlink(w, "/proc/self", &link, NULL) == 0)
		pid = (pid_t)strtol(link.data, NULL, 10);
	while (pid > 0 && p->above_n < PROTECT_ABOVE_MAX &&
	       proc_stat_read(w, pid, &st, NULL) == 0) {
		if (p->above_n == 0)
			p->session = st.session;
		p->above[p->above_n++] = pid;
		pid = st.ppid;
	}
}

static bool is_program(const struct proc *proc, const char *name)
{
	size_t n = strlen(name);

	return strncmp(proc->comm, name, n) == 0 && (!proc->comm[n] || proc->comm[n] == '-');
}

const char *protect_why(const struct protect *p, const struct proc *proc)
{
	if (proc->id.pid == 1)
		return "is process 1";
	if (proc->kernel)
		return "is a kernel thread";
	if (protect_is_self(p, proc) || is_program(proc, "squall"))
		return "is part of squall";
	if (is_program(proc, "sshd"))
		return "is sshd";
	for (size_t i = 0; i < p->above_n; i++) {
		if (p->above[i] == proc->id.pid)
			return i ? "is above squall" : "is squall itself";
	}
	if (p->above_n && proc->session == p->session)
		return "is in the caller's session";
	return NULL;
}

bool protect_is_self(const struct protect *p, const struct proc *proc)
{
	for (size_t i = 0; i < p->self_n; i++) {
		if (p->self[i].pid == proc->id.pid && p->self[i].start == proc->id.start)
			return true;
	}
	return false;
}
