#!/bin/bash
# net.slow-close: in which state connections stand after they were closed, by ss.
. "$(dirname "$0")/lib.sh"

NET=$TOP/tests/system/net.py

in_state() { # NETNS STATE
	inside "$1" ss -Htn state "$2" dport = :7000 | grep -c .
}
is_in() { [ "$(in_state "$1" "$2")" = "$3" ]; }

case_lingers() {
	need nft-queue && need veth && need ipv6 && need ss || return
	local address began
	netns_pair
	spawn inside "$B" python3 "$NET" serve 7000 "$DIR/ready"
	wait_for 5 test -e "$DIR/ready"
	referee_before
	shaped net.slow-close "netns=$B" 700ms --port 7000
	for address in 10.99.0.2 fd99::2; do
		began=$(now_ms)
		is "$address: what is said before comes at once" "$(inside "$A" python3 "$NET" tcp $address 7000 0.5)" ok
		check "$address: who closed lingers" wait_for 1 is_in "$A" fin-wait-1 1
		is "$address: its peer does not know" "$(inside "$B" ss -Htn state established sport = :7000 | grep -c .)" 1
		check "$address: and then it ends" wait_for 3 is_in "$A" fin-wait-1 0
		between "$address: after that time (ms)" $(($(now_ms) - began)) 690 1500
	done
	unshaped
	has "the dose" "$OUT" 'dose .*700ms for each FIN, achieved 70[0-9.]*ms .* on [0-9]+ packets'

	# A reset is no FIN; with resets it is held back, too.
	reset() { inside "$A" python3 -c 'import socket, struct
s = socket.create_connection(("10.99.0.2", 7000))
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()'; }
	none_left() { [ -z "$(inside "$B" ss -Htn state established sport = :7000)" ]; }
	shaped net.slow-close "netns=$B" 2s --port 7000
	reset
	check "a reset comes at once" wait_for 1 none_left
	unshaped
	exits "nothing was held back: no effect" 6
	shaped net.slow-close "netns=$B" 700ms --port 7000 --resets
	reset
	check_not "a reset takes its time" none_left
	check "and comes" wait_for 3 none_left
	unshaped
	referee_after
}
run_cases
