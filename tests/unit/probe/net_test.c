/* The http and tcp probes and the http action against small servers. */
#include <errno.h>

#include "../io/server.h"
#include "look.h"

/* A name that cannot be: its first label has 64 bytes (RFC 1035 allows 63), so no server is asked
 * for it. */
#define NO_SUCH_HOST                       \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn.invalid"

static struct server server;
static char url_storage[200], address[64];

static const char *url(const char *path)
{
	(void)snprintf(url_storage, sizeof(url_storage), "http://127.0.0.1:%d%s", server.port,
	               path);
	return url_storage;
}

static void http_shows_an_answer(void **state)
{
	struct seen s = LOOK("http", "url", url("/ok"));
	assert_int_equal(number_of(&s, "status"), 200);
	assert_string_equal(text_of(&s, "body"), "hello");
	assert_int_equal(number_of(&s, "bytes"), 5);
	assert_string_equal(text_of(&s, "version"), "1.1");
	assert_true(number_of(&s, "seconds") > 0);
	assert_true(number_of(&s, "connect-seconds") <= number_of(&s, "seconds"));
	assert_string_equal(
	        json_string_value(json_object_get(json_object_get(s.doc, "headers"), "x-two")),
	        "a, b");
	assert_true(is_absent(&s, "json"));
	assert_true(is_absent(&s, "tls-seconds"));
	seen_release(&s);
	s = LOOK("http", "url", url("/502")); /* any status is an answer */
	assert_int_equal(number_of(&s, "status"), 502);
	seen_release(&s);
}

static void http_shows_json_and_text_where_there_is_some(void **state)
{
	struct seen s = LOOK("http", "url", url("/json"));
	assert_true(json_is_true(json_object_get(json_object_get(s.doc, "json"), "up")));
	seen_release(&s);
	s = LOOK("http", "url", url("/badjson"));
	assert_true(is_absent(&s, "json"));
	assert_string_equal(text_of(&s, "body"), "{\"up\": t");
	seen_release(&s);
	s = LOOK("http", "url", url("/binary"));
	assert_true(is_absent(&s, "body"));
	assert_int_equal(number_of(&s, "bytes"), 3);
	seen_release(&s);
	s = LOOK("http", "url", url("/flood"), "max-body", "3kB");
	assert_true(is_true(&s, "truncated"));
	assert_int_equal(strlen(text_of(&s, "body")), 3000);
	seen_release(&s);
}

static void http_sends_what_it_was_told(void **state)
{
	struct seen s =
	        LOOK("http", "url", url("/echo"), "headers", "X-Mine=yes", "body", "{\"a\": 1}");
	assert_non_null(strstr(text_of(&s, "body"), "POST /echo"));
	assert_non_null(strstr(text_of(&s, "body"), "X-Mine: yes\r\n"));
	assert_non_null(strstr(text_of(&s, "body"), "Content-Type: application/json\r\n"));
	assert_non_null(strstr(text_of(&s, "body"), "\r\n\r\n{\"a\":1}"));
	seen_release(&s);
	s = LOOK("http", "url", url("/echo"), "headers", "X-Empty=", "body", "plain", "method",
	         "PATCH");
	assert_non_null(strstr(text_of(&s, "body"), "PATCH /echo"));
	assert_non_null(strstr(text_of(&s, "body"), "X-Empty:"));
	assert_non_null(strstr(text_of(&s, "body"), "\r\n\r\nplain"));
	seen_release(&s);
}

static void http_counts_time_from_when_it_was_due(void **state)
{
	struct seen s = look_due("http", NULL, clock_boot_ns() - 700 * MS,
	                         (const char *const[]){"url", url("/ok"), NULL});
	assert_true(number_of(&s, "seconds") > 0.7);
	assert_true(number_of(&s, "connect-seconds") < 0.7);
	seen_release(&s);
	s = look_due("http", NULL, clock_boot_ns() - 700 * MS,
	             (const char *const[]){"url", url("/hang"), "timeout", "800ms", NULL});
	assert_int_equal(s.err.code, -ETIMEDOUT);
}

