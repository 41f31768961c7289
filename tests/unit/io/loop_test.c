/* loop: timers in order, never early, hardly late; descriptors, signals, and leaving nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/loop.h"

#define MS 1000000ull

struct shot {
	struct loop *loop;
	struct timer *timer;
	uint64_t at_ns, fired_ns;
	unsigned *count, order, left;
};

static void note(void *ctx)
{
	struct shot *s = ctx;
	s->fired_ns = clock_boot_ns();
	s->order = (*s->count)++;
}

static void timers_are_in_order_and_on_time(void **state)
{
	enum { N = 500 };
	struct loop *l = loop_new(NULL);
	assert_non_null(l);
	struct shot *s = calloc(N, sizeof(*s));
	unsigned count = 0;
	uint64_t start = clock_boot_ns() + 20 * MS;
	srand(7);
	for (size_t i = 0; i < N; i++) {
		s[i] = (struct shot){.count = &count,
		                     .at_ns = start + (uint64_t)(rand() % 100) * MS};
		s[i].timer = timer_new(l, note, &s[i]);
		timer_set(s[i].timer, 1); /* replaced */
		timer_set(s[i].timer, s[i].at_ns);
	}
	for (size_t i = 0; i < N; i += 10)
		timer_stop(s[i].timer);
	loop_run(l);
	assert_int_equal(count, N - N / 10);
	unsigned late = 0;
	for (size_t i = 0; i < N; i++) {
		if (i % 10 == 0) {
			assert_int_equal(s[i].fired_ns, 0);
			continue;
		}
		assert_true(s[i].fired_ns >= s[i].at_ns);
		late += s[i].fired_ns > s[i].at_ns + 200 * MS;
		for (size_t j = 0; j < N; j++)
			if (s[j].fired_ns && s[j].at_ns < s[i].at_ns)
				assert_true(s[j].order < s[i].order);
	}
	assert_int_equal(late, 0);
	for (size_t i = 0; i < N; i += 2)
		timer_free(s[i].timer);
	loop_free(l); /* the others go with it */
	free(s);
}

static void again(void *ctx)
{
	struct shot *s = ctx;
	if (s->left--)
		timer_set(s->timer, 1);
	else
		timer_free(s->timer);
}

static void a_timer_set_in_the_past_does_not_starve_others(void **state)
{
	struct loop *l = loop_new(NULL);
	unsigned count = 0;
	struct shot greedy = {.left = 1000}, other = {.count = &count};
	greedy.timer = timer_new(l, again, &greedy);
	other.timer = timer_new(l, note, &other);
	timer_set(greedy.timer, 1);
	timer_set(other.timer, 2);
	assert_int_equal(count, 0); /* never from within timer_set */
	loop_run(l);
	assert_int_equal(count, 1);
	assert_int_equal(greedy.left, (unsigned)-1);
	loop_free(l);
}

struct pair {
	struct timer *me, *other;
	unsigned *count;
};

static void end_the_other(void *ctx)
{
	struct pair *p = ctx;
	(*p->count)++;
	timer_free(p->other);
	timer_free(p->me);
}

static void a_due_timer_may_be_freed_by_another(void **state)
{
	struct loop *l = loop_new(NULL);
	unsigned count = 0;
	struct pair a = {.count = &count}, b = {.count = &count};
	a.me = b.other = timer_new(l, end_the_other, &a);
	b.me = a.other = timer_new(l, end_the_other, &b);
	timer_set(a.me, 5);
	timer_set(b.me, 6);
	loop_run(l);
	assert_int_equal(count, 1);
	loop_free(l);
}

struct pipe_end {
	struct watch *w;
	struct loop *loop;
	int fd;
	unsigned calls;
	ssize_t last;
};

static void readable(void *ctx, unsigned events)
{
	struct pipe_end *p = ctx;
	char c;
	assert_true(events & WATCH_READ);
	p->calls++;
	p->last = read(p->fd, &c, 1);
	if (p->last == 0) {
		watch_free(p->w);
		p->w = NULL;
	}
}

static void a_descriptor_is_watched_to_its_end(void **state)
{
	struct loop *l = loop_new(NULL);
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	struct pipe_end p = {.fd = fds[0], .last = -1};
	p.w = watch_new(l, fds[0], WATCH_READ, readable, &p, NULL);
	assert_non_null(p.w);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	close(fds[1]);
	loop_run(l); /* ends because nothing is left to wait for */
	assert_int_equal(p.calls, 3);
	assert_int_equal(p.last, 0);
	loop_free(l);
	close(fds[0]);
}

static void a_wrong_descriptor_is_an_error(void **state)
{
	struct loop *l = loop_new(NULL);
	struct err err = ERR_INIT;
	assert_null(watch_new(l, 987654, WATCH_READ, readable, NULL, &err));
	assert_int_not_equal(err.code, 0);
	assert_non_null(strstr(err.what, "987654"));
	loop_free(l);
}

static void got_signal(void *ctx, int signum)
{
	struct pipe_end *p = ctx;
	p->calls++;
	assert_int_equal(signum, SIGUSR1);
	loop_stop(p->loop);
}

static void raise_it(void *ctx)
{
	raise(SIGUSR1);
}

static void a_signal_is_an_event(void **state)
{
	struct loop *l = loop_new(NULL);
	struct pipe_end p = {.loop = l};
	p.w = watch_signal(l, SIGUSR1, got_signal, &p, NULL);
	assert_non_null(p.w);
	struct timer *t = timer_new(l, raise_it, NULL);
	timer_set(t, clock_boot_ns() + MS);
	loop_run(l);
	assert_int_equal(p.calls, 1);
	loop_free(l); /* the watch was left open */
}

static void a_background_watch_does_not_hold_the_loop(void **state)
{
	struct loop *l = loop_new(NULL);
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	struct pipe_end p = {.fd = fds[0]};
	p.w = watch_new(l, fds[0], WATCH_READ, readable, &p, NULL);
	watch_background(p.w, true);
	loop_run(l);
	assert_int_equal(p.calls, 0);
	loop_free(l);
	close(fds[0]);
	close(fds[1]);
}

static unsigned released;
static void release(struct loop_local *local)
{
	released++;
	assert_ptr_equal(local->key, &released);
}

static void what_belongs_to_a_loop_goes_with_it(void **state)
{
	struct loop *l = loop_new(NULL);
	struct loop_local a = {.key = &released, .release = release}, b = a;
	assert_null(loop_local_find(l, &released));
	loop_local_add(l, &a);
	loop_local_add(l, &b);
	assert_ptr_equal(loop_local_find(l, &released), &b);
	loop_local_remove(&b);
	assert_ptr_equal(loop_local_find(l, &released), &a);
	loop_free(l);
	assert_int_equal(released, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(timers_are_in_order_and_on_time),
	        cmocka_unit_test(a_timer_set_in_the_past_does_not_starve_others),
	        cmocka_unit_test(a_due_timer_may_be_freed_by_another),
	        cmocka_unit_test(a_descriptor_is_watched_to_its_end),
	        cmocka_unit_test(a_wrong_descriptor_is_an_error),
	        cmocka_unit_test(a_signal_is_an_event),
	        cmocka_unit_test(a_background_watch_does_not_hold_the_loop),
	        cmocka_unit_test(what_belongs_to_a_loop_goes_with_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
