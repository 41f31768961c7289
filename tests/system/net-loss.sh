#!/bin/bash
# net.loss: what ping misses, and what a sender sees of it.
. "$(dirname "$0")/lib.sh"

case_each_way() {
	need nft-queue && need veth && need ipv6 && need ping && need iperf3 || return
	netns_pair
	referee_before
	# 30 % of 1000: a standard deviation of 14.5, of which five are allowed.
	shaped net.loss "netns=$B" 30% --protocol icmp
	pinged "$A" 10.99.0.2 1000 0.001
	between "lost of 1000" $((SENT - CAME)) 227 373
	unshaped
	has "the dose is the referee's count" "$OUT" "dose .*30%.* $((SENT - CAME)) of 1000 packets"

	# One of 50 begins a burst of 5: 9.1 % in 27 runs or so.
	shaped net.loss "netns=$B" --burst-begin 2% --burst-end 20% --protocol icmp
	inside "$A" ping -n -c 1500 -i 0.001 -W 1 10.99.0.2 >"$DIR/pings" 2>&1
	unshaped
	read -r lost runs < <(sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' "$DIR/pings" | sort -nu | awk '
		{ if ($1 > last + 1) { lost += $1 - last - 1; runs++ } last = $1 }
		END { print lost + 0, runs + 0 }')
	between "bursts: lost of 1500" "$lost" 50 260
	between "bursts: packets in one, on average" "$((runs ? 10 * lost / runs : 0))e-1" 2.5 9

	start attack net.loss 0.01% --protocol icmp --target "netns=$B" --for 700ms
	wait_for 8 is_put "$B"
	pinged "$A" 10.99.0.2 3 0.01
	finish
	exits "matched, but changed nothing: no effect" 7
	has "why" "$OUT$ERR" '3 packets matched, but none was lost: too few for 0.01%'

	# Exactly, over IPv6, and the sender of what goes out is not told.
	shaped net.loss "netns=$A" --every 10 --direction out --protocol udp --port 5000
	sent_to_b fd99::2 200 1
	is "of 200 arrive" "$(arrived got)" 180
	is "the sender sees nothing" "$SAW" sent
	unshaped
	shaped net.loss "netns=$B" 5% --protocol tcp
	served
	check "a megabyte comes over TCP" inside "$A" timeout 20 iperf3 -c 10.99.0.2 -n 1M -J
	unshaped
	has "and packets of it were lost" "$OUT" 'dose .*5%.* [1-9][0-9]* of [0-9]+ packets'
	referee_after
}
run_cases
