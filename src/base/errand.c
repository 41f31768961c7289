/* errand.c - runs a command of the user's. */
#include "base/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ident.h"

enum {
	TICK_MS = 50,
	READ_CHUNK = 4096,
	LAST_READS = 64, /* after the end: what is in the pipe, not what others still write */
	ENV_MAX = 160,
};
#define NS_PER_MS 1000000ull
#define GRACE_NS (500 * NS_PER_MS) /* between SIGTERM and SIGKILL */
#define LOOK_NS (1000 * NS_PER_MS)
#define KILL_NS (2000 * NS_PER_MS) /* a killed command that does not end is left to its fate */

/* Later lists win; `all` has room for ENV_MAX. */
static void env_add(const char *all[], const char *const *add)
{
	for (; add && *add; add++) {
		size_t name = strcspn(*add, "=") + 1, i = 0;

		while (all[i] && strncmp(all[i], *add, name) != 0)
			i++;
		if (i < ENV_MAX - 1)
			all[i] = *add;
	}
}

/* Of whom it was forked may be spared by the OOM killer; it is not. */
static void oom_unspare(void)
{
	_cleanup_fd_ int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	char sign;

	if (fd >= 0 && pread(fd, &sign, 1, 0) == 1 && sign == '-')
		(void)!pwrite(fd, "0", 1, 0);
}

/* In the new process, until the word comes; its descriptors are in place by then. */
static void parked_main(const struct errand *c, pid_t parent, int go, int out, int err, int failed)
{
	static const char *const own[] = {"PATH=" ERRAND_PATH, "LANG=C.UTF-8", NULL};
	const char *env[ENV_MAX] = {NULL};
	int from[] = {open("/dev/null", O_RDONLY | O_CLOEXEC), out, err, go, failed};
	sigset_t none;
	char word;
	int code;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(126);
	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if ((from[i] = fcntl(from[i], F_DUPFD, 10)) < 0)
			_exit(126);
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if (dup2(from[i], (int)i) < 0)
			_exit(126);
	close_range(ARRAY_SIZE(from), ~0u, 0);
	fcntl(3, F_SETFD, FD_CLOEXEC);
	fcntl(4, F_SETFD, FD_CLOEXEC);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	env_add(env, own);
	env_add(env, c->env[0]);
	env_add(env, c->env[1]);
	oom_unspare();
	while (read(3, &word, 1) != 1)
		if (errno != EINTR)
			_exit(0);
	if (chdir(c->dir ? c->dir : "/") == 0) {
		/* where execvpe looks: the process has no other use for its environment */
		(void)setenv("PATH", strchr(env[0], '=') + 1, 1);
		(void)execvpe(c->argv[0], (char *const *)(uintptr_t)c->argv,
		              (char *const *)(uintptr_t)env);
	}
	code = errno;
	(void)!write(4, &code, sizeof(code));
	_exit(127);
}

static void ends_close(int (*ends)[2])
{
	fd_close(&(*ends)[0]);
	fd_close(&(*ends)[1]);
}

