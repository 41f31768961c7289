/* test-shape-bytes.c - flipped bits and checksums, against a checksum of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "base/hash.h"
#include "helper/shape-bytes.h"

enum { ROOM = 2048, ESP = 50 };

struct packet {
	uint8_t b[ROOM];
	size_t n, transport, payload, sum; /* where they begin */
};

/* What a receiver does: all 16 bit words together, the checksum among them, are 0 modulo 65535, and
 * not all 0. Computed as the remainder of one long number. */
static bool is_right(const struct packet *p)
{
	uint64_t rest = 0, any = 0;
	size_t n = p->n - p->transport;
	bool v4 = p->b[0] >> 4 == 4;
	uint8_t protocol = p->b[v4 ? 9 : p->transport - 8];
	uint8_t pseudo[40] = {0};

	if (!v4 && p->transport == 40)
		protocol = p->b[6];
	memcpy(pseudo, p->b + (v4 ? 12 : 8), v4 ? 8 : 32);
	pseudo[36] = (uint8_t)(n >> 8);
	pseudo[37] = (uint8_t)n;
	pseudo[39] = protocol;
	for (size_t i = 0; protocol != IPPROTO_ICMP && i < sizeof(pseudo); i++)
		rest = (rest * 256 + pseudo[i]) % 65535;
	for (size_t i = 0; i < n + n % 2; i++) {
		uint8_t byte = i < n ? p->b[p->transport + i] : 0;

		rest = (rest * 256 + byte) % 65535;
		any |= byte;
	}
	return any && rest == 0;
}

/* extra: bytes of IPv4 options, or of IPv6 headers (a hop-by-hop or destination options header, its
 * next header the transport). */
static struct packet packet_make(struct rng *r, unsigned version, uint8_t protocol, size_t extra,
                                 size_t payload)
{
	size_t header = protocol == IPPROTO_TCP ? 20 + 4 * rng_below(r, 11) : 8;
	struct packet p = {.transport = (version == 4 ? 20 : 40) + extra};

	p.payload = p.transport + header;
	p.n = p.payload + payload;
	for (size_t i = 0; i < p.n; i++)
		p.b[i] = (uint8_t)rng_next(r);
	if (version == 4) {
		p.b[0] = (uint8_t)(0x40 | p.transport / 4);
		p.b[2] = (uint8_t)(p.n >> 8);
		p.b[3] = (uint8_t)p.n;
		p.b[6] = 0x40; /* not to be fragmented */
		p.b[7] = 0;
		p.b[9] = protocol;
	} else {
		p.b[0] = 0x60;
		p.b[4] = (uint8_t)((p.n - 40) >> 8);
		p.b[5] = (uint8_t)(p.n - 40);
		p.b[6] = extra ? IPPROTO_DSTOPTS : protocol;
		for (size_t at = 40; at < p.transport; at += 8) {
			p.b[at] = at + 8 < p.transport ? IPPROTO_DSTOPTS : protocol;
			p.b[at + 1] = 0;
		}
	}
	p.sum = p.transport + (protocol == IPPROTO_TCP ? 16 : protocol == IPPROTO_UDP ? 6 : 2);
	if (protocol == IPPROTO_TCP)
		p.b[p.transport + 12] = (uint8_t)(header / 4 << 4);
	if (protocol == IPPROTO_UDP) {
		p.b[p.transport + 4] = (uint8_t)((p.n - p.transport) >> 8);
		p.b[p.transport + 5] = (uint8_t)(p.n - p.transport);
	}
	return p;
}

/* How many bits differ from `from` on; the first of them is in *at. */
static unsigned bits_changed(const struct packet *a, const struct packet *b, size_t from, size_t to,
                             size_t *at)
{
	unsigned n = 0;

	for (size_t i = to; i-- > from;) {
		n += (unsigned)__builtin_popcount(a->b[i] ^ b->b[i]);
		if (a->b[i] != b->b[i])
			*at = i;
	}
	return n;
}

