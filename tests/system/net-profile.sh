#!/bin/bash
# net.profile: ping over links of some kinds, and what gets through one.
. "$(dirname "$0")/lib.sh"

# Delay and jitter of the table in docs/network-faults.md. Packets keep their order, so at 100 a second
# each waits for the latest of those before it.
profile() { # NAME LEAST MOST
	shaped net.profile "netns=$B" "$1" --protocol icmp
	pinged "$A" 10.99.0.2 30 0.01
	between "$1: round trip (ms)" "$MID" "$2" "$3"
	unshaped
	has "$1: the dose" "$OUT" "dose .*$1: .* packets, [0-9]+ lost"
}
case_links() {
	need nft-queue && need veth && need ping && need iperf3 || return
	netns_pair
	referee_before
	profile 3g 290 390
	profile intercontinental 248 258
	shaped net.profile "netns=$B" dsl
	served
	inside "$A" timeout 20 iperf3 -c 10.99.0.2 -u -b 3M -l 1000 -t 2 -J >"$DIR/iperf"
	# 1000 of 1028 bytes are data, and the queue of 200 ms runs empty afterwards: 1605
	between "dsl: kbit/s of data" "$(jq '.end.sum.bits_per_second * (1 - .end.sum.lost_percent / 100) / 1e3' "$DIR/iperf")" 1500 1680
	unshaped
	pinged "$A" 10.99.0.2 5 0.01
	between "afterwards it is as before" "$MID" 0 8
	referee_after
}
run_cases
