/* The dns probe against a name server of the test's own. */
#include <errno.h>

#include "dns-server.h"
#include "io/dns-answer.h"
#include "io/dns.h"
#include "look.h"

static char server[32], closed[32];
static pid_t pid;

static const char *first_answer(const struct seen *s)
{
	const char *text = json_string_value(json_array_get(json_object_get(s->doc, "answers"), 0));
	return text ? text : "(none)";
}

static void addresses_are_answered(void **state)
{
	struct seen s = LOOK("dns", "name", "www.test", "server", server);
	assert_string_equal(text_of(&s, "rcode"), "NOERROR");
	assert_int_equal(number_of(&s, "count"), 2);
	assert_string_equal(first_answer(&s), "192.0.2.1");
	assert_int_equal(number_of(&s, "ttl"), 60); /* the least */
	assert_true(is_true(&s, "authoritative"));
	assert_false(is_true(&s, "truncated"));
	assert_string_equal(text_of(&s, "transport"), "udp");
	assert_string_equal(text_of(&s, "server"), server);
	assert_true(number_of(&s, "seconds") >= 0 && number_of(&s, "seconds") < 2);
	seen_release(&s);
	s = LOOK("dns", "name", "www.test", "server", server, "transport", "tcp");
	assert_string_equal(text_of(&s, "transport"), "tcp");
	assert_int_equal(number_of(&s, "count"), 2);
	seen_release(&s);
}

