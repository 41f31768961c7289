/* held.c - the loop of a helper that holds something. */
#include "helper/held.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/wire.h"
#include "helper/answer.h"

/* How soon a group that everybody else has left is left. */
#define LOOK_NS 500000000ull

struct loop {
	const struct held_kind *kind;
	void *ctx;
	struct held h;
	struct held_card card;
	bool had_company;
	uint64_t looked_ns;
};

uint64_t *held_counter(struct held *h, const char *name)
{
	counters_add(h->page, name, 0);
	for (size_t i = 0; i < h->page->n; i++)
		if (strcmp(h->page->v[i].name, name) == 0)
			return &h->page->v[i].value;
	abort(); /* more names than COUNTERS_MAX: a mistake of this program */
}

void held_count(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static int page_map(struct held *h, struct err *err)
{
	void *p = mmap(NULL, sizeof(*h->page), PROT_READ | PROT_WRITE, MAP_SHARED, HELPER_PAGE, 0);

	if (p == MAP_FAILED)
		return err_sys(err, errno, "could not map the page of counters");
	h->page = p;
	memset(p, 0, sizeof(*h->page)); /* of an earlier helper for the same object */
	return 0;
}

/* What the kernel has counted so far, so that the meter can tell whether it went on. */
static void oom_note(struct held *h)
{
	char text[16384];
	struct buf b;
	const char *line;

	buf_init(&b, text, sizeof(text));
	if (world_read(&h->world, "/proc/vmstat", &b, NULL) < 0)
		return;
	line = strstr(b.data, "\noom_kill ");
	held_count(held_counter(h, "oom_kills"), line ? strtoull(line + 10, NULL, 10) : 0);
}

/* "0" is the process that writes (cgroups(7)). */
static int cgroup_enter(const struct held *h, struct err *err)
{
	_cleanup_fd_ int dir = held_place_open(&h->world, &h->object, err);
	_cleanup_fd_ int fd = dir < 0 ? dir : openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (dir < 0)
		return dir;
	if (fd < 0 || write(fd, "0", 1) != 1) {
		int code = errno;

		(void)err_sys(err, code, "could not enter cgroup \"%s\"", h->object.where);
		if (code == EBUSY || code == EOPNOTSUPP)
			return err_hint(err, -code,
			                "In version 2 only a group without groups below it has "
			                "processes: aim at one of those.");
		if (code == EACCES || code == EPERM)
			return err_hint(err, -code,
			                "Who is not root may enter what was delegated, from within "
			                "it.");
		return -code;
	}
	return 0;
}

/* Is anybody but this process in the group? */
static bool has_company(const struct held *h)
{
	char text[4096], path[HELD_WHERE_MAX + 16];
	struct buf b;
	int code;

	snprintf(path, sizeof(path), "%s/cgroup.procs", h->object.where);
	buf_init(&b, text, sizeof(text));
	code = world_read(&h->world, path, &b, NULL);
	/* more than fits is company enough */
	return code == -EFBIG || (code == 0 && strchr(b.data, '\n'));
}

static bool is_left_alone(struct loop *l)
{
	uint64_t now = clock_boot_ns();

	if (!l->kind->in_cgroup || !l->h.object.where[0] || now - l->looked_ns < LOOK_NS)
		return false;
	l->looked_ns = now;
	if (has_company(&l->h)) {
		l->had_company = true;
		return false;
	}
	if (l->had_company)
		held_count(held_counter(&l->h, "left_alone"), 1);
	return l->had_company;
}

static int begin(struct loop *l, const char *const *args, struct err *err)
{
	int code = args[0] ? held_object_parse(args[0], &l->h.object, err)
	                   : err_set(err, -EINVAL, "helper needs the object that it holds");

	code = code < 0 ? code : page_map(&l->h, err);
	code = code < 0 ? code : world_open_real(&l->h.world, err);
	code = code < 0 ? code : proc_id_read(&l->h.world, getpid(), &l->card.holder, err);
	if (code < 0)
		return code;
	oom_note(&l->h);
	if (l->kind->in_cgroup && l->h.object.where[0])
		code = cgroup_enter(&l->h, err);
	(void)text_copy(l->card.state, sizeof(l->card.state), "absent");
	return code < 0 ? code : held_card_make(&l->h.world, l->h.object.name, &l->card, err);
}

static int obey(struct loop *l, const char *const *argv, int argc, struct err *err)
{
	struct held_card before = l->card;
	int code;

	if (argc != 2 || strcmp(argv[0], "hold") != 0 ||
	    text_copy(l->card.state, sizeof(l->card.state), argv[1]) < 0)
		return err_set(err, -EPROTO, "helper does not know this order");
	code = held_card_change(l->h.object.name, &l->card, err);
	if (code == 0)
		code = l->kind->order(l->ctx, &l->h, argv[1], err);
	if (code < 0) {
		l->card = before;
		(void)!held_card_change(l->h.object.name, &before, NULL);
	}
	return code;
}

/* 0: nothing was there, or it was refused; 1: an order is obeyed; negative: the keeper is gone. */
static int hear(struct loop *l, int sock)
{
	const char *argv[WIRE_ARGS];
	struct err err = ERR_INIT;
	struct wire m;
	int code = wire_recv(sock, &m, false), obeyed;

	if (code == -EAGAIN)
		return 0;
	if (code < 0)
		return code;
	obeyed = obey(l, argv, wire_split(&m, argv), &err);
	code = answer(sock, obeyed, &err);
	return code < 0 ? code : obeyed == 0;
}

static void serve(struct loop *l, int sock)
{
	bool ordered = false;

	for (;;) {
		uint64_t wait = ordered ? l->kind->work(l->ctx, &l->h) : LOOK_NS;
		struct timespec t;
		struct pollfd p = {.fd = sock, .events = POLLIN};
		int code;

		if (is_left_alone(l))
			return;
		wait = wait < LOOK_NS ? wait : LOOK_NS;
		t = (struct timespec){.tv_nsec = (long)wait};
		if (ppoll(&p, 1, &t, NULL) < 0 && errno != EINTR)
			return;
		code = hear(l, sock);
		if (code < 0)
			return;
		ordered |= code > 0;
	}
}

int held_main(int sock, const char *const *args, const struct held_kind *kind, void *ctx)
{
	struct loop l = {.kind = kind, .ctx = ctx};
	struct err err = ERR_INIT;
	int code = begin(&l, args, &err);

	if (answer(sock, code, &err) < 0 || code < 0)
		return 1;
	serve(&l, sock);
	return 0;
}