static void http_fails_with_words(void **state)
{
	char dead[64];
	(void)snprintf(dead, sizeof(dead), "http://127.0.0.1:%d/x", server_dead_port());
	struct seen s = LOOK("http", "url", dead);
	assert_int_equal(s.err.code, -ECONNREFUSED);
	assert_non_null(strstr(s.err.what, dead));
	const char *paths[] = {"/reset", "/short", "/nothing", "/garbage", "/headers"};
	for (size_t i = 0; i < 5; i++) {
		s = LOOK("http", "url", url(paths[i]));
		assert_null(s.doc);
		assert_non_null(strstr(s.err.what, paths[i]));
	}
	struct {
		const char *name, *value;
	} wrong[] = {
	        {"url", "localhost:80"},    {"url", "ftp://x/"},      {"method", "get it"},
	        {"headers", "A B=c"},       {"headers", "A=b\nC: d"}, {"resolve", "x:80"},
	        {"cert", "/tmp/only-cert"},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		s = LOOK("http", "url", url("/ok"), wrong[i].name, wrong[i].value);
		assert_int_equal(s.err.code, -EINVAL);
	}
}

static void http_as_an_action_wants_success(void **state)
{
	struct seen s = ACT("http", "url", url("/ok"));
	assert_int_equal(number_of(&s, "status"), 200);
	seen_release(&s);
	s = ACT("http", "url", url("/502"));
	assert_null(s.doc);
	assert_non_null(strstr(s.err.what, "/502\" answered with status 502"));
	s = ACT("http", "url", url("/reset"));
	assert_int_equal(s.err.code, -ECONNRESET);
}

static void tcp_connects_or_says_why_not(void **state)
{
	struct seen s = LOOK("tcp", "address", address);
	assert_true(is_true(&s, "connected"));
	assert_true(is_absent(&s, "error"));
	assert_true(is_absent(&s, "answer"));
	assert_string_equal(text_of(&s, "address"), address);
	assert_true(number_of(&s, "connect-seconds") >= 0);
	seen_release(&s);
	char dead[64];
	(void)snprintf(dead, sizeof(dead), "127.0.0.1:%d", server_dead_port());
	s = LOOK("tcp", "address", dead);
	assert_false(is_true(&s, "connected"));
	assert_string_equal(text_of(&s, "error"), "Connection refused");
	seen_release(&s);
	s = LOOK("tcp", "address", "/no/such/socket");
	assert_string_equal(text_of(&s, "error"), "No such file or directory");
	seen_release(&s);
	s = LOOK("tcp", "address", NO_SUCH_HOST ":80");
	assert_false(is_true(&s, "connected"));
	assert_non_null(strstr(text_of(&s, "error"), NO_SUCH_HOST));
	seen_release(&s);
}

static void tcp_resolves_names_and_tries_each_address(void **state)
{
	char named[64];
	(void)snprintf(named, sizeof(named), "localhost:%d", server.port);
	struct seen s = LOOK("tcp", "address", named);
	assert_true(is_true(&s, "connected"));
	assert_string_equal(text_of(&s, "address"), address);
	seen_release(&s);
}

static void tcp_speaks_and_listens(void **state)
{
	struct seen s = LOOK("tcp", "address", address, "send", "GET /ok HTTP/1.0\r\n\r\n");
	assert_int_equal(strncmp(text_of(&s, "answer"), "HTTP/1.1 200 OK", 15), 0);
	assert_true(is_absent(&s, "matched"));
	seen_release(&s);
	s = LOOK("tcp", "address", address, "send", "GET /ok HTTP/1.0\r\n\r\n", "matches",
	         "hello$");
	assert_true(is_true(&s, "matched"));
	assert_true(is_absent(&s, "error"));
	seen_release(&s);
	s = LOOK("tcp", "address", address, "send", "GET /ok HTTP/1.0\r\n\r\n", "matches",
	         "goodbye");
	assert_true(is_true(&s, "connected"));
	assert_false(is_true(&s, "matched"));
	assert_string_equal(text_of(&s, "error"), "closed before the answer matched");
	seen_release(&s);
	s = LOOK("tcp", "address", address, "send", "GET /nothing HTTP/1.0\r\n\r\n", "matches",
	         ".");
	assert_string_equal(text_of(&s, "error"), "closed without an answer");
	seen_release(&s);
	s = LOOK("tcp", "address", address, "send", "GET /reset HTTP/1.0\r\n\r\n", "matches", ".");
	assert_string_equal(text_of(&s, "error"), "Connection reset by peer");
	seen_release(&s);
	s = LOOK("tcp", "address", address, "send", "GET /flood HTTP/1.0\r\n\r\n", "matches",
	         "never");
	assert_string_equal(text_of(&s, "error"), "the answer is too long");
	seen_release(&s);
}

