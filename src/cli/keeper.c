/* keeper.c - squall-keeper: the small process that applies steps and reverts them. Started by
 * squall, never by hand. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "base/priority.h"
#include "base/wire.h"
#include "helper/helpers.h"
#include "undo/keeper.h"
#include "undo/spawn.h"

/* As link_start() hands them over. */
enum { FD_SOCK = 3, FD_RUN = 4, FD_CLAIMS = 5 };

struct service {
	struct keeper keeper;
	struct world world;
	int runner, timer, signals;
	bool expired, ended, metering;
	struct proc_id commands[KEEPER_PLANS]; /* leaders of process groups that end with the
	                                        * runner; pid 0: none */
	bool in[KEEPER_PLANS]; /* told "in" and not yet "out", whatever became of it meanwhile */
	/* an order that is being collected */
	char verb[16];
	uint32_t plan;
	size_t want, n;
	struct step staged[UNDO_SLOTS];
};

static struct service service;

static int spawn(struct hold *h, const char *kind, const char *const *args, struct err *err)
{
	return helper_spawn(h, helpers, kind, args, err);
}

/* A runner that is stopped or gone must not hold up anything: what does not fit is dropped. */
static void answer(const struct wire *m)
{
	(void)!wire_send(FD_SOCK, m);
}

static void answer_code(const char *verb, uint32_t plan, int code, const struct err *err)
{
	struct wire m;

	wire_start(&m, verb);
	if (wire_addf(&m, "%u", plan) == 0 && wire_addf(&m, "%d", code) == 0 &&
	    wire_add(&m, err ? err->what : "") == 0 && wire_add(&m, err ? err->hint : "") == 0)
		answer(&m);
}

static void answer_number(const char *verb, uint32_t plan, size_t n)
{
	struct wire m;

	wire_start(&m, verb);
	if (wire_addf(&m, "%u", plan) == 0 && wire_addf(&m, "%zu", n) == 0)
		answer(&m);
}

static void told(void *ctx, const struct slot *s)
{
	struct wire m;
	int r;

	wire_start(&m, "step");
	r = wire_addf(&m, "%u", s->plan);
	r = r ? r : wire_addf(&m, "%u", s->phase);
	r = r ? r : wire_addf(&m, "%u", s->was_there);
	r = r ? r : wire_add(&m, s->type);
	r = r ? r : wire_add(&m, s->object);
	r = r ? r : wire_add(&m, s->base);
	r = r ? r : wire_add(&m, s->claim);
	r = r ? r : wire_add(&m, s->landed);
	r = r ? r : wire_add(&m, s->note);
	if (r == 0)
		answer(&m);
}

/* Has what is being applied been called off? Orders are looked at without being taken: they are
 * obeyed in their order, once what goes on now has ended (SO_PEEK_OFF, socket(7)). */
static bool is_called_off(const struct service *s)
{
	struct pollfd p[] = {
	        {s->runner, POLLIN, 0}, {s->timer, POLLIN, 0}, {s->signals, POLLIN, 0}};
	bool off = poll(p, ARRAY_SIZE(p), 0) > 0;
	int from = 0;
	struct wire m;

	(void)setsockopt(FD_SOCK, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof(from));
	while (!off) {
		ssize_t n = recv(FD_SOCK, m.data, sizeof(m.data) - 1, MSG_PEEK | MSG_DONTWAIT);

		if (n < 0)
			break;
		m.data[n] = '\0';
		/* nobody's revert waits for a reading */
		off = n == 0 || strcmp(m.data, "all") == 0 || strcmp(m.data, "end") == 0 ||
		      (strcmp(m.data, "out") == 0 &&
		       (s->metering || strtoul(m.data + sizeof("out"), NULL, 10) == s->plan));
	}
	from = -1;
	(void)setsockopt(FD_SOCK, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof(from));
	return off;
}

static bool busy(struct hold *h)
{
	struct wire m;

	wire_start(&m, "busy");
	answer(&m);
	return is_called_off(&service);
}

static int counters_write(struct wire *m, const struct counters *c)
{
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++) {
		r = wire_add(m, c->v[i].name);
		r = r ? r : wire_addf(m, "%llu", (unsigned long long)c->v[i].value);
	}
	return r;
}

static void take_out(struct service *s, uint32_t plan)
{
	size_t residue = keeper_take_out(&s->keeper, plan);
	struct counters c = {.n = 0};
	struct wire m;
	int r;

	wire_start(&m, "out");
	r = wire_addf(&m, "%u", plan);
	r = r ? r : wire_addf(&m, "%zu", residue);
	if (r == 0 && keeper_meter_left(&s->keeper, plan, &c))
		r = counters_write(&m, &c);
	if (r == 0)
		answer(&m);
	if (plan < KEEPER_PLANS)
		s->in[plan] = false;
}

