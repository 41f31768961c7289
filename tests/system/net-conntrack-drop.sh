#!/bin/bash
# net.conntrack-drop: what /proc/net/nf_conntrack shows, and what a stateful firewall lets through.
. "$(dirname "$0")/lib.sh"

NET=$TOP/tests/system/net.py

# Of a namespace, those with this in them.
tracked() { inside "$1" grep -c -- "$2" /proc/net/nf_conntrack; }

case_stateful_firewall() {
	need conntrack && need nft && need veth && need ipv6 || return
	netns_pair
	spawn inside "$B" python3 "$NET" serve 7000 "$DIR/ready"
	wait_for 5 test -e "$DIR/ready"
	inside "$B" sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0
	inside "$B" nft -f - <<-'RULES'
		table inet firewall {
			chain in {
				type filter hook input priority 0; policy accept;
				ct state invalid drop
			}
		}
	RULES
	mkfifo "$DIR/in"
	spawn inside "$A" sh -c "exec python3 '$NET' hold 10.99.0.2 7000 '$DIR/v4' <'$DIR/in'"
	local holder=$PID
	exec {HOLD}>"$DIR/in"
	wait_for 5 grep -q connected "$DIR/v4"
	is "a datagram over IPv6" "$(inside "$A" python3 "$NET" udp fd99::2 7000 1)" ok
	is "TCP is tracked" "$(tracked "$B" 'tcp.*dport=7000')" 1
	is "and UDP" "$(tracked "$B" 'udp.*dport=7000')" 1
	echo one >&"$HOLD"
	check "it answers" wait_for 3 grep -q ok "$DIR/v4"
	referee_before

	run attack net.conntrack-drop --protocol udp --port 7000 --target "netns=$B" --allow irreversible
	exits "the entry of UDP is deleted" 0
	has "the dose" "$OUT" 'dose .*all entries, achieved 1 of 1 entries deleted'
	is "that one is gone" "$(tracked "$B" 'udp.*dport=7000')" 0
	is "and TCP's is there" "$(tracked "$B" 'tcp.*dport=7000')" 1
	run attack net.conntrack-drop --address 10.99.0.1 --target "netns=$B" --allow irreversible
	exits "that of TCP, too" 0
	is "it is gone" "$(tracked "$B" 'tcp.*dport=7000')" 0
	echo two >&"$HOLD"
	check "the firewall does not know the connection" wait_for 5 grep -q timeout "$DIR/v4"
	is "a new one is let through" "$(inside "$A" python3 "$NET" tcp 10.99.0.2 7000 1)" ok
	run attack net.conntrack-drop --port 7 --target "netns=$B" --allow irreversible
	exits "none matches: no effect" 7
	has "said so" "$OUT$ERR" 'no entries matched'
	kill -KILL "$holder"
	wait_for 3 is_gone "$holder"
	forget "^$holder@"
	referee_after
}
run_cases
