#!/bin/bash
# route.blackhole: what a program sees, and ip; foreign rules and routes stay as they were.
. "$(dirname "$0")/lib.sh"

NET=$TOP/tests/system/net.py

seen() { inside "$A" python3 "$NET" tcp "$1" 7000 0.6; }
rules() { inside "$A" ip rule; inside "$A" ip -6 rule; }
foreign() {
	rules | grep -v 'proto 92'
	inside "$A" ip route show table all
	inside "$A" ip -6 route show table all
}
bed() {
	netns_pair
	spawn inside "$B" python3 "$NET" serve 7000 "$DIR/ready"
	wait_for 5 test -e "$DIR/ready"
	# what others have there, at the same priority too
	inside "$A" ip route add 10.50.0.0/16 via 10.99.0.2 table 77
	inside "$A" ip rule add pref 1 to 10.50.0.0/16 lookup 77
	inside "$A" ip -6 rule add pref 1 to fd50::/16 prohibit
	foreign >"$DIR/foreign"
}
is_in() { [ "$(rules | grep -c 'proto 92')" = "$1" ]; }

case_each_mode() {
	need veth && need ipv6 || return
	local mode v4 v6
	bed
	referee_before
	for mode in blackhole unreachable prohibit; do
		case $mode in
		blackhole) v4=EINVAL v6=EINVAL ;;
		unreachable) v4=ENETUNREACH v6=ENETUNREACH ;;
		prohibit) v4=EACCES v6=EACCES ;;
		esac
		start attack route.blackhole 10.99.0.2 fd99::2 --mode $mode --target "netns=$A" --for 60s
		check "$mode: two rules" wait_for 5 is_in 2
		is "$mode: IPv4" "$(seen 10.99.0.2)" $v4
		is "$mode: IPv6" "$(seen fd99::2)" $v6
		is "$mode: all else is as it was" "$(foreign | diff - "$DIR/foreign")" ""
		kill -INT "$RUNNER"
		finish
		has "$mode: the dose" "$OUT" "dose .*$mode of 2 destinations, achieved 2 that could be reached before cannot"
		is "$mode: afterwards" "$(seen 10.99.0.2) $(seen fd99::2)" "ok ok"
	done
	# an address of its own; and one that could not be reached before
	run attack route.blackhole 10.99.0.1 --target "netns=$A" --for 300ms
	exits "its own address: no effect" 7
	run attack route.blackhole fd50::1 --target "netns=$A" --for 300ms
	exits "out of reach before: no effect" 7
	has "said so" "$OUT$ERR" 'could not be reached before'
	referee_after
}
case_one_user() {
	need veth && need ipv6 && need setpriv || return
	bed
	referee_before
	start attack route.blackhole 10.99.0.2 --user nobody --target "netns=$A" --for 60s
	check "a rule" wait_for 5 is_in 1
	is "root passes" "$(seen 10.99.0.2)" ok
	is "the user is refused" "$(inside "$A" setpriv --reuid nobody --clear-groups python3 - tcp 10.99.0.2 7000 0.6 <"$NET")" EINVAL
	# another run cannot have the same
	run attack route.blackhole 10.99.0.2 --mode prohibit --target "netns=$A" --for 1s
	exits "another run on it is refused" 4
	# All at once: the rule is the kernel's, and undo takes it out.
	kill_all
	check "it stays when all are killed" is_in 1
	run undo
	exits "undo" 0
	is "it is gone" "$(seen 10.99.0.2)" ok
	referee_after
}
run_cases
