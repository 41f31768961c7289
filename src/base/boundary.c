/* boundary.c - where the torture tests kill; empty in a normal build. */
#include "base/boundary.h"

#ifdef SQUALL_TORTURE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ident.h"

void (*boundary_hook)(const char *name);
int (*boundary_fail_hook)(const char *name);
size_t (*boundary_part_hook)(const char *name, size_t n);

/* What this process was told; set once at its start. */
static struct {
	char where[16], who[16];
	unsigned long at, fail_at, short_at, passed, failable, writes;
	int fail_with;
	pid_t pid; /* what is forked from it is another process, and passes none of its boundaries
	            */
} torture;

struct victims {
	const struct world *world;
	pid_t keeper;
	bool keepers, helpers;
};

static int kill_one(void *ctx, const char *name)
{
	struct victims *v = ctx;
	struct proc_stat st;
	pid_t pid = (pid_t)atoi(name);

	if (pid <= 0 || proc_stat_read(v->world, pid, &st, NULL) < 0)
		return 0;
	if (v->helpers && st.ppid == v->keeper && strcmp(st.comm, "squall-helper") == 0)
		kill(pid, SIGKILL);
	if (v->keepers && pid == v->keeper)
		kill(pid, SIGKILL);
	return 0;
}

static int find_keeper(void *ctx, const char *name)
{
	struct victims *v = ctx;
	struct proc_stat st;
	pid_t pid = (pid_t)atoi(name);

	if (pid > 0 && proc_stat_read(v->world, pid, &st, NULL) == 0 && st.ppid == getpid() &&
	    strcmp(st.comm, "squall-keeper") == 0)
		v->keeper = pid;
	return 0;
}

static void torture_strike(void)
{
	bool all = strcmp(torture.who, "all") == 0;
	bool both = all || strcmp(torture.who, "both") == 0;
	bool in_keeper = strcmp(torture.where, "keeper") == 0;
	pid_t runner = in_keeper ? getppid() : getpid();
	struct victims v = {.helpers = all || strcmp(torture.who, "helpers") == 0,
	                    .keepers = both || strcmp(torture.who, "keeper") == 0};
	struct world w;

	if (world_open_real(&w, NULL) < 0)
		abort();
	v.world = &w;
	v.keeper = in_keeper ? getpid() : 0;
	if (!in_keeper)
		(void)!world_list(&w, "/proc", find_keeper, &v, NULL);
	if (in_keeper) {
		/* this process goes last */
		bool self = v.keepers;

		v.keepers = false;
		(void)!world_list(&w, "/proc", kill_one, &v, NULL);
		if ((both || strcmp(torture.who, "runner") == 0) && runner > 1)
			kill(runner, SIGKILL);
		if (self)
			kill(getpid(), SIGKILL);
	} else {
		if (v.keeper)
			(void)!world_list(&w, "/proc", kill_one, &v, NULL);
		if (both || strcmp(torture.who, "runner") == 0)
			kill(getpid(), SIGKILL);
	}
	world_close(&w);
}

/* A line for the file that the variable of that name names, if it is set. */
static void torture_tell(const char *variable, const char *line)
{
	const char *file = getenv(variable);
	int fd = file ? open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (fd >= 0) {
		(void)!write(fd, line, strlen(line));
		close(fd);
	}
}

static void torture_pass(const char *name)
{
	char line[96];

	if (getpid() != torture.pid)
		return;
	torture.passed++;
	snprintf(line, sizeof(line), "%s %lu %s\n", torture.where, torture.passed, name);
	torture_tell("SQUALL_TORTURE_NAMES", line);
	if (torture.passed != torture.at)
		return;
	if (strcmp(torture.who, "stop") != 0) {
		torture_strike();
		return;
	}
	/* first the runner, which would take a keeper that does not answer for hung */
	if (strcmp(torture.where, "keeper") == 0)
		kill(getppid(), SIGSTOP);
	kill(getpid(), SIGSTOP);
}

static int torture_fail(const char *name)
{
	return ++torture.failable == torture.fail_at ? torture.fail_with : 0;
}

static size_t torture_part(const char *name, size_t n)
{
	return getpid() == torture.pid && ++torture.writes == torture.short_at ? n / 2 : n;
}

static void torture_count(void)
{
	char line[96];

	snprintf(line, sizeof(line), "%s boundaries %lu fails %lu writes %lu\n", torture.where,
	         torture.passed, torture.failable, torture.writes);
	torture_tell("SQUALL_TORTURE_COUNT", line);
}

void boundary_torture(const char *where)
{
	static const struct {
		const char *name;
		int code;
	} codes[] = {{"EIO", -EIO}, {"EPERM", -EPERM}, {"ENOSPC", -ENOSPC}};
	const char *kill_at = getenv("SQUALL_TORTURE"), *fail = getenv("SQUALL_TORTURE_FAIL");
	char who[16], place[16], code[16];
	unsigned long at;

	torture.pid = getpid();
	snprintf(torture.where, sizeof(torture.where), "%s", where);
	if (kill_at && sscanf(kill_at, "%15[a-z]@%15[a-z]:%lu", who, place, &at) == 3 &&
	    strcmp(place, where) == 0) {
		snprintf(torture.who, sizeof(torture.who), "%s", who);
		torture.at = at;
	}
	if (fail && strcmp(where, "keeper") == 0 && sscanf(fail, "%lu:%15[A-Z]", &at, code) == 2) {
		for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
			if (strcmp(codes[i].name, code) == 0)
				torture.fail_with = codes[i].code;
		torture.fail_at = torture.fail_with ? at : 0;
		torture.short_at = strcmp(code, "SHORT") == 0 ? at : 0;
	}
	boundary_hook = torture_pass;
	boundary_fail_hook = torture_fail;
	boundary_part_hook = torture_part;
	atexit(torture_count);
}
#endif
