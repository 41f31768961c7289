/* test-base.c - the small parts that everything stands on. */
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

#include "../skip.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/counters.h"
#include "base/hash.h"
#include "base/ident.h"
#include "base/paths.h"
#include "base/priority.h"
#include "base/wire.h"
#include "base/world.h"

static void test_err(void **state)
{
	struct err e = ERR_INIT;

	assert_int_equal(err_sys(&e, ENOENT, "could not open \"%s\"", "x"), -ENOENT);
	assert_string_equal(e.what, "could not open \"x\": No such file or directory");
	assert_int_equal(err_wrap(&e, -EIO, "could not arm"), -EIO);
	assert_string_equal(e.what,
	                    "could not arm: could not open \"x\": No such file or directory");
	assert_int_equal(err_hint(&e, -EIO, "Look."), -EIO);
	assert_string_equal(e.hint, "Look.");
	assert_int_equal(err_set(NULL, -EINVAL, "x"), -EINVAL);
}

static void test_buf(void **state)
{
	BUF(b, 8);

	buf_addf(&b, "%d-%d", 12, 34);
	assert_string_equal(b.data, "12-34");
	assert_false(b.over);
	buf_add(&b, "abcdef");
	assert_string_equal(b.data, "12-34ab");
	assert_true(b.over);
	buf_reset(&b);
	buf_addf(&b, "%s", "1234567");
	assert_false(b.over);
	buf_reset(&b);
	buf_addf(&b, "%s", "12345678");
	assert_true(b.over);
	assert_int_equal(b.len, 7);
}

static void test_arena(void **state)
{
	struct arena a;
	int *v = NULL;
	size_t cap = 0;

	arena_init(&a, 1 << 20);
	for (int i = 0; i < 10000; i++) {
		v = arena_grow(&a, v, (size_t)i, &cap, sizeof(*v));
		assert_non_null(v);
		v[i] = i;
	}
	for (int i = 0; i < 10000; i++)
		assert_int_equal(v[i], i);
	assert_null(arena_alloc(&a, 1 << 20));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_string_equal(arena_printf(&a, "%s-%d", "a", 1), "a-1");
	arena_release(&a);
	arena_release(&a);
}

