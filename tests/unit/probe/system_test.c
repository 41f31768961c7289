/* The sockets and disk probes, on this machine: sockets of the test's own on loopback, a file
 * system that is there. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "../skip.h"
#include "machine.h"
#include "machine/sock-diag.h"

static struct world world;

static int bound(int type, uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, type, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static int connected(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                        .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void sockets_of_a_port(void **state)
{
	uint16_t port;
	char text[16], pid[16];
	int listener = bound(SOCK_STREAM, &port);
	assert_int_equal(listen(listener, 4), 0);
	int a = connected(port), b = connected(port);
	int served = accept(listener, NULL, NULL);
	assert_int_equal(write(a, "12345", 5), 5);
	(void)snprintf(text, sizeof(text), "%u", port);
	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	struct seen s = LOOK_IN(&world, "sockets", "port", text);
	assert_int_equal(number_of(&s, "listen"), 1);
	assert_int_equal(number_of(&s, "established"), 2); /* one is not accepted yet */
	assert_int_equal(number_of(&s, "count"), 3);
	assert_int_equal(number_of(&s, "backlog"), 1);
	assert_int_equal(number_of(&s, "backlog-limit"), 4);
	assert_true(number_of(&s, "backlog-share") == 0.25);
	assert_int_equal(number_of(&s, "receive-queue"), 5);
	assert_int_equal(number_of(&s, "retransmits"), 0);
	assert_true(number_of(&s, "rtt") > 0 && number_of(&s, "rtt") < 1);
	assert_true(is_absent(&s, "processes"));
	seen_release(&s);
	s = LOOK_IN(&world, "sockets", "remote-port", text, "pid", pid);
	assert_int_equal(number_of(&s, "processes"), 1);
	assert_int_equal(number_of(&s, "established"), 2);
	assert_true(is_absent(&s, "backlog"));
	seen_release(&s);
	s = LOOK_IN(&world, "sockets", "port", text, "pid", pid); /* what it holds */
	assert_int_equal(number_of(&s, "established"), 1);
	seen_release(&s);
	(void)close(a); /* served is told, and does not close */
	s = LOOK_IN(&world, "sockets", "port", text, "netns", "/proc/self/ns/net");
	assert_int_equal(number_of(&s, "close-wait"), 1);
	seen_release(&s);
	(void)snprintf(text, sizeof(text), "%u/udp", port);
	s = LOOK_IN(&world, "sockets", "port", text);
	assert_int_equal(number_of(&s, "count"), 0);
	seen_release(&s);
	(void)close(served);
	(void)close(b);
	(void)close(listener);
	int udp = bound(SOCK_DGRAM, &port);
	(void)snprintf(text, sizeof(text), "%u/udp", port);
	s = LOOK_IN(&world, "sockets", "port", text);
	assert_int_equal(number_of(&s, "udp"), 1);
	assert_int_equal(number_of(&s, "tcp"), 0);
	seen_release(&s);
	(void)close(udp);
}

static void sockets_of_nobody(void **state)
{
	struct recorded r;
	struct seen s = LOOK_IN(&world, "sockets", "name", "no-such-program-here");
	assert_int_equal(number_of(&s, "processes"), 0);
	assert_true(is_absent(&s, "count") && is_absent(&s, "established"));
	seen_release(&s);
	s = LOOK_IN(&world, "sockets", "netns", "no-such-namespace");
	assert_int_equal(s.err.code, -ENOENT);
	s = LOOK_IN(&world, "sockets", "netns", "/etc/passwd");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "sockets", "port", "http");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "sockets", "port", "53/udp", "remote-port", "80/tcp");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "sockets", "pid", "0");
	assert_int_equal(s.err.code, -EINVAL);
	machine_make(&r, "dir /proc\n");
	s = LOOK_IN(&r.world, "sockets", "port", "80");
	assert_int_equal(s.err.code, -ENOSYS);
	recorded_close(&r);
}

