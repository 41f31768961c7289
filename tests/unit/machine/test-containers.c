/* Containers: what cgroups are called, what a Docker-compatible socket says, and what it does that
 * no good engine does. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../skip.h"
#include "base/clock.h"
#include "machine/container.h"
#include "machine/group.h"
#include "machine/recorded.h"

#define ID "3f2a9c81d0e43f2a9c81d0e43f2a9c81d0e43f2a9c81d0e43f2a9c81d0e43f2a"
#define OTHER "b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7b7"

static void names_of_cgroups(void **state)
{
	static const struct {
		const char *parent, *name, *id; /* NULL: no container */
	} v[] = {
	        {"system.slice", "docker-" ID ".scope", ID},
	        {"docker", ID, ID},
	        {"machine.slice", "libpod-" ID ".scope", ID},
	        {"libpod_parent", "libpod-" ID, ID},
	        {"kubepods-pod1.slice", "cri-containerd-" ID ".scope", ID},
	        {"kubepods-pod1.slice", "crio-" ID ".scope", ID},
	        {"pod8c1e9f0a", ID, ID},
	        {"lxc", "web", "web"},
	        {"", "lxc.payload.web", "web"},
	        {"machine.slice", "machine-deb\\x2d12.scope", "deb-12"},
	        /* what stands beside a container */
	        {"machine.slice", "libpod-conmon-" ID ".scope", NULL},
	        {"kubepods-pod1.slice", "crio-conmon-" ID ".scope", NULL},
	        {"", "lxc.monitor.web", NULL},
	        {"machine.slice", "machine-qemu\\x2d1\\x2dvm.scope", NULL},
	        {"system.slice", "docker.service", NULL},
	        {"system.slice", "docker-123.scope", NULL},
	        {"docker", "3f2a", NULL},
	        {"system.slice", "machine-x.scope", NULL},
	};
	char id[128];

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		bool is = container_of_cgroup(v[i].parent, v[i].name, id);

		if (is != (v[i].id != NULL) || (is && strcmp(id, v[i].id) != 0))
			fail_msg("%s/%s: %s", v[i].parent, v[i].name, is ? id : "none");
	}
}

static void matching(void **state)
{
	static const struct container c = {.id = ID,
	                                   .name = "shop-redis",
	                                   .image = "docker.io/library/redis:7",
	                                   .labels = "\napp=shop\ntier=a=b\nempty=\n"};
	static const struct {
		const char *field, *value;
		bool is;
	} v[] = {
	        {"id", "3f2a", true},
	        {"id", "f2a", false},
	        {"name", "shop-redis", true},
	        {"name", "shop", false},
	        {"name", "shop-*", true},
	        {"image", "redis", true},
	        {"image", "redis:7", true},
	        {"image", "redis:8", false},
	        {"image", "docker.io/library/redis:7", true},
	        {"image", "red", false},
	        {"label", "app", true},
	        {"label", "app=shop", true},
	        {"label", "app=sh*", true},
	        {"label", "app=sho", false},
	        {"label", "ap", false},
	        {"label", "tier=a=b", true},
	        {"label", "empty=", true},
	        {"label", "shop", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		if (container_matches(&c, v[i].field, v[i].value) != v[i].is)
			fail_msg("%s=%s", v[i].field, v[i].value);
	}
}

/* Every kind of group of a recorded machine, in each version of cgroups. */
static void groups(void **state)
{
	static const char *const machines[] = {"debian12", "hybrid", "v1-only"};

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		struct recorded r;
		struct cgroups c;
		struct cgroup_of of;
		struct containers all;
		struct arena arena;
		struct err err = ERR_INIT;
		char path[512];
		pid_t pid;

		snprintf(path, sizeof(path), MACHINES "/%s.machine", machines[i]);
		assert_int_equal(recorded_open(&r, path, &err), 0);
		arena_init(&arena, 1 << 20);
		assert_int_equal(cgroups_read(&r.world, &c, &err), 0);
		assert_int_equal(containers_read(&r.world, &c, &arena, &all, &err), 0);
		/* Docker's two, Podman's, the pod's, LXC's; one elsewhere where a socket says so.
		 */
		assert_int_equal(all.n, all.asked ? 6 : 5);
		for (size_t k = 0; k < all.n; k++) {
			if (!container_matches(&all.v[k], "id", "3f2a"))
				continue;
			assert_int_equal(container_main(&r.world, &all.v[k], &arena, &pid, &err),
			                 0);
			assert_int_equal(pid, 2001);
			assert_int_equal(group_cgroups(&r.world, &c, pid, ID, true, &of, &err), 0);
			assert_true(group_dir(&r.world, &c, &of, path));
			assert_non_null(strstr(path, ID));
		}
		arena_release(&arena);
		recorded_close(&r);
	}
}