static void test_hash(void **state)
{
	char hex[SHA256_HEX], million[1000];
	struct sha256 s;

	sha256_text("abc", 3, hex);
	assert_string_equal(hex,
	                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	memset(million, 'a', sizeof(million));
	sha256_init(&s);
	for (int i = 0; i < 1000; i++)
		sha256_add(&s, million, sizeof(million));
	sha256_end(&s, hex);
	assert_string_equal(hex,
	                    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
}

/* An end that leaves without reading all is heard to its last word. */
static void test_wire_last_word(void **state)
{
	struct wire m, got;
	const char *argv[WIRE_ARGS];
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	wire_start(&m, "order");
	assert_int_equal(wire_send(s[0], &m), 0);
	wire_start(&m, "refused");
	assert_int_equal(wire_send(s[1], &m), 0);
	close(s[1]);
	assert_int_equal(wire_recv(s[0], &got, false), 0);
	assert_int_equal(wire_split(&got, argv), 1);
	assert_string_equal(argv[0], "refused");
	assert_int_equal(wire_recv(s[0], &got, false), -EPIPE);
	close(s[0]);
}

static void test_wire(void **state)
{
	struct wire m, got;
	const char *argv[WIRE_ARGS];
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	wire_start(&m, "put");
	assert_int_equal(wire_add(&m, ""), 0);
	assert_int_equal(wire_addf(&m, "%d", 7), 0);
	assert_int_equal(wire_send(s[0], &m), 0);
	assert_int_equal(wire_recv(s[1], &got, false), 0);
	assert_int_equal(wire_split(&got, argv), 3);
	assert_string_equal(argv[1], "");
	assert_string_equal(argv[2], "7");
	assert_string_equal(wire_arg(argv, 3, 3), "");
	assert_int_equal(wire_recv(s[1], &got, false), -EAGAIN);
	got.len = 3;
	memcpy(got.data, "abc", 3);
	assert_int_equal(wire_split(&got, argv), -EPROTO);
	memset(got.data, 0, 100);
	got.len = 100;
	assert_int_equal(wire_split(&got, argv), -EPROTO);
	close(s[0]);
	assert_int_equal(wire_recv(s[1], &got, true), -EPIPE);
	close(s[1]);
	wire_start(&m, "x");
	while (wire_add(&m, "0123456789") == 0)
		;
	assert_true(m.len <= WIRE_MAX);
	assert_int_equal(wire_addf(&m, "%s", "0123456789"), -EMSGSIZE);
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"expect", "every", "tolerate", NULL};

	assert_string_equal(text_nearest("expct", words), "expect");
	assert_string_equal(text_nearest("evrey", words), "every");
	assert_null(text_nearest("zzzzzz", words));
	assert_int_equal(text_distance("ab", "ba", 9), 1);
	assert_int_equal(text_distance("", "abc", 9), 3);
}

static int collect(void *ctx, const char *name)
{
	strcat(ctx, name);
	strcat(ctx, " ");
	return 0;
}

static void test_world(void **state)
{
	char dir[] = "/tmp/squall-test-XXXXXX", all[64] = "";
	struct world w = {.root = -1};
	struct err e = ERR_INIT;
	BUF(b, 8);

	assert_non_null(mkdtemp(dir));
	w.root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	mkdirat(w.root, "10", 0700);
	mkdirat(w.root, "9", 0700);
	mkdirat(w.root, "a", 0700);
	assert_int_equal(world_list(&w, "/", collect, all, &e), 0);
	assert_string_equal(all, "9 10 a ");
	w.root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(file_put(w.root, "f", "1234567\n", 8, true, &e), 0);
	assert_int_equal(world_read(&w, "/f", &b, &e), -EFBIG);
	assert_int_equal(file_put(w.root, "f", "123456\n", 7, false, &e), 0);
	assert_int_equal(world_read(&w, "/f", &b, &e), 0);
	assert_string_equal(b.data, "123456");
	assert_int_equal(world_read(&w, "/no", &b, &e), -ENOENT);
	assert_true(world_exists(&w, "//f"));
	unlinkat(w.root, "f", 0);
	unlinkat(w.root, "a", AT_REMOVEDIR);
	unlinkat(w.root, "9", AT_REMOVEDIR);
	unlinkat(w.root, "10", AT_REMOVEDIR);
	rmdir(dir);
	world_close(&w);
}

static void test_ident(void **state)
{
	struct world w;
	struct err e = ERR_INIT;
	struct proc_id id, other;
	pid_t child;
	BUF(b, 64);
	int fd;

	assert_int_equal(world_open_real(&w, &e), 0);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(proc_id_read(&w, child, &id, &e), 0);
	proc_id_format(&b, id);
	assert_int_equal(proc_id_parse(b.data, &other, &e), 0);
	assert_int_equal(id.pid, other.pid);
	assert_true(id.start == other.start);
	assert_int_equal(proc_id_parse("12", &other, &e), -EINVAL);
	assert_int_equal(proc_id_parse("-1@3", &other, &e), -EINVAL);
	assert_int_equal(proc_id_parse("1@", &other, &e), -EINVAL);
	other = id;
	other.start++;
	assert_int_equal(proc_id_open(&w, other, &e), -ESRCH);
	assert_false(proc_id_alive(&w, other));
	fd = proc_id_open(&w, id, &e);
	assert_true(fd >= 0);
	assert_int_equal(pidfd_wait_gone(fd, 1000), -ETIMEDOUT);
	assert_int_equal(pidfd_signal(fd, SIGKILL), 0);
	assert_int_equal(pidfd_wait_gone(fd, 2000000000ull), 0);
	assert_false(proc_id_alive(&w, id)); /* a zombie does not live */
	waitpid(child, NULL, 0);
	assert_int_equal(proc_id_read(&w, child, &id, &e), -ESRCH);
	close(fd);
	world_close(&w);
}

static void test_owned(void **state)
{
	char dir[] = "/tmp/squall-test-XXXXXX", path[64];
	struct err e = ERR_INIT;
	int fd, f;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a/b", dir);
	fd = dir_open_owned(path, geteuid(), true, &e);
	assert_true(fd >= 0);
	assert_int_equal(symlinkat("b", fd, "link"), 0);
	assert_int_equal(file_open_owned(fd, "link", O_RDONLY, geteuid(), &e), -ELOOP);
	f = openat(fd, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
	fchmod(f, 0666);
	close(f);
	assert_int_equal(file_open_owned(fd, "f", O_RDONLY, geteuid(), &e), -EPERM);
	assert_int_equal(file_open_owned(fd, ".", O_RDONLY, geteuid(), &e), -EPERM);
	assert_int_equal(dir_open_owned(path, geteuid() + 1, false, &e), -EPERM);
	unlinkat(fd, "f", 0);
	unlinkat(fd, "link", 0);
	close(fd);
	rmdir(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(dir);
}

static void test_copy_on_write(void **state)
{
	static const struct {
		const char *f_type, *name;
	} types[] = {
	        {"9123683e", "btrfs"}, {"2fc12fc1", "zfs"}, {"ca451a4e", "bcachefs"},
	        {"ef53", NULL},     /* ext4 */
	        {"58465342", NULL}, /* xfs */
	        {NULL, NULL},
	};
	struct paths p = {.runs = "/proc/self/no/such/folder"};
	struct world real;
	struct err e = ERR_INIT;

	assert_int_equal(world_open_real(&real, &e), 0);
	assert_null(paths_copy_on_write(&real, &p));
	world_close(&real);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct answer v = {"undo-log.f_type", types[i].f_type};
		struct answers answers = {.n = types[i].f_type != NULL, .v = &v};
		struct world w = {.root = -1, .fake = &answers};
		const char *name = paths_copy_on_write(&w, &p);

		assert_int_equal(name != NULL, types[i].name != NULL);
		if (name)
			assert_string_equal(name, types[i].name);
	}
}

static void test_rng(void **state)
{
	struct rng r = {1}, same = {1};
	unsigned count[3] = {0};

	for (int i = 0; i < 3000; i++)
		count[rng_below(&r, 3)]++;
	for (int i = 0; i < 3; i++)
		assert_in_range(count[i], 850, 1150);
	assert_int_equal(rng_next(&same), 0x910a2dec89025cc1ull);
}

/* In a process of its own, which begins at `nice`: its value afterwards, and that of a child. */
static void raised(int nice, int *own, int *child, bool *said)
{
	int fd[2], values[3];

	assert_int_equal(pipe(fd), 0);
	if (fork() == 0) {
		int of_child = 0;

		if (setpriority(PRIO_PROCESS, 0, nice) < 0)
			_exit(1);
		values[0] = priority_raise();
		values[1] = getpriority(PRIO_PROCESS, 0);
		if (fork() == 0)
			_exit(100 + getpriority(PRIO_PROCESS, 0));
		wait(&of_child);
		values[2] = WEXITSTATUS(of_child) - 100;
		_exit(write(fd[1], values, sizeof(values)) != sizeof(values));
	}
	assert_int_equal(read(fd[0], values, sizeof(values)), sizeof(values));
	wait(NULL);
	close(fd[0]);
	close(fd[1]);
	*said = values[0];
	*own = values[1];
	*child = values[2];
}

static void test_priority(void **state)
{
	int own, child;
	bool said;

	if (getpriority(PRIO_PROCESS, 0) != 0)
		lacks("plain-nice", "this test was started with another nice value");
	raised(0, &own, &child, &said);
	assert_int_equal(own, said ? PRIORITY_NICE : 0);
	assert_int_equal(child, 0);
	/* somebody chose it */
	raised(7, &own, &child, &said);
	assert_false(said);
	assert_int_equal(own, 7);
	assert_int_equal(child, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_err),           cmocka_unit_test(test_buf),
	        cmocka_unit_test(test_arena),         cmocka_unit_test(test_hash),
	        cmocka_unit_test(test_wire),          cmocka_unit_test(test_wire_last_word),
	        cmocka_unit_test(test_nearest),       cmocka_unit_test(test_world),
	        cmocka_unit_test(test_ident),         cmocka_unit_test(test_owned),
	        cmocka_unit_test(test_copy_on_write), cmocka_unit_test(test_rng),
	        cmocka_unit_test(test_priority),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
