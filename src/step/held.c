/* held.c - something that a helper holds for as long as it lives: CPU time, memory, disk space. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/amount.h"
#include "base/boundary.h"
#include "base/held.h"
#include "base/wire.h"
#include "step/holder.h"

/* What is held goes with the holder, memory the slowest. */
#define PATIENCE_NS_PER_GIB 200000000ull

/* Whether a helper may hold something there: known before anything is logged. */
static int place_may(int place, const struct held_object *o, struct err *err)
{
	bool folder = strcmp(o->kind, "space") == 0;
	int code;

	if (faccessat(place, folder ? "." : "cgroup.procs", W_OK, AT_EACCESS) == 0)
		return 0;
	code = err_sys(err, errno, folder ? "cannot write in \"%s\"" : "cannot enter cgroup \"%s\"",
	               o->where);
	return err_hint(err, code,
	                folder ? "Name a folder on that file system where you may write."
	                       : "Who is not root may enter what was delegated, from within it.");
}

static int held_open(struct hold *h, const char *object, struct err *err)
{
	struct held_object o;
	int code = held_object_parse(object, &o, err);

	if (code == 0 && o.where[0]) {
		_cleanup_fd_ int place = held_place_open(h->world, &o, err);

		if (place < 0)
			return place;
		/* who only puts back need not be able to */
		if (h->spawn && world_is_real(h->world))
			code = place_may(place, &o, err);
	}
	if (code < 0 || !world_is_real(h->world))
		return code;
	h->page = held_page_make(err);
	return h->page < 0 ? h->page : 0;
}

/* "left": the holder is gone and nothing is held any more, but its card is still there. */
static int held_get(const struct world *w, const char *object, struct buf *state, struct err *err)
{
	struct held_object o;
	struct held_card card = {.holder = {0}};
	int code = held_object_parse(object, &o, err);

	if (code == 0 && world_is_real(w))
		code = held_card_read(o.name, &card, err);
	if (code < 0)
		return code;
	buf_reset(state);
	buf_add(state, card.holder.pid == 0            ? "absent"
	               : proc_id_alive(w, card.holder) ? card.state
	                                               : "left");
	return 0;
}

static int order(const struct hold *h, const char *what, const char *state, struct err *err)
{
	struct wire m;
	int code;

	wire_start(&m, "hold");
	code = wire_add(&m, state);
	code = code < 0 ? code : wire_send(h->holder.sock, &m);
	return code < 0 ? holder_unsent(code, what, err) : holder_answer(&h->holder, what, err);
}

static int put(struct hold *h, const char *object, const struct held_object *o, const char *to,
               struct err *err)
{
	const char *args[] = {object, NULL};
	int code = 0;

	if (h->holder.sock < 0) {
		if (!h->spawn)
			return err_set(err, -ENOTSUP, "no helper can be started here");
		code = h->spawn(h, o->kind, args, err);
		if (code < 0)
			return code;
		BOUNDARY("held: helper started");
		code = holder_answer(&h->holder, o->kind, err);
	}
	if (code == 0)
		code = order(h, o->kind, to, err);
	BOUNDARY("held: ordered");
	return code;
}

/* Without the helper's own word, in undo, as much as was asked for: all memory where that is no
 * number. */
