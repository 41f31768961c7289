/*
 * netbed.h - two network namespaces with a cable between them, for tests that need root.
 *
 * a: 10.98.0.1 fd98::1, b: 10.98.0.2 fd98::2; device "cable" in both, "lo" up in both. Each is kept
 * by a child of the test and goes with it.
 */
#ifndef SQUALL_TESTS_NETBED_H
#define SQUALL_TESTS_NETBED_H

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

struct netbed {
	pid_t anchor[2];
	char path[2][40];
	uint64_t ino[2];
	int home;
};

static inline void netbed_release(struct netbed *n)
{
	for (int i = 0; i < 2; i++)
		if (n->anchor[i] > 0) {
			kill(n->anchor[i], SIGKILL);
			waitpid(n->anchor[i], NULL, 0);
			n->anchor[i] = 0;
		}
	fd_close(&n->home);
}

static inline int shell(const char *fmt, ...) printf_like(1, 2);
static inline int shell(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	return n < 0 || n >= (int)sizeof(cmd) ? -1 : system(cmd);
}

/* 0, or -1 with the reason on standard error. */
static inline int netbed_init(struct netbed *n)
{
	for (int i = 0; i < 2; i++) {
		int ready[2];
		char c;
		if (pipe2(ready, O_CLOEXEC) < 0)
			return -1;
		n->anchor[i] = fork();
		if (n->anchor[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				pause();
		}
		close(ready[1]);
		bool ok = read(ready[0], &c, 1) == 1;
		close(ready[0]);
		struct stat st;
		snprintf(n->path[i], sizeof(n->path[i]), "/proc/%d/ns/net", n->anchor[i]);
		if (!ok || stat(n->path[i], &st) < 0)
			return -1;
		n->ino[i] = st.st_ino;
	}
	n->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (n->home < 0 ||
	    shell("nsenter --net=%s sh -c 'ip link set lo up && ip link add cable type veth peer "
	          "name cable netns %d && ip link set cable up && ip addr add 10.98.0.1/24 dev "
	          "cable && ip addr add fd98::1/64 dev cable nodad'",
	          n->path[0], n->anchor[1]) ||
	    shell("nsenter --net=%s sh -c 'ip link set lo up && ip link set cable up && ip addr "
	          "add 10.98.0.2/24 dev cable && ip addr add fd98::2/64 dev cable nodad'",
	          n->path[1]))
		return -1;
	/* IPv6 over the cable is up once its link-local address is. */
	return shell("nsenter --net=%s sh -c 'for i in $(seq 50); do ping -6 -c1 -W1 -q fd98::2 "
	             ">/dev/null 2>&1 && exit 0; ip -6 neigh flush dev cable; sleep 0.1; done; "
	             "exit 0'",
	             n->path[0]);
}

static inline void netbed_enter(const struct netbed *n, int which)
{
	_cleanup_fd_ int fd = open(n->path[which], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		abort();
}

static inline void netbed_leave(const struct netbed *n)
{
	if (setns(n->home, CLONE_NEWNET) < 0)
		abort();
}

#endif
