/* http: what servers do, good and bad, and what is said of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../skip.h"
#include "base/clock.h"
#include "io/http.h"
#include "io/loop.h"
#include "server.h"

/* A name that cannot be: its first label has 64 bytes (RFC 1035 allows 63), so no server is asked
 * for it. */
#define NO_SUCH_HOST                       \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn.invalid"

#define MS 1000000ull

static struct server server;

struct heard {
	struct loop *loop;
	unsigned calls, wanted;
	struct http_answer a;
	char body[70000];
	json_t *headers;
	struct err err;
};

static void heard_done(void *ctx, const struct http_answer *a, const struct err *err)
{
	struct heard *h = ctx;
	assert_true(!a != !err);
	if (a) {
		h->a = *a;
		(void)snprintf(h->body, sizeof(h->body), "%s", a->body);
		json_decref(h->headers);
		h->headers = json_deep_copy(a->headers);
	} else {
		h->err = *err;
	}
	if (++h->calls == h->wanted)
		loop_stop(h->loop);
}

static const char *url_of(const char *path)
{
	static char url[200];
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server.port, path);
	return url;
}

static struct heard *ask(struct http_request r)
{
	static struct heard h;
	json_decref(h.headers);
	memset(&h, 0, sizeof(h));
	h.loop = loop_new(NULL);
	h.wanted = 1;
	if (!r.timeout_ns)
		r.timeout_ns = 5000 * MS;
	if (!r.body_max)
		r.body_max = 60000;
	struct http *request = NULL;
	struct err err = ERR_INIT;
	int rc = http_start(h.loop, &r, heard_done, &h, &request, &err);
	if (rc < 0)
		fail_msg("%s", err.what);
	assert_int_equal(h.calls, 0);
	loop_run(h.loop);
	assert_int_equal(h.calls, 1);
	loop_free(h.loop);
	return &h;
}

static struct heard *get(const char *path)
{
	return ask((struct http_request){.url = url_of(path)});
}

static const char *header(const struct heard *h, const char *name)
{
	return json_string_value(json_object_get(h->headers, name));
}

static void an_answer_is_heard_whole(void **state)
{
	struct heard *h = get("/ok");
	assert_int_equal(h->a.status, 200);
	assert_string_equal(h->a.version, "1.1");
	assert_string_equal(h->body, "hello");
	assert_int_equal(h->a.bytes, 5);
	assert_false(h->a.cut);
	assert_string_equal(header(h, "x-two"), "a, b");
	assert_true(h->a.connect_ns > 0 && h->a.connect_ns <= h->a.first_byte_ns);
	assert_true(h->a.first_byte_ns <= h->a.took_ns);
	assert_int_equal(h->a.tls_ns, 0);
	char address[64];
	(void)snprintf(address, sizeof(address), "127.0.0.1:%d", server.port);
	assert_string_equal(h->a.address, address);
	h = get("/502");
	assert_int_equal(h->a.status, 502);
	assert_string_equal(h->a.version, "1.0");
	assert_string_equal(h->body, "");
	h = get("/binary");
	assert_int_equal(h->a.bytes, 3);
	assert_string_equal(header(h, "x-odd"), "??");
}

static void a_request_says_what_it_was_told(void **state)
{
	const char *headers[] = {"X-Mine: yes", "Accept:"};
	struct heard *h = ask((struct http_request){.url = url_of("/echo"),
	                                            .headers = headers,
	                                            .headers_n = 2,
	                                            .method = "PUT",
	                                            .body = "some text",
	                                            .body_n = 9});
	assert_int_equal(strncmp(h->body, "PUT /echo HTTP/1.1\r\n", 20), 0);
	assert_non_null(strstr(h->body, "\r\nX-Mine: yes\r\n"));
	assert_null(strstr(h->body, "\r\nAccept:"));
	assert_non_null(strstr(h->body, "\r\n\r\nsome text"));
	h = ask((struct http_request){.url = url_of("/echo"), .body = "b", .body_n = 1});
	assert_int_equal(strncmp(h->body, "POST ", 5), 0);
	h = ask((struct http_request){.url = url_of("/ok"), .method = "HEAD"});
	assert_int_equal(h->a.status, 200);
	assert_string_equal(h->body, "");
	h = ask((struct http_request){
	        .url = url_of("/echo"), .method = "DELETE", .version = HTTP_1_0});
	assert_int_equal(strncmp(h->body, "DELETE /echo HTTP/1.0\r\n", 23), 0);
}

