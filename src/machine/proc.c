/* The processes of a machine, from /proc. */
#include "machine/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine/user.h"

enum {
	KERNEL_THREAD = 0x00200000, /* PF_KTHREAD, include/linux/sched.h */
	COMM_CUT = 15,              /* TASK_COMM_LEN - 1 */
};

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void read_exe(const struct world *w, struct proc *p)
{
	static const char deleted[] = " (deleted)";
	struct buf to;
	char path[32];

	buf_init(&to, p->exe, sizeof(p->exe));
	snprintf(path, sizeof(path), "/proc/%d/exe", p->id.pid);
	if (world_readlink(w, path, &to, NULL) < 0 || to.over) {
		buf_reset(&to);
		return;
	}
	if (to.len > strlen(deleted) && strcmp(to.data + to.len - strlen(deleted), deleted) == 0)
		to.data[to.len - strlen(deleted)] = '\0';
}

/* Opened by hand: the command line may be longer than what is kept of it. */
static void read_cmdline(const struct world *w, struct proc *p)
{
	_cleanup_fd_ int fd = -1;
	char path[32];
	ssize_t n;

	p->cmdline[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/cmdline", p->id.pid);
	fd = world_openat(w, path, O_RDONLY);
	if (fd < 0)
		return;
	n = read(fd, p->cmdline, sizeof(p->cmdline) - 1);
	while (n > 0 && p->cmdline[n - 1] == '\0')
		n--;
	if (n < 0)
		n = 0;
	p->cmdline[n] = '\0';
	for (ssize_t i = 0; i < n; i++) {
		if (p->cmdline[i] == '\0' || p->cmdline[i] == '\n')
			p->cmdline[i] = ' ';
	}
}

static int read_uid(const struct world *w, struct proc *p, struct err *err)
{
	const char *line;
	unsigned uid;
	int ret;
	BUF(text, 8192);

	ret = world_readf(w, &text, err, "/proc/%d/status", p->id.pid);
	if (ret < 0 && ret != -EFBIG)
		return ret;
	line = strstr(text.data, "\nUid:");
	if (!line || sscanf(line, "\nUid: %*u %u", &uid) != 1)
		return err_set(err, -EINVAL, "cannot read the user of process %d", p->id.pid);
	p->uid = uid;
	return 0;
}

int proc_read(const struct world *w, pid_t pid, unsigned what, struct proc *p, struct err *err)
{
	struct proc_stat st;
	int ret = proc_stat_read(w, pid, &st, err);

	if (ret < 0)
		return ret;
	*p = (struct proc){.id = {.pid = pid, .start = st.start},
	                   .ppid = st.ppid,
	                   .session = st.session,
	                   .state = st.state,
	                   .kernel = (st.flags & KERNEL_THREAD) != 0};
	memcpy(p->comm, st.comm, sizeof(p->comm));
	if (what & PROC_EXE)
		read_exe(w, p);
	if (what & PROC_CMDLINE)
		read_cmdline(w, p);
	if (what & PROC_UID) {
		ret = read_uid(w, p, err);
		if (ret < 0)
			return ret == -ENOENT ? -ESRCH : ret;
	}
	return 0;
}

struct proc_walk {
	const struct world *w;
	unsigned what;
	int (*each)(void *, const struct proc *);
	void *ctx;
};

static int walk_each(void *ctx, const char *name)
{
	struct proc_walk *walk = ctx;
	struct proc p;
	char *end;
	long pid = strtol(name, &end, 10);

	if (*end || pid <= 0)
		return 0;
	if (proc_read(walk->w, (pid_t)pid, walk->what, &p, NULL) < 0)
		return 0; /* ended meanwhile */
	if (p.state == 'Z' || p.state == 'X')
		return 0;
	return walk->each(walk->ctx, &p);
}

int proc_each(const struct world *w, unsigned what, int (*each)(void *ctx, const struct proc *),
              void *ctx, struct err *err)
{
	struct proc_walk walk = {.w = w, .what = what, .each = each, .ctx = ctx};

	return world_list(w, "/proc", walk_each, &walk, err);
}

static bool glob_matches(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, 0) == 0;
}

static bool name_matches(const char *name, const struct proc *p)
{
	char argv0[256];

	if (glob_matches(name, p->comm))
		return true;
	if (p->kernel || strlen(p->comm) < COMM_CUT)
		return false;
	snprintf(argv0, sizeof(argv0), "%.*s", (int)strcspn(p->cmdline, " "), p->cmdline);
	return glob_matches(name, file_name(p->exe)) || glob_matches(name, file_name(argv0));
}

static bool exe_matches(const char *exe, const struct proc *p)
{
	return p->exe[0] && glob_matches(exe, *exe == '/' ? p->exe : file_name(p->exe));
}

