/* The throughput probe against ends that take, send, stand still or break off. */
#include <errno.h>

#include "../io/server.h"
#include "look.h"

/* What the other end of a port does with a connection. */
enum end { TAKES, ANSWERS, SENDS, ASKED, STANDS, BREAKS, ENDS };
static int ports[ENDS];
static pid_t others[ENDS];
static struct server server;
static char text[200];

static void serve(int fd, enum end end)
{
	static char block[65536];
	ssize_t n = 1;
	size_t taken = 0;
	switch (end) {
	case ASKED:
		n = recv(fd, block, 5, MSG_WAITALL);
		if (n != 5 || memcmp(block, "hello", 5) != 0)
			return;
		for (int i = 0; i < 3; i++)
			(void)send(fd, block, 1000, MSG_NOSIGNAL);
		return;
	case SENDS:
		while (send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
			;
		return;
	case STANDS:
		pause();
		return;
	default:
		break;
	}
	while ((n = recv(fd, block, sizeof(block), 0)) > 0) {
		taken += (size_t)n;
		if (end == BREAKS && taken > 100000)
			return;
		if (end == ANSWERS)
			(void)send(fd, block, (size_t)n, MSG_NOSIGNAL);
	}
}

static int setup(void **state)
{
	server = server_start();
	for (int i = 0; i < ENDS; i++) {
		int fd = server_listener(&ports[i]);
		assert_int_equal(listen(fd, 16), 0);
		others[i] = fork();
		if (others[i] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)signal(SIGCHLD, SIG_IGN);
			for (;;) {
				int peer = accept(fd, NULL, NULL);
				if (fork() == 0) {
					(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
					serve(peer, (enum end)i);
					_exit(0);
				}
				(void)close(peer);
			}
		}
		(void)close(fd);
	}
	return 0;
}

static int teardown(void **state)
{
	server_stop(server);
	for (int i = 0; i < ENDS; i++) {
		(void)kill(others[i], SIGKILL);
		(void)waitpid(others[i], NULL, 0);
	}
	return 0;
}

static const char *at(enum end end)
{
	(void)snprintf(text, sizeof(text), "127.0.0.1:%d", ports[end]);
	return text;
}

static const char *url(const char *path)
{
	(void)snprintf(text, sizeof(text), "http://127.0.0.1:%d%s", server.port, path);
	return text;
}

/* rate, bytes and transfer-seconds of one look belong together. */
static void is_measured(struct seen *s, double bytes)
{
	double rate = number_of(s, "bytes") * 8 / number_of(s, "transfer-seconds");
	assert_true(is_true(s, "connected") && is_true(s, "complete"));
	assert_true(is_absent(s, "error") && !is_true(s, "timed-out"));
	assert_true(number_of(s, "bytes") == bytes);
	assert_true(number_of(s, "rate") > 0);
	/* The last two segments may have come later. */
	assert_true(number_of(s, "rate") > rate * 0.5 && number_of(s, "rate") < rate * 1.01 + 1);
	assert_true(number_of(s, "transfer-seconds") <= number_of(s, "seconds"));
	assert_true(number_of(s, "connect-seconds") <= number_of(s, "seconds"));
	seen_release(s);
}

static void bytes_go_out(void **state)
{
	struct seen s = LOOK("throughput", "address", at(TAKES), "bytes", "8MiB");
	assert_string_equal(text_of(&s, "address"), at(TAKES));
	assert_true(number_of(&s, "rtt") > 0 && is_absent(&s, "first-byte-seconds"));
	is_measured(&s, 8 << 20);
	/* An end that answers is heard, or it would stop. */
	s = LOOK("throughput", "address", at(ANSWERS), "bytes", "32MiB", "timeout", "40s");
	is_measured(&s, 32 << 20);
	s = LOOK("throughput", "address", at(TAKES), "bytes", "1kB");
	is_measured(&s, 1000);
	(void)snprintf(text, sizeof(text), "localhost:%d", ports[TAKES]);
	s = LOOK("throughput", "address", text, "bytes", "1MB", "timeout", "20s");
	is_measured(&s, 1000000);
}

static void bytes_come_in(void **state)
{
	struct seen s =
	        LOOK("throughput", "address", at(SENDS), "direction", "in", "bytes", "8MiB");
	assert_true(number_of(&s, "first-byte-seconds") <= number_of(&s, "transfer-seconds"));
	is_measured(&s, 8 << 20); /* and not a byte more */
	s = LOOK("throughput", "address", at(ASKED), "direction", "in", "send", "hello", "bytes",
	         "3kB");
	is_measured(&s, 3000);
	s = LOOK("throughput", "address", at(ASKED), "direction", "in", "send", "hello", "bytes",
	         "4kB");
	assert_string_equal(text_of(&s, "error"), "closed before that much came");
	assert_false(is_true(&s, "complete"));
	assert_int_equal(number_of(&s, "bytes"), 3000);
	seen_release(&s);
}

static void a_url_is_loaded(void **state)
{
	struct seen s = LOOK("throughput", "url", url("/flood"), "bytes", "8MiB");
	assert_true(is_true(&s, "complete"));
	assert_true(number_of(&s, "bytes") >= 8 << 20 &&
	            number_of(&s, "bytes") < (8 << 20) + 70000);
	assert_int_equal(number_of(&s, "status"), 200);
	assert_true(number_of(&s, "rate") > 0 && is_absent(&s, "retransmits"));
	seen_release(&s);
	s = LOOK("throughput", "url", url("/ok"), "direction", "in"); /* less than asked, but all */
	is_measured(&s, 5);
	s = LOOK("throughput", "url", url("/502"));
	assert_string_equal(text_of(&s, "error"), "the server answered with status 502");
	assert_false(is_true(&s, "complete"));
	seen_release(&s);
	s = LOOK("throughput", "url", url("/short")); /* than it says it is */
	assert_false(is_true(&s, "complete"));
	assert_int_equal(number_of(&s, "bytes"), 10);
	assert_true(is_true(&s, "connected") && !is_absent(&s, "error"));
	seen_release(&s);
}

static void what_stops_is_told(void **state)
{
	struct seen s = LOOK("throughput", "address", at(STANDS), "timeout", "150ms");
	assert_true(is_true(&s, "timed-out") && !is_true(&s, "complete"));
	assert_string_equal(text_of(&s, "error"), "no time left");
	/* What fits into the other end's buffer has arrived; nobody has read it. */
	assert_true(number_of(&s, "bytes") > 0 && number_of(&s, "bytes") < 16 << 20);
	assert_true(number_of(&s, "transfer-seconds") > 0.1);
	seen_release(&s);
	s = LOOK("throughput", "address", at(STANDS), "direction", "in", "timeout", "150ms");
	assert_true(is_true(&s, "timed-out"));
	assert_true(number_of(&s, "bytes") == 0 && number_of(&s, "rate") == 0);
	seen_release(&s);
	s = LOOK("throughput", "url", url("/hang"), "timeout", "150ms");
	assert_true(is_true(&s, "timed-out") && is_true(&s, "connected"));
	assert_true(number_of(&s, "rate") == 0 && is_absent(&s, "status"));
	seen_release(&s);
	s = LOOK("throughput", "address", at(BREAKS));
	assert_false(is_true(&s, "complete") || is_true(&s, "timed-out"));
	assert_true(!is_absent(&s, "error") && number_of(&s, "bytes") > 0);
	seen_release(&s);
	s = LOOK("throughput", "address", "127.0.0.1:1");
	assert_string_equal(text_of(&s, "error"), "Connection refused");
	assert_true(!is_true(&s, "connected") && is_absent(&s, "rate"));
	seen_release(&s);
	s = LOOK("throughput", "url", "http://127.0.0.1:1/");
	assert_true(!is_true(&s, "connected") && is_absent(&s, "rate"));
	seen_release(&s);
	s = look_due("throughput", NULL, clock_boot_ns() - 3000 * MS,
	             (const char *const[]){"address", at(TAKES), "timeout", "1s", NULL});
	assert_true(is_true(&s, "timed-out")); /* too late to begin */
	seen_release(&s);
}

static void what_cannot_be_is_refused(void **state)
{
	const char *const wrong[][7] = {
	        {NULL},
	        {"address", "127.0.0.1:9", "url", "http://127.0.0.1/", NULL},
	        {"url", "http://127.0.0.1/", "direction", "out", NULL},
	        {"url", "http://127.0.0.1/", "send", "x", NULL},
	        {"address", "127.0.0.1:9", "send", "x", NULL},
	        {"address", "/run/socket", NULL},
	        {"address", "127.0.0.1", NULL},
	        {"url", "file:///etc/passwd", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct seen s = look_due("throughput", NULL, clock_boot_ns(), wrong[i]);
		assert_int_equal(s.err.code, -EINVAL);
	}
}

static void looks_may_be_cancelled(void **state)
{
	char address[64];
	(void)strcpy(address, at(STANDS));
	look_cancelled("throughput", NULL, (const char *const[]){"address", address, NULL});
	look_cancelled("throughput", NULL,
	               (const char *const[]){"address", address, "direction", "in", NULL});
	look_cancelled("throughput", NULL, (const char *const[]){"url", url("/hang"), NULL});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bytes_go_out),
	        cmocka_unit_test(bytes_come_in),
	        cmocka_unit_test(a_url_is_loaded),
	        cmocka_unit_test(what_stops_is_told),
	        cmocka_unit_test(what_cannot_be_is_refused),
	        cmocka_unit_test(looks_may_be_cancelled),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
