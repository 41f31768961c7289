/* test-held.c - what helpers hold, for real: taken, changed, given back, also by one who never saw
 * it start. Needs no root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/held.h"
#include "base/space.h"
#include "helper/helpers.h"
#include "step/step.h"
#include "undo/revert.h"
#include "undo/spawn.h"

struct bed {
	char dir[64];
	struct world w;
	struct hold h;
	struct err e;
};

static const struct step_type *held(void)
{
	return step_type_find("held");
}

static int spawn(struct hold *h, const char *kind, const char *const *args, struct err *err)
{
	return helper_spawn(h, helpers, kind, args, err);
}

static int setup(void **state)
{
	static struct bed b;
	memset(&b, 0, sizeof(b));
	strcpy(b.dir, "/tmp/squall-held-XXXXXX");
	if (!mkdtemp(b.dir) || world_open_real(&b.w, &b.e) < 0)
		return -1;
	setenv("SQUALL_DIR", b.dir, 1);
	hold_init(&b.h);
	b.h.world = &b.w;
	b.h.spawn = spawn;
	b.h.deadline_ns = clock_boot_ns() + 60000000000ull;
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;
	char cmd[128];
	if (b->h.holder.pidfd >= 0)
		(void)pidfd_signal(b->h.holder.pidfd, SIGKILL);
	hold_release(&b->h);
	while (waitpid(-1, NULL, 0) > 0)
		;
	world_close(&b->w);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", b->dir);
	return system(cmd);
}

static void opened(struct bed *b, const char *object)
{
	if (held()->open(&b->h, object, &b->e) < 0)
		fail_msg("open: %s", b->e.what);
}

static void set(struct bed *b, struct hold *h, const char *object, const char *to)
{
	BUF(now, STATE_MAX);
	BUF(landed, STATE_MAX);
	assert_int_equal(held()->get(&b->w, object, &now, &b->e), 0);
	if (step_set(held(), h, object, now.data, to, &landed, &b->e) < 0)
		fail_msg("set %s: %s", to, b->e.what);
	assert_string_equal(landed.data, to);
}

static void is(struct bed *b, const char *object, const char *state)
{
	BUF(now, STATE_MAX);
	if (held()->get(&b->w, object, &now, &b->e) < 0)
		fail_msg("get: %s", b->e.what);
	assert_string_equal(now.data, state);
}

static uint64_t metered(struct bed *b, const char *object, const char *name)
{
	struct counters c = {.n = 0};
	if (held()->meter(&b->h, object, &c, &b->e) < 0)
		fail_msg("meter: %s", b->e.what);
	return counters_get(&c, name);
}

/* Waits until the counter is at least so much. */
static void reaches(struct bed *b, const char *object, const char *name, uint64_t least)
{
	uint64_t until = clock_boot_ns() + 20000000000ull;
	while (metered(b, object, name) < least) {
		if (clock_boot_ns() > until)
			fail_msg("%s is %llu, not %llu", name,
			         (unsigned long long)metered(b, object, name),
			         (unsigned long long)least);
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	}
}

