#!/bin/bash
# net.flap: when packets pass and when they do not, by the clock of who sends them.
. "$(dirname "$0")/lib.sh"
# Runs alone

case_in_turn() {
	need nft-queue && need veth && need ping || return
	netns_pair
	referee_before
	shaped net.flap "netns=$B" 400ms 600ms
	# for four seconds, one each 20 ms; -D: when each came
	inside "$A" ping -D -n -c 200 -i 0.02 -W 1 10.99.0.2 >"$DIR/pings" 2>&1
	unshaped
	exits "ended by Ctrl-C" 6
	# From the last that came before an outage to the first behind it, in milliseconds.
	sed -n 's/^\[\([0-9.]*\)\].*icmp_seq=\([0-9]*\) ttl.*/\1 \2/p' "$DIR/pings" | awk '
		last && $2 > last + 5 { printf "%d\n", 1000 * ($1 - at) }
		{ last = $2; at = $1 }' >"$DIR/outages"
	between "outages" "$(wc -l <"$DIR/outages")" 3 5
	between "one lasts (ms)" "$(sort -n "$DIR/outages" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }')" 400 480
	has "the dose has outages" "$OUT" 'dose .*400ms down, 600ms up, achieved [0-9]+ of [0-9]+ packets were lost, in [456] outages'
	pinged "$A" 10.99.0.2 5 0.02
	is "afterwards all come" "$CAME" 5

	# What goes out alone, of one port: the sender is not told.
	shaped net.flap "netns=$A" 10s 1s --direction out --protocol udp --port 5000
	sent_to_b 10.99.0.2 20 1
	is "silence" "$(arrived got)" 0
	is "the sender sees nothing" "$SAW" sent
	pinged "$A" 10.99.0.2 5 0.02
	is "what does not match passes" "$CAME" 5
	unshaped
	run attack net.flap 100ms 100ms --port 7 --target "netns=$B" --for 300ms
	exits "nothing matched: no effect" 7
	referee_after
}
run_cases
