/* link.c - the runner's end of the keeper. */
#include "undo/link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/paths.h"

#ifndef SQUALL_LIBEXEC
#define SQUALL_LIBEXEC "/usr/libexec/squall"
#endif

/* Where `make install` puts the keeper, seen from the program's own folder: so an installed tree
 * may be moved. */
static const char beside_bin[] = "../libexec/squall/squall-keeper";

/* Answers must fit while the runner is busy or stopped. */
enum { LINK_BUFFER = 4 << 20 };

static int keeper_path(char path[PATH_MAX], struct err *err)
{
	const char *own = getenv("SQUALL_KEEPER");
	ssize_t n;

	if (own && own[0]) {
		if (text_copy(path, PATH_MAX, own) < 0)
			return err_sys(err, ENAMETOOLONG, "cannot use SQUALL_KEEPER");
		return 0;
	}
	n = readlink("/proc/self/exe", path, PATH_MAX - 64);
	if (n > 0) {
		const char *const places[] = {"squall-keeper", beside_bin};
		char *slash;

		path[n] = '\0';
		slash = strrchr(path, '/');
		for (size_t i = 0; slash && i < ARRAY_SIZE(places); i++) {
			strcpy(slash + 1, places[i]);
			if (access(path, X_OK) == 0)
				return 0;
		}
	}
	strcpy(path, SQUALL_LIBEXEC "/squall-keeper");
	if (access(path, X_OK) == 0)
		return 0;
	return err_hint(err, err_set(err, -ENOENT, "squall-keeper was not found"),
	                "It belongs beside squall or in \"%s\"; SQUALL_KEEPER names another place.",
	                SQUALL_LIBEXEC);
}

/* In the child: descriptors 3 (channel), 4 (run folder), 5 (claims), nothing else; a session of its
 * own, so that Ctrl-C of the terminal does not reach it. */
static void keeper_exec(const char *path, char *const argv[], int sock, int run_dir, int claims)
{
	int from[3] = {sock, run_dir, claims};
	sigset_t none;

	for (int i = 0; i < 3; i++) {
		from[i] = fcntl(from[i], F_DUPFD, 10);
		if (from[i] < 0)
			_exit(127);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(from[i], 3 + i) < 0)
			_exit(127);
	close_range(6, ~0u, 0);
	for (int i = 0; i < 3; i++) {
		int null = open("/dev/null", i ? O_WRONLY : O_RDONLY);

		if (null >= 0 && null != i) {
			dup2(null, i);
			close(null);
		}
	}
	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir("/") < 0)
		_exit(127);
	execv(path, argv);
	_exit(127);
}

int link_start(struct link *l, int run_dir, const char *run_id, uint64_t deadline_boot_ns,
               struct err *err)
{
	_cleanup_fd_ int claims = -1, ours = -1, theirs = -1, pidfd = -1;
	char path[PATH_MAX], deadline[24], runner[64];
	char *const argv[] = {(char *)"squall-keeper", (char *)run_id, deadline, runner, NULL};
	const int size = LINK_BUFFER;
	struct world w;
	struct proc_id self, keeper;
	struct paths paths;
	struct buf b;
	int s[2], r;
	pid_t pid;

