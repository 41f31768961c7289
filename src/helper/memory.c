/* memory.c - holds memory: touched, and locked where that is allowed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/amount.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/quantity.h"
#include "helper/held.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67 /* Linux 6.4 */
#endif

/*
 * STATE: an amount (base/amount.h), then " host=N": what must stay available to the machine, also
 * when the memory is held within a cgroup.
 *
 * All of it is one range of addresses, of which a part from the start is populated. It is looked at
 * again a few times a second: when others take so much that the floor is reached, memory is given
 * back; when they leave some, and a share or all but a rest was asked for, more is taken.
 */
#define CHUNK_BYTES (32ull << 20) /* between two looks at the floor and at the orders */
/* Huge pages are several times faster on most machines, and many times slower where a hypervisor
 * has taken large free blocks back (free page reporting): one is tried, and the same without; then
 * what was faster the last time it was used. */
#define TRY_BYTES HUGE_BYTES
#define HUGE_BYTES (2ull << 20)
#define LOOK_NS 250000000ull
#define SLACK_BYTES (4ull << 20) /* figures of the kernel waver by this much */

struct fill {
	struct amount amount;
	uint64_t host_floor;
	char *base;
	uint64_t reserved, held, page;
	uint64_t ordered_ns;
	uint64_t huge_ns, small_ns; /* what TRY_BYTES took the last time; 0: not tried yet */
	bool refused;               /* by the kernel, until the next order */
	bool reached;               /* and so to be kept without haste */
	uint64_t *held_c, *most_c, *goal_c, *asked_c, *room_c, *floor_c, *refused_c, *unlocked_c,
	        *reach_c;
};

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* Addresses for all the memory there is; what is not used of them costs nothing. */
static int range_reserve(struct fill *f, uint64_t bytes, struct err *err)
{
	uint64_t size = round_up(bytes, HUGE_BYTES) + HUGE_BYTES;
	char *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return err_hint(err, err_sys(err, errno, "could not reserve addresses"),
		                "A limit on address space (ulimit -v) may be in the way.");
	f->base = p + (HUGE_BYTES - (uintptr_t)p % HUGE_BYTES) % HUGE_BYTES;
	f->reserved = size - HUGE_BYTES;
	return 0;
}

/* Before Linux 5.14: a byte of each page. */
static void touch(volatile char *p, uint64_t n, uint64_t page)
{
	for (uint64_t i = 0; i < n; i += page)
		p[i] = 1;
}

