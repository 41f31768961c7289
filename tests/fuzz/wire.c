/* Messages between runner and keeper, each ended by the byte 0xff, to one ("r") or the other ("k")
 * or split only. The keeper program is built in, with step types that change nothing. */
#include "fuzz.h"

#include <sys/socket.h>

#include "fake-steps.h"
#include "undo/link.h"

int keeper_main(int argc, char **argv);
#define main keeper_main
#include "cli/keeper.c" /* NOLINT(bugprone-suspicious-include): its main is not wanted */
#undef main

static struct paths paths;
static int run_dir, claims_dir;
static struct link runner;

void fuzz_begin(void)
{
	char path[PATH_CAP + 32];
	int s[2];

	fuzz_paths(&paths);
	fuzz_world(&service.world);
	snprintf(path, sizeof(path), "%s/20261122-210000-3f9a", paths.runs);
	run_dir = dir_open_owned(path, geteuid(), true, NULL);
	claims_dir = dir_open_owned(paths.claims, geteuid(), true, NULL);
	assert(run_dir >= 0 && claims_dir >= 0);
	assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s) == 0);
	/* both well above, so that neither is what it is made to replace */
	runner = (struct link){.sock = fcntl(s[0], F_DUPFD_CLOEXEC, 20), .pidfd = -1};
	assert(runner.sock >= 0 && dup3(s[1], FD_SOCK, O_CLOEXEC) == FD_SOCK);
}

static int nothing_spawned(struct hold *h, const char *kind, const char *const *args,
                           struct err *err)
{
	return err_set(err, -ENOTSUP, "no helper in a test");
}

static void runner_hears(void)
{
	static struct link_event ev;

	while (link_next(&runner, &ev) == 1)
		assert(memchr(ev.text, 0, sizeof(ev.text)) &&
		       memchr(ev.object, 0, sizeof(ev.object)) && ev.counters.n <= COUNTERS_MAX);
}

static void keeper_begin(void)
{
	const struct keeper_config config = {
	        .world = &service.world,
	        .run_dir = run_dir,
	        .claims_dir = claims_dir,
	        .stash = -1,
	        .run = "20261122-210000-3f9a",
	        .type_find = __wrap_step_type_find,
	        .spawn = nothing_spawned,
	        .told = told,
	};

	unlinkat(run_dir, UNDO_LOG_NAME, 0);
	memset(fake_memory, 0, sizeof(fake_memory));
	assert(keeper_init(&service.keeper, &config, NULL) == 0);
}

static void keeper_finish(void)
{
	keeper_take_all(&service.keeper);
	(void)!keeper_end(&service.keeper, NULL);
	keeper_release(&service.keeper);
	service.ended = service.expired = false;
	service.want = service.n = 0;
}

static void split_check(const char *text, size_t n)
{
	const char *argv[WIRE_ARGS];
	struct wire m = {.len = n < WIRE_MAX ? n : WIRE_MAX};
	int args;

	memcpy(m.data, text, m.len);
	args = wire_split(&m, argv);
	assert(args <= WIRE_ARGS);
	for (int i = 0; i < args; i++)
		assert(argv[i] >= m.data && argv[i] < m.data + m.len);
}

void fuzz_one(const char *text, size_t n)
{
	bool keeper = n && text[0] == 'k';

	if (!n)
		return;
	text++;
	n--;
	if (keeper)
		keeper_begin();
	while (n) {
		const char *end = memchr(text, 0xff, n);
		size_t len = end ? (size_t)(end - text) : n;

		split_check(text, len);
		if (len && keeper) {
			(void)!send(runner.sock, text, len, MSG_NOSIGNAL);
			assert(hear(&service));
		} else if (len) {
			(void)!send(FD_SOCK, text, len, MSG_NOSIGNAL);
		}
		runner_hears();
		len += end != NULL;
		text += len;
		n -= len;
	}
	if (keeper)
		keeper_finish();
	runner_hears();
}
