#!/bin/bash
# net.duplicate: what arrives twice, by ping's count and a receiver's.
. "$(dirname "$0")/lib.sh"

case_twice() {
	need nft-queue && need veth && need ipv6 && need ping || return
	local address
	netns_pair
	referee_before
	# 20 % of 500: a standard deviation of 8.9, of which five are allowed.
	shaped net.duplicate "netns=$B" 20% --protocol icmp
	pinged "$A" 10.99.0.2 500 0.001
	is "none is lost" "$CAME" 500
	between "came twice of 500" "$DOUBLED" 55 145
	unshaped
	# ping does not wait for the copy of the last answer
	has "the dose is the referee's count" "$OUT" "dose .*20%.* ($DOUBLED|$((DOUBLED + 1))) of 500 packets"

	shaped net.duplicate "netns=$B" 100% --protocol udp --port 5000
	for address in 10.99.0.2 fd99::2; do
		sent_to_b $address 50 1
		is "$address: all arrive" "$(arrived distinct)" 50
		is "$address: each twice, and no more" "$(arrived twice)" 50
		is "$address: unchanged" "$(arrived changed)" 0
	done
	unshaped
	run attack net.duplicate 100% --port 7 --target "netns=$B" --for 300ms
	exits "nothing matched: no effect" 7
	referee_after
}
run_cases
