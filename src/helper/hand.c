/* hand.c - runs the commands of one custom state. Parked before the first of them runs, with the
 * process that becomes the undo command ready, so that undoing needs neither the runner nor a new
 * process. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/errand.h"
#include "base/commands.h"
#include "base/helper.h"
#include "base/wire.h"

/*
 * Arguments: the commands as one text (base/commands.h), the run's id, the state's name. Answers
 * "ok", or "err CODE TEXT HINT" when started. Orders: "apply", "undo", "check"; each is answered by
 * "ended FAILED EXIT SIGNAL LATE CALLED-OFF OUT ERR" (struct errand_end). "stop", or the end of
 * its lifeline, calls off what runs.
 */
struct hand {
	int sock;
	struct commands commands;
	struct errand_parked undo;
	char run[64], name[128];
};

static void command_of(const struct hand *h, const char *does, const char *env[4], struct errand *c,
                       char word[32])
{
	const struct commands *k = &h->commands;

	(void)text_copy(word, 32, "SQUALL_DOES=");
	strncat(word, does, 16);
	env[0] = h->run;
	env[1] = h->name;
	env[2] = word;
	env[3] = NULL;
	*c = (struct errand){.argv = strcmp(does, "apply") == 0  ? k->apply
	                             : strcmp(does, "undo") == 0 ? k->undo
	                                                         : k->check,
	                     .env = {env, k->env},
	                     .dir = k->dir,
	                     .leaves = strcmp(does, "check") != 0};
}

static bool is_called_off(void *ctx)
{
	const struct hand *h = ctx;
	struct pollfd p = {.fd = h->sock, .events = POLLIN};
	const char *argv[WIRE_ARGS];
	struct wire m;

	if (poll(&p, 1, 0) <= 0)
		return false;
	return wire_recv(h->sock, &m, false) < 0 ||
	       (wire_split(&m, argv) == 1 && strcmp(argv[0], "stop") == 0);
}

static int undo_park(struct hand *h, struct err *err)
{
	const char *env[4];
	struct errand c;
	char word[32];

	command_of(h, "undo", env, &c, word);
	return errand_park(&c, &h->undo, err);
}

static void obey(struct hand *h, const char *does, struct errand_end *end)
{
	const char *env[4];
	struct errand c;
	char word[32];

	if (strcmp(does, "undo") == 0 && errand_is_parked(&h->undo)) {
		errand_go(&h->undo, h->commands.limit_ns, is_called_off, h, end);
	} else {
		command_of(h, does, env, &c, word);
		errand_run(&c, h->commands.limit_ns, is_called_off, h, end);
	}
	/* Ready for the next one. When none can be made now, undo makes its own. */
	if (!errand_is_parked(&h->undo)) {
		errand_unpark(&h->undo);
		(void)!undo_park(h, NULL);
	}
}

static int answer(const struct hand *h, const struct errand_end *end)
{
	struct wire m;
	int r;

	wire_start(&m, "ended");
	r = wire_addf(&m, "%d", end->failed);
	r = r ? r : wire_addf(&m, "%d", end->exit);
	r = r ? r : wire_addf(&m, "%d", end->signal);
	r = r ? r : wire_addf(&m, "%d", end->late);
	r = r ? r : wire_addf(&m, "%d", end->called_off);
	r = r ? r : wire_add(&m, end->out);
	r = r ? r : wire_add(&m, end->err);
	return r ? r : wire_send(h->sock, &m);
}

static int begin(struct hand *h, const char *const *args, char *room, struct err *err)
{
	struct wire m;
	int code = room ? commands_parse(args[0], room, &h->commands, err)
	                : err_set(err, -ENOMEM, "no memory for the commands");

	(void)text_copy(h->run, sizeof(h->run), "SQUALL_RUN=");
	strncat(h->run, args[1], sizeof(h->run) - strlen(h->run) - 1);
	(void)text_copy(h->name, sizeof(h->name), "SQUALL_CUSTOM=");
	strncat(h->name, args[2], sizeof(h->name) - strlen(h->name) - 1);
	if (code == 0)
		code = undo_park(h, err);
	wire_start(&m, code < 0 ? "err" : "ok");
	if (code < 0 && (wire_addf(&m, "%d", code) < 0 || wire_add(&m, err->what) < 0 ||
	                 wire_add(&m, err->hint) < 0))
		return -EMSGSIZE;
	return wire_send(h->sock, &m) < 0 ? -EPIPE : code;
}

static int hand_main(int sock, const char *const *args)
{
	struct hand h = {.sock = sock};
	const char *argv[WIRE_ARGS];
	struct err err = ERR_INIT;
	struct errand_end end;
	struct wire m;
	char *room = malloc(strlen(args[0]) + 1);
	int status = begin(&h, args, room, &err) < 0;

	while (status == 0 && wire_recv(sock, &m, true) == 0) {
		/* a "stop" whose command has ended by itself is late */
		if (wire_split(&m, argv) != 1 || strcmp(argv[0], "stop") == 0)
			continue;
		obey(&h, argv[0], &end);
		if (answer(&h, &end) < 0)
			break;
	}
	errand_unpark(&h.undo);
	free(room);
	return status;
}

const struct helper_type helper_hand = {.name = "hand", .main = hand_main, .spared = true};
