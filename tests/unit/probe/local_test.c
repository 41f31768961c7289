/* The exec, process and file probes and the exec action, and the tables of all of them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "look.h"

static struct world world;
static char dir[] = "/tmp/squall-probe-test-XXXXXX";

static void exec_shows_how_it_ended(void **state)
{
	struct seen s = LOOK("exec", "argv", "sh|-c|echo out; echo err >&2; exit 4");
	assert_int_equal(number_of(&s, "exit"), 4);
	assert_string_equal(text_of(&s, "stdout"), "out\n");
	assert_string_equal(text_of(&s, "stderr"), "err\n");
	assert_false(is_true(&s, "timed-out"));
	assert_true(is_absent(&s, "signal"));
	assert_true(is_absent(&s, "json"));
	seen_release(&s);
	s = LOOK("exec", "argv", "sh|-c|kill -11 $$");
	assert_int_equal(number_of(&s, "signal"), 11);
	assert_true(is_absent(&s, "exit"));
	seen_release(&s);
	s = LOOK("exec", "argv", "cat", "stdin", "{\"role\": \"master\"}");
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(s.doc, "json"), "role")),
	        "master");
	seen_release(&s);
	s = LOOK("exec", "argv", "sh|-c|echo $SQ_X; pwd", "env", "SQ_X=a=b", "dir", "/usr");
	assert_string_equal(text_of(&s, "stdout"), "a=b\n/usr\n");
	seen_release(&s);
	s = LOOK("exec", "argv", "sh|-c|printf '\\377'");
	assert_true(is_absent(&s, "stdout"));
	seen_release(&s);
	s = LOOK("exec", "argv", "sh|-c|printf aäää", "max-output", "4");
	assert_string_equal(text_of(&s, "stdout"), "aä"); /* no half character */
	assert_true(is_true(&s, "truncated"));
	seen_release(&s);
}

static void exec_has_a_time_limit(void **state)
{
	struct seen s = LOOK("exec", "argv", "sh|-c|echo begun; sleep 60", "timeout", "200ms");
	assert_true(is_true(&s, "timed-out"));
	assert_true(is_absent(&s, "exit"));
	assert_string_equal(text_of(&s, "stdout"), "begun\n");
	assert_true(number_of(&s, "seconds") >= 0.2 && number_of(&s, "seconds") < 5);
	seen_release(&s);
}

static void exec_fails_with_words(void **state)
{
	struct seen s = LOOK("exec", "argv", "/no/such/program");
	assert_int_equal(s.err.code, -ENOENT);
	assert_non_null(strstr(s.err.what, "/no/such/program"));
	s = LOOK("exec", "argv", "true", "env", "=x");
	assert_int_equal(s.err.code, -EINVAL);
}

static void exec_as_an_action_wants_success(void **state)
{
	struct seen s = ACT("exec", "argv", "sh|-c|echo done");
	assert_string_equal(text_of(&s, "stdout"), "done\n");
	seen_release(&s);
	s = ACT("exec", "argv", "sh|-c|echo first >&2; echo the reason >&2; exit 3");
	assert_non_null(strstr(s.err.what, "\"sh\" ended with status 3: the reason"));
	s = ACT("exec", "argv", "sh|-c|kill -9 $$");
	assert_non_null(strstr(s.err.what, "signal 9"));
	s = ACT("exec", "argv", "sleep|60", "timeout", "50ms");
	assert_int_equal(s.err.code, -ETIMEDOUT);
	s = ACT("exec", "argv", "/no/such/program");
	assert_int_equal(s.err.code, -ENOENT);
}

