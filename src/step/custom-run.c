/* custom-run.c - who runs the commands of a custom state, and what became of them. */
#include "step/custom-run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wire.h"

enum { TICK_MS = 50, HAND_START_MS = 5000 };
/* What the hand is given over the limit of a command: to end it, and to answer. */
#define HAND_GRACE_NS 4000000000ull

void custom_hand_end(struct hold *h)
{
	/* without its lifeline it ends, and the kernel sees to it when it cannot */
	fd_close(&h->holder.sock);
	if (h->holder.pidfd >= 0)
		(void)pidfd_signal(h->holder.pidfd, SIGKILL);
}

int custom_hand_start(struct hold *h, const char *object, const struct custom *c, struct err *err)
{
	const char *const args[] = {c->text, h->run, object, NULL};
	uint64_t deadline_ns = h->deadline_ns;
	const char *argv[WIRE_ARGS];
	struct pollfd p = {.events = POLLIN};
	struct wire m;
	int r, n;

	fd_close(&h->holder.sock);
	fd_close(&h->holder.pidfd);
	/* at the deadline it is needed most: undo, between two looks */
	if (deadline_ns)
		h->deadline_ns += 3 * (c->commands.limit_ns + HAND_GRACE_NS);
	r = h->spawn(h, "hand", args, err);
	h->deadline_ns = deadline_ns;
	if (r < 0)
		return r;
	p.fd = h->holder.sock;
	(void)poll(&p, 1, HAND_START_MS);
	r = wire_recv(h->holder.sock, &m, false);
	n = r == 0 ? wire_split(&m, argv) : r;
	if (n > 0 && strcmp(argv[0], "ok") == 0)
		return 0;
	if (n > 2 && strcmp(argv[0], "err") == 0)
		r = err_set(err, (int)strtol(argv[1], NULL, 10), "%.400s", argv[2]);
	else
		r = err_set(err, -EPIPE, "the process that is to run the commands ended");
	custom_hand_end(h);
	return r < 0 ? r : -EPIPE;
}

static int end_take(struct wire *m, struct errand_end *end)
{
	const char *argv[WIRE_ARGS];
	int n = wire_split(m, argv);

	if (n != 8 || strcmp(argv[0], "ended") != 0)
		return -EPROTO;
	*end = (struct errand_end){.failed = (int)strtol(argv[1], NULL, 10),
	                           .exit = (int)strtol(argv[2], NULL, 10),
	                           .signal = (int)strtol(argv[3], NULL, 10),
	                           .late = argv[4][0] == '1',
	                           .called_off = argv[5][0] == '1'};
	text_copy(end->out, sizeof(end->out), argv[6]);
	text_copy(end->err, sizeof(end->err), argv[7]);
	return 0;
}

/* One that does not answer in time, stopped or worse, is ended. */
static int hand_ask(struct hold *h, const struct custom *c, const char *does,
                    struct errand_end *end)
{
	uint64_t until = clock_boot_ns() + c->commands.limit_ns + HAND_GRACE_NS;
	bool stopped = false;
	struct wire m;
	int r;

	wire_start(&m, does);
	r = wire_send(h->holder.sock, &m);
	while (r == 0) {
		struct pollfd p = {.fd = h->holder.sock, .events = POLLIN};

		if (poll(&p, 1, TICK_MS) > 0) {
			r = wire_recv(h->holder.sock, &m, false);
			return r < 0 ? r : end_take(&m, end);
		}
		if (h->busy && h->busy(h) && c->stops && !stopped) {
			wire_start(&m, "stop");
			r = wire_send(h->holder.sock, &m);
			stopped = true;
		}
		if (clock_boot_ns() >= until)
			r = -ETIMEDOUT;
	}
	return r;
}

static bool busy(void *ctx)
{
	struct hold *h = ctx;
	const struct custom *c = h->own;

	/* what is being put back is not called off */
	return h->busy && h->busy(h) && c->stops;
}

