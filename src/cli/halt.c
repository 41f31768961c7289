/* squall halt: ends everything now and refuses new runs. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "cli/putback.h"
#include "cli/show.h"
#include "history/active.h"
#include "machine/proc.h"
#include "run/policies.h"

enum {
	RUNS_MAX = 64,
	POLL_MS = 10,
	RUNNER_S = 3,  /* a runner that has not put back by then is killed: its keeper does */
	KEEPER_S = 10, /* a keeper that has not either is killed: undo does, from the log */
	TICK_MS = 250, /* within this every runner has looked at the halt files */
	OTHERS_S = 3,  /* a keeper of another user that is at work by then is named */
};

struct halt_args {
	const char *reason;
	bool everyone, json;
};

struct run {
	struct run_folder folder;
	struct proc_id runner;
	bool runner_killed, keeper_killed, ended;
	uint8_t phase[UNDO_SLOTS]; /* as last shown */
};

struct halting {
	struct cli *cli;
	bool json;
	struct run runs[RUNS_MAX];
	size_t n, residue;
	json_t *steps;
};

static void send_signal(const struct halting *h, struct proc_id id, int sig)
{
	_cleanup_fd_ int fd = id.pid ? proc_id_open(&h->cli->world, id, NULL) : -1;

	if (fd >= 0)
		(void)!pidfd_signal(fd, sig);
}

static int take(void *ctx, const struct run_folder *f, const struct active *a)
{
	struct halting *h = ctx;
	struct run *r = &h->runs[h->n];

	if (h->n == RUNS_MAX)
		return 0;
	*r = (struct run){.folder = *f, .runner = a->runner};
	r->folder.fd = dup(f->fd);
	send_signal(h, a->runner, SIGTERM);
	if (!h->json)
		printf("%s: told to stop\n", a->id);
	h->n++;
	return 0;
}

static const char *said(enum slot_phase phase)
{
	switch (phase) {
	case SLOT_BACK:
		return "back";
	case SLOT_GONE:
		return "gone by itself";
	case SLOT_RESIDUE:
		return "NOT back";
	case SLOT_DONE:
		return "done, no way back";
	default:
		return NULL;
	}
}

/* Says what has changed since the last look. */
static void steps_show(struct halting *h, struct run *r, const struct active *a)
{
	for (size_t i = 0; i < a->n && i < UNDO_SLOTS; i++) {
		const struct slot *s = &a->slots[i];
		const char *now = said((enum slot_phase)s->phase);

		if (r->phase[i] == s->phase)
			continue;
		r->phase[i] = (uint8_t)s->phase;
		if (!now)
			continue;
		json_array_append_new(h->steps,
		                      json_pack("{s:s, s:s, s:s, s:s}", "run", a->id, "step",
		                                s->type, "object", s->object, "phase",
		                                slot_phase_name((enum slot_phase)s->phase)));
		if (!h->json)
			printf("  %s: %s %s\n", now, s->type, s->object);
	}
	fflush(stdout);
}

/* Nobody works on it any more, or what does is ended the hard way. */
static void run_look(struct halting *h, struct run *r, uint64_t waited_ns)
{
	_cleanup_active_ struct active a = {0};
	struct err err = ERR_INIT;
	int ret = active_read(&h->cli->world, &r->folder, &a, &err);

	steps_show(h, r, &a);
	if (ret < 0) {
		r->ended = true;
		return;
	}
	if (a.runner.pid && waited_ns > (a.live ? RUNNER_S : KEEPER_S) * NS_PER_S &&
	    !r->runner_killed) {
		fprintf(stderr,
		        "squall: %s: its runner does not answer; killed, its keeper puts back\n",
		        a.id);
		send_signal(h, a.runner, SIGKILL);
		r->runner_killed = true;
	}
	if (a.keeper.pid && waited_ns > KEEPER_S * NS_PER_S && !r->keeper_killed) {
		fprintf(stderr, "squall: %s: its keeper does not answer; killed, undo puts back\n",
		        a.id);
		send_signal(h, a.keeper, SIGKILL);
		r->keeper_killed = true;
	}
}

static void wait_all(struct halting *h)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * (long)NS_PER_MS};
	uint64_t start = clock_boot_ns(), waited;

	for (;;) {
		size_t left = 0;

		waited = clock_boot_ns() - start;
		for (size_t i = 0; i < h->n; i++) {
			if (!h->runs[i].ended)
				run_look(h, &h->runs[i], waited);
			left += !h->runs[i].ended;
		}
		if (!left || waited > 2 * KEEPER_S * NS_PER_S)
			return;
		nanosleep(&pause, NULL);
	}
}

/* What is not back after all was done. */
static size_t residue_count(struct halting *h)
{
	size_t residue = 0;

	for (size_t i = 0; i < h->n; i++) {
		struct run *r = &h->runs[i];
		_cleanup_active_ struct active a = {0};
		struct err err = ERR_INIT;

		(void)!active_read(&h->cli->world, &r->folder, &a, &err);
		steps_show(h, r, &a);
		for (size_t s = 0; s < a.n; s++) {
			BUF(hand, 1024);

			if (!slot_phase_is_live((enum slot_phase)a.slots[s].phase))
				continue;
			undo_by_hand(&a.slots[s], &hand);
			residue_show(a.slots[s].type, a.slots[s].object, a.slots[s].note,
			             hand.over ? "" : hand.data);
			residue++;
		}
		run_folder_close(&r->folder);
	}
	return residue;
}

/* The keepers of other users: each is a run that is still in effect. */
struct others {
	size_t n;
	struct proc first;
};

