/* mark.c - keeps the sockets of one process marked, those that it makes later too. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sockmark-bpf.h"
#include "base/sockmark.h"
#include "helper/held.h"

/*
 * STATE: "0xVALUE/0xMASK", or "0xVALUE/0xMASK new=CGROUP": new sockets are marked as they are made.
 * The sockets are looked at again and again in either case: one may be passed to the process, and
 * it may have left the cgroup.
 */
#define LOOK_NS 100000000ull /* so long may a new socket go unmarked, when it is looked for */
#define REST 20              /* a look takes at most this part of the time */

struct marks {
	struct sockmark_process p;
	uint32_t mark;
	int program, link;
	uint64_t *marked_c, *foreign_c, *refused_c, *born_c;
};

static int process_open(struct marks *m, const struct held *h, struct err *err)
{
	unsigned long long start;
	struct proc_id id;
	int code;

	if (m->p.fds >= 0)
		return 0;
	if (sscanf(h->object.name, "%d-%llu-", &id.pid, &start) != 2)
		return err_set(err, -EINVAL, "cannot read the process in \"%s\"", h->object.name);
	id.start = start;
	code = sockmark_open(&h->world, id, &m->p, err);
	if (code == -ESRCH)
		return err_set(err, -ESTALE, "process %d is gone", id.pid);
	m->mark = sockmark_of(id.pid);
	return code < 0 ? code : id.pid;
}

static void counters_make(struct marks *m, struct held *h)
{
	m->marked_c = held_counter(h, "marked_sockets");
	m->foreign_c = held_counter(h, "foreign_sockets");
	m->refused_c = held_counter(h, "refused_sockets");
	m->born_c = held_counter(h, "marked_at_birth");
}

/* Without the program new sockets are looked for. */
static void program_attach(struct marks *m, const struct held *h, pid_t pid, const char *cgroup)
{
	m->program = sockmark_bpf_load(pid, m->mark, NULL);
	if (m->program >= 0)
		m->link = sockmark_bpf_attach(&h->world, m->program, cgroup, NULL);
	held_count(m->born_c, m->link >= 0);
}

static uint64_t marks_work(void *ctx, struct held *h)
{
	struct marks *m = ctx;
	struct sockmark_seen seen;
	uint64_t from = clock_boot_ns(), took;

	sockmark_walk(&m->p, m->mark, SOCKMARK_PUT, &seen);
	held_count(m->marked_c, seen.marked);
	held_count(m->foreign_c, seen.foreign);
	held_count(m->refused_c, seen.refused);
	took = (clock_boot_ns() - from) * REST;
	return took > LOOK_NS ? took : LOOK_NS;
}

static int marks_order(void *ctx, struct held *h, const char *state, struct err *err)
{
	static const char word[] = " new=";
	const char *cgroup = strstr(state, word);
	struct marks *m = ctx;
	unsigned mark, mask;
	int code;

	if (sscanf(state, "0x%x/0x%x", &mark, &mask) != 2 || mask != SOCKMARK_MASK)
		return err_set(err, -EINVAL, "cannot read the mark \"%s\"", state);
	code = process_open(m, h, err);
	if (code < 0)
		return code;
	if (mark != m->mark)
		return err_set(err, -EINVAL, "the mark \"%s\" is another process's", state);
	if (code > 0) { /* the first order */
		counters_make(m, h);
		if (cgroup)
			program_attach(m, h, code, cgroup + strlen(word));
	}
	(void)marks_work(m, h);
	return 0;
}

static int marks_main(int sock, const char *const *args)
{
	static const struct held_kind kind = {.order = marks_order, .work = marks_work};
	struct marks m = {.p = {-1, -1}, .program = -1, .link = -1};

	return held_main(sock, args, &kind, &m);
}

const struct helper_type helper_mark = {.name = "mark", .main = marks_main};
