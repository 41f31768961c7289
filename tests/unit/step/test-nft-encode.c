/* test-nft-encode.c - transactions as bytes, and what is read from answers that may hold anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../skip.h"
#include "base/hash.h"
#include "base/netlink.h"
#include "step/nft-encode.h"
#include "step/nft-shape.h"

static size_t encode(const char *state, const struct nft_seen *there, const struct nft_count *carry,
                     void *data)
{
	struct nft_rules r;
	struct nft_queue queue = {.number = 4711, .turn = 5};
	struct err e = ERR_INIT;
	size_t n = 0;
	if (nft_rules_parse(state, &r, &e) != 0 ||
	    nft_encode_put("t", &r, state, there, carry, &queue, data, NFT_BATCH_MAX, &n, &e) != 0)
		fail_msg("%s: %s", state, e.what);
	return n;
}

/* The transaction in words: a letter a message. */
static void words(const void *data, size_t n, struct buf *to)
{
	static const char letters[] = {
	        [NFT_MSG_NEWTABLE] = 'T', [NFT_MSG_DELTABLE] = 'D', [NFT_MSG_NEWCHAIN] = 'c',
	        [NFT_MSG_NEWRULE] = 'r',  [NFT_MSG_DELCHAIN] = 'd', [NFT_MSG_DELRULE] = 'x'};
	const struct nlmsghdr *h;
	const char *at = data;
	while ((h = nl_next(&at, &n))) {
		const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
		unsigned type = h->nlmsg_type & 0xff;
		if (h->nlmsg_type == NFNL_MSG_BATCH_BEGIN || h->nlmsg_type == NFNL_MSG_BATCH_END) {
			assert_int_equal(ntohs(g->res_id), NFNL_SUBSYS_NFTABLES);
			buf_addc(to, h->nlmsg_type == NFNL_MSG_BATCH_BEGIN ? '(' : ')');
			continue;
		}
		assert_int_equal(h->nlmsg_type >> 8, NFNL_SUBSYS_NFTABLES);
		if (type == NFT_MSG_NEWTABLE)
			buf_addf(to, "%s:", g->nfgen_family == NFPROTO_INET ? " inet" : " netdev");
		buf_addc(to, letters[type]);
		if (h->nlmsg_flags & NLM_F_ACK)
			buf_addc(to, '!');
	}
	assert_int_equal(n, 0);
}

