/* Programs of somebody else's: fork, pipes, a pidfd, a limit. */
#include "io/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ident.h"
#include "base/paths.h"
#include "io/loop.h"

enum {
	GRACE_MS = 500, /* between SIGTERM and SIGKILL */
	LAST_MS = 200,  /* how long the end of the loop waits for a killed child */
	READ_CHUNK = 16384,
	LAST_READS = 64, /* after the exit: what is in a pipe, not what is still being written */
};

struct stream {
	struct child *child;
	int fd;
	struct watch *watch;
	struct child_text text;
	size_t cap, max;
};

struct child {
	struct loop_local local; /* while it dies with nobody waiting */
	struct loop *loop;
	child_done *done; /* NULL: nobody waits any more */
	void *ctx;
	char *name;
	bool stays, timed_out;
	uint64_t since_ns;
	pid_t pid;
	int pidfd;
	int failed;     /* pipe: the errno of a failed exec */
	int exec_errno; /* as read from it already */
	struct watch *exited;
	struct timer *timer;
	struct stream out, err;
};

static const char child_key;

/* What the forked process needs, made before the fork: after it only async-signal-safe calls. */
struct launch {
	const struct child_spec *spec;
	char **argv, **env;
	int in, out, err, failed;
	pid_t parent;
};

static void launch_release(struct launch *l)
{
	free(l->argv);
	free(l->env);
	fd_close(&l->in);
	fd_close(&l->out);
	fd_close(&l->err);
	fd_close(&l->failed);
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");
	return !strncmp(a, b, n) && b[n] == '=';
}

/* environ, with those of the same name replaced. Texts are borrowed. */
static char **env_merge(const char *const *add, size_t n)
{
	char *const *own = environ;
	size_t had = 0, to = 0;
	while (own && own[had])
		had++;
	char **env = calloc(had + n + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < had; i++) {
		bool replaced = false;
		for (size_t j = 0; j < n; j++)
			replaced |= same_name(own[i], add[j]);
		if (!replaced)
			env[to++] = own[i];
	}
	for (size_t j = 0; j < n; j++)
		env[to++] = (char *)(uintptr_t)add[j];
	return env;
}

static int input_open(const struct child_spec *spec, int *in, struct err *err)
{
	if (!spec->input) {
		*in = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return *in < 0 ? err_sys(err, errno, "could not open \"/dev/null\"") : 0;
	}
	/* A file, not a pipe: nobody has to feed it while the program runs. */
	*in = memfd_create("input", MFD_CLOEXEC);
	if (*in < 0)
		return err_sys(err, errno, "could not make a file for standard input");
	int rc = write_all(*in, spec->input, spec->input_n);
	if (rc < 0)
		return err_sys(err, -rc, "could not write standard input");
	(void)lseek(*in, 0, SEEK_SET);
	return 0;
}

static int pipe_open(int *ours, int *theirs, struct err *err)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "could not make a pipe");
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	*ours = fds[0];
	*theirs = fds[1];
	return 0;
}

static int launch_prepare(struct launch *l, struct child *c, struct err *err)
{
	const struct child_spec *spec = l->spec;
	if (!spec->run) {
		l->argv = calloc(spec->argc + 1, sizeof(*l->argv));
		l->env = env_merge(spec->env, spec->env_n);
		if (!l->argv || !l->env)
			return err_sys(err, ENOMEM, "could not run \"%s\"", c->name);
		for (size_t i = 0; i < spec->argc; i++)
			l->argv[i] = (char *)(uintptr_t)spec->argv[i];
	}
	int rc = input_open(spec, &l->in, err);
	if (rc == 0 && spec->out_fd > 0) {
		l->out = fcntl(spec->out_fd, F_DUPFD_CLOEXEC, 3);
		l->err = fcntl(spec->out_fd, F_DUPFD_CLOEXEC, 3);
		if (l->out < 0 || l->err < 0)
			rc = err_sys(err, errno, "could not keep the output of \"%s\"", c->name);
	} else if (rc == 0) {
		rc = pipe_open(&c->out.fd, &l->out, err);
		if (rc == 0)
			rc = pipe_open(&c->err.fd, &l->err, err);
	}
	if (rc == 0)
		rc = pipe_open(&c->failed, &l->failed, err);
	l->parent = getpid();
	return rc;
}

static void child_fail(int fd)
{
	int e = errno;
	ssize_t n = write(fd, &e, sizeof(e));
	_exit(n == sizeof(e) ? 127 : 126);
}

