#!/bin/bash
# net.reset: what both ends of a connection see, and ss; in namespaces.
. "$(dirname "$0")/lib.sh"

NET=$TOP/tests/system/net.py

# held NAME NETNS ADDRESS PORT: a connection that answers lines of fd HOLD_IN with lines in $DIR/NAME.
held() {
	mkfifo "$DIR/$1.in"
	spawn inside "$2" sh -c "exec python3 '$NET' hold $3 $4 '$DIR/$1' <'$DIR/$1.in'"
	exec {HOLD_IN}>"$DIR/$1.in"
	wait_for 5 grep -q connected "$DIR/$1"
}
established() { inside "$1" ss -Htn state established "${@:2}" | grep -c .; }
served_at() { # NETNS PORT
	rm -f "$DIR/ready"
	spawn inside "$1" python3 "$NET" serve "$2" "$DIR/ready"
	wait_for 5 test -e "$DIR/ready"
	SERVER=$PID
}

case_once() {
	need sock-destroy && need veth && need ipv6 || return
	netns_pair
	served_at "$B" 7000
	served_at "$B" 7001
	held v4 "$A" 10.99.0.2 7000
	local in4=$HOLD_IN v4=$PID
	held v6 "$A" fd99::2 7000
	local in6=$HOLD_IN v6=$PID
	held other "$A" 10.99.0.2 7001
	local other=$HOLD_IN
	is "three stand" "$(established "$B")" 3
	referee_before
	run attack net.reset --port 7000 --target "netns=$B" --allow irreversible
	exits "two of three are gone" 0
	has "the dose" "$OUT" 'dose .*all connections, achieved 2 of 2 connections destroyed'
	is "ss in B sees the third alone" "$(established "$B")" 1
	echo one >&"$in4"
	echo one >&"$in6"
	echo one >&"$other"
	check "the client is reset" wait_for 3 grep -qE 'ECONNRESET|EPIPE|EOF' "$DIR/v4"
	check "over IPv6, too" wait_for 3 grep -qE 'ECONNRESET|EPIPE|EOF' "$DIR/v6"
	check "another port's answers" wait_for 3 grep -q ok "$DIR/other"
	is "a new one is let through" "$(inside "$A" python3 "$NET" tcp 10.99.0.2 7000 1)" ok
	kill -KILL "$v4" "$v6"
	wait_for 3 eval "is_gone $v4 && is_gone $v6"
	forget "^$v4@"
	forget "^$v6@"
	referee_after

	run attack net.reset --port 7000 --target "netns=$B" --allow irreversible
	exits "none matches: no effect" 7
	has "said so" "$OUT$ERR" 'no connections matched'
	run attack net.reset --port 7001 --target "netns=$B"
	exits "it has to be allowed" 4
	is "and nothing was done" "$(established "$B")" 1
}
# One of two servers in one namespace; again and again.
case_process_each_second() {
	need sock-destroy && need veth || return
	netns_pair
	served_at "$B" 7000
	local one=$SERVER
	served_at "$B" 7001
	held other "$A" 10.99.0.2 7001
	# shellcheck disable=SC2016  # for the inner shell
	spawn inside "$A" python3 -c 'import socket, time
while True:
	try:
		s = socket.create_connection(("10.99.0.2", 7000), 1)
		s.recv(1)
	except OSError:
		pass
	time.sleep(0.05)'
	wait_for 5 eval "[ \"\$(established $B)\" = 2 ]"
	start attack net.reset --every 1s --target "process.pid=$one" --for 2500ms --allow irreversible
	finish
	exits "it ends by its time" 0
	has "each time the one that had come" "$OUT" 'dose .*each 1s, achieved [34] of [34] connections destroyed'
	is "the neighbour's stands" "$(established "$B" sport = :7001)" 1
}
run_cases
