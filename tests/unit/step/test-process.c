/* test-process.c - signal and kill on real children. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "step/step.h"

struct victim {
	struct world w;
	pid_t pid;
	char object[64], kill_object[64];
	struct hold h;
};

static void *idle(void *unused_arg)
{
	for (;;)
		pause();
	return unused_arg;
}

static int setup(void **state)
{
	static struct victim v;
	struct err e = ERR_INIT;
	struct proc_id id;
	int ready[2];
	char c;
	memset(&v, 0, sizeof(v));
	assert_int_equal(world_open_real(&v.w, &e), 0);
	assert_int_equal(pipe(ready), 0);
	v.pid = fork();
	if (v.pid == 0) {
		pthread_t t;
		alarm(20);
		for (int i = 0; i < 3; i++)
			if (pthread_create(&t, NULL, idle, NULL) != 0)
				_exit(1);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		idle(NULL);
	}
	assert_true(v.pid > 0);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(proc_id_read(&v.w, v.pid, &id, &e), 0);
	struct buf b;
	buf_init(&b, v.object, sizeof(v.object));
	proc_id_format(&b, id);
	buf_init(&b, v.kill_object, sizeof(v.kill_object));
	proc_id_format(&b, id);
	buf_add(&b, "#0");
	hold_init(&v.h);
	v.h.world = &v.w;
	*state = &v;
	return 0;
}

static void victim_end(struct victim *v)
{
	if (v->pid) {
		kill(v->pid, SIGKILL);
		waitpid(v->pid, NULL, 0);
		v->pid = 0;
	}
}

static int teardown(void **state)
{
	struct victim *v = *state;
	victim_end(v);
	hold_release(&v->h);
	world_close(&v->w);
	return 0;
}

static char state_of(struct victim *v)
{
	struct proc_stat st;
	return proc_stat_read(&v->w, v->pid, &st, NULL) == 0 ? st.state : '-';
}

static void stops_and_continues(void **state)
{
	struct victim *v = *state;
	const struct step_type *t = step_type_find("signal");
	struct err e = ERR_INIT;
	struct counters c = {0};
	BUF(s, STATE_MAX);
	assert_int_equal(t->open(&v->h, v->object, &e), 0);
	assert_int_equal(t->get(&v->w, v->object, &s, &e), 0);
	assert_string_equal(s.data, "running");
	assert_int_equal(t->set(&v->h, v->object, "running", "stopped", &s, &e), 0);
	assert_string_equal(s.data, "stopped");
	assert_int_equal(state_of(v), 'T');
	assert_int_equal(t->meter(&(struct hold){.world = &v->w}, v->object, &c, &e), 0);
	assert_int_equal(counters_get(&c, "stopped"), 1);
	assert_true(counters_has(&c, "cpu_ticks"));
	assert_int_equal(t->set(&v->h, v->object, "stopped", "running", &s, &e), 0);
	assert_string_equal(s.data, "running");
	assert_int_not_equal(state_of(v), 'T');
	assert_int_equal(t->set(&v->h, v->object, "running", "frozen", &s, &e), -EINVAL);
}

static void what_was_stopped_is_never_continued(void **state)
{
	struct victim *v = *state;
	const struct step_type *t = step_type_find("signal");
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	int status;
	assert_int_equal(kill(v->pid, SIGSTOP), 0);
	assert_int_equal(waitpid(v->pid, &status, WUNTRACED), v->pid);
	assert_int_equal(t->open(&v->h, v->object, &e), 0);
	assert_int_equal(t->get(&v->w, v->object, &s, &e), 0);
	assert_string_equal(s.data, "stopped");
	assert_int_equal(t->set(&v->h, v->object, "stopped", "stopped", &s, &e), 0);
	assert_int_equal(state_of(v), 'T');
}

static void the_gone_are_gone(void **state)
{
	struct victim *v = *state;
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	const struct step_type *t = step_type_find("signal");
	assert_int_equal(t->open(&v->h, v->object, &e), 0);
	kill(v->pid, SIGKILL); /* a zombie first, then nothing */
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)v->pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(t->get(&v->w, v->object, &s, &e), -ESTALE);
	victim_end(v);
	assert_int_equal(t->get(&v->w, v->object, &s, &e), -ESTALE);
	assert_int_equal(t->set(&v->h, v->object, "running", "stopped", &s, &e), -ESTALE);
	fd_close(&v->h.fd[0]);
	assert_int_equal(t->open(&v->h, v->object, &e), -ESTALE);
	assert_int_equal(t->get(&v->w, "nonsense", &s, &e), -EINVAL);
}

