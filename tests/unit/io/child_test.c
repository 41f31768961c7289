/* child: what is run, what is heard of it, and that nothing of it stays. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/child.h"
#include "io/loop.h"

#define MS 1000000ull
#define ARGV(...)                                   \
	.argv = (const char *const[]){__VA_ARGS__}, \
	.argc = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

struct heard {
	struct loop *loop;
	unsigned calls;
	struct child_result r;
	char out[4096], err_out[4096];
	struct err err;
};

static void heard_done(void *ctx, const struct child_result *r, const struct err *err)
{
	struct heard *h = ctx;
	h->calls++;
	if (r) {
		h->r = *r;
		assert_int_equal(strlen(r->out.data), r->out.n);
		(void)snprintf(h->out, sizeof(h->out), "%s", r->out.data);
		(void)snprintf(h->err_out, sizeof(h->err_out), "%s", r->err.data);
	} else {
		h->err = *err;
	}
	loop_stop(h->loop);
}

static struct heard run(struct child_spec spec)
{
	struct heard h = {.loop = loop_new(NULL)};
	struct child *c = NULL;
	if (!spec.out_max)
		spec.out_max = 4000;
	if (!spec.err_max)
		spec.err_max = 4000;
	assert_int_equal(child_start(h.loop, &spec, heard_done, &h, &c, NULL), 0);
	assert_int_equal(h.calls, 0);
	loop_run(h.loop);
	assert_int_equal(h.calls, 1);
	loop_free(h.loop);
	/* Nothing is left to be reaped. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return h;
}

static void output_and_status_are_heard(void **state)
{
	struct heard h =
	        run((struct child_spec){ARGV("sh", "-c", "echo one; echo two >&2; exit 3")});
	assert_int_equal(h.r.exit, 3);
	assert_int_equal(h.r.signal, 0);
	assert_false(h.r.timed_out);
	assert_string_equal(h.out, "one\n");
	assert_string_equal(h.err_out, "two\n");
	h = run((struct child_spec){ARGV("sh", "-c", "kill -9 $$")});
	assert_int_equal(h.r.exit, -1);
	assert_int_equal(h.r.signal, SIGKILL);
}

static void surroundings_are_as_told(void **state)
{
	(void)setenv("SQ_OLD", "old", 1);
	(void)setenv("SQ_KEPT", "kept", 1);
	const char *env[] = {"SQ_OLD=new", "SQ_MORE=a=b"};
	struct heard h = run((struct child_spec){
	        ARGV("sh", "-c",
	             "pwd; cat; echo $SQ_OLD $SQ_KEPT $SQ_MORE; ls /proc/self/fd | wc -l"),
	        .env = env, .env_n = 2, .dir = "/usr", .input = "given\n", .input_n = 6});
	/* 0, 1, 2 and the folder that ls reads */
	assert_string_equal(h.out, "/usr\ngiven\nnew kept a=b\n4\n");
}

static void signals_are_as_at_birth(void **state)
{
	(void)signal(SIGPIPE, SIG_IGN);
	struct heard h = run((struct child_spec){
	        ARGV("sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\n\\t'")});
	unsigned long long blocked, ignored;
	assert_int_equal(sscanf(h.out, "SigBlk:%llxSigIgn:%llx", &blocked, &ignored), 2);
	assert_int_equal(blocked, 0);
	/* Signals 32 and 33 are the C library's own: posix_spawn(3) of whoever started us (make)
	 * leaves them ignored, and nobody can set them back through it. */
	assert_int_equal(ignored & ~(3ull << 31), 0);
	(void)signal(SIGPIPE, SIG_DFL);
}

static void output_is_bounded(void **state)
{
	struct heard h = run((struct child_spec){
	        ARGV("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; echo end >&2"),
	        .out_max = 100});
	assert_int_equal(h.r.exit, 0);
	assert_int_equal(h.r.out.n, 100);
	assert_true(h.r.out.cut);
	assert_string_equal(h.err_out, "end\n");
	assert_false(h.r.err.cut);
}