static void flips_are_seen_here(const struct packet *p, struct rng *r)
{
	struct packet wrong = *p, mended = *p;
	uint64_t draw = rng_next(r);
	size_t at = 0, again = 0;

	assert_true(shape_bytes_flip(wrong.b, wrong.n, draw, false));
	assert_int_equal(bits_changed(p, &wrong, 0, ROOM, &at), 1);
	assert_in_range(at, p->payload < p->n ? p->payload : p->transport, p->n - 1);
	assert_true(at != p->sum && at != p->sum + 1);
	assert_false(is_right(&wrong));
	/* the same bit, with the checksum put right */
	assert_true(shape_bytes_flip(mended.b, mended.n, draw, true));
	mended.b[p->sum] = p->b[p->sum];
	mended.b[p->sum + 1] = p->b[p->sum + 1];
	assert_int_equal(bits_changed(p, &mended, 0, ROOM, &again), 1);
	assert_int_equal(again, at);
	mended = *p;
	assert_true(shape_bytes_flip(mended.b, mended.n, draw, true));
	assert_true(is_right(&mended));
}

static const struct {
	unsigned version;
	uint8_t protocol;
} kinds[] = {{4, IPPROTO_TCP}, {4, IPPROTO_UDP}, {4, IPPROTO_ICMP},
             {6, IPPROTO_TCP}, {6, IPPROTO_UDP}, {6, IPPROTO_ICMPV6}};

static void sums_are_right_and_flips_are_seen(void **state)
{
	struct rng r = {.s = 1};

	for (size_t i = 0; i < 6000; i++) {
		size_t kind = i % ARRAY_SIZE(kinds), extra = 8 * rng_below(&r, 5);
		/* none at all, odd and even ones */
		size_t payload = i < 600 ? i / 100 : rng_below(&r, 1400);
		struct packet p = packet_make(&r, kinds[kind].version, kinds[kind].protocol, extra,
		                              payload),
		              before = p;
		size_t at = 0;

		assert_true(shape_bytes_sum(p.b, p.n));
		assert_true(is_right(&p));
		assert_int_equal(bits_changed(&before, &p, 0, p.sum, &at), 0);
		assert_int_equal(bits_changed(&before, &p, p.sum + 2, ROOM, &at), 0);
		flips_are_seen_here(&p, &r);
	}
}

/* An echo request as it was on a wire. */
static void sum_is_that_of_others(void **state)
{
	static const char echo[] = "\x45\0\0\x3c\0\0\0\0\x80\1\0\0\xc0\xa8\0\1\xc0\xa8\0\2"
	                           "\x08\0\x4d\x5a\0\1\0\1"
	                           "abcdefghijklmnopqrstuvwabcdefghi";
	uint8_t b[60];

	memcpy(b, echo, sizeof(b));
	b[22] = b[23] = 0;
	assert_true(shape_bytes_sum(b, sizeof(b)));
	assert_memory_equal(b, echo, sizeof(b));
}

/* Each bit of the payload as often: 8 times 100 bits, 16000 draws, each bit 20 times on average;
 * none left out, none more than thrice as often (e^20 / 3^60 for one: below 1e-19). */
static void every_bit_is_drawn(void **state)
{
	static unsigned count[ROOM * 8];
	struct rng r = {.s = 5};
	struct packet p = packet_make(&r, 4, IPPROTO_UDP, 0, 100), flipped;

	for (size_t i = 0; i < 16000; i++) {
		size_t at = 0;

		flipped = p;
		assert_true(shape_bytes_flip(flipped.b, p.n, rng_next(&r), false));
		bits_changed(&p, &flipped, 0, p.n, &at);
		count[at * 8 + (size_t)__builtin_ctz(p.b[at] ^ flipped.b[at])]++;
	}
	for (size_t i = 0; i < p.n * 8; i++)
		assert_in_range(count[i], i < p.payload * 8 ? 0 : 1, i < p.payload * 8 ? 0 : 60);
}

static void udp_without_checksum(void **state)
{
	struct rng r = {.s = 6};
	struct packet p = packet_make(&r, 4, IPPROTO_UDP, 0, 50), was;
	size_t at = 0;

	p.b[p.sum] = p.b[p.sum + 1] = 0;
	was = p;
	assert_true(shape_bytes_flip(p.b, p.n, 1234, true));
	assert_int_equal(bits_changed(&was, &p, 0, ROOM, &at), 1);
	assert_true(at >= p.payload);
	/* a checksum that comes out as 0 is written as 0xffff */
	for (unsigned v = 0; v < 65536; v++) {
		p.b[p.payload] = (uint8_t)(v >> 8);
		p.b[p.payload + 1] = (uint8_t)v;
		assert_true(shape_bytes_sum(p.b, p.n));
		assert_true(p.b[p.sum] || p.b[p.sum + 1]);
	}
}

