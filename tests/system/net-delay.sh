#!/bin/bash
# net.delay: how long packets take, by ping and by a datagram's echo; from outside squall.
. "$(dirname "$0")/lib.sh"
# Runs alone

NET=$TOP/tests/system/net.py

can() { need nft-queue && need veth && need ipv6 && need ping; }

case_adds_its_time() {
	can || return
	local address
	netns_pair
	referee_before
	shaped net.delay "netns=$B" 50ms --protocol icmp
	for address in 10.99.0.2 fd99::2; do
		pinged "$A" $address 20 0.02
		is "all of $address come" "$CAME" "$SENT"
		between "round trip to $address" "$MID" 50 54
		between "and the shortest is not shorter" "$MIN" 50 51
	done
	pinged "$B" 10.99.0.1 10 0.02
	between "once for what B asks, too" "$MID" 50 54
	sent_to_b 10.99.0.2 1 1
	unshaped
	exits "ended by Ctrl-C" 6
	has "the dose counts what matched" "$OUT" 'dose .*50ms.*5[0-9.]*ms \(p99 [0-9.]*ms\) on 50 packets'

	# Evenly within 30 to 70 ms: half of them within 20 ms.
	shaped net.delay "netns=$B" 50ms --jitter 20ms --order free
	pinged "$A" 10.99.0.2 300 0.005
	between "jitter: in the middle" "$MID" 44 56
	between "jitter: the shortest" "$MIN" 29.9 35
	between "jitter: between the quartiles" "$MIDDLE" 13 28
	unshaped
	pinged "$A" 10.99.0.2 5 0.02
	between "afterwards it is as before" "$MID" 0 8
	run attack net.delay 50ms --port 7 --target "netns=$B" --for 300ms
	exits "nothing matched: no effect" 7
	has "said so" "$OUT$ERR" 'nothing matched: no packet'
	referee_after
}
# What goes out is held back by squall, not by the kernel on its sender's account.
case_outwards() {
	can && need iperf3 || return
	local address
	netns_pair
	referee_before
	shaped net.delay "netns=$B" 50ms --direction out
	for address in 10.99.0.2 fd99::2; do
		pinged "$A" $address 10 0.02
		is "all of $address come" "$CAME" "$SENT"
		between "round trip to $address" "$MID" 50 54
		between "and the shortest is not shorter" "$MIN" 50 51
	done
	# two fragments each: as large as no single packet may be
	inside "$A" ping -n -c 3 -i 0.02 -W 1 -s 2500 10.99.0.2 >"$DIR/large"
	has "larger than a packet" "$(<"$DIR/large")" '3 received'
	served
	inside "$A" timeout 20 iperf3 -R -c 10.99.0.2 -t 2 -O 1 -J >"$DIR/iperf"
	check "a stream is not held up (bit/s)" jq -e '.end.sum_received.bits_per_second > 2e8' "$DIR/iperf"
	is "and loses nothing" "$(jq '.end.sum_sent.retransmits' "$DIR/iperf")" 0
	unshaped
	exits "ended by Ctrl-C" 6
	has "the dose" "$OUT" 'dose .*50ms.*5[0-9.]*ms \(p99 [0-9.]*ms\) on [0-9]{3,} packets'
	pinged "$A" 10.99.0.2 5 0.02
	between "afterwards it is as before" "$MID" 0 8

	shaped net.delay "netns=$B" 30ms --direction both --protocol icmp
	pinged "$A" 10.99.0.2 10 0.02
	between "both ways: twice in a round trip" "$MID" 60 64
	unshaped
	referee_after
}
# Each packet to the port is delayed where it comes in, its answer is not.
case_once_on_loopback() {
	need nft-queue || return
	spawn python3 "$NET" serve 7000 "$DIR/ready"
	wait_for 5 test -e "$DIR/ready"
	referee_before
	shaped net.delay host 200ms --interface lo --port 7000
	between "round trip" "$(python3 "$NET" ask 127.0.0.1 7000)" 200 250
	between "over IPv6" "$(python3 "$NET" ask ::1 7000)" 200 250
	unshaped
	referee_after
}
# All at once, under load: what was held may be lost; what comes next is as before.
case_all_killed_under_load() {
	can || return
	local killed flood
	netns_pair
	referee_before
	shaped net.delay "netns=$B" 100ms
	spawn inside "$A" ping -n -q -i 0.002 10.99.0.2
	flood=$PID
	pinged "$A" 10.99.0.2 5 0.02
	between "delayed under load" "$MID" 100 115
	kill_all
	killed=$(now_ms)
	is_normal() { pinged "$A" 10.99.0.2 1 1 && [ "${MID%.*}" -lt 20 ]; }
	check "traffic is normal" wait_for 2 is_normal
	between "within a second (ms)" $(($(now_ms) - killed)) 0 1000
	kill -KILL "$flood"
	wait_for 3 is_gone "$flood"
	run undo
	referee_after
	# The namespace goes while packets of it are held.
	shaped net.delay "netns=$B" 5s
	inside "$A" ping -n -q -c 3 -i 0.05 -W 0.1 10.99.0.2 >/dev/null 2>&1
	ip netns del "$B"
	unshaped
	check "with its target gone it ends" is_gone "$RUNNER"
	check_not "and nobody of it is left" test -n "$(ours squall-keeper)$(ours squall-helper)"
}
run_cases
