/* The faults that use the shaper: what their doses say of what was counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind-args.h"
#include "fault/fault.h"
#include "step/nft.h"

#include <cmocka.h>

#define SECONDS(n)                              \
	{                                       \
		"elapsed_ns", (n)*1000000000ull \
	}
#define MS(n) ((uint64_t)((n)*1e6))

static struct arena arena;
static struct err err;

static const struct counters none = {.n = 0};

static void delay(void **state)
{
	const char *const *fifty = ARGS("delay=50ms");

	dose_says(&arena, "net.delay", fifty, none,
	          COUNTERS({"packets_in", 1240}, {"seen_packets", 1234}, {"delayed", 1234},
	                   {"added_p50_ns", MS(50.1)}, {"added_p99_ns", MS(50.4)}, SECONDS(10)),
	          "50ms", "50.1ms (p99 50.4ms) on 1234 packets", NULL);
	/* what was counted before the attack was in is not its dose; levels are */
	dose_says(&arena, "net.delay",
	          ARGS("delay=50ms", "jitter=10ms", "distribution=normal", "interface=lo",
	               "direction=both"),
	          COUNTERS({"seen_packets", 10}, {"delayed", 10}, {"added_p50_ns", MS(1)}),
	          COUNTERS({"packets_in", 12}, {"seen_packets", 11}, {"delayed", 11},
	                   {"added_p50_ns", MS(48)}, {"added_p99_ns", MS(73.25)}, SECONDS(1)),
	          "50ms +- 10ms (normal)", "48ms (p99 73.3ms) on 1 packet", NULL);
	/* two targets: levels are added up, and there is how many */
	dose_says(&arena, "net.delay", fifty, none,
	          COUNTERS({"packets_in", 20}, {"seen_packets", 20}, {"delayed", 20},
	                   {"shapers", 2}, {"added_p50_ns", MS(100.2)}, {"added_p99_ns", MS(101)},
	                   SECONDS(1)),
	          "50ms", "50.1ms (p99 50.5ms) on 20 packets", NULL);
	dose_says(&arena, "net.delay", fifty, none, COUNTERS({"packets_in", 0}, SECONDS(5)), "50ms",
	          "nothing held back", "nothing matched: no packet in 5s");
	dose_says(&arena, "net.delay", fifty, none,
	          COUNTERS({"packets_in", 7}, {"seen_packets", 7}, {"passed_full", 7}, SECONDS(5)),
	          "50ms", "nothing held back; 7 passed as they were, for the shaper was full",
	          "7 packets matched, but none was held back");
	/* the table matched, and the shaper never saw any */
	dose_says(&arena, "net.delay", fifty, none,
	          COUNTERS({"packets_in", 1}, {"lost", 1}, SECONDS(5)), "50ms",
	          "nothing held back; its helper was ended early by somebody else",
	          "1 packet matched, but none was held back");
	dose_says(&arena, "net.delay", fifty, none,
	          COUNTERS({"packets_in", 9}, {"seen_packets", 9}, {"delayed", 9}, {"vanished", 2},
	                   {"added_p50_ns", MS(50)}, {"added_p99_ns", MS(50)}, SECONDS(1)),
	          "50ms",
	          "50ms (p99 50ms) on 9 packets; 2 more lost, for the kernel dropped what waited",
	          NULL);
	/* a machine that cannot keep up is told of */
	dose_says(&arena, "net.delay", fifty, none,
	          COUNTERS({"packets_in", 9}, {"seen_packets", 9}, {"delayed", 9},
	                   {"added_p50_ns", MS(51)}, {"added_p99_ns", MS(80)},
	                   {"late_p99_ns", MS(30)}, SECONDS(1)),
	          "50ms", "51ms (p99 80ms) on 9 packets; this machine was too slow by 30ms", NULL);
}

