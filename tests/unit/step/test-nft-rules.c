/* test-nft-rules.c - the words of a cut: what is written is read back, what is not canonical is
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "step/nft.h"

static void reads_back_what_it_writes(void **state)
{
	static const char *const good[] = {
	        "cut silence both egress=swallow hooks=lo",
	        "cut silence in egress=swallow",
	        "cut reject out egress=drop proto=udp",
	        "cut silence both egress=output proto=tcp "
	        "ip=10.0.0.1/32,192.168.0.0/16,fd00::1/128 "
	        "port=80,6000-6010 uid=33 cgroup=123:2 dev=eth0,lo",
	        "cut reject in egress=output ip=0.0.0.0/0,::/0",
	        "cut reject in egress=output port=0-65535",
	        "cut silence out egress=drop cgroup=18446744073709551615:255 hooks=a@b,veth-1",
	        "cut unreachable in egress=swallow ip=10.0.0.0/8,^10.0.0.7/32,^fd00::/8 "
	        "port=^22,^80-90",
	        "cut silence in egress=swallow proto=tcp conn=new port=1-9,^2 "
	        "flows=300000:4294967295 "
	        "packets=1 dev=lo",
	        "cut silence in egress=swallow proto=tcp conn=established flows=1000000:0",
	        "cut silence both egress=swallow uid=33 mark=0x2bfb hooks=lo",
	        "shape in : seed=1 delay=50000000",
	        "shape in port=53,^5353 : seed=1 dns=empty dns-share=5 names=*.test",
	        "shape in proto=tcp flags=fin ip=10.0.0.1/32 port=53 : seed=1 delay=50000000",
	        "cut silence in egress=swallow proto=tcp flags=fin,rst",
	        "cut silence in egress=swallow proto=tcp flags=rst",
	        "shape in mark=0x0001 dev=lo : seed=1 delay=50000000",
	        "shape both proto=udp ip=10.0.0.1/32 port=53 uid=33 dev=eth0 : seed=0 loss=300000",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct nft_rules r;
		struct err e = ERR_INIT;
		BUF(b, STATE_MAX);
		if (nft_rules_parse(good[i], &r, &e) != 0)
			fail_msg("%s: %s", good[i], e.what);
		assert_int_equal(nft_rules_format(&r, &b, &e), 0);
		assert_string_equal(b.data, good[i]);
		assert_true(strlen(nft_rules_seen_by_sender(&r)) > 10);
	}
}

static void refuses_what_is_not_canonical(void **state)
{
	static const char *const bad[] = {
	        "",
	        "cut",
	        "cut silence",
	        "absent",
	        "cut silence both",
	        "cut silence both egress=swallow",
	        "cut silence sideways egress=swallow hooks=lo",
	        "cut quiet both egress=swallow hooks=lo",
	        "cut silence both egress=swallow hooks=",
	        "cut silence both egress=swallow hooks=lo ",
	        "cut silence both  egress=swallow hooks=lo",
	        "cut silence in egress=swallow flags=fin",
	        "cut silence in egress=swallow proto=udp flags=fin",
	        "cut silence in egress=swallow proto=tcp flags=rst,fin",
	        "cut silence in egress=swallow proto=tcp flags=syn",
	        "cut silence in egress=swallow ip=10.0.0.1",
	        "cut silence in egress=swallow ip=10.0.0.1/8",
	        "cut silence in egress=swallow ip=10.0.0.0/33",
	        "cut silence in egress=swallow ip=10.0.0.2/32,10.0.0.1/32",
	        "cut silence in egress=swallow ip=fd00::1/129",
	        "cut silence in egress=swallow port=80,80",
	        "cut silence in egress=swallow port=65536",
	        "cut silence in egress=swallow port=9-8",
	        "cut silence in egress=swallow port=080",
	        "cut silence in egress=swallow port=+80",
	        "cut silence in egress=swallow proto=icmp port=80",
	        "cut silence in egress=swallow proto=any",
	        "cut silence in egress=swallow conn=new",
	        "cut silence in egress=swallow proto=udp conn=new",
	        "cut silence in egress=swallow proto=tcp conn=any",
	        "cut silence in egress=swallow ip=^10.0.0.0/8,10.0.0.0/7",
	        "cut silence in egress=swallow ip=^^10.0.0.0/8",
	        "cut silence in egress=swallow ip=10.0.0.0/8,^10.0.0.0/8",
	        "cut silence in egress=swallow ip=^0.0.0.0/0,^::/0",
	        "cut silence in egress=swallow port=80,^22-90",
	        "cut silence in egress=swallow proto=tcp port=^0-65535",
	        "cut silence in egress=swallow flows=300000",
	        "cut silence in egress=swallow flows=0:1",
	        "cut silence in egress=swallow flows=1000001:1",
	        "cut silence in egress=swallow flows=1:4294967296",
	        "cut silence in egress=swallow packets=0",
	        "cut silence in egress=swallow packets=5:1",
	        "cut silence in egress=swallow packets=5 flows=5:1",
	        "cut silence in egress=swallow uid=-1",
	        "cut silence in egress=swallow uid=4294967296",
	        "cut silence in egress=swallow cgroup=12",
	        "cut silence in egress=swallow cgroup=18446744073709551616:1",
	        "cut silence in egress=swallow cgroup=1:256",
	        "cut silence in egress=swallow mark=0x1",
	        "cut silence in egress=swallow mark=0x0000",
	        "cut silence in egress=swallow mark=0x4000",
	        "cut silence in egress=swallow mark=0x0001/0x3fff",
	        "cut silence in egress=swallow dev=averyverylongname",
	        "cut silence in egress=swallow dev=..",
	        "cut silence in egress=swallow dev=lo hooks=lo",
	        "cut silence in uid=1 egress=swallow",
	        "cut silence in egress=swallow : seed=1 delay=50000000",
	        "shape in",
	        "shape in : ",
	        "shape in : seed=1",
	        "shape in : seed=1 dns=empty dns-share=5",
	        "shape in port=^53 : seed=1 dns=empty dns-share=5",
	        "shape out port=53 : seed=1 dns=empty dns-share=5",
	        "shape in egress=swallow : seed=1 delay=50000000",
	        "shape in hooks=lo : seed=1 delay=50000000",
	        "shape : seed=1 delay=50000000",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct nft_rules r;
		struct err e = ERR_INIT;
		if (nft_rules_parse(bad[i], &r, &e) != -EINVAL)
			fail_msg("accepted: \"%s\"", bad[i]);
		assert_true(e.what[0] != 0);
	}
}

static void sorts_and_folds(void **state)
{
	struct nft_rules r = {.direction = NFT_IN};
	struct err e = ERR_INIT;
	BUF(b, STATE_MAX);
	(void)state;
	assert_int_equal(nft_rules_add_addr(&r, "fd00::ffff/64", &e), 0);
	assert_int_equal(nft_rules_add_addr(&r, "10.1.2.3/12", &e), 0);
	assert_int_equal(nft_rules_add_addr(&r, "10.0.0.0/12", &e), 0);
	assert_int_equal(nft_rules_add_addr(&r, "9.9.9.9", &e), 0);
	assert_int_equal(nft_rules_add_ports(&r, "443", &e), 0);
	assert_int_equal(nft_rules_add_ports(&r, "80-90", &e), 0);
	assert_int_equal(nft_rules_add_ports(&r, "443", &e), 0);
	assert_int_equal(nft_rules_add_addr(&r, "host.example", &e), -EINVAL);
	assert_int_equal(nft_rules_format(&r, &b, &e), 0);
	assert_string_equal(b.data, "cut silence in egress=swallow "
	                            "ip=9.9.9.9/32,10.0.0.0/12,fd00::/64 port=80-90,443");
}

static void what_is_excluded_is_known(void **state)
{
	static const uint8_t inner[16] = {10, 1, 2, 3}, outer[16] = {11};
	struct nft_rules r = {.direction = NFT_IN};
	struct err e = ERR_INIT;
	BUF(b, STATE_MAX);
	(void)state;
	assert_int_equal(nft_rules_add_addr(&r, "^10.1.0.0/15", &e), 0);
	assert_int_equal(nft_rules_add_addr(&r, "10.0.0.0/8", &e), 0);
	assert_int_equal(nft_rules_add_ports(&r, "^20-30", &e), 0);
	assert_int_equal(nft_rules_addrs(&r), 1);
	assert_int_equal(nft_rules_ports(&r), 0);
	assert_true(nft_rules_except_addr(&r, AF_INET, inner, 32));
	assert_true(nft_rules_except_addr(&r, AF_INET, inner, 15));
	assert_false(nft_rules_except_addr(&r, AF_INET, inner, 14));
	assert_false(nft_rules_except_addr(&r, AF_INET, outer, 32));
	assert_false(nft_rules_except_addr(&r, AF_INET6, inner, 128));
	assert_true(nft_rules_except_ports(&r, 20, 30));
	assert_false(nft_rules_except_ports(&r, 20, 31));
	assert_int_equal(nft_rules_format(&r, &b, &e), 0);
	assert_string_equal(b.data, "cut silence in egress=swallow ip=10.0.0.0/8,^10.0.0.0/15 "
	                            "port=^20-30");
	assert_int_equal(nft_rules_add_addr(&r, "^8.0.0.0/5", &e), 0);
	assert_int_equal(nft_rules_format(&r, &b, &e), -EINVAL);
	assert_string_equal(e.what, "what is excluded leaves no address");
}

static void too_much_is_an_error(void **state)
{
	struct nft_rules r = {.direction = NFT_IN};
	struct err e = ERR_INIT;
	BUF(b, STATE_MAX);
	(void)state;
	for (int i = 0; i < NFT_ADDRS_MAX; i++) {
		BUF(a, 32);
		buf_addf(&a, "100.100.100.%d", i + 100);
		assert_int_equal(nft_rules_add_addr(&r, a.data, &e), 0);
	}
	assert_int_equal(nft_rules_add_addr(&r, "1.1.1.1", &e), -E2BIG);
	assert_int_equal(nft_rules_format(&r, &b, &e), -E2BIG);
	assert_true(e.hint[0] != 0);
}

/* Whatever the bytes, the parser ends, and what it accepts is what it would have written. */
static void survives_noise(void **state)
{
	static const char seed_text[] =
	        "cut silence both egress=swallow proto=tcp ip=10.0.0.0/8,fd00::1/128 port=1-2,80 "
	        "uid=33 cgroup=123:2 dev=lo";
	struct rng rng = {7};
	size_t accepted = 0;
	(void)state;
	for (int i = 0; i < 20000; i++) {
		char text[sizeof(seed_text)];
		memcpy(text, seed_text, sizeof(text));
		for (uint64_t k = rng_below(&rng, 4); k > 0; k--)
			text[rng_below(&rng, sizeof(text) - 1)] =
			        seed_text[rng_below(&rng, sizeof(text) - 1)];
		struct nft_rules r;
		struct err e = ERR_INIT;
		if (nft_rules_parse(text, &r, &e) == 0) {
			BUF(b, STATE_MAX);
			assert_int_equal(nft_rules_format(&r, &b, &e), 0);
			assert_string_equal(b.data, text);
			accepted++;
		}
	}
	assert_true(accepted > 100 && accepted < 20000);
}