/* A process of a name of its own. */
static pid_t sleeper(const char *name)
{
	int ready[2];
	char c;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)prctl(PR_SET_NAME, name);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void process_shows_who_is_there(void **state)
{
	char name[16], text[32];
	(void)snprintf(name, sizeof(name), "sq-%d", (int)getpid());
	struct seen s = LOOK_IN(&world, "process", "name", name);
	assert_int_equal(number_of(&s, "count"), 0);
	assert_int_equal(json_array_size(json_object_get(s.doc, "pids")), 0);
	assert_true(is_absent(&s, "uptime"));
	seen_release(&s);
	pid_t a = sleeper(name), b = sleeper(name);
	s = LOOK_IN(&world, "process", "name", name);
	assert_int_equal(number_of(&s, "count"), 2);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(s.doc, "pids"), 0)), a);
	assert_string_equal(json_string_value(json_array_get(json_object_get(s.doc, "states"), 1)),
	                    "sleeping");
	assert_int_equal(number_of(&s, "stopped"), 0);
	assert_true(number_of(&s, "rss") > 0);
	assert_true(number_of(&s, "uptime") >= 0 && number_of(&s, "uptime") < 60);
	seen_release(&s);
	int status;
	(void)kill(b, SIGSTOP);
	assert_int_equal(waitpid(b, &status, WUNTRACED), b);
	s = LOOK_IN(&world, "process", "name", name);
	assert_int_equal(number_of(&s, "stopped"), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(s.doc, "states"), 1)),
	                    "stopped");
	seen_release(&s);
	(void)kill(b, SIGKILL);
	(void)waitpid(b, &status, 0);
	(void)snprintf(text, sizeof(text), "%d", (int)a);
	s = LOOK_IN(&world, "process", "pid", text);
	assert_int_equal(number_of(&s, "count"), 1);
	seen_release(&s);
	s = LOOK_IN(&world, "process", "pid", text, "name", "something-else");
	assert_int_equal(number_of(&s, "count"), 0);
	seen_release(&s);
	(void)kill(a, SIGKILL);
	(void)waitpid(a, &status, 0);
}

static void process_must_be_told_whom(void **state)
{
	struct seen s = LOOK_IN(&world, "process", "timeout", "1s");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "process", "pid", "12x");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "process", "listens", "http");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "process", "user", "no-such-user-here");
	assert_null(s.doc);
	assert_non_null(strstr(s.err.what, "no-such-user-here"));
}

static const char *path_of(const char *name)
{
	static char path[300];
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, size_t n, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), n);
	(void)fchmod(fd, mode);
	(void)close(fd);
}

static void file_shows_what_is_there(void **state)
{
	put("plain", "hello\nworld\n", 12, 0640);
	struct seen s = LOOK_IN(&world, "file", "path", path_of("plain"), "matches", "^world$");
	assert_true(is_true(&s, "exists"));
	assert_string_equal(text_of(&s, "type"), "file");
	assert_int_equal(number_of(&s, "size"), 12);
	assert_string_equal(text_of(&s, "mode"), "0640");
	assert_string_equal(text_of(&s, "text"), "hello\nworld\n");
	assert_true(number_of(&s, "age") >= 0 && number_of(&s, "age") < 60);
	assert_false(is_true(&s, "matches")); /* ^ and $ are of the whole text */
	assert_true(is_absent(&s, "sha256"));
	seen_release(&s);
	s = LOOK_IN(&world, "file", "path", path_of("plain"), "matches", "wor.d", "hash", "true",
	            "max-text", "8");
	assert_string_equal(text_of(&s, "sha256"),
	                    "4a1e67f2fe1d1cc7b31d0ca2ec441da4778203a036a77da10344c85e24ff0f92");
	assert_string_equal(text_of(&s, "text"), "hello\nwo");
	assert_true(is_true(&s, "truncated"));
	assert_false(is_true(&s, "matches"));
	seen_release(&s);
	put("json", "{\"a\": [1]}", 10, 0644);
	s = LOOK_IN(&world, "file", "path", path_of("json"));
	assert_true(json_is_array(json_object_get(json_object_get(s.doc, "json"), "a")));
	seen_release(&s);
	put("binary", "\xff\x00\xfe", 3, 0644);
	s = LOOK_IN(&world, "file", "path", path_of("binary"));
	assert_true(is_absent(&s, "text"));
	assert_int_equal(number_of(&s, "size"), 3);
	seen_release(&s);
}

static void file_shows_what_is_no_file(void **state)
{
	struct seen s = LOOK_IN(&world, "file", "path", path_of("none"));
	assert_true(json_is_false(json_object_get(s.doc, "exists")));
	assert_true(is_absent(&s, "size"));
	seen_release(&s);
	s = LOOK_IN(&world, "file", "path", dir);
	assert_string_equal(text_of(&s, "type"), "directory");
	assert_true(is_absent(&s, "text"));
	seen_release(&s);
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	s = LOOK_IN(&world, "file", "path", path_of("fifo")); /* would hang, were it opened */
	assert_string_equal(text_of(&s, "type"), "pipe");
	seen_release(&s);
	s = LOOK_IN(&world, "file", "path", "etc/passwd");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK_IN(&world, "file", "path", "/etc/passwd", "matches", "(");
	assert_int_equal(s.err.code, -EINVAL);
	(void)unlink(path_of("fifo"));
}