static void flap(void **state)
{
	const char *const *second = ARGS("down=1s", "up=2s");

	dose_says(&arena, "net.flap", second, none,
	          COUNTERS({"packets_in", 30}, {"seen_packets", 30}, {"lost_packets", 11},
	                   {"outages", 2}, SECONDS(6)),
	          "1s down, 2s up", "11 of 30 packets were lost, in 2 outages", NULL);
	dose_says(&arena, "net.flap", second, none,
	          COUNTERS({"packets_in", 3}, {"seen_packets", 3}, SECONDS(2)), "1s down, 2s up",
	          "0 of 3 packets were lost, in 0 outages", "3 packets matched, but none was lost");
}

static void mtu(void **state)
{
	dose_says(&arena, "net.mtu", ARGS("bytes=1400B"), none,
	          COUNTERS({"packets_out", 30}, {"seen_packets", 45}, {"lost_packets", 11},
	                   SECONDS(6)),
	          "no packet over 1400 bytes", "11 of 45 packets were too large", NULL);
	dose_says(&arena, "net.mtu", ARGS("bytes=1400B", "tell=true"), none,
	          COUNTERS({"packets_out", 1}, {"seen_packets", 1}, {"lost_packets", 1},
	                   {"told", 1}, SECONDS(6)),
	          "no packet over 1400 bytes",
	          "1 of 1 packets were too large, of 1 the sender was told", NULL);
	dose_says(&arena, "net.mtu", ARGS("bytes=1400B"), none,
	          COUNTERS({"packets_out", 2}, {"seen_packets", 2}, SECONDS(6)),
	          "no packet over 1400 bytes", "0 of 2 packets were too large",
	          "2 packets matched, but none was too large");
}

static void slow_close(void **state)
{
	dose_says(&arena, "net.slow-close", ARGS("delay=10s", "resets=true"), none,
	          COUNTERS({"packets_in", 4}, {"seen_packets", 4}, {"delayed", 4},
	                   {"added_p50_ns", MS(10000)}, {"added_p99_ns", MS(10001)}, SECONDS(30)),
	          "10s for each FIN and RST", "10s (p99 10s) on 4 packets", NULL);
	dose_says(&arena, "net.slow-close", ARGS("delay=10s"), none,
	          COUNTERS({"packets_in", 0}, SECONDS(3)), "10s for each FIN", "nothing held back",
	          "nothing matched: no packet in 3s");
}

static void loss(void **state)
{
	const char *const *third = ARGS("share=30%");

	dose_says(&arena, "net.loss", third, none,
	          COUNTERS({"packets_in", 10000}, {"seen_packets", 10000}, {"lost_packets", 2970},
	                   SECONDS(10)),
	          "30%", "29.7%: 2970 of 10000 packets", NULL);
	dose_says(&arena, "net.loss", ARGS("every=10"), none,
	          COUNTERS({"packets_out", 25}, {"seen_packets", 25}, {"lost_packets", 2},
	                   SECONDS(1)),
	          "1 in 10", "8.00%: 2 of 25 packets", NULL);
	dose_says(&arena, "net.loss", ARGS("burst-begin=1%", "burst-end=20%"), none,
	          COUNTERS({"packets_in", 10000}, {"seen_packets", 10000}, {"lost_packets", 500},
	                   SECONDS(1)),
	          "4.76%, in bursts", "5.00%: 500 of 10000 packets", NULL);
	dose_says(&arena, "net.loss",
	          ARGS("burst-begin=1%", "burst-end=20%", "burst-loss=90%", "calm-loss=0.1%"), none,
	          COUNTERS({"packets_in", 100000}, {"seen_packets", 100000}, {"lost_packets", 1},
	                   SECONDS(1)),
	          "4.38%, in bursts", "0.0010%: 1 of 100000 packets", NULL);
	dose_says(&arena, "net.loss", ARGS("share=1%"), none,
	          COUNTERS({"packets_in", 3}, {"seen_packets", 3}, SECONDS(1)), "1%",
	          "0%: 0 of 3 packets", "3 packets matched, but none was lost: too few for 1%");
	dose_says(&arena, "net.loss", third, none,
	          COUNTERS({"packets_in", 300}, {"seen_packets", 300}, SECONDS(1)), "30%",
	          "0%: 0 of 300 packets", "300 packets matched, but none was lost");
	dose_says(&arena, "net.loss", third, none, COUNTERS(SECONDS(90)), "30%",
	          "0%: 0 of 0 packets", "nothing matched: no packet in 1m30s");
}