static uint64_t resident(pid_t pid)
{
	char path[48];
	unsigned long pages = 0;
	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	FILE *f = fopen(path, "re");
	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

#define MEMORY "memory test_1"
#define FILL(n) "bytes=" #n " floor=0 host=0"

static void memory_is_taken_and_given_back(void **state)
{
	struct bed *b = *state;
	opened(b, MEMORY);
	is(b, MEMORY, "absent");
	set(b, &b->h, MEMORY, FILL(8388608));
	is(b, MEMORY, FILL(8388608));
	reaches(b, MEMORY, "held_bytes", 8388608);
	assert_true(resident(b->h.holder.id.pid) >= 8388608);
	pid_t pid = b->h.holder.id.pid;
	/* a change is made in place */
	set(b, &b->h, MEMORY, FILL(25165824));
	reaches(b, MEMORY, "held_bytes", 25165824);
	assert_int_equal(b->h.holder.id.pid, pid);
	assert_true(resident(pid) >= 25165824);
	set(b, &b->h, MEMORY, FILL(4096));
	uint64_t until = clock_boot_ns() + 20000000000ull;
	while (resident(pid) >= 8388608 && clock_boot_ns() < until)
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	assert_true(resident(pid) < 8388608);
	set(b, &b->h, MEMORY, "absent");
	is(b, MEMORY, "absent");
	assert_int_equal(metered(b, MEMORY, "lost"), 0);
	/* twice is no harm */
	set(b, &b->h, MEMORY, "absent");
}

static void one_who_never_saw_it_start_puts_back(void **state)
{
	struct bed *b = *state;
	struct hold other;
	opened(b, MEMORY);
	set(b, &b->h, MEMORY, FILL(8388608));
	is(b, MEMORY, FILL(8388608));
	BUF(by_hand, 64);
	BUF(want, 64);
	held()->by_hand(MEMORY, "absent", FILL(8388608), &by_hand);
	buf_addf(&want, "kill -KILL %d", b->h.holder.id.pid);
	assert_string_equal(by_hand.data, want.data);
	/* neither the holder nor a channel is known: only the object */
	hold_init(&other);
	other.world = &b->w;
	set(b, &other, MEMORY, "absent");
	is(b, MEMORY, "absent");
	assert_false(proc_id_alive(&b->w, b->h.holder.id));
	hold_release(&other);
}

static void stopped_holder_goes_too(void **state)
{
	struct bed *b = *state;
	opened(b, MEMORY);
	set(b, &b->h, MEMORY, FILL(1048576));
	assert_int_equal(pidfd_signal(b->h.holder.pidfd, SIGSTOP), 0);
	set(b, &b->h, MEMORY, "absent");
	is(b, MEMORY, "absent");
}

static void killed_holder_holds_nothing(void **state)
{
	struct bed *b = *state;
	opened(b, MEMORY);
	set(b, &b->h, MEMORY, FILL(8388608));
	reaches(b, MEMORY, "held_bytes", 8388608);
	assert_int_equal(pidfd_signal(b->h.holder.pidfd, SIGKILL), 0);
	assert_int_equal(pidfd_wait_gone(b->h.holder.pidfd, 5000000000ull), 0);
	is(b, MEMORY, "left");
	assert_true(step_same(held(), FILL(8388608), "left"));
	assert_false(step_same(held(), "absent", "left"));
	/* what it had reached is still known */
	assert_int_equal(metered(b, MEMORY, "lost"), 1);
	assert_int_equal(metered(b, MEMORY, "most_bytes"), 8388608);
	/* and its card is cleared away by the next one */
	hold_release(&b->h);
	hold_init(&b->h);
	b->h.world = &b->w;
	b->h.spawn = spawn;
	opened(b, "memory test_2");
	set(b, &b->h, "memory test_2", FILL(4096));
	char path[128];
	snprintf(path, sizeof(path), "%s/run/held/test_1", b->dir);
	assert_int_equal(access(path, F_OK), -1);
	set(b, &b->h, "memory test_2", "absent");
}

static void what_cannot_be_read_is_refused(void **state)
{
	struct bed *b = *state;
	BUF(landed, STATE_MAX);
	opened(b, MEMORY);
	assert_int_equal(step_set(held(), &b->h, MEMORY, "absent", "bytes=lots", &landed, &b->e),
	                 -EINVAL);
	is(b, MEMORY, "absent");
	set(b, &b->h, MEMORY, "absent");
	is(b, MEMORY, "absent");
	static const char *const bad[] = {"memory",         "memory ",        "memory ..",
	                                  "memory a b",     "memory a /x",    "memory a /x@",
	                                  "memory a /x@01", "memory a /x@1 ", "memory a b@1",
	                                  "me/mory a",      "memory a/b"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(held()->open(&b->h, bad[i], &b->e), -EINVAL);
	assert_int_equal(held()->open(&b->h, "space a /tmp@9223372036854775807", &b->e), -ESTALE);
	assert_int_equal(held()->open(&b->h, "space a /no/such/folder@1", &b->e), -ESTALE);
}

static void space_is_taken_and_given_back(void **state)
{
	struct bed *b = *state;
	struct space before, now;
	struct stat st;
	char object[OBJECT_MAX];
	assert_int_equal(stat(b->dir, &st), 0);
	snprintf(object, sizeof(object), "space test_3 %s@%llu", b->dir,
	         (unsigned long long)st.st_ino);
	opened(b, object);
	assert_int_equal(space_read(&b->w, b->dir, &before, &b->e), 0);
	set(b, &b->h, object, "bytes=20000001 floor=0");
	reaches(b, object, "held_bytes", 20000001);
	/* within a block */
	assert_true(metered(b, object, "held_bytes") < 20000001 + 2 * before.block_bytes);
	set(b, &b->h, object, "bytes=4096 floor=0");
	uint64_t until = clock_boot_ns() + 20000000000ull;
	while (metered(b, object, "held_bytes") > 3 * before.block_bytes && clock_boot_ns() < until)
		nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
	assert_true(metered(b, object, "held_bytes") <= 3 * before.block_bytes);
	/* more than the floor allows is not taken */
	assert_int_equal(space_read(&b->w, b->dir, &now, &b->e), 0);
	char to[STATE_MAX];
	snprintf(to, sizeof(to), "share=1000000 floor=%llu",
	         (unsigned long long)now.available_bytes + (1ull << 40));
	set(b, &b->h, object, to);
	reaches(b, object, "at_floor", 1);
	assert_int_equal(metered(b, object, "held_bytes"), 0);
	set(b, &b->h, object, "absent");
	is(b, object, "absent");
}

static uint64_t cpu_ns(pid_t pid)
{
	char path[48];
	unsigned long long ns = 0;
	FILE *f;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	unsigned long long user = 0, kernel = 0;
	if (f && fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
	                &kernel) == 2)
		ns = (user + kernel) * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
	if (f)
		fclose(f);
	return ns;
}

#define CPU "cpu test_4"

static void cpu_time_is_burnt(void **state)
{
	struct bed *b = *state;
	opened(b, CPU);
	set(b, &b->h, CPU, "load=300000 cpus=0 mode=own");
	reaches(b, CPU, "held_ns", 1000000000ull);
	/* what it says is what the kernel says */
	uint64_t said = metered(b, CPU, "burnt_ns"), seen = cpu_ns(b->h.holder.id.pid);
	assert_in_range(seen, said > 50000000 ? said - 50000000 : 0, said + 100000000);
	assert_true(metered(b, CPU, "asked_ns") >= 290000000);
	pid_t pid = b->h.holder.id.pid;
	set(b, &b->h, CPU, "load=1000 cpus=0 mode=total");
	assert_int_equal(b->h.holder.id.pid, pid);
	set(b, &b->h, CPU, "absent");
	is(b, CPU, "absent");
}

static void cpu_that_is_not_there(void **state)
{
	struct bed *b = *state;
	BUF(landed, STATE_MAX);
	opened(b, CPU);
	assert_int_equal(step_set(held(), &b->h, CPU, "absent", "load=1000 cpus=1023 mode=own",
	                          &landed, &b->e),
	                 -EINVAL);
	assert_non_null(strstr(b->e.what, "CPU 1023"));
	set(b, &b->h, CPU, "absent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(memory_is_taken_and_given_back, setup, teardown),
	        cmocka_unit_test_setup_teardown(one_who_never_saw_it_start_puts_back, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(stopped_holder_goes_too, setup, teardown),
	        cmocka_unit_test_setup_teardown(killed_holder_holds_nothing, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_refused, setup, teardown),
	        cmocka_unit_test_setup_teardown(space_is_taken_and_given_back, setup, teardown),
	        cmocka_unit_test_setup_teardown(cpu_time_is_burnt, setup, teardown),
	        cmocka_unit_test_setup_teardown(cpu_that_is_not_there, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
