/* shaper-watch.c - ends a shaper that stands still. */
#include "helper/shaper-watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/ident.h"

enum { LOOK_MS = 100, SAME_MOST = 4, SAME_MOST_OBEYING = 29, WATCHED = 3 };

static void watch(const struct shaper_beat *beat)
{
	struct pollfd p = {.fd = WATCHED, .events = POLLIN};
	uint64_t last = 0;
	int same = 0;

	/* readable: it has ended by itself */
	while (poll(&p, 1, LOOK_MS) == 0 || p.revents == 0) {
		uint64_t now = __atomic_load_n(&beat->n, __ATOMIC_RELAXED);
		bool obeys = __atomic_load_n(&beat->obeys, __ATOMIC_RELAXED);

		same = now && now == last ? same + 1 : 0;
		last = now;
		if (same > (obeys ? SAME_MOST_OBEYING : SAME_MOST))
			(void)!pidfd_signal(WATCHED, SIGKILL);
	}
}

static void watch_main(const struct shaper_beat *beat, int watched, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, "squall-watch");
	if (dup3(watched, WATCHED, O_CLOEXEC) < 0)
		_exit(1);
	close_range(WATCHED + 1, ~0u, 0);
	watch(beat);
	_exit(0);
}

int shaper_watch_start(struct shaper_watch *w, struct err *err)
{
	pid_t self = getpid(), pid;
	_cleanup_fd_ int opened = pidfd_open_raw(self);
	/* not the number that it is to have in the child */
	_cleanup_fd_ int me = opened < 0 ? -1 : fcntl(opened, F_DUPFD_CLOEXEC, WATCHED + 1);

	if (me < 0)
		return err_sys(err, errno, "could not open this process by pidfd");
	if (!w->beat) {
		void *p = mmap(NULL, sizeof(*w->beat), PROT_READ | PROT_WRITE,
		               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return err_sys(err, errno, "could not map a page");
		w->beat = p;
	}
	pid = fork();
	if (pid == 0)
		watch_main(w->beat, me, self);
	if (pid < 0)
		return err_sys(err, errno, "could not start a process that watches the shaper");
	w->pidfd = pidfd_open_raw(pid);
	BOUNDARY("shaper: watched");
	return w->pidfd < 0 ? err_sys(err, errno, "could not open a process by pidfd") : 0;
}

void shaper_watch_beat(struct shaper_watch *w)
{
	__atomic_fetch_add(&w->beat->n, 1, __ATOMIC_RELAXED);
}

void shaper_watch_obey(struct shaper_watch *w, bool obeys)
{
	__atomic_store_n(&w->beat->obeys, obeys, __ATOMIC_RELAXED);
}

bool shaper_watch_is_gone(const struct shaper_watch *w)
{
	struct pollfd p = {.fd = w->pidfd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

void shaper_watch_end(struct shaper_watch *w)
{
	siginfo_t info;

	if (w->pidfd < 0)
		return;
	(void)!pidfd_signal(w->pidfd, SIGKILL);
	(void)waitid((idtype_t)P_PIDFD, (id_t)w->pidfd, &info, WEXITED);
	fd_close(&w->pidfd);
}