/* In a namespace of its own a process has no socket but its own. */
static void sockets_of_another_namespace(void **state)
{
	int ready[2];
	char c, pid_text[16];
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		bool well = unshare(CLONE_NEWNET) == 0;
		int fd = well ? socket(AF_INET, SOCK_STREAM, 0) : -1;
		struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(7777)};
		well = well && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 &&
		       listen(fd, 9) == 0;
		(void)!write(ready[1], well ? "y" : "n", 1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	if (c == 'y') {
		(void)snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
		struct seen s = LOOK_IN(&world, "sockets", "pid", pid_text);
		assert_int_equal(number_of(&s, "count"), 1);
		assert_int_equal(number_of(&s, "backlog-limit"), 9);
		seen_release(&s);
		s = LOOK_IN(&world, "sockets", "port", "7777");
		assert_int_equal(number_of(&s, "count"), 0);
		seen_release(&s);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
	if (c != 'y')
		lacks("netns", "no network namespace could be made");
}

/* What the kernel never sends, and what an older one sends. */
static void messages_are_not_trusted(void **state)
{
	_Alignas(struct nlmsghdr) char raw[256] = {0};
	struct sock_facts f;
	struct nlmsghdr *h = mnl_nlmsg_put_header(raw);
	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	assert_false(sock_diag_read(h, false, &f));
	struct inet_diag_msg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->idiag_state = 200;
	assert_false(sock_diag_read(h, false, &f));
	m->idiag_state = SOCK_NEW_SYN_RECV;
	assert_true(sock_diag_read(h, false, &f));
	assert_int_equal(f.state, SOCK_SYN_RECV);
	m->idiag_state = SOCK_ESTABLISHED;
	mnl_attr_put(h, INET_DIAG_INFO, 4, "abcd"); /* too short for what is asked of it */
	assert_true(sock_diag_read(h, false, &f));
	assert_false(f.has_info);
	mnl_attr_put(h, INET_DIAG_SKMEMINFO, 2, "ab");
	assert_true(sock_diag_read(h, false, &f));
	assert_int_equal(f.drops, 0);
	((struct nlattr *)((char *)m + sizeof(*m)))->nla_len = 60000; /* beyond the end */
	assert_true(sock_diag_read(h, false, &f));
	assert_false(f.has_info);
}

static void disk_shows_space(void **state)
{
	struct statvfs v;
	assert_int_equal(statvfs("/", &v), 0);
	struct seen s = LOOK_IN(&world, "disk", "path", "/", "over", "10ms");
	assert_true(is_true(&s, "exists"));
	assert_true(number_of(&s, "size") == (double)v.f_blocks * (double)v.f_frsize);
	assert_true(number_of(&s, "used") + number_of(&s, "free") == number_of(&s, "size"));
	assert_true(number_of(&s, "available") <= number_of(&s, "free"));
	assert_true(number_of(&s, "used-share") >= 0 && number_of(&s, "used-share") <= 1);
	assert_string_equal(text_of(&s, "mount"), "/");
	assert_true(!is_absent(&s, "type") && !is_absent(&s, "device"));
	assert_false(is_true(&s, "read-only") && access("/tmp", W_OK) == 0);
	seen_release(&s);
	s = LOOK_IN(&world, "disk", "path", "/no/such/path");
	assert_true(json_is_false(json_object_get(s.doc, "exists")));
	assert_true(is_absent(&s, "size"));
	seen_release(&s);
	s = LOOK_IN(&world, "disk", "path", "tmp");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "disk", "path", "/", "over", "2s");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "disk", "path", "/proc"); /* no device: no rates, no second reading */
	assert_true(is_absent(&s, "busy") && is_absent(&s, "in-flight"));
	seen_release(&s);
}

/* The counters of a device, by the number that the file system of the scratch folder has. */
static void disk_shows_its_device(void **state)
{
	struct recorded r;
	struct stat st;
	char path[64];
	machine_make(&r, "dir /data\n");
	assert_int_equal(stat(r.folder, &st), 0);
	(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev),
	               minor(st.st_dev));
	char command[300];
	(void)snprintf(command, sizeof(command), "mkdir -p %s%s", r.folder, path);
	assert_int_equal(system(command), 0);
	(void)strcat(path, "/stat");
	machine_put(&r, path, "  10 0 100 500  20 0 200 700  3 400 1200 0 0 0 0\n");
	struct looker k = LOOKER("disk", &r.world, "path", "/data", "over", "10ms");
	struct seen s = looker_look(&k);
	assert_int_equal(number_of(&s, "in-flight"), 3);
	assert_true(number_of(&s, "busy") == 0 && number_of(&s, "wait") == 0);
	seen_release(&s);
	machine_put(&r, path, "12 0 300 600 22 0 500 800 0 99999 1200\n");
	s = looker_look(&k);
	assert_true(number_of(&s, "busy") == 1); /* never more than all of the time */
	assert_true(number_of(&s, "wait") == 0.05);
	assert_true(number_of(&s, "reads") > 0 &&
	            number_of(&s, "reads") == number_of(&s, "writes"));
	assert_true(number_of(&s, "written") > number_of(&s, "read"));
	seen_release(&s);
	machine_put(&r, path, "12 0 nonsense");
	s = looker_look(&k);
	assert_true(is_absent(&s, "busy"));
	seen_release(&s);
	looker_close(&k);
	recorded_close(&r);
}

static int setup(void **state)
{
	return world_open_real(&world, NULL);
}

static int teardown(void **state)
{
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sockets_of_a_port),
	        cmocka_unit_test(sockets_of_nobody),
	        cmocka_unit_test(sockets_of_another_namespace),
	        cmocka_unit_test(messages_are_not_trusted),
	        cmocka_unit_test(disk_shows_space),
	        cmocka_unit_test(disk_shows_its_device),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
