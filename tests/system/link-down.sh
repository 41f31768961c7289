#!/bin/bash
# link.down: what hung on a device is back afterwards, as ip lists it; in namespaces.
. "$(dirname "$0")/lib.sh"

# All of what ip says of B, less what counts by itself.
listed() {
	inside "$B" ip -d addr 2>/dev/null | sed 's/ tentative//'
	inside "$B" ip -4 route show table all
	inside "$B" ip -6 route show table all
	inside "$B" ip neigh show nud permanent
	inside "$B" ip neigh show proxy
	inside "$B" ip rule
}
settled() { ! inside "$B" ip addr | grep -q tentative; }
is_down() { ! inside "$B" ip link show dev vb | grep -q '[<,]UP[,>]'; }
bed() {
	netns_pair
	# of every kind, and in an order that is not that of their numbers
	inside "$B" ip -batch - <<-'LINES'
		addr add 10.98.0.9/24 dev vb label vb:x
		addr add 10.98.0.3/24 dev vb
		addr add 10.97.0.1/32 dev vb noprefixroute
		route add 10.50.0.0/16 via 10.99.0.1 dev vb metric 77 mtu 1400
		route add 10.51.0.0/16 via 10.99.0.1 dev vb table 100 src 10.98.0.9
		route add 10.52.0.7/32 dev vb scope link proto static
		route add default via 10.99.0.1
		neigh add 10.99.0.77 lladdr 02:00:00:00:00:77 dev vb nud permanent
		neigh add proxy 10.99.0.78 dev vb
		rule add to 10.51.0.0/16 lookup 100
	LINES
	inside "$B" ip -6 -batch - <<-'LINES'
		addr add fd97::5/64 dev vb nodad
		addr add fd97::3/64 dev vb
		addr add fd96::1/128 dev vb nodad noprefixroute
		route add fd50::/16 via fd99::1 dev vb metric 5
		route add fd51::/16 via fd99::1 dev vb table 100
		route add default via fd99::1
		route del fd97::/64 dev vb
		neigh add fd99::77 lladdr 02:00:00:00:00:77 dev vb nud permanent
		neigh add proxy fd99::78 dev vb
	LINES
	wait_for 5 settled
	listed >"$DIR/listed"
}

case_all_comes_back() {
	need veth && need ipv6 && need ping || return
	bed
	referee_before
	start attack link.down vb --target "netns=$B" --for 60s
	check "it is down" wait_for 5 is_down
	is "an address of IPv6 went" "$(inside "$B" ip -6 addr show dev vb | grep -c fd97)" 0
	check_not "nothing passes" inside "$A" ping -c1 -W0.3 10.99.0.2
	kill -INT "$RUNNER"
	finish
	exits "ended by Ctrl-C" 6
	has "the dose" "$OUT" 'dose .*1 device down, achieved 1 set down; [1-9][0-9]* addresses'
	wait_for 5 settled
	is "all is as ip listed it" "$(listed | diff "$DIR/listed" -)" ""
	check "it passes again" wait_for 5 inside "$A" ping -c1 -W1 10.99.0.2
	check "over IPv6, too" wait_for 5 inside "$A" ping -6 -c1 -W1 fd99::2
	inside "$A" ip neigh flush dev va
	referee_after

	inside "$B" ip link add link vb name vb.7 type vlan id 7 2>/dev/null &&
		{
			run attack link.down vb --target "netns=$B" --for 300ms
			exits "with a VLAN on it: refused" 3
			inside "$B" ip link del vb.7
		}
	run attack link.down nosuch --target "netns=$B" --for 300ms
	has "no such device: said so" "$OUT$ERR" 'no network device "nosuch"'
}
# SIGKILL to all: it stays down, until undo.
case_all_killed() {
	need veth && need ipv6 || return
	bed
	referee_before
	start attack link.down vb --target "netns=$B" --for 60s
	check "it is down" wait_for 5 is_down
	kill_all
	check "it stays down when all are killed" is_down
	run undo
	exits "undo" 0
	wait_for 5 settled
	is "all is as ip listed it" "$(listed | diff "$DIR/listed" -)" ""
	referee_after "residue 0" 5
}
run_cases
