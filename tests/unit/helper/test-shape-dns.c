/* What becomes of the answers of name servers: bytes in, bytes out. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/quantity.h"
#include "helper/shape-bytes.h"
#include "helper/shape-dns.h"

#include <cmocka.h>

struct packet {
	uint8_t at[SHAPE_DNS_MAX];
	size_t n;
};

static void add(struct packet *p, const void *data, size_t n)
{
	memcpy(p->at + p->n, data, n);
	p->n += n;
}
#define ADD(p, text) add(p, text, sizeof(text) - 1)

/* id 1234; QR AA RD RA AD CD; one question, an answer, an authority, an OPT with a cookie and an
 * extended error. */
static void answer_add(struct packet *p)
{
	ADD(p, "\x12\x34\x85\xb3\0\1\0\1\0\1\0\1");
	ADD(p, "\2dB\4sHop\4test\0\0\1\0\1");
	ADD(p, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc6\x33\x64\1");
	ADD(p, "\xc0\x0f\0\2\0\1\0\0\1\x2c\0\2\xc0\x0c");
	ADD(p, "\0\0\x29\4\xd0\1\0\x80\0\0\x0c\0\x0a\0\10ABCDEFGH");
}

static struct packet packet_of(int family, uint8_t protocol)
{
	struct packet p = {.n = 0}, message = {.n = 0};
	size_t header = protocol == IPPROTO_UDP ? 8 : 22, n, from;

	answer_add(&message);
	n = header + message.n;
	if (family == AF_INET) {
		ADD(&p, "\x46\0\0\0\xab\xcd\x40\0\x40\0\0\0\x0a\0\0\2\x0a\0\0\1\1\1\1\1");
		p.at[3] = (uint8_t)(p.n + n);
		p.at[9] = protocol;
	} else {
		ADD(&p, "\x60\0\0\0\0\0\0\x40");
		p.at[5] = (uint8_t)n;
		p.at[6] = protocol;
		for (uint8_t i = 0; i < 32; i++)
			add(&p, &i, 1);
	}
	from = p.n;
	if (protocol == IPPROTO_UDP) {
		ADD(&p, "\0\x35\x9c\x40\0\0\0\0");
		p.at[from + 5] = (uint8_t)n;
	} else {
		ADD(&p, "\0\x35\x9c\x40\1\2\3\4\5\6\7\x08\x50\x18\1\0\0\0\0\0\0\0");
		p.at[from + 21] = (uint8_t)message.n;
	}
	add(&p, message.at, message.n);
	return p;
}

static struct dns_rule rule_of(enum dns_how how)
{
	struct dns_rule r = {.how = how, .share_ppm = PPM_ALL};

	assert_int_equal(dns_rule_add_name(&r, "*.shop.test", NULL), 0);
	if (how == DNS_ANSWER) {
		r.ttl_s = 0x10203;
		assert_int_equal(dns_rule_add_address(&r, "192.0.2.7", NULL), 0);
		assert_int_equal(dns_rule_add_address(&r, "192.0.2.9", NULL), 0);
		assert_int_equal(dns_rule_add_address(&r, "::1", NULL), 0);
	}
	return r;
}

static enum dns_fate next(const struct dns_rule *r, struct packet *p, struct packet *to)
{
	struct shape_dns d;
	struct packet before = *p;
	enum dns_fate fate;

	shape_dns_init(&d, 1);
	to->n = 0;
	fate = shape_dns_next(&d, r, p->at, p->n, to->at, &to->n);
	assert_memory_equal(&before, p, sizeof(before));
	return fate;
}

static uint16_t sum_of(const uint8_t *at, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Headers of a whole datagram from the server's port, with checksums; returns its message. */
static const uint8_t *unwrap(struct packet *p, const struct packet *was, size_t *n)
{
	bool v4 = p->at[0] >> 4 == 4;
	size_t ip = v4 ? 20 : 40;
	struct packet summed = *p;

	if (v4) {
		assert_int_equal(p->at[0], 0x45);
		assert_int_equal(p->at[2] << 8 | p->at[3], p->n);
		assert_int_equal(p->at[6] << 8 | p->at[7], 0x4000);
		assert_int_equal(sum_of(p->at, 20), 0xffff);
		assert_memory_equal(p->at + 12, was->at + 12, 8);
	} else {
		assert_int_equal(p->at[4] << 8 | p->at[5], p->n - 40);
		assert_int_equal(p->at[6], IPPROTO_UDP);
		assert_memory_equal(p->at + 8, was->at + 8, 32);
	}
	assert_memory_equal(p->at + ip, "\0\x35\x9c\x40", 4);
	assert_int_equal(p->at[ip + 4] << 8 | p->at[ip + 5], p->n - ip);
	assert_true(shape_bytes_sum(summed.at, summed.n));
	assert_memory_equal(summed.at, p->at, p->n);
	*n = p->n - ip - 8;
	return p->at + ip + 8;
}

static const char question[] = "\2dB\4sHop\4test\0\0\1\0\1";
static const char opt[] = "\0\0\x29\4\xd0\0\0\x80\0\0\x0c\0\x0a\0\10ABCDEFGH";

static void errors(void **state)
{
	static const struct {
		enum dns_how how;
		uint8_t flags[2];
	} table[] = {
	        {DNS_NXDOMAIN, {0x81, 0x93}},  {DNS_SERVFAIL, {0x81, 0x92}},
	        {DNS_REFUSED, {0x81, 0x95}},   {DNS_EMPTY, {0x81, 0x90}},
	        {DNS_TRUNCATED, {0x83, 0x90}},
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(table); i++) {
		struct packet p = packet_of(i & 1 ? AF_INET6 : AF_INET, IPPROTO_UDP);
		struct packet to = {.n = 0};
		struct dns_rule r = rule_of(table[i / 2].how);
		const uint8_t *m;
		size_t n;

		assert_int_equal(next(&r, &p, &to), DNS_CHANGED);
		m = unwrap(&to, &p, &n);
		assert_int_equal(n, 12 + sizeof(question) - 1 + sizeof(opt) - 1);
		assert_memory_equal(m, "\x12\x34", 2);
		assert_memory_equal(m + 2, table[i / 2].flags, 2);
		assert_memory_equal(m + 4, "\0\1\0\0\0\0\0\1", 8);
		assert_memory_equal(m + 12, question, sizeof(question) - 1);
		assert_memory_equal(m + 12 + sizeof(question) - 1, opt, sizeof(opt) - 1);
	}
}

static void addresses(void **state)
{
	static const char records[] = "\xc0\x0c\0\1\0\1\0\1\2\3\0\4\xc0\0\2\7"
	                              "\xc0\x0c\0\1\0\1\0\1\2\3\0\4\xc0\0\2\x09";
	struct packet p = packet_of(AF_INET, IPPROTO_UDP), to = {.n = 0};
	struct dns_rule r = rule_of(DNS_ANSWER);
	const uint8_t *m;
	size_t n, at = 12 + sizeof(question) - 1;

	assert_int_equal(next(&r, &p, &to), DNS_CHANGED);
	m = unwrap(&to, &p, &n);
	assert_memory_equal(m + 2, "\x81\x90\0\1\0\2\0\0\0\1", 10);
	assert_memory_equal(m + at, records, sizeof(records) - 1);
	assert_int_equal(n, at + sizeof(records) - 1 + sizeof(opt) - 1);
}

/* One who is asked over TCP resets the connection, in the place of the answer. */
static void tcp(void **state)
{
	struct packet p = packet_of(AF_INET, IPPROTO_TCP), to = {.n = 0};
	struct dns_rule r = rule_of(DNS_REFUSED);

	assert_int_equal(next(&r, &p, &to), DNS_CHANGED);
	assert_int_equal(to.n, 40);
	assert_int_equal(sum_of(to.at, 20), 0xffff);
	assert_memory_equal(to.at + 20, "\0\x35\x9c\x40\1\2\3\4\5\6\7\x08\x50\x14\0\0", 16);
	struct packet summed = to;
	assert_true(shape_bytes_sum(summed.at, summed.n));
	assert_memory_equal(&summed, &to, sizeof(to));
	r = rule_of(DNS_TIMEOUT);
	assert_int_equal(next(&r, &p, &to), DNS_LOST);
	r = rule_of(DNS_SLOW);
	assert_int_equal(next(&r, &p, &to), DNS_HELD);
	r = rule_of(DNS_TRUNCATED);
	assert_int_equal(next(&r, &p, &to), DNS_OTHER);
	r = rule_of(DNS_ANSWER);
	assert_int_equal(next(&r, &p, &to), DNS_OTHER);
	/* the length by itself has come before */
	r = rule_of(DNS_TIMEOUT);
	memmove(p.at + 44, p.at + 46, p.n - 46);
	p.n -= 2;
	p.at[3] -= 2;
	assert_int_equal(next(&r, &p, &to), DNS_LOST);
}

/* Sent again it has the same fate; over all, the share is met. */
static void tcp_share(void **state)
{
	struct dns_rule r = rule_of(DNS_TIMEOUT);
	struct shape_dns d;
	unsigned lost = 0;

	r.share_ppm = 300000;
	shape_dns_init(&d, 7);
	for (unsigned i = 0; i < 1000; i++) {
		struct packet p = packet_of(AF_INET6, IPPROTO_TCP), to;
		enum dns_fate fate;

		memcpy(p.at + 44, &i, sizeof(i));
		fate = shape_dns_next(&d, &r, p.at, p.n, to.at, &to.n);
		assert_int_equal(shape_dns_next(&d, &r, p.at, p.n, to.at, &to.n), fate);
		lost += fate == DNS_LOST;
	}
	/* a standard deviation of 14.5 */
	assert_in_range(lost, 227, 373);
}

static void share(void **state)
{
	struct dns_rule r = rule_of(DNS_TIMEOUT);
	struct packet p = packet_of(AF_INET, IPPROTO_UDP), to;
	struct shape_dns d, e;
	unsigned lost = 0;

	r.share_ppm = 300000;
	shape_dns_init(&d, 7);
	shape_dns_init(&e, 7);
	for (unsigned i = 0; i < 1000; i++) {
		enum dns_fate fate = shape_dns_next(&d, &r, p.at, p.n, to.at, &to.n);

		assert_int_equal(shape_dns_next(&e, &r, p.at, p.n, to.at, &to.n), fate);
		assert_true(fate == DNS_LOST || fate == DNS_SPARED);
		lost += fate == DNS_LOST;
	}
	assert_in_range(lost, 227, 373);
}

static void not_meant(void **state)
{
	struct packet p = packet_of(AF_INET, IPPROTO_UDP), to;
	struct dns_rule r = rule_of(DNS_EMPTY);
	const size_t message = 32;

	assert_int_equal(dns_rule_add_name(&r, "^db.shop.test", NULL), 0);
	assert_int_equal(next(&r, &p, &to), DNS_OTHER);
	r = rule_of(DNS_EMPTY);
	assert_int_equal(dns_rule_add_type(&r, "AAAA", NULL), 0);
	assert_int_equal(next(&r, &p, &to), DNS_OTHER);

	r = rule_of(DNS_EMPTY);
	static const struct {
		size_t at;
		uint8_t is;
	} strange[] = {
	        {2, 0x05},  /* a question */
	        {2, 0xa5},  /* a notification */
	        {5, 2},     /* two questions */
	        {5, 0},     /* none */
	        {12, 0xc0}, /* a name that points */
	        {12, 64},   /* a label that is too long */
	        {12, 200},  /* and beyond all */
	        {28, 3},    /* class CHAOS */
	};
	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
		struct packet q = p;

		q.at[message + strange[i].at] = strange[i].is;
		if (next(&r, &q, &to) != DNS_STRANGE)
			fail_msg("taken for an answer: %zu", i);
	}
	/* a dot within a label is none between two */
	p.at[message + 15] = 9;
	p.at[message + 20] = '.';
	assert_int_equal(next(&r, &p, &to), DNS_OTHER);
}

/* Of the first of several fragments a whole datagram is made; it has no OPT, which was further on.
 */
static void fragments(void **state)
{
	struct packet p = packet_of(AF_INET, IPPROTO_UDP), to;
	struct dns_rule r = rule_of(DNS_NXDOMAIN);
	const uint8_t *m;
	size_t n;

	p.n -= 10;
	p.at[3] -= 10;
	p.at[6] = 0x20;
	assert_int_equal(next(&r, &p, &to), DNS_CHANGED);
	to.at[6] = 0x40; /* what unwrap() wants to see; a fragment had no DF */
	to.at[10] = to.at[11] = 0;
	n = (uint16_t)~sum_of(to.at, 20);
	to.at[10] = (uint8_t)(n >> 8);
	to.at[11] = (uint8_t)n;
	m = unwrap(&to, &p, &n);
	assert_memory_equal(m + 2, "\x81\x93\0\1\0\0\0\0\0\0", 10);
	assert_int_equal(n, 12 + sizeof(question) - 1);
	p.at[6] = 0;
	p.at[7] = 5; /* a later one */
	assert_int_equal(next(&r, &p, &to), DNS_STRANGE);
}

/* Whatever is cut off or changed, nothing outside is touched (ASan), and what is made is whole. */
static void bears_what_is_broken(void **state)
{
	struct dns_rule r = rule_of(DNS_ANSWER);
	struct packet p = packet_of(AF_INET6, IPPROTO_UDP);

	for (size_t n = 0; n <= p.n; n++) {
		uint8_t *exact = malloc(n ? n : 1), to[SHAPE_DNS_MAX];
		struct shape_dns d;
		size_t to_n = 0;

		assert_non_null(exact);
		memcpy(exact, p.at, n);
		shape_dns_init(&d, 1);
		if (shape_dns_next(&d, &r, exact, n, to, &to_n) == DNS_CHANGED)
			assert_true(to_n > 40 + 8 + 12 && shape_bytes_sum(to, to_n));
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(errors),    cmocka_unit_test(addresses),
	        cmocka_unit_test(tcp),       cmocka_unit_test(tcp_share),
	        cmocka_unit_test(share),     cmocka_unit_test(not_meant),
	        cmocka_unit_test(fragments), cmocka_unit_test(bears_what_is_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