static void file_reads_through_its_world(void **state)
{
	put("within", "small world", 11, 0644);
	struct world small = {.root = open(dir, O_PATH | O_CLOEXEC)};
	assert_true(small.root >= 0);
	struct seen s = LOOK_IN(&small, "file", "path", "/within");
	assert_string_equal(text_of(&s, "text"), "small world");
	seen_release(&s);
	s = LOOK_IN(&small, "file", "path", "/etc/passwd");
	assert_true(json_is_false(json_object_get(s.doc, "exists")));
	seen_release(&s);
	(void)close(small.root);
}

static void looks_may_be_cancelled(void **state)
{
	look_cancelled("exec", NULL, (const char *const[]){"argv", "sleep|60", NULL});
	look_cancelled("exec", NULL,
	               (const char *const[]){"argv", "sh|-c|trap '' TERM; sleep 60", NULL});
	/* These end by themselves: only at once. */
	const struct {
		const char *probe, *name, *value;
	} quick[] = {{"file", "path", "/etc/passwd"}, {"process", "name", "init"}};
	for (size_t i = 0; i < 2; i++) {
		const struct probe *p = probe_find(quick[i].probe);
		struct loop *l = loop_new(NULL);
		char *args = look_args(&p->kind,
		                       (const char *const[]){quick[i].name, quick[i].value, NULL});
		struct look *look = NULL;
		uint64_t now = clock_boot_ns();
		assert_int_equal(p->start(l, &world, args, (struct span){now, now}, look_never,
		                          NULL, &look, NULL),
		                 0);
		p->cancel(look);
		loop_free(l);
		look_release(&p->kind, args);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void tables_tell_everything(void **state)
{
	const struct kind *const *lists[] = {probe_kinds, action_kinds};
	for (size_t list = 0; list < 2; list++) {
		for (size_t i = 0; lists[list][i]; i++) {
			const struct kind *k = lists[list][i];
			assert_true(k->summary[0] && k->man[0] && k->args_size);
			for (const struct param *p = k->params; p->name; p++) {
				assert_true(p->help && p->help[0]);
				assert_true(p->offset < k->args_size);
				assert_true(p->help[strlen(p->help) - 1] != '.');
			}
			for (const struct field *f = k->fields; f->name; f++)
				assert_true(f->help && f->help[0]);
			size_t n = 0;
			while (k->examples[n])
				n++;
			assert_true(n >= 3);
			if (list == 0)
				assert_ptr_equal(&probe_of(k)->kind, k);
			else
				assert_ptr_equal(&action_of(k)->kind, k);
		}
	}
	assert_null(probe_find("no-such"));
	assert_null(action_find("no-such"));
	assert_null(probe_of(&action_find("exec")->kind));
	assert_null(action_of(&probe_find("exec")->kind));
}

static int setup(void **state)
{
	return world_open_real(&world, NULL) < 0 || !mkdtemp(dir);
}

static int teardown(void **state)
{
	const char *names[] = {"plain", "json", "binary", "within"};
	for (size_t i = 0; i < 4; i++)
		(void)unlink(path_of(names[i]));
	(void)rmdir(dir);
	world_close(&world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(exec_shows_how_it_ended),
	        cmocka_unit_test(exec_has_a_time_limit),
	        cmocka_unit_test(exec_fails_with_words),
	        cmocka_unit_test(exec_as_an_action_wants_success),
	        cmocka_unit_test(process_shows_who_is_there),
	        cmocka_unit_test(process_must_be_told_whom),
	        cmocka_unit_test(file_shows_what_is_there),
	        cmocka_unit_test(file_shows_what_is_no_file),
	        cmocka_unit_test(file_reads_through_its_world),
	        cmocka_unit_test(looks_may_be_cancelled),
	        cmocka_unit_test(tables_tell_everything),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