static void transactions(void **state)
{
	static const struct {
		const char *state, *words;
	} cases[] = {
	        {"cut silence in egress=swallow", "( inet:Tcrr!)"},
	        {"cut silence in egress=swallow proto=tcp", "( inet:Tccrr!)"},
	        {"cut silence in egress=swallow ip=10.0.0.0/8,::/0 port=80",
	         "( inet:Tccccrrrrrrr!)"},
	        {"cut silence out egress=swallow hooks=lo", "( netdev:Tccrrrr inet:T!)"},
	        {"cut silence both egress=drop uid=5 hooks=lo", "( netdev:Tcccrrrrr inet:Tccrrr!)"},
	        {"cut silence out egress=swallow cgroup=9:1 hooks=lo",
	         "( netdev:Tccrr inet:Tccrrr!)"},
	        {"cut silence out egress=output dev=a,b", "( inet:Tccrrrr!)"},
	        {"cut reject out egress=output", "( inet:Tcrrrrrr!)"},
	        {"cut reject both egress=swallow proto=udp port=1-5",
	         "( inet:Tcccrrrrrrrrcccrrrrrrrr!)"},
	        {"cut unreachable in egress=output", "( inet:Tcrrrrr!)"},
	        /* what is excluded passes, the rest of both families goes on */
	        {"cut silence in egress=swallow ip=^10.0.0.0/8", "( inet:Tccrrrrr!)"},
	        {"cut silence in egress=swallow port=^22", "( inet:Tccrrrrrrr!)"},
	        {"cut silence in egress=swallow proto=tcp port=80,^22", "( inet:Tcccrrrrrr!)"},
	        {"cut silence in egress=swallow proto=tcp conn=new", "( inet:Tcccrrr!)"},
	        /* for TCP, UDP and the rest, both families, both orders of the ends */
	        {"cut silence in egress=swallow flows=300000:1", "( inet:Tccrrrrrrrrrrrrrr!)"},
	        {"cut silence in egress=swallow proto=udp flows=300000:1", "( inet:Tcccrrrrrr!)"},
	        {"cut silence in egress=swallow packets=300000", "( inet:Tccrrr!)"},
	        /* table, note, base; then: own packets pass, neighbours pass, queue */
	        {"shape in : seed=0 delay=1", "( inet:Tccrrr!)"},
	        /* what comes by loopback has its own way, by the port that it goes to */
	        {"shape in port=80 : seed=0 delay=1", "( inet:Tccrcrccrrrrccrrrrr!)"},
	        {"shape in port=80 uid=5 : seed=0 delay=1", "( inet:Tccrcccrrrrrr!)"},
	        {"shape in port=80 dev=eth0 : seed=0 delay=1", "( inet:Tccrcccrrrrrr!)"},
	        {"shape out : seed=0 loss=1", "( inet:Tccrrr!)"},
	        {"shape out port=80 : seed=0 loss=1", "( inet:Tccrcrccrrrrccrrrrr!)"},
	        /* each packet of loopback once: as it comes in */
	        {"shape both : seed=0 loss=1", "( inet:Tccrrrcrrrr!)"},
	        {"shape out dev=lo : seed=0 delay=1", "( inet:Tccrcrrr!)"},
	        {"shape out uid=5 dev=lo : seed=0 delay=1", "( inet:Tccrccrrrr!)"},
	};
	_Alignas(8) static char data[NFT_BATCH_MAX];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		BUF(b, 256);
		words(data, encode(cases[i].state, NULL, NULL, data), &b);
		assert_string_equal(b.data, cases[i].words);
	}
}

static void what_is_there_is_replaced_at_one_stroke(void **state)
{
	static const char cut[] = "cut silence out egress=swallow hooks=lo";
	struct nft_seen both = {.table = "t", .inet = true, .netdev = true};
	struct nft_seen one = {.table = "t", .inet = true};
	_Alignas(8) static char data[NFT_BATCH_MAX];
	(void)state;
	BUF(b, 256);
	words(data, encode(cut, &both, NULL, data), &b);
	assert_string_equal(b.data, "(D netdev:TccrrrrD inet:T!)");
	buf_reset(&b);
	words(data, encode(cut, &one, NULL, data), &b);
	assert_string_equal(b.data, "( netdev:TccrrrrD inet:T!)");
	buf_reset(&b);
	words(data, encode("cut silence in egress=swallow", &both, NULL, data), &b);
	assert_string_equal(b.data, "(DD inet:Tcrr!)");
}

/* The same rules, the same bytes, on every machine of this byte order. */
static void golden(void **state)
{
	static const struct {
		const char *state, *hex;
	} cases[] = {
	        {"cut silence both egress=swallow hooks=lo",
	         "30608b497d24737af961a19ac86afd31a307120d16e0c3f466dc979fc9237fe7"},
	        {"cut silence both egress=drop proto=udp ip=10.0.0.0/9,fd00::1/128 "
	         "port=53,6000-6010 uid=33 dev=eth0,lo",
	         "815490ff46d473fe876822ee878c806cd6dc11c940d8e393329795192560d670"},
	        {"cut silence out egress=swallow cgroup=77:2 hooks=lo",
	         "52801537d924a6f827edebb384ad64cf98bf29bdfef3b628aa45f4262db5006c"},
	        {"cut reject both egress=output proto=icmp",
	         "73e843e54419310e475a53be13d3769e0935668a9343cf299688db30debe641f"},
	};
	_Alignas(8) static char data[NFT_BATCH_MAX];
	(void)state;
	if (htonl(1) == 1)
		lacks("little-endian", "the digests are of its messages");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char hex[SHA256_HEX];
		size_t n = encode(cases[i].state, NULL, NULL, data);
		sha256_text(data, n, hex);
		assert_string_equal(hex, cases[i].hex);
	}
}

