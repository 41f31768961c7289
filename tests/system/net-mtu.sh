#!/bin/bash
# net.mtu: what gets through by its size: ping, UDP, TCP in small pieces and in bulk.
. "$(dirname "$0")/lib.sh"

# Does an echo request with so many bytes of data come back? 28 of headers with IPv4, 48 with IPv6.
echoes() { # NETNS BYTES ADDRESS
	inside "$1" ping -n -c 1 -W 0.5 -s "$2" -M dont "$3" >/dev/null 2>&1 && echo yes || echo no
}
# Bytes over TCP from A to B in that many milliseconds.
bulk() { inside "$A" timeout 8 iperf3 -c 10.99.0.2 -t 1 -J 2>/dev/null | jq '.end.sum_received.bytes // 0 | floor'; }

case_black_hole() {
	need nft-queue && need veth && need ipv6 && need ping && need iperf3 || return
	netns_pair
	served
	referee_before
	shaped net.mtu "netns=$B" 1000B
	is "1000 bytes pass" "$(echoes "$A" 972 10.99.0.2)" yes
	is "1001 do not" "$(echoes "$A" 973 10.99.0.2)" no
	is "over IPv6 1000 do" "$(echoes "$A" 952 fd99::2)" yes
	is "and 1001 do not" "$(echoes "$A" 953 fd99::2)" no
	is "nor what B sends" "$(echoes "$B" 973 10.99.0.1)" no
	sent_to_b 10.99.0.2 5 1
	is "small datagrams come" "$(arrived got)" 5
	# A window of segments on veth is one packet of the kernel: its parts are 1500 bytes each.
	is "of TCP in bulk nothing comes" "$(bulk)" 0
	unshaped
	has "the dose" "$OUT" 'dose .*no packet over 1000 bytes, achieved [1-9][0-9]* of [0-9]+ packets were too large'

	# Larger than a segment, and smaller than what the kernel puts together: all of it passes.
	served
	shaped net.mtu "netns=$B" 1500B
	between "TCP in bulk, in segments that fit" "$(bulk)" 10000000 1e12
	unshaped
	exits "none was too large" 6
	has "said so" "$OUT$ERR" 'none was too large'
	forget iperf3
	referee_after
}
# As a router does: TCP goes on in smaller segments, whoever was told.
case_told() {
	need nft-queue && need veth && need ipv6 && need ping && need iperf3 || return
	local direction
	netns_pair
	for direction in in out; do
		served
		if [ $direction = in ]; then shaped net.mtu "netns=$B" 1300B --tell --direction in; else
			shaped net.mtu "netns=$A" 1300B --tell --direction out
		fi
		between "$direction: TCP in bulk" "$(bulk)" 1000000 1e12
		has "$direction: A has learned the size" "$(inside "$A" ip route get 10.99.0.2)" 'mtu 1300'
		inside "$A" ping -6 -n -c 1 -W 0.5 -s 1400 -M 'do' fd99::2 >/dev/null 2>&1
		has "$direction: over IPv6, too" "$(inside "$A" ip -6 route get fd99::2)" 'mtu 1300'
		is "$direction: what may be fragmented passes" "$(echoes "$A" 1400 10.99.0.2)" yes
		unshaped
		has "$direction: the dose" "$OUT" 'of [1-9][0-9]* the sender was told'
		inside "$A" ip route flush cache
		inside "$A" ip -6 route flush cache
		wait_for 3 eval '! inside "$A" ip route get 10.99.0.2 | grep -q mtu'
	done
}
run_cases