static void every_type_is_read(void **state)
{
	static const char *const expected[][2] = {
	        {"AAAA", "2001:db8::1"},        {"CNAME", "other.test"},
	        {"MX", "10 mail.test"},         {"TXT", "v=spf -\\228"},
	        {"NS", "other.test"},           {"SRV", "1 2 3 host.test"},
	        {"PTR", "other.test"},          {"SOA", "ns.test root.test 1 2 3 4 5"},
	        {"CAA", "0 issue \"ca.test\""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct seen s =
		        LOOK("dns", "name", "www.test", "type", expected[i][0], "server", server);
		assert_string_equal(first_answer(&s), expected[i][1]);
		assert_int_equal(number_of(&s, "count"), 1);
		seen_release(&s);
	}
	assert_int_equal(dns_type("HINFO"), 0);
}

static void aliases_are_told_apart(void **state)
{
	struct seen s = LOOK("dns", "name", "alias.test", "server", server);
	assert_int_equal(number_of(&s, "count"), 2);
	assert_int_equal(json_array_size(json_object_get(s.doc, "aliases")), 1);
	assert_int_equal(number_of(&s, "ttl"), 30);
	assert_false(is_true(&s, "authoritative"));
	seen_release(&s);
}

static void refusals_are_answers(void **state)
{
	static const char *const expected[][2] = {
	        {"nx.test", "NXDOMAIN"},
	        {"servfail.test", "SERVFAIL"},
	        {"odd.test", "RCODE14"},
	        {"none.test", "NOERROR"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct seen s = LOOK("dns", "name", expected[i][0], "server", server);
		assert_string_equal(text_of(&s, "rcode"), expected[i][1]);
		assert_int_equal(number_of(&s, "count"), 0);
		assert_true(is_absent(&s, "ttl"));
		seen_release(&s);
	}
}

static void a_cut_answer_is_asked_for_again(void **state)
{
	struct seen s = LOOK("dns", "name", "cut.test", "server", server);
	assert_true(is_true(&s, "truncated"));
	assert_string_equal(text_of(&s, "transport"), "tcp");
	assert_int_equal(number_of(&s, "count"), 2);
	seen_release(&s);
	s = LOOK("dns", "name", "cut.test", "server", server, "transport", "udp");
	assert_true(is_true(&s, "truncated"));
	assert_string_equal(text_of(&s, "transport"), "udp");
	seen_release(&s);
}

static void silence_is_a_failed_look(void **state)
{
	struct seen s = LOOK("dns", "name", "silent.test", "server", server, "timeout", "100ms");
	assert_int_equal(s.err.code, -ETIMEDOUT);
	assert_non_null(strstr(s.err.what, server));
	/* An answer to another question is none. */
	s = LOOK("dns", "name", "lies.test", "server", server, "timeout", "100ms");
	assert_int_equal(s.err.code, -ETIMEDOUT);
	s = LOOK("dns", "name", "www.test", "server", closed);
	assert_int_equal(s.err.code, -ECONNREFUSED);
	s = LOOK("dns", "name", "www.test", "server", closed, "transport", "tcp");
	assert_int_equal(s.err.code, -ECONNREFUSED);
	/* Due long ago: no time left. */
	s = look_due("dns", NULL, clock_boot_ns() - 5000 * MS,
	             (const char *const[]){"name", "silent.test", "server", server, NULL});
	assert_int_equal(s.err.code, -ETIMEDOUT);
}

static void malformed_answers_are_refused(void **state)
{
	static const char *const names[][2] = {{"short.test", "A"},  {"loop.test", "NS"},
	                                       {"loop.test", "SOA"}, {"long.test", "TXT"},
	                                       {"thin.test", "A"},   {"thin.test", "SRV"},
	                                       {"thin.test", "CAA"}};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct seen s =
		        LOOK("dns", "name", names[i][0], "type", names[i][1], "server", server);
		assert_int_equal(s.err.code, -EBADMSG);
	}
}

static int no_record(void *ctx, const struct dns_record *r)
{
	assert_true(strlen(r->text) < sizeof(r->text));
	return 0;
}

/* Every beginning of a good answer, and each with a byte changed: read or refused, no more. */
static void nothing_in_an_answer_is_trusted(void **state)
{
	static struct message m;
	static const uint8_t question[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0\5alias\4test\0\0\6\0\1";
	struct dns_head head;
	assert_true(answer_make(question, sizeof(question) - 1, false, &m));
	assert_int_equal(dns_answer_read(m.data, m.n, &head, no_record, NULL, NULL), 0);
	for (size_t n = 0; n < m.n; n++) {
		uint8_t *copy = malloc(n + 1); /* so that a read behind it is seen */
		memcpy(copy, m.data, n);
		(void)!dns_answer_read(copy, n, &head, no_record, NULL, NULL);
		free(copy);
	}
	for (size_t i = 0; i < m.n; i++) {
		for (int x = 0; x < 256; x++) {
			uint8_t was = m.data[i];
			m.data[i] = (uint8_t)x;
			(void)!dns_answer_read(m.data, m.n, &head, no_record, NULL, NULL);
			m.data[i] = was;
		}
	}
}

static void what_cannot_be_asked_is_said(void **state)
{
	struct seen s = LOOK("dns", "name", "www.test", "server", "ns.test");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK("dns", "name", "192.0.2.1");
	assert_int_equal(s.err.code, -EINVAL);
	s = LOOK("dns", "name", "a..test", "server", server);
	assert_int_equal(s.err.code, -EINVAL);
	char name[80];
	assert_true(dns_reverse_name("192.0.2.1", name));
	assert_string_equal(name, "1.2.0.192.in-addr.arpa");
	assert_true(dns_reverse_name("2001:db8::1", name));
	assert_string_equal(
	        name, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	assert_false(dns_reverse_name("www.test", name));
}

static void looks_may_be_cancelled(void **state)
{
	look_cancelled("dns", NULL,
	               (const char *const[]){"name", "silent.test", "server", server, NULL});
}

static int setup(void **state)
{
	pid = dns_server(server);
	/* One that answers nothing any more: its port is closed. */
	pid_t dead = dns_server(closed);
	(void)kill(dead, SIGKILL);
	(void)waitpid(dead, NULL, 0);
	return pid < 0;
}

static int teardown(void **state)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(addresses_are_answered),
	        cmocka_unit_test(every_type_is_read),
	        cmocka_unit_test(aliases_are_told_apart),
	        cmocka_unit_test(refusals_are_answers),
	        cmocka_unit_test(a_cut_answer_is_asked_for_again),
	        cmocka_unit_test(silence_is_a_failed_look),
	        cmocka_unit_test(malformed_answers_are_refused),
	        cmocka_unit_test(nothing_in_an_answer_is_trusted),
	        cmocka_unit_test(what_cannot_be_asked_is_said),
	        cmocka_unit_test(looks_may_be_cancelled),
	};
	if (!dns_library()) {
		(void)fprintf(stderr, "skipped: built without c-ares\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
