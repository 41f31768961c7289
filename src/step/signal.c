/* signal.c - a process that is stopped, or runs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/boundary.h"
#include "base/clock.h"
#include "step/step.h"

/* How long the kernel may take until every thread has noticed the signal. */
enum { SETTLE_MS = 200 };

struct tasks {
	size_t live, stopped;
};

/* As getdents64(2) lays it out; readdir(3) would allocate. */
struct task_entry {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

static void task_count(struct tasks *t, const struct world *w, pid_t tid)
{
	struct proc_stat st = {0};
	/* A thread that is gone meanwhile is not counted. */
	if (proc_stat_read(w, tid, &st, NULL) < 0 || strchr("ZXx", st.state))
		return;
	t->live++;
	/* 't': a traced process that was stopped by a signal looks so too. */
	t->stopped += st.state == 'T' || st.state == 't';
}

static void tasks_count(const struct world *w, pid_t pid, struct tasks *t)
{
	BUF(path, 48);
	_Alignas(struct task_entry) char chunk[4096];
	buf_addf(&path, "/proc/%d/task", pid);
	_cleanup_fd_ int dir = world_openat(w, path.data, O_RDONLY | O_DIRECTORY);
	if (dir < 0) { /* a recorded machine has no threads */
		task_count(t, w, pid);
		return;
	}
	for (;;) {
		long n = syscall(SYS_getdents64, dir, chunk, sizeof(chunk));
		if (n <= 0)
			return;
		for (long at = 0; at < n;) {
			struct task_entry head;
			memcpy(&head, chunk + at, sizeof(head));
			long tid = strtol(chunk + at + offsetof(struct task_entry, name), NULL, 10);
			if (tid > 0)
				task_count(t, w, (pid_t)tid);
			at += head.len;
		}
	}
}

/* "running" or "stopped": stopped when each thread is. */
static int state_read(const struct world *w, const char *object, const char **state,
                      struct err *err)
{
	struct proc_id id = {0}, seen = {0};
	struct tasks t = {0};
	int code = proc_id_parse(object, &id, err);
	if (code < 0)
		return code;
	code = proc_id_read(w, id.pid, &seen, err);
	if (code == -ESRCH || (code == 0 && seen.start != id.start))
		return err_set(err, -ESTALE, "process %s is gone", object);
	if (code < 0)
		return code;
	tasks_count(w, id.pid, &t);
	if (t.live == 0)
		return err_set(err, -ESTALE, "process %s is gone", object);
	*state = t.stopped == t.live ? "stopped" : "running";
	return 0;
}

static int signal_open(struct hold *h, const char *object, struct err *err)
{
	struct proc_id id = {0};
	int code = proc_id_parse(object, &id, err);
	if (code < 0)
		return code;
	return hold_process(h, id, object, err);
}

static int signal_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	const char *s = "";
	int code = state_read(w, object, &s, err);
	if (code < 0)
		return code;
	buf_reset(state);
	buf_add(state, s);
	return 0;
}

/* kill(2): a process of his, in one of the two senses that count. */
static bool signal_may(const struct world *w, const char *object, uid_t uid)
{
	struct proc_id id = {0};
	unsigned real, saved;
	const char *line;
	BUF(text, 8192);
	int code = proc_id_parse(object, &id, NULL);
	if (code == 0)
		code = world_readf(w, &text, NULL, "/proc/%d/status", id.pid);
	line = code == 0 || code == -EFBIG ? strstr(text.data, "\nUid:") : NULL;
	return line && sscanf(line, "\nUid: %u %*u %u", &real, &saved) == 2 &&
	       (real == uid || saved == uid);
}

static int signal_set(struct hold *h, const char *object, const char *now, const char *to,
                      struct buf *landed, struct err *err)
{
	bool stop = strcmp(to, "stopped") == 0;
	const char *seen = "";
	int code = BOUNDARY_FAIL("set signal");
	if (code < 0)
		return err_sys(err, -code, "could not signal process %s", object);
	if (!stop && strcmp(to, "running") != 0)
		return err_set(err, -EINVAL, "a process is \"running\" or \"stopped\", not \"%s\"",
		               to);
	if (h->fd[0] < 0 && (code = signal_open(h, object, err)) < 0)
		return code;
	/* To run, SIGCONT is sent even when the process looks running: it takes back a SIGSTOP that
	 * a thread in an uninterruptible wait has not yet seen (signal(7)). */
	if (!stop || strcmp(now, to) != 0) {
		code = pidfd_signal(h->fd[0], stop ? SIGSTOP : SIGCONT);
		if (code == -ESRCH)
			return err_set(err, -ESTALE, "process %s is gone", object);
		if (code < 0)
			return err_sys(err, -code, "could not %s process %s",
			               stop ? "stop" : "continue", object);
	}
	uint64_t until = clock_boot_ns() + SETTLE_MS * 1000000ull;
	for (struct timespec pause = {.tv_nsec = 50000};; nanosleep(&pause, NULL)) {
		code = state_read(h->world, object, &seen, err);
		if (code < 0)
			return code;
		if (strcmp(seen, to) == 0)
			break;
		if (clock_boot_ns() >= until)
			return err_hint(err,
			                err_set(err, -ETIMEDOUT,
			                        "process %s is still %s %d ms after the signal",
			                        object, seen, SETTLE_MS),
			                "A thread in an uninterruptible wait (state D) stops only "
			                "when that ends.");
		if (pause.tv_nsec < 2000000)
			pause.tv_nsec *= 2;
	}
	buf_reset(landed);
	buf_add(landed, seen);
	return 0;
}

static int signal_merge(const char *object, const char *base, const char *const *claims, size_t n,
                        struct buf *to, struct err *err)
{
	bool stop = false;
	for (size_t i = 0; i < n; i++)
		stop = stop || strcmp(claims[i], "stopped") == 0;
	buf_reset(to);
	buf_add(to, stop ? "stopped" : "running");
	return 0;
}

static int signal_meter(const struct hold *h, const char *object, struct counters *to,
                        struct err *err)
{
	struct proc_id id = {0};
	struct proc_stat st = {0};
	const char *state = "";
	int code = state_read(h->world, object, &state, err);
	if (code == 0)
		code = proc_id_parse(object, &id, err);
	if (code == 0)
		code = proc_stat_read(h->world, id.pid, &st, err);
	if (code < 0)
		return code == -ESRCH ? err_set(err, -ESTALE, "process %s is gone", object) : code;
	counters_add(to, "stopped", strcmp(state, "stopped") == 0);
	counters_add(to, "cpu_ticks", st.utime + st.stime);
	return 0;
}

static void signal_by_hand(const char *object, const char *base, const char *claim, struct buf *to)
{
	struct proc_id id = {0};
	if (proc_id_parse(object, &id, NULL) == 0)
		buf_addf(to, "kill -%s %d", strcmp(base, "stopped") ? "CONT" : "STOP", id.pid);
}

const struct step_type step_type_signal = {
        .name = "signal",
        .summary = "a process that is stopped, or runs",
        .flags = STEP_DIES_WITH_BOOT | STEP_LEAN | STEP_TIDY,
        .open = signal_open,
        .get = signal_get,
        .set = signal_set,
        .may = signal_may,
        .merge = signal_merge,
        .meter = signal_meter,
        .by_hand = signal_by_hand,
};