/* The fake engine */

enum manner { GOOD, GARBAGE, DENIES, HANGS, STRANGER };
static struct {
	char dir[64], path[96];
	pid_t pid;
} engine;

static void say(int fd, const char *body)
{
	char text[4096];
	int n = snprintf(text, sizeof(text),
	                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
	                 "%zu\r\nConnection: close\r\n\r\n%s",
	                 strlen(body), body);

	(void)send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

static void answer(int fd, enum manner manner, pid_t main_pid)
{
	char request[2048] = "", body[512];

	if (recv(fd, request, sizeof(request) - 1, 0) <= 0)
		return;
	if (manner == HANGS)
		pause();
	if (manner == GARBAGE) {
		say(fd, "[{\"Id\": ");
	} else if (manner == DENIES) {
		(void)send(fd, "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 41, MSG_NOSIGNAL);
	} else if (strncmp(request, "GET /containers/json ", 21) == 0) {
		say(fd, "[{\"Id\": \"" ID "\", \"Names\": [\"/a/link\", \"/shop\"], \"Image\": "
		        "\"redis:7\", \"Labels\": {\"app\": \"shop\", \"odd\": \"a\\nb\"}},"
		        " {\"Id\": \"" OTHER "\", \"Names\": null, \"Labels\": null}, {}, 7]");
	} else if (strstr(request, ID "/json ")) {
		snprintf(body, sizeof(body), "{\"State\": {\"Pid\": %d}}",
		         manner == STRANGER ? 1 : main_pid);
		say(fd, body);
	} else if (strstr(request, OTHER "/json ")) {
		say(fd, "{\"State\": {\"Pid\": 0}}");
	} else {
		(void)send(fd, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 39, MSG_NOSIGNAL);
	}
}

static void engine_start(enum manner manner)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t parent = getpid();

	snprintf(engine.dir, sizeof(engine.dir), "/tmp/squall-engine-XXXXXX");
	assert_non_null(mkdtemp(engine.dir));
	snprintf(engine.path, sizeof(engine.path), "%s/docker.sock", engine.dir);
	memcpy(to.sun_path, engine.path, sizeof(engine.path));
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(fd, 8), 0);
	setenv("DOCKER_HOST", engine.path, 1);
	engine.pid = fork();
	assert_true(engine.pid >= 0);
	if (engine.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int one = accept(fd, NULL, NULL);

			answer(one, manner, parent);
			close(one);
		}
	}
	close(fd);
}

static int engine_stop(void **state)
{
	if (engine.pid > 0) {
		kill(engine.pid, SIGKILL);
		waitpid(engine.pid, NULL, 0);
	}
	engine.pid = 0;
	unlink(engine.path);
	rmdir(engine.dir);
	unsetenv("DOCKER_HOST");
	return 0;
}

struct asked {
	struct world w;
	struct arena arena;
	struct cgroups c;
	struct containers all;
	struct err err;
};

static void ask(struct asked *q)
{
	*q = (struct asked){.err = ERR_INIT};
	arena_init(&q->arena, 1 << 20);
	assert_int_equal(world_open_real(&q->w, &q->err), 0);
	/* Without cgroups: those of this machine's own containers are not looked for. */
	assert_int_equal(containers_read(&q->w, &q->c, &q->arena, &q->all, &q->err), 0);
}