static void too_much_for_the_room(void **state)
{
	struct nft_rules r = {.mode = NFT_REJECT, .direction = NFT_BOTH};
	struct err e = ERR_INIT;
	_Alignas(8) static char data[8192];
	size_t n = 99;
	(void)state;
	for (int i = 1; i <= NFT_PORTS_MAX; i++) {
		BUF(p, 8);
		buf_addf(&p, "%d", i);
		assert_int_equal(nft_rules_add_ports(&r, p.data, &e), 0);
	}
	assert_int_equal(
	        nft_encode_put("t", &r, "cut", NULL, NULL, NULL, data, sizeof(data), &n, &e),
	        -E2BIG);
	assert_int_equal(n, 99);
	assert_int_equal(nft_encode_put("t", &r, "cut", NULL, NULL, NULL, data, 100, &n, &e),
	                 -EINVAL);
}

/* A transaction has the layout of the kernel's answers: read back what was put in. */
static size_t read_back(const char *data, size_t n, struct nft_seen *seen, struct nft_count *count)
{
	const struct nlmsghdr *h;
	size_t messages = 0;
	while ((h = nl_next(&data, &n))) {
		assert_int_equal(nft_seen_take(h, seen), 0);
		assert_int_equal(nft_count_take(h, count), 0);
		messages++;
	}
	return messages;
}

static void answers_are_read(void **state)
{
	static const char cut[] = "cut reject both egress=swallow port=80";
	struct nft_count carry = {1, 22, 333, 4444}, count = {0};
	struct nft_seen seen = {.table = "t"}, other = {.table = "u"};
	_Alignas(8) static char data[NFT_BATCH_MAX];
	(void)state;
	size_t n = encode(cut, NULL, &carry, data);
	read_back(data, n, &seen, &count);
	assert_true(seen.inet);
	assert_false(seen.netdev);
	assert_string_equal(seen.comment, cut);
	assert_memory_equal(&count, &carry, sizeof(carry));
	memset(&count, 0, sizeof(count));
	read_back(data, n, &other, &count);
	assert_false(other.inet);
}

static void put_shape(const char *state, const struct nft_seen *there,
                      const struct nft_queue *queue, struct buf *to, struct nft_seen *after)
{
	_Alignas(8) static char data[NFT_BATCH_MAX];
	struct nft_rules r;
	struct nft_count none = {0};
	struct err e = ERR_INIT;
	size_t n = 0;
	assert_int_equal(nft_rules_parse(state, &r, &e), 0);
	assert_int_equal(
	        nft_encode_put("t", &r, state, there, NULL, queue, data, sizeof(data), &n, &e), 0);
	words(data, n, to);
	*after = (struct nft_seen){.table = "t"};
	read_back(data, n, after, &none);
}

/* To unregister a chain would drop what waits in every queue of the namespace. */
static void a_shapers_chains_stay(void **state)
{
	struct nft_queue queue = {.number = 7, .turn = 3};
	struct nft_seen first, again;
	(void)state;
	BUF(b, 256);
	put_shape("shape in proto=udp : seed=0 delay=1", NULL, &queue, &b, &first);
	assert_string_equal(b.data, "( inet:Tccrcrr!)");
	assert_string_equal(first.comment, "shape in proto=udp : seed=0 delay=1");
	assert_int_equal(first.hooks, 1u << NF_INET_PRE_ROUTING);
	assert_int_equal(first.turn, 3);
	assert_int_equal(first.last_turn, 3);
	assert_int_equal(first.chains_n, 2);

	/* other words */
	buf_reset(&b);
	put_shape("shape in proto=udp : seed=0 delay=2", &first, &queue, &b, &again);
	assert_string_equal(b.data, "(dc!)");
	assert_string_equal(again.comment, "shape in proto=udp : seed=0 delay=2");

	/* other filters: rules and notes are new, the base chain is not */
	buf_reset(&b);
	put_shape("shape in : seed=0 delay=2", &first, &queue, &b, &again);
	assert_string_equal(b.data, "(xddcrrr!)");
	assert_string_equal(again.comment, "shape in : seed=0 delay=2");

	/* another hook: all is */
	buf_reset(&b);
	put_shape("shape in uid=1 : seed=0 delay=2", &first, &queue, &b, &again);
	assert_int_equal(again.hooks, 1u << NF_INET_LOCAL_IN);
	assert_memory_equal(b.data, "(D inet:T", 9);
}