static void run_here(struct hold *h, const char *object, const struct custom *c, const char *does,
                     struct errand_end *end)
{
	const struct commands *k = &c->commands;
	BUF(run, 64);
	BUF(name, 128);
	BUF(word, 32);
	const char *const env[] = {run.data, name.data, word.data, NULL};
	const bool check = strcmp(does, "check") == 0;
	const struct errand command = {.argv = check ? k->check : k->undo,
	                               .env = {env, k->env},
	                               .dir = k->dir,
	                               .leaves = !check};

	buf_addf(&run, "SQUALL_RUN=%s", h->run);
	buf_addf(&name, "SQUALL_CUSTOM=%s", object);
	buf_addf(&word, "SQUALL_DOES=%s", does);
	errand_run(&command, k->limit_ns, busy, h, end);
}

/* By the hand; without one, here: in undo there never is one, in the keeper it may have been
 * killed. What could not be undone is not begun, so apply needs it. */
int custom_ask(struct hold *h, const char *object, const char *does, struct errand_end *end,
               struct err *err)
{
	const struct custom *c = h->own;
	int r = h->holder.sock < 0 ? -EPIPE : hand_ask(h, c, does, end);

	if (r == 0)
		return 0;
	custom_hand_end(h);
	if (strcmp(does, "apply") == 0)
		return err_set(err, -EPIPE,
		               "the process that runs the commands of \"%s\" was ended", object);
	run_here(h, object, c, does, end);
	return 0;
}

/* "check of \"x\" ended with status 3: what it said" */
int custom_end_tell(const char *does, const char *object, const struct errand_end *end,
                    struct err *err)
{
	const char *said = end->err[0] ? end->err : end->out, *colon = said[0] ? ": " : "";

	if (end->failed)
		return err_sys(err, end->failed, "could not run %s of \"%s\"", does, object);
	if (end->called_off)
		return err_set(err, -ECANCELED, "%s of \"%s\" was called off", does, object);
	if (end->late)
		return err_set(err, -ETIMEDOUT, "%s of \"%s\" did not end in time%s%s", does,
		               object, colon, said);
	if (end->signal)
		return err_set(err, -EIO, "%s of \"%s\" was ended by signal %d%s%s", does, object,
		               end->signal, colon, said);
	return err_set(err, -EIO, "%s of \"%s\" ended with status %d%s%s", does, object, end->exit,
	               colon, said);
}

/* What apply of a dead run left running */

struct sought {
	struct hold *hold;
	char run[64], name[128];
};

static bool has_word(const char *env, size_t n, const char *word)
{
	for (const char *at = env; at < env + n; at += strnlen(at, (size_t)(env + n - at)) + 1)
		if (strncmp(at, word, (size_t)(env + n - at)) == 0)
			return true;
	return false;
}

static int straggler_end(void *ctx, const char *name)
{
	const struct sought *s = ctx;
	char env[8192];
	BUF(path, 64);
	pid_t pid = (pid_t)strtol(name, NULL, 10);
	ssize_t n;

	if (pid <= 1 || pid == getpid())
		return 0;
	_cleanup_fd_ int pidfd = pidfd_open_raw(pid);
	buf_addf(&path, "/proc/%s/environ", name);
	_cleanup_fd_ int fd = world_openat(s->hold->world, path.data, O_RDONLY);
	if (pidfd < 0 || fd < 0 || (n = read(fd, env, sizeof(env) - 1)) <= 0)
		return 0;
	env[n] = '\0';
	if (has_word(env, (size_t)n, s->run) && has_word(env, (size_t)n, s->name) &&
	    has_word(env, (size_t)n, "SQUALL_DOES=apply"))
		(void)pidfd_signal(pidfd, SIGKILL);
	return 0;
}

/* An apply that was cut short with its run may have left processes that go on applying. They carry
 * its marks. */
void custom_stragglers_end(struct hold *h, const char *object)
{
	struct sought s = {.hold = h};
	struct buf b;

	buf_init(&b, s.run, sizeof(s.run));
	buf_addf(&b, "SQUALL_RUN=%s", h->run);
	buf_init(&b, s.name, sizeof(s.name));
	buf_addf(&b, "SQUALL_CUSTOM=%s", object);
	(void)!world_list(h->world, "/proc", straggler_end, &s, NULL);
}
