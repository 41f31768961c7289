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

/* Descriptor 3 is the channel, 4 the page if there is one; nothing else is kept. */
static int descriptors_set(int sock, int page)
{
	int from[2] = {fcntl(sock, F_DUPFD, 10), page < 0 ? -1 : fcntl(page, F_DUPFD, 10)};

	if (from[0] < 0 || dup3(from[0], HELPER_SOCK, O_CLOEXEC) < 0)
		return -errno;
	if (page >= 0 && (from[1] < 0 || dup3(from[1], HELPER_PAGE, O_CLOEXEC) < 0))
		return -errno;
	close_range(page < 0 ? HELPER_PAGE : HELPER_PAGE + 1, ~0u, 0);
	return 0;
}

static void helper_main(const struct helper_type *type, const struct hold *h, pid_t parent,
                        int sock, const char *const *args)
{
	sigset_t none;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	if (h->deadline_ns && deadline_arm(h->deadline_ns, SIGKILL) < 0)
		_exit(1);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	oom_score_set(type->spared ? -1000 : 1000);
	prctl(PR_SET_NAME, "squall-helper");
	if (descriptors_set(sock, h->page) < 0)
		_exit(1);
	_exit(type->main(HELPER_SOCK, args));
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
		helper_main(*table, h, parent, theirs, args);
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