static uint64_t held_bytes(const struct hold *h)
{
	struct counters c = {.n = 0};
	struct amount asked;
	const char *rest;

	if (h->page >= 0 && held_page_read(h->page, &c, NULL) == 0 &&
	    counters_get(&c, "held_bytes"))
		return counters_get(&c, "held_bytes");
	if (!h->claim || amount_parse(h->claim, &asked, &rest, NULL) < 0)
		return 0;
	return asked.kind == AMOUNT_BYTES
	               ? asked.value
	               : (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t patience_ns(const struct hold *h)
{
	return HOLDER_PATIENCE_NS + (held_bytes(h) >> 30) * PATIENCE_NS_PER_GIB;
}

/* One that was ended just then may have left the name behind. */
static void file_remove(const struct world *w, const struct held_object *o)
{
	_cleanup_fd_ int place = held_place_open(w, o, NULL);
	BUF(name, HELD_NAME_MAX + 16);

	held_file_name(o, &name);
	if (place >= 0)
		(void)unlinkat(place, name.data, 0);
}

/* The log may not know the holder yet: its card does. */
static int release(struct hold *h, const struct held_object *o, struct err *err)
{
	struct held_card card;
	int code;

	if (h->holder.id.pid == 0 && held_card_read(o->name, &card, NULL) == 0)
		h->holder.id = card.holder;
	code = holder_end(h, o->kind, patience_ns(h), err);
	if (code == 0 && strcmp(o->kind, "space") == 0)
		file_remove(h->world, o);
	if (code == 0)
		held_card_remove(o->name);
	return code;
}

static int held_set(struct hold *h, const char *object, const char *now, const char *to,
                    struct buf *landed, struct err *err)
{
	struct held_object o;
	int code = BOUNDARY_FAIL("set held");

	if (code < 0)
		return err_sys(err, -code, "could not change what is held: \"%s\"", object);
	code = held_object_parse(object, &o, err);
	if (code == 0)
		code = strcmp(to, "absent") == 0 ? release(h, &o, err)
		                                 : put(h, object, &o, to, err);
	return code < 0 ? code : held_get(h->world, object, landed, err);
}

/* How many processes the kernel has killed for want of memory since it was started. */
static uint64_t oom_kills(const struct world *w)
{
	char text[16384];
	struct buf b;
	const char *line;

	buf_init(&b, text, sizeof(text));
	if (world_read(w, "/proc/vmstat", &b, NULL) < 0)
		return 0;
	line = strstr(b.data, "\noom_kill ");
	return line ? strtoull(line + 10, NULL, 10) : 0;
}

/* The helper's own counters; and how it ended, if it did by itself. */
static int held_meter(const struct hold *h, const char *object, struct counters *to,
                      struct err *err)
{
	struct counters seen = {.n = 0};
	int code = h->page < 0 ? 0 : held_page_read(h->page, &seen, err);

	if (code < 0)
		return code;
	for (size_t i = 0; i < seen.n; i++)
		if (strcmp(seen.v[i].name, "oom_kills") != 0)
			counters_add(to, seen.v[i].name, seen.v[i].value);
	if (h->holder.id.pid == 0 || proc_id_alive(h->world, h->holder.id))
		return 0;
	counters_add(to, "lost", 1);
	if (oom_kills(h->world) > counters_get(&seen, "oom_kills"))
		counters_add(to, "lost_to_oom", 1);
	return 0;
}

static const char *const levels[] = {"cpus",        "held_bytes", "most_bytes", "goal_bytes",
                                     "asked_bytes", "left_bytes", "reach_ns",   "lost",
                                     "left_alone",  NULL};

/* Whatever was held, this is what a holder that died leaves of it: so that the card goes as well.
 */
static bool held_same(const char *want, const char *seen)
{
	return strcmp(seen, "left") == 0 && strcmp(want, "absent") != 0;
}

static void held_by_hand(const char *object, const char *base, const char *landed, struct buf *to)
{
	struct held_object o;
	struct held_card card;

	if (strcmp(base, "absent") == 0 && held_object_parse(object, &o, NULL) == 0 &&
	    held_card_read(o.name, &card, NULL) == 0 && card.holder.pid > 0)
		buf_addf(to, "kill -KILL %d", card.holder.pid);
}

const struct step_type step_type_held = {
        .name = "held",
        .summary = "CPU time, memory or disk space that a helper holds",
        /* tidy: a holder that was stopped before it obeyed may yet take it */
        .flags = STEP_DIES_WITH_HOLDER | STEP_DIES_WITH_BOOT | STEP_LEAN | STEP_TIDY,
        .open = held_open,
        .get = held_get,
        .set = held_set,
        .meter = held_meter,
        .levels = levels,
        .same = held_same,
        .by_hand = held_by_hand,
};