/* What stands behind the packet, or behind an UDP packet within it, is not it. */
static void padding_is_left_alone(void **state)
{
	struct rng r = {.s = 7};

	for (size_t i = 0; i < ARRAY_SIZE(kinds) * 50; i++) {
		struct packet p = packet_make(&r, kinds[i % 6].version, kinds[i % 6].protocol, 0,
		                              1 + rng_below(&r, 4)),
		              was;
		size_t at = 0;

		memset(p.b + p.n, 0x5a, 32);
		assert_true(shape_bytes_sum(p.b, p.n + 32));
		assert_true(is_right(&p));
		was = p;
		assert_true(shape_bytes_flip(p.b, p.n + 32, rng_next(&r), true));
		assert_int_equal(bits_changed(&was, &p, p.n, ROOM, &at), 0);
		assert_true(is_right(&p));
	}
}

/* The first fragment has the checksum, the others only payload. */
static void fragments(void **state)
{
	struct rng r = {.s = 8};
	struct packet p = packet_make(&r, 4, IPPROTO_TCP, 0, 64), was;
	size_t at = 0;

	assert_true(shape_bytes_sum(p.b, p.n));
	was = p;
	p.b[6] |= 0x20;
	assert_false(shape_bytes_sum(p.b, p.n));
	assert_true(shape_bytes_flip(p.b, p.n, 77, true));
	p.b[6] = was.b[6];
	assert_true(is_right(&p));
	p.b[7] = 9;
	was = p;
	assert_false(shape_bytes_sum(p.b, p.n));
	assert_true(shape_bytes_flip(p.b, p.n, 0, true));
	assert_int_equal(bits_changed(&was, &p, 0, ROOM, &at), 1);
	assert_int_equal(at, p.transport);

	p = packet_make(&r, 6, IPPROTO_UDP, 8, 64);
	p.b[6] = IPPROTO_FRAGMENT;
	p.b[42] = p.b[43] = 0;
	assert_true(shape_bytes_sum(p.b, p.n));
	assert_true(is_right(&p));
	p.b[43] = 1; /* more follow */
	was = p;
	assert_false(shape_bytes_sum(p.b, p.n));
	assert_true(shape_bytes_flip(p.b, p.n, 99, true));
	assert_true(is_right(&p));
	p.b[43] = 9;
	was = p;
	assert_true(shape_bytes_flip(p.b, p.n, 0, true));
	assert_int_equal(bits_changed(&was, &p, 0, ROOM, &at), 1);
	assert_int_equal(at, p.transport);
}

static void what_is_not_known_is_not_summed(void **state)
{
	struct rng r = {.s = 9};
	struct packet p = packet_make(&r, 4, IPPROTO_UDP, 0, 64);

	p.b[9] = ESP;
	assert_false(shape_bytes_sum(p.b, p.n));
	assert_true(shape_bytes_flip(p.b, p.n, 0, true));
	/* cut short */
	p = packet_make(&r, 4, IPPROTO_TCP, 0, 64);
	assert_false(shape_bytes_sum(p.b, p.n - 1));
	assert_true(shape_bytes_flip(p.b, p.n - 1, 5, false));
	/* by a route of its own: the address that counts is another */
	p = packet_make(&r, 6, IPPROTO_TCP, 8, 64);
	p.b[6] = IPPROTO_ROUTING;
	p.b[43] = 1;
	assert_false(shape_bytes_sum(p.b, p.n));
	p.b[43] = 0;
	assert_true(shape_bytes_sum(p.b, p.n));
	/* nothing but a header, and less */
	assert_false(shape_bytes_flip(p.b, 40, 0, true));
	for (size_t n = 0; n < 40; n++)
		assert_false(shape_bytes_flip(p.b, n, 0, true) || shape_bytes_sum(p.b, n));
	p.b[0] = 0x50;
	assert_false(shape_bytes_flip(p.b, p.n, 0, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sums_are_right_and_flips_are_seen),
	        cmocka_unit_test(sum_is_that_of_others),
	        cmocka_unit_test(every_bit_is_drawn),
	        cmocka_unit_test(udp_without_checksum),
	        cmocka_unit_test(padding_is_left_alone),
	        cmocka_unit_test(fragments),
	        cmocka_unit_test(what_is_not_known_is_not_summed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