	r = keeper_path(path, err);
	if (r < 0)
		return r;
	r = paths_find(&paths, err);
	if (r < 0)
		return r;
	claims = dir_open_owned(paths.claims, geteuid(), true, err);
	if (claims < 0)
		return claims;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s) < 0)
		return err_sys(err, errno, "could not make a channel to the keeper");
	ours = s[0];
	theirs = s[1];
	for (int i = 0; i < 2; i++)
		if (setsockopt(s[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			(void)setsockopt(s[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	r = world_open_real(&w, err);
	if (r < 0)
		return r;
	r = proc_id_read(&w, getpid(), &self, err);
	if (r < 0) {
		world_close(&w);
		return r;
	}
	buf_init(&b, runner, sizeof(runner));
	proc_id_format(&b, self);
	snprintf(deadline, sizeof(deadline), "%" PRIu64, deadline_boot_ns);
	BOUNDARY("before keeper");
	pid = fork();
	if (pid == 0)
		keeper_exec(path, argv, theirs, run_dir, claims);
	if (pid < 0) {
		world_close(&w);
		return err_sys(err, errno, "could not start the keeper");
	}
	BOUNDARY("after keeper");
	pidfd = pidfd_open_raw(pid);
	r = pidfd < 0 ? err_sys(err, errno, "could not open the keeper")
	              : proc_id_read(&w, pid, &keeper, err);
	world_close(&w);
	if (r < 0)
		return r;
	fcntl(pidfd, F_SETFD, FD_CLOEXEC);
	*l = (struct link){.sock = fd_take(&ours), .pidfd = fd_take(&pidfd), .keeper = keeper};
	return 0;
}

static int order(struct link *l, const struct wire *m, struct err *err)
{
	int r = wire_send(l->sock, m);

	if (r < 0)
		return err_sys(err, r, "could not give the keeper an order");
	return 0;
}

static int order_plan(struct link *l, const char *verb, uint32_t plan, struct err *err)
{
	struct wire m;

	wire_start(&m, verb);
	if (wire_addf(&m, "%u", plan) < 0)
		return err_sys(err, EMSGSIZE, "cannot give the keeper an order");
	return order(l, &m, err);
}

/* "verb plan n", then n messages "step type object to": the last one makes it happen. */
static int order_steps(struct link *l, const char *verb, uint32_t plan, const struct plan *p,
                       struct err *err)
{
	struct wire m;
	int r;

	if (p->n > UNDO_SLOTS)
		return err_hint(err,
		                err_set(err, -ENOSPC, "a plan of %zu steps is over the limit of %d",
		                        p->n, UNDO_SLOTS),
		                "Attack fewer targets at once.");
	wire_start(&m, verb);
	r = wire_addf(&m, "%u", plan);
	r = r ? r : wire_addf(&m, "%zu", p->n);
	r = r ? err_sys(err, r, "cannot give the keeper an order") : order(l, &m, err);
	for (size_t i = 0; i < p->n && r == 0; i++) {
		wire_start(&m, "step");
		r = wire_add(&m, p->v[i].type);
		r = r ? r : wire_add(&m, p->v[i].object);
		r = r ? r : wire_add(&m, p->v[i].to);
		r = r ? err_sys(err, r, "cannot give the keeper an order") : order(l, &m, err);
	}
	return r;
}

int link_prepare(struct link *l, uint32_t plan, const struct plan *p, struct err *err)
{
	return order_steps(l, "prepare", plan, p, err);
}

int link_arm(struct link *l, struct err *err)
{
	struct wire m;

	wire_start(&m, "arm");
	return order(l, &m, err);
}

int link_put(struct link *l, uint32_t plan, const struct plan *p, struct err *err)
{
	return order_steps(l, "put", plan, p, err);
}

int link_take_out(struct link *l, uint32_t plan, struct err *err)
{
	return order_plan(l, "out", plan, err);
}

int link_take_all(struct link *l, struct err *err)
{
	struct wire m;

	wire_start(&m, "all");
	return order(l, &m, err);
}

int link_command(struct link *l, uint32_t plan, pid_t group, struct err *err)
{
	struct wire m;

	wire_start(&m, "command");
	if (wire_addf(&m, "%u", plan) < 0 || wire_addf(&m, "%d", group) < 0)
		return err_sys(err, EMSGSIZE, "cannot give the keeper an order");
	return order(l, &m, err);
}

int link_meter(struct link *l, uint32_t plan, struct err *err)
{
	return order_plan(l, "meter", plan, err);
}

int link_end(struct link *l, struct err *err)
{
	struct wire m;

	wire_start(&m, "end");
	return order(l, &m, err);
}

static long number(const char *text)
{
	return strtol(text, NULL, 10);
}

static void parse_counters(const char *const *argv, int n, int from, struct counters *c)
{
	for (int i = from; i + 1 < n; i += 2)
		counters_add(c, argv[i], strtoull(argv[i + 1], NULL, 10));
}

static bool parse_event(const char *const *argv, int n, struct link_event *ev)
{
	static const struct {
		const char *verb;
		enum link_event_type type;
	} verbs[] = {
	        {"armed", LINK_ARMED},     {"in", LINK_IN},           {"out", LINK_OUT},
	        {"step", LINK_STEP},       {"meter", LINK_METER},     {"ended", LINK_ENDED},
	        {"refused", LINK_REFUSED}, {"expired", LINK_EXPIRED}, {"busy", LINK_BUSY},
	};
	size_t v = 0;

	while (v < ARRAY_SIZE(verbs) && strcmp(argv[0], verbs[v].verb) != 0)
		v++;
	if (v == ARRAY_SIZE(verbs))
		return false;
	*ev = (struct link_event){.type = verbs[v].type};
	ev->plan = (uint32_t)number(wire_arg(argv, n, 1));
	switch (ev->type) {
	case LINK_IN:
	case LINK_REFUSED:
		ev->code = (int)number(wire_arg(argv, n, 2));
		text_copy(ev->text, sizeof(ev->text), wire_arg(argv, n, 3));
		text_copy(ev->hint, sizeof(ev->hint), wire_arg(argv, n, 4));
		break;
	case LINK_OUT:
	case LINK_ENDED:
		ev->residue = (size_t)number(wire_arg(argv, n, 2));
		parse_counters(argv, n, 3, &ev->counters);
		break;
	case LINK_STEP:
		ev->phase = (enum slot_phase)number(wire_arg(argv, n, 2));
		ev->was_there = number(wire_arg(argv, n, 3));
		text_copy(ev->step_type, sizeof(ev->step_type), wire_arg(argv, n, 4));
		text_copy(ev->object, sizeof(ev->object), wire_arg(argv, n, 5));
		text_copy(ev->base, sizeof(ev->base), wire_arg(argv, n, 6));
		text_copy(ev->claim, sizeof(ev->claim), wire_arg(argv, n, 7));
		text_copy(ev->landed, sizeof(ev->landed), wire_arg(argv, n, 8));
		text_copy(ev->note, sizeof(ev->note), wire_arg(argv, n, 9));
		break;
	case LINK_METER:
		parse_counters(argv, n, 2, &ev->counters);
		break;
	default:
		break;
	}
	return true;
}

int link_next(struct link *l, struct link_event *ev)
{
	const char *argv[WIRE_ARGS];
	struct wire m;
	int n;

	for (;;) {
		int r = wire_recv(l->sock, &m, false);

		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return -EPIPE;
		n = wire_split(&m, argv);
		if (n > 0 && parse_event(argv, n, ev))
			break;
	}
	l->armed |= ev->type == LINK_ARMED;
	return 1;
}

void link_close(struct link *l)
{
	fd_close(&l->sock);
	if (l->pidfd >= 0)
		waitpid(l->keeper.pid, NULL, WNOHANG);
	fd_close(&l->pidfd);
}