static void objects(void **state)
{
	struct nft_object o = {.netns_ino = 4026531840, .netns = "/run/netns/blue=1"};
	struct nft_object back;
	struct err e = ERR_INIT;
	BUF(b, OBJECT_MAX);
	(void)state;
	nft_table_name("20261122-2145-k3x9", 2, o.table);
	assert_string_equal(o.table, "squall_20261122_2145_k3x9_2");
	assert_int_equal(nft_object_format(&o, &b, &e), 0);
	assert_string_equal(b.data, "/run/netns/blue=1=4026531840/squall_20261122_2145_k3x9_2");
	assert_int_equal(nft_object_parse(b.data, &back, &e), 0);
	assert_string_equal(back.netns, o.netns);
	assert_string_equal(back.table, o.table);
	assert_int_equal(back.netns_ino, 4026531840);
	static const char *const bad[] = {"",      "/",        "/a/b",    "/a=1/", "/a=/t",
	                                  "a=1/t", "/a=1/t t", "/a=1/9t", "/a=x/t"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(nft_object_parse(bad[i], &back, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reads_back_what_it_writes),
	        cmocka_unit_test(refuses_what_is_not_canonical),
	        cmocka_unit_test(sorts_and_folds),
	        cmocka_unit_test(what_is_excluded_is_known),
	        cmocka_unit_test(too_much_is_an_error),
	        cmocka_unit_test(survives_noise),
	        cmocka_unit_test(objects),
	};
	return cmocka_run_group_tests_name("step nft rules", tests, NULL, NULL);
}
