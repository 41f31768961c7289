/* custom.c - a state that commands bring about, take back and look at. */
#include "step/custom.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "base/errand.h"
#include "base/commands.h"
#include "base/hash.h"
#include "base/paths.h"
#include "base/wire.h"
#include "step/step.h"

#define IN_EFFECT "in effect"
#define NOT_IN_EFFECT "not in effect"
/* Only undo takes these for done with: */
#define APPLIED_UNSEEN "applied, not in effect"
#define UNKNOWN "unknown"

enum { TICK_MS = 50, HAND_START_MS = 5000, CHECK_IN = 0, CHECK_OUT = 1 };
/* What the hand is given over the limit of a command: to end it, and to answer. */
#define HAND_GRACE_NS 4000000000ull

struct custom {
	struct commands commands;
	char claim[STATE_MAX]; /* where `commands` came from */
	char *text;            /* it, and room for its words */
	bool applied;          /* apply was begun, and no undo has ended well since */
	bool stops;            /* what runs may be called off */
};

bool custom_name_is(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= CUSTOM_NAME && !name[n] && !strchr("._-", name[0]);
}

/* --- the commands ---------------------------------------------------------------------------- */

static int stash_read(const struct hold *h, const char *hex, char **text, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	char got[SHA256_HEX];
	size_t n = 0;
	_cleanup_fd_ int fd = -1;
	int r;

	if (strlen(hex) != SHA256_HEX - 1 || strspn(hex, "0123456789abcdef") != SHA256_HEX - 1)
		return err_set(err, -EINVAL, "\"@%.70s\" names no commands", hex);
	/* these will be executed: nobody else may have written them */
	fd = file_open_owned(h->stash, hex, O_RDONLY, geteuid(), err);
	if (fd < 0)
		return err_set(err, fd, "the commands in the stash are not to be trusted");
	r = file_take(h->stash, hex, COMMANDS_TEXT, &data, &n, err);
	if (r < 0)
		return r;
	sha256_text(data, n, got);
	if (strcmp(got, hex) != 0 || strlen(data) + 1 != n)
		return err_set(err, -EBADMSG, "the commands in the stash are damaged: \"%s\"", hex);
	*text = data;
	data = NULL;
	return 0;
}

/* Of what is wanted the commands are known, whichever process this is. */
static int commands_load(const struct hold *h, const char *claim, struct custom *c, struct err *err)
{
	_cleanup_free_ char *text = NULL, *both = NULL;
	size_t n;
	int r = 0;

	if (claim[0] == '@')
		r = stash_read(h, claim + 1, &text, err);
	else
		text = strdup(claim);
	if (r < 0)
		return r;
	n = text ? strlen(text) + 1 : 0;
	both = text ? malloc(2 * n) : NULL;
	if (!both)
		return err_set(err, -ENOMEM, "no memory for the commands");
	memcpy(both, text, n);
	r = commands_parse(both, both + n, &c->commands, err);
	if (r < 0)
		return r;
	text_copy(c->claim, sizeof(c->claim), claim);
	free(c->text);
	c->text = both;
	both = NULL;
	return 0;
}

static int commands_find(const struct commands *c, struct err *err)
{
	const char *const *all[] = {c->apply, c->undo, c->check};
	const char *path = ERRAND_PATH;
	int r = 0;

	for (const char *const *e = c->env; *e; e++)
		if (strncmp(*e, "PATH=", 5) == 0)
			path = *e + 5;
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		/* a relative path depends on the folder it is run in, which exec will tell */
		if (all[i][0] && (all[i][0][0] == '/' || !strchr(all[i][0], '/')))
			r = errand_find(all[i][0], path, err);
	return r;
}

/* --- the hand -------------------------------------------------------------------------------- */

static void hand_end(struct hold *h)
{
	/* without its lifeline it ends, and the kernel sees to it when it cannot */
	fd_close(&h->holder.sock);
	if (h->holder.pidfd >= 0)
		(void)pidfd_signal(h->holder.pidfd, SIGKILL);
}

static int hand_start(struct hold *h, const char *object, const struct custom *c, struct err *err)
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
	hand_end(h);
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
static int ask(struct hold *h, const char *object, const char *does, struct errand_end *end,
               struct err *err)
{
	const struct custom *c = h->own;
	int r = h->holder.sock < 0 ? -EPIPE : hand_ask(h, c, does, end);

