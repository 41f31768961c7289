#!/bin/bash
# The filters of network faults, and the table of what they reach: each address family, protocol and
# direction; from outside squall.
. "$(dirname "$0")/lib.sh"

CELLS=$TOP/tests/system/cells.py
NET=$TOP/tests/system/net.py

can() { need nft && need nft-queue && need veth && need ipv6 && need ping; }
in_effect() { inside "$1" nft list tables | grep -q squall; }
attack_start() { # NETNS FAULT PARAMETERS…
	local ns=$1
	shift
	start attack "$@" --target "netns=$ns" --for 60s --seed 7
	wait_for 8 in_effect "$ns" || note "not in effect: $(cat "$DIR/err.$RUNNER")"
}
attack_end() {
	kill -INT "$RUNNER"
	finish
}
cells_serve() {
	spawn inside "$B" python3 "$CELLS" serve "$DIR/cells"
	wait_for 5 test -S "$DIR/cells"
}
# asker NETNS V4 V6: all cells at once, by `asked`; their lines are in $DIR/table.
asker() {
	rm -f "$DIR/orders"
	mkfifo "$DIR/orders"
	# shellcheck disable=SC2016  # for the inner shell
	spawn inside "$1" sh -c 'exec python3 "$0" ask "$1" "$2" "$3" <"$4" >>"$5"' "$CELLS" "$DIR/cells" "$2" "$3" "$DIR/orders" "$DIR/table"
	exec 9>"$DIR/orders"
}
asker_end() {
	exec 9>&-
	wait_for 5 is_gone "$PID"
	forget "^$PID@"
}
# Connections that stand when the attack begins.
opened() {
	: >"$DIR/table"
	echo open >&9
	wait_for 8 grep -q opened "$DIR/table"
}
asked() {
	: >"$DIR/table"
	echo go >&9
	wait_for 8 grep -q end "$DIR/table"
}
# cells DESCRIPTION ARRIVED LEAST MOST: what every cell must say; LEAST "-": no answer.
cells() {
	local cell arrived ms n=0
	while read -r cell arrived ms; do
		[ "$cell" != end ] || break
		n=$((n + 1))
		# A handshake whose answer is cut has carried nothing.
		case $cell$2$3 in connect?arrived-) arrived=arrived ;; esac
		if [ "$arrived" != "$2" ] || { [ "$3" = - ] && [ "$ms" != - ]; } ||
			{ [ "$3" != - ] && { [ "$ms" = - ] || [ "$ms" -lt "$3" ] || [ "$ms" -gt "$4" ]; }; }; then
			nok "$1, $cell: $arrived $ms"
		fi
	done < <(tr -d '\0' <"$DIR/table")
	is "$1: all cells" "$n" 10
}