static void redirects_are_shown_or_followed(void **state)
{
	assert_int_equal(get("/moved")->a.status, 302);
	struct heard *h = ask((struct http_request){.url = url_of("/moved"), .redirects = 3});
	assert_int_equal(h->a.status, 200);
	assert_int_equal(h->a.redirects, 1);
	assert_null(header(h, "x-old"));
	h = ask((struct http_request){.url = url_of("/circle"), .redirects = 3});
	assert_int_equal(h->err.code, -ELOOP);
	h = ask((struct http_request){.url = url_of("/elsewhere"), .redirects = 3});
	assert_int_equal(h->err.code, -EPROTO);
}

static void each_failure_has_its_own_words(void **state)
{
	struct {
		const char *path;
		int code;
		const char *says;
	} cases[] = {
	        {"/nothing", -ECONNRESET, "closed the connection without an answer"},
	        {"/reset", -ECONNRESET, "broke: Connection reset by peer"},
	        {"/short", -EPIPE, "ended early"},
	        {"/garbage", -EPROTO, "did not answer as it should"},
	        {"/headers", -EMSGSIZE, "too many headers"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct heard *h = get(cases[i].path);
		assert_int_equal(h->a.status, 0);
		if (h->err.code != cases[i].code || !strstr(h->err.what, cases[i].says) ||
		    !strstr(h->err.what, url_of(cases[i].path)))
			fail_msg("%s: %d %s", cases[i].path, h->err.code, h->err.what);
	}
	char url[64];
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server_dead_port());
	struct heard *h = ask((struct http_request){.url = url});
	assert_int_equal(h->err.code, -ECONNREFUSED);
	assert_non_null(strstr(h->err.what, "could not connect to \"http://127.0.0.1:"));
	assert_non_null(strstr(h->err.what, "\": Connection refused"));
	assert_true(h->err.hint[0]);
	h = ask((struct http_request){.url = "http://a b/"});
	assert_int_equal(h->err.code, -EINVAL);
	h = ask((struct http_request){.url = "http://" NO_SUCH_HOST "/"});
	assert_int_equal(h->err.code, -EHOSTUNREACH);
}

static void slow_answers_are_waited_for_until_the_limit(void **state)
{
	struct heard *h = get("/slow");
	assert_int_equal(h->a.status, 200);
	assert_true(h->a.took_ns >= 300 * MS);
	const char *paths[] = {"/hang", "/stall", "/slow"};
	for (size_t i = 0; i < 3; i++) {
		uint64_t start = clock_boot_ns();
		h = ask((struct http_request){.url = url_of(paths[i]), .timeout_ns = 100 * MS});
		assert_int_equal(h->err.code, -ETIMEDOUT);
		assert_true(clock_boot_ns() - start < 2000 * MS);
	}
	/* Time counts from when it was due. */
	uint64_t start = clock_boot_ns();
	h = ask((struct http_request){
	        .url = url_of("/hang"), .timeout_ns = 500 * MS, .since_ns = start - 450 * MS});
	assert_int_equal(h->err.code, -ETIMEDOUT);
	assert_true(clock_boot_ns() - start < 400 * MS);
	h = ask((struct http_request){.url = url_of("/ok"), .since_ns = start - 1000 * MS});
	assert_true(h->a.took_ns > 1000 * MS);
}

static void a_body_is_bounded(void **state)
{
	struct heard *h = ask((struct http_request){.url = url_of("/flood"), .body_max = 10000});
	assert_int_equal(h->a.status, 200);
	assert_true(h->a.cut);
	assert_int_equal(h->a.body_n, 10000);
	assert_true(h->a.bytes >= 10000);
}