static void tcp_waits_no_longer_than_told(void **state)
{
	struct seen s = LOOK("tcp", "address", address, "send", "GET /hang HTTP/1.0\r\n\r\n",
	                     "timeout", "100ms");
	assert_true(is_true(&s, "connected"));
	assert_true(is_true(&s, "timed-out"));
	assert_string_equal(text_of(&s, "error"), "no answer in time");
	assert_true(number_of(&s, "seconds") >= 0.1);
	seen_release(&s);
	/* A listener whose queue is full answers no SYN. */
	int port = 0, fd = server_listener(&port), filler[8];
	char full[64];
	assert_int_equal(listen(fd, 0), 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons((uint16_t)port),
	                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (int i = 0; i < 8; i++) {
		filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(filler[i], (struct sockaddr *)&a, sizeof(a));
	}
	(void)snprintf(full, sizeof(full), "127.0.0.1:%d", port);
	s = LOOK("tcp", "address", full, "timeout", "100ms");
	assert_false(is_true(&s, "connected"));
	assert_true(is_true(&s, "timed-out"));
	assert_string_equal(text_of(&s, "error"), "no connection in time");
	seen_release(&s);
	for (int i = 0; i < 8; i++)
		(void)close(filler[i]);
	(void)close(fd);
}

static void tcp_speaks_to_a_unix_socket(void **state)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/tmp/squall-tcp-test-%d", (int)getpid());
	struct server local = server_start_unix(path);
	struct seen s = LOOK("tcp", "address", path, "send", "GET /ok HTTP/1.0\r\n\r\n", "matches",
	                     "hello");
	assert_true(is_true(&s, "matched"));
	assert_string_equal(text_of(&s, "address"), path);
	seen_release(&s);
	server_stop(local);
	(void)unlink(path);
}

static void tcp_knows_what_is_no_address(void **state)
{
	const char *wrong[] = {
	        "localhost", "localhost:", "localhost:0", "localhost:65536", ":80", "::1:80",
	        "[::1]",     "[::1]80",    "a:b",         "a:80x",           "",    "a:-1"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct seen s = LOOK("tcp", "address", wrong[i]);
		assert_int_equal(s.err.code, -EINVAL);
	}
	struct seen s = LOOK("tcp", "address", address, "matches", "(");
	assert_int_equal(s.err.code, -EINVAL);
}

static void looks_may_be_cancelled(void **state)
{
	char hang[200];
	(void)snprintf(hang, sizeof(hang), "%s", url("/hang"));
	look_cancelled("http", NULL, (const char *const[]){"url", hang, NULL});
	look_cancelled("tcp", NULL,
	               (const char *const[]){"address", address, "send",
	                                     "GET /hang HTTP/1.0\r\n\r\n", NULL});
	look_cancelled("tcp", NULL,
	               (const char *const[]){"address", address, "matches", "never", NULL});
}

static int setup(void **state)
{
	server = server_start();
	(void)snprintf(address, sizeof(address), "127.0.0.1:%d", server.port);
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
	        cmocka_unit_test(http_shows_an_answer),
	        cmocka_unit_test(http_shows_json_and_text_where_there_is_some),
	        cmocka_unit_test(http_sends_what_it_was_told),
	        cmocka_unit_test(http_counts_time_from_when_it_was_due),
	        cmocka_unit_test(http_fails_with_words),
	        cmocka_unit_test(http_as_an_action_wants_success),
	        cmocka_unit_test(tcp_connects_or_says_why_not),
	        cmocka_unit_test(tcp_resolves_names_and_tries_each_address),
	        cmocka_unit_test(tcp_speaks_and_listens),
	        cmocka_unit_test(tcp_waits_no_longer_than_told),
	        cmocka_unit_test(tcp_speaks_to_a_unix_socket),
	        cmocka_unit_test(tcp_knows_what_is_no_address),
	        cmocka_unit_test(looks_may_be_cancelled),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
