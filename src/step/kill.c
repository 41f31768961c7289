/* kill.c - a signal that ends a process; there is no way back. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/boundary.h"
#include "step/step.h"

/* "landed" says what had become of it by then; a process may take longer to end. */
enum { LANDED_MS = 50 };

static const struct {
	const char *name;
	int number;
} signals[] = {
        {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},   {"FPE", SIGFPE},
        {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},   {"KILL", SIGKILL},
        {"PIPE", SIGPIPE}, {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"SYS", SIGSYS},
        {"TERM", SIGTERM}, {"TRAP", SIGTRAP}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
        {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
};

/* "PID@START#TURN": each turn of a fault that repeats is an object of its own. */
static int object_parse(const char *object, struct proc_id *id, struct err *err)
{
	char text[OBJECT_MAX];
	char *turn = NULL;
	if (text_copy(text, sizeof(text), object) == 0)
		turn = strchr(text, '#');
	if (!turn || !turn[1] || strspn(turn + 1, "0123456789") != strlen(turn + 1))
		return err_set(err, -EINVAL, "\"%s\" is not PID@START#TURN", object);
	*turn = 0;
	return proc_id_parse(text, id, err);
}

static int kill_open(struct hold *h, const char *object, struct err *err)
{
	struct proc_id id = {0};
	int code = object_parse(object, &id, err);
	if (code < 0)
		return code;
	return hold_process(h, id, object, err);
}

static int kill_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	struct proc_id id = {0};
	int code = object_parse(object, &id, err);
	if (code < 0)
		return code;
	buf_reset(state);
	buf_add(state, proc_id_alive(w, id) ? "alive" : "gone");
	return 0;
}

static int kill_set(struct hold *h, const char *object, const char *now, const char *to,
                    struct buf *landed, struct err *err)
{
	int code = BOUNDARY_FAIL("set kill");
	int number = 0;
	if (code < 0)
		return err_sys(err, -code, "could not signal process %s", object);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (strcmp(signals[i].name, to) == 0)
			number = signals[i].number;
	if (!number && strcmp(to, "alive") == 0)
		return err_set(err, -ENOTSUP, "cannot bring process %s back", object);
	if (!number)
		return err_set(err, -EINVAL,
		               "\"%s\" is not the name of a signal that ends a process", to);
	if (h->fd[0] < 0 && (code = kill_open(h, object, err)) < 0)
		return code;
	/* one of many, perhaps, each of which was waited for */
	if (h->busy && h->busy(h))
		return err_set(err, -ECANCELED, "the signal to process %s was called off", object);
	code = pidfd_signal(h->fd[0], number);
	if (code == -ESRCH)
		return err_set(err, -ESTALE, "process %s is gone", object);
	if (code < 0)
		return err_sys(err, -code, "could not signal process %s", object);
	bool gone = hold_wait_gone(h, h->fd[0], LANDED_MS * 1000000ull) == 0;
	buf_reset(landed);
	buf_add(landed, gone ? "gone" : "alive");
	return 0;
}

static int kill_meter(const struct hold *h, const char *object, struct counters *to,
                      struct err *err)
{
	struct proc_id id = {0};
	int code = object_parse(object, &id, err);
	if (code < 0)
		return code;
	counters_add(to, "killed", !proc_id_alive(h->world, id));
	return 0;
}

/* Any signal was to end it. */
static bool kill_same(const char *want, const char *seen)
{
	return strcmp(seen, "gone") == 0 && strcmp(want, "alive") != 0;
}

const struct step_type step_type_kill = {
        .name = "kill",
        .summary = "a signal that ends a process",
        .flags = STEP_IRREVERSIBLE | STEP_LEAN,
        .open = kill_open,
        .get = kill_get,
        .set = kill_set,
        .meter = kill_meter,
        .same = kill_same,
};
