/* Which processes are meant, on recorded machines and on this one. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../skip.h"
#include "machine/proc.h"
#include "machine/recorded.h"
#include "machine/user.h"

static int setup(void **state)
{
	static struct recorded r;
	struct err err = ERR_INIT;

	*state = &r;
	return recorded_open(&r, MACHINES "/v1.machine", &err);
}

static int teardown(void **state)
{
	recorded_close(*state);
	return 0;
}

static int pid_add(void *ctx, const struct proc *p)
{
	buf_addf(ctx, "%d ", p->id.pid);
	return 0;
}

static void expect(const struct world *w, struct proc_match match, const char *pids)
{
	struct err err = ERR_INIT;
	BUF(found, 256);

	if (proc_find(w, &match, pid_add, &found, &err) < 0)
		fail_msg("%s", err.what);
	assert_string_equal(found.data, pids);
}

static void reads(void **state)
{
	struct recorded *r = *state;
	struct proc p;
	struct err err = ERR_INIT;

	assert_int_equal(proc_read(&r->world, 804, PROC_ALL, &p, &err), 0);
	assert_int_equal(p.id.pid, 804);
	assert_int_equal(p.id.start, 1502);
	assert_int_equal(p.ppid, 803);
	assert_int_equal(p.session, 803);
	assert_int_equal(p.uid, 33);
	assert_string_equal(p.comm, "nginx");
	assert_string_equal(p.exe, "/usr/sbin/nginx");
	assert_string_equal(p.cmdline, "nginx: worker process");
	assert_false(p.kernel);
	assert_int_equal(proc_read(&r->world, 17, PROC_ALL, &p, &err), 0);
	assert_true(p.kernel);
	assert_string_equal(p.exe, "");
	assert_int_equal(proc_read(&r->world, 1410, PROC_EXE, &p, &err), 0);
	assert_string_equal(p.exe, "/usr/local/bin/crunch-the-numbers");
	assert_int_equal(proc_read(&r->world, 4711, PROC_ALL, &p, &err), -ESRCH);
}

static void matches(void **state)
{
	const struct world *w = &((struct recorded *)*state)->world;

	/* 930 is a zombie */
	expect(w, (struct proc_match){.name = "nginx"}, "803 804 805 806 807 ");
	expect(w, (struct proc_match){.name = "ngin"}, "");
	expect(w, (struct proc_match){.name = "redis-*"}, "901 910 ");
	/* 1400 goes by a name of its own, 1410's is cut */
	expect(w, (struct proc_match){.name = "crunch-the-numbers"}, "1410 ");
	expect(w, (struct proc_match){.exe = "/usr/local/bin/crunch-the-numbers"}, "1400 1410 ");
	expect(w, (struct proc_match){.exe = "nginx"}, "803 804 805 806 807 ");
	expect(w, (struct proc_match){.exe = "/usr/sbin/*", .user = "root"}, "412 803 920 1200 ");
	expect(w, (struct proc_match){.cmdline = "master process"}, "803 ");
	expect(w, (struct proc_match){.cmdline = "crunch-the-numbers --forever"}, "1400 ");
	expect(w, (struct proc_match){.user = "www-data"}, "804 805 806 807 ");
	expect(w, (struct proc_match){.user = "33", .name = "nginx"}, "804 805 806 807 ");
	expect(w, (struct proc_match){.pid = "804"}, "804 ");
	expect(w, (struct proc_match){.pid = "804@1502"}, "804 ");
	expect(w, (struct proc_match){.pid = "804@1503"}, "");
	expect(w, (struct proc_match){.parent = "803"}, "804 805 806 807 ");
	expect(w, (struct proc_match){.parent = "nginx"}, "804 805 806 807 ");
	expect(w, (struct proc_match){.parent = "sshd"}, "1200 1201 ");
}

static void listens(void **state)
{
	const struct world *w = &((struct recorded *)*state)->world;

	expect(w, (struct proc_match){.listens = "6379"}, "901 ");
	expect(w, (struct proc_match){.listens = "6379/tcp"}, "901 ");
	expect(w, (struct proc_match){.listens = "6379/udp"}, "");
	expect(w, (struct proc_match){.listens = "53/udp"}, "920 ");
	expect(w, (struct proc_match){.listens = "80"}, "803 804 805 806 807 ");
	expect(w, (struct proc_match){.listens = "80", .parent = "1"}, "803 ");
	expect(w, (struct proc_match){.listens = "22"}, "412 ");
	expect(w, (struct proc_match){.listens = "50000"}, "");
}

/* The same port in two namespaces is two ports. */
static void listens_in_namespaces(void **state)
{
	struct recorded r;
	struct err err = ERR_INIT;

	assert_int_equal(recorded_open(&r, MACHINES "/container.machine", &err), 0);
	expect(&r.world, (struct proc_match){.listens = "8080"}, "2001 2101 ");
	recorded_close(&r);
}

static void refuses(void **state)
{
	const struct world *w = &((struct recorded *)*state)->world;
	static const struct proc_match bad[] = {
	        {.pid = "nginx"},        {.pid = "0"},         {.pid = "-4"},
	        {.pid = "12x"},          {.pid = "1@x"},       {.pid = "99999999999"},
	        {.listens = "0"},        {.listens = "65536"}, {.listens = "80/sctp"},
	        {.listens = "-80"},      {.listens = ""},      {.listens = "http"},
	        {.user = "99999999999"},
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct proc_query q;

		assert_int_equal(proc_query_init(&q, w, &bad[i], &err), -EINVAL);
	}
	assert_int_equal(
	        proc_find(w, &(struct proc_match){.user = "nobody-here"}, pid_add, NULL, &err),
	        -ENOENT);
}

static void users(void **state)
{
	const struct world *w = &((struct recorded *)*state)->world;
	BUF(b, 64);

	user_format(w, 33, &b);
	assert_string_equal(b.data, "www-data");
	buf_reset(&b);
	user_format(w, 4242, &b);
	assert_string_equal(b.data, "4242");
}

/* This machine, for real: our own socket is found, and only by its port. */
static void finds_itself(void **state)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	socklen_t len = sizeof(at);
	struct world w;
	struct err err = ERR_INIT;
	char port[16], want[32];
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		lacks("ipv6", "no such socket could be made");
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(port, sizeof(port), "%u", ntohs(at.sin6_port));
	snprintf(want, sizeof(want), "%d ", getpid());
	assert_int_equal(world_open_real(&w, &err), 0);
	expect(&w, (struct proc_match){.listens = port}, want);
	close(fd);
	expect(&w, (struct proc_match){.listens = port}, "");
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads),        cmocka_unit_test(matches),
	        cmocka_unit_test(listens),      cmocka_unit_test(listens_in_namespaces),
	        cmocka_unit_test(refuses),      cmocka_unit_test(users),
	        cmocka_unit_test(finds_itself),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
