/* ident.c - a process is (pid, start time), never a bare number. */
#include "base/ident.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the kernel calls whoever has no number here (/proc/sys/kernel/overflowuid). */
enum { UID_NOBODY = 65534 };

int proc_stat_read(const struct world *w, pid_t pid, struct proc_stat *st, struct err *err)
{
	BUF(b, 1024);
	struct proc_stat s = {.pid = pid};
	struct err why = ERR_INIT;
	const char *open_paren, *close_paren;
	size_t n;
	int r;

	r = world_readf(w, &b, &why, "/proc/%d/stat", (int)pid);
	if (r == -ENOENT || r == -ESRCH)
		return err_set(err, -ESRCH, "process %d is gone", (int)pid);
	if (r < 0) {
		if (err)
			*err = why;
		return r;
	}
	/* the name is in parentheses and may contain any byte, a parenthesis too */
	open_paren = strchr(b.data, '(');
	close_paren = strrchr(b.data, ')');
	if (!open_paren || !close_paren || close_paren < open_paren)
		return err_set(err, -EBADMSG, "cannot read \"/proc/%d/stat\"", (int)pid);
	n = (size_t)(close_paren - open_paren - 1);
	if (n >= sizeof(s.comm))
		n = sizeof(s.comm) - 1;
	memcpy(s.comm, open_paren + 1, n);
	s.comm[n] = '\0';
	r = sscanf(close_paren + 1,
	           " %c %d %d %d %*d %*d %u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
	           " %*d %*d %*d %*d %*d %*d %" SCNu64,
	           &s.state, &s.ppid, &s.pgrp, &s.session, &s.flags, &s.utime, &s.stime, &s.start);
	if (r != 8)
		return err_set(err, -EBADMSG, "cannot read \"/proc/%d/stat\"", (int)pid);
	*st = s;
	return 0;
}

int proc_id_read(const struct world *w, pid_t pid, struct proc_id *id, struct err *err)
{
	struct proc_stat st = {0};
	int r = proc_stat_read(w, pid, &st, err);

	if (r < 0)
		return r;
	id->pid = pid;
	id->start = st.start;
	return 0;
}

int proc_id_parse(const char *text, struct proc_id *id, struct err *err)
{
	char *end;
	unsigned long pid;
	unsigned long long start;

	if (!isdigit((unsigned char)text[0]))
		return err_set(err, -EINVAL, "\"%s\" is not a process identity", text);
	errno = 0;
	pid = strtoul(text, &end, 10);
	if (errno || pid == 0 || pid > 4194304 || *end != '@' || !isdigit((unsigned char)end[1]))
		return err_set(err, -EINVAL, "\"%s\" is not a process identity", text);
	start = strtoull(end + 1, &end, 10);
	if (errno || *end)
		return err_set(err, -EINVAL, "\"%s\" is not a process identity", text);
	id->pid = (pid_t)pid;
	id->start = start;
	return 0;
}

void proc_id_format(struct buf *to, struct proc_id id)
{
	buf_addf(to, "%d@%llu", (int)id.pid, (unsigned long long)id.start);
}

int pidfd_open_raw(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int proc_id_open(const struct world *w, struct proc_id id, struct err *err)
{
	_cleanup_fd_ int fd = pidfd_open_raw(id.pid);
	struct proc_stat st = {0};
	int r;

	if (fd < 0 && errno == ESRCH)
		return err_set(err, -ESRCH, "process %d is gone", (int)id.pid);
	if (fd < 0)
		return err_sys(err, errno, "could not open process %d", (int)id.pid);
	/* the descriptor pins the process: if the start time still agrees now, it is the one */
	r = proc_stat_read(w, id.pid, &st, err);
	if (r < 0)
		return r;
	if (st.start != id.start || st.state == 'Z' || st.state == 'X')
		return err_set(err, -ESRCH, "process %d is gone", (int)id.pid);
	return fd_take(&fd);
}

bool proc_id_alive(const struct world *w, struct proc_id id)
{
	struct proc_stat st = {0};

	return id.pid > 0 && proc_stat_read(w, id.pid, &st, NULL) == 0 && st.start == id.start &&
	       st.state != 'Z' && st.state != 'X';
}

int pidfd_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int pidfd_wait_gone(int pidfd, uint64_t timeout_ns)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	struct timespec t = {(time_t)(timeout_ns / 1000000000ull),
	                     (long)(timeout_ns % 1000000000ull)};
	int r;

	do
		r = ppoll(&p, 1, &t, NULL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r ? 0 : -ETIMEDOUT;
}

int boot_id_read(const struct world *w, char id[BOOT_ID_MAX], struct err *err)
{
	struct buf b;

	buf_init(&b, id, BOOT_ID_MAX);
	return world_read(w, "/proc/sys/kernel/random/boot_id", &b, err);
}

/* Whether the user namespace is the first one, whose map maps all there is to itself. */
static bool namespace_is_first(void)
{
	static const char whole[] = "0 0 4294967295";
	_cleanup_fd_ int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	char text[128] = "", *word;
	BUF(map, sizeof(text));

	/* a kernel without user namespaces has no map */
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return true;
	for (char *at = text; (word = strtok_r(at, " \n", &at));)
		buf_addf(&map, "%s%s", map.len ? " " : "", word);
	return strcmp(map.data, whole) == 0;
}

bool user_is_root(void)
{
	return geteuid() == 0 && namespace_is_first();
}

bool user_is_borrowed(void)
{
	return getuid() != geteuid() || getgid() != getegid();
}

bool user_is_stranger(uid_t uid)
{
	return uid == UID_NOBODY && !namespace_is_first();
}