static void asked_end(struct asked *q)
{
	arena_release(&q->arena);
	world_close(&q->w);
}

static void a_good_engine(void **state)
{
	struct asked q;
	const struct container *shop;
	pid_t pid = 0;

	engine_start(GOOD);
	ask(&q);
	assert_int_equal(q.all.trouble.code, 0);
	assert_int_equal(q.all.asked, 1);
	assert_int_equal(q.all.n, 2);
	shop = &q.all.v[1];
	assert_string_equal(shop->id, ID);
	assert_string_equal(shop->name, "shop");
	assert_string_equal(shop->image, "redis:7");
	assert_true(container_matches(shop, "label", "app=shop"));
	assert_true(container_matches(shop, "label", "odd=a b"));
	assert_string_equal(q.all.v[0].name, "");
	/* This process is in no cgroup of that name: what the socket says is not believed. */
	assert_int_equal(container_main(&q.w, shop, &q.arena, &pid, &q.err), -ENOENT);
	assert_non_null(strstr(q.err.what, "is not here"));
	assert_int_equal(container_main(&q.w, &q.all.v[0], &q.arena, &pid, &q.err), -ENOENT);
	assert_non_null(strstr(q.err.what, "does not run"));
	asked_end(&q);
}

static void trouble(enum manner manner, int code, const char *what, const char *hint)
{
	struct asked q;

	engine_start(manner);
	ask(&q);
	assert_int_equal(q.all.asked, 0);
	assert_int_equal(q.all.n, 0);
	if (q.all.trouble.code != code || !strstr(q.all.trouble.what, what) ||
	    !strstr(q.all.trouble.hint, hint))
		fail_msg("%d %s; %s", q.all.trouble.code, q.all.trouble.what, q.all.trouble.hint);
	asked_end(&q);
}

static void garbage(void **state)
{
	trouble(GARBAGE, -EPROTO, "no JSON", "name the container by id");
}

static void denies(void **state)
{
	trouble(DENIES, -EPROTO, "status 500", "name the container by id");
}

static void hangs(void **state)
{
	uint64_t before = clock_boot_ns();

	trouble(HANGS, -ETIMEDOUT, "could not ask", "See that the engine runs");
	assert_true(clock_boot_ns() - before < 4 * CONTAINER_LIMIT_NS);
}

static void nobody_there(void **state)
{
	struct asked q;

	engine_start(GOOD);
	kill(engine.pid, SIGKILL);
	waitpid(engine.pid, NULL, 0);
	engine.pid = 0;
	ask(&q);
	assert_int_equal(q.all.trouble.code, -ECONNREFUSED);
	asked_end(&q);
}

static void another_machine(void **state)
{
	struct asked q;

	setenv("DOCKER_HOST", "tcp://10.0.0.7:2375", 1);
	ask(&q);
	assert_int_equal(q.all.trouble.code, -EINVAL);
	assert_non_null(strstr(q.all.trouble.what, "tcp://10.0.0.7:2375"));
	asked_end(&q);
}

/* As somebody who may not. */
static void forbidden(void **state)
{
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		lacks("root", "another user is played");
	engine_start(GOOD);
	chmod(engine.dir, 0755);
	chmod(engine.path, 0600);
	pid = fork();
	if (pid == 0) {
		struct asked q;

		if (setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		ask(&q);
		_exit(q.all.trouble.code == -EACCES && strstr(q.all.trouble.hint, "as root") ? 0
		                                                                             : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(names_of_cgroups),
	        cmocka_unit_test(matching),
	        cmocka_unit_test(groups),
	        cmocka_unit_test_teardown(a_good_engine, engine_stop),
	        cmocka_unit_test_teardown(garbage, engine_stop),
	        cmocka_unit_test_teardown(denies, engine_stop),
	        cmocka_unit_test_teardown(hangs, engine_stop),
	        cmocka_unit_test_teardown(nobody_there, engine_stop),
	        cmocka_unit_test_teardown(another_machine, engine_stop),
	        cmocka_unit_test_teardown(forbidden, engine_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
