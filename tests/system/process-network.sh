#!/bin/bash
# Network faults on one of two identical processes in one namespace: its sockets are hit, established, new and
# accepted, and the neighbour's are not; afterwards no socket has a mark that it had not before.
. "$(dirname "$0")/lib.sh"

NET=$TOP/tests/system/net.py

# Two like each other in namespace B, on ports 7000 and 7001; the first is $HIT.
twins() {
	local port
	netns_pair
	for port in 7000 7001; do
		rm -f "$DIR/ready"
		spawn inside "$B" python3 "$NET" serve $port "$DIR/ready"
		wait_for 5 test -e "$DIR/ready"
		[ $port = 7001 ] || HIT=$PID
	done
}
is_hit() { inside "$B" nft list tables | grep -q squall; }
hit_start() { # FAULT PID PARAMETERS…
	start attack "$1" "${@:3}" --target "process.pid=$2" --for 60s
	wait_for 10 is_hit || note "not hit: $(cat "$DIR/err.$RUNNER")"
}
hit_end() {
	kill -INT "$RUNNER"
	finish
	exits "aborted by the signal" 6
	has "nothing is left" "$OUT" 'clean-up clean'
}
marks() { inside "$B" ss -Htuane | grep -c fwmark; }
seen() { inside "$A" python3 "$NET" "$1" "$2" "$3" 0.4; } # tcp|udp ADDRESS PORT

# A line to a process that reads from file descriptor $1 and answers in the file $2: what it says.
told() {
	local before
	before=$(wc -l <"$2")
	echo "$3" >&"$1"
	wait_for 4 eval "[ \$(wc -l <'$2') -gt $before ]"
	tail -n1 "$2"
}

case_cut_what_it_serves() {
	need nft && need veth && need ipv6 && need ss || return
	local address proto pid held=()
	twins
	mkfifo "$DIR/hit" "$DIR/spared"
	spawn inside "$A" sh -c "exec python3 '$NET' hold 10.99.0.2 7000 '$DIR/hit.says' <'$DIR/hit'"
	held+=("$PID")
	exec 8>"$DIR/hit"
	spawn inside "$A" sh -c "exec python3 '$NET' hold fd99::2 7001 '$DIR/spared.says' <'$DIR/spared'"
	held+=("$PID")
	exec 9>"$DIR/spared"
	check "both are connected" wait_for 5 grep -q connected "$DIR/hit.says" "$DIR/spared.says"
	is "it answers" "$(told 8 "$DIR/hit.says" one)" ok
	referee_before
	hit_start net.cut "$HIT"
	is "its sockets are marked: two that listen, two for datagrams, one accepted" "$(marks)" 5
	for address in 10.99.0.2 fd99::2; do
		for proto in tcp udp; do
			is "one is cut, $proto $address" "$(seen $proto $address 7000)" timeout
			is "the other is not, $proto $address" "$(seen $proto $address 7001)" ok
		done
	done
	is "nor is its established connection" "$(told 9 "$DIR/spared.says" two)" ok
	is "the one's is" "$(told 8 "$DIR/hit.says" two)" timeout
	hit_end
	check "the same connection answers again" wait_for 15 eval "[ \"\$(told 8 '$DIR/hit.says' again)\" = ok ]"
	is "a new one, too" "$(seen tcp fd99::2 7000)" ok
	is "no socket is marked" "$(marks)" 0
	exec 8>&- 9>&-
	for pid in "${held[@]}"; do
		wait_for 3 is_gone "$pid"
		forget "^$pid@"
	done
	referee_after
}
# What the process opens itself, while it is attacked: by the program in the kernel, or found by looking. And
# sockets that have marks already: other bits stay, and who uses ours is left out.
case_reject_what_it_opens() {
	need nft-reject && need veth && need ss && need bpf-sock-create || return
	local file pids=()
	twins
	for file in one two; do
		mkfifo "$DIR/$file"
		spawn inside "$B" sh -c "exec python3 '$NET' dial 7001 '$DIR/$file.says' 0x10000 0x5 <'$DIR/$file'"
		pids+=("$PID")
	done
	exec 8>"$DIR/one" 9>"$DIR/two"
	check "both are ready" wait_for 5 eval "grep -q ready '$DIR/one.says' && grep -q ready '$DIR/two.says'"
	referee_before
	hit_start net.cut "${pids[0]}" --mode reject --direction out
	has "other bits stay beside the mark" "$(inside "$B" ss -Huane)" 'fwmark:0x1[0-9a-f]{4}'
	is "one is refused, IPv4" "$(told 8 "$DIR/one.says" 127.0.0.1)" ECONNREFUSED
	is "one is refused, IPv6" "$(told 8 "$DIR/one.says" ::1)" ECONNREFUSED
	is "the other is not, IPv4" "$(told 9 "$DIR/two.says" 127.0.0.1)" ok
	is "the other is not, IPv6" "$(told 9 "$DIR/two.says" ::1)" ok
	hit_end
	has "the dose tells who was left out" "$OUT" 'dose .* 1 socket left out'
	is "afterwards" "$(told 8 "$DIR/one.says" 127.0.0.1)" ok
	referee_after
	exec 8>&- 9>&-
}
case_delay() {
	need nft-queue && need veth && need ss || return
	twins
	referee_before
	start attack net.delay 100ms --target "process.pid=$HIT" --for 60s
	wait_for 10 is_put "$B" || note "not put: $(cat "$DIR/err.$RUNNER")"
	between "one is late" "$(inside "$A" python3 "$NET" ask 10.99.0.2 7000)" 100 160
	between "one is late, IPv6" "$(inside "$A" python3 "$NET" ask fd99::2 7000)" 100 160
	between "the other is not" "$(inside "$A" python3 "$NET" ask 10.99.0.2 7001)" 0 60
	hit_end
	referee_after
}
# The table ends with its holder; the marks, which do nothing then, are taken off by undo: also one that a
# child has by then.
case_all_killed() {
	need nft && need veth && need ss || return
	netns_pair
	spawn inside "$B" python3 -c "
import os, signal, socket
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
s = socket.create_server(('10.99.0.2', 7000))
while True:
    c = s.accept()[0]
    if os.fork() == 0:
        s.close()
        while c.send(c.recv(100)):
            pass
        os._exit(0)
    c.close()"
	wait_for 5 eval "inside '$B' ss -Hltn | grep -q :7000"
	local victim=$PID
	referee_before
	hit_start net.cut "$victim" --direction in --protocol udp
	mkfifo "$DIR/lines"
	spawn inside "$A" sh -c "exec python3 '$NET' hold 10.99.0.2 7000 '$DIR/says' <'$DIR/lines'"
	exec 9>"$DIR/lines"
	check "a child serves" wait_for 5 grep -q connected "$DIR/says"
	is "it answers" "$(told 9 "$DIR/says" one)" ok
	is "listener and accepted socket are marked" "$(marks)" 2
	kill_all
	check "the table is gone" wait_for 1 eval '! is_hit'
	is "it answers still" "$(told 9 "$DIR/says" two)" ok
	is "marks are left" "$(marks)" 2
	run undo
	exits "squall undo" 0
	is "no socket is marked" "$(marks)" 0
	is "it answers as before" "$(told 9 "$DIR/says" three)" ok
	exec 9>&-
	check "the child ends" wait_for 5 eval "[ -z \"\$(pgrep -P $victim)\" ]"
	referee_after "residue 0" 2
}
run_cases