static void the_environment_has_no_say(void **state)
{
	char proxy[64];
	(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server_dead_port());
	(void)setenv("http_proxy", proxy, 1);
	assert_int_equal(get("/ok")->a.status, 200);
	struct heard *h = ask((struct http_request){.url = url_of("/ok"), .proxy = "environment"});
	assert_int_equal(h->err.code, -ECONNREFUSED);
	(void)unsetenv("http_proxy");
}

static void names_and_sockets_may_be_given(void **state)
{
	char resolve[64], url[64], path[64];
	(void)snprintf(resolve, sizeof(resolve), "shop.test:%d:127.0.0.1", server.port);
	(void)snprintf(url, sizeof(url), "http://shop.test:%d/echo", server.port);
	const char *v[] = {resolve};
	struct heard *h = ask((struct http_request){.url = url, .resolve = v, .resolve_n = 1});
	assert_non_null(strstr(h->body, "Host: shop.test:"));
	(void)snprintf(path, sizeof(path), "/tmp/squall-http-test-%d", (int)getpid());
	struct server local = server_start_unix(path);
	h = ask((struct http_request){.url = "http://local/ok", .unix_socket = path});
	assert_int_equal(h->a.status, 200);
	assert_string_equal(h->a.address, path);
	server_stop(local);
	(void)unlink(path);
	h = ask((struct http_request){.url = "http://local/ok", .unix_socket = path});
	assert_int_equal(h->err.code, -ENOENT);
}

static void what_is_no_request_is_refused_at_once(void **state)
{
	struct loop *l = loop_new(NULL);
	struct http *request = NULL;
	struct err err = ERR_INIT;
	const char *urls[] = {"127.0.0.1/", "ftp://127.0.0.1/",  "http://", "http://a b/",
	                      "",           "file:///etc/passwd"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		assert_int_equal(http_url_check(urls[i], &err), -EINVAL);
		assert_true(err.hint[0]);
	}
	assert_int_equal(http_url_check("HTTPS://h/p?q", &err), 0);
	struct http_request bare = {.url = "127.0.0.1/"};
	assert_int_equal(http_start(l, &bare, heard_done, NULL, &request, &err), -EINVAL);
	const char *split[] = {"X-A: b\r\nX-C: d"};
	struct http_request r = {.url = url_of("/ok"), .headers = split, .headers_n = 1};
	assert_int_equal(http_start(l, &r, heard_done, NULL, &request, &err), -EINVAL);
	loop_free(l);
}

static void connections_are_kept_only_if_told(void **state)
{
	/* The server closes after each answer: a kept connection is found dead, and that is not an
	 * error of the look. */
	struct heard h = {.loop = loop_new(NULL), .wanted = 1};
	for (int i = 0; i < 4; i++) {
		struct http_request r = {.url = url_of("/ok"),
		                         .keep_alive = i >= 2,
		                         .timeout_ns = 5000 * MS,
		                         .body_max = 10};
		struct http *request = NULL;
		h.calls = 0;
		assert_int_equal(http_start(h.loop, &r, heard_done, &h, &request, NULL), 0);
		loop_run(h.loop);
		assert_int_equal(h.a.status, 200);
	}
	loop_free(h.loop);
	json_decref(h.headers);
}