static void give_back(struct fill *f, uint64_t to)
{
	char *p = f->base + to;

	if (mmap(p, f->held - to, PROT_NONE,
	         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED)
		f->held = to;
}

static void take(struct fill *f, uint64_t to)
{
	bool huge = !f->huge_ns || (f->small_ns && f->huge_ns <= f->small_ns);
	bool try = (!f->huge_ns || !f->small_ns) && to - f->held >= TRY_BYTES;
	char *p = f->base + f->held;
	uint64_t n = try ? TRY_BYTES : to - f->held, from = clock_boot_ns();
	int code = mprotect(p, n, PROT_READ | PROT_WRITE) < 0 ? errno : 0;

	(void)madvise(p, n, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (code == 0 && madvise(p, n, MADV_POPULATE_WRITE) < 0)
		code = errno;
	if (code == EINVAL) {
		touch(p, n, f->page);
		code = 0;
	}
	f->held += n;
	if (n >= TRY_BYTES)
		*(huge ? &f->huge_ns : &f->small_ns) =
		        (clock_boot_ns() - from) / (n / TRY_BYTES) + 1;
	if (code == EINTR)
		return; /* what is missing is populated by the lock, or in the next look */
	if (code) {
		give_back(f, f->held - n);
		f->refused = true;
		held_count(f->refused_c, 1);
		return;
	}
	/* else the kernel would swap it out: nobody uses it */
	if (mlock(p, n) < 0)
		held_count(f->unlocked_c, 1);
}

static uint64_t goal_of(const struct fill *f, const struct memory_room *room)
{
	uint64_t goal = amount_goal(&f->amount, f->held, room->available_bytes);
	uint64_t host = f->held + room->host_available_bytes;
	uint64_t most = host > f->host_floor ? host - f->host_floor : 0;

	if (f->host_floor && goal > most)
		goal = most;
	goal = goal < f->reserved ? goal : f->reserved;
	return f->amount.kind == AMOUNT_BYTES && goal == f->amount.value ? round_up(goal, f->page)
	                                                                 : goal / f->page * f->page;
}

static void tell(struct fill *f, const struct memory_room *room, uint64_t goal)
{
	uint64_t asked = amount_asked(&f->amount, f->held, room->available_bytes);

	held_count(f->goal_c, goal);
	held_count(f->asked_c, asked);
	held_count(f->room_c, room->available_bytes);
	held_count(f->floor_c, goal + f->page <= asked);
	held_count(f->held_c, f->held);
	if (f->held > *f->most_c)
		held_count(f->most_c, f->held);
}

static uint64_t memory_work(void *ctx, struct held *h)
{
	struct fill *f = ctx;
	struct memory_room room;
	uint64_t goal, slack = f->reached && f->amount.kind != AMOUNT_BYTES ? SLACK_BYTES : 0;

	/* A group that is gone has taken what it held with it. */
	if (memory_room_read(&h->world, h->object.where, &room, NULL) < 0)
		return LOOK_NS;
	goal = goal_of(f, &room);
	if (goal < f->held && f->held - goal > slack)
		give_back(f, goal);
	else if (goal > f->held && goal - f->held > slack && !f->refused)
		take(f, goal - f->held > CHUNK_BYTES ? f->held + CHUNK_BYTES : goal);
	tell(f, &room, goal);
	if (f->held < goal && goal - f->held > slack && !f->refused)
		return 0;
	if (!f->reached)
		held_count(f->reach_c, clock_boot_ns() - f->ordered_ns);
	f->reached = true;
	return LOOK_NS;
}

static void counters_make(struct fill *f, struct held *h)
{
	f->held_c = held_counter(h, "held_bytes");
	f->most_c = held_counter(h, "most_bytes");
	f->goal_c = held_counter(h, "goal_bytes");
	f->asked_c = held_counter(h, "asked_bytes");
	f->room_c = held_counter(h, "left_bytes");
	f->floor_c = held_counter(h, "at_floor");
	f->refused_c = held_counter(h, "refused");
	f->unlocked_c = held_counter(h, "unlocked");
	f->reach_c = held_counter(h, "reach_ns");
}

static int memory_order(void *ctx, struct held *h, const char *state, struct err *err)
{
	struct fill *f = ctx;
	struct memory_room room;
	unsigned long long host = 0;
	const char *rest;
	struct amount amount;
	int code = amount_parse(state, &amount, &rest, err);

	if (code == 0 && sscanf(rest, " host=%llu", &host) != 1)
		code = err_set(err, -EINVAL, "cannot read the amount \"%s\"", state);
	code = code < 0 ? code : memory_room_read(&h->world, h->object.where, &room, err);
	if (code == 0 && !f->base) {
		counters_make(f, h);
		code = range_reserve(f, room.host_total_bytes, err);
	}
	if (code < 0)
		return code;
	f->amount = amount;
	f->host_floor = host;
	f->refused = f->reached = false;
	f->ordered_ns = clock_boot_ns();
	held_count(f->refused_c, 0);
	return 0;
}

static int memory_main(int sock, const char *const *args)
{
	static const struct held_kind kind = {
	        .in_cgroup = true, .order = memory_order, .work = memory_work};
	struct fill f = {.page = (uint64_t)sysconf(_SC_PAGESIZE)};

	/* pages that are equal are not to be made one by the kernel (KSM) */
	(void)prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0);
	return held_main(sock, args, &kind, &f);
}

const struct helper_type helper_memory = {.name = "memory", .main = memory_main};
