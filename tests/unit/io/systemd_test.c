/* Timers of systemd, asked of a fake one. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/base.h"
#include "base/clock.h"
#include "fake-systemd.h"
#include "io/systemd.h"

#include <cmocka.h>

struct place {
	char dir[64], socket[96], log[96];
	pid_t pid;
};

static void begin(struct place *p, enum fake_mode mode)
{
	char address[128];
	int listener;

	strcpy(p->dir, "/tmp/squall-bus-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->socket, sizeof(p->socket), "%s/bus", p->dir);
	snprintf(p->log, sizeof(p->log), "%s/log", p->dir);
	snprintf(address, sizeof(address), "unix:path=%s", p->socket);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
	listener = fake_listen(p->socket);
	assert_true(listener >= 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		struct fake f = {mode, fopen(p->log, "we")};

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fake_serve(listener, &f);
		_exit(0);
	}
	close(listener);
}

static void end(struct place *p, char *log, size_t cap)
{
	FILE *f = fopen(p->log, "re");
	size_t n = f ? fread(log, 1, cap - 1, f) : 0;

	log[n] = '\0';
	if (f)
		fclose(f);
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	unlink(p->log);
	unlink(p->socket);
	rmdir(p->dir);
}

static const char *const argv_undo[] = {"/opt/squall", "undo", NULL};
static const char *const env_dir[] = {"SQUALL_DIR=/a b", NULL};
static const struct systemd_timer timer_undo = {.name = "squall-undo-x",
                                                .says = "puts back",
                                                .after_ns = 65000000000,
                                                .argv = argv_undo,
                                                .env = env_dir};

static void test_start_and_stop(void **state)
{
	struct err err = ERR_INIT;
	char log[1024];
	struct place p;

	begin(&p, FAKE_ANSWERS);
	assert_int_equal(systemd_ping(&err), 0);
	assert_int_equal(systemd_timer_start(&timer_undo, &err), 0);
	assert_int_equal(systemd_timer_stop("squall-undo-x", &err), 0);
	assert_int_equal(systemd_timer_stop("gone", &err), 0);
	end(&p, log, sizeof(log));
	assert_string_equal(log, "ping\n"
	                         "start squall-undo-x.timer OnActiveUSec=65000000 "
	                         "squall-undo-x.service SQUALL_DIR=/a b exec=/opt/squall "
	                         "/opt/squall undo\n"
	                         "stop squall-undo-x.timer\n"
	                         "stop gone.timer\n");
}

static void test_refused(void **state)
{
	struct err err = ERR_INIT;
	char log[1024];
	struct place p;

	begin(&p, FAKE_REFUSES);
	assert_int_equal(systemd_timer_start(&timer_undo, &err), -EACCES);
	assert_string_equal(err.what, "could not start a timer of systemd: the test says no");
	assert_int_equal(systemd_timer_stop("squall-undo-x", &err), -EACCES);
	end(&p, log, sizeof(log));
}

/* A manager that hangs costs a bounded time. */
static void test_silent(void **state)
{
	uint64_t from = clock_boot_ns(), took;
	struct err err = ERR_INIT;
	char log[1024];
	struct place p;

	begin(&p, FAKE_SILENT);
	assert_int_equal(systemd_timer_start(&timer_undo, &err), -ETIMEDOUT);
	took = clock_boot_ns() - from;
	assert_in_range(took, SYSTEMD_WAIT_NS / 2, 5 * SYSTEMD_WAIT_NS);
	end(&p, log, sizeof(log));
}

static void test_nobody(void **state)
{
	struct err err = ERR_INIT;

	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	assert_int_equal(systemd_ping(&err), -ENOENT);
	assert_non_null(strstr(err.what, "systemd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_start_and_stop),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_silent),
	        cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
