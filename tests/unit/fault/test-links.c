/* What is done to connections, links and routes: what doses say of what was counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bind-args.h"
#include "fault/fault.h"

#include <cmocka.h>

static struct arena arena;

static void reset(void **state)
{
	dose_says(&arena, "net.reset", ARGS("every=5s"), COUNTERS({"found", 2}, {"destroyed", 2}),
	          COUNTERS({"found", 9}, {"destroyed", 8}), "all connections, each 5s",
	          "6 of 7 connections destroyed", NULL);
	dose_says(&arena, "net.reset", ARGS("port=80"), COUNTERS({"found", 0}),
	          COUNTERS({"found", 0}), "all connections", "0 of 0 connections destroyed",
	          "no connections matched");
	dose_says(&arena, "net.reset", ARGS("port=80"), COUNTERS({"found", 0}),
	          COUNTERS({"found", 1}), "all connections", "0 of 1 connections destroyed",
	          "all connections that matched had ended before");
}

static void conntrack_drop(void **state)
{
	dose_says(&arena, "net.conntrack-drop", ARGS("protocol=udp"), COUNTERS({"found", 0}),
	          COUNTERS({"found", 9}, {"deleted", 8}), "all entries", "8 of 9 entries deleted",
	          NULL);
	dose_says(&arena, "net.conntrack-drop", ARGS("every=10s"),
	          COUNTERS({"found", 1}, {"deleted", 1}), COUNTERS({"found", 1}, {"deleted", 1}),
	          "all entries, each 10s", "0 of 0 entries deleted", "no entries matched");
}

static void blackhole(void **state)
{
	dose_says(&arena, "route.blackhole", ARGS("address=10.0.0.1 fd00::/8"),
	          COUNTERS({"refused", 1}), COUNTERS({"refused", 2}), "blackhole of 2 destinations",
	          "1 that could be reached before cannot", NULL);
	dose_says(&arena, "route.blackhole", ARGS("address=10.0.0.1", "mode=prohibit"),
	          COUNTERS({"refused", 1}), COUNTERS({"refused", 1}), "prohibit of 1 destination",
	          "0 that could be reached before cannot", "they could not be reached before");
	dose_says(&arena, "route.blackhole", ARGS("address=10.0.0.1"), COUNTERS({"refused", 0}),
	          COUNTERS({"refused", 0}), "blackhole of 1 destination",
	          "0 that could be reached before cannot",
	          "they still can be reached: they are addresses of this machine");
}

static void down(void **state)
{
	dose_says(&arena, "link.down", ARGS("interface=eth1 eth2"), COUNTERS({"down", 0}),
	          COUNTERS({"down", 2}, {"kept", 31}), "2 devices down",
	          "2 set down; 31 addresses, routes and neighbours to bring back", NULL);
	dose_says(&arena, "link.down", ARGS("interface=eth1"), COUNTERS({"down", 1}),
	          COUNTERS({"down", 1}), "1 device down",
	          "0 set down; 0 addresses, routes and neighbours to bring back", "down before");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(reset),
	        cmocka_unit_test(conntrack_drop),
	        cmocka_unit_test(blackhole),
	        cmocka_unit_test(down),
	};
	arena_init(&arena, 1 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	arena_release(&arena);
	return failed;
}
