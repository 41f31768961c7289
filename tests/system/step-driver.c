/* step-driver.c - a runner without faults, for the system and torture tests: puts steps into effect
 * through the keeper for a while, then takes them out.
 *
 *   step-driver RUN MILLISECONDS TYPE OBJECT TO [TYPE OBJECT TO]…
 *   step-driver undo
 *
 * TO beginning with "<" is the content of the file named after it. The run folder is made below
 * $SQUALL_DIR. SIGINT ends it early. When the keeper dies the steps are undone from the log. Exit
 * codes: 0 done, 4 refused, 5 residue, 8 failed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "base/paths.h"
#include "undo/link.h"
#include "undo/undo.h"

struct driver {
	const char *run;
	struct paths paths;
	struct link link;
	struct plan plan;
	int run_dir, signals;
	uint64_t for_ns, until_ns;
	bool ending;
};

static int fail(const struct err *err, int code)
{
	fprintf(stderr, "step-driver: %s%s%s\n", err->what, err->hint[0] ? "; " : "", err->hint);
	return code;
}

/* "<FILE": its content becomes a blob of the plan. */
static int content(struct driver *d, const char *file, char state[STATE_MAX], struct err *err)
{
	char *data = NULL;
	size_t n = 0;
	int r = file_take(AT_FDCWD, file, 16 << 20, &data, &n, err);

	if (r < 0)
		return r;
	return plan_blob(&d->plan, data, n, state, err);
}

static int folder_make(struct driver *d, struct err *err)
{
	_cleanup_fd_ int runs = -1, stash = -1;
	int r = paths_find(&d->paths, err);

	r = r < 0 ? r : paths_make(&d->paths, err);
	if (r < 0)
		return r;
	runs = dir_open_owned(d->paths.runs, geteuid(), true, err);
	if (runs < 0)
		return runs;
	if (mkdirat(runs, d->run, 0700) < 0)
		return err_sys(err, errno, "could not make run folder \"%s\"", d->run);
	d->run_dir = openat(runs, d->run, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->run_dir < 0 || mkdirat(d->run_dir, "stash", 0700) < 0)
		return err_sys(err, errno, "could not open run folder \"%s\"", d->run);
	stash = openat(d->run_dir, "stash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (stash < 0)
		return err_sys(err, errno, "could not open the stash");
	for (size_t i = 0; i < d->plan.blobs_n && r == 0; i++)
		r = file_put(stash, d->plan.blobs[i].hex, d->plan.blobs[i].data, d->plan.blobs[i].n,
		             true, err);
	return r;
}

static int keeper_lost(struct driver *d)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct world w;
	int r = world_open_real(&w, &err);

	pidfd_wait_gone(d->link.pidfd, UINT64_MAX);
	r = r < 0 ? r : undo_folder(&w, &d->paths, d->run_dir, d->run, NULL, NULL, &result, &err);
	if (r < 0)
		return fail(&err, 8);
	return result.residue ? 5 : 8;
}

static int end_begin(struct driver *d, struct err *err)
{
	d->ending = true;
	return link_end(&d->link, err);
}

/* One answer of the keeper: -1 goes on, else the exit code. */
static int hear(struct driver *d, const struct link_event *ev)
{
	struct err err = ERR_INIT;
	int r = 0;

	switch (ev->type) {
	case LINK_REFUSED:
		fprintf(stderr, "step-driver: refused: %s\n", ev->text);
		return 4;
	case LINK_ARMED:
		r = link_put(&d->link, 0, &d->plan, &err);
		break;
	case LINK_IN:
		if (ev->code < 0) {
			fprintf(stderr, "step-driver: not in: %s\n", ev->text);
			r = end_begin(d, &err);
		} else {
			d->until_ns = clock_boot_ns() + d->for_ns;
			puts("in");
			fflush(stdout);
		}
		break;
	case LINK_STEP:
		printf("%s %s %s\n", ev->step_type, ev->object, slot_phase_name(ev->phase));
		break;
	case LINK_ENDED:
		return ev->residue ? 5 : 0;
	default:
		break;
	}
	return r < 0 ? fail(&err, 8) : -1;
}

static int drive(struct driver *d)
{
	struct pollfd p[3] = {
	        {d->link.sock, POLLIN, 0}, {d->link.pidfd, POLLIN, 0}, {d->signals, POLLIN, 0}};
	struct err err = ERR_INIT;

	for (;;) {
		struct link_event ev;
		int r, code;

		while ((r = link_next(&d->link, &ev)) > 0) {
			code = hear(d, &ev);
			if (code >= 0)
				return code;
		}
		if (r < 0 || p[1].revents)
			return keeper_lost(d);
		if (!d->ending && (p[2].revents || clock_boot_ns() >= d->until_ns) &&
		    end_begin(d, &err) < 0)
			return keeper_lost(d);
		poll(p, 3, 10);
	}
}

static int undo(void)
{
	struct undo_result result = {0};
	struct err err = ERR_INIT;
	struct paths paths;
	struct world w;

	if (paths_find(&paths, &err) < 0 || world_open_real(&w, &err) < 0 ||
	    undo_all(&w, &paths, NULL, NULL, &result, &err) < 0)
		return fail(&err, 8);
	return result.residue ? 5 : 0;
}

int main(int argc, char **argv)
{
	struct driver d = {.run_dir = -1, .until_ns = UINT64_MAX};
	struct err err = ERR_INIT;
	struct arena arena;
	sigset_t set;
	int r = 0;

	boundary_torture(argc == 2 ? "undo" : "runner");
	if (argc == 2 && strcmp(argv[1], "undo") == 0)
		return undo();
	if (argc < 6 || argc % 3 != 0)
		return 2;
	d.run = argv[1];
	d.for_ns = strtoull(argv[2], NULL, 10) * 1000000;
	arena_init(&arena, 64 << 20);
	plan_init(&d.plan, &arena);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	d.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	for (int i = 3; i + 2 < argc && r == 0; i += 3) {
		char state[STATE_MAX];

		if (argv[i + 2][0] == '<')
			r = content(&d, argv[i + 2] + 1, state, &err);
		else
			r = text_copy(state, sizeof(state), argv[i + 2]);
		r = r < 0 ? r : plan_add(&d.plan, argv[i], argv[i + 1], state, NULL, &err);
	}
	r = r < 0 ? r : folder_make(&d, &err);
	r = r < 0 ? r
	          : link_start(&d.link, d.run_dir, d.run, clock_boot_ns() + 60000000000ull, &err);
	r = r < 0 ? r : link_prepare(&d.link, 0, &d.plan, &err);
	r = r < 0 ? r : link_arm(&d.link, &err);
	if (r < 0)
		return fail(&err, 8);
	r = drive(&d);
	link_close(&d.link);
	return r;
}