static void share_of_each(void **state)
{
	static const struct {
		const char *fault, *counter, *did;
	} table[] = {
	        {"net.duplicate", "duplicated", "doubled"},
	        {"net.corrupt", "corrupted", "changed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct counter changed = {.value = 204};
		char why[100];

		snprintf(changed.name, sizeof(changed.name), "%s", table[i].counter);
		dose_says(&arena, table[i].fault, ARGS("share=1%"), none,
		          COUNTERS({"packets_in", 20000}, {"seen_packets", 20000}, changed,
		                   SECONDS(1)),
		          "1%", "1.02%: 204 of 20000 packets", NULL);
		snprintf(why, sizeof(why), "1 packet matched, but none was %s: too few for 1%%",
		         table[i].did);
		dose_says(&arena, table[i].fault, ARGS("share=1%"), none,
		          COUNTERS({"packets_in", 1}, {"seen_packets", 1}, SECONDS(1)), "1%",
		          "0%: 0 of 1 packet", why);
	}
	dose_says(&arena, "net.corrupt", ARGS("share=50%", "mend=true"), none,
	          COUNTERS({"packets_in", 10}, {"seen_packets", 10}, {"corrupted", 5}, SECONDS(1)),
	          "50%, checksum mended", "50.0%: 5 of 10 packets", NULL);
}

static void reorder(void **state)
{
	dose_says(&arena, "net.reorder", ARGS("share=25%"), none,
	          COUNTERS({"packets_in", 1000}, {"seen_packets", 1000}, {"reordered", 248},
	                   {"delayed", 752}, SECONDS(1)),
	          "25%", "24.8%: 248 of 1000 packets went ahead", NULL);
	/* alone, nobody overtakes anybody */
	dose_says(&arena, "net.reorder", ARGS("share=90%"), none,
	          COUNTERS({"packets_in", 1}, {"seen_packets", 1}, {"reordered", 1}, SECONDS(1)),
	          "90%", "100.0%: 1 of 1 packet went ahead",
	          "1 packet matched, but none was sent ahead of others: too few for 90%");
}

static void rate(void **state)
{
	const char *const *ten = ARGS("rate=10mbit");

	/* 12.5 MB in 10 s; a tenth of it was lost to the queue */
	dose_says(&arena, "net.rate", ten, none,
	          COUNTERS({"packets_in", 10000}, {"seen_packets", 10000}, {"seen_bytes", 13888888},
	                   {"delayed", 9000}, {"lost_in_queue", 1000}, {"added_p50_ns", MS(80)},
	                   {"added_p99_ns", MS(99.9)}, SECONDS(10)),
	          "10Mbit/s",
	          "10Mbit/s on average; waited 80ms (p99 99.9ms) on 9000 packets; 1000 of 10000 "
	          "lost to "
	          "the full queue",
	          NULL);
	dose_says(&arena, "net.rate", ten, none,
	          COUNTERS({"packets_in", 10}, {"seen_packets", 10}, {"seen_bytes", 15000},
	                   SECONDS(1)),
	          "10Mbit/s", "120kbit/s on average",
	          "10 packets matched, but none was held up: there was less traffic than that");
	dose_says(&arena, "net.rate", ten, none, COUNTERS(SECONDS(1)), "10Mbit/s",
	          "0bit/s on average", "nothing matched: no packet in 1s");
}

static void profile(void **state)
{
	dose_says(
	        &arena, "net.profile", ARGS("profile=3g"), none,
	        COUNTERS({"packets_in", 1000}, {"seen_packets", 1000}, {"seen_bytes", 1000000},
	                 {"delayed", 980}, {"lost_packets", 8}, {"lost_in_queue", 12},
	                 {"added_p50_ns", MS(310)}, {"added_p99_ns", MS(420)}, SECONDS(10)),
	        "3g: 300ms +- 30ms, 0.2% lost, 1.6Mbit/s",
	        "310ms (p99 420ms) on 980 packets, 8 lost, 12 more to the full queue, 784kbit/s on "
	        "average",
	        NULL);
	dose_says(&arena, "net.profile", ARGS("profile=wifi-bad"), none, COUNTERS(SECONDS(1)),
	          "wifi-bad: 30ms +- 30ms, bursts of loss, 4Mbit/s",
	          "nothing held back, 0 lost, 0bit/s on average",
	          "nothing matched: no packet in 1s");
}

static void dns(void **state)
{
	const char *const *half = ARGS("how=nxdomain", "share=50%", "names=*.shop.test");

	dose_says(&arena, "dns.fail", half, none,
	          COUNTERS({"packets_in", 1010}, {"seen_packets", 1010}, {"dns_seen", 1005},
	                   {"dns_matched", 1000}, {"dns_done", 498}, SECONDS(10)),
	          "nxdomain for 50%", "49.8%: 498 of 1000 answers", NULL);
	dose_says(&arena, "dns.fail", ARGS("how=timeout"),
	          COUNTERS({"dns_matched", 4}, {"dns_done", 4}),
	          COUNTERS({"dns_seen", 5}, {"dns_matched", 5}, {"dns_done", 5}, SECONDS(1)),
	          "timeout", "100.0%: 1 of 1 answer", NULL);
	dose_says(
	        &arena, "dns.fail", half, none,
	        COUNTERS({"packets_in", 3}, {"seen_packets", 3}, SECONDS(5)), "nxdomain for 50%",
	        "0%: 0 of 0 answers",
	        "no answer came from a name server in 5s: nobody asked, or a cache or an encrypted "
	        "connection answered");
	dose_says(&arena, "dns.fail", half, none, COUNTERS({"dns_seen", 12}, SECONDS(5)),
	          "nxdomain for 50%", "0%: 0 of 0 answers",
	          "12 answers came, none to what was named");
	dose_says(&arena, "dns.fail", half, none,
	          COUNTERS({"dns_seen", 12}, {"dns_matched", 1}, SECONDS(5)), "nxdomain for 50%",
	          "0%: 0 of 1 answer", "1 answer matched, but none was chosen: too few for 50%");
	dose_says(&arena, "dns.slow", ARGS("delay=2s", "jitter=500ms", "share=20%"), none,
	          COUNTERS({"dns_seen", 12}, {"dns_matched", 10}, {"dns_done", 2}, {"delayed", 2},
	                   {"added_p50_ns", MS(2010)}, {"added_p99_ns", MS(2400)}, SECONDS(5)),
	          "2s +- 500ms for 20%", "2.01s (p99 2.4s) on 2 packets; 20.0%: 2 of 10 answers",
	          NULL);
	dose_says(&arena, "dns.answer", ARGS("address=::1 192.0.2.7"), none,
	          COUNTERS({"dns_seen", 12}, {"dns_matched", 10}, {"dns_done", 10}, SECONDS(5)),
	          "192.0.2.7,::1", "100.0%: 10 of 10 answers", NULL);
}

/* The longest texts fit; every profile is one that the shaper takes. */
static void all_profiles(void **state)
{
	static const char *const names[] = {"3g", "dsl", "satellite", "wifi-bad",
	                                    "intercontinental"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct fault *f = fault_find("net.profile");
		char text[64];

		snprintf(text, sizeof(text), "profile=%s", names[i]);
		assert_int_equal(f->kind.check(bind_args(&f->kind, ARGS(text), &arena), &err), 0);
		assert_non_null(strstr(f->kind.man, names[i]));
	}
}

static int setup(void **state)
{
	arena_init(&arena, 16 << 20);
	return 0;
}

static int teardown(void **state)
{
	arena_release(&arena);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(delay),   TEST(loss),          TEST(flap),    TEST(slow_close),
	        TEST(mtu),     TEST(share_of_each), TEST(reorder), TEST(rate),
	        TEST(profile), TEST(all_profiles),  TEST(dns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