	if (r == 0)
		return 0;
	hand_end(h);
	if (strcmp(does, "apply") == 0)
		return err_set(err, -EPIPE,
		               "the process that runs the commands of \"%s\" was ended", object);
	run_here(h, object, c, does, end);
	return 0;
}

/* "check of \"x\" ended with status 3: what it said" */
static int end_tell(const char *does, const char *object, const struct errand_end *end,
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

/* --- what apply of a dead run left running ---------------------------------------------------- */

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
static void stragglers_end(struct hold *h, const char *object)
{
	struct sought s = {.hold = h};
	struct buf b;

	buf_init(&b, s.run, sizeof(s.run));
	buf_addf(&b, "SQUALL_RUN=%s", h->run);
	buf_init(&b, s.name, sizeof(s.name));
	buf_addf(&b, "SQUALL_CUSTOM=%s", object);
	(void)!world_list(h->world, "/proc", straggler_end, &s, NULL);
}

/* --- the step type ---------------------------------------------------------------------------- */

static int custom_look(struct hold *h, const char *object, struct buf *state, struct err *err)
{
	const struct custom *c = h->own;
	struct errand_end end = {.exit = CHECK_OUT};
	int r;

	if (!c->commands.check[0])
		end.exit = c->applied ? CHECK_IN : CHECK_OUT;
	else if (h->reverting && c->applied) /* undo is run, whatever check would say */
		end.exit = -1;
	else if ((r = ask(h, object, "check", &end, err)) < 0)
		return r;
	if (end.called_off)
		return end_tell("check", object, &end, err);
	buf_reset(state);
	if (!end.failed && end.exit == CHECK_IN)
		buf_add(state, IN_EFFECT);
	else if (!end.failed && end.exit == CHECK_OUT)
		buf_add(state, c->applied ? APPLIED_UNSEEN : NOT_IN_EFFECT);
	else if (!c->applied)
		return end_tell("check", object, &end, err);
	else
		buf_add(state, UNKNOWN);
	if (end.out[0])
		buf_addf(state, ": %s", end.out);
	return 0;
}

static int custom_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	return err_set(err, -EOPNOTSUPP, "check is not run before the run is armed");
}

static int custom_open(struct hold *h, const char *object, struct err *err)
{
	struct custom *c = calloc(1, sizeof(*c));
	BUF(state, STATE_MAX);
	int r;

	if (!c)
		return err_set(err, -ENOMEM, "no memory for the commands of \"%s\"", object);
	c->applied = h->applied != APPLIED_NOT;
	h->own = c;
	r = commands_load(h, h->claim ? h->claim : "", c, err);
	/* Whoever cannot start a hand only puts back. */
	if (r == 0 && h->spawn)
		r = commands_find(&c->commands, err);
	if (r == 0 && h->spawn)
		r = hand_start(h, object, c, err);
	/* a check that cannot tell now could not tell later whether all is back */
	if (r == 0 && h->spawn)
		r = custom_look(h, object, &state, err);
	if (r < 0) {
		hand_end(h);
		free(c->text);
		free(c);
		h->own = NULL;
	}
	return r;
}

static void custom_close(struct hold *h)
{
	struct custom *c = h->own;

	hand_end(h);
	if (c)
		free(c->text);
	free(c);
	h->own = NULL;
}

static bool is(const char *state, const char *head)
{
	size_t n = strlen(head);

	return strncmp(state, head, n) == 0 && (!state[n] || state[n] == ':');
}

static int custom_apply(struct hold *h, const char *object, const char *to, struct buf *landed,
                        struct err *err)
{
	struct custom *c = h->own;
	struct errand_end end;
	int r = 0;

	/* another attack of this run, with other commands */
	if (strcmp(c->claim, to) != 0) {
		r = commands_load(h, to, c, err);
		if (r == 0 && h->spawn) {
			hand_end(h);
			r = hand_start(h, object, c, err);
		}
	}
	if (r < 0)
		return r;
	c->applied = true;
	r = ask(h, object, "apply", &end, err);
	if (r < 0)
		return r;
	BOUNDARY("custom: apply has ended");
	if (end.failed || end.exit != 0)
		return end_tell("apply", object, &end, err);
	return custom_look(h, object, landed, err);
}

