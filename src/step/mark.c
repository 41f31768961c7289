/* mark.c - the sockets of one process, which a helper keeps marked. */
#include "step/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/boundary.h"
#include "base/held.h"
#include "base/netlink.h"
#include "base/wire.h"
#include "step/holder.h"

static const char held[] = "the marks of a process's sockets";

/* hold->fd[] */
enum { FD_PROCESS, FD_FDS, FD_DIAG };
/* For connections that are about to be accepted. */
enum { CLEAR_TRIES = 20, CLEAR_PAUSE_NS = 10000000 };

struct object {
	struct proc_id id;
	uint32_t mark;
	char card[HELD_NAME_MAX], prefix[HELD_NAME_MAX]; /* of all cards of this process */
};

void mark_object_format(struct proc_id id, const char *run, unsigned n, struct buf *to)
{
	char name[HELD_NAME_MAX];

	held_name(run, n, name);
	proc_id_format(to, id);
	buf_addf(to, " %s", name);
}

void mark_state_format(struct proc_id id, const char *cgroup, struct buf *to)
{
	buf_addf(to, "0x%04x/0x%04x", sockmark_of(id.pid), SOCKMARK_MASK);
	if (cgroup)
		buf_addf(to, " new=%s", cgroup);
}

static int object_parse(const char *text, struct object *o, struct err *err)
{
	const char *name = strchr(text, ' ');
	struct buf card, prefix;
	BUF(id, 48);

	if (name)
		buf_addf(&id, "%.*s", (int)(name - text), text);
	if (!name || proc_id_parse(id.data, &o->id, NULL) < 0)
		return err_set(err, -EINVAL, "\"%s\" is not PID@START NAME", text);
	o->mark = sockmark_of(o->id.pid);
	buf_init(&prefix, o->prefix, sizeof(o->prefix));
	buf_addf(&prefix, "%d-%llu-", o->id.pid, (unsigned long long)o->id.start);
	buf_init(&card, o->card, sizeof(o->card));
	buf_addf(&card, "%s%s", o->prefix, name + 1);
	return card.over ? err_set(err, -EINVAL, "the name \"%s\" is too long", name + 1) : 0;
}

static struct sockmark_process process_of(const struct hold *h)
{
	return (struct sockmark_process){.pidfd = h->fd[FD_PROCESS], .fds = h->fd[FD_FDS]};
}

/* How many sockets carry the value, the process's own and others'. */
static int left_count(const struct hold *h, uint32_t mark, struct sockmark_left *left,
                      struct err *err)
{
	struct sockmark_process p = process_of(h);
	struct sockmark_seen seen = {0};
	int code = 0;

	*left = (struct sockmark_left){0};
	if (h->fd[FD_DIAG] >= 0)
		code = sockmark_left(h->fd[FD_DIAG], mark, left, err);
	if (code < 0)
		return code;
	/* what diagnostics do not list: raw sockets, and those of ping */
	if (p.fds >= 0)
		sockmark_walk(&p, mark, SOCKMARK_LOOK, &seen);
	if (left->owned < seen.marked)
		left->owned = seen.marked;
	return 0;
}

static int state_read(const struct hold *h, const struct object *o, struct buf *state,
                      struct err *err)
{
	struct sockmark_left left;
	struct held_card card;
	int code = held_card_read(o->card, &card, err);

	if (code < 0)
		return code;
	buf_reset(state);
	if (card.holder.pid) {
		bool obeys = proc_id_alive(h->world, card.holder) && card.state[0] == '0';

		buf_add(state, obeys ? card.state : "left");
		return 0;
	}
	/* what others see to is not left */
	if (held_cards_live(h->world, o->prefix, o->card)) {
		buf_add(state, "clear");
		return 0;
	}
	code = left_count(h, o->mark, &left, err);
	if (code < 0)
		return code;
	if (!left.owned && !left.queued && !proc_id_alive(h->world, o->id))
		return err_set(err, -ESTALE, "process %d is gone", o->id.pid);
	buf_add(state, left.owned || left.queued ? "left" : "clear");
	return 0;
}

