#!/bin/sh
# The shaper between two namespaces: how exactly it delays 1,000 packets a second by 50 ms; how many packets of 64 bytes
# it delays by 10 ms, against a reader of the same queue that accepts at once; one TCP stream through 10 ms; what a shaper
# costs that nothing matches. Runs without a better priority, unlike a real one.
# Bars: the mean within 0.15 ms of 50, p99 at most 50.5 ms; 0.9 of the reader; 2500 Mbit/s; 3 %. Exits 1 when one is missed.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"${BENCH_SHAPER:-$here/build/bench/bench-shaper}" "$@" | tee "$out"
awk '$1 == "added_mean_us" && ($2 < 49850 || $2 > 50150) { bad = 1; print "MISSED: added_mean_us not within 150 of 50000" }
	$1 == "delay_p99_us" && $2 > 50500 { bad = 1; print "MISSED: delay_p99_us above 50500" }
	$1 == "ceiling_ratio" && $2 < 0.9 { bad = 1; print "MISSED: ceiling_ratio below 0.9" }
	$1 == "delayed_10ms_mbit" && $2 < 2500 { bad = 1; print "MISSED: delayed_10ms_mbit below 2500" }
	$1 == "idle_cost_percent" && $2 > 3 { bad = 1; print "MISSED: idle_cost_percent above 3" }
	END { exit bad }' "$out"
