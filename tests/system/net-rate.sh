#!/bin/bash
# net.rate: what iperf3 gets through, and how long what waits takes.
. "$(dirname "$0")/lib.sh"
# Runs alone

case_narrow() {
	need nft-queue && need veth && need iperf3 && need ping || return
	local load
	netns_pair
	referee_before
	# Of 1500 bytes 1448 are data of TCP with timestamps: 9.65 of 10.
	shaped net.rate "netns=$B" 10Mbit/s
	served
	inside "$A" timeout 20 iperf3 -c 10.99.0.2 -t 2 -O 1 -J >"$DIR/iperf"
	between "Mbit/s of data" "$(jq '.end.sum_received.bits_per_second / 1e6' "$DIR/iperf")" 9.4 9.85
	unshaped
	has "the dose" "$OUT" 'dose .*10Mbit/s.*Mbit/s on average; waited .* packets'

	# Twice as much as there is room for: half is lost, and who gets in waits for the whole queue.
	shaped net.rate "netns=$B" 4Mbit/s --queue-time 200ms
	served
	inside "$A" timeout 20 iperf3 -c 10.99.0.2 -u -b 8M -l 1000 -t 2 -J >"$DIR/iperf" &
	load=$!
	wait_for 5 is_queued
	pinged "$A" 10.99.0.2 5 0.2
	wait "$load"
	[ -z "$MID" ] || between "who gets in waits for the queue (ms)" "$MID" 150 230
	# 1000 of 1028 bytes are data, and the queue runs empty after the two seconds: 4.28
	between "Mbit/s of data" "$(jq '.end.sum.bits_per_second * (1 - .end.sum.lost_percent / 100) / 1e6' "$DIR/iperf")" 4.1 4.4
	unshaped
	has "the dose" "$OUT" 'dose .*4Mbit/s.*[1-9][0-9]* of [0-9]* lost to the full queue'

	start attack net.rate 100Mbit/s --target "netns=$B" --for 700ms
	wait_for 8 is_put "$B"
	pinged "$A" 10.99.0.2 5 0.02
	between "with less traffic nothing waits" "$MID" 0 8
	finish
	exits "no effect" 7
	has "why" "$OUT$ERR" 'there was less traffic than that'
	referee_after
}
# A ping takes as long as the queue is, or is lost to it.
is_queued() { pinged "$A" 10.99.0.2 1 1 && { [ "$CAME" = 0 ] || [ "${MID%.*}" -gt 150 ]; }; }
run_cases
