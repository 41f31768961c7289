#!/bin/bash
# net.cut: what passes and what the caller sees, for each address family, protocol, direction and
# mode; between two namespaces, from outside squall.
. "$(dirname "$0")/lib.sh"

NET=$TOP/tests/system/net.py

server() { # NETNS PORT
	rm -f "$DIR/ready"
	spawn inside "$1" python3 "$NET" serve "$2" "$DIR/ready"
	wait_for 5 test -e "$DIR/ready"
}
# What a caller in namespace $1 sees: seen NETNS tcp|udp|icmp ADDRESS
seen() {
	case $2 in
	icmp) inside "$1" ping -c1 -W1 "$3" >/dev/null 2>&1 && echo ok || echo timeout ;;
	*) inside "$1" python3 "$NET" "$2" "$3" 7000 0.6 ;;
	esac
}
is_cut() { inside "$1" nft list tables | grep -q squall; }
attack_start() { # NETNS PARAMETERS…
	local ns=$1
	shift
	start attack net.cut "$@" --target "netns=$ns" --for 60s
	wait_for 8 is_cut "$ns" || note "not cut: $(cat "$DIR/err.$RUNNER")"
}
attack_end() {
	kill -INT "$RUNNER"
	finish
}

# The fault sits in namespace B, which serves; A calls. in: what comes to B; out: what leaves B.
matrix() { # MODE DIRECTION
	local proto address wanted want=$1
	netns_pair
	server "$B" 7000
	server "$A" 7000
	referee_before
	attack_start "$B" --mode "$1" --direction "$2"
	for address in 10.99.0.2 fd99::2; do
		for proto in tcp udp icmp; do
			wanted=timeout
			if [ "$want" = reject ] && [ "$2" != out ]; then
				case $proto in tcp | udp) wanted=ECONNREFUSED ;; esac
			fi
			is "A calls B, $proto $address" "$(seen "$A" $proto $address)" "$wanted"
		done
	done
	for address in 10.99.0.1 fd99::1; do
		for proto in tcp udp icmp; do
			wanted=timeout
			if [ "$want" = reject ] && [ "$2" != in ]; then
				case $proto in
				tcp) wanted=ECONNREFUSED ;;
				udp) wanted=EPERM ;; # dropped at local output: the call itself fails
				esac
			fi
			is "B calls A, $proto $address" "$(seen "$B" $proto $address)" "$wanted"
		done
	done
	attack_end
	exits "aborted by the signal" 6
	for address in 10.99.0.2 fd99::2; do
		for proto in tcp udp icmp; do is "afterwards, $proto $address" "$(seen "$A" $proto $address)" ok; done
	done
	referee_after
}
case_silence_both() { need nft && need veth && need ipv6 && need ping && matrix silence both; }
case_silence_in() { need nft && need veth && need ipv6 && need ping && matrix silence in; }
case_silence_out() { need nft && need veth && need ipv6 && need ping && matrix silence out; }
case_reject_both() { need nft-reject && need veth && need ipv6 && need ping && matrix reject both; }
case_reject_in() { need nft-reject && need veth && need ipv6 && need ping && matrix reject in; }
case_reject_out() { need nft-reject && need veth && need ipv6 && need ping && matrix reject out; }

# A connection that stands when the cut begins.
established() { # MODE WANTED
	netns_pair
	server "$B" 7000
	mkfifo "$DIR/lines"
	spawn inside "$A" sh -c "exec python3 '$NET' hold 10.99.0.2 7000 '$DIR/answers' <'$DIR/lines'"
	exec 9>"$DIR/lines"
	check "connected" wait_for 5 grep -q connected "$DIR/answers"
	echo one >&9
	check "it answers" wait_for 3 grep -q ok "$DIR/answers"
	local holder=$PID
	referee_before
	attack_start "$B" --mode "$1"
	echo two >&9
	check "cut: $2" wait_for 5 grep -qE "^($2)$" "$DIR/answers"
	attack_end
	if [ "$1" = silence ]; then
		# TCP sends again when its timer says so, some seconds later at the most.
		answers_again() { echo again >&9 && wait_for 1.1 eval "tail -n1 '$DIR/answers' | grep -q ok"; }
		check "the same connection answers again" wait_for 15 answers_again
	fi
	exec 9>&-
	wait_for 3 is_gone "$holder"
	forget "^$holder@"
	referee_after
}
case_established_silence() { need nft && need veth && established silence timeout; }
case_established_reject() { need nft-reject && need veth && established reject 'ECONNRESET|EOF|EPIPE'; }