static void take_all(struct service *s)
{
	(void)keeper_take_all(&s->keeper);
	for (uint32_t p = 0; p < KEEPER_PLANS; p++)
		if (s->in[p])
			take_out(s, p);
}

static void meter(struct service *s, uint32_t plan)
{
	struct counters c = {.n = 0};
	struct wire m;
	int r;

	s->metering = true;
	keeper_meter(&s->keeper, plan, &c);
	s->metering = false;
	wire_start(&m, "meter");
	r = wire_addf(&m, "%u", plan);
	r = r ? r : counters_write(&m, &c);
	answer(&m);
}

static void carry_out(struct service *s)
{
	struct err err = ERR_INIT;
	int r;

	if (strcmp(s->verb, "prepare") == 0) {
		r = keeper_prepare(&s->keeper, s->plan, s->staged, s->n, &err);
		if (r < 0)
			answer_code("refused", s->plan, r, &err);
		return;
	}
	if (s->expired)
		r = err_set(&err, -ETIME, "the deadline has passed");
	else
		r = keeper_put(&s->keeper, s->plan, s->staged, s->n, &err);
	if (s->plan < KEEPER_PLANS)
		s->in[s->plan] = r == 0;
	answer_code("in", s->plan, r, r < 0 ? &err : NULL);
}

static void collect(struct service *s, const char *const *argv, int n)
{
	struct step *st = &s->staged[s->n];

	if (s->n >= s->want)
		return;
	memset(st, 0, sizeof(*st));
	if (text_copy(st->type, TYPE_MAX, wire_arg(argv, n, 1)) < 0 ||
	    text_copy(st->object, OBJECT_MAX, wire_arg(argv, n, 2)) < 0 ||
	    text_copy(st->to, STATE_MAX, wire_arg(argv, n, 3)) < 0) {
		struct err err;

		answer_code(strcmp(s->verb, "put") == 0 ? "in" : "refused", s->plan,
		            err_set(&err, -ENAMETOOLONG, "a step's object or state is too long"),
		            &err);
		s->want = 0;
		return;
	}
	if (++s->n == s->want)
		carry_out(s);
}

/* One that has ended already has no start: then only its group can be left of it. */
static void command_note(struct service *s, uint32_t plan, pid_t leader)
{
	if (leader <= 1 || proc_id_read(&s->world, leader, &s->commands[plan], NULL) < 0)
		s->commands[plan] = (struct proc_id){.pid = leader > 1 ? leader : 0};
}

static void obey(struct service *s, const char *const *argv, int n)
{
	const char *verb = argv[0];
	uint32_t plan = (uint32_t)strtoul(wire_arg(argv, n, 1), NULL, 10);

	if (strcmp(verb, "step") == 0) {
		collect(s, argv, n);
	} else if (strcmp(verb, "prepare") == 0 || strcmp(verb, "put") == 0) {
		text_copy(s->verb, sizeof(s->verb), verb);
		s->plan = plan;
		s->want = strtoul(wire_arg(argv, n, 2), NULL, 10);
		s->n = 0;
		if (s->want > UNDO_SLOTS)
			s->want = 0;
		else if (s->want == 0)
			carry_out(s);
	} else if (strcmp(verb, "arm") == 0) {
		answer_number("armed", 0, 0);
	} else if (strcmp(verb, "out") == 0) {
		take_out(s, plan);
	} else if (strcmp(verb, "all") == 0) {
		take_all(s);
	} else if (strcmp(verb, "meter") == 0) {
		meter(s, plan);
	} else if (strcmp(verb, "command") == 0 && plan < KEEPER_PLANS) {
		command_note(s, plan, (pid_t)strtol(wire_arg(argv, n, 2), NULL, 10));
	} else if (strcmp(verb, "end") == 0) {
		s->ended = true;
	}
}

/* The kernel ends a program with the runner that started it, but not what that program has started:
 * it would be left behind, on its ports. A number is not given away while a group has it; one that
 * names another process by now has no group of ours. */
static void commands_end(const struct service *s)
{
	for (uint32_t p = 0; p < KEEPER_PLANS; p++) {
		const struct proc_id *leader = &s->commands[p];
		struct proc_id now;

		if (!leader->pid || (proc_id_read(&s->world, leader->pid, &now, NULL) == 0 &&
		                     now.start != leader->start))
			continue;
		(void)kill(-leader->pid, SIGKILL);
	}
}