static int others_count(void *ctx, const struct proc *p)
{
	struct others *o = ctx;

	if (strcmp(p->comm, "squall-keeper") != 0 || p->uid == geteuid())
		return 0;
	if (o->n++ == 0)
		o->first = *p;
	return 0;
}

/* Their runners end them by themselves. True when none is left. */
static bool others_wait(const struct halting *h)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * (long)NS_PER_MS};
	uint64_t start = clock_boot_ns(), waited;
	struct others o;

	do {
		nanosleep(&pause, NULL);
		waited = clock_boot_ns() - start;
		o = (struct others){.n = 0};
		(void)!proc_each(&h->cli->world, PROC_UID, others_count, &o, NULL);
	} while (waited < TICK_MS * NS_PER_MS || (o.n && waited < OTHERS_S * NS_PER_S));
	if (o.n)
		fprintf(stderr,
		        "squall: %zu %s of other users %s still at work, the first is process %d "
		        "(user %u)\n",
		        o.n, plural(o.n, "keeper", "keepers"), plural(o.n, "is", "are"),
		        o.first.id.pid, (unsigned)o.first.uid);
	return o.n == 0;
}

/* The word for every user's runs, where this caller may give it. */
static enum exit_code everyone_halt(struct cli *cli, const char *reason)
{
	_cleanup_policies_ struct policies policies = {.n = 0};
	struct err err = ERR_INIT;

	/* A policy that cannot be used forbids runs, not their end. */
	(void)!policies_load(&policies, &cli->world, &cli->paths, &cli->catalogue, NULL, NULL);
	if (!user_is_root() && !policies_halt_anyone(&policies)) {
		(void)err_set(&err, -EPERM,
		              "this machine's policy lets root alone halt the runs "
		              "of others");
		(void)err_hint(&err, -EPERM, "Your own are halted.");
		return show_err(&err, EXIT_REFUSED);
	}
	return halt_put_everyone(&cli->paths, reason, &err) < 0 ? show_err(&err, EXIT_BROKEN)
	                                                        : EXIT_HELD;
}

static int halt_main(struct cli *cli, const void *args)
{
	const struct halt_args *a = args;
	struct halting *h = arena_alloc(&cli->arena, sizeof(*h));
	struct err err = ERR_INIT;
	const char *word, *reason = a->reason ? a->reason : "";
	enum exit_code undone, everyone = EXIT_HELD;
	bool halted, machine = a->everyone || strcmp(cli->paths.runtime, cli->paths.machine) == 0;

	if (!h)
		return show_err(&(struct err){-ENOMEM, "", ""}, EXIT_BROKEN);
	*h = (struct halting){.cli = cli, .json = a->json, .steps = json_array()};
	/* First the word, so that nothing starts meanwhile. */
	halted = halt_put(&cli->paths, reason, &err) == 0;
	if (!halted)
		show_err(&err, EXIT_BROKEN); /* go on: what runs must stop all the same */
	if (a->everyone)
		everyone = everyone_halt(cli, reason);
	if (active_each(&cli->world, &cli->paths, take, h, &err) < 0)
		show_err(&err, EXIT_BROKEN);
	wait_all(h);
	if (machine && everyone == EXIT_HELD && !others_wait(h))
		everyone = EXIT_BROKEN;
	undone = putback(cli, NULL);
	h->residue = residue_count(h);
	word = halted ? "halted" : "NOT halted, new runs are not refused";
	if (a->json)
		show_json(json_pack("{s:b, s:I, s:O, s:I}", "halted", (int)halted, "runs",
		                    (json_int_t)h->n, "steps", h->steps, "residue",
		                    (json_int_t)h->residue),
		          false);
	else if (!h->n)
		printf("%s; nothing was active\n", word);
	else
		printf("%s: %zu %s ended, residue: %zu\n", word, h->n, plural(h->n, "run", "runs"),
		       h->residue);
	json_decref(h->steps);
	if (h->residue || undone == EXIT_RESIDUE)
		return EXIT_RESIDUE;
	if (everyone != EXIT_HELD)
		return everyone;
	return err.code ? EXIT_BROKEN : undone;
}

static const struct param halt_params[] = {
        {"reason", PARAM_TEXT, offsetof(struct halt_args, reason),
         .help = "why, for those who find their runs ended"},
        {"everyone", PARAM_BOOL, offsetof(struct halt_args, everyone),
         .help = "also the runs of all other users, root's too"},
        {"json", PARAM_BOOL, offsetof(struct halt_args, json), .help = "as JSON"},
        {0},
};

static const char *const halt_examples[] = {
        "squall halt",
        "squall halt --reason \"incident 4711: not now\"",
        "squall halt --everyone --reason \"the shop is down\"",
        NULL,
};

const struct cli_command command_halt = {
        .kind = {.name = "halt",
                 .summary = "Ends everything now and refuses new runs",
                 .man = "Every run of this user is ended as if its abort condition had been "
                        "crossed, and waited for until each object is back. New runs are refused "
                        "(exit 4) until \"squall resume\".\n\n"
                        "Root's halt is for the runs of every user. So is any user's with "
                        "--everyone, unless the machine's policy says \"halt: root\": to stop "
                        "asks for no rights. Root, or who made it, lifts it.",
                 .params = halt_params,
                 .args_size = sizeof(struct halt_args),
                 .examples = halt_examples},
        .exits = EXITS_READ | EXIT_BIT(EXIT_RESIDUE) | EXIT_BIT(EXIT_REFUSED),
        .main = halt_main,
};