static void another_process_of_that_number_is_not_touched(void **state)
{
	struct victim *v = *state;
	const struct step_type *t = step_type_find("signal");
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	BUF(o, 64);
	buf_addf(&o, "%d@1", v->pid);
	assert_int_equal(t->get(&v->w, o.data, &s, &e), -ESTALE);
	assert_int_equal(t->set(&v->h, o.data, "running", "stopped", &s, &e), -ESTALE);
	buf_add(&o, "#1");
	t = step_type_find("kill");
	assert_int_equal(t->get(&v->w, o.data, &s, &e), 0);
	assert_string_equal(s.data, "gone");
	assert_int_equal(t->set(&v->h, o.data, "alive", "KILL", &s, &e), -ESTALE);
	assert_int_equal(kill(v->pid, 0), 0);
}

static void kills_for_good(void **state)
{
	struct victim *v = *state;
	const struct step_type *t = step_type_find("kill");
	struct err e = ERR_INIT;
	struct counters c = {0};
	BUF(s, STATE_MAX);
	assert_int_equal(t->open(&v->h, v->kill_object, &e), 0);
	assert_int_equal(t->get(&v->w, v->kill_object, &s, &e), 0);
	assert_string_equal(s.data, "alive");
	assert_int_equal(t->set(&v->h, v->kill_object, "alive", "WINCH", &s, &e), -EINVAL);
	assert_int_equal(t->set(&v->h, v->kill_object, "alive", "KILL", &s, &e), 0);
	assert_string_equal(s.data, "gone");
	assert_true(step_same(t, "KILL", "gone"));
	assert_false(step_same(t, "KILL", "alive"));
	assert_false(step_same(t, "alive", "gone"));
	assert_int_equal(t->meter(&(struct hold){.world = &v->w}, v->kill_object, &c, &e), 0);
	assert_int_equal(counters_get(&c, "killed"), 1);
	assert_int_equal(t->set(&v->h, v->kill_object, "gone", "alive", &s, &e), -ENOTSUP);
	assert_int_equal(t->get(&v->w, v->object, &s, &e), -EINVAL);
	assert_string_equal(step_dies_with(t), "never");
}

static int said;

static bool say_busy(struct hold *h)
{
	return ++said > 3;
}

/* Whoever waits for one that takes its time to end hears of it; of many, the rest is called off. */
static void waiting_is_said(void **state)
{
	struct victim *v = *state;
	const struct step_type *t = step_type_find("kill");
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	assert_int_equal(t->open(&v->h, v->kill_object, &e), 0);
	v->h.busy = say_busy;
	said = 0;
	assert_int_equal(hold_wait_gone(&v->h, v->h.fd[0], 120000000), -ETIMEDOUT);
	assert_int_equal(said, 3);
	assert_int_equal(t->set(&v->h, v->kill_object, "alive", "KILL", &s, &e), -ECANCELED);
	assert_int_not_equal(state_of(v), 'Z');
	said = 0;
	assert_int_equal(t->set(&v->h, v->kill_object, "alive", "KILL", &s, &e), 0);
	assert_int_equal(hold_wait_gone(&v->h, v->h.fd[0], 10000000000), 0);
}

static void stopped_wins(void **state)
{
	const struct step_type *t = step_type_find("signal");
	struct err e = ERR_INIT;
	BUF(s, STATE_MAX);
	(void)state;
	const char *claims[] = {"running", "stopped"};
	assert_int_equal(t->merge("1@1", "running", claims, 2, &s, &e), 0);
	assert_string_equal(s.data, "stopped");
	assert_int_equal(t->merge("1@1", "running", claims, 1, &s, &e), 0);
	assert_string_equal(s.data, "running");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(stops_and_continues, setup, teardown),
	        cmocka_unit_test_setup_teardown(what_was_stopped_is_never_continued, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(the_gone_are_gone, setup, teardown),
	        cmocka_unit_test_setup_teardown(another_process_of_that_number_is_not_touched,
	                                        setup, teardown),
	        cmocka_unit_test_setup_teardown(kills_for_good, setup, teardown),
	        cmocka_unit_test_setup_teardown(waiting_is_said, setup, teardown),
	        cmocka_unit_test(stopped_wins),
	};
	return cmocka_run_group_tests_name("step process", tests, NULL, NULL);
}