static bool parent_matches(const struct proc_query *q, const struct proc *p)
{
	struct proc_stat st;
	char *end;
	long pid = strtol(q->match.parent, &end, 10);

	if (*end == '\0')
		return p->ppid == pid;
	return p->ppid > 0 && proc_stat_read(q->w, p->ppid, &st, NULL) == 0 &&
	       glob_matches(q->match.parent, st.comm);
}

/* The sockets that listen on the port in the namespace that p lives in. NULL: cannot be seen. */
static const struct socket_set *query_sockets(struct proc_query *q, const struct proc *p)
{
	struct proc_query_ns *grown;
	unsigned long long ino;
	char path[32];
	BUF(link, 64);

	snprintf(path, sizeof(path), "/proc/%d/ns/net", p->id.pid);
	if (world_readlink(q->w, path, &link, NULL) < 0 ||
	    sscanf(link.data, "net:[%llu]", &ino) != 1)
		return NULL;
	for (size_t i = 0; i < q->ns_n; i++) {
		if (q->ns[i].ino == ino)
			return &q->ns[i].set;
	}
	grown = realloc(q->ns, (q->ns_n + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	q->ns = grown;
	grown[q->ns_n] = (struct proc_query_ns){.ino = ino};
	if (socket_set_add(&grown[q->ns_n].set, q->w, p->id.pid, &q->port, NULL) < 0) {
		socket_set_release(&grown[q->ns_n].set);
		return NULL;
	}
	return &grown[q->ns_n++].set;
}

static bool listens(struct proc_query *q, const struct proc *p)
{
	const struct socket_set *set;
	int ret;

	if (p->kernel)
		return false;
	set = query_sockets(q, p);
	ret = set ? proc_holds_socket(q->w, p->id.pid, set) : -EACCES;
	if (ret == -EACCES)
		q->hidden++;
	return ret == 1;
}

int proc_query_init(struct proc_query *q, const struct world *w, const struct proc_match *match,
                    struct err *err)
{
	struct proc_query made = {.w = w, .match = *match};
	int ret = 0;

	if (match->name)
		made.what |= PROC_EXE | PROC_CMDLINE;
	if (match->exe)
		made.what |= PROC_EXE;
	if (match->cmdline)
		made.what |= PROC_CMDLINE;
	if (match->pid && strchr(match->pid, '@')) {
		ret = proc_id_parse(match->pid, &made.pid, err);
	} else if (match->pid) {
		char *end;
		long pid = strtol(match->pid, &end, 10);

		if (*end || end == match->pid || pid <= 0 || pid > 1 << 22)
			return err_set(err, -EINVAL, "\"%s\" is not a process number", match->pid);
		made.pid.pid = (pid_t)pid;
	}
	if (ret == 0 && match->user) {
		made.what |= PROC_UID;
		ret = user_find(w, match->user, &made.uid, err);
	}
	if (ret == 0 && match->listens)
		ret = port_parse(match->listens, &made.port, err);
	if (ret == 0)
		*q = made;
	return ret;
}

bool proc_query_matches(struct proc_query *q, const struct proc *p)
{
	const struct proc_match *m = &q->match;

	if (m->pid && (p->id.pid != q->pid.pid || (q->pid.start && p->id.start != q->pid.start)))
		return false;
	if (m->name && !name_matches(m->name, p))
		return false;
	if (m->exe && !exe_matches(m->exe, p))
		return false;
	if (m->cmdline && !strstr(p->cmdline, m->cmdline))
		return false;
	if (m->user && p->uid != q->uid)
		return false;
	if (m->parent && !parent_matches(q, p))
		return false;
	return !m->listens || listens(q, p);
}

void proc_query_release(struct proc_query *q)
{
	for (size_t i = 0; i < q->ns_n; i++)
		socket_set_release(&q->ns[i].set);
	free(q->ns);
	q->ns = NULL;
	q->ns_n = 0;
}

struct find_walk {
	struct proc_query *q;
	int (*each)(void *, const struct proc *);
	void *ctx;
};

static int find_each(void *ctx, const struct proc *p)
{
	struct find_walk *walk = ctx;

	return proc_query_matches(walk->q, p) ? walk->each(walk->ctx, p) : 0;
}

int proc_find(const struct world *w, const struct proc_match *match,
              int (*each)(void *ctx, const struct proc *), void *ctx, struct err *err)
{
	struct proc_query q cleanup(proc_query_release) = {0};
	struct find_walk walk = {.q = &q, .each = each, .ctx = ctx};
	int ret = proc_query_init(&q, w, match, err);

	if (ret < 0)
		return ret;
	return proc_each(w, q.what, find_each, &walk, err);
}