int errand_park(const struct errand *c, struct errand_parked *parked, struct err *err)
{
	int cleanup(ends_close) go[2] = {-1, -1};
	int cleanup(ends_close) out[2] = {-1, -1};
	int cleanup(ends_close) says[2] = {-1, -1};
	int cleanup(ends_close) failed[2] = {-1, -1};
	pid_t parent = getpid(), pid;
	int pidfd;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) < 0 ||
	    pipe2(out, O_CLOEXEC) < 0 || pipe2(says, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0)
		return err_sys(err, errno, "could not make a pipe to \"%.160s\"", c->argv[0]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(says[0], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (pid == 0)
		parked_main(c, parent, go[0], out[1], says[1], failed[1]);
	if (pid < 0)
		return err_sys(err, errno, "could not make a process for \"%.160s\"", c->argv[0]);
	pidfd = pidfd_open_raw(pid);
	if (pidfd < 0) {
		int code = err_sys(err, errno, "could not watch \"%.160s\"", c->argv[0]);

		kill(pid, SIGKILL); /* our own child, not yet waited for */
		(void)waitpid(pid, NULL, 0);
		return code;
	}
	*parked = (struct errand_parked){.pid = pid,
	                                 .pidfd = pidfd,
	                                 .go = fd_take(&go[1]),
	                                 .out = fd_take(&out[0]),
	                                 .err = fd_take(&says[0]),
	                                 .failed = fd_take(&failed[0]),
	                                 .leaves = c->leaves};
	return 0;
}

bool errand_is_parked(const struct errand_parked *p)
{
	struct pollfd end = {.fd = p->pidfd, .events = POLLIN};

	return p->pid > 0 && p->go >= 0 && poll(&end, 1, 0) == 0;
}

static void parked_close(struct errand_parked *p)
{
	fd_close(&p->pidfd);
	fd_close(&p->go);
	fd_close(&p->out);
	fd_close(&p->err);
	fd_close(&p->failed);
	p->pid = 0;
}

void errand_unpark(struct errand_parked *p)
{
	if (p->pid <= 0)
		return;
	kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, NULL, 0);
	parked_close(p);
}

/* One line of what a stream carries: the first that says something, or the last. */
struct line {
	char *kept, now[ERRAND_SAYS];
	size_t n;
	bool last;
};

/* What is no UTF-8 is shown as "?": the line goes into documents. */
static void text_mend(char *s)
{
	while (*s) {
		unsigned char c = (unsigned char)*s;
		int more = c < 0x80                ? 0
		           : c >= 0xc2 && c < 0xe0 ? 1
		           : c >= 0xe0 && c < 0xf0 ? 2
		           : c >= 0xf0 && c < 0xf5 ? 3
		                                   : -1;
		int n = 0;

		while (n < more && ((unsigned char)s[n + 1] & 0xc0) == 0x80)
			n++;
		/* overlong forms, surrogates and what lies beyond the last character too */
		if (n != more || (c == 0xe0 && (unsigned char)s[1] < 0xa0) ||
		    (c == 0xed && (unsigned char)s[1] > 0x9f) ||
		    (c == 0xf0 && (unsigned char)s[1] < 0x90) ||
		    (c == 0xf4 && (unsigned char)s[1] > 0x8f)) {
			*s++ = '?';
			continue;
		}
		s += more + 1;
	}
}

static void line_end(struct line *l)
{
	l->now[l->n] = '\0';
	text_mend(l->now);
	if (l->now[strspn(l->now, " \t\r")] && (l->last || !l->kept[0]))
		memcpy(l->kept, l->now, sizeof(l->now));
	l->n = 0;
}