/* What one request was told says nothing to the next, of its own kind or another. */
static void requests_of_one_loop_do_not_mix(void **state)
{
	static const char *const mine[] = {"X-Mine: yes"}, *const other[] = {"X-Mine: other"};
	const struct {
		struct http_request r;
		const char *path, *starts, *has;
		unsigned status, redirects;
	} asked[] = {
	        {{.headers = NULL}, "/echo", "GET /echo HTTP/1.1\r\n", "\r\nHost: 127", 200},
	        {{.headers = mine, .headers_n = 1}, "/echo", "GET ", "\r\nX-Mine: yes\r\n", 200},
	        {{.headers = other, .headers_n = 1}, "/echo", "GET ", "X-Mine: other\r\n", 200},
	        {{.method = "DELETE"}, "/echo?a=b", "DELETE /echo?a=b HTTP/1.1\r\n", "", 200},
	        {{.version = HTTP_1_0}, "/echo", "GET /echo HTTP/1.0\r\n", "", 200},
	        {{.body = "text", .body_n = 4}, "/echo", "POST ", "\r\n\r\ntext", 200},
	        {{.method = "HEAD"}, "/ok", "", "", 200},
	        {{.redirects = 3}, "/moved", "", "", 200, 1},
	        {{.redirects = 0}, "/moved", "", "", 302},
	        {{.timeout_ns = 50 * MS}, "/slow", "", "", 0},
	        {{.timeout_ns = 0}, "/slow", "", "", 200},
	};
	struct heard h = {.loop = loop_new(NULL), .wanted = 1};
	for (size_t i = 0; i < 4 * ARRAY_SIZE(asked); i++) {
		/* Each after itself, then each after the one before. */
		size_t n = i < 2 * ARRAY_SIZE(asked) ? i / 2 : i % ARRAY_SIZE(asked);
		struct http_request r = asked[n].r;
		struct http *request = NULL;
		r.url = url_of(asked[n].path);
		r.body_max = 5000;
		h.calls = 0;
		h.err = (struct err)ERR_INIT;
		assert_int_equal(http_start(h.loop, &r, heard_done, &h, &request, NULL), 0);
		loop_run(h.loop);
		assert_int_equal(h.err.code, asked[n].status ? 0 : -ETIMEDOUT);
		if (!asked[n].status)
			continue;
		assert_int_equal(h.a.status, asked[n].status);
		assert_int_equal(h.a.redirects, asked[n].redirects);
		assert_int_equal(strncmp(h.body, asked[n].starts, strlen(asked[n].starts)), 0);
		assert_non_null(strstr(h.body, asked[n].has));
		assert_int_equal(!!strstr(h.body, "X-Mine"), asked[n].r.headers_n);
	}
	loop_free(h.loop);
	json_decref(h.headers);
}

static void many_fly_at_once(void **state)
{
	struct heard h = {.loop = loop_new(NULL), .wanted = 50};
	struct http_request r = {.url = url_of("/slow"), .timeout_ns = 20000 * MS, .body_max = 10};
	for (int i = 0; i < 50; i++) {
		struct http *request = NULL;
		assert_int_equal(http_start(h.loop, &r, heard_done, &h, &request, NULL), 0);
	}
	uint64_t start = clock_boot_ns();
	loop_run(h.loop);
	assert_int_equal(h.calls, 50);
	assert_true(clock_boot_ns() - start < 5000 * MS); /* one after another: 15 s */
	loop_free(h.loop);
	json_decref(h.headers);
}

/* openssl s_server with a certificate of its own for "localhost". */
static pid_t tls_server(const char *dir, int *port)
{
	char command[600];
	(void)snprintf(
	        command, sizeof(command),
	        "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
	        "-nodes -keyout key -out cert -subj /CN=localhost -addext "
	        "subjectAltName=DNS:localhost >/dev/null 2>&1",
	        dir);
	if (system(command) != 0)
		return -1;
	*port = server_dead_port();
	char at[32];
	(void)snprintf(at, sizeof(at), "127.0.0.1:%d", *port);
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (chdir(dir) < 0 || !freopen("/dev/null", "w", stderr))
			_exit(1);
		(void)execlp("openssl", "openssl", "s_server", "-accept", at, "-cert", "cert",
		             "-key", "key", "-www", "-quiet", (char *)NULL);
		_exit(1);
	}
	return pid;
}