case_one_port() {
	need nft && need veth || return
	netns_pair
	server "$B" 7000
	server "$B" 7001
	referee_before
	attack_start "$B" --port 7001
	is "another port passes" "$(seen "$A" tcp 10.99.0.2)" ok
	is "the port is cut" "$(inside "$A" python3 "$NET" tcp 10.99.0.2 7001 0.6)" timeout
	attack_end
	referee_after
}
case_one_address() {
	need nft && need veth || return
	netns_pair
	inside "$A" ip addr add 10.99.0.3/24 dev va
	server "$A" 7000
	referee_before
	attack_start "$B" --address 10.99.0.3
	is "another address passes" "$(seen "$B" tcp 10.99.0.1)" ok
	is "the address is cut" "$(seen "$B" tcp 10.99.0.3)" timeout
	attack_end
	referee_after
}
# The table goes with its helper; what it had counted by then is what the attack did.
case_helper_killed() {
	need nft && need veth || return
	netns_pair
	referee_before
	start attack net.cut --port 7001 --target "netns=$B" --for 60s
	check "it is cut" wait_for 8 is_cut "$B"
	inside "$B" python3 "$NET" tcp 10.99.0.1 7001 2 >/dev/null
	wait_for 5 test -n "$(ours squall-helper)"
	kill -KILL "$(ours squall-helper)"
	wait_for 5 grep -q "its helper died" "$DIR/out.$RUNNER"
	sleep 1.5 # read once a second
	attack_end
	exits "ended by Ctrl-C" 6
	has "its count stays" "$OUT" 'dose .*[1-9][0-9]* packets out'
	has "and the reason is told" "$OUT" 'its helper was ended early'
	referee_after
}
case_one_protocol() {
	need nft && need veth || return
	netns_pair
	server "$B" 7000
	referee_before
	attack_start "$B" --protocol udp
	is "TCP passes" "$(seen "$A" tcp 10.99.0.2)" ok
	is "UDP is cut" "$(seen "$A" udp 10.99.0.2)" timeout
	attack_end
	referee_after
}
case_one_user() {
	need nft && need veth && need setpriv || return
	netns_pair
	server "$A" 7000
	referee_before
	attack_start "$B" --user nobody
	is "root passes" "$(seen "$B" tcp 10.99.0.1)" ok
	is "the user is cut" "$(inside "$B" setpriv --reuid nobody --clear-groups python3 - tcp 10.99.0.1 7000 0.6 <"$NET")" timeout
	attack_end
	referee_after
}
case_one_cgroup() {
	need nft && need veth && need cgroup-v2 || return
	cgroup victim
	ip link set lo up
	server_here
	referee_before
	start attack net.cut --target "cgroup=/$SQ_ID/victim" --for 60s
	check "cut" wait_for 8 eval 'nft list tables | grep -q squall'
	is "outside the group all passes" "$(python3 "$NET" tcp 127.0.0.1 7000 0.6)" ok
	is "inside it is silence" "$(in_cgroup victim python3 "$NET" tcp 127.0.0.1 7000 0.6)" timeout
	attack_end
	referee_after
}
server_here() {
	spawn python3 "$NET" serve 7000 "$DIR/ready"
	wait_for 5 test -e "$DIR/ready"
}
case_host_ports() {
	need nft || return
	server_here
	referee_before
	start attack net.cut --target host --port 7000 --interface lo --for 60s --allow host-wide,control-path
	check "cut" wait_for 8 eval 'nft list tables | grep -q squall'
	is "the port is silent" "$(python3 "$NET" tcp 127.0.0.1 7000 0.6)" timeout
	is "over IPv6 too" "$(python3 "$NET" tcp ::1 7000 0.6)" timeout
	attack_end
	is "afterwards it answers" "$(python3 "$NET" tcp 127.0.0.1 7000 0.6)" ok
	referee_after
}
case_no_packet_is_no_effect() {
	need nft && need veth || return
	netns_pair
	referee_before
	run attack net.cut --port 7 --target "netns=$B" --for 500ms
	exits "nothing matched: no effect, said so" 7
	referee_after
}
run_cases