/* What is held back on its way out the shaper sends itself. */
static void who_sends(void **state)
{
	static const struct {
		const char *state;
		bool shaper;
	} cases[] = {
	        {"shape out : seed=0 delay=1", true},
	        {"shape both uid=5 : seed=0 delay=1", true},
	        {"shape out dev=eth0,lo : seed=0 rate=1000 queue=1", true},
	        {"shape in : seed=0 delay=1", false},
	        {"shape both : seed=0 loss=1", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct nft_rules r;
		struct err e = ERR_INIT;
		assert_int_equal(nft_rules_parse(cases[i].state, &r, &e), 0);
		assert_int_equal(nft_shape_sends(&r), cases[i].shaper);
	}
}

/* Bytes of any kind: nothing is read beyond the message (the sanitized build sees to that). */
static void hostile_answers(void **state)
{
	static const char *const states[] = {
	        "cut silence both egress=swallow port=80 uid=1 hooks=lo",
	        "shape both port=80 : seed=0 loss=1",
	};
	_Alignas(8) static char good[NFT_BATCH_MAX];
	size_t n = 0, messages = 0;
	struct rng rng = {11};
	(void)state;
	for (int turn = 0; turn < 6000; turn++) {
		if (turn % 3000 == 0)
			n = encode(states[turn / 3000], NULL, NULL, good);
		/* on the heap and exactly as long, so that one byte too far is noticed */
		size_t len = turn % 2 ? n : rng_below(&rng, n);
		char *bad = malloc(len ? len : 1);
		struct nft_seen seen = {.table = "t"};
		struct nft_count count = {0};
		assert_non_null(bad);
		memcpy(bad, good, len);
		for (uint64_t k = rng_below(&rng, 24); k > 0 && len; k--)
			bad[rng_below(&rng, len)] = (char)rng_next(&rng);
		messages += read_back(bad, len, &seen, &count);
		assert_true(strlen(seen.comment) < sizeof(seen.comment));
		free(bad);
	}
	assert_true(messages > 6000);
}

static void comments(void **state)
{
	char cut[STATE_MAX] = "cut silence in egress=swallow ip=";
	BUF(b, STATE_MAX);
	(void)state;
	nft_comment_format("cut silence in egress=swallow", &b);
	assert_string_equal(b.data, "cut silence in egress=swallow");
	while (strlen(cut) < NFT_COMMENT_MAX)
		strcat(cut, "x");
	nft_comment_format(cut, &b);
	assert_string_equal(b.data, cut);
	strcat(cut, "x");
	nft_comment_format(cut, &b);
	assert_int_equal(strncmp(b.data, "cut sha256=", 11), 0);
	assert_int_equal(b.len, 11 + 64);
	assert_true(step_same(step_type_find("nft"), cut, b.data));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(transactions),
	        cmocka_unit_test(what_is_there_is_replaced_at_one_stroke),
	        cmocka_unit_test(golden),
	        cmocka_unit_test(too_much_for_the_room),
	        cmocka_unit_test(answers_are_read),
	        cmocka_unit_test(a_shapers_chains_stay),
	        cmocka_unit_test(who_sends),
	        cmocka_unit_test(hostile_answers),
	        cmocka_unit_test(comments),
	};
	return cmocka_run_group_tests_name("step nft encode", tests, NULL, NULL);
}
