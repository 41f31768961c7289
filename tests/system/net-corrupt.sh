#!/bin/bash
# net.corrupt: what the receiver's kernel throws away, and what its application gets wrong.
. "$(dirname "$0")/lib.sh"

# Datagrams that B's kernel has found to be damaged, of both families.
bad_sums() { inside "$B" awk '/^Udp: [0-9]/ { n += $8 } /^Udp6InCsumErrors/ { n += $2 } END { print n + 0 }' /proc/net/snmp /proc/net/snmp6; }

case_left_wrong_and_mended() {
	need nft-queue && need veth && need ipv6 || return
	local address before
	netns_pair
	referee_before
	shaped net.corrupt "netns=$B" 100% --protocol udp --port 5000
	for address in 10.99.0.2 fd99::2; do
		before=$(bad_sums)
		sent_to_b $address 50 1
		is "$address: the application gets none" "$(arrived got)" 0
		between "$address: the kernel counts them" $(($(bad_sums) - before)) 40 50
	done
	unshaped
	has "the dose" "$OUT" 'dose .*100%.* 100 of 100 packets'

	shaped net.corrupt "netns=$B" 100% --mend --protocol udp --port 5000
	for address in 10.99.0.2 fd99::2; do
		sent_to_b $address 50 1
		# Where a bit of a port was the one it went elsewhere.
		between "$address, mended: the application gets wrong data" "$(arrived changed)" 40 50
		is "$address, mended: and none that is right" "$(arrived distinct)" 0
	done
	unshaped
	sent_to_b 10.99.0.2 20 1
	is "afterwards all come as they were" "$(arrived distinct)" 20
	run attack net.corrupt 100% --port 7 --target "netns=$B" --for 300ms
	exits "nothing matched: no effect" 7
	referee_after
}
run_cases