/* Reads what is there; false at its end. */
static bool line_read(struct line *l, int *fd, int chunks)
{
	char chunk[READ_CHUNK];

	while (*fd >= 0 && chunks-- > 0) {
		ssize_t n = read(*fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return true;
		if (n == 0) {
			fd_close(fd);
			return false;
		}
		for (ssize_t i = 0; i < n; i++) {
			/* for people to read, and for a log of single lines */
			unsigned char c = (unsigned char)chunk[i];

			if (c == '\n')
				line_end(l);
			else if (l->n < sizeof(l->now) - 1)
				l->now[l->n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
		}
	}
	return true;
}

/* To the whole group, and to the command in case that it left it. Not yet waited for, its number is
 * its own. */
static void group_signal(pid_t pid, int sig)
{
	(void)kill(-pid, sig);
	(void)kill(pid, sig);
	if (sig != SIGKILL) {
		(void)kill(-pid, SIGCONT);
		(void)kill(pid, SIGCONT);
	}
}

/* Waits for the end. False: not even SIGKILL ended it. */
static bool end_wait(struct errand_parked *p, uint64_t limit_ns, errand_busy *busy, void *ctx,
                     struct errand_end *end, struct line *out, struct line *err)
{
	uint64_t until = clock_boot_ns() + limit_ns;
	int sent = 0;

	for (;;) {
		struct pollfd fds[] = {
		        {p->pidfd, POLLIN, 0}, {p->out, POLLIN, 0}, {p->err, POLLIN, 0}};
		uint64_t now = clock_boot_ns();
		uint64_t left_ms = until > now ? (until - now) / NS_PER_MS + 1 : 0;

		(void)poll(fds, ARRAY_SIZE(fds), left_ms < TICK_MS ? (int)left_ms : TICK_MS);
		(void)line_read(out, &p->out, 1);
		(void)line_read(err, &p->err, 1);
		if (fds[0].revents)
			return true;
		if (busy && busy(ctx) && !sent) {
			end->called_off = true;
			until = 0;
		}
		now = clock_boot_ns();
		if (now < until)
			continue;
		if (sent == SIGKILL)
			return false;
		end->late |= !sent && !end->called_off;
		sent = sent ? SIGKILL : SIGTERM;
		group_signal(p->pid, sent);
		until = now + (sent == SIGKILL ? KILL_NS : GRACE_NS);
	}
}

void errand_go(struct errand_parked *p, uint64_t limit_ns, errand_busy *busy, void *ctx,
               struct errand_end *end)
{
	struct line out = {.kept = end->out}, err = {.kept = end->err, .last = true};
	struct errand_end e = {.exit = -1};
	int status = 0;
	bool ended;

	*end = e;
	(void)!send(p->go, "", 1, MSG_NOSIGNAL);
	fd_close(&p->go);
	ended = end_wait(p, limit_ns, busy, ctx, end, &out, &err);
	if (!p->leaves || end->late || end->called_off)
		(void)kill(-p->pid, SIGKILL);
	(void)line_read(&out, &p->out, LAST_READS);
	(void)line_read(&err, &p->err, LAST_READS);
	line_end(&out);
	line_end(&err);
	if (ended && waitpid(p->pid, &status, 0) == p->pid) {
		if (WIFEXITED(status))
			end->exit = WEXITSTATUS(status);
		else
			end->signal = WTERMSIG(status);
	}
	if (ended && read(p->failed, &end->failed, sizeof(end->failed)) != sizeof(end->failed))
		end->failed = 0;
	parked_close(p);
}

void errand_run(const struct errand *c, uint64_t limit_ns, errand_busy *busy, void *ctx,
                struct errand_end *end)
{
	uint64_t until = clock_boot_ns() + limit_ns, now;
	/* one that only looks says soon that it could not */
	uint64_t give_up = c->leaves || limit_ns < LOOK_NS ? until : clock_boot_ns() + LOOK_NS;
	struct errand_parked p = {0};
	struct err why = ERR_INIT;
	bool off = false;
	int r;

	while ((r = errand_park(c, &p, &why)) == -EAGAIN || r == -ENOMEM) {
		off = busy && busy(ctx);
		if (off || clock_boot_ns() >= give_up)
			break;
		nanosleep(&(struct timespec){.tv_nsec = TICK_MS * (long)NS_PER_MS}, NULL);
	}
	if (r < 0) {
		*end = (struct errand_end){.exit = -1, .failed = -r, .called_off = off};
		return;
	}
	now = clock_boot_ns();
	errand_go(&p, until > now ? until - now : 1, busy, ctx, end);
}

int errand_find(const char *program, const char *path, struct err *err)
{
	char whole[4096];
	int code = ENOENT;

	if (strchr(program, '/')) {
		if (access(program, X_OK) == 0)
			return 0;
		return err_sys(err, errno, "cannot run \"%.160s\"", program);
	}
	for (const char *dir = path; *dir; dir += strspn(dir, ":")) {
		size_t n = strcspn(dir, ":");

		if ((size_t)snprintf(whole, sizeof(whole), "%.*s/%s", (int)n, dir, program) <
		            sizeof(whole) &&
		    access(whole, X_OK) == 0)
			return 0;
		if (errno != ENOENT)
			code = errno;
		dir += n;
	}
	return err_hint(err, err_sys(err, code, "cannot run \"%.160s\"", program),
	                "It is looked up in %s; give its path, or PATH under `env`.", path);
}