/* Where the kernel cannot list sockets, those of the process are all that is looked at. */
static int diag_open(struct hold *h, pid_t pid, struct err *err)
{
	BUF(path, 48);

	buf_addf(&path, "/proc/%d/ns/net", pid);
	_cleanup_fd_ int ns = world_openat(h->world, path.data, O_RDONLY);
	if (ns == -ENOENT || ns == -ESRCH)
		return err_set(err, -ESTALE, "process %d is gone", pid);
	if (ns < 0)
		return err_sys(err, -ns, "could not open network namespace \"%s\"", path.data);
	int code = nl_open_in(ns, NETLINK_SOCK_DIAG, &h->fd[FD_DIAG], err);
	return code == -EPROTONOSUPPORT ? 0 : code;
}

static int process_open(struct hold *h, const struct object *o, struct err *err)
{
	struct sockmark_process p = {.pidfd = -1, .fds = -1};
	int code = sockmark_open(h->world, o->id, &p, err);

	if (code == -ESRCH)
		return err_set(err, -ESTALE, "process %d is gone", o->id.pid);
	if (code < 0)
		return err_hint(err, code,
		                "Who marks sockets must be able to trace the process: "
		                "be root.");
	h->fd[FD_PROCESS] = p.pidfd;
	h->fd[FD_FDS] = p.fds;
	return diag_open(h, o->id.pid, err);
}

/* Nobody else's marks are taken for ours, and none are left by a run that is over. */
static int value_is_free(const struct hold *h, const struct object *o, struct err *err)
{
	struct sockmark_left left;
	int code;

	if (held_cards_live(h->world, o->prefix, o->card))
		return 0;
	code = left_count(h, o->mark, &left, err);
	if (code < 0 || !(left.owned + left.queued))
		return code;
	err_set(err, -EBUSY,
	        "%llu sockets carry mark 0x%04x/0x%04x, by which process %d would be "
	        "known",
	        (unsigned long long)(left.owned + left.queued), o->mark, SOCKMARK_MASK, o->id.pid);
	return err_hint(err, -EBUSY,
	                "Somebody else marks sockets, or another process that is attacked has a "
	                "number that looks the same.");
}

static int mark_open(struct hold *h, const char *text, struct err *err)
{
	struct object o;
	int code = object_parse(text, &o, err);

	if (code < 0 || !world_is_real(h->world))
		return code;
	code = process_open(h, &o, err);
	/* who only puts back does not ask */
	if (code == 0 && h->spawn)
		code = value_is_free(h, &o, err);
	if (code < 0)
		return code;
	h->page = held_page_make(err);
	return h->page < 0 ? h->page : 0;
}

static int mark_look(struct hold *h, const char *text, struct buf *state, struct err *err)
{
	struct object o;
	int code = object_parse(text, &o, err);

	if (code < 0)
		return code;
	if (world_is_real(h->world))
		return state_read(h, &o, state, err);
	buf_reset(state);
	buf_add(state, "clear");
	return 0;
}

static int mark_get(const struct world *w, const char *text, struct buf *state, struct err *err)
{
	struct object o;
	struct hold h;
	int code = object_parse(text, &o, err);

	if (code < 0)
		return code;
	hold_init(&h);
	h.world = w;
	code = world_is_real(w) ? process_open(&h, &o, err) : 0;
	if (code == 0)
		code = mark_look(&h, text, state, err);
	hold_release(&h);
	return code;
}

static int put(struct hold *h, const struct object *o, const char *to, struct err *err)
{
	BUF(helds, HELD_KIND_MAX + HELD_NAME_MAX);
	const char *args[] = {helds.data, NULL};
	struct wire m;
	int code = 0;

	buf_addf(&helds, "mark %s", o->card);
	if (h->holder.sock < 0) {
		if (!h->spawn)
			return err_set(err, -ENOTSUP, "no helper can be started here");
		code = h->spawn(h, "mark", args, err);
		if (code < 0)
			return code;
		BOUNDARY("mark: helper started");
		code = holder_answer(&h->holder, held, err);
	}
	wire_start(&m, "hold");
	if (code == 0)
		code = wire_add(&m, to);
	if (code == 0 && (code = wire_send(h->holder.sock, &m)) < 0)
		return holder_unsent(code, held, err);
	code = code < 0 ? code : holder_answer(&h->holder, held, err);
	BOUNDARY("mark: sockets marked");
	return code;
}