static void what_cannot_be_run_is_an_error(void **state)
{
	struct heard h = run((struct child_spec){ARGV("/no/such/program")});
	assert_int_equal(h.err.code, -ENOENT);
	assert_string_equal(h.err.what,
	                    "could not run \"/no/such/program\": No such file or directory");
	assert_true(h.err.hint[0]);
	h = run((struct child_spec){ARGV("/etc/passwd")});
	assert_int_equal(h.err.code, -EACCES);
	h = run((struct child_spec){ARGV("true"), .dir = "/no/such/dir"});
	assert_int_equal(h.err.code, -ENOENT);
	struct child *c = NULL;
	struct child_spec none = {.argc = 0};
	assert_int_equal(child_start(NULL, &none, heard_done, NULL, &c, NULL), -EINVAL);
}

static bool alive(const char *pid)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", atoi(pid));
	FILE *f = fopen(path, "re");
	if (!f)
		return false;
	char state = 'Z';
	(void)fscanf(f, "%*d (%*[^)]) %c", &state);
	(void)fclose(f);
	return state != 'Z';
}

static void wait_gone(const char *pid)
{
	uint64_t until = clock_boot_ns() + 3000 * MS;
	while (alive(pid) && clock_boot_ns() < until)
		usleep(2000);
	assert_false(alive(pid));
}

static void the_limit_is_kept_whatever_it_does(void **state)
{
	uint64_t start = clock_boot_ns();
	struct heard h = run((struct child_spec){
	        ARGV("sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.1; done"),
	        .limit_ns = 200 * MS});
	assert_true(h.r.timed_out);
	assert_int_equal(h.r.exit, -1);
	assert_true(h.r.took_ns >= 200 * MS);
	assert_true(clock_boot_ns() - start < 3000 * MS);
	wait_gone(h.out);
	/* A stopped one too. */
	h = run((struct child_spec){ARGV("sh", "-c", "echo $$; kill -STOP $$"),
	                            .limit_ns = 100 * MS});
	assert_true(h.r.timed_out);
	wait_gone(h.out);
}

static void time_counts_from_when_it_was_due(void **state)
{
	struct heard h = run((struct child_spec){
	        ARGV("sleep", "5"), .since_ns = clock_boot_ns() - 400 * MS, .limit_ns = 500 * MS});
	assert_true(h.r.timed_out);
	assert_true(h.r.took_ns >= 500 * MS);
}

static void grandchildren_neither_delay_nor_stay(void **state)
{
	uint64_t start = clock_boot_ns();
	struct heard h = run((struct child_spec){ARGV("sh", "-c", "sleep 60 & echo $!")});
	assert_true(clock_boot_ns() - start < 30000 * MS);
	assert_int_equal(h.r.exit, 0);
	wait_gone(h.out);
	h = run((struct child_spec){ARGV("sh", "-c", "sleep 60 & echo $!"), .stays = true});
	assert_true(alive(h.out));
	(void)kill(atoi(h.out), SIGKILL);
}

static void never_called(void *ctx, const struct child_result *r, const struct err *err)
{
	fail();
}

static void stop_it(void *ctx)
{
	loop_stop(ctx);
}

static void a_cancelled_one_is_ended_and_reaped(void **state)
{
	for (int late = 0; late < 3; late++) {
		struct loop *l = loop_new(NULL);
		struct child *c = NULL;
		struct child_spec spec = {ARGV("sleep", "60"), .out_max = 10, .err_max = 10};
		assert_int_equal(child_start(l, &spec, never_called, NULL, &c, NULL), 0);
		struct timer *t = timer_new(l, stop_it, l);
		if (late) { /* after it runs */
			timer_set(t, clock_boot_ns() + 30 * MS);
			loop_run(l);
		}
		child_cancel(c);
		if (late == 2) { /* time to die in peace */
			timer_set(t, clock_boot_ns() + 50 * MS);
			loop_run(l);
		}
		loop_free(l);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(output_and_status_are_heard),
	        cmocka_unit_test(surroundings_are_as_told),
	        cmocka_unit_test(signals_are_as_at_birth),
	        cmocka_unit_test(output_is_bounded),
	        cmocka_unit_test(what_cannot_be_run_is_an_error),
	        cmocka_unit_test(the_limit_is_kept_whatever_it_does),
	        cmocka_unit_test(time_counts_from_when_it_was_due),
	        cmocka_unit_test(grandchildren_neither_delay_nor_stay),
	        cmocka_unit_test(a_cancelled_one_is_ended_and_reaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