static void child_main(const struct launch *l)
{
	const struct child_spec *spec = l->spec;
	if (spec->session)
		(void)setsid();
	else
		(void)setpgid(0, 0);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	/* First out of the way of 0 to 3, then into place. */
	int in = fcntl(l->in, F_DUPFD_CLOEXEC, 10), out = fcntl(l->out, F_DUPFD_CLOEXEC, 10);
	int err = fcntl(l->err, F_DUPFD_CLOEXEC, 10);
	int failed = fcntl(l->failed, F_DUPFD_CLOEXEC, 10);
	int kept = spec->keep_fd > 0 ? fcntl(spec->keep_fd, F_DUPFD_CLOEXEC, 10) : 10;
	if (in < 0 || out < 0 || err < 0 || failed < 0 || kept < 0)
		child_fail(l->failed);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
	    dup3(failed, 3, O_CLOEXEC) < 0)
		child_fail(failed);
	if (spec->keep_fd > 0 && dup3(kept, CHILD_KEPT_FD, O_CLOEXEC) < 0)
		child_fail(failed);
	(void)syscall(SYS_close_range, CHILD_KEPT_FD + (spec->keep_fd > 0), ~0u, 0u);
	if (!spec->stays) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != l->parent) /* it died before the line above */
			_exit(126);
	}
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (spec->dir && chdir(spec->dir) < 0)
		child_fail(3);
	if (spec->run)
		_exit(spec->run(spec->run_ctx));
	(void)execvpe(l->argv[0], l->argv, l->env);
	child_fail(3);
}

static int child_fork(struct child *c, const struct launch *l, struct err *err)
{
	sigset_t all, before;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before); /* no handler of ours runs in the child */
	c->pid = fork();
	int e = errno;
	if (c->pid == 0)
		child_main(l);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (c->pid < 0)
		return err_sys(err, e, "could not run \"%s\"", c->name);
	if (!l->spec->session)
		(void)setpgid(c->pid, c->pid); /* whoever of the two comes first */
	c->pidfd = pidfd_open_raw(c->pid);
	if (c->pidfd < 0)
		return err_sys(err, errno, "could not watch \"%s\"", c->name);
	return 0;
}

static void stream_close(struct stream *s)
{
	watch_free(s->watch);
	s->watch = NULL;
	fd_close(&s->fd);
}

/* Reads once; false when there is nothing (more) now. */
static bool stream_read(struct stream *s)
{
	char chunk[READ_CHUNK];
	ssize_t n = read(s->fd, chunk, sizeof(chunk));
	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		stream_close(s);
		return false;
	}
	struct child_text *t = &s->text;
	size_t keep = (size_t)n;
	if (keep > s->max - t->n) {
		keep = s->max - t->n;
		t->cut = true;
	}
	if (t->n + keep + 1 > s->cap) {
		size_t cap = s->cap ? s->cap : 1024;
		while (cap < t->n + keep + 1)
			cap *= 2;
		char *data = realloc(t->data, cap);
		if (!data) {
			t->cut = true;
			return true;
		}
		t->data = data;
		s->cap = cap;
	}
	memcpy(t->data + t->n, chunk, keep);
	t->n += keep;
	t->data[t->n] = '\0';
	return true;
}

static void stream_ready(void *ctx, unsigned events)
{
	(void)stream_read(ctx);
}

static void stream_drain(struct stream *s)
{
	for (int i = 0; i < LAST_READS && s->fd >= 0 && stream_read(s); i++)
		;
}

static void child_free(struct child *c)
{
	stream_close(&c->out);
	stream_close(&c->err);
	free(c->out.text.data);
	free(c->err.text.data);
	fd_close(&c->failed);
	watch_free(c->exited);
	fd_close(&c->pidfd);
	timer_free(c->timer);
	free(c->name);
	free(c);
}

static void child_kill(struct child *c, int sig)
{
	(void)kill(-c->pid, sig);
	(void)kill(c->pid, sig); /* in case that it left its group */
}

/* The loop ends: no time for manners. */
static void child_release(struct loop_local *local)
{
	struct child *c = (struct child *)local; /* its first member */
	child_kill(c, SIGKILL);
	struct pollfd p = {.fd = c->pidfd, .events = POLLIN};
	(void)poll(&p, 1, LAST_MS);
	(void)waitpid(c->pid, NULL, WNOHANG);
	child_free(c);
}

/* Nobody waits any more: end it behind the scenes. */
static void child_bury(struct child *c)
{
	c->done = NULL;
	stream_close(&c->out);
	stream_close(&c->err);
	child_kill(c, SIGTERM);
	child_kill(c, SIGCONT); /* a stopped one could not die of the first */
	watch_background(c->exited, true);
	timer_set(c->timer, clock_boot_ns() + GRACE_MS * 1000000ull);
	c->local = (struct loop_local){.key = &child_key, .release = child_release};
	loop_local_add(c->loop, &c->local);
}

/* Borrows the child's text. */
static struct child_result child_result(const struct child *c)
{
	static char none[1] = "";
	struct child_result r = {.exit = -1, .out = c->out.text, .err = c->err.text};
	r.took_ns = clock_boot_ns() - c->since_ns;
	if (!r.out.data)
		r.out.data = none;
	if (!r.err.data)
		r.err.data = none;
	return r;
}

