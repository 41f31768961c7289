/* What ends a run from outside: signals and the halt file; and the tick of a screen. */
#include <errno.h>
#include <signal.h>

#include "base/quantity.h"
#include "run/runner-state.h"

enum { TICK_MS = 100 };

bool runner_halt_asked(const struct runner *r, struct halt *halt)
{
	return r->o->halt && halt_read(r->o->halt, halt);
}

bool runner_halt_look(struct runner *r)
{
	struct halt halt;
	if (r->halted || !runner_halt_asked(r, &halt))
		return false;
	r->halted = true;
	BUF(by, 160);
	buf_addf(&by, "by %s at %s", halt.by, halt.when);
	runner_post(r, EV_HALT, 0, json_pack("{s:s, s:s}", "reason", halt.reason, "by", by.data),
	            NULL);
	return true;
}

/* `squall halt` writes its reason first, and signals to save the tick. */
static void signalled(void *ctx, int signum)
{
	if (signum != SIGTERM || !runner_halt_look(ctx))
		runner_post(ctx, EV_SIGNAL, (uint32_t)signum, NULL, NULL);
}

static void ticked(void *ctx)
{
	struct runner *r = ctx;
	uint64_t now = loop_now_ns(r->loop);
	(void)runner_halt_look(r);
	if (r->o->tick)
		r->o->tick(r->o->tick_ctx, now);
	timer_set(r->tick, now + TICK_MS * NS_PER_MS);
}

int runner_watch(struct runner *r, struct err *err)
{
	static const int signums[ARRAY_SIZE(r->signals)] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < ARRAY_SIZE(signums); i++) {
		r->signals[i] = watch_signal(r->loop, signums[i], signalled, r, err);
		if (!r->signals[i])
			return err && err->code ? err->code : -ENOMEM;
	}
	/* A reader that left must not end the run between a put and its revert. */
	sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, &r->sigpipe);
	r->piped = true;
	r->tick = timer_new(r->loop, ticked, r);
	if (!r->tick)
		return err_set(err, -ENOMEM, "could not start the run: out of memory");
	timer_set(r->tick, loop_now_ns(r->loop) + TICK_MS * NS_PER_MS);
	return 0;
}

void runner_unwatch(struct runner *r)
{
	for (size_t i = 0; i < ARRAY_SIZE(r->signals); i++)
		if (r->signals[i])
			watch_free(r->signals[i]);
	timer_free(r->tick);
	if (r->piped)
		sigaction(SIGPIPE, &r->sigpipe, NULL);
}
