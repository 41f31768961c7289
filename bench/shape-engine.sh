#!/bin/sh
# What the shaper decides, holds and measures for a packet, in nanoseconds of CPU time: without the kernel's part.
# Bar: every effect at once, 7,500 packets held (50 ms) in any order, 150,000 packets a second: at most
# 5 % of a core, 333 ns a packet. Exits 1 when it is missed.
#
#   bench/shape-engine.sh
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
out=$("$here/build/bench/bench-shape-engine")
echo "$out"
echo "$out" | awk '/^fate_all_ns|^queue_free_order_held_7500_ns|^meter_ns/ { sum += $2 }
	END {
		print "packet_ns", sum
		if (sum > 333) { print "MISSED: packet_ns above 333"; exit 1 }
	}'
