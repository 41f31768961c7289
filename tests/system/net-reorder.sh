#!/bin/bash
# net.reorder: in which order numbered datagrams arrive.
. "$(dirname "$0")/lib.sh"

case_goes_ahead() {
	need nft-queue && need veth && need ipv6 || return
	netns_pair
	referee_before
	# 20 % of 400: a standard deviation of 8, of which five are allowed.
	shaped net.reorder "netns=$B" 20% --delay 20ms --protocol udp --port 5000
	sent_to_b 10.99.0.2 400 1
	is "all arrive" "$(arrived distinct)" 400
	is "once" "$(arrived twice)" 0
	between "before one that was sent before" "$(arrived early)" 38 122
	unshaped
	has "the dose" "$OUT" 'dose .*20%.* of 400 packets went ahead'

	shaped net.reorder "netns=$B" 100% --gap 5 --delay 20ms --protocol udp --port 5000
	sent_to_b fd99::2 100 1
	is "all arrive over IPv6" "$(arrived distinct)" 100
	between "every fifth goes ahead" "$(arrived early)" 19 20
	unshaped
	sent_to_b fd99::2 50 1
	is "afterwards in order" "$(arrived early)" 0
	run attack net.reorder 50% --port 7 --target "netns=$B" --for 300ms
	exits "nothing matched: no effect" 7
	referee_after
}
run_cases