static void child_exited(void *ctx, unsigned events)
{
	struct child *c = ctx;
	/* While it is a zombie its number, and that of its group, cannot be given to another. */
	if (!c->stays || c->timed_out)
		(void)kill(-c->pid, SIGKILL);
	int status = 0;
	pid_t reaped = waitpid(c->pid, &status, WNOHANG);
	if (reaped == 0)
		return;
	if (!c->done) {
		loop_local_remove(&c->local);
		child_free(c);
		return;
	}
	int failed = c->exec_errno;
	bool no_start = failed || read(c->failed, &failed, sizeof(failed)) == sizeof(failed);
	if (no_start || reaped < 0) {
		struct err err = ERR_INIT;
		if (no_start)
			(void)err_sys(&err, failed, "could not run \"%s\"", c->name);
		else /* somebody ignores SIGCHLD */
			(void)err_sys(&err, ECHILD, "could not learn how \"%s\" ended", c->name);
		if (failed == ENOENT)
			(void)err_hint(
			        &err, err.code,
			        "Give the path of a program, or a name that is found in PATH; "
			        "check the working directory.");
		c->done(c->ctx, NULL, &err);
		child_free(c);
		return;
	}
	stream_drain(&c->out);
	stream_drain(&c->err);
	struct child_result r = child_result(c);
	if (WIFEXITED(status))
		r.exit = WEXITSTATUS(status);
	else
		r.signal = WTERMSIG(status);
	c->done(c->ctx, &r, NULL);
	child_free(c);
}

static void child_late(void *ctx)
{
	struct child *c = ctx;
	if (!c->done) {
		child_kill(c, SIGKILL);
		return;
	}
	c->timed_out = true;
	stream_drain(&c->out);
	stream_drain(&c->err);
	struct child_result r = child_result(c);
	r.timed_out = true;
	child_done *done = c->done;
	child_bury(c); /* its text stays until it is reaped */
	done(c->ctx, &r, NULL);
}

static int child_watch(struct child *c, const struct child_spec *spec, struct err *err)
{
	c->exited = watch_new(c->loop, c->pidfd, WATCH_READ, child_exited, c, err);
	if (!c->exited)
		return err ? err->code : -ENOMEM;
	if (c->out.fd >= 0) {
		c->out.watch =
		        watch_new(c->loop, c->out.fd, WATCH_READ, stream_ready, &c->out, err);
		c->err.watch =
		        watch_new(c->loop, c->err.fd, WATCH_READ, stream_ready, &c->err, err);
		if (!c->out.watch || !c->err.watch)
			return err ? err->code : -ENOMEM;
	}
	if (spec->limit_ns)
		timer_set(c->timer, c->since_ns + spec->limit_ns);
	return 0;
}

int child_start(struct loop *loop, const struct child_spec *spec, child_done *done, void *ctx,
                struct child **out, struct err *err)
{
	if (!spec->run && (!spec->argc || !spec->argv[0][0]))
		return err_set(err, -EINVAL, "no program is named");
	struct child *c = calloc(1, sizeof(*c));
	if (!c)
		return err_sys(err, ENOMEM, "could not run a program");
	c->loop = loop;
	c->done = done;
	c->ctx = ctx;
	c->name = strdup(spec->run ? "a check" : spec->argv[0]);
	c->stays = spec->stays;
	c->since_ns = spec->since_ns ? spec->since_ns : clock_boot_ns();
	c->pidfd = c->failed = -1;
	c->out = (struct stream){.child = c, .fd = -1, .max = spec->out_max};
	c->err = (struct stream){.child = c, .fd = -1, .max = spec->err_max};
	c->timer = timer_new(loop, child_late, c);
	struct launch l = {.spec = spec, .in = -1, .out = -1, .err = -1, .failed = -1};
	int rc = c->name && c->timer ? launch_prepare(&l, c, err)
	                             : err_sys(err, ENOMEM, "could not run a program");
	if (rc == 0)
		rc = child_fork(c, &l, err);
	launch_release(&l);
	if (rc == 0)
		rc = child_watch(c, spec, err);
	if (rc < 0) {
		if (c->pid > 0) {
			child_kill(c, SIGKILL);
			(void)waitpid(c->pid, NULL, 0);
		}
		child_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void child_cancel(struct child *c)
{
	if (c)
		child_bury(c);
}

void child_end(struct child *c)
{
	child_kill(c, SIGTERM);
	child_kill(c, SIGCONT); /* a stopped one could not die of the first */
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

int child_executed(struct child *c, uint64_t limit_ns, struct err *err)
{
	struct pollfd p = {.fd = c->failed, .events = POLLIN};
	int n = poll(&p, 1, (int)(limit_ns / 1000000ull));
	if (n == 0)
		return err_set(err, -ETIMEDOUT, "\"%s\" did not start in time", c->name);
	if (n < 0)
		return err_sys(err, errno, "could not wait for \"%s\"", c->name);
	if (read(c->failed, &c->exec_errno, sizeof(c->exec_errno)) <= 0)
		return 0; /* closed by the exec */
	(void)err_sys(err, c->exec_errno, "could not run \"%s\"", c->name);
	return c->exec_errno == ENOENT
	               ? err_hint(err, -ENOENT,
	                          "Give the path of a program, or a name that is found in PATH.")
	               : -c->exec_errno;
}