static int custom_undo(struct hold *h, const char *object, struct buf *landed, struct err *err)
{
	struct custom *c = h->own;
	struct errand_end end;
	int r;

	if (h->holder.sock < 0 && h->applied == APPLIED_MAYBE)
		stragglers_end(h, object);
	BOUNDARY("custom: before undo");
	r = ask(h, object, "undo", &end, err);
	BOUNDARY("custom: undo has ended");
	if (r < 0)
		return r;
	if (end.failed || end.exit != 0)
		return end_tell("undo", object, &end, err);
	c->applied = false;
	r = custom_look(h, object, landed, err);
	if (r == 0 && is(landed->data, NOT_IN_EFFECT))
		return 0;
	c->applied = true;
	return r < 0 ? err_wrap(err, r, "undo ended with status 0, but")
	             : err_set(err, -EIO, "undo ended with status 0, but check says \"%s\"",
	                       landed->data);
}

static int custom_set(struct hold *h, const char *object, const char *now, const char *to,
                      struct buf *landed, struct err *err)
{
	struct custom *c = h->own;
	int r = BOUNDARY_FAIL("set custom");

	if (r < 0)
		return err_sys(err, -r, "could not run the commands of \"%s\"", object);
	if (is(to, NOT_IN_EFFECT))
		return custom_undo(h, object, landed, err);
	if (is(to, IN_EFFECT)) /* it was there before the run: nothing of it is taken away */
		return custom_look(h, object, landed, err);
	c->stops = true;
	r = custom_apply(h, object, to, landed, err);
	c->stops = false;
	return r;
}

static bool custom_same(const char *want, const char *seen)
{
	if (is(want, NOT_IN_EFFECT) || is(seen, NOT_IN_EFFECT))
		return is(want, NOT_IN_EFFECT) && is(seen, NOT_IN_EFFECT);
	return is(seen, IN_EFFECT) || is(seen, APPLIED_UNSEEN) || is(seen, UNKNOWN);
}

static int custom_meter(const struct hold *h, const char *object, struct counters *to,
                        struct err *err)
{
	struct custom *c = h->own;
	/* who meters owns the hold; check may find the hand gone, which is noted there */
	struct hold *own = (struct hold *)(uintptr_t)h;
	BUF(state, STATE_MAX);
	const char *printed;
	char *end;
	int r;

	c->stops = true;
	r = custom_look(own, object, &state, err);
	c->stops = false;
	if (r < 0)
		return r;
	counters_add(to, "in_effect", is(state.data, IN_EFFECT));
	counters_add(to, "unknown", is(state.data, UNKNOWN));
	counters_add(to, "checked", c->commands.check[0] != NULL);
	printed = strchr(state.data, ':');
	if (printed && printed[2] >= '0' && printed[2] <= '9') {
		unsigned long long number = strtoull(printed + 2, &end, 10);

		if (!*end) {
			counters_add(to, "printed", number);
			counters_add(to, "has_printed", 1);
		}
	}
	return 0;
}

static void custom_by_hand(const char *object, const char *base, const char *claim, struct buf *to)
{
	_cleanup_free_ char *room = strdup(claim);
	struct commands c;

	if (!is(base, NOT_IN_EFFECT))
		return;
	if (!room || claim[0] == '@' || commands_parse(claim, room, &c, NULL) < 0) {
		buf_add(to, "squall undo");
		return;
	}
	if (c.dir) {
		buf_add(to, "cd");
		word_add(to, c.dir);
		buf_add(to, " &&");
	}
	if (c.env[0])
		word_add(to, "env");
	for (const char **e = c.env; *e; e++)
		word_add(to, *e);
	for (const char **w = c.undo; *w; w++)
		word_add(to, *w);
}

const struct step_type step_type_custom = {
        .name = "custom",
        .summary = "a state that commands of yours apply, undo and check",
        .flags = STEP_TIDY,
        .open = custom_open,
        .close = custom_close,
        .get = custom_get,
        .look = custom_look,
        .set = custom_set,
        .meter = custom_meter,
        .same = custom_same,
        .by_hand = custom_by_hand,
};
