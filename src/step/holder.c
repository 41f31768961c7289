/* holder.c - orders to the helper that holds an object, and its end. */
#include "step/holder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/wire.h"

static int holder_lost(const char *what, struct err *err)
{
	return err_set(err, -EPIPE, "helper that holds %s has ended", what);
}

int holder_unsent(int code, const char *what, struct err *err)
{
	return code == -EPIPE
	               ? holder_lost(what, err)
	               : err_sys(err, -code, "could not order the helper that holds %s", what);
}

int holder_answer(const struct holder *holder, const char *what, struct err *err)
{
	struct wire m;
	const char *argv[WIRE_ARGS];
	struct pollfd p = {.fd = holder->sock, .events = POLLIN};
	struct timespec patience = {.tv_sec = (time_t)(HOLDER_PATIENCE_NS / 1000000000ull)};
	int n;
	do
		n = ppoll(&p, 1, &patience, NULL);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return err_set(err, -ETIMEDOUT, "helper that holds %s did not answer", what);
	if (n < 0 || wire_recv(holder->sock, &m, false) < 0)
		return holder_lost(what, err);
	n = wire_split(&m, argv);
	if (n == 1 && strcmp(argv[0], "ok") == 0)
		return 0;
	int code = n == 4 && strcmp(argv[0], "err") == 0 ? atoi(argv[1]) : 0;
	if (code >= 0)
		return err_set(err, -EPROTO, "helper that holds %s gave no clear answer", what);
	(void)err_set(err, code, "%s", argv[2]);
	return argv[3][0] ? err_hint(err, code, "%s", argv[3]) : code;
}

int holder_end(struct hold *h, const char *what, uint64_t patience_ns, struct err *err)
{
	_cleanup_fd_ int found = -1;
	int fd = h->holder.pidfd;
	siginfo_t info;
	if (fd < 0 && h->holder.id.pid > 0) {
		found = proc_id_open(h->world, h->holder.id, err);
		if (found < 0 && found != -ESRCH)
			return found;
		fd = found;
	}
	fd_close(&h->holder.sock);
	if (fd < 0)
		return 0;
	int code = pidfd_signal(fd, SIGKILL);
	if (code < 0 && code != -ESRCH)
		return err_sys(err, -code, "could not end the helper that holds %s", what);
	if (hold_wait_gone(h, fd, patience_ns) < 0)
		return err_set(err, -ETIMEDOUT, "helper %d that holds %s does not end",
		               h->holder.id.pid, what);
	/* Reaped where it is this process's child; elsewhere its parent does. */
	(void)waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG);
	fd_close(&h->holder.pidfd);
	h->holder.id = (struct proc_id){0};
	return 0;
}