static int clear(struct hold *h, const struct object *o, struct err *err)
{
	struct sockmark_process p = process_of(h);
	struct sockmark_seen seen;
	struct sockmark_left left = {0};

	for (int turn = 0; turn < CLEAR_TRIES; turn++) {
		sockmark_walk(&p, o->mark, SOCKMARK_CLEAR, &seen);
		int code = left_count(h, o->mark, &left, err);

		if (code < 0 || !(left.owned + left.queued))
			return code;
		if (left.owned)
			sockmark_clear_all(h->world, o->mark);
		if (turn && h->busy)
			(void)h->busy(h);
		if (turn)
			nanosleep(&(struct timespec){.tv_nsec = CLEAR_PAUSE_NS}, NULL);
	}
	return err_set(err, -EBUSY,
	               "%llu sockets still carry mark 0x%04x/0x%04x, of them %llu in a queue of "
	               "connections to be accepted",
	               (unsigned long long)(left.owned + left.queued), o->mark, SOCKMARK_MASK,
	               (unsigned long long)left.queued);
}

/* The card goes before the marks: of several that end at once at least the last sees no other. */
static int release(struct hold *h, const struct object *o, struct err *err)
{
	struct held_card card;
	int code;

	if (h->holder.id.pid == 0 && held_card_read(o->card, &card, NULL) == 0)
		h->holder.id = card.holder;
	code = holder_end(h, held, HOLDER_PATIENCE_NS, err);
	if (code < 0)
		return code;
	held_card_remove(o->card);
	BOUNDARY("mark: card removed");
	return held_cards_live(h->world, o->prefix, o->card) ? 0 : clear(h, o, err);
}

static int mark_set(struct hold *h, const char *text, const char *now, const char *to,
                    struct buf *landed, struct err *err)
{
	struct object o;
	int code = BOUNDARY_FAIL("set mark");

	if (code < 0)
		return err_sys(err, -code, "could not change the marks of \"%s\"", text);
	code = object_parse(text, &o, err);
	if (code == 0)
		code = strcmp(to, "clear") == 0 ? release(h, &o, err) : put(h, &o, to, err);
	return code < 0 ? code : mark_look(h, text, landed, err);
}

static const char *const levels[] = {"marked_sockets", "foreign_sockets", "refused_sockets",
                                     "marked_at_birth", NULL};

static int mark_meter(const struct hold *h, const char *object, struct counters *to,
                      struct err *err)
{
	struct counters seen = {.n = 0};
	int code = h->page < 0 ? 0 : held_page_read(h->page, &seen, err);

	for (size_t i = 0; code == 0 && i < seen.n; i++)
		for (const char *const *level = levels; *level; level++)
			if (strcmp(seen.v[i].name, *level) == 0)
				counters_add(to, seen.v[i].name, seen.v[i].value);
	return code;
}

/* Whatever was wanted, this is what a helper that died leaves of it. */
static bool mark_same(const char *want, const char *seen)
{
	return strcmp(want, seen) == 0 || (strcmp(seen, "left") == 0 && strcmp(want, "clear") != 0);
}

const struct step_type step_type_mark = {
        .name = "mark",
        .summary = "the sockets of a process, marked",
        /* tidy: a helper that was stopped before it obeyed may yet mark */
        .flags = STEP_DIES_WITH_BOOT | STEP_LEAN | STEP_TIDY,
        .open = mark_open,
        .get = mark_get,
        .look = mark_look,
        .set = mark_set,
        .meter = mark_meter,
        .levels = levels,
        .same = mark_same,
};
