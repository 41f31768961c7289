/* sockmark.c - the sockets of a process, taken by pidfd, and their marks. */
#include "base/sockmark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* Linux 5.6 */
#endif

/* As getdents64(2) lays it out; readdir(3) would allocate. */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

uint32_t sockmark_of(pid_t pid)
{
	return (uint32_t)pid % SOCKMARK_MASK + 1;
}

int sockmark_open(const struct world *w, struct proc_id id, struct sockmark_process *to,
                  struct err *err)
{
	_cleanup_fd_ int pidfd = proc_id_open(w, id, err);
	BUF(path, 32);

	if (pidfd < 0)
		return pidfd;
	buf_addf(&path, "/proc/%d/fd", id.pid);
	_cleanup_fd_ int fds = world_openat(w, path.data, O_RDONLY | O_DIRECTORY);
	if (fds == -ENOENT)
		return err_set(err, -ESRCH, "process %d is gone", id.pid);
	if (fds < 0)
		return err_sys(err, -fds, "cannot look at the sockets of process %d", id.pid);
	*to = (struct sockmark_process){.pidfd = fd_take(&pidfd), .fds = fd_take(&fds)};
	return 0;
}

void sockmark_close(struct sockmark_process *p)
{
	fd_close(&p->pidfd);
	fd_close(&p->fds);
}

/* Calls `each` for every entry that is a number. */
static void numbers_each(int dir, void (*each)(void *ctx, int number), void *ctx)
{
	_Alignas(struct entry) char chunk[4096];

	if (lseek(dir, 0, SEEK_SET) < 0)
		return;
	for (;;) {
		long n = syscall(SYS_getdents64, dir, chunk, sizeof(chunk));

		if (n <= 0)
			return;
		for (long at = 0; at < n;) {
			struct entry head;
			const char *name = chunk + at + offsetof(struct entry, name);

			memcpy(&head, chunk + at, sizeof(head));
			if (name[0] >= '0' && name[0] <= '9')
				each(ctx, atoi(name));
			at += head.len;
		}
	}
}

struct walk {
	const struct sockmark_process *p;
	uint32_t mark;
	enum sockmark_deed deed;
	struct sockmark_seen *seen;
};

static bool is_socket(int fds, int number)
{
	char target[16];
	BUF(name, 16);

	buf_addf(&name, "%d", number);
	ssize_t n = readlinkat(fds, name.data, target, sizeof(target));
	return n >= 8 && memcmp(target, "socket:[", 8) == 0;
}

/* The value that is to be there, or the one that is. */
static uint32_t wanted(const struct walk *w, uint32_t bits)
{
	if (w->deed == SOCKMARK_PUT && !bits)
		return w->mark;
	return w->deed == SOCKMARK_CLEAR && bits == w->mark ? 0 : bits;
}

static void socket_do(const struct walk *w, int fd)
{
	uint32_t all = 0, bits, to;
	int domain = 0;
	socklen_t n = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 ||
	    (domain != AF_INET && domain != AF_INET6))
		return;
	w->seen->sockets++;
	n = sizeof(all);
	if (getsockopt(fd, SOL_SOCKET, SO_MARK, &all, &n) < 0) {
		w->seen->refused++;
		return;
	}
	bits = all & SOCKMARK_MASK;
	to = wanted(w, bits);
	all = (all & ~(uint32_t)SOCKMARK_MASK) | to;
	if (to != bits && setsockopt(fd, SOL_SOCKET, SO_MARK, &all, sizeof(all)) < 0) {
		w->seen->refused++;
		to = bits;
	}
	w->seen->marked += to == w->mark;
	w->seen->foreign += to && to != w->mark;
}

static void number_do(void *ctx, int number)
{
	const struct walk *w = ctx;

	if (!is_socket(w->p->fds, number))
		return;
	_cleanup_fd_ int fd = (int)syscall(SYS_pidfd_getfd, w->p->pidfd, number, 0);
	if (fd >= 0)
		socket_do(w, fd);
	else if (errno != EBADF && errno != ESRCH)
		w->seen->refused++;
}

void sockmark_walk(const struct sockmark_process *p, uint32_t mark, enum sockmark_deed deed,
                   struct sockmark_seen *seen)
{
	struct walk w = {.p = p, .mark = mark, .deed = deed, .seen = seen};

	*seen = (struct sockmark_seen){.sockets = 0};
	numbers_each(p->fds, number_do, &w);
}

struct clear {
	const struct world *w;
	uint32_t mark;
};

static void process_clear(void *ctx, int pid)
{
	const struct clear *c = ctx;
	struct sockmark_process p = {.pidfd = -1, .fds = -1};
	struct sockmark_seen seen;
	struct proc_id id;

	if (proc_id_read(c->w, pid, &id, NULL) < 0 || sockmark_open(c->w, id, &p, NULL) < 0)
		return;
	sockmark_walk(&p, c->mark, SOCKMARK_CLEAR, &seen);
	sockmark_close(&p);
}

void sockmark_clear_all(const struct world *w, uint32_t mark)
{
	struct clear c = {.w = w, .mark = mark};
	_cleanup_fd_ int proc = world_openat(w, "/proc", O_RDONLY | O_DIRECTORY);

	if (proc >= 0)
		numbers_each(proc, process_clear, &c);
}
