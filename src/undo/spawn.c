/* spawn.c - starts a helper that cannot outlive its deadline or its keeper. */
#include "undo/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/boundary.h"

void oom_score_set(int score)
{
	_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", score);

	if (fd >= 0)
		(void)!write(fd, text, (size_t)n);
}

int deadline_arm(uint64_t deadline_ns, int sig)
{
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig};
	struct itimerspec at = {.it_value = {(time_t)(deadline_ns / 1000000000ull),
	                                     (long)(deadline_ns % 1000000000ull)}};
	timer_t timer;

	if (timer_create(CLOCK_BOOTTIME, &ev, &timer) < 0)
		return -errno;
	return timer_settime(timer, TIMER_ABSTIME, &at, NULL) < 0 ? -errno : 0;
}

static void helper_main(const struct helper_type *type, pid_t parent, uint64_t deadline_ns,
                        int sock, const char *const *args)
{
	sigset_t none;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	if (deadline_ns && deadline_arm(deadline_ns, SIGKILL) < 0)
		_exit(1);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	oom_score_set(type->spared ? -1000 : 1000);
	prctl(PR_SET_NAME, "squall-helper");
	if (dup2(sock, 3) < 0)
		_exit(1);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	close_range(4, ~0u, 0);
	_exit(type->main(3, args));
}

int helper_spawn(struct hold *h, const struct helper_type *const *table, const char *kind,
                 const char *const *args, struct err *err)
{
	_cleanup_fd_ int ours = -1, theirs = -1, pidfd = -1;
	pid_t parent = getpid(), pid;
	int s[2], r;

	while (*table && strcmp((*table)->name, kind) != 0)
		table++;
	if (!*table)
		return err_set(err, -ENOENT, "there is no helper \"%s\"", kind);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
		return err_sys(err, errno, "could not make a channel to helper \"%s\"", kind);
	ours = s[0];
	theirs = s[1];
	BOUNDARY("before helper");
	pid = fork();
	if (pid == 0)
		helper_main(*table, parent, h->deadline_ns, theirs, args);
	if (pid < 0)
		return err_sys(err, errno, "could not start helper \"%s\"", kind);
	BOUNDARY("after helper");
	pidfd = pidfd_open_raw(pid);
	if (pidfd < 0) {
		r = -errno;
		kill(pid, SIGKILL); /* our own child, not yet waited for: the number is still its */
		return err_sys(err, r, "could not open helper \"%s\"", kind);
	}
	r = proc_id_read(h->world, pid, &h->holder.id, err);
	if (r < 0) {
		(void)pidfd_signal(pidfd, SIGKILL);
		return r;
	}
	h->holder.pidfd = fd_take(&pidfd);
	h->holder.sock = fd_take(&ours);
	return 0;
}