/* Returns false when the runner's end is closed. */
static bool hear(struct service *s)
{
	const char *argv[WIRE_ARGS];
	struct wire m;

	for (;;) {
		int r = wire_recv(FD_SOCK, &m, false), n;

		if (r == -EAGAIN)
			return true;
		if (r < 0)
			return false;
		n = wire_split(&m, argv);
		if (n > 0)
			obey(s, argv, n);
		if (s->ended)
			return true;
	}
}

static int prepare_process(struct service *s, uint64_t deadline_ns, struct err *err)
{
	struct itimerspec at = {.it_value = {(time_t)(deadline_ns / 1000000000ull),
	                                     (long)(deadline_ns % 1000000000ull)}};
	sigset_t set;

	for (int fd = FD_SOCK; fd <= FD_CLAIMS; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* a limit on locked memory is no reason not to run; being paged out is only slower */
	(void)mlockall(MCL_CURRENT | MCL_FUTURE);
	oom_score_set(-1000);
	priority_raise();
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->signals < 0 || s->timer < 0)
		return err_sys(err, errno, "could not make a timer");
	if (deadline_ns && timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		return err_sys(err, errno, "could not set the deadline");
	/* a keeper that somebody stopped is continued at the deadline, so that it can do its work
	 */
	return deadline_ns ? deadline_arm(deadline_ns, SIGCONT) : 0;
}

static void serve(struct service *s)
{
	struct pollfd p[4 + UNDO_SLOTS];

	while (!s->ended) {
		nfds_t n = 4;
		uint64_t ticks;

		p[0] = (struct pollfd){FD_SOCK, POLLIN, 0};
		p[1] = (struct pollfd){s->runner, POLLIN, 0};
		p[2] = (struct pollfd){s->timer, POLLIN, 0};
		p[3] = (struct pollfd){s->signals, POLLIN, 0};
		for (size_t i = 0; i < UNDO_SLOTS; i++)
			if (s->keeper.work[i].type && s->keeper.work[i].open &&
			    s->keeper.work[i].hold.holder.pidfd >= 0)
				p[n++] = (struct pollfd){s->keeper.work[i].hold.holder.pidfd,
				                         POLLIN, 0};
		if (poll(p, n, -1) < 0 && errno != EINTR)
			return;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (p[2].revents && read(s->timer, &ticks, sizeof(ticks)) > 0) {
			s->expired = true;
			answer_number("expired", 0, 0);
			take_all(s);
		}
		for (nfds_t i = 4; i < n; i++)
			if (p[i].revents)
				keeper_holder_gone(&s->keeper, p[i].fd);
		if (p[3].revents || p[1].revents)
			return;
		if (p[0].revents && !hear(s))
			return;
	}
}

int main(int argc, char **argv)
{
	struct service *s = &service;
	struct keeper_config config = {
	        .world = &s->world,
	        .run_dir = FD_RUN,
	        .claims_dir = FD_CLAIMS,
	        .type_find = step_type_find,
	        .spawn = spawn,
	        .busy = busy,
	        .told = told,
	};
	struct err err = ERR_INIT;
	int r;

	if (argc != 4 || fcntl(FD_CLAIMS, F_GETFD) < 0) {
		fputs("squall-keeper is started by squall; run \"squall help\"\n", stderr);
		return 2;
	}
	if (user_is_borrowed()) {
		r = err_set(&err, -EPERM,
		            "squall-keeper cannot run with the rights of another (setuid, setgid)");
		answer_code("refused", 0, r, &err);
		return 4;
	}
	boundary_torture("keeper");
	config.run = argv[1];
	config.deadline_ns = strtoull(argv[2], NULL, 10);
	r = proc_id_parse(argv[3], &config.runner, &err);
	r = r ? r : world_open_real(&s->world, &err);
	r = r ? r : proc_id_read(&s->world, getpid(), &config.self, &err);
	if (r == 0) {
		s->runner = proc_id_open(&s->world, config.runner, &err);
		r = s->runner < 0 ? s->runner : prepare_process(s, config.deadline_ns, &err);
	}
	config.stash = openat(FD_RUN, "stash", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = r ? r : keeper_init(&s->keeper, &config, &err);
	if (r < 0) {
		answer_code("refused", 0, r, &err);
		return 8;
	}
	serve(s);
	/* at once: what takes its time to be put back would let numbers go round */
	if (!s->ended)
		commands_end(s);
	take_all(s);
	r = keeper_end(&s->keeper, &err);
	if (s->ended)
		answer_number("ended", 0, keeper_take_all(&s->keeper));
	keeper_release(&s->keeper);
	return r < 0 ? 8 : 0;
}