case_table() {
	can || return
	local way arrived row
	netns_pair
	cells_serve
	asker "$A" 10.99.0.2 fd99::2
	check "connected" opened
	asked
	cells "without a fault" arrived 0 45
	referee_before
	attack_start "$B" net.delay 50ms
	asked
	cells "delay of what comes in" arrived 50 120
	attack_end
	for row in "net.cut" "net.loss 100%"; do
		for way in in out; do
			arrived=arrived
			[ $way = out ] || arrived=-
			opened
			# shellcheck disable=SC2086  # words
			attack_start "$B" $row --direction $way
			asked
			cells "$row, $way" $arrived - -
			attack_end
		done
	done
	asker_end
	# What goes out is held back on loopback: request and answer, each as it goes.
	asker "$B" 127.0.0.1 ::1
	check "connected on loopback" opened
	attack_start "$B" net.delay 50ms --interface lo --direction out
	asked
	cells "delay of what goes out" arrived 100 190
	attack_end
	asker_end
	referee_after
}
seen() { inside "$1" python3 "$NET" "$2" "$3" 7000 0.5; }
case_excluded() {
	need nft && need veth && need ipv6 || return
	netns_pair
	cells_serve
	inside "$A" ip addr add 10.99.0.3/24 dev va
	referee_before
	attack_start "$B" net.cut --from 10.99.0.0/24 --from ^10.99.0.3 --port ^443 --interface ^lo
	is "an address that is named is cut" "$(pings 10.99.0.1)" 1
	is "one that is excluded passes" "$(pings 10.99.0.3)" 0
	is "and another family" "$(seen "$A" udp fd99::2)" ok
	is "an excluded port passes" "$(inside "$A" python3 "$NET" udp 10.99.0.2 443 0.5)" ok
	is "another port is cut" "$(seen "$A" udp 10.99.0.2)" timeout
	attack_end
	run attack net.cut --address 10.0.0.7 --address ^10.0.0.0/8 --target "netns=$B" --for 1s
	exits "nothing left: refused" 2
	referee_after
}
pings() { # SOURCE
	inside "$A" ping -c1 -W1 -I "$1" 10.99.0.2 >/dev/null 2>&1
	echo $?
}
case_share_of_flows() {
	need nft && need veth && need ipv6 || return
	local in out six cut
	netns_pair
	cells_serve
	referee_before
	attack_start "$B" net.cut --flows 30% --direction in
	in=$(inside "$A" python3 "$CELLS" flows 10.99.0.2 300 20000)
	six=$(inside "$A" python3 "$CELLS" flows fd99::2 300 20000)
	attack_end
	attack_start "$B" net.cut --flows 30% --direction out
	out=$(inside "$A" python3 "$CELLS" flows 10.99.0.2 300 20000)
	attack_end
	cut=${in//[!n]/}
	# Four standard deviations of a binomial.
	between "so many of 300 flows are cut" ${#cut} 58 122
	cut=${six//[!n]/}
	between "over IPv6" ${#cut} 58 122
	cut=$in$six$out
	is "each as a whole" "${cut//[!s]/}" ""
	is "the same ones in the other direction" "$out" "$in"
	attack_start "$B" net.cut --packets 50% --direction in
	has "a share of packets is not of flows" "$(inside "$A" python3 "$CELLS" flows 10.99.0.2 100 20000)" s
	attack_end
	referee_after
}
case_new_and_established() {
	need nft && need veth && need ipv6 && need ping || return
	netns_pair
	cells_serve
	asker "$A" 10.99.0.2 fd99::2
	check "connected" opened
	referee_before
	attack_start "$B" net.cut --connections new
	asked
	is "new: what stands lives, what is made does not, the rest passes" "$(answered)" "icmp4 icmp6 quic4 quic6 stand4 stand6 udp4 udp6"
	attack_end
	attack_start "$B" net.cut --connections established --direction in
	asked
	is "established: the other way round" "$(answered)" "connect4 connect6 icmp4 icmp6 quic4 quic6 udp4 udp6"
	attack_end
	asker_end
	referee_after
}
answered() { sed -n 's/^\([a-z]*[46]\) .* [0-9][0-9]*$/\1/p' "$DIR/table" | tr '\n' ' ' | sed 's/ $//'; }
case_unreachable() {
	need nft-reject && need veth && need ipv6 && need ping || return
	netns_pair
	referee_before
	attack_start "$B" net.cut --mode unreachable
	is "a caller is told" "$(inside "$A" python3 "$NET" tcp 10.99.0.2 7000 4)" EHOSTUNREACH
	is "over IPv6" "$(inside "$A" python3 "$NET" tcp fd99::2 7000 4)" EHOSTUNREACH
	is "and who calls from there" "$(inside "$B" python3 "$NET" tcp 10.99.0.1 7000 4)" EHOSTUNREACH
	has "ping says it" "$(inside "$A" ping -c1 -W1 10.99.0.2)" 'Destination Host Unreachable'
	attack_end
	referee_after
}
passes() { [ "$(pings "$1")" = 0 ]; }
# A name that gets another address while the attack is in effect, and then none.
case_names() {
	need nft && need veth && need ipv6 && need ping || return
	netns_pair
	inside "$A" ip addr add 10.99.0.3/24 dev va
	echo '10.99.0.1 db.test' >"$DIR/hosts"
	mount --bind "$DIR/hosts" /etc/hosts
	referee_before
	attack_start "$B" net.cut --from db.test
	is "its address is cut" "$(pings 10.99.0.1)" 1
	is "another passes" "$(pings 10.99.0.3)" 0
	echo '10.99.0.3 db.test' >"$DIR/hosts"
	check "the old address leaves" wait_for 8 passes 10.99.0.1
	is "the new one has come" "$(pings 10.99.0.3)" 1
	: >"$DIR/hosts"
	check "without an answer it is said" wait_for 15 grep -q 'addresses that were known stay' "$DIR/out.$RUNNER"
	is "and the last address stays" "$(pings 10.99.0.3)" 1
	attack_end
	has "the change was said" "$OUT" '"db.test" is 10.99.0.3 now'
	run attack net.cut --address db.test --target "netns=$B" --for 1s
	exits "a name that nobody knows: before any harm" 3
	referee_after
	umount /etc/hosts
}
run_cases