static void certificates_are_checked(void **state)
{
	char dir[] = "/tmp/squall-tls-test-XXXXXX", url[64], resolve[64], ca[64], file[64];
	int port = 0;
	assert_non_null(mkdtemp(dir));
	pid_t pid = tls_server(dir, &port);
	(void)snprintf(url, sizeof(url), "https://localhost:%d/", port);
	(void)snprintf(resolve, sizeof(resolve), "localhost:%d:127.0.0.1", port);
	(void)snprintf(ca, sizeof(ca), "%s/cert", dir);
	const char *v[] = {resolve};
	struct http_request r = {.url = url, .resolve = v, .resolve_n = 1};
	struct heard *h = NULL;
	if (pid > 0) {
		struct http_request any = r;
		any.insecure = true;
		for (int i = 0; i < 500; i++) { /* until it listens */
			h = ask(any);
			if (h->err.code != -ECONNREFUSED)
				break;
			usleep(10000);
		}
		assert_int_equal(h->a.status, 200);
		assert_true(h->a.tls_ns > h->a.connect_ns);
		h = ask(r);
		assert_int_equal(h->err.code, -EACCES);
		assert_non_null(strstr(h->err.what, "cannot trust \"https://localhost:"));
		assert_non_null(strstr(h->err.hint, "`ca`"));
		r.ca = ca;
		assert_int_equal(ask(r)->a.status, 200);
		(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/", port);
		assert_int_equal(ask(r)->err.code, -EACCES); /* made out to another name */
		r.ca = "/no/such/file";
		assert_int_equal(ask(r)->err.code, -ENOENT);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	const char *names[] = {"cert", "key"};
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
		(void)unlink(file);
	}
	(void)rmdir(dir);
	if (pid < 0)
		lacks("openssl", "no server with TLS could be started");
}

static void never_called(void *ctx, const struct http_answer *a, const struct err *err)
{
	fail();
}

static void stop_it(void *ctx)
{
	loop_stop(ctx);
}

static void a_request_may_be_cancelled_in_every_state(void **state)
{
	const char *urls[] = {"/hang", "/stall", "/flood", "http://" NO_SUCH_HOST "/"};
	for (size_t i = 0; i < 4; i++) {
		/* The last one may fail early: only at once. */
		for (int late = 0; late < (i == 3 ? 1 : 3); late++) {
			struct loop *l = loop_new(NULL);
			struct http_request r = {.url = urls[i][0] == '/' ? url_of(urls[i])
			                                                  : urls[i],
			                         .timeout_ns = 5000 * MS,
			                         .body_max = SIZE_MAX / 2};
			struct http *request = NULL;
			assert_int_equal(http_start(l, &r, never_called, NULL, &request, NULL), 0);
			struct timer *t = timer_new(l, stop_it, l);
			if (late) {
				timer_set(t, clock_boot_ns() + (late == 1 ? 1 : 30 * MS));
				loop_run(l);
			}
			http_cancel(request);
			if (late == 2) {
				timer_set(t, clock_boot_ns() + 10 * MS);
				loop_run(l);
			}
			loop_free(l);
		}
	}
	/* Left in flight: goes with the loop. */
	struct loop *l = loop_new(NULL);
	struct http_request r = {.url = url_of("/hang"), .timeout_ns = 5000 * MS};
	struct http *request = NULL;
	assert_int_equal(http_start(l, &r, never_called, NULL, &request, NULL), 0);
	loop_free(l);
}

static int setup(void **state)
{
	server = server_start();
	return 0;
}

static int teardown(void **state)
{
	server_stop(server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_answer_is_heard_whole),
	        cmocka_unit_test(a_request_says_what_it_was_told),
	        cmocka_unit_test(redirects_are_shown_or_followed),
	        cmocka_unit_test(each_failure_has_its_own_words),
	        cmocka_unit_test(slow_answers_are_waited_for_until_the_limit),
	        cmocka_unit_test(a_body_is_bounded),
	        cmocka_unit_test(the_environment_has_no_say),
	        cmocka_unit_test(names_and_sockets_may_be_given),
	        cmocka_unit_test(what_is_no_request_is_refused_at_once),
	        cmocka_unit_test(connections_are_kept_only_if_told),
	        cmocka_unit_test(requests_of_one_loop_do_not_mix),
	        cmocka_unit_test(many_fly_at_once),
	        cmocka_unit_test(certificates_are_checked),
	        cmocka_unit_test(a_request_may_be_cancelled_in_every_state),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
